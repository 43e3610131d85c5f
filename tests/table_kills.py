"""An ingest that is killed again and again, and what its lake is in the end.

    python -m tests.table_kills [KILLS] [MACHINES]

By hand, with fifty kills; tests/test_table_ingest.py does five.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.machines import content, fleet

#: An ingest in small batches: a fleet that is small enough for a test has several then.
INGEST = """
import sys
from evlog.tables import ingest
from evlog.tables.evidence import FleetEvidence
from evlog.tables.inputs import FleetNames
ingest._BATCH = {batch}
if __name__ == "__main__":
    print(ingest.ingest(sys.argv[2], [sys.argv[1]], FleetNames(only=("log.bin",)), jobs={jobs}))
"""


def ingest(machines: Path, lake: Path, *, batch: int, jobs: int) -> subprocess.Popen[str]:
    """An ingest in a process of its own."""
    script = lake.parent / "ingest.py"
    script.write_text(INGEST.format(batch=batch, jobs=jobs))
    command = [sys.executable, str(script), str(machines), str(lake)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def commits(lake: Path) -> int:
    """How many commits the lake has."""
    folder = lake / "_commits"
    return sum(path.suffix == ".json" for path in folder.iterdir()) if folder.is_dir() else 0


def run(folder: Path, kills: int, count: int, *, jobs: int, batch: int, seed: int) -> int:
    """Kill an ingest, finish it, and compare the lake with one that was left alone. Returns the kills that hit one."""
    machines = fleet(folder / "fleet", count)
    alone, killed = folder / "alone", folder / "killed"
    output, _ = (process := ingest(machines, alone, batch=batch, jobs=jobs)).communicate()
    assert process.returncode == 0, output
    chance = random.Random(seed)
    hits = 0
    for number in range(kills):
        # Each run gets a little further: it is killed some time after one more batch counts.
        before = commits(killed)
        process = ingest(machines, killed, batch=batch, jobs=jobs)
        while process.poll() is None and commits(killed) == before and number % 3:
            time.sleep(0.005)
        time.sleep(chance.random() * (0.4 if number % 3 else 1.2))
        hits += process.poll() is None
        process.kill()
        process.communicate()
    output, _ = (process := ingest(machines, killed, batch=batch, jobs=jobs)).communicate()
    assert process.returncode == 0, output
    assert content(killed) == content(alone)
    left = sorted(path.name for path in killed.rglob("*") if path.name.endswith(".tmp"))
    assert not left, left
    return hits


def main() -> None:
    kills, count = (int(sys.argv[1]) if len(sys.argv) > 1 else 50), (int(sys.argv[2]) if len(sys.argv) > 2 else 300)
    with tempfile.TemporaryDirectory() as folder:
        hits = run(Path(folder), kills, count, jobs=2, batch=1 << 17, seed=time.time_ns())
        print(
            f"{kills} kills, {hits} of them in the midst of an ingest of {count} logs: "
            "the lake is that of a run that was left alone"
        )


if __name__ == "__main__":
    main()
