"""Dynamic launches: which registers they reset, which events tell of one, and which of these are only logged.

Expectations are the rules of the Linux Secure Launch series, Xen, tboot and Google's hosts done by hand: a launch
resets PCR 17 to 22 to zeros together; markers have the hash of nothing (TPM 1.2: zeros) and are never extended.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evlog
from evlog import SHA1, SHA256, Digest, Event, Log, PCClientEvent, Register, Registers
from evlog.columns import NOT_EXTENDED
from evlog.contents.event_types import event_type_name
from evlog.evidence import Composite
from evlog.replaying.replay import start_value
from samples import make
from tests.command import run
from tests.conftest import SAMPLES
from tests.generated import cel, tcg1, tcg2
from tests.made import event, header, sha1_event

if TYPE_CHECKING:
    from pathlib import Path

_ZEROS, _ONES = bytes(32), b"\xff" * 32
_HASH_START, _TB, _SLAUNCH, _START, _END, _GOOGLE = 0x402, 0x501, 0x502, 0x503, 0x504, 0x10000000
_NO_ACTION, _SEPARATOR, _ACTION = 3, 4, 5


def pcr(index: int) -> Register:
    return Register("pcr", index)


def of(*records: tuple[int, int, bytes], banks: tuple[str, ...] = ("sha256",)) -> Log:
    """A crypto-agile log of (PCR, event type, data), each with the hash of its data."""
    return evlog.read(header(*banks) + b"".join(event(*record, *banks) for record in records))


def by_hand(start: bytes, *parts: bytes, hash: str = "sha256") -> bytes:
    value = start
    for part in parts:
        value = hashlib.new(hash, value + hashlib.new(hash, part).digest()).digest()
    return value


def started(logs: Log | list[Log], index: int) -> tuple[bytes, str]:
    """The start value of a PCR in the SHA-256 bank, and why."""
    [row] = [row for row in evlog.replay(logs) if row.register == pcr(index) and row.alg == SHA256]
    return row.start, row.start_reason


def codes(log: Log) -> list[str]:
    return [finding.code for finding in evlog.check(log).findings]


# Names


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (_TB, "TB_MEASUREMENT"),
        (_SLAUNCH, "SLAUNCH"),
        (_START, "SLAUNCH_START"),
        (_END, "SLAUNCH_END"),
        (_GOOGLE, "GOOGLE_DRTM"),
        (0x500, "0x00000500"),
        (0x505, "0x00000505"),
    ],
)
def test_names(number: int, name: str) -> None:
    assert event_type_name(number) == name


def test_texts_of_launchers() -> None:
    """The Secure Kernel Loader's texts have no NUL, Google's event has one word."""
    log = of((17, _SLAUNCH, b"SKINIT"), (17, _GOOGLE, b"DRTM"), (17, _TB, b""))
    assert [each and each.describe() for each in map(evlog.decode, log.events[1:])] == ["SKINIT", "DRTM", "no data"]


# Markers


def test_markers_extend_nothing() -> None:
    log = evlog.read(SAMPLES / "tcg2/launch-markers.bin")
    measured = [each.measured for each in log.events]
    assert measured == [False, True, False, True, True, False]
    replayed = evlog.replay(log)
    for alg in (SHA1, SHA256):
        start = bytes(alg.size)
        code = by_hand(start, b"hash start", b"Measured Kernel initrd", hash=alg.name)
        assert replayed[pcr(17), alg] == code
        assert replayed[pcr(18), alg] == by_hand(start, b"Measured boot parameters", hash=alg.name)
    assert evlog.check(log)[2] == evlog.check(log)[5] == ()
    assert codes(log) == []


def test_markers_of_tpm_1_2_have_zeros() -> None:
    log = evlog.read(SAMPLES / "tcg1/launch-markers.bin")
    assert log.format == "tcg1"
    assert [each.measured for each in log.events[-3:]] == [False, True, False]
    assert evlog.replay(log)[pcr(17), SHA1] == by_hand(bytes(20), b"Measured Kernel initrd", hash="sha1")
    assert codes(log) == []


_EMPTY = {"sha1": hashlib.sha1().digest(), "sha256": hashlib.sha256().digest()}


def raw(index: int, event_type: int, sha1: bytes, sha256: bytes, data: bytes = b"") -> bytes:
    """A record with these digests."""
    digests = struct.pack("<H", 4) + sha1 + struct.pack("<H", 11) + sha256
    return struct.pack("<III", index, event_type, 2) + digests + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize(
    ("record", "measured"),
    [
        (raw(17, _START, _EMPTY["sha1"], _EMPTY["sha256"]), False),
        (raw(18, _END, _EMPTY["sha1"], _EMPTY["sha256"]), False),
        # Elsewhere a marker's type says nothing.
        (raw(16, _START, _EMPTY["sha1"], _EMPTY["sha256"]), True),
        (raw(19, _START, _EMPTY["sha1"], _EMPTY["sha256"]), True),
        (raw(4, _END, _EMPTY["sha1"], _EMPTY["sha256"]), True),
        # Nor with the digest of something, in one bank or all; zeros are a marker's in a log of TPM 1.2 only.
        (raw(17, _START, _EMPTY["sha1"], b"\x11" * 32), True),
        (raw(17, _START, b"\x11" * 20, _EMPTY["sha256"]), True),
        (raw(17, _START, bytes(20), bytes(32)), True),
        (raw(17, _END, bytes(20), _EMPTY["sha256"]), True),
        (raw(17, _SLAUNCH, _EMPTY["sha1"], _EMPTY["sha256"]), True),
    ],
)
def test_whoever_gives_an_event_a_markers_type_does_not_hide_it(record: bytes, measured: bool) -> None:
    after = raw(17, _SLAUNCH, b"\x22" * 20, b"\x22" * 32)
    log = evlog.read(header("sha1", "sha256") + record + after)
    made = log.events[1]
    assert made.measured == measured
    columns = log.columns
    assert columns is not None
    assert columns.registers[1] == (made.register.number if measured else NOT_EXTENDED)
    index = made.register.number
    value = by_value = _ZEROS
    if measured:
        by_value = hashlib.sha256(value + made.digests[1].value).digest()
    if index == 17:
        by_value = hashlib.sha256(by_value + b"\x22" * 32).digest()
    replayed = evlog.replay(log).get(pcr(index), SHA256)
    assert replayed == (by_value if measured or index == 17 else None)


def test_a_bank_that_nobody_can_compute_says_nothing_of_a_marker() -> None:
    """A marker needs one digest at least that is the hash of nothing."""
    unknown = evlog.HashAlg.of(0x7F01, 24)
    digests = (Digest(unknown, bytes(24)), Digest(SHA256, _EMPTY["sha256"]))
    marker = Event(0, pcr(17), digests, PCClientEvent(_START, b""))
    assert not marker.measured
    assert marker.replace(digests=digests[:1]).measured
    assert marker.replace(digests=()).measured


def test_no_action_that_was_a_marker() -> None:
    """Some kernels rewrite the type: such records have digests, and nothing is odd about it."""
    handled = evlog.read(SAMPLES / "tcg2/launch-markers-handled.bin")
    assert [each.content.to_json()["event_type"] for each in handled.events if not each.measured] == [3, 3, 3]
    assert codes(handled) == []
    plain = evlog.read(SAMPLES / "tcg2/launch-markers.bin")
    assert evlog.replay(handled).registers() == evlog.replay(plain).registers()
    other = evlog.read(header("sha256") + event(17, _NO_ACTION, b"", "sha256", hashed=b"something"))
    assert codes(other) == ["no_action_digest"]


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json", "evlog-json"])
def test_markers_in_other_formats(to: str) -> None:
    for name in ("tcg2/launch-markers.bin", "tcg1/launch-markers.bin"):
        log = evlog.read(SAMPLES / name)
        there = evlog.convert(log, to)
        assert there.registers_preserved
        again = evlog.read(there.data)
        assert [each.measured for each in again.events] == [each.measured for each in log.events]
        assert evlog.replay(again).registers() == evlog.replay(log).registers()


def test_markers_in_the_commands_json() -> None:
    ran = run("show", str(SAMPLES / "tcg2/launch-markers.bin"), "--json")
    told = [(each["content"]["event_type_name"], each["measured"]) for each in json.loads(ran.out)["events"]]
    assert told[2] == ("SLAUNCH_START", False)
    assert told[5] == ("SLAUNCH_END", False)


def test_a_log_that_is_cut_between_the_markers() -> None:
    log = evlog.read(SAMPLES / "tcg2/launch-markers-cut.bin")
    [found] = evlog.check(log).findings
    assert (found.code, found.severity, found.event) == ("launch_end_missing", "warning", 2)
    assert evlog.replay(log)[pcr(18), SHA256] == by_hand(_ZEROS, b"Measured boot parameters")
    # A second launch that was cut after a first that was not; and an end that is none.
    twice = of((17, _START, b""), (17, _END, b""), (17, _START, b""), (17, _SLAUNCH, b"x"))
    assert [(each.code, each.event) for each in evlog.check(twice).findings if each.severity == "warning"] == [
        ("launch_end_missing", 3)
    ]
    assert "launch_end_missing" in codes(of((17, _START, b""), (17, _END, b"an event of another type")))


# Start values: one decision for PCR 17 to 22, over all logs


@pytest.mark.parametrize("launch", [_HASH_START, _TB, _SLAUNCH, _START, _END, 0x8001, 0x9001, _GOOGLE, 0x401, 0x4FF])
@pytest.mark.parametrize("on", [17, 19, 22])
def test_a_launch_resets_all_six(launch: int, on: int) -> None:
    others = [index for index in range(16, 24) if index != on]
    log = of((0, _ACTION, b"x"), *((index, _ACTION, b"first") for index in others), (on, launch, b""))
    for index in others:
        assert started(log, index) == (_ZEROS, "drtm" if 17 <= index <= 22 else "zeros")
    plain = Log("evlog-json", tuple(log.events), algorithms=log.algorithms)
    assert plain.columns is None
    assert evlog.replay(plain).values == evlog.replay(log).values


@pytest.mark.parametrize(
    "record",
    [
        (16, _HASH_START, b""),
        (23, _SLAUNCH, b""),
        (7, _GOOGLE, b"DRTM"),
        (17, 0x400, b""),
        (17, 0x500, b""),
        (17, 0x505, b""),
        (17, _NO_ACTION, b""),
        (17, 0x10000001, b""),
    ],
)
def test_what_tells_of_no_launch(record: tuple[int, int, bytes]) -> None:
    assert started(of(record, (20, _ACTION, b"x")), 20) == (_ONES, "ones")


def test_samples_of_launches() -> None:
    policy = evlog.replay(evlog.read(SAMPLES / "tcg2/launch-policy-only.bin"))
    assert policy[pcr(19), SHA256] == by_hand(_ZEROS, b"")
    assert policy[pcr(20), SHA256] == by_hand(_ZEROS, b"a policy")
    host = evlog.replay(evlog.read(SAMPLES / "tcg2/google-host.bin"))
    assert host[pcr(0), SHA256] == by_hand(bytes(31) + b"\4", b"HCRTM", bytes(4))
    assert host[pcr(17), SHA256] == by_hand(_ZEROS, b"DRTM", bytes(4))
    assert host[pcr(21), SHA256] == by_hand(_ZEROS, b"the host's kernel", bytes(4))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_launch_in_another_log(order: tuple[int, int]) -> None:
    """Also in a later one, and also for registers that are extended before it comes."""
    pair = [of((0, _ACTION, b"x"), (21, _ACTION, b"kernel")), of((17, _HASH_START, b"launch"))]
    logs = [pair[index] for index in order]
    assert started(logs, 21) == (_ZEROS, "drtm")
    assert started(pair[0], 21) == (_ONES, "ones")
    assert evlog.replay(logs[:1], beside=logs[1:]).values[-1].start_reason == "drtm"
    merged = evlog.merge(logs).log
    assert evlog.replay(merged).registers() == evlog.replay(logs).registers()
    values = {
        (pcr(0), SHA256): by_hand(_ZEROS, b"x"),
        (pcr(17), SHA256): by_hand(_ZEROS, b"launch"),
        (pcr(20), SHA256): _ZEROS,
        (pcr(21), SHA256): by_hand(_ZEROS, b"kernel"),
    }
    result = evlog.verify(logs, Registers(values))
    assert {row.register.number: (row.verdict, row.cause) for row in result.registers} == dict.fromkeys(
        (0, 17, 20, 21), ("match", None)
    )
    assert result.ok


def test_a_register_that_only_another_log_speaks_of() -> None:
    """After a launch PCR 20 cannot be ones, and without one not be away from ones."""
    logs = [of((20, _ACTION, b"x")), of((17, _HASH_START, b"launch"))]
    for some, value, verdict in (
        (logs, by_hand(_ZEROS, b"x"), "match"),
        (logs, by_hand(_ONES, b"x"), "mismatch"),
        (logs[:1], by_hand(_ONES, b"x"), "match"),
        # What only the value picks does not count beyond PCR 19.
        (logs[:1], by_hand(_ZEROS, b"x"), "mismatch"),
    ):
        row = evlog.verify(some, Registers({(pcr(20), SHA256): value})).get(pcr(20), SHA256)
        assert row is not None
        assert row.verdict == verdict
        assert row.cause == (None if verdict == "match" else "dynamic_launch")


@pytest.mark.parametrize(("launch", "start"), [(True, _ONES), (False, _ZEROS)])
def test_the_value_picks_the_other_start_and_it_is_said(launch: bool, start: bytes) -> None:
    for index, verdict in ((17, "match"), (18, "match"), (19, "match"), (20, "mismatch"), (22, "mismatch")):
        log = of((index, _TB if launch else _ACTION, b"x"))
        row = evlog.verify(log, Registers({(pcr(index), SHA256): by_hand(start, b"x")})).get(pcr(index), SHA256)
        assert row is not None
        assert (row.verdict, row.cause) == (verdict, "dynamic_launch")
        assert ("started at ones" if launch else "started at zeros") in str(row.explanation)


def test_a_register_without_events_after_a_launch() -> None:
    log = of((17, _HASH_START, b"launch"))
    for value, verdict in ((_ZEROS, "match"), (_ONES, "not_logged")):
        row = evlog.verify(log, Registers({(pcr(22), SHA256): value})).get(pcr(22), SHA256)
        assert row is not None
        assert row.verdict == verdict


def test_a_signed_digest_over_registers_without_events() -> None:
    """Nobody states the values: PCR 18 is zeros after the launch on 17, and ones without."""
    selection = ((pcr(0), SHA256), (pcr(18), SHA256))
    for event_type, other in ((_HASH_START, _ZEROS), (_ACTION, _ONES)):
        log = of((0, _ACTION, b"x"), (17, event_type, b""))
        for value in (_ZEROS, _ONES):
            digest = hashlib.sha256(by_hand(_ZEROS, b"x") + value).digest()
            signed = evlog.Evidence("made", Registers({}), composite=Composite(SHA256, selection, digest))
            failed = any(each.code == "composite_mismatch" for each in evlog.verify(log, signed).findings)
            assert failed == (value != other)


def test_start_values_of_one_log() -> None:
    launched, not_launched = of((17, _HASH_START, b"x"), (21, _ACTION, b"y")), of((21, _ACTION, b"y"))
    assert start_value(launched, pcr(22), SHA256) == (_ZEROS, "drtm")
    assert start_value(not_launched, pcr(22), SHA256) == (_ONES, "ones")
    for log, start in ((launched, _ZEROS), (not_launched, _ONES)):
        found = evlog.find_prefix(log, pcr(21), SHA256, by_hand(start, b"y"))
        assert found is not None
        assert found.whole


def test_a_start_that_was_given_comes_first() -> None:
    given = Registers({(pcr(21), SHA256): b"\x33" * 32})
    log = of((17, _HASH_START, b"x"), (21, _ACTION, b"y"))
    assert evlog.replay(log, given)[pcr(21), SHA256] == by_hand(b"\x33" * 32, b"y")


def test_each_of_many_logs_has_its_own_machine() -> None:
    logs = [of((21, _ACTION, b"x")), of((17, _HASH_START, b"launch"), (21, _ACTION, b"x"))]
    rows = [[row.start for row in each if row.register == pcr(21)] for each in evlog.replay_each(logs)]
    assert rows == [[_ONES], [_ZEROS]]


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "firmware").write_bytes(make.agile(make.event2(21, _ACTION, b"x")))
    (tmp_path / "launch").write_bytes(make.agile(make.event2(17, _HASH_START, b"launch")))
    ran = run("replay", str(tmp_path / "firmware"), str(tmp_path / "launch"), "--register", "pcr:21", "--json")
    starts = {(row["alg"], row["start"], row["start_reason"]) for row in json.loads(ran.out)["registers"]}
    assert starts == {("sha1", "00" * 20, "drtm"), ("sha256", "00" * 32, "drtm")}


# A log that is no PC Client log


def test_a_hosts_log_lacks_no_separators() -> None:
    log = evlog.read(SAMPLES / "tcg2/google-host.bin")
    assert "separator_missing" not in codes(log)
    more = of((17, _GOOGLE, b"DRTM"), (0, _SEPARATOR, bytes(4)), (1, _ACTION, b"firmware"))
    assert "separator_missing" in codes(more)
    elsewhere = of((8, _GOOGLE, b"DRTM"), (0, _SEPARATOR, bytes(4)))
    assert "separator_missing" in codes(elsewhere)


# Columns say what events say


def agree(data: bytes, format: str) -> None:
    try:
        log = evlog.read(data, format=format)
    except evlog.EvlogError:
        return
    plain = Log(log.format, tuple(log.events), algorithms=log.algorithms, platform=log.platform)
    assert evlog.check(plain) == evlog.check(log)
    columns = log.columns
    if columns is None or columns.space != "pcr":
        return
    for row, made in enumerate(log.events):
        assert (columns.registers[row] != NOT_EXTENDED) == made.replayable
    if not columns.rules:
        assert evlog.replay(plain).values == evlog.replay(log).values


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_columns(draw: st.DataObject) -> None:
    format, strategy = draw.draw(st.sampled_from([("tcg1", tcg1()), ("tcg2", tcg2()), ("cel-tlv", cel())]))
    agree(draw.draw(strategy), format)


def test_markers_in_a_long_log() -> None:
    """Whatever scans it: this one is long enough for the native scanner."""
    filler = [(index % 23, _ACTION, index.to_bytes(4, "big")) for index in range(4000)]
    log = of(*filler, (17, _START, b""), *filler, (18, _END, b""), (18, _START, b"not a marker's"))
    columns = log.columns
    assert columns is not None
    silent = [row for row, index in enumerate(columns.registers) if index == NOT_EXTENDED]
    assert silent == [0, 4001, 8002]
    data = [part for index, _, part in filler if index == 17]
    assert evlog.replay(log)[pcr(17), SHA256] == by_hand(_ZEROS, *data, *data)
    assert [each.measured for each in (log.events[8002], log.events[8003])] == [False, True]


def test_big_endian_markers() -> None:
    records = (make.event1(17, _HASH_START, b"x", order=">"), make.event1(17, _START, b"", bytes(20), order=">"))
    log = evlog.read(make.boot1(">") + b"".join(records))
    assert [each.measured for each in log.events[-2:]] == [True, False]
    assert evlog.replay(log)[pcr(17), SHA1] == by_hand(bytes(20), b"x", hash="sha1")
    columns = log.columns
    assert columns is not None
    assert columns.registers[-1] == NOT_EXTENDED
    assert sha1_event(17, _START, b"") == make.event1(17, _START, b"")


# Google's host OS


def test_host_cos() -> None:
    """The digest of a record of content type 82 is of the whole content TLV; PCR 19 was reset by the launch."""
    log = evlog.read(SAMPLES / "cel-tlv/cos-host.tlv")
    piid, separator = log.events
    assert isinstance(separator.content, evlog.CosHostEvent)
    assert (separator.content.type_name, separator.content.data) == ("LaunchSeparator", b"")
    # The separator's digest, in Google's own test.
    assert separator.digests[0].value.hex() == "1976baee7e6b758a3832006cba151a5ba255bb2a4b0d4f1b66387624fe05f0c5"
    assert [each[0].verdict for each in evlog.check(log)] == ["matches", "matches"]
    assert piid.content.summary == f"CPUPIID {bytes(range(0xA0, 0xB0)).hex()}"
    value = _ZEROS
    for each in log.events:
        value = hashlib.sha256(value + each.digests[0].value).digest()
    row = evlog.verify(log, Registers({(pcr(19), SHA256): value})).get(pcr(19), SHA256)
    assert row is not None
    assert (row.verdict, row.cause) == ("match", "dynamic_launch")
    assert "started at zeros" in str(row.explanation)
    # A launch that another log tells of settles it.
    host = evlog.read(SAMPLES / "tcg2/google-host.bin")
    assert evlog.replay([host, log])[pcr(19), SHA256] == value


def test_host_cos_of_other_bytes() -> None:
    changed = (SAMPLES / "cel-tlv/cos-host.tlv").read_bytes().replace(b"\xa0\xa1", b"\xa0\xa2")
    assert [each[0].verdict for each in evlog.check(evlog.read(changed))] == ["mismatch", "matches"]


def test_names_of_cos_events() -> None:
    """An inner type means another thing in each of the two content types."""
    assert [evlog.CosEvent(number, b"").type_name for number in (1, 9, 10, 11, 12, 13)] == [
        "ImageDigest",
        "MemoryMonitor",
        "GpuCCMode",
        "GPUDeviceAttestationBinding",
        "ContainerSeparator",
        "13",
    ]
    assert [evlog.CosHostEvent(number, b"").type_name for number in (0, 1, 2)] == ["CPUPIID", "LaunchSeparator", "2"]
