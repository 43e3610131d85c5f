"""Long textual logs: the way through columns says what the way through events does, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog.changing import convert as _convert
from evlog.changing.convert import Conversion
from evlog.errors import EvlogError
from evlog.formats.text import adapt
from evlog.merging.merge import Merged, merge
from evlog.model import Log
from evlog.registers import Register

LINES = st.sampled_from(
    [b"", b"a", b"b", b" a", b"a ", b"\xa0", b"\r", b"a\r", b"# a", b"# .EXTEND " + b"11" * 48, b"a b c", b"\xff"]
)
STATEMENTS = st.sampled_from([b"INIT sha384/" + b"00" * 48, b"SYNC sha384/" + b"22" * 48, b"INIT sha256/" + b"0" * 64])
DIALECTS = st.sampled_from(["nelr", "tsm-text", "aael-text", "aael-spec", "acon"])


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    lines = [*draw(st.lists(STATEMENTS, max_size=1)), *draw(st.lists(st.one_of(LINES, LINES, STATEMENTS), max_size=9))]
    return b"\n".join([b"x", *lines]) + draw(st.sampled_from([b"", b"\n", b"\n\n"]))


def read(data: bytes, dialect: str, name: str) -> Log:
    return evlog.read(data, format="text", register=Register.parse("rtmr:3"), dialect=dialect).replace(name=name)


def merged(logs: Sequence[Log]) -> tuple[Merged, Conversion] | str:
    """What merging some logs into lines gives, or the refusal."""
    try:
        whole = merge(logs)
        return whole, _convert.convert(whole.log, "text")
    except EvlogError as error:
        return str(error)


def through_events(logs: Sequence[Log]) -> tuple[Merged, Conversion] | str:
    with mock.patch.object(adapt, "_as_they_are", return_value=None):
        return merged([log.replace(events=tuple(log.events)) for log in logs])


@settings(max_examples=150, deadline=None)
@given(st.lists(texts(), min_size=1, max_size=3), DIALECTS)
def test_merged_lines(data: list[bytes], dialect: str) -> None:
    logs = [read(each, dialect, str(place)) for place, each in enumerate(data)]
    with mock.patch.object(_convert, "_FEW", 0):
        quick = merged(logs)
    slow = through_events(logs)
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow
        return
    assert quick[0].handovers == slow[0].handovers
    assert quick[0].overlaps == slow[0].overlaps
    assert quick[0].log.findings == slow[0].log.findings
    assert quick[1].data == slow[1].data
    assert tuple(quick[1].losses) == tuple(slow[1].losses)
    assert quick[1].log == slow[1].log
    assert quick[1].log.findings == slow[1].log.findings


def test_a_merge_of_lines_makes_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"INIT sha384/" + b"0" * 96
    logs = [read(head + b"\n" * 5000 + b"\n".join(words) + b"\n", "nelr", "") for words in ([b"a", b"b"], [b"c", b"d"])]
    monkeypatch.setattr(adapt._Adaptation, "result", None)
    whole = merge(logs)
    assert _convert.convert(whole.log, "text").data == b"".join(bytes(log.columns.buffer) for log in logs)  # type: ignore[union-attr]
