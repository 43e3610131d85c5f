"""Splitting by the bytes of records, and by their events: equal on every input, or one is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError, Log
from evlog.changing import split as _split
from tests import made
from tests.conftest import SAMPLES
from tests.generated import logs, tcg2


def outcome(log: Log) -> object:
    """All that splitting gives, and what it refuses."""
    try:
        found = _split.split(log)
    except EvlogError as error:
        return type(error), str(error)
    parts = [
        (
            part.register,
            part.data,
            part.values,
            part.log,
            part.log.findings,
            [event.origin for event in part.log.events],
        )
        for part in found.parts
    ]
    return found.format, parts, found.losses


def by_events(log: Log) -> object:
    with mock.patch.object(_split, "excerpt", return_value=None):
        return outcome(log)


def agree(log: Log) -> None:
    assert outcome(log) == by_events(log) == by_events(log.replace(events=tuple(log.events)))


@pytest.mark.parametrize("path", logs(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_samples(path: Path) -> None:
    with suppress(EvlogError):
        agree(evlog.read(path))


@settings(max_examples=80, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]), st.sampled_from(["u32", "minimal", "google"]))
def test_generated(data: bytes, space: str | None, profile: str) -> None:
    log = evlog.read(data, space=space)
    agree(log)
    for to in ("cel-tlv", "cel-cbor"):
        with suppress(EvlogError):
            agree(evlog.read(evlog.convert(log, to, profile=profile).data))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 1 << 12), st.sampled_from(["tcg2", "cel-tlv", "cel-cbor"]))
def test_changed_records(junk: bytes, at: int, format: str) -> None:
    log = evlog.read(SAMPLES / "tcg2" / "measured-files.bin")
    data = bytearray(evlog.convert(log, format).data)
    at %= len(data)
    data[at : at + len(junk)] = junk
    with suppress(EvlogError):
        agree(evlog.read(bytes(data), format=format))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 7, 24, 0x01C40200, 0xFFFFFFFF]),
            st.sampled_from([3, 5, 13]),
            st.sampled_from([("sha256",), ("sha1", "sha256"), ("sha256", "sha1")]),
        ),
        max_size=8,
    ),
    st.sampled_from(["tcg2", "cel-tlv", "cel-cbor"]),
    st.sampled_from([b"", b"\0" * 40, b"\xff" * 7 + b"x"]),
)
def test_registers(records: list[tuple[int, int, tuple[str, ...]]], format: str, tail: bytes) -> None:
    """Some of which nothing extends, and in records of several layouts."""
    events = b"".join(made.event(index, kind, b"data", *banks) for index, kind, banks in records)
    log = evlog.read(made.header("sha1", "sha256") + events + tail)
    with suppress(EvlogError):
        agree(evlog.convert(log, format).log if format != "tcg2" else log)


@pytest.mark.parametrize("format", ["tcg2", "cel-tlv", "cel-cbor"])
def test_no_event_is_made_of_records_that_stay(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    records = made.event(3, 13, b"data", "sha256", "sha384") + made.event(4, 13, b"more", "sha256", "sha384")
    log = evlog.convert(evlog.read(made.header("sha256", "sha384") + records * 3000), format).log
    monkeypatch.setattr(_split, "convert", None)
    make = log.events._make  # type: ignore[attr-defined]

    def few(row: int) -> object:
        assert row < 5
        return make(row)

    log.events._make = few  # type: ignore[attr-defined]
    found = _split.split(log)
    assert [len(part.log.events) for part in found.parts] == [3001, 3001]
