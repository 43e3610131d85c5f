"""Logs as Arrow, for whoever speaks its PyCapsule protocol: DuckDB, Polars, pandas, pyarrow, nanoarrow.

A stream is read once, and planners read twice: each call makes a fresh one of data that the object holds.
Source: Arrow, "The Arrow PyCapsule Interface".
"""

from __future__ import annotations

from collections.abc import Mapping

from evlog.model import Log
from evlog.tables.schema import TABLES, arrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    import pyarrow as pa

__all__ = ["ArrowTable", "Tables", "log_schema", "log_stream", "table"]


class ArrowTable:
    """One table, for whatever takes an object with ``__arrow_c_stream__``: ``pyarrow.table(it)``, DuckDB by name."""

    __slots__ = ("_made", "name")

    def __init__(self, name: str, made: Callable[[], dict[str, pa.Table]]) -> None:
        self.name = name
        self._made = made

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._made()[self.name].__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return arrow(self.name).__arrow_c_schema__()

    def __len__(self) -> int:
        return int(self._made()[self.name].num_rows)

    def __repr__(self) -> str:
        return f"<evlog table {self.name}: {TABLES[self.name].doc}>"


class Tables:
    """The five tables of some logs: ``logs``, ``events``, ``registers``, ``findings``, ``bodies``.

    They are made when one is first asked for its rows, and held.
    """

    def __init__(self, logs: Iterable[tuple[str | None, Log]]) -> None:
        self._given = tuple(logs)
        self._tables: dict[str, pa.Table] | None = None
        self.logs, self.events, self.registers, self.findings, self.bodies = (
            ArrowTable(name, self._made) for name in TABLES
        )

    def _made(self) -> dict[str, pa.Table]:
        if self._tables is None:
            arrow("logs")  # which says what is missing before the work is done
            self._tables = _tables(self._given)
        return self._tables

    def __repr__(self) -> str:
        return f"<evlog tables of {len(self._given)} logs: {', '.join(TABLES)}>"


def table(logs: Log | Iterable[Log] | Mapping[str, Log | Iterable[Log]]) -> Tables:
    """Logs as the five tables of `evlog.tables.schema`, which speak ``__arrow_c_stream__``.

    A mapping gives logs by the name of their machine. Each log is one sighting, whose ``source`` is its name.
    Raises UsageError, when a table is asked for its rows, where pyarrow is not installed.

    >>> fleet = evlog.table({"m1": evlog.read("m1.bin"), "m2": evlog.read("m2.bin")}).events
    >>> duckdb.sql("SELECT type, count(*) FROM fleet GROUP BY type")
    """
    if isinstance(logs, Mapping):
        return Tables((name, log) for name, several in logs.items() for log in _several(several))
    return Tables((None, log) for log in _several(logs))


def log_stream(log: Log, requested_schema: object | None = None) -> object:
    """``log.__arrow_c_stream__``: the events of a log as rows of ``events``; a fresh stream at each call."""
    return table(log).events.__arrow_c_stream__(requested_schema)


def log_schema(log: Log) -> object:
    """``log.__arrow_c_schema__``: the schema of ``events``."""
    return arrow("events").__arrow_c_schema__()


def _several(logs: Log | Iterable[Log]) -> Iterable[Log]:
    return (logs,) if isinstance(logs, Log) else logs


def _tables(given: Iterable[tuple[str | None, Log]]) -> dict[str, Any]:
    from evlog.replaying.replay import replay
    from evlog.tables.replayed import registers_of
    from evlog.tables.rows import Batch, log_id, sighting_id

    batch = Batch()
    seen: set[bytes] = set()
    for machine, log in given:
        data = _bytes(log)
        id = log_id(data, log)
        sighting = sighting_id(id, machine, None, None)
        if sighting in seen:
            continue
        replayed = replay(log)
        if id not in seen:
            batch.add_log(id, log, replayed)
        seen |= {id, sighting}
        batch.add_sighting(sighting, id, source=log.name, size=len(data), machine=machine, log=log)
        batch.add_registers(sighting, registers_of(replayed))
    return batch.tables()


def _bytes(log: Log) -> bytes:
    """The log's own bytes; of a format that is only read, as evlog-json."""
    from evlog.errors import EvlogError
    from evlog.intake.read import write

    columns = log.columns
    if columns is not None and columns.typed is not None:
        return bytes(columns.buffer)
    try:
        return write(log)
    except EvlogError:
        return write(log, format="evlog-json")
