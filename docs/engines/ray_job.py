"""Logs into the tables of a fleet, by Ray Data: python ray_job.py LOGS OUT [TABLE...]

LOGS is Parquet with the columns path and content (and machine, boot, collected_at if they are known), OUT a folder, in
which each table is Parquet again. evlog-toolkit[tables] is installed where the workers run.
"""

import sys
from functools import partial

import pyarrow as pa
import ray


def rows(logs: pa.Table, table: str) -> pa.Table:
    """A block of logs as rows of a table."""
    from evlog.tables import map_batches, mapped_schema  # in the worker: nothing of evlog travels there

    return pa.Table.from_batches(map_batches(logs.to_batches(), table), schema=mapped_schema(table))


def job(logs: str, out: str, tables: list[str]) -> None:
    """Read the logs, and write each table."""
    for table in tables:
        made = ray.data.read_parquet(logs).map_batches(
            partial(rows, table=table),
            batch_format="pyarrow",
            batch_size=256,  # logs that are in a worker's memory at once
        )
        made.write_parquet(f"{out}/{table}")


if __name__ == "__main__":
    job(sys.argv[1], sys.argv[2], sys.argv[3:] or ["logs", "events", "registers", "findings"])
