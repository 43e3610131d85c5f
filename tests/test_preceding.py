"""Records before the Spec ID event, and records without one.

A reader resynchronises at the header, whose record starts 32 bytes before its text. What stands before it may have
been extended or not: expectations are what a register's value proves, done by hand.
"""

from __future__ import annotations

import hashlib

import pytest

import evlog
from evlog import SHA1, SHA256, Register, Registers
from evlog.changing.keep import keep
from evlog.errors import EvlogError, WriteError
from evlog.evidence import Composite
from evlog.registers import RegisterSet
from samples.make import EV_ACTION, EV_NO_ACTION, event1, event2, spec_id3
from samples.make import SHA1 as SHA1_ID
from samples.make import SHA256 as SHA256_ID
from tests.conftest import SAMPLES

ONE = (SHA256_ID,)
LISTED = event2(2, EV_ACTION, b"early", ONE)
PLAIN = event1(2, EV_ACTION, b"early")
REST = event2(2, EV_ACTION, b"a", ONE) + event2(2, EV_ACTION, b"b", ONE) + event2(4, EV_ACTION, b"c", ONE)


def behind(*before: bytes, algs: tuple[int, ...] = ONE, rest: bytes = REST) -> bytes:
    return b"".join(before) + event1(0, EV_NO_ACTION, spec_id3(algs)) + rest


def pcr(index: int) -> Register:
    return Register("pcr", index)


def by_hand(*parts: bytes) -> bytes:
    value = bytes(32)
    for part in parts:
        value = hashlib.sha256(value + hashlib.sha256(part).digest()).digest()
    return value


FORMS = {
    "listed": (LISTED,),
    "plain": (PLAIN,),
    "both": (LISTED, PLAIN),
    "other way round": (PLAIN, LISTED),
    "several": (PLAIN, LISTED, PLAIN, LISTED),
    "two banks": (event2(3, EV_ACTION, b"early"),),
    "silent": (event2(0, EV_NO_ACTION, b"StartupLocality\0\3", ONE),),
}


@pytest.mark.parametrize("before", FORMS.values(), ids=FORMS)
def test_the_log_is_read_from_its_header_on(before: tuple[bytes, ...]) -> None:
    data = behind(*before)
    log = evlog.read(data)
    assert log.format == "tcg2"
    assert len(log.events) == len(before) + 4
    [found] = log.findings
    assert (found.code, found.severity, found.event, found.offset) == ("record_before_header", "warning", 0, 0)
    assert log.events[len(before) + 1 :] == tuple(
        each.replace(number=len(before) + each.number) for each in evlog.read(behind()).events[1:]
    )
    assert [each.origin.span.offset for each in log.events if each.origin][: len(before)] == [
        sum(map(len, before[:row])) for row in range(len(before))
    ]
    assert evlog.write(log) == data
    assert evlog.convert(log, "tcg2").data == data
    assert evlog.convert(evlog.convert(log, "evlog-json").log, "tcg2").data == data
    with pytest.raises(evlog.ParseError, match="before the Spec ID event"):
        evlog.read(data, strict=True)


@pytest.mark.parametrize(
    "data",
    [
        *map(
            behind,
            (
                b"some text",
                bytes(32),
                LISTED[:-1],
                PLAIN + b"\0",
                event2(2, 0x12345678, b"", ONE),
                event1(99, EV_ACTION, b""),
            ),
        ),
        # The text alone is no header; and a header that cannot be is none either.
        LISTED + LISTED + event1(2, EV_ACTION, spec_id3(ONE)) + REST,
        LISTED + LISTED + event1(0, EV_NO_ACTION, spec_id3(())[:28]) + REST,
    ],
)
def test_what_is_no_record_before_a_header(data: bytes) -> None:
    try:
        log = evlog.read(data)
    except EvlogError:
        return
    assert "record_before_header" not in [each.code for each in log.findings]


def test_as_many_as_there_may_be() -> None:
    assert len(evlog.read(behind(*[LISTED] * 32)).events) == 36
    many = evlog.read(behind(*[LISTED] * 33))
    assert "record_before_header" not in [each.code for each in many.findings]


@pytest.mark.parametrize("before", [(LISTED,), (PLAIN,)])
def test_a_replay_does_not_say_what_nobody_can(before: tuple[bytes, ...]) -> None:
    replayed = evlog.replay(evlog.read(behind(*before)))
    status = {row.register.number: row.status for row in replayed if row.alg == SHA256}
    assert status == {2: "incomplete", 4: "complete"}
    assert replayed[pcr(4), SHA256] == by_hand(b"c")


