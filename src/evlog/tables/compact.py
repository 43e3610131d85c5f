"""Many small files of a lake as few: each table sorted anew, in one commit that stands for all."""

from __future__ import annotations

import secrets
import time

from evlog.tables.lake import is_lake
from evlog.tables.schema import TABLES, arrow
from evlog.tables.work import write_part
from evlog.tables.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


__all__ = ["compact"]

# Bytes in memory of what becomes one file.
_FILE = 1 << 27


def compact(lake: str) -> None:
    """Make few files of the many that batches left, and one commit of their commits.

    What was replaced stays for a while, for readers who hold the list. Raises SourceError for what is no lake, or is
    written to by another process.
    """
    from evlog.errors import SourceError

    if not is_lake(lake):
        raise SourceError(f"{lake}: no lake of evlog table")
    arrow("logs")  # which says what is missing
    writer = Writer(lake)
    try:
        commits = tuple(writer.commits.values())
        if not commits:
            return
        batch = f"{time.time_ns():016x}-{secrets.token_hex(4)}"
        parts: dict[str, list[str]] = {}
        for table in TABLES:
            names = [name for commit in commits for name in commit.parts.get(table, ())]
            if len(names) < 2:
                parts[table] = names
                continue
            parts[table] = []
            for rows in _sorted(writer, table, names):
                name = f"{table}/part-{batch}-{len(parts[table])}.parquet"
                write_part(writer.path(name), rows)
                parts[table].append(name)
        writer.commit(batch, (), parts, commits)
    finally:
        writer.close()


def _sorted(writer: Writer, table: str, names: list[str]) -> Iterator[pa.Table]:
    """The rows of some parts, as many at a time as memory has room for, each time sorted."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow(table)
    held: list[pa.Table] = []
    size = 0
    for name in names:
        with pq.ParquetFile(writer.path(name)) as file:
            rows = _widened(file.read(), schema)
        held.append(rows)
        size += rows.nbytes
        if size >= _FILE:
            yield _ordered(pa.concat_tables(held), table)
            held, size = [], 0
    if held:
        yield _ordered(pa.concat_tables(held), table)


def _widened(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of an older file with the columns that came later."""
    import pyarrow as pa

    columns = [
        rows[field.name] if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _ordered(rows: pa.Table, table: str) -> pa.Table:
    """Rows in the order of the table's files; dictionaries of the parts are made one."""
    rows = rows.unify_dictionaries()
    keys = [(_sortable(rows, name), name) for name in TABLES[table].order]
    import pyarrow as pa
    import pyarrow.compute as pc

    order = pa.table({name: column for column, name in keys})
    return rows.take(pc.sort_indices(order, [(name, "ascending") for _, name in keys]))


def _sortable(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """A column as Arrow can sort it."""
    import pyarrow as pa

    column = rows[name]
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    if pa.types.is_fixed_size_binary(column.type):
        return column.cast(pa.binary())
    return column
