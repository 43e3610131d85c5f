"""Measure start-up and throughput, against another tool and against bare hashing, in one run.

    python benchmarks/run.py [--events N] [--runs N]

Times on different machines, or at different times on one, say little; the ratios within a run are what to compare.
Every number is the median of runs that take turns. Start-up is the wall time of whole processes; throughput is
processor time, so that a busy machine disturbs it less.
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
from pathlib import Path

from make_tcg2 import write

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "samples" / "tcg2" / "secure-boot.bin"

#: What no implementation can do without: two extends for each event.
BARE = """
import hashlib, sys, time
a, b, d, e = bytes(32), bytes(48), bytes(32), bytes(48)
h, g = hashlib.sha256, hashlib.sha384
began = time.process_time()
for _ in range(int(sys.argv[1])):
    a = h(a + d).digest()
    b = g(b + e).digest()
print(time.process_time() - began)
"""


def command(backend: str) -> tuple[list[str], dict[str, str]]:
    """``evlog replay`` as it is installed beside this Python, and its environment."""
    installed = Path(sys.executable).with_name("evlog")
    words = [str(installed)] if installed.exists() else [sys.executable, "-m", "evlog"]
    return [*words, "replay"], {**os.environ, "EVLOG_BACKEND": backend}


def wall(words: list[str], environment: dict[str, str] | None = None) -> float:
    """Seconds that a whole process takes."""
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=True)
    return time.perf_counter() - began


def usage(words: list[str], environment: dict[str, str] | None = None) -> tuple[float, int]:
    """Processor seconds and peak resident bytes of a whole process."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def backends() -> list[str]:
    return ["python", "accel"] if importlib.util.find_spec("evlog_accel") else ["python"]


def start_up(runs: int) -> None:
    """The 21 KB log of a Secure Boot machine."""
    print(f"start-up: replay of {SMALL.name}, {SMALL.stat().st_size} bytes, wall time of whole processes")
    rivals: dict[str, tuple[list[str], dict[str, str] | None]] = {"python -c pass": ([sys.executable, "-c", ""], None)}
    for backend in backends():
        words, environment = command(backend)
        rivals[f"evlog replay ({backend})"] = [*words, str(SMALL)], environment
    tool = shutil.which("tpm2_eventlog")
    if tool:
        rivals["tpm2_eventlog"] = [tool, str(SMALL)], None
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(runs):
        for name, (words, its) in rivals.items():
            times[name].append(wall(words, its))
    report({name: statistics.median(column) for name, column in times.items()}, "tpm2_eventlog", 1000, "ms")
    if not tool:
        print("  tpm2_eventlog skipped: tpm2-tools is not installed")


def throughput(events: int, runs: int) -> None:
    """A log of many events, both banks."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.bin"
        write(log, events)
        size = log.stat().st_size
        print(f"throughput: replay of {events} events, {size / 1e6:.0f} MB, two banks, processor time")
        times: dict[str, list[float]] = {"bare hashlib extends": []}
        peaks: dict[str, int] = {}
        for _ in range(runs):
            bare = subprocess.run([sys.executable, "-c", BARE, str(events)], capture_output=True, check=True)
            times["bare hashlib extends"].append(float(bare.stdout))
            for backend in backends():
                words, environment = command(backend)
                seconds, peak = usage([*words, str(log)], environment)
                name = f"evlog replay ({backend})"
                times.setdefault(name, []).append(seconds)
                peaks[name] = max(peaks.get(name, 0), peak)
    report({name: statistics.median(column) for name, column in times.items()}, "bare hashlib extends", 1, "s")
    for name, peak in peaks.items():
        print(f"  {name:24} peak memory: the log and {(peak - size) / 1e6:.0f} MB")


def report(medians: dict[str, float], reference: str, scale: float, unit: str) -> None:
    for name, median in medians.items():
        ratio = f"  {median / medians[reference]:5.2f} x {reference}" if reference in medians else ""
        print(f"  {name:24} {median * scale:8.2f} {unit}{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=15, help="of the small log; the large one takes a fifth of them")
    args = parser.parse_args()
    start_up(args.runs)
    throughput(args.events, max(1, args.runs // 5))


if __name__ == "__main__":
    main()
