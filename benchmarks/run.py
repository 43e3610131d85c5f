"""Measure evlog's backends against each other, another tool, bare hashing and what the processor can do at all.

    python benchmarks/run.py [--events N] [--logs N] [--runs N] [--only PART]

Makes synthetic logs, lets everything run in turns, and prints medians, each with its ratio to the first of its part.
Times on different machines, or at different times on one, say little; the ratios within a run are what to compare.
Start-up and fleets are wall time of whole processes; all else is processor time, so that a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from made import boots, fleet, write

if TYPE_CHECKING:
    from collections.abc import Callable

    Rivals = dict[str, Callable[[], float]]

HERE = Path(__file__).resolve().parent
SMALL = HERE.parent / "samples" / "tcg2" / "secure-boot.bin"
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
TPM2 = shutil.which("tpm2_eventlog")
#: Backends, the fastest first.
BACKENDS = ("accel", "python") if importlib.util.find_spec("evlog_accel") else ("python",)


def environment(backend: str) -> dict[str, str]:
    return {**os.environ, "EVLOG_BACKEND": backend}


def evlog(*words: str) -> list[str]:
    """``evlog`` as it is installed beside this Python."""
    installed = Path(sys.executable).with_name("evlog")
    return [*([str(installed)] if installed.exists() else [sys.executable, "-m", "evlog"]), *words]


def wall(words: list[str], env: dict[str, str] | None = None) -> float:
    """Seconds that a whole process takes."""
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, check=True)
    return time.perf_counter() - began


def inside(backend: str, *words: str) -> float:
    """Processor seconds that `inside.py` measures."""
    command = [sys.executable, str(HERE / "inside.py"), *words]
    ran = subprocess.run(command, capture_output=True, check=True, env=environment(backend))
    return float(ran.stdout)


class Peak:
    """Processor seconds of whole processes, and the most memory that any took beyond the log."""

    def __init__(self, words: list[str], env: dict[str, str] | None, log: Path) -> None:
        self.words, self.env, self.size = words, env, log.stat().st_size
        self.most = 0

    def __call__(self) -> float:
        process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, self.words)
        self.most = max(self.most, used.ru_maxrss * 1024 - self.size)
        return used.ru_utime + used.ru_stime


class Floors:
    """Nanoseconds per extend over constants, by accel's own loops: what the processor can do at all."""

    def __init__(self) -> None:
        self.wanted = shutil.which("cargo") is not None
        self.command = ["cargo", "run", "--quiet", "--release", "--example", "floors"]

    def seconds(self, events: int, *chains: tuple[str, int]) -> float:
        """What so many events cost in banks, each with so many registers side by side."""
        words = [*self.command, "--", *(f"{alg}:{count}" for alg, count in chains)]
        ran = subprocess.run(words, cwd=HERE.parent / "accel" / "core", capture_output=True, check=True, text=True)
        return events * sum(map(float, ran.stdout.split())) / 1e9


FLOORS = Floors()


def start_up(folder: Path, events: int, logs: int) -> Rivals:
    """start-up: replay of a log of 21 KB"""
    rivals: Rivals = {}
    if TPM2:
        rivals["tpm2_eventlog"] = partial(wall, [TPM2, str(SMALL)])
    for backend in BACKENDS:
        rivals[f"evlog ({backend})"] = partial(wall, evlog("replay", str(SMALL)), environment(backend))
    rivals["python -c pass"] = partial(wall, [sys.executable, "-c", ""])
    return rivals


def tcg2(folder: Path, events: int, logs: int) -> Rivals:
    """tcg2: a log of two banks on eight PCRs, read and replayed, whole processes"""
    log = made(folder, "tcg2", events)
    rivals: Rivals = {
        f"evlog ({backend})": Peak(evlog("replay", str(log)), environment(backend), log) for backend in BACKENDS
    }
    if TPM2:
        rivals["tpm2_eventlog"] = Peak([TPM2, str(log)], None, log)
    rivals["bare hashlib extends"] = partial(inside, "python", "extends", str(events), "sha256", "sha384")
    if FLOORS.wanted:
        rivals["floor: extends of constants"] = partial(FLOORS.seconds, events, ("sha256", 8), ("sha384", 8))
    return rivals


def ima(folder: Path, events: int, logs: int) -> Rivals:
    """ima: a list with sha256 template digests, one chain, read and replayed"""
    rivals = replays(made(folder, "ima", events))
    rivals["bare hashlib extends"] = partial(inside, "python", "extends", str(events), "sha256")
    if FLOORS.wanted:
        rivals["floor: one chain of constants"] = partial(FLOORS.seconds, events, ("sha256", 1))
    return rivals


