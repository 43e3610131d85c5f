"""`evlog.tables.map_batches`: the rows of one process, whatever the split, in types that every engine takes."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from typing import Any

import pytest

import evlog
from evlog.tables import map_batches, mapped_schema, spark_schema
from evlog.tables.schema import TABLES
from tests.conftest import SAMPLES

pa = pytest.importorskip("pyarrow", reason="the extra [tables] is not installed")

LOGS = [
    *sorted((SAMPLES / "tcg2").glob("*.bin")),
    *sorted((SAMPLES / "tcg1").glob("*.bin")),
    *sorted((SAMPLES / "ima-binary").glob("*.bin")),
    *sorted((SAMPLES / "bad").glob("*")),
]
each_table = pytest.mark.parametrize("table", TABLES)


def batch(paths: list[Any], **more: list[Any]) -> Any:
    names = [str(path.relative_to(SAMPLES)) for path in paths]
    return pa.record_batch({"path": names, "content": [path.read_bytes() for path in paths], **more})


def mapped(batches: list[Any], table: str) -> list[dict[str, Any]]:
    made = list(map_batches(batches, table))
    assert all(each.schema.equals(mapped_schema(table)) for each in made)
    return [row for each in made for row in each.to_pylist()]


@each_table
def test_types_that_engines_take(table: str) -> None:
    """Spark 4.3 refuses dictionaries, fixed-size binary and unsigned numbers as output of mapInArrow."""

    def parts(type: Any) -> Any:
        yield type
        for at in range(type.num_fields):
            yield from parts(type.field(at).type)

    is_ = pa.types
    for field in mapped_schema(table):
        assert field.nullable
        for type in parts(field.type):
            refused = is_.is_dictionary(type) or is_.is_fixed_size_binary(type) or is_.is_unsigned_integer(type)
            assert not refused, field
    assert [name.strip("`") for name in spark_schema(table).split(" ")[::2] if name.startswith("`")]


def test_what_spark_is_told() -> None:
    assert spark_schema("findings") == (
        "`log` BINARY, `code` STRING, `severity` STRING, `message` STRING, `event` INT, `offset` BIGINT, "
        "`sighting` BINARY, `path` STRING, `error` STRING"
    )
    assert "`other_digests` ARRAY<STRUCT<`alg`: STRING, `value`: BINARY>>" in spark_schema("events")
    assert "`collected_at` TIMESTAMP" in spark_schema("logs")


@pytest.mark.parametrize("table", [name for name in TABLES if name != "bodies"])
def test_rows_do_not_depend_on_their_neighbours(table: str) -> None:
    whole = mapped([batch(LOGS)], table)
    order = random.Random(4).sample(LOGS, len(LOGS))
    split = mapped([batch(order[at : at + 7]) for at in range(0, len(order), 7)], table)
    assert sorted(map(repr, whole)) == sorted(map(repr, split))
    assert whole


def test_bodies_are_the_same_set() -> None:
    def told(batches: list[Any]) -> set[tuple[bytes, bytes]]:
        return {(row["body"], row["data"]) for row in mapped(batches, "bodies") if row["error"] is None}

    assert told([batch(LOGS)]) == told([batch([path]) for path in LOGS])


def test_the_rows_are_those_of_the_library() -> None:
    path = SAMPLES / "tcg2" / "secure-boot.bin"
    log = evlog.read(path)
    events = mapped([batch([path])], "events")
    expected = pa.table(evlog.table(log).events).to_pylist()
    assert [{name: row[name] for name in expected[0]} for row in events] == expected
    assert {row["path"] for row in events} == {"tcg2/secure-boot.bin"}
    replayed = {(row["register"], row["bank"]): row["replayed"] for row in mapped([batch([path])], "registers")}
    assert replayed == {(str(row.register), str(row.alg)): row.value for row in evlog.replay(log).rows}


@each_table
def test_what_is_no_log_is_a_row(table: str) -> None:
    given = pa.record_batch({"path": ["a", "b", "c"], "content": [b"no log" * 30, None, b""]})
    rows = mapped([given], table)
    assert [row["path"] for row in rows] == ["a", "b", "c"]
    assert all(row["error"] for row in rows)
    assert all(value is None for row in rows for name, value in row.items() if name not in ("path", "error"))


def test_a_log_that_is_damaged_is_a_log() -> None:
    path = SAMPLES / "tcg2" / "ovmf.bin"
    given = pa.record_batch({"path": ["cut"], "content": [path.read_bytes()[:-9]]})
    (row,) = mapped([given], "logs")
    assert (row["failed"], row["error"], row["format"]) == (True, None, "tcg2")


def test_what_is_known_of_a_log_besides() -> None:
    path = SAMPLES / "tcg2" / "ovmf.bin"
    time = datetime(2026, 11, 17, 8, tzinfo=timezone.utc)
    given = batch([path], machine=["m1"], boot=["7"], collected_at=[time])
    (row,) = mapped([given], "logs")
    assert (row["machine"], row["boot"], row["collected_at"], row["day"]) == ("m1", "7", time, time.date())
    # Spark's binaryFile calls it so.
    spark = pa.record_batch({"path": ["x"], "modificationTime": [time], "length": [1], "content": [path.read_bytes()]})
    (other,) = mapped([spark], "logs")
    assert other["collected_at"] == time
    assert other["sighting"] != row["sighting"]


def test_what_makes_no_sense() -> None:
    with pytest.raises(evlog.UsageError, match="no table 'event'; there are logs, events"):
        mapped_schema("event")
    with pytest.raises(evlog.UsageError, match="a column path and one of content"):
        list(map_batches([pa.record_batch({"path": ["a"]})]))
