"""Conversions from records' fields, and those of the same events one by one: equal on every input, or one is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError
from evlog.formats import room
from evlog.formats.cel import cbor_rows
from evlog.options import Options
from tests import made
from tests.conftest import SAMPLES
from tests.generated import logs, tcg2

if TYPE_CHECKING:
    from evlog import Log

FORMATS = ("cel-tlv", "cel-cbor", "cel-json", "tcg2", "ccel", "evlog-json")


def plain(log: Log) -> Log:
    """Events in a tuple have no columns."""
    return log.replace(events=tuple(log.events))


def outcome(log: Log, to: str, **choices: Any) -> object:
    """All that a conversion gives, and what it refuses."""
    try:
        found = evlog.convert(log, to, **choices)
    except EvlogError as error:
        return type(error), str(error)
    back = found.log
    return found.data, tuple(found.losses), found.changed, tuple(back.events), back.algorithms, back.platform


def agree(log: Log) -> None:
    for to in FORMATS:
        assert outcome(log, to) == outcome(plain(log), to)
        target: Any = room(to)
        rewritten = target.rewrite(log, Options())
        if rewritten is not None:
            adapted, losses = target.adapt(plain(log), Options())
            assert (rewritten[0], ()) == (target.write(adapted, Options()), tuple(losses))


READ = [
    path
    for path in logs()
    if path.parent.name in ("tcg1", "tcg2", "ccel", "cel-tlv", "cel-cbor", "cel-json", "evlog-json")
]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    with suppress(EvlogError):
        agree(evlog.read(path))


@settings(max_examples=60, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]), st.sampled_from(["u32", "minimal", "google"]))
def test_generated(data: bytes, space: str | None, profile: str) -> None:
    log = evlog.read(data, space=space)
    agree(log)
    with suppress(EvlogError):
        agree(evlog.read(evlog.convert(log, "cel-tlv", profile=profile).data))


def told(data: bytes, strict: bool, space: str | None) -> object:
    """All that a reader says of a CEL-CBOR."""
    try:
        log = evlog.read(data, format="cel-cbor", strict=strict, space=space)
    except EvlogError as error:
        return type(error), str(error)
    return plain(log), log.findings, [event.origin for event in log.events], evlog.replay(log).rows


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 24), st.sampled_from([0, 3, 5, 13, 0x80000007]), st.integers(0, 300)), max_size=6
    ),
    st.one_of(st.just(b""), st.binary(max_size=3)),
    st.integers(0, 1 << 16),
    st.booleans(),
    st.sampled_from([None, None, "pcr", "ccmr", "rtmr"]),
)
def test_cbor_in_columns(
    records: list[tuple[int, int, int]], junk: bytes, at: int, strict: bool, space: str | None
) -> None:
    """And record by record."""
    log = made.header("sha1", "sha256") + b"".join(
        made.event(index, kind, bytes(size), "sha1", "sha256") for index, kind, size in records
    )
    data = bytearray(evlog.convert(plain(evlog.read(log)), "cel-cbor").data)
    at %= len(data)
    data[at : at + len(junk)] = junk
    found = told(bytes(data), strict, space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cbor_rows, "rows", lambda *_: None)
        assert told(bytes(data), strict, space) == found


@pytest.mark.parametrize("format", ["cel-cbor", "cel-json"])
def test_banks_in_the_order_of_what_is_measured(format: str) -> None:
    """The header has a digest of a bank that another one comes before."""
    log = made.header("sha1", "sha256") + made.event(1, 5, b"a", "sha256") + made.event(1, 5, bytes(40), "sha1")
    found = evlog.read(evlog.convert(plain(evlog.read(log)), format).data)
    assert found.columns is not None
    assert [alg.name for alg in found.algorithms] == ["sha256", "sha1"]


def test_numbers_of_every_width() -> None:
    """The record numbers of one register, the lengths of data, and event types."""
    sizes = [*range(20, 28), *range(250, 260), 65535, 65536]
    records = [made.event(1, 5, b"x", "sha256")] * 300 + [made.event(2, size, bytes(size), "sha384") for size in sizes]
    log = evlog.read(made.header("sha256", "sha384") + b"".join(records))
    converted = evlog.convert(log, "cel-cbor")
    assert converted.log.columns is not None
    assert converted.data == evlog.convert(plain(log), "cel-cbor").data
    assert tuple(converted.log.events) == tuple(
        event.replace(recnum=number) for event, number in zip(log.events, _numbers(log), strict=True)
    )


def _numbers(log: Log) -> list[int]:
    registers = [event.register for event in log.events]
    return [registers[:row].count(register) for row, register in enumerate(registers)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 1 << 12), st.booleans())
def test_changed_records(junk: bytes, at: int, header: bool) -> None:
    """Of a CEL, whose records may be spelled otherwise, and may not be."""
    log = evlog.read(SAMPLES / "tcg2" / "measured-files.bin")
    columns = evlog.convert(log, "cel-tlv").log.columns
    assert columns is not None
    data = bytearray(columns.buffer[0 if header else columns.offsets[1] :])
    at %= len(data)
    data[at : at + len(junk)] = junk
    with suppress(EvlogError):
        agree(evlog.read(bytes(data), format="cel-tlv"))


def test_no_event_is_made_of_records_that_are_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    log = evlog.read(made.header("sha256", "sha384") + made.event(3, 13, b"data", "sha256", "sha384") * 5000)
    cel = evlog.convert(log, "cel-tlv")
    kept = [log.events[0], cel.log.events[0]]
    for each in (log, cel.log):
        make = each.events._make  # type: ignore[attr-defined]

        def few(row: int, make: Any = make) -> object:
            assert row < 5
            return make(row)

        each.events._make = few  # type: ignore[attr-defined]
    assert evlog.convert(log, "cel-tlv").data == cel.data
    assert evlog.convert(cel.log, "tcg2").data == log.columns.buffer  # type: ignore[union-attr]
    assert kept


@pytest.mark.parametrize("to", FORMATS)
def test_a_reader_that_reads_something_else_is_believed(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is what is read back: a writer of records that errs is found out, and events are written instead."""
    space = "ccmr" if to == "ccel" else "pcr"
    log = evlog.read(made.header("sha256") + made.event(3, 13, b"data", "sha256") * 3, space=space)
    source = log if to == "cel-tlv" else evlog.convert(log, "cel-tlv").log
    right = evlog.convert(source, to)
    target: Any = room(to)
    rewrite = target.rewrite
    asked = []

    def wrong(log: Log, options: Options) -> object:
        data, added = rewrite(log, options)
        asked.append(to)
        said, other = (b"data", b"atad") if "json" not in to else (b"64617461", b"61746164")
        return data.replace(said, other, 1), added

    monkeypatch.setattr(target, "rewrite", wrong)
    assert (evlog.convert(source, to).data, asked) == (right.data, [to])
