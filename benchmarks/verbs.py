"""Measure what verbs other than replay cost on a long log, beside what hashing alone takes.

    python benchmarks/verbs.py [EVENTS]

Prints for each verb the processor time beyond the start-up of `evlog replay`, as a multiple of what hashlib takes to
extend two banks as often as the log has events, and the most memory beyond the log and what is written. Medians of
three; a hundred thousand events are the default.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made import write
from run import SMALL, evlog


def bare(events: int) -> float:
    """Seconds of extending two registers so many times."""
    values, digests = [bytes(32), bytes(48)], (bytes(32), bytes(48))
    began = time.process_time()
    for _ in range(events):
        values[0] = hashlib.sha256(values[0] + digests[0]).digest()
        values[1] = hashlib.sha384(values[1] + digests[1]).digest()
    return time.process_time() - began


def spent(words: list[str], lines: int | None) -> tuple[float, int]:
    """Processor seconds and most memory of a command, of which only so many lines are read."""
    process = subprocess.Popen(evlog(*words), stdout=subprocess.PIPE if lines else subprocess.DEVNULL)
    if process.stdout is not None:
        for _ in range(lines or 0):
            process.stdout.readline()
        process.stdout.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def size_of(out: Path) -> int:
    """Bytes of a file, or of the files in a folder; 0 if there is neither."""
    return sum(path.stat().st_size for path in (out, *out.rglob("*")) if path.is_file())


def median(words: list[str], lines: int | None = None, out: Path | None = None) -> tuple[float, int]:
    """The medians of three runs, of which each writes anew what ``out`` names."""
    runs = []
    for _ in range(3):
        if out is not None and out.is_dir():
            shutil.rmtree(out)
        elif out is not None:
            out.unlink(missing_ok=True)
        runs.append(spent(words, lines))
    seconds, most = zip(*runs, strict=True)
    return statistics.median(seconds), int(statistics.median(most))


def main(events: int) -> None:
    """Make the log, and let each verb run on it."""
    with tempfile.TemporaryDirectory() as folder:
        log, tlv, cbor, cel, own, out = (Path(folder) / name for name in ("log", "tlv", "cbor", "cel", "own", "out"))
        write("tcg2", log, events)
        for to, path in ("cel-tlv", tlv), ("cel-cbor", cbor), ("cel-json", cel), ("evlog-json", own):
            spent(["convert", str(log), "--to", to, "-o", str(path)], None)
        floor = statistics.median(bare(events) for _ in range(3))
        start, _ = median(["replay", str(SMALL)])
        print(f"{events} events, bare hashlib extends: {floor:.3f} s, start-up: {start:.3f} s")
        rows: dict[str, tuple[list[str], Path, int | None]] = {
            "show, and head -5": (["show", str(log)], log, 5),
            "show --jsonl, and head -5": (["show", "--jsonl", str(log)], log, 5),
            "show": (["show", str(log)], log, None),
            "show --jsonl": (["show", "--jsonl", str(log)], log, None),
            "diff with itself": (["diff", str(log), str(log)], log, None),
        }
        blank, letters, more = (Path(folder) / name for name in ("blank", "letters", "more"))
        head = b"INIT sha384/" + b"0" * 96 + b"\n"
        alphabet = b"".join(b"%c\n" % (97 + place % 26) for place in range(events))
        blank.write_bytes(head + b"\n" * events)
        letters.write_bytes(head + alphabet)
        more.write_bytes(b"z\n" + alphabet)
        told = ["--register", "rtmr:3", "--from", "text", "--dialect", "nelr"]
        for name, one in (("blank", blank), ("one-letter", letters)):
            rows[f"show {name} lines"] = ["show", str(one), *told], one, None
            words = ["convert", str(one), "--to", "cel-tlv", "-o", str(out), *told]
            rows[f"{name} lines to cel-tlv"] = words, one, None
        words = ["merge", str(letters), str(more), "--to", "text", "-o", str(out), *told]
        rows["merge one-letter lines"] = words, letters, None
        rows["split tcg2"] = ["split", str(log), "--files", "-o", str(out)], log, None
        for name, source, to in (
            ("tcg2 to cel-tlv", log, "cel-tlv"),
            ("cel-tlv to tcg2", tlv, "tcg2"),
            ("tcg2 to cel-cbor", log, "cel-cbor"),
            ("cel-cbor to tcg2", cbor, "tcg2"),
            ("tcg2 to cel-json", log, "cel-json"),
            ("cel-json to tcg2", cel, "tcg2"),
            ("tcg2 to evlog-json", log, "evlog-json"),
            ("evlog-json to tcg2", own, "tcg2"),
        ):
            rows[name] = ["convert", str(source), "--to", to, "-o", str(out)], source, None
        rows["replay of cel-json"] = ["replay", str(cel)], cel, None
        for name, (words, source, most_lines) in rows.items():
            seconds, most = median(words, most_lines, out)
            written = size_of(out)
            beyond = (most - source.stat().st_size - written) / 1e6
            print(f"  {name:26} {max(seconds - start, 0) / floor:6.1f} x   {beyond:5.0f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2] or ["100000"]))
