"""Whether Spark and Ray give the rows that one process gives: python benchmarks/engines.py spark|ray [LOGS]

Runs the job of docs/engines on real worker processes (a local cluster of two), over logs in four Parquet files among
which one holds no log, and compares every row of three tables with those of this process. Prints how many there are,
and how long it took. Needs evlog-toolkit[tables] in this Python, and pyspark with Java 17, or ray[data].
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from made_fleet import made

from evlog.tables import map_batches, mapped_schema

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("logs", "events", "registers")
FILES = 4
#: Seconds that a job may take, and the exit codes if it takes longer, and if the engine itself does not run here.
LIMIT, SLOW, ABSENT = 270, 124, 77
#: What makes a cluster of two workers on this machine out of each engine.
CLUSTERS = {
    "spark": {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": "--master local-cluster[2,1,1024] --conf spark.ui.enabled=false "
        "--conf spark.ui.showConsoleProgress=false "
        "--conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "
        "--conf spark.sql.files.maxPartitionBytes=512k pyspark-shell",
        "SPARK_LOCAL_IP": "127.0.0.1",
    },
    "ray": {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"},
}
#: Ray takes no number of processors from the environment.
BEGIN_RAY = (
    "import ray, runpy, sys; sys.argv = sys.argv[1:]; "
    "ray.init(num_cpus=2, include_dashboard=False, object_store_memory=2**30); "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
#: What an engine does wherever it runs at all.
PROBES = {
    "spark": "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().range(2).count()",
    "ray": "import ray; ray.init(num_cpus=1, include_dashboard=False, object_store_memory=2**27); ray.get(ray.put(1))",
}


def logs(folder: Path, count: int) -> Path:
    """Parquet files with the logs of a made fleet, and something that is no log."""
    made(folder / "fleet", (count + 1) // 2)
    paths = sorted((folder / "fleet").rglob("log.bin"))[: count - 1]
    rows = [
        {
            "path": str(path.relative_to(folder)),
            "content": path.read_bytes(),
            "machine": path.parent.name,
            "collected_at": datetime.fromtimestamp(path.stat().st_mtime, timezone.utc),
        }
        for path in paths
    ]
    rows.append({"path": "no-log", "content": b"no log at all" * 9, "machine": "odd", "collected_at": None})
    target = folder / "in"
    target.mkdir()
    schema = pa.schema(
        [
            ("path", pa.string()),
            ("content", pa.binary()),
            ("machine", pa.string()),
            ("collected_at", pa.timestamp("us", "UTC")),
        ]
    )
    for at in range(FILES):
        pq.write_table(pa.Table.from_pylist(rows[at::FILES], schema=schema), target / f"logs-{at}.parquet")
    return target


def rows(table: pa.Table, name: str) -> list[tuple[Any, ...]]:
    """The rows of a table, in an order."""
    schema = mapped_schema(name)
    found = [tuple(row.items()) for row in table.select(schema.names).cast(schema).to_pylist()]
    return sorted(found, key=repr)


def ran(command: list[str], environment: dict[str, str]) -> int:
    """The exit code of a process; `SLOW` if the time was not enough for it and all the processes that it began."""
    job = subprocess.Popen(command, env={**os.environ, **environment}, start_new_session=True)
    try:
        return job.wait(LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        job.wait()
        return SLOW


def main(engine: str, count: int) -> int:
    if ran([sys.executable, "-c", PROBES[engine]], CLUSTERS[engine]):
        print(f"{engine} itself does not run here")
        return ABSENT
    with tempfile.TemporaryDirectory(prefix="evlog-engines-") as made_in:
        folder = Path(made_in)
        source = logs(folder, count)
        given = [batch for path in sorted(source.iterdir()) for batch in pq.read_table(path).to_batches()]
        start = time.perf_counter()
        local = {name: pa.Table.from_batches(map_batches(given, name), schema=mapped_schema(name)) for name in TABLES}
        print(f"{count} logs in {FILES} files, one process: {time.perf_counter() - start:.1f} s")
        job = str(ROOT / "docs" / "engines" / f"{engine}_job.py")
        command = [sys.executable, *(("-c", BEGIN_RAY) if engine == "ray" else ()), job]
        start = time.perf_counter()
        code = ran([*command, str(source), str(folder / "out"), *TABLES], CLUSTERS[engine])
        if code:
            print(f"{engine}: not done in {LIMIT} seconds" if code == SLOW else f"{engine}: the job ended with {code}")
            return SLOW if code == SLOW else 1
        print(f"{engine}, two workers, with their start: {time.perf_counter() - start:.1f} s")
        wrong = 0
        for name, expected in local.items():
            theirs = rows(pq.read_table(folder / "out" / name), name)
            ours = rows(expected, name)
            same = theirs == ours
            wrong += not same
            print(f"{name}: {len(ours)} rows, {'the same' if same else f'and {len(theirs)} others'}")
        return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60))