def cel(folder: Path, events: int, logs: int) -> Rivals:
    """cel: the events of tcg2 as CEL-TLV, read and replayed"""
    return replays(made(folder, "cel", events))


def text(folder: Path, events: int, logs: int) -> Rivals:
    """text: the lines of one register, sha384, read and replayed"""
    return replays(made(folder, "text", events))


def check(folder: Path, events: int, logs: int) -> Rivals:
    """check: the digests of tcg2 against the events' data, two banks"""
    log = str(made(folder, "tcg2", events))
    rivals: Rivals = {f"evlog ({backend})": partial(inside, backend, "check", log) for backend in BACKENDS}
    rivals["bare hashlib digests"] = partial(inside, "python", "digests", str(events), "sha256", "sha384")
    return rivals


def entries(folder: Path, events: int, logs: int) -> Rivals:
    """entries: the digests of an IMA list against the template data, one bank"""
    log = str(made(folder, "ima", events))
    rivals: Rivals = {f"evlog ({backend})": partial(inside, backend, "check", log) for backend in BACKENDS}
    rivals["bare hashlib digests"] = partial(inside, "python", "digests", str(events), "sha256")
    return rivals


def lines(folder: Path, events: int, logs: int) -> Rivals:
    """lines: the digests of a textual log, read and checked"""
    log = str(made(folder, "text", events))
    return {f"evlog ({backend})": partial(inside, backend, "check", log) for backend in BACKENDS}


def many(folder: Path, events: int, logs: int) -> Rivals:
    """many: logs of 30 KB in two banks, replayed, wall time; tpm2_eventlog in a process each, as many as processors"""
    return fleets(folder / "many", logs, fleet)


def booted(folder: Path, events: int, logs: int) -> Rivals:
    """booted: the same of logs of 21 KB of a machine with Secure Boot, four banks"""
    return fleets(folder / "booted", logs, boots)


def fleets(home: Path, logs: int, make: Callable[[Path, int], None]) -> Rivals:
    """Replaying many logs."""
    home.mkdir()
    make(home, logs)
    rivals: Rivals = {
        f"evlog ({backend})": partial(wall, evlog("replay", str(home)), environment(backend)) for backend in BACKENDS
    }
    if TPM2:
        # A tenth of them, times ten: the rest would take as long each.
        some = " ".join(f"{home}/{number:05}.bin" for number in range(0, logs, 10))
        each = ["sh", "-c", f"echo {some} | xargs -P {PROCESSORS} -n 1 {TPM2}"]
        rivals["tpm2_eventlog"] = lambda: 10 * wall(each)
    return rivals


PARTS = {part.__name__: part for part in (start_up, tcg2, ima, cel, text, check, entries, lines, many, booted)}


def made(folder: Path, format: str, events: int) -> Path:
    """The log of a format, which is written if it is not there."""
    path = folder / f"{format}.log"
    if not path.exists():
        write(format, path, events)
    return path


def replays(log: Path) -> Rivals:
    """Reading and replaying a log by each backend."""
    return {f"evlog ({backend})": partial(inside, backend, "replay", str(log)) for backend in BACKENDS}


def measure(rivals: Rivals, runs: int) -> None:
    """Let all run in turns, and print the medians.

    Each runs once before it is measured: memory that a virtual machine has given back to its host in the meantime
    would cost whoever comes first more than the work.
    """
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(runs):
        for name, rival in rivals.items():
            rival()
            times[name].append(rival())
    medians = {name: statistics.median(column) for name, column in times.items()}
    first = next(iter(medians.values()))
    for name, median in medians.items():
        rival = rivals[name]
        memory = f"   peak: the log and {rival.most / 1e6:.0f} MB" if isinstance(rival, Peak) else ""
        print(f"  {name:30} {median:9.3f} s {median / first:8.2f} x{memory}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1_000_000, help="in each of the large logs")
    parser.add_argument("--logs", type=int, default=10_000, help="in each of the fleets")
    parser.add_argument("--runs", type=int, default=5, help="of everything; three times as many of start-up")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part, or several")
    parser.add_argument("--no-floors", action="store_true", help="do not build accel's own loops, with cargo")
    args = parser.parse_args()
    FLOORS.wanted &= not args.no_floors
    for what, there in (
        ("evlog-accel", len(BACKENDS) > 1),
        ("tpm2_eventlog", TPM2),
        ("the floors' cargo", FLOORS.wanted),
    ):
        if not there:
            print(f"{what} is not here: its rows are left out")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.only or PARTS:
            part = PARTS[name]
            counted = {start_up: 1, many: args.logs, booted: args.logs}.get(part, args.events)
            print(f"{part.__doc__}: {counted}", flush=True)
            measure(part(Path(folder), args.events, args.logs), args.runs * (3 if part is start_up else 1))


if __name__ == "__main__":
    main()
