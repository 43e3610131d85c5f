"""A lake as DuckDB sees it: the tables of its commits as views, held to reading them.

SQL is code, so that several things hold it, each enough for what it is for: a question is one SELECT, of which
DuckDB's own parser tells the kind and the table functions that it calls; no file can be opened but the lake's own
parts; the transaction is read-only; and the configuration is locked, with a limit of memory, a number of threads and
a private folder to spill into. Left to itself DuckDB keeps neither a COPY from writing into a folder that may be read,
nor ``EXPLAIN ANALYZE COPY`` (tried on 1.5 and 2.0). A service that takes questions from strangers needs a sandbox of
the system's all the same (DuckDB, "Securing DuckDB").
"""

from __future__ import annotations

import os
import re

from evlog.errors import ParseError, SourceError, UsageError
from evlog.tables.answer import Answer
from evlog.tables.lake import files
from evlog.tables.schema import TABLES, Table, arrow, missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = ["MEMORY", "Reader"]

#: What DuckDB may use of memory unless it is told otherwise; beyond it spills into a temporary folder.
MEMORY = "1GB"
# Rows of an answer that are in memory at once.
_BATCH = 2048
_SIZE = re.compile(r"\d+(\.\d+)? ?([KMGT]i?)?B")
_SCHEMA = re.compile(r"evlog\.table\.(\w+)/(\d+)")

#: Table functions that a question may call: they make rows of what is in the question or in the catalog of views.
_FUNCTIONS = frozenset(
    (
        *("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"),
        *("histogram", "histogram_values", "summary", "pragma_table_info", "pragma_version"),
        *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_tables", "duckdb_types", "duckdb_views"),
    )
)

#: Views besides the tables: what is asked most.
_VIEWS = {
    "latest": "SELECT * FROM logs QUALIFY row_number() OVER "
    "(PARTITION BY machine, role ORDER BY collected_at DESC NULLS LAST, sighting) = 1",
    "seen": "SELECT * FROM logs JOIN events USING (log)",
}
_LOCKS = (
    "python_enable_replacements=false",
    "python_scan_all_frames=false",
    "autoinstall_known_extensions=false",
    "autoload_known_extensions=false",
    "allow_community_extensions=false",
    "enable_external_access=false",
    "lock_configuration=true",
)


class Reader:
    """A lake that is open for questions; a context manager, as there is a folder and a connection to give back.

    Besides the five tables there are two views: ``latest``, the last log of each machine in each role, and ``seen``,
    every sighting with its events. ``memory`` is a size as DuckDB takes it (``1GB``), ``timeout`` seconds for one
    question. Raises SourceError for what is no lake, ParseError for a part that is no table of evlog's, and UsageError
    for a lake of a newer version, or without the extra ``[tables]``.
    """

    def __init__(
        self, lake: str, *, memory: str = MEMORY, threads: int | None = None, timeout: float | None = None
    ) -> None:
        import tempfile

        if not _SIZE.fullmatch(memory):
            raise UsageError(f"memory of {memory!r}: a size such as 512MB or 4GB was expected")
        duckdb = _duckdb()
        self.parts = {table: tuple(map(os.path.abspath, paths)) for table, paths in files(os.fspath(lake)).items()}
        for table, paths in self.parts.items():
            if paths:
                _check(TABLES[table], paths[-1])
        self._timeout = timeout
        self._errors: tuple[type[Exception], ...] = (duckdb.Error, OSError)
        self._spill = tempfile.TemporaryDirectory(prefix="evlog-query-")
        self._connection = duckdb.connect(":memory:")
        try:
            self._open(memory, threads)
        except self._errors as error:
            self.close()
            raise SourceError(f"{lake}: {_words(error)}") from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection and the folder."""
        self._connection.close()
        self._spill.cleanup()

    def about(self) -> dict[str, Any]:
        """What was asked: the version of each table, and the number of parts that count."""
        return {
            "schemas": {name: table.schema for name, table in TABLES.items()},
            "parts": {name: len(paths) for name, paths in self.parts.items()},
        }

    def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question of somebody else's: one SELECT, with values for its ``$names``.

        Raises UsageError for anything but one SELECT, for one that would look outside of the lake, and for what DuckDB
        finds wrong with it, also while rows are taken.
        """
        self._judge(sql)
        return self.answer(sql, values)

    def answer(self, sql: str, values: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question of evlog's own."""
        with _Clock(self._connection, self._timeout) as clock:
            try:
                reader = self._arrow(sql, dict(values or {}))
            except self._errors as error:
                raise UsageError(clock.words or _words(error)) from error
            except RuntimeError as error:
                raise _stopped(error) from error
        return Answer(reader.schema, self._batches(reader))

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a question of evlog's own."""
        return list(self.answer(sql, values).rows())

    def _batches(self, reader: Any) -> Iterator[Any]:
        import pyarrow as pa

        with _Clock(self._connection, self._timeout) as clock:
            try:
                yield from reader
            except (*self._errors, pa.ArrowException) as error:
                raise UsageError(clock.words or _words(error)) from error
            except RuntimeError as error:
                raise _stopped(error) from error

    def _arrow(self, sql: str, values: dict[str, Any]) -> Any:
        """A reader of batches that are made as they are taken, which each major version does in another way."""
        connection = self._connection
        if int(_duckdb().__version__.partition(".")[0]) >= 2:
            return connection.sql(sql, params=values or None).to_arrow_reader(_BATCH)
        result = connection.execute(sql, values or None)
        take = getattr(result, "to_arrow_reader", None) or result.fetch_record_batch
        return take(_BATCH)

    def _open(self, memory: str, threads: int | None) -> None:
        """Make the views, and hold the connection to them."""
        run = self._connection.execute
        for table in TABLES.values():
            self._table(table)
        for name, sql in _VIEWS.items():
            run(f"CREATE VIEW {name} AS {sql}")
        paths = [path for each in self.parts.values() for path in each]
        # A part is looked up by its pattern, then opened by its path.
        allowed = dict.fromkeys([*map(_literal, paths), *map(_pattern, paths)])
        run(f"SET allowed_paths=[{', '.join(allowed)}]")
        run(f"SET temp_directory={_literal(self._spill.name)}")
        run(f"SET memory_limit={_literal(memory)}")
        run("SET TimeZone='UTC'")
        if threads is not None:
            run(f"SET threads={threads:d}")
        for each in _LOCKS:
            run(f"SET {each}")
        run("BEGIN TRANSACTION READ ONLY")

    def _table(self, table: Table) -> None:
        """The view of a table: all of its parts by name, with the columns that none of them has yet as null."""
        run = self._connection.execute
        empty = f"no_{table.name}"
        self._connection.register("as_declared", arrow(table.name).empty_table())
        run(f"CREATE TABLE {empty} AS SELECT * FROM as_declared")
        self._connection.unregister("as_declared")
        paths = self.parts[table.name]
        if not paths:
            run(f"CREATE VIEW {table.name} AS SELECT * FROM {empty}")
            return
        parts = f"read_parquet([{', '.join(map(_pattern, paths))}], union_by_name=true, hive_partitioning=false)"
        there = {row[0] for row in run(f"DESCRIBE SELECT * FROM {parts}").fetchall()}
        declared = run(f"DESCRIBE {empty}").fetchall()
        absent = "".join(f', CAST(NULL AS {row[1]}) AS "{row[0]}"' for row in declared if row[0] not in there)
        run(f"CREATE VIEW {table.name} AS SELECT *{absent} FROM {parts}")

    def _judge(self, sql: str) -> None:
        """Raise UsageError for anything but one SELECT that reads the lake."""
        import json

        try:
            statements = self._connection.extract_statements(sql)
        except self._errors as error:
            raise UsageError(_words(error)) from error
        kinds = [str(each.type).rpartition(".")[2] for each in statements]
        if kinds != ["SELECT"]:
            found = ", ".join(kinds).replace("_", " ") or "nothing"
            raise UsageError(f"a question is one SELECT, and this is {found}")
        try:
            row = self._connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [sql]).fetchall()[0]
        except self._errors as error:
            raise UsageError(_words(error)) from error
        told = json.loads(row[0])
        if told.get("error"):
            raise UsageError(f"a question is one SELECT, and nothing inside it may be another statement: {_told(told)}")
        for name in sorted(set(_functions(told)) - _FUNCTIONS):
            raise UsageError(f"{name}: a question reads the tables of the lake, and calls no function beyond them")


