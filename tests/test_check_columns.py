"""The checks of a log in columns, and of the same events one by one: equal on every input, or one of them is wrong."""

from __future__ import annotations

import hashlib
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog import EvlogError, check, read
from evlog.checking import late
from evlog.checking.digest_check import check_event, check_events
from evlog.checking.row_checks import check_rows
from evlog.checking.verdicts import event_types
from evlog.model import LazyEvents, Log
from evlog.registers import Register
from tests.generated import entry, ima, logs, spec_id, tcg1, tcg2
from tests.made import event
from tests.test_lines import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.model import Event


@pytest.fixture(autouse=True, scope="module")
def _narrow() -> Iterator[None]:
    """Checks that come late are made of a few events at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late, "_WINDOW", 3)
        yield


def agree(log: Log) -> None:
    """Events in a tuple have no columns."""
    whole, single = check(log), check(log.replace(events=tuple(log.events)))
    assert tuple(whole.events) == single.events
    assert whole.findings == single.findings
    assert whole.conventions == single.conventions
    if log.columns is not None:
        some = late.LateChecks(log, tuple)
        assert tuple(some) == single.events
        assert some.findings == whole.findings
        assert tuple(some) == single.events


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    with suppress(EvlogError):
        agree(read(path))


def test_many_events_at_once_are_checked_as_one_by_one() -> None:
    for path in logs()[::7]:
        with suppress(EvlogError):
            events = tuple(read(path).events)[:300]
            assert check_events(events) == [check_event(each) for each in events]


@settings(max_examples=300, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]))
def test_generated_tcg2(data: bytes, space: str | None) -> None:
    agree(read(data, space=space))


@settings(max_examples=100, deadline=None)
@given(tcg1())
def test_generated_tcg1(data: bytes) -> None:
    agree(read(data, format="tcg1"))


TEXTS = [b"", b"Exi", b"Exit Boot Services Invocation", b"Calling EFI Application from Boot Option", b"grub_cmd: x\0"]
TYPES = [3, 4, 5, 6, 7, 13, 0x402, 0x80000001, 0x80000002, 0x80000003, 0x80000007, 0x800000E0]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 24), st.sampled_from(TYPES), st.sampled_from(TEXTS), st.booleans())), st.data()
)
def test_events_whose_digests_are_of_their_data(
    records: list[tuple[int, int, bytes, bool]], draw: st.DataObject
) -> None:
    """Or of something else; most rows here are not made events of."""
    parts = [spec_id([(4, 20), (11, 32)])]
    for register, event_type, data, true in records:
        parts.append(event(register, event_type, data, "sha1", "sha256", hashed=data if true else b"else"))
    log = read(b"".join(parts))
    agree(log)
    checks = check(log)
    if len(checks):
        row = draw.draw(st.integers(0, len(checks) - 1))
        assert checks[row] == check(log.replace(events=log.events[row : row + 1]))[0]
    assert checks.events == tuple(checks.events) == checks.events[:]


def test_the_last_event_is_shorter_than_what_is_looked_for() -> None:
    log = read(spec_id([(11, 32)]) + event(5, 0x80000007, b"Ex", "sha256"))
    agree(log)
    assert check(log)[1][0].rule == "data"


def test_a_digest_that_nobody_can_compute() -> None:
    odd = struct.pack("<III", 5, 13, 1) + struct.pack("<H", 0x7777) + bytes(5) + struct.pack("<I", 0)
    log = read(spec_id([(0x7777, 5)]) + odd)
    agree(log)
    assert [each.verdict for each in check(log)[1]] == ["not_checkable"]


#: What a register's first line may say of the hash of its lines, and of its own by the length of its value.
STATEMENTS = [b"INIT %b/%b" % (alg, b"00" * size) for alg, size in ((b"sha256", 32), (b"sha256", 48), (b"sha384", 48))]
STATEMENTS += [b"INIT sha3_256/" + b"00" * 32, b"INIT sha512/" + b"00" * 48, b"INIT md5/00"]


@settings(max_examples=300, deadline=None)
@given(ima(), st.sampled_from([None, "pcr", "ccmr", "rtmr"]), st.sampled_from([None, "pcr:10", "ccmr:3", "mr:own"]))
def test_generated_ima(data: bytes, space: str | None, register: str | None) -> None:
    with suppress(EvlogError):
        if register is None:
            agree(read(data, format="ima-binary", space=space))
        else:
            agree(read(data, format="ima-binary", ima_register=Register.parse(register)))


@settings(max_examples=300, deadline=None)
@given(
    texts(),
    st.sampled_from(["nelr", "tsm-text", "aael-text", "aael-spec", "acon"]),
    st.sampled_from(["rtmr:3", "pcr:30", "mr:own"]),
    st.sampled_from([None, "sha256", "sha3_256"]),
    st.sampled_from([None, "sha256", "sha384"]),
)
def test_generated_text(data: bytes, dialect: str, register: str, hash: str | None, mr_hash: str | None) -> None:
    """Lines of a register that they extend or do not, whose hash is that of the register or another."""
    told = Register.parse(register)
    agree(read(data, format="text", register=told, dialect=dialect, hash=hash, mr_hash=mr_hash))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1, 3, 30]), st.sampled_from(STATEMENTS)), max_size=3),
    st.lists(st.sampled_from([b"1 a", b"3 b c", b"30 d", b"# e", b"f", b"3 # g", b""]), max_size=9),
    st.sampled_from(["pcr", "pcr-hashed", "ccmr"]),
)
def test_generated_text_of_several_registers(stated: list[tuple[int, bytes]], lines: list[bytes], index: str) -> None:
    """Each has a hash of its own for its lines, or one that is not known."""
    data = b"\n".join([b"1 x", *(b"%d %b" % each for each in stated), *lines])
    agree(read(data, format="text", index=index, dialect="nelr"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=12),
    st.sampled_from([None, "ccmr", "rtmr"]),
    st.sampled_from([None, "ccmr:3"]),
)
def test_entries_that_extend_a_register_and_others_that_do_not(
    entries: list[tuple[int, bool]], space: str | None, register: str | None
) -> None:
    data = b"".join(template(b"/bin/sh", number, true=true) for number, true in entries)
    if register is None:
        agree(read(data, format="ima-binary", space=space))
    else:
        agree(read(data, format="ima-binary", ima_register=Register.parse(register)))


def test_no_events_are_made_of_rows_whose_checks_follow_from_the_columns() -> None:
    names = [b"/bin/%d" % number for number in range(50)]
    entries = [template(name) for name in names]
    wrong, violation = entries[20], entries[30]
    entries[20] = wrong[:4] + b"?" * 32 + wrong[36:]
    entries[30] = violation[:4] + bytes(32) + violation[36:]
    files = [bytes(20) + struct.pack("<I", len(name)) + name for name in names]
    padded = [bytes(20) + name.ljust(256, b"\0") for name in names]
    legacy = [
        entry("<", 10, b"ima", hashlib.sha1(each).digest(), file) for file, each in zip(files, padded, strict=True)
    ]
    for log, rule, odd in (
        (read(b"".join(entries), format="ima-binary"), "hash", {20: ("mismatch", None), 30: ("not_checkable", None)}),
        (read(b"".join(legacy), format="ima-binary"), "hash", {}),
        (read(b"INIT sha384/" + b"0" * 96 + b"\n" + b"line\n" * 49), "line", {}),
    ):
        made: list[int] = []

        def make(row: int, log: Log = log, made: list[int] = made) -> Event:
            made.append(row)
            return log.events[row]

        assert log.columns is not None
        checks = check(log.replace(events=LazyEvents(log.columns, make)))
        verdicts = {row: (check.verdict, check.rule) for row, (check,) in enumerate(checks.events)}
        assert verdicts == {**dict.fromkeys(range(50), ("matches", rule)), **odd}
        assert set(made) == {0, *odd}


def template(name: bytes, register: int = 10, *, true: bool = True) -> bytes:
    """An ima-ng entry of a list of SHA-256 digests."""
    data = b"".join(struct.pack("<I", len(field)) + field for field in (b"sha256:\0" + bytes(32), name + b"\0"))
    return entry("<", register, b"ima-ng", hashlib.sha256(data if true else b"else").digest(), data)


def rows_agree(log: Log) -> None:
    """All rows, those included that a look at all bodies settles before."""
    columns = log.columns
    if columns is not None and columns.are_pcclient:
        rows = range(len(columns))
        assert check_rows(columns, event_types(columns), rows, log.events) == check_events(tuple(log.events))


@pytest.mark.parametrize("path", logs(), ids=lambda path: path.name)
def test_rows_of_samples_are_checked_as_their_events_are(path: Path) -> None:
    with suppress(EvlogError):
        rows_agree(read(path))


@settings(max_examples=300, deadline=None)
@given(tcg2(), st.sampled_from([None, "pcr", "ccmr"]))
def test_rows_are_checked_as_their_events_are(data: bytes, space: str | None) -> None:
    rows_agree(read(data, space=space))


#: What rules may make of an event's data, and what makes them apply.
COVERED = {
    b"grub_cmd: set x\0": [b"set x", b"set x\0", b"grub_cmd: set x\0"],
    b"grub_cmd: set x\0y": [b"set x", b"set x\0", b"grub_cmd: set x\0y"],
    b"k\0e\0\0\0": [b"k\0e\0\0\0", b"k\0e\0\0\0\0", b"ke\0"],
    bytes(16) + struct.pack("<QQ", 1, 2) + b"n\0vv": [b"vv", b"n\0vv"],
    struct.pack("<II", 0x00010001, 2) + b"ab": [b"ab"],
    b"\0\0\0\0": [b"\xff" * 4, b"\1\0\0\0"],
    b"": [b"\0"],
}
KINDS = [1, 3, 4, 5, 6, 7, 8, 9, 0xA, 0xC, 13, 0x402, 0x600, 0x601, 0x80000001, 0x80000002, 0x80000003, 0x80000008]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_each_bank_by_its_own_rule(draw: st.DataObject) -> None:
    """Banks of one event may be of different parts of its data; markers and lists with a bank twice among others."""
    banks = [(4, 20, "sha1"), (11, 32, "sha256"), (0x7777, 4, "")]
    parts = [spec_id([(alg, size) for alg, size, _ in banks])]
    for _ in range(draw.draw(st.integers(1, 6))):
        data = draw.draw(st.sampled_from(sorted(COVERED)))
        listed = draw.draw(st.lists(st.sampled_from(banks), max_size=3))
        digests = b""
        for alg, size, name in listed:
            covered = draw.draw(st.sampled_from([data, b"else", *COVERED[data]]))
            digests += struct.pack("<H", alg) + (hashlib.new(name, covered).digest() if name else bytes(size))
        register = draw.draw(st.sampled_from([0, 4, 11, 12, 17, 18, 30, 0xFFFFFFFF]))
        kind = draw.draw(st.sampled_from(KINDS))
        parts.append(struct.pack("<III", register, kind, len(listed)) + digests)
        parts.append(struct.pack("<I", len(data)) + data)
    log = read(b"".join(parts))
    assert len(log.events) == len(parts) // 2 + 1
    rows_agree(log)
    agree(log)
