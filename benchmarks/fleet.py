"""A fleet into a lake, and questions about it: python benchmarks/fleet.py [LOGS] [--keep FOLDER]

Makes logs of about 21 KB (made_fleet.py, two boots of each machine), reads them with `evlog table`, with their register
values and without, and asks each question that has a name, and SQL of docs/verbs/query.md. Prints logs a second, of
wall time and for each processor's second, the most memory that a process had, and sizes. With ``--keep`` the folder
stays, and what is in it already is not made again.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made_fleet import made

LAKES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("without bodies and evidence", ("--no-bodies",)),
    ("with bodies", ()),
    ("with bodies and register values", ("--registers", "{dir}/pcrs.json")),
)
QUESTIONS = (
    ("groups", "--register", "pcr:7"),
    ("groups",),
    ("outliers", "--register", "pcr:7"),
    ("timeline", "--register", "pcr:4,7"),
    ("timeline", "--events", "--since", "2026-11-17"),
    ("rare", "--register", "pcr:4,7,8"),
    ("unverified",),
    ("SELECT count(DISTINCT machine) FROM seen WHERE digest_check = 'mismatch'",),
    ("SELECT code, severity, count(DISTINCT machine) FROM findings JOIN logs USING (log) GROUP BY ALL",),
)


def measured(*words: str) -> tuple[float, float, int]:
    """Wall seconds, processor seconds of all processes, and the peak of the largest in bytes, of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    # A process of its own in between, whose children's peak is that of this command alone.
    inside = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); "
        # Some of the fleet's logs are odd, which is what evlog table says.
        "sys.exit(code > (sys.argv[4] == 'table'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", inside, sys.executable, "-m", "evlog", *words], stdout=subprocess.PIPE, check=True
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, int(ran.stdout) * 1024


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=int, nargs="?", default=5000)
    parser.add_argument("--keep", metavar="FOLDER")
    parser.add_argument("--few", action="store_true", help="one lake and two questions, to see that it runs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evlog-fleet-") as temporary:
        folder = Path(args.keep or temporary)
        logs = folder / "logs"
        if not (logs / "truth.json").exists():
            made(logs, (args.logs + 1) // 2)
        paths = list(logs.rglob("log.bin"))
        total = sum(path.stat().st_size for path in paths)
        print(f"{len(paths)} logs, {total / 1e6:.0f} MB, {os.cpu_count()} processors", flush=True)
        names = (str(logs), "--only", "log.bin", "--machine", "{2}", "--boot", "{1}")
        for title, more in LAKES[-1:] if args.few else LAKES:
            lake = folder / f"lake-{title.replace(' ', '-')}"
            wall, cpu, peak = measured("table", *names, *more, "-o", str(lake))
            print(
                f"table, {title}: {wall:.1f} s, {len(paths) / wall:.0f} logs/s, {len(paths) / cpu:.0f} for each "
                f"processor's second; the largest process {peak / 1e6:.0f} MB; lake {size(lake) / 1e6:.1f} MB",
                flush=True,
            )
        wall, cpu, peak = measured("table", *names, "--registers", "{dir}/pcrs.json", "-o", str(lake))
        print(f"table, nothing new: {wall:.1f} s, {peak / 1e6:.0f} MB", flush=True)
        wall, cpu, peak = measured("table", "--compact", "-o", str(lake))
        print(f"compacted: {wall:.1f} s, {peak / 1e6:.0f} MB; lake {size(lake) / 1e6:.1f} MB", flush=True)
        for words in QUESTIONS[:2] if args.few else QUESTIONS:
            wall, cpu, peak = measured("query", str(lake), *words, "--format", "jsonl")
            print(f"query {' '.join(words)}: {wall:.2f} s, {cpu:.2f} of processors, {peak / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
