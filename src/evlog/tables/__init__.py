"""A fleet in columns: the logs of many machines as five Arrow tables, in memory and as a lake of Parquet files.

Rules of the room:

1. A table is declared once, in `schema`: name, type, whether it may be null, and what it says. Producers, readers,
   documents and engines ask there; a column is one line there and one where rows are made (`rows`).
2. Rows are made column by column, of whatever tells most cheaply: an event is made only where nothing else tells.
3. What counts in a lake is what its commits name (`lake`). Only one process writes, and only the parent commits.
4. Broken input is a row with a finding, never an exception: one log must not cost the others.
5. A machine's name and boot come from the caller; what evidence proves is asked of `evlog.verifying`, not judged here.
6. pyarrow and duckdb (``evlog-toolkit[tables]``) are imported where they are used; nothing else of evlog needs them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.tables.engines import map_batches, mapped_schema, spark_schema

__all__ = ["map_batches", "mapped_schema", "spark_schema"]


def __getattr__(name: str) -> object:
    """What jobs on engines use, imported when asked for: the command does without it."""
    if name in __all__:
        from evlog.tables import engines

        return getattr(engines, name)
    raise AttributeError(f"module 'evlog.tables' has no attribute {name!r}")
