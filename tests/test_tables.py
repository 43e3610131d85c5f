"""Logs as Arrow: what the tables are, that they say what the logs say, and that they can be read again."""

from __future__ import annotations

import json
import re
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.checking.known import Known
from evlog.tables.schema import TABLES, arrow, plain
from tests.conftest import ROOT, SAMPLES
from tests.logs import BAD_LOGS, each_sample
from tests.machines import BASE, log_of

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

GOLDEN = ROOT / "tests" / "table_schema.txt"


def told(table: str) -> str:
    """A schema, a line for each field: name, type, whether it may be null, and what its metadata says."""
    schema = arrow(table)
    lines = [f"{table}: {schema.metadata[b'evlog.schema'].decode()}"]
    for field in schema:
        null = "" if field.nullable else " not null"
        lines.append(f"  {field.name} {field.type}{null}: {field.metadata[b'doc'].decode()}")
    return "\n".join(lines)


def test_the_schema_is_the_one_that_was_promised(update: bool) -> None:
    """Columns may be added at the end: nothing else may change without another version."""
    text = "\n".join(map(told, TABLES)) + "\n"
    if update:
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
    assert all(arrow(table).metadata[b"evlog.version"].decode() == evlog.__version__ for table in TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_keys_and_order_name_columns_and_keys_are_never_null_but_in_findings(table: str) -> None:
    what = TABLES[table]
    names = [column.name for column in what.columns]
    assert {*what.key, *what.order} <= {*names}
    assert table == "findings" or all(what[name].required for name in what.key)


def types_in(kind: Any) -> list[Any]:
    inner = [kind.field(at).type for at in range(kind.num_fields)]
    if pa.types.is_dictionary(kind):
        inner = [kind.index_type, kind.value_type]
    return [kind, *(each for one in inner for each in types_in(one))]


@pytest.mark.parametrize("table", TABLES)
def test_the_plain_schema_has_no_type_that_spark_refuses(table: str) -> None:
    """As output of mapInArrow it refuses dictionaries, fixed-size binary, and unsigned numbers."""
    for field in plain(table):
        for kind in types_in(field.type):
            assert not pa.types.is_dictionary(kind), field
            assert not pa.types.is_fixed_size_binary(kind), field
            assert not pa.types.is_unsigned_integer(kind), field
            assert not pa.types.is_large_binary(kind), field
    rich = arrow(table)
    assert plain(table).names == rich.names
    assert [field.nullable for field in plain(table)] == [field.nullable for field in rich]


@pytest.mark.parametrize("table", TABLES)
def test_indices_of_words_have_32_bits(table: str) -> None:
    """Those of 8 would make a file of another type."""
    words = [kind for field in arrow(table) for kind in types_in(field.type) if pa.types.is_dictionary(kind)]
    assert words
    assert {str(kind.index_type) for kind in words} == {"int32"}


def test_a_stream_is_fresh_at_each_call() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "ovmf.bin")
    events = evlog.table(log).events
    for source in (log, events):
        first, second = pa.table(source), pa.table(source)
        assert first.num_rows == second.num_rows == len(log.events)
        assert first.equals(second)
        assert first.schema.equals(arrow("events"), check_metadata=True)
        assert pa.schema(source).equals(arrow("events"), check_metadata=True)


def test_duckdb_reads_a_table_twice() -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    events = evlog.table(evlog.read(BASE)).events
    connection = duckdb.connect()
    connection.register("events", pa.table(events))
    for _ in range(2):
        assert connection.execute("SELECT count(*) FROM events").fetchall() == [(25,)]


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    log = evlog.read(BASE)
    tables = evlog.table(log)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for stream in (log.__arrow_c_stream__, tables.events.__arrow_c_stream__, log.__arrow_c_schema__):
        with pytest.raises(evlog.UsageError, match=r"pyarrow is not installed: pip install 'evlog-toolkit\[tables\]'"):
            stream()


def json_of(log: evlog.Log) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = log.to_json()["events"]
    return found


@each_sample
def test_events_say_what_the_log_says(format: str, path: Path) -> None:
    """By the columns or event by event: register, digests, data and place are those of the document of the log."""
    log = evlog.read(path)
    rows = pa.table(log).to_pylist()
    data = path.read_bytes()
    checks = evlog.check(log)
    assert [row["number"] for row in rows] == list(range(len(log.events)))
    for row, event, checked in zip(rows, json_of(log), checks, strict=True):
        assert (row["register"], row["measured"]) == (event["register"], event["measured"])
        digests = [(each["alg"], each["digest"]) for each in event["digests"]]
        others = [(each["alg"], each["value"].hex()) for each in row["other_digests"] or ()]
        own = [(bank, row[bank].hex()) for bank in ("sha1", "sha256", "sha384", "sha512", "sm3_256") if row[bank]]
        assert sorted(own + others) == sorted(digests)
        assert (row["offset"], row["length"]) == (event["offset"], event["length"])
        verdicts = {check.verdict for check in checked}
        worst = next((each for each in ("mismatch", "matches", "not_checkable") if each in verdicts), None)
        assert row["digest_check"] == worst
        content = log.events[row["number"]].content
        if isinstance(content, evlog.PCClientEvent):
            assert (row["type"], row["body_bytes"]) == (content.event_type_name, len(content.data))
            assert row["body"] == sha256(content.data).digest()
            if format in ("tcg1", "tcg2", "ccel"):
                end = row["offset"] + row["length"]
                assert data[end - row["body_bytes"] : end] == content.data


