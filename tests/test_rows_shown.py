"""What `evlog show` says of events, out of records and one by one: equal on every input, or one is wrong."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog.checking import late
from evlog.checking.bodies import Bodies
from evlog.checking.check import check
from evlog.checking.late import LateChecks, checks_of
from evlog.cli import _events_json, _row_lines, _row_texts
from evlog.cli._event_lines import EventLines, Frame
from evlog.cli._event_texts import EventTexts
from evlog.cli._packed_rows import packed_in_place
from evlog.cli._page import Page
from evlog.decoders import Context, Decoded, decode, to_json
from evlog.decoders.json_text import json_text
from evlog.errors import EvlogError
from evlog.formats import room
from evlog.model import Finding, Log
from tests.generated import logs, tcg1, tcg2
from tests.made import event, header


def one_by_one(log: Log) -> tuple[list[str], tuple[Finding, ...]]:
    """The JSON of each event, and what was found in their data, as the format and the decoders give it."""
    checks, context, bodies = check(log), Context.of(log), Bodies()
    texts = []
    for each, checked in zip(log.events, checks, strict=True):
        [members] = room("evlog-json").document(log.replace(events=(each,)))["events"]
        decoded = decode(each, context)
        bodies.look(each, decoded)
        said = to_json(decoded)
        if said is None and each.content.decoded is not None:
            said = {"kind": each.content.kind, **(to_json(each.content.decoded) or {})}
        members["decoded"] = said
        members["checks"] = [{"alg": str(c.alg), "verdict": c.verdict, "rule": c.rule} for c in checked]
        mark = each.content.mark(each)
        if mark:
            members["mark"] = mark
        texts.append(json.dumps(members))
    return texts, bodies.findings()


def kept(found: object) -> tuple[Finding, ...]:
    return ()


def agree(log: Log) -> None:
    """JSON and lines of all events, by each way that there is."""
    numbers = range(len(log.events))
    expected = one_by_one(log)
    whole, some = check(log), (LateChecks(log, kept) if log.columns is not None else check(log))
    assert list(checks_of(some, numbers)) == list(whole)
    texts = [EventTexts(log, whole, first := Bodies()).of(numbers)]
    found = [first.findings()]
    page = Page("never")
    frame = Frame(page, {each: str(each) for each in log.registers}, (8, 12))
    lines = [EventLines(log, whole, Bodies(), frame)]
    packed = packed_in_place(log)
    if packed is not None:
        texts.append(_row_texts.RowTexts(log, some, second := Bodies(), packed).of(numbers))
        found.append(second.findings())
        lines.append(_row_lines.RowLines(log, some, Bodies(), frame, packed))
    assert all(each == expected[0] for each in texts)
    assert all(each == expected[1] for each in found)
    shown = [[page._plain(parts) for parts in each.of(numbers)] for each in lines]
    assert shown[0] == shown[-1]
    assert lines[0].counts == lines[-1].counts


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    try:
        log = evlog.read(path)
    except EvlogError:
        return
    agree(log)


@settings(max_examples=80, deadline=None)
@given(st.one_of(tcg1(), tcg2()), st.sampled_from([None, "pcr", "ccmr"]))
def test_generated(data: bytes, space: str | None) -> None:
    try:
        log = evlog.read(data, space=space)
    except EvlogError:
        return
    agree(log)
    try:
        agree(evlog.read(evlog.convert(log, "cel-tlv").data))
    except EvlogError:
        return


TYPES = (0, 3, 4, 5, 6, 13, 0x503, 0x80000001, 0x80000002, 0x80000007, 0x800000E0, 0xDEAD)
BODIES = (b"\0\0\0\0", b"", b"grub_cmd: echo \xe2\x80\xae%s", b"a\0b\0", b"100%", "ü漢字".encode() * 40, b"\x1b[31m")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_long_log_in_parts(data: st.DataObject) -> None:
    """Many kinds of events again and again, some of them wrong: by windows of the checks, and parts of the events."""
    kinds = data.draw(
        st.lists(st.tuples(st.integers(0, 24), st.sampled_from(TYPES), st.sampled_from(BODIES)), min_size=1)
    )
    banks = data.draw(st.sampled_from([("sha1",), ("sha256", "sha384")]))
    wrong = data.draw(st.integers(1, 7))
    records = [
        event(register, event_type, body, *banks, **({"hashed": b"else"} if row % wrong == wrong - 1 else {}))
        for row, (register, event_type, body) in enumerate(kinds * 3)
    ]
    log = evlog.read(header(*banks) + b"".join(records))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late, "_WINDOW", 4)
        agree(log)
        chosen = sorted(data.draw(st.sets(st.integers(0, len(log.events) - 1))))
        packed = packed_in_place(log)
        assert packed is not None
        rows = _row_texts.RowTexts(log, LateChecks(log, kept), Bodies(), packed).of(chosen)
        assert rows == EventTexts(log, check(log), Bodies()).of(chosen)
        patch.setattr(_events_json, "_MANY", 0)
        patch.setattr(_events_json, "_FEW", 1)
        parts = _events_json.rows_of(log, LateChecks(log, kept), range(len(log.events)), Bodies())
        assert list(chain.from_iterable(parts)) == one_by_one(log)[0]


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_the_text_of_what_is_decoded(path: Path) -> None:
    try:
        log = evlog.read(path)
    except EvlogError:
        return
    for each in log.events:
        decoded = decode(each, Context.of(log))
        assert json_text(decoded) == json.dumps(to_json(decoded))


def test_the_text_of_a_class_of_somebody_else() -> None:
    class Odd(Decoded):
        number: float
        text: tuple[str, ...]

        kind = '100% "odd"'

    class Bare(Decoded):
        kind = "bare"

    class One(Decoded):
        inner: Bare

    for value in (Odd(1.5, ("a\ud800", "%s")), Bare(), One(Bare())):
        assert json_text(value) == json.dumps(to_json(value))