class _Clock:
    """Interrupts what a connection does when the time is up; ``words`` then say so."""

    def __init__(self, connection: Any, seconds: float | None) -> None:
        self._connection, self._seconds = connection, seconds
        self._timer: Any = None
        self.words = ""

    def __enter__(self) -> _Clock:
        if self._seconds is not None:
            from threading import Timer

            self._timer = Timer(self._seconds, self._stop)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _stop(self) -> None:
        self.words = f"the question took longer than {self._seconds:g} seconds, and was stopped"
        self._connection.interrupt()


def _stopped(error: RuntimeError) -> BaseException:
    """What DuckDB makes of Ctrl-C, as Python has it; any other error as it is."""
    return KeyboardInterrupt() if "Query interrupted" in str(error) else error


def _duckdb() -> Any:
    try:
        import duckdb
        import pyarrow  # noqa: F401 - batches are of it
    except ImportError as error:
        raise missing(error) from None
    return duckdb


def _check(table: Table, path: str) -> None:
    """Raise UsageError for a part of a version that this evlog does not know, ParseError for none of evlog's."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path}: {_words(error)}") from error
    said = metadata.get(b"evlog.schema", b"").decode("utf-8", "replace")
    if said == table.schema:
        return
    if _SCHEMA.fullmatch(said) and said.rpartition("/")[0] == table.schema.rpartition("/")[0]:
        raise UsageError(f"{path}: {said}, and this evlog reads {table.schema}")
    raise ParseError(f"{path}: no table of evlog ({table.schema} was expected)")


def _functions(tree: Any) -> Iterator[str]:
    """The names of the table functions that a statement, as DuckDB serializes it, calls at any depth."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if node.get("type") == "TABLE_FUNCTION":
                function = node.get("function")
                yield str(function.get("function_name")).lower() if isinstance(function, dict) else "a table function"
            waiting += node.values()


def _told(told: dict[str, Any]) -> str:
    return " ".join(str(told.get("error_message", "")).split()) or "DuckDB does not tell what it is"


def _words(error: Exception) -> str:
    """What DuckDB finds wrong, on one line and without a picture of the question."""
    text = str(error).split("\n\nLINE ")[0]
    return " ".join(text.split()) or type(error).__name__


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def _pattern(path: str) -> str:
    """A path as one that matches itself only: `read_parquet` takes patterns."""
    return _literal(re.sub(r"([\[*?])", r"[\1]", path))