def test_the_tables_join() -> None:
    first, second = evlog.read(BASE), evlog.read(log_of(7))
    machines: dict[str, evlog.Log | list[evlog.Log]] = {"m1": first, "m2": [second, second], "m3": first}
    tables = evlog.table(machines)
    logs = pa.table(tables.logs).to_pylist()
    assert [row["machine"] for row in logs] == ["m1", "m2", "m3"]
    assert len({row["log"] for row in logs}) == 2
    assert logs[0]["log"] == sha256(BASE.read_bytes()).digest()
    events = pa.table(tables.events).to_pylist()
    assert len(events) == len(first.events) + len(second.events)
    bodies = {row["body"]: row["data"] for row in pa.table(tables.bodies).to_pylist()}
    assert {row["body"] for row in events} == set(bodies)
    assert all(sha256(data).digest() == body for body, data in bodies.items())
    registers = pa.table(tables.registers).to_pylist()
    mine = {
        (row["register"], row["bank"]): row["replayed"]
        for row in registers
        if row["sighting"] == next(each["sighting"] for each in logs if each["machine"] == "m2")
    }
    replayed = evlog.replay(second)
    assert mine == {(str(row.register), str(row.alg)): row.value for row in replayed.rows}


@pytest.mark.parametrize("path", [path for path in BAD_LOGS if path.is_file()], ids=lambda path: path.name)
def test_odd_logs_have_rows(path: Path) -> None:
    try:
        log = evlog.read(path)
    except evlog.EvlogError:
        return
    tables = evlog.table(log)
    (row,) = pa.table(tables.logs).to_pylist()
    assert (row["failed"], row["events"]) == (log.failed, len(log.events))
    codes = {each.code for each in (*log.findings, *evlog.check(log).findings)}
    assert codes <= {each["code"] for each in pa.table(tables.findings).to_pylist()}


@each_sample
def test_records_that_are_known_are_judged_as_any(format: str, path: Path) -> None:
    """A second time from what is kept of the first; and after records that no other log has."""
    log = evlog.read(path)
    known = Known()
    plainly = evlog.check(log)
    for _ in range(2):
        found = known.check(log)
        assert found.findings == plainly.findings
        assert tuple(found.events) == tuple(plainly.events)
        assert found.conventions == plainly.conventions


def test_records_of_two_byte_orders_are_not_taken_for_one_another() -> None:
    """The same known records serve logs of all samples, one after the other, in any order."""
    known = Known()
    logs = [evlog.read(path) for path in sorted((SAMPLES / "tcg1").iterdir()) if not path.name.endswith(".json")]
    logs += [evlog.read(path) for path in sorted((SAMPLES / "tcg2").iterdir()) if not path.name.endswith(".json")]
    for log in [*logs, *reversed(logs)]:
        assert known.check(log).findings == evlog.check(log).findings


def test_what_is_known_is_forgotten_within_bounds() -> None:
    known = Known(most=1 << 12)
    for number in range(20):
        log = evlog.read(log_of(number))
        assert known.check(log).findings == evlog.check(log).findings
    assert known._held < 1 << 18


def test_names_that_are_no_text_stay_in_the_table() -> None:
    """Of a file in an IMA list, whoever named it."""
    digest = b"\0" * 20
    name = b"/tmp/\xff\xfe\x1b[2J\0"
    data = len(digest + b"sha1:\0").to_bytes(4, "little") + b"sha1:\0" + digest
    data += len(name).to_bytes(4, "little") + name
    log = evlog.Log("ima-binary", (evlog.Event(0, evlog.Register("pcr", 10), (), evlog.ImaEvent("ima-ng", data)),))
    (row,) = pa.table(evlog.table(log).events).to_pylist()
    assert row["name"] == json.loads('"/tmp/\\\\xff\\\\xfe\\\\x1b[2J"')
    assert row["name"].isprintable()


#: The tables as a document has them, made from their declaration.
SCHEMA = re.compile(r"(?<=<!-- tables -->\n).*?(?=<!-- end -->)", re.DOTALL)
WORDS = {
    "id": "32 bytes",
    "word": "text, by dictionary",
    "words": "list of text",
    "string": "text",
    "binary": "bytes",
    "bool": "yes or no",
    "int32": "number",
    "int64": "number",
    "time": "time, microseconds, UTC",
    "date": "day",
    "digests": "list of (alg, value)",
}


def test_the_document_has_every_column(update: bool) -> None:
    path = ROOT / "docs" / "verbs" / "table.md"
    lines = []
    for table in TABLES.values():
        lines += [
            f"### {table.name}",
            "",
            f"{table.doc[0].upper()}{table.doc[1:]}.",
            "",
            "| column | type | what it says |",
        ]
        lines.append("|---|---|---|")
        for each in table.columns:
            kind = WORDS.get(each.type) or f"{each.type.removeprefix('bytes')} bytes"
            lines.append(f"| `{each.name}`{'' if each.required else ' (may be null)'} | {kind} | {each.doc} |")
        lines.append("")
    text, made = path.read_text(), "\n".join(lines)
    if update:
        path.write_text(SCHEMA.sub(lambda _: made, text))
    assert SCHEMA.findall(path.read_text()) == [made]
