"""A fleet into a lake: logs a second and core, memory, the size of the lake, and how long questions take.

    python benchmarks/fleet.py [LOGS]

The logs are those of `made_fleet.py`, two of each machine, nearly all of them different. It is the
evlog that is installed beside this Python; processor seconds are those of all its processes, so that a machine that
does other things meanwhile changes them less than the time on the clock.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
QUESTIONS = (
    ("groups", "--register", "pcr:4"),
    ("outliers", "--register", "pcr:4"),
    ("timeline", "--register", "pcr:7"),
    ("rare",),
    ("unverified",),
)


class Run(NamedTuple):
    """What a command took: seconds on the clock and of processors, and the most that one of its processes held."""

    clock: float
    processor: float
    memory: int
    said: str


def evlog(*arguments: str) -> Run:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", "evlog", *arguments], capture_output=True, text=True, check=False)
    clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in (0, 1):
        raise SystemExit(ran.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(clock, processor, after.ru_maxrss * unit, ran.stderr.strip().rpartition("\n")[2])


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    machines = (int(sys.argv[1]) if len(sys.argv) > 1 else 10_000) // 2
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as made:
        folder = Path(made)
        fleet, lake = folder / "fleet", folder / "lake"
        subprocess.run([sys.executable, str(HERE / "made_fleet.py"), str(fleet), str(machines)], check=True)
        logs = sorted(fleet.rglob("log.bin"))
        size = sum(path.stat().st_size for path in logs)
        print(f"{len(logs)} logs of {size / len(logs) / 1000:.1f} KB, {size / 1e6:.0f} MB")
        source = (str(fleet), "-o", str(lake), "--only", "log.bin", "--machine", "{2}", "--boot", "{1}")
        ways = {
            "read, replay, check, write": ("--no-bodies",),
            "and decoded bodies": (),
            "and compared with register values": ("--registers", "{dir}/pcrs.json"),
        }
        for what, options in ways.items():
            shutil.rmtree(lake, ignore_errors=True)
            ran = evlog("table", *source, *options)
            print(f"{what}: {ran.said}")
            print(
                f"  {len(logs) / ran.processor:8.0f} logs a second and core   {len(logs) / ran.clock:8.0f} on the clock"
                f"   {ran.memory / 1e6:6.0f} MB a process   lake {size_of(lake) / 1e6:.2f} MB"
            )
        ran = evlog("table", *source, "--registers", "{dir}/pcrs.json")
        print(f"again, nothing to do: {ran.processor:.2f} s of a processor, {ran.memory / 1e6:.0f} MB")
        ran = evlog("table", "--compact", str(lake))
        print(f"compacted: {ran.processor:.2f} s of a processor, {ran.memory / 1e6:.0f} MB")
        for words in QUESTIONS:
            ran = evlog("query", str(lake), *words)
            print(f"query {' '.join(words)}: {ran.clock:.2f} s, {ran.processor:.2f} s of processors")


if __name__ == "__main__":
    main()
