"""Conversions of textual logs through columns, and those of the same events one by one: equal on every input."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import EvlogError, Log
from evlog.changing import convert as _convert
from evlog.changing import lines as _lines
from evlog.merging.merge import merge
from evlog.registers import Register
from tests.test_lines import DIALECTS, texts
from tests.test_packed import FORMATS, outcome, plain

REGISTERS = st.sampled_from(["rtmr:3", "ccmr:4", "ccmr:0", "rem:2", "pcr:8", "pcr:30", "mr:app", None])
PLATFORMS = st.sampled_from([None, None, "tdx", "cca", "csv", "snp"])


def named(register: str | None) -> Register | None:
    return None if register is None else Register.parse(register)


def agree(log: Log, **choices: Any) -> None:
    for to in (*FORMATS, "evlog-json"):
        assert outcome(log, to, **choices) == outcome(plain(log), to, **choices)


PLAIN = st.lists(st.sampled_from([b"a\n", b"a b c\n", b"\n", b"# c\n", b"\xff\n"]), min_size=1, max_size=6).map(
    b"".join
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(texts(), PLAIN), DIALECTS, REGISTERS, PLATFORMS, st.booleans())
def test_lines(data: bytes, dialect: str, register: str | None, platform: str | None, changed: bool) -> None:
    log = evlog.read(data, format="text", dialect=dialect, register=named(register))
    agree(log, allow_changed=changed, platform=platform)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts(), min_size=1, max_size=2), DIALECTS, st.sampled_from(["rtmr:3", "pcr:8"]), st.data())
def test_merged_and_chosen(data: list[bytes], dialect: str, register: str, drawn: st.DataObject) -> None:
    logs = [evlog.read(each, format="text", dialect=dialect, register=named(register)) for each in data]
    choices: dict[str, Any] = {
        "space": drawn.draw(st.sampled_from([None, "pcr", "ccmr"])),
        "mr_key": drawn.draw(st.sampled_from([None, None, "pcr", "rtmr", "type108"])),
        "profile": drawn.draw(st.sampled_from([None, None, "u32", "minimal"])),
        "encapsulate": drawn.draw(st.sampled_from([None, None, "tag"])),
        "hash": drawn.draw(st.sampled_from([None, "sha256"])),
    }
    agree(merge(logs).log, **choices)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"", b"1 ", b"2 ", b"rtmr3 ", b"pcr8 "]), st.sampled_from([b"a", b"b c", b"# x"])),
        max_size=6,
    ),
    st.sampled_from(["ccmr", "pcr", "rtmr", "ccmr-hashed"]),
    DIALECTS,
)
def test_global_logs(lines: list[tuple[bytes, bytes]], index: str, dialect: str) -> None:
    data = b"1 a\n" + b"".join(b"%b%b\n" % line for line in lines)
    agree(evlog.read(data, format="text", dialect=dialect, index=index))


@pytest.mark.parametrize(("to", "register"), [("cel-tlv", "rtmr:3"), ("cel-cbor", "ccmr:4"), ("tcg2", "pcr:8")])
def test_no_event_is_made_of_lines(to: str, register: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands, of which some are not measured: but for a few of each register."""
    data = b"INIT sha384/" + b"0" * 96 + b"\n" + b"a\n\n# comment\n" * 5000
    log = evlog.read(data, format="text", dialect="nelr", register=named(register))
    expected = outcome(plain(log), to)
    make = log.events._make  # type: ignore[attr-defined]

    def few(row: int) -> object:
        assert row < 5
        return make(row)

    log.events._make = few  # type: ignore[attr-defined]
    monkeypatch.setattr(_convert, "_written", None)
    found = evlog.convert(log, to)
    log.events._make = make  # type: ignore[attr-defined]
    assert outcome(log, to) == expected
    assert len(found.losses) == 10001 + (to == "cel-cbor")  # and the dialect


def test_odd_spellings_are_told_of_where_they_are() -> None:
    data = b"INIT sha384/" + b"0" * 96 + b"\n" + b"a\nb\r\n\n  c\n" * 3 + b"d"
    log = evlog.read(data, format="text", dialect="tsm-text", register=named("rtmr:3"))
    with mock.patch.object(_convert, "_written", None):
        found = evlog.convert(log, "cel-tlv")
    assert [loss.event for loss in found.losses if loss.field == "spelling"] == [2, 4, 6, 8, 10, 12, 13]
    assert outcome(log, "cel-tlv") == outcome(plain(log), "cel-tlv")


def test_many_odd_spellings_are_for_events() -> None:
    log = evlog.read(b"a\r\n" * 20, format="text", dialect="tsm-text", register=named("rtmr:3"))
    with mock.patch.object(_lines, "_FEW", 8), suppress(EvlogError):
        agree(log)
