"""Logs into rows on many machines: one function of batches, which whatever distributes batches can call.

An input is a row with a log's bytes. Its rows do not depend on what else is in the batch, so that any engine gives the
same ones in any order. What is no log becomes a row as well, with ``error``: a job never ends because of one machine.
Types are those that every engine takes (`evlog.tables.schema.plain`).
"""

from __future__ import annotations

from evlog.errors import EvlogError, UsageError
from evlog.tables.schema import TABLES, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    import pyarrow as pa

    from evlog.tables.events import Reader
    from evlog.tables.rows import Batch

__all__ = ["map_batches", "mapped_schema", "spark_schema"]

# What may hold the bytes, and when they were gathered, in the order to look: ours, Spark's binaryFile's, Ray's.
_BYTES = ("content", "bytes", "data")
_TIMES = ("collected_at", "modificationTime")
# Inputs that are in memory as rows: so many, or so many bytes.
_INPUTS, _SIZE = 256, 1 << 25


def mapped_schema(table: str = "events") -> pa.Schema:
    """The schema of what `map_batches` gives: the plain one of the table, then ``path`` and ``error``.

    All columns may be null: a row with an error has nothing else but its path. Raises UsageError for no table.
    """
    if table not in TABLES:
        raise UsageError(f"no table {table!r}; there are {', '.join(TABLES)}")
    import pyarrow as pa

    schema = plain(table)
    fields = [field.with_nullable(True) for field in schema]
    return pa.schema([*fields, pa.field("path", pa.string()), pa.field("error", pa.string())], schema.metadata)


def spark_schema(table: str = "events") -> str:
    """The same schema as Spark's ``mapInArrow`` is told it: a DDL string."""
    return ", ".join(f"`{field.name}` {_spark(field.type)}" for field in mapped_schema(table))


def map_batches(
    batches: Iterable[pa.RecordBatch], table: str = "events", *, format: str | None = None, **choices: Any
) -> Iterator[pa.RecordBatch]:
    """Batches of logs into batches of rows of a table, of `mapped_schema`.

    A batch has a column ``path`` and one of bytes: ``content``, ``bytes`` or ``data``; ``machine``, ``boot`` and
    ``collected_at`` (or ``modificationTime``) are taken if they are there. ``format`` and ``choices`` settle how logs
    are read (`evlog.read`). Rows have the path that they are of, but for ``bodies``, of which each is given once a
    batch. Raises UsageError for no table, and for a batch without bytes.
    """
    from evlog.tables.events import Reader

    schema = mapped_schema(table)
    reader = Reader()
    for batch in batches:
        inputs: list[dict[str, Any]] = []
        size = 0
        for each in _inputs(batch):
            inputs.append(each)
            size += len(each["bytes"] or b"")
            if len(inputs) >= _INPUTS or size >= _SIZE:
                yield from _rows(inputs, table, schema, reader, format, choices)
                inputs, size = [], 0
        yield from _rows(inputs, table, schema, reader, format, choices)