@pytest.mark.parametrize(
    ("before", "value", "verdict", "cause", "proven", "ok"),
    [
        ((LISTED,), (b"early", b"a", b"b"), "match", None, 3, True),
        ((LISTED,), (b"a", b"b"), "match", "before_header", 2, False),
        ((LISTED,), (b"early",), "mismatch", "prefix", 1, False),
        ((LISTED,), (b"b",), "mismatch", "unexplained", 0, False),
        ((LISTED, LISTED), (b"early", b"early", b"a", b"b"), "match", None, 4, True),
        ((LISTED, LISTED), (b"early", b"a", b"b"), "match", "before_header", 3, False),
        ((LISTED, LISTED), (b"a", b"b"), "match", "before_header", 2, False),
        ((PLAIN,), (b"early", b"a", b"b"), "incomplete", "lacking", 0, False),
        ((PLAIN,), (b"a", b"b"), "match", "other_banks", 2, False),
        ((PLAIN,), (b"b",), "incomplete", "lacking", 0, False),
    ],
)
def test_a_value_tells(
    before: tuple[bytes, ...], value: tuple[bytes, ...], verdict: str, cause: str | None, proven: int, ok: bool
) -> None:
    log = evlog.read(behind(*before))
    result = evlog.verify(log, Registers({(pcr(2), SHA256): by_hand(*value), (pcr(4), SHA256): by_hand(b"c")}))
    row = result.get(pcr(2), SHA256)
    assert row is not None
    assert (row.verdict, row.cause, row.proven, row.events) == (verdict, cause, proven, 2 + len(before))
    assert result.ok == ok
    [verified] = result.logs
    standing = [verified.standing(number) for number in range(len(before))]
    if cause == "before_header":
        assert standing[0] == "claimed"
        assert "before the log's header" in str(row.explanation)
        assert verified.standing(len(log.events) - 2) == "proven"
    elif ok:
        assert standing == ["proven"] * len(before)


def test_a_signed_digest_tells_too() -> None:
    selection = ((pcr(2), SHA256),)
    log = evlog.read(behind(LISTED))
    for parts, opened in (((b"early", b"a", b"b"), True), ((b"x",), False)):
        digest = hashlib.sha256(by_hand(*parts)).digest()
        signed = evlog.Evidence("made", Registers({}), composite=Composite(SHA256, selection, digest))
        codes = {each.code for each in evlog.verify(log, signed).findings}
        assert ("composite_mismatch" in codes) != opened


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json"])
def test_in_a_cel(to: str) -> None:
    for before in FORMS.values():
        log = evlog.read(behind(*before))
        there = evlog.convert(log, to)
        assert there.registers_preserved
        assert "header.before" in {loss.field for loss in there.losses}
        assert len(there.log.events) == len(log.events)
        back = evlog.convert(there.log, "tcg2")
        assert [each.content for each in back.log.events[1:]] == [each.content for each in log.events]


def test_registers_that_are_kept() -> None:
    log = evlog.read(behind(LISTED))
    part, _ = keep(log, RegisterSet.parse("pcr:4"))
    assert [each.register for each in evlog.convert(part, "tcg2").log.events] == [pcr(0), pcr(4)]
    doubtful, _ = keep(log, RegisterSet.parse("pcr:2"))
    assert [row.status for row in evlog.replay(doubtful)] == ["incomplete"]


def test_a_record_before_a_header_cannot_be_made_up() -> None:
    log = evlog.read(behind(PLAIN))
    first = log.events[0].replace(digests=())
    with pytest.raises(WriteError, match="exactly one SHA-1 digest"):
        evlog.write(log.replace(events=(first, *log.events[1:])))
    with pytest.raises(WriteError, match="record 0 must be"):
        evlog.write(log.replace(events=(log.events[0].replace(wire=None), *log.events[1:])))


# Records without a header


def test_records_without_a_header_stay_without() -> None:
    data = (SAMPLES / "tcg2/measured-files.bin").read_bytes()
    log = evlog.read(data)
    assert evlog.convert(log, "tcg2").data == data
    assert evlog.convert(log, "tcg2").losses == ()
    part, _ = keep(log, RegisterSet.parse("pcr:14"))
    assert evlog.convert(part, "tcg2").data == data
    # Without a digest nobody would know them again.
    bare = log.replace(events=tuple(each.replace(digests=()) for each in log.events))
    with pytest.raises(WriteError, match="without a header"):
        evlog.write(bare)
    headed = evlog.convert(bare, "tcg2", allow_changed=True)
    assert "Spec ID Event03" in repr(headed.log.events[0].content)
    assert "header.headless" in {loss.field for loss in headed.losses}


def test_such_records_behind_a_log_of_two_banks() -> None:
    """What EVE appends lacks one of the banks that the header declares."""
    both = (SHA1_ID, SHA256_ID)
    data = behind(algs=both, rest=event2(4, EV_ACTION, b"c", both))
    log = evlog.read(data + (SAMPLES / "tcg2/measured-files.bin").read_bytes())
    assert not log.failed
    status = {(row.register.number, row.alg): row.status for row in evlog.replay(log)}
    assert status == {
        (4, SHA1): "complete",
        (4, SHA256): "complete",
        (14, SHA1): "incomplete",
        (14, SHA256): "complete",
    }
