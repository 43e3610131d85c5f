"""Columns: what they say of start values stays with them, whatever the registers are called."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator

import pytest

import evlog
from evlog.algorithms import SHA256, SHA384, HashAlg
from evlog.columns import Lazy, rows_of
from evlog.merging.assign import assign
from evlog.model import Event, LazyEvents, Log, banks_of
from evlog.registers import UNKNOWN_REGISTER, Register
from evlog.replaying.naming import unite
from tests.generated import record2, spec_id

LOCALITY = b"StartupLocality\0\3"
DIGEST = hashlib.sha384(b"x").digest()


def firmware(*records: tuple[int, int, bytes], space: str = "pcr") -> Log:
    """A crypto-agile log of a SHA-384 bank."""
    parts = [record2(pcr, type_, [(12, DIGEST if type_ != 3 else bytes(48))], data) for pcr, type_, data in records]
    return evlog.read(spec_id([(12, 48)]) + b"".join(parts), space=space)


def extended(start: bytes, *digests: bytes) -> bytes:
    for digest in digests:
        start = hashlib.sha384(start + digest).digest()
    return start


def replay(log: Log) -> evlog.Replay:
    """The replay of a log in columns, of which nobody is to make every event."""

    def walk(events: Lazy) -> Iterator[object]:
        raise AssertionError(f"every one of {events!r} is made")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Lazy, "__iter__", walk)
        return evlog.replay(log)


def test_a_start_value_survives_other_names() -> None:
    log = firmware((0, 3, LOCALITY), (0, 13, b"x"), (1, 13, b"x"))
    assert log.columns is not None
    made = []

    def make(row: int) -> Event:
        made.append(row)
        event: Event = log.events[row]
        return event.replace(register=names[1]) if event.register.index == 1 else event

    names = Register("pcr", 0), Register("mr", "other")
    again = log.replace(events=LazyEvents(log.columns.replace(names=names), make))
    values = replay(again)
    start = bytes(47) + b"\3"
    assert values[names[0], SHA384] == extended(start, DIGEST)
    assert values[names[1], SHA384] == extended(bytes(48), DIGEST)
    assert {value.register: value.start_reason for value in values.rows} == {names[0]: "locality", names[1]: "zeros"}
    # The header and the locality, which bear on start values; no other.
    assert set(made) <= {0, 1}


@pytest.mark.parametrize("space", ["pcr", "ccmr"])
def test_united_registers_are_replayed_without_every_event(space: str) -> None:
    log = firmware((1, 3, LOCALITY), (1, 13, b"x"), (2, 13, b"x"), (2, 13, b"x"), space=space)
    (one,) = unite([log], "tdx")
    assert (one is log) == (space == "ccmr")
    first = 2 if space == "pcr" else 1
    assert replay(one).registers().values == {
        (Register("ccmr", first), SHA384): extended(bytes(48), DIGEST),
        (Register("ccmr", first + 1), SHA384): extended(bytes(48), DIGEST, DIGEST),
    }


def test_an_assigned_register_is_replayed_without_every_event() -> None:
    log = evlog.read(b"INIT sha256/" + b"00" * 32 + b"\nfirst\nsecond\n", format="text")
    assert log.columns is not None
    assert log.columns.is_of(UNKNOWN_REGISTER)
    register = Register("mr", "agent")
    value = bytes(32)
    for line in (b"INIT sha256/" + b"00" * 32, b"first", b"second"):
        value = hashlib.sha256(value + hashlib.sha256(line).digest()).digest()
    (assigned,), notes = assign([log], {(register, SHA256): value})
    assert [note.code for note in notes] == ["register_assigned"]
    assert assigned.columns is not None
    assert assigned.columns.is_of(register)
    assert replay(assigned).registers().values == {(register, SHA256): value}


def test_a_wrong_size_is_a_bank_only_where_there_is_no_true_one() -> None:
    odd, other = HashAlg.of(SHA256.id, 20), HashAlg.of(SHA384.id, 20)
    assert banks_of(()) == ()
    assert banks_of([odd, SHA384, SHA256, SHA256]) == (SHA256, SHA384)
    assert banks_of([SHA256, odd, other, odd]) == (SHA256, other)


@pytest.mark.parametrize("value", [0, 1, 0x01010101, 0xFFFFFFFF])
def test_rows_are_found_by_their_value_and_not_by_its_bytes(value: int) -> None:
    """Numbers of which the bytes of two neighbours spell a third one too."""
    column = array("I", [0x01010100, 0x00010101, 0, 0x01000000, 1, 0xFFFFFF00, 0x00FFFFFF, 0x01010101, 0xFFFFFFFF])
    assert list(rows_of(column, value)) == [row for row, each in enumerate(column) if each == value]
    assert list(rows_of(array("I"), value)) == []
    assert list(rows_of(bytearray(column.tobytes()), 1)) == [i for i, each in enumerate(column.tobytes()) if each == 1]