def _inputs(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    names = batch.schema.names
    data = next((name for name in _BYTES if name in names), None)
    if data is None or "path" not in names:
        raise UsageError(f"a batch of logs has a column path and one of {', '.join(_BYTES)}: found {', '.join(names)}")
    time = next((name for name in _TIMES if name in names), None)
    columns = {"path": "path", "bytes": data, "machine": "machine", "boot": "boot", "time": time}
    there = {ours: batch.column(theirs) for ours, theirs in columns.items() if theirs in names}
    for at in range(batch.num_rows):
        yield {name: there[name][at].as_py() if name in there else None for name in columns}


class _Given:
    """What the rows of some inputs are of: by a number that stands for a log, its path, its id and its sighting's."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.logs: list[bytes] = []
        self.sightings: list[bytes] = []
        self.errors: list[tuple[str, str]] = []

    def add(self, path: str, log: bytes, sighting: bytes) -> bytes:
        """A number for a log, in as many bytes as an id has."""
        self.paths.append(path)
        self.logs.append(log)
        self.sightings.append(sighting)
        return (len(self.paths) - 1).to_bytes(32, "big")


def _rows(
    inputs: list[dict[str, Any]],
    table: str,
    schema: pa.Schema,
    reader: Reader,
    format: str | None,
    choices: dict[str, Any],
) -> Iterator[pa.RecordBatch]:
    """The rows of some inputs, and one for each that is no log."""
    from evlog.tables.rows import Batch

    batch, given = Batch(reader, bodies=table == "bodies"), _Given()
    for each in inputs:
        path = each["path"] or ""
        try:
            _add(batch, given, each, path, format, choices)
        except EvlogError as error:
            given.errors.append((path, str(error)))
        except (MemoryError, Exception) as error:
            # A defect of evlog's: it must not cost the other logs.
            given.errors.append((path, f"internal error: {type(error).__name__}: {error}"))
    if given.paths:
        yield from _renamed(batch.tables()[table], schema, given)
    if given.errors:
        yield _errors(schema, given.errors)


def _add(
    batch: Batch, given: _Given, each: dict[str, Any], path: str, format: str | None, choices: dict[str, Any]
) -> None:
    """The logs in the bytes of an input; nothing of it is added if it has none."""
    from evlog.errors import SourceError
    from evlog.intake.identify import read_all
    from evlog.options import Options
    from evlog.replaying.replay import replay
    from evlog.tables.replayed import registers_of
    from evlog.tables.rows import log_id, sighting_id

    if not each["bytes"]:
        raise SourceError("no bytes")
    time = each["time"]
    moment = None if time is None else round(time.timestamp() * 1_000_000)
    for log, data in read_all(each["bytes"], format, Options(name=path, **choices)):
        id = log_id(data, log)
        replayed = replay(log)
        number = given.add(path, id, sighting_id(id, each["machine"], each["boot"], moment))
        batch.add_log(number, log, replayed)
        batch.add_sighting(
            number,
            number,
            source=path,
            size=len(data),
            machine=each["machine"],
            boot=each["boot"],
            collected_at=moment,
            log=log,
        )
        batch.add_registers(number, registers_of(replayed))


def _renamed(rows: pa.Table, schema: pa.Schema, given: _Given) -> Iterator[pa.RecordBatch]:
    """Rows with the ids that the numbers stand for, and the path that each is of."""
    import pyarrow as pa

    columns: dict[str, Any] = {name: rows.column(name) for name in rows.schema.names}
    key = next((name for name in ("log", "sighting") if name in columns), None)
    columns["path"] = pa.nulls(rows.num_rows, pa.string())
    if key is not None:
        numbers = pa.array([int.from_bytes(number, "big") for number in columns[key].to_pylist()], pa.int64())
        columns["path"] = pa.array(given.paths, pa.string()).take(numbers)
        for name, ids in (("log", given.logs), ("sighting", given.sightings)):
            if name in columns and columns[name].null_count == 0:
                columns[name] = pa.array(ids, pa.binary()).take(numbers)
    columns["error"] = pa.nulls(rows.num_rows, pa.string())
    arrays = [columns[field.name].cast(field.type) for field in schema]
    yield from pa.Table.from_arrays(arrays, schema=schema).to_batches()


def _errors(schema: pa.Schema, errors: list[tuple[str, str]]) -> pa.RecordBatch:
    """Rows of nothing but a path and an error."""
    import pyarrow as pa

    told = {"path": [path for path, _ in errors], "error": [error for _, error in errors]}
    told = {name: [text.encode("utf-8", "backslashreplace").decode() for text in texts] for name, texts in told.items()}
    arrays = [pa.array(told.get(field.name, [None] * len(errors)), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _spark(type: pa.DataType) -> str:
    """An Arrow type as Spark's DDL calls it."""
    import pyarrow as pa

    is_: Any = pa.types
    plainly: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
        (is_.is_string, "STRING"),
        (is_.is_binary, "BINARY"),
        (is_.is_boolean, "BOOLEAN"),
        (is_.is_int32, "INT"),
        (is_.is_int64, "BIGINT"),
        (is_.is_timestamp, "TIMESTAMP"),
        (is_.is_date32, "DATE"),
    )
    for fits, name in plainly:
        if fits(type):
            return name
    if is_.is_list(type):
        return f"ARRAY<{_spark(type.value_type)}>"
    if is_.is_struct(type):
        return f"STRUCT<{', '.join(f'`{field.name}`: {_spark(field.type)}' for field in type)}>"
    raise UsageError(f"no type of Spark's for {type}")
