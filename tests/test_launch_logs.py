"""Logs of a dynamic launch whose header says where the events end: TXT event containers, and SKL's for SKINIT.

Expectations are the layouts of tboot (txt/heap.h) and TrenchBoot's secure-kernel-loader (event_log.c): events are those
before the end that the header gives, what is behind it is memory. Registers are the launch's rules done by hand.
"""

from __future__ import annotations

import hashlib
import struct

import pytest

import evlog
from evlog import SHA1, SHA256, Register
from evlog.errors import EvlogError, WriteError
from evlog.formats import CERTAIN, FORMATS, room
from evlog.options import Options
from samples import make_launch
from samples.make import EV_NO_ACTION, SLAUNCH, event1, event2
from tests.conftest import SAMPLES

_NEXT, _SIZE, _FIRST, _VERSION = 44, 36, 40, 32


def pcr(index: int) -> Register:
    return Register("pcr", index)


def by_hand(start: bytes, *parts: bytes, hash: str = "sha1") -> bytes:
    value = start
    for part in parts:
        value = hashlib.new(hash, value + hashlib.new(hash, part).digest()).digest()
    return value


#: Of `make_launch.launch1`: an event of the ACM and one without data on PCR 17, and markers that extend nothing.
CODE = by_hand(bytes(20), b"\2" * 36, b"")
DATA = by_hand(bytes(20), b"", b"Measured boot parameters")


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def patched(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def codes(data: bytes) -> list[tuple[str, str, int | None]]:
    return [(each.code, each.severity, each.offset) for each in evlog.read(data).findings]


# Containers


@pytest.mark.parametrize("name", ["", "-older-launch", "-minor", "-cut"])
def test_events_of_a_container(name: str) -> None:
    data = sample(f"tcg1/txt-container{name}.bin")
    log = evlog.read(data)
    assert (log.format, len(log.events)) == ("tcg1", 6)
    assert not log.failed
    replayed = evlog.replay(log)
    assert replayed[pcr(17), SHA1] == CODE
    assert replayed[pcr(18), SHA1] == DATA
    assert [each.measured for each in log.events] == [True, True, True, False, True, False]
    first = log.events[0].origin
    assert first is not None
    assert data[first.span.offset :][:8] == struct.pack("<II", 17, 0x402)


def test_certain_by_its_first_bytes() -> None:
    for data in (sample("tcg1/txt-container.bin"), sample("tcg1/txt-container.bin")[:20]):
        certain = [format for format in FORMATS if room(format).sniff(data, Options()).confidence == CERTAIN]
        assert certain == ["tcg1"]


def test_what_an_older_launch_left_is_no_event() -> None:
    older = sample("tcg1/txt-container-older-launch.bin")
    end = struct.unpack_from("<I", older, _NEXT)[0]
    assert codes(older) == [("trailing_bytes", "warning", end)]
    log = evlog.read(older)
    assert log.tail == older[end:]
    assert b"an older launch" in log.trailing
    # Without an end that can be, nothing tells the two apart.
    assert len(evlog.read(patched(older, _NEXT, 0)).events) == 8


def test_no_event_yet() -> None:
    empty = make_launch.container(b"", 512)
    for data in (empty, empty.ljust(512, b"\0"), empty + make_launch.launch1()):
        log = evlog.read(data)
        assert (log.format, len(log.events), log.failed) == ("tcg1", 0, False)
        assert evlog.write(log) == data
        assert evlog.replay(log).values == ()


@pytest.mark.parametrize(
    ("at", "value", "events", "offset"),
    [
        (_NEXT, 0, 6, _NEXT),
        (_NEXT, 47, 6, _NEXT),
        (_NEXT, 1025, 6, _NEXT),
        (_NEXT, 0xFFFFFFFF, 6, _NEXT),
        # Within the first record, within its header, within the last; in the zeros behind it.
        (_NEXT, 60, 0, _NEXT),
        (_NEXT, 48 + 31, 0, _NEXT),
        (_NEXT, 48 + 68 + 1, 1, _NEXT),
        (_NEXT, 48 + 68 + 32 + 32 + 32 + 56 + 31, 5, _NEXT),
        (_NEXT, 1000, 6, _NEXT),
        (_FIRST, 0, 6, _FIRST),
        (_FIRST, 47, 6, _FIRST),
        (_FIRST, 1025, 6, _FIRST),
        (_FIRST, 0xFFFFFFFF, 6, _FIRST),
        (_SIZE, 60, 6, _SIZE),
        (_VERSION, 0x00010002, 6, _VERSION),
        (_VERSION, 0x00020001, 6, _VERSION),
        (_VERSION, 0, 6, _VERSION),
    ],
)
def test_a_header_that_is_wrong_is_said_and_events_are_read_as_far_as_they_go(
    at: int, value: int, events: int, offset: int
) -> None:
    data = patched(sample("tcg1/txt-container.bin"), at, value)
    log = evlog.read(data)
    assert log.events[:events] == evlog.read(sample("tcg1/txt-container.bin")).events[:events]
    assert len(log.events) == events
    assert ("launch_area", "error", offset) in codes(data)
    assert evlog.write(log) == data
    with pytest.raises(evlog.ParseError):
        evlog.read(data, strict=True)


def test_a_minor_version_is_none_of_our_business() -> None:
    data = sample("tcg1/txt-container.bin")
    for minor in (1, 255):
        assert codes(data[:33] + bytes([minor]) + data[34:]) == []


def test_a_cut_copy_says_what_is_missing() -> None:
    whole = sample("tcg1/txt-container-cut.bin")
    assert codes(whole) == []
    last = len(whole) - 32
    assert codes(whole[:last]) == [("launch_area", "error", _NEXT)]
    assert {each[0] for each in codes(whole[:-1])} == {"launch_area", "truncated_record"}
    with pytest.raises(evlog.ParseError, match="48 bytes, 47 are present"):
        evlog.read(whole[:47])


def test_skl_with_a_tpm_1_2() -> None:
    """Offsets count from the container's first byte, which is the 57th of the file."""
    for name in ("tcg1/skl.bin", "tcg1/skl-older-launch.bin"):
        log = evlog.read(sample(name))
        assert (log.format, len(log.events)) == ("tcg1", 5)
        assert log.events[1].origin is not None
        assert log.events[1].origin.span.offset == 57 + 48
        texts = [text for index, text in make_launch.TEXTS if index == 17]
        assert evlog.replay(log)[pcr(17), SHA1] == by_hand(bytes(20), *texts)
    assert [each[0] for each in codes(sample("tcg1/skl-older-launch.bin"))] == ["trailing_bytes"]
    # An offset from the file's first byte is within a record.
    data = sample("tcg1/skl.bin")
    right = struct.unpack_from("<I", data, 57 + _NEXT)[0]
    wrong = evlog.read(patched(data, 57 + _NEXT, right - 57))
    assert [each.code for each in wrong.findings if each.severity == "error"] == ["launch_area"]
    assert len(evlog.read(patched(data, 57 + _FIRST, 49)).events) == 5


def test_a_spec_id_event_of_another_vendor_is_no_container() -> None:
    for vendor in (b"x" * 48, make_launch.SIGNATURE.ljust(47, b"\0"), make_launch.SIGNATURE.ljust(49, b"\0")):
        head = struct.pack("<16sIBBBB", b"Spec ID Event00", 0, 2, 1, 1, 0)
        data = event1(0, EV_NO_ACTION, head + bytes([len(vendor)]) + vendor) + make_launch.launch1()
        log = evlog.read(data)
        assert (len(log.events), log.findings) == (7, ())
        assert evlog.write(log) == data


# SKINIT with a TPM 2.0


def test_skl_with_a_tpm_2_0() -> None:
    for name, found in (("skl", []), ("skl-older-launch", ["trailing_bytes"]), ("skl-no-end", [])):
        log = evlog.read(sample(f"tcg2/{name}.bin"))
        assert (log.format, len(log.events)) == ("tcg2", 5)
        assert [each.code for each in log.findings] == found
        for alg in (SHA1, SHA256):
            texts = [text for index, text in make_launch.TEXTS if index == 17]
            value = by_hand(bytes(alg.size), *texts, hash=alg.name)
            assert evlog.replay(log)[pcr(17), alg] == value


def test_an_end_of_skl_that_is_no_records_end_does_not_count() -> None:
    events = event2(17, SLAUNCH, b"SKINIT") + event2(18, SLAUNCH, b"Measured MBI into PCR18")
    good = make_launch.skl2(events)
    behind = event2(17, SLAUNCH, b"an older launch")
    length = len(good) - len(events)
    for end in (1, length - 1, len(good) - 1, len(good) + 1, 8192):
        log = evlog.read(make_launch.skl2(events, next=end, behind=behind))
        assert (len(log.events), [each.code for each in log.findings]) == (4, ["launch_area"])
        assert evlog.write(log) == make_launch.skl2(events, next=end, behind=behind)
    in_zeros = evlog.read(make_launch.skl2(events, next=len(good) + 40, behind=bytes(100) + behind))
    assert [each.code for each in in_zeros.findings] == ["launch_area", "trailing_bytes"]
    # An end that is right counts, also before the first record; and one beyond the area is not SKL's at all.
    for end, count in ((length, 1), (len(good), 3)):
        assert len(evlog.read(make_launch.skl2(events, next=end, behind=behind)).events) == count
    assert evlog.read(make_launch.skl2(events, next=8193, behind=behind)).findings == ()


# Written again


def test_an_event_that_is_left_out_moves_the_end() -> None:
    """Else bytes behind it would become events."""
    from evlog.changing.keep import keep
    from evlog.registers import RegisterSet

    for name in (
        "tcg1/txt-container-older-launch.bin",
        "tcg1/txt-container-minor.bin",
        "tcg1/skl-older-launch.bin",
        "tcg2/skl-older-launch.bin",
    ):
        log = evlog.read(sample(name))
        part, _ = keep(log, RegisterSet.parse("pcr:18"))
        converted = evlog.convert(part, log.format)
        back = evlog.read(converted.data)
        assert [each.register for each in back.events if each.measured] == [pcr(18)] * len(
            [each for each in log.events if each.measured and each.register == pcr(18)]
        )
        assert evlog.replay(back)[pcr(18), SHA1] == evlog.replay(log)[pcr(18), SHA1]
        assert back.tail == log.tail
        assert {loss.field for loss in converted.losses} & {"header.container", "content.data"}
        assert [each.code for each in back.findings] == [each.code for each in log.findings]
        if "older" in name:
            with pytest.raises(WriteError):
                evlog.write(part)


def test_without_the_header_nothing_says_that_what_is_behind_is_none() -> None:
    from evlog.changing.keep import keep

    log = evlog.read(sample("tcg2/skl-older-launch.bin"))
    part, _ = keep(log, None, (SHA256,))
    converted = evlog.convert(part, "tcg2")
    assert len([each for each in converted.log.events if each.measured]) == 4
    assert "trailing" in {loss.field for loss in converted.losses}


@pytest.mark.parametrize("to", ["cel-tlv", "evlog-json", "tcg2"])
@pytest.mark.parametrize("name", ["tcg1/txt-container-older-launch.bin", "tcg1/skl-older-launch.bin"])
def test_in_other_formats(name: str, to: str) -> None:
    log = evlog.read(sample(name))
    there = evlog.convert(log, to)
    assert there.registers_preserved
    back = evlog.convert(there.log, "tcg1")
    assert evlog.replay(back.log).registers() == evlog.replay(log).registers()
    if to == "evlog-json":
        assert back.data == sample(name)
    else:
        assert "trailing" in {loss.field for loss in there.losses}


def test_bytes_that_would_read_as_a_container_are_not_written() -> None:
    """A register whose number is the signature's first letters."""
    (number,) = struct.unpack("<I", b"TXT ")
    event = evlog.Event(0, pcr(number), (evlog.Digest(SHA1, b"Event Container\0....."[:20]),), _content(b"Even"))
    for log in (evlog.Log("tcg1", (event,)),):
        written = evlog.write(log)
        assert not written.startswith(make_launch.SIGNATURE)
    forged = evlog.Log("tcg1", (), header=evlog.Header("tcg1", (("container", b"no container"),)))
    with pytest.raises(WriteError):
        evlog.write(forged)


def _content(data: bytes) -> evlog.PCClientEvent:
    return evlog.PCClientEvent(int.from_bytes(data, "little"), b"")


@pytest.mark.parametrize("name", ["tcg1/txt-container-older-launch.bin", "tcg1/skl.bin", "tcg2/skl-older-launch.bin"])
def test_flip_every_byte(name: str) -> None:
    data = sample(name)[:620]
    for position in range(len(data)):
        for mask in (0xFF, 1 << position % 8):
            flipped = bytearray(data)
            flipped[position] ^= mask
            try:
                log = evlog.read(bytes(flipped))
                evlog.replay(log)
                evlog.check(log)
            except EvlogError:
                continue
            assert evlog.write(log) == flipped


# The edge of an area


@pytest.mark.parametrize("left", [0, 5, 32])
def test_a_log_that_fills_its_area(left: int) -> None:
    data = in_area(4096, left)
    [found] = evlog.read(data).findings
    assert (found.code, found.severity) == ("area_full", "note")
    assert found.event == len(evlog.read(data).events) - 1
    assert evlog.read(data, strict=True).findings == (found,)


def in_area(size: int, left: int) -> bytes:
    """SHA-1 records that leave so many bytes of an area."""
    header = event1(0, EV_NO_ACTION, struct.pack("<16sIBBBBB", b"Spec ID Event02", 0, 2, 1, 2, 2, 0))
    return (header + event1(4, 5, b"x" * (size - left - len(header) - 32))).ljust(size, b"\0")


def test_a_log_that_leaves_room() -> None:
    assert evlog.read(in_area(4096, 33)).findings == ()
    # Nobody makes areas of such sizes: it ends where it ends.
    for size in (4095, 4097, 4100, 512, 5120):
        assert evlog.read(in_area(size, 0)).findings == ()
    for size in (1024, 8192, 12288, 65536):
        assert [each.code for each in evlog.read(in_area(size, 0)).findings] == ["area_full"]


def test_a_record_that_is_cut_at_the_edge() -> None:
    cut = in_area(4400, 0)[:4096]
    log = evlog.read(in_area(4096, 400)[: 4096 - 400] + cut[:400])
    assert [each.code for each in log.findings] == ["truncated_record", "area_full"]


def test_a_header_knows_its_area() -> None:
    events = make_launch.launch1()
    end = 48 + len(events)
    for size, full in ((end, True), (end + 32, True), (end + 33, False), (4096, False)):
        log = evlog.read(make_launch.container(events, size) + events)
        assert [each.code for each in log.findings] == ["area_full"] * full
    records = event2(17, SLAUNCH, b"SKINIT")
    length = len(make_launch.skl2(records))
    for size, full in ((length, True), (length + 72, True), (length + 73, False)):
        log = evlog.read(make_launch.skl2(records, size=size))
        assert [each.code for each in log.findings] == ["area_full"] * full


def test_it_is_said_of_a_register_that_differs() -> None:
    log = evlog.read(in_area(4096, 0))
    row = evlog.verify(log, evlog.Registers({(pcr(4), SHA1): b"\x11" * 20})).get(pcr(4), SHA1)
    assert row is not None
    assert row.verdict == "mismatch"
    assert "the edge of its area" in str(row.explanation)
