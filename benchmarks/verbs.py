"""Every verb on a long log: section 3. Start-up is taken off, and memory is beyond the log and what is written."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from goals import FLOOR
from made import MAKERS
from measure import EVLOG, Spent, bare, command, commands, evlog
from setting import STARTED, Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from measure import Rival, Rivals

#: How lines of text are told to be such, whatever is in them.
_LINES = ("--register", "rtmr:3", "--from", "text", "--dialect", "nelr")


def _anew(out: Path, run: Rival) -> Spent:
    """Run what writes a file or a folder that is not there yet."""
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)
    return run()


def _writes(out: Path, *words: object) -> Rivals:
    run = command(evlog(*words, "-o", out))
    return {EVLOG: partial(_anew, out, run)}


def shown(*words: object, lines: int = 0, tenth: bool = False) -> Callable[[Setting], Work]:
    """``evlog show``, and how many of its lines are read if not all."""

    def work(setting: Setting) -> Work:
        count = setting.tenth if tenth else setting.events
        log = setting.log("tcg2", count)
        rivals = commands("show", *words, log, lines=lines, python=False)
        return Work(rivals, 1 if lines else count, (log,), started=STARTED)

    return work


def diff(setting: Setting) -> Work:
    log = setting.log("tcg2")
    rivals = {**commands("diff", log, log, python=False), **bare(FLOOR, "same", log)}
    return Work(rivals, setting.events, (log,), started=STARTED)


def converted(source: str, to: str, *, tenth: bool = False, beside: str = "") -> Callable[[Setting], Work]:
    """A conversion from one format to another; ``beside`` is the module that writes, or reads, the same objects."""

    def work(setting: Setting) -> Work:
        count = setting.tenth if tenth else setting.events
        log = setting.log(source, count) if source in MAKERS else setting.converted(source, count)
        out = setting.folder / f"out-{source}-{to}"
        rivals = _writes(out, "convert", log, "--to", to)
        rivals[EVLOG]()
        if beside:
            reads = to == "tcg2"
            rivals |= bare(f"{beside}.{'loads' if reads else 'dumps'}", *_objects(beside, log if reads else out, reads))
        kept = setting.folder / f"kept-{source}-{to}"
        shutil.copy(out, kept)
        rivals |= bare(FLOOR, "moved", log, kept, setting.folder / "copy")
        return Work(rivals, count, (log, out), started=STARTED)

    return work


def _objects(module: str, path: Path, reads: bool) -> tuple[str, str, Path]:
    return "loads" if reads else "dumps", module, path


def split(setting: Setting) -> Work:
    log, out = setting.log("tcg2", setting.tenth), setting.folder / "out-split"
    return Work(_writes(out, "split", log, "--files"), setting.tenth, (log, out), started=STARTED)


def merge(setting: Setting) -> Work:
    firmware = setting.log("tcg2", max(setting.tenth // 100, 1))
    runtime, out = setting.log("ima-sha1", setting.tenth), setting.folder / "out-merge"
    rivals = _writes(out, "merge", firmware, runtime, "--to", "cel-tlv", "--allow-changed")
    return Work(rivals, setting.tenth, (firmware, runtime, out), started=STARTED)


def lines_shown(format: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log = setting.log(format)
        return Work(commands("show", log, *_LINES, python=False), setting.events, (log,), started=STARTED)

    return work


def lines_compared(format: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log = setting.log(format)
        rivals = {**commands("diff", log, log, *_LINES, python=False), **bare(FLOOR, "same", log)}
        return Work(rivals, setting.events, (log,), started=STARTED)

    return work


def lines_merged(format: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log, out = setting.log(format), setting.folder / f"out-merge-{format}"
        more = setting.folder / f"more-{format}"
        more.write_bytes(b"z\n" + log.read_bytes().partition(b"\n")[2])
        return Work(
            _writes(out, "merge", log, more, "--to", "text", *_LINES), setting.events, (log, more, out), started=STARTED
        )

    return work


def lines_converted(format: str) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        log, out = setting.log(format), setting.folder / f"out-tlv-{format}"
        rivals = _writes(out, "convert", log, "--to", "cel-tlv", *_LINES)
        return Work(rivals, setting.events, (log, out), started=STARTED)

    return work


WORKS: dict[str, Callable[[Setting], Work]] = {
    "show-head": shown(lines=5),
    "show-jsonl-head": shown("--jsonl", lines=5),
    "show": shown(tenth=True),
    "show-jsonl": shown("--jsonl"),
    "show-json": shown("--json", tenth=True),
    "diff": diff,
    "tcg2-to-tlv": converted("tcg2", "cel-tlv"),
    "tlv-to-tcg2": converted("cel-tlv", "tcg2"),
    "tcg2-to-cbor": converted("tcg2", "cel-cbor", tenth=True, beside="cbor2"),
    "tcg2-to-json": converted("tcg2", "cel-json", tenth=True, beside="json"),
    "tcg2-to-evlog-json": converted("tcg2", "evlog-json", tenth=True, beside="json"),
    "cbor-to-tcg2": converted("cel-cbor", "tcg2", tenth=True, beside="cbor2"),
    "json-to-tcg2": converted("cel-json", "tcg2", tenth=True, beside="json"),
    "evlog-json-to-tcg2": converted("evlog-json", "tcg2", tenth=True, beside="json"),
    "ima-to-ascii": converted("ima-sha1", "ima-ascii", tenth=True),
    "split": split,
    "merge": merge,
    "blank-show": lines_shown("blank"),
    "blank-diff": lines_compared("blank"),
    "blank-merge": lines_merged("blank"),
    "blank-to-tlv": lines_converted("blank"),
    "letters-show": lines_shown("letters"),
    "letters-merge": lines_merged("letters"),
    "letters-to-tlv": lines_converted("letters"),
}
