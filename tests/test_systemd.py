"""systemd's measurement log: framing, what it leaves out, and the registers of a TPM that it leads to."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import (
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    Digest,
    Event,
    HashAlg,
    Log,
    Opaque,
    Register,
    Registers,
    SystemdRecord,
    replay,
)
from evlog.errors import ConversionError, ParseError, WriteError
from evlog.formats import CERTAIN, NO, POSSIBLE, detect, room
from evlog.options import Options
from samples import make_linux
from tests.conftest import SAMPLES, SLOWEST

if TYPE_CHECKING:
    from pathlib import Path

BANKS = (SHA1, SHA256, SHA384, SHA512)

#: A record as systemd wrote it, and PCR 7 before and after it, read from the TPM.
SEPARATOR = (
    b'\x1e{"pcr":7,"digests":[{"hashAlg":"sha256","digest":"ff5b9d73dad709633ae76adf444012b57e913a12ed7403c3931145862f35'
    b'f841"}],"content_type":"systemd","content":{"string":"os-separator","bootId":"189c18dd7ba245f38cf49d9ac154b525",'
    b'"timestamp":1515761,"eventType":"os-separator"}}\n'
)
BEFORE = "b5710bf57d25623e4019027da116821fa99f5c81e9e38b87671cc574f9281439"
AFTER = "03f359c6155efb9c42dd82c470c66f3579ea5721690787e6b1d3b0ac199ff501"


def systemd(event: Event) -> SystemdRecord:
    assert isinstance(event.content, SystemdRecord)
    return event.content


def test_a_real_record() -> None:
    log = evlog.read(SEPARATOR)
    event = log.events[0]
    assert event.register == Register("pcr", 7)
    assert event.content == SystemdRecord("os-separator", "189c18dd7ba245f38cf49d9ac154b525", 1515761, "os-separator")
    assert event.wire is None
    assert evlog.check(log)[0][0].rule == "string"
    start = Registers({(event.register, SHA256): bytes.fromhex(BEFORE)})
    assert replay(log, start)[event.register, SHA256].hex() == AFTER
    assert evlog.write(log) == SEPARATOR


def test_phases_have_the_digests_that_systemd_ships() -> None:
    """The values of systemd's own .pcrlock files."""
    log = evlog.read(make_linux.record("enter-initrd") + make_linux.record("leave-initrd"))
    assert [(event.digest(SHA256) or b"").hex() for event in log.events] == [
        "51e6b92f405d1f98d96e3de343d61d420ad6923b25de21d766f9298192f14fed",
        "3be261aff7db92bf507eae947f4003ffa2bcad0bffe3524601d62d0bc8be7135",
    ]
    assert [check.verdict for checks in evlog.check(log) for check in checks] == ["matches"] * 8


def test_firmware_and_systemd_together_reach_every_register_of_the_tpm() -> None:
    expected = json.loads((SAMPLES / "systemd/tpm2-measure.pcrs.json").read_text())
    firmware = evlog.read(SAMPLES / "tcg2/uki.bin")
    ours = evlog.read(SAMPLES / "systemd/tpm2-measure.log")
    rows = [row for row in replay([firmware, ours]).rows if row.value is not None]
    assert len(rows) == 45
    assert all(row.value.hex() == expected[row.alg.name][str(row.register.number)] for row in rows if row.value)
    alone = replay(firmware).get(Register("pcr", 11), SHA256)
    assert alone is not None
    assert alone.hex() != expected["sha256"]["11"]


def test_a_bank_that_a_record_lacks_is_not_told() -> None:
    log = evlog.read(SAMPLES / "systemd/tpm2-measure.log")
    pcr23 = {row.alg: row.status for row in replay(log).rows if row.register.number == 23}
    assert pcr23 == {SHA1: "incomplete", SHA256: "complete", SHA384: "incomplete", SHA512: "incomplete"}
    told = replay(log, rules={SHA1: "not-extended"})
    assert told[Register("pcr", 23), SHA1] == bytes(20)


def test_registers_of_every_kind() -> None:
    log = evlog.read(SAMPLES / "systemd/every-record.log")
    assert [str(event.register) for event in log.events[2:5]] == ["pcr:15", "nv:0x01d10202", "pcr:7"]
    assert systemd(log.events[3]).nv_index_name == "verity"
    expected = hashlib.sha256(bytes(32) + hashlib.sha256("verity:usr:ünï".encode()).digest()).digest()
    assert replay(log)[Register("nv", 0x01D10202), SHA256] == expected


@pytest.mark.parametrize("name", ["nv_index", "nvIndex", "nvindex"])
def test_an_nv_index_has_many_names(name: str) -> None:
    data = make_linux.record("x", banks=("sha256",), nv_index=0x01D10200).replace(b"nv_index", name.encode())
    log = evlog.read(data)
    assert log.events[0].register == Register("nv", 0x01D10200)
    assert evlog.write(log) == data


def test_tdx_registers_are_those_of_the_ccel() -> None:
    log = evlog.read(SAMPLES / "systemd/cc-measure.log")
    assert log.platform == "tdx"
    assert [event.register.label("tdx") for event in log.events] == ["RTMR[2]"] * 2
    value = bytes(48)
    for phase in (b"enter-initrd", b"sysinit"):
        value = hashlib.sha384(value + hashlib.sha384(phase).digest()).digest()
    assert replay(log)[Register("ccmr", 3), SHA384] == value


def test_a_secret_is_no_mismatch() -> None:
    """A volume key is measured as an HMAC, whose key nobody logs; another event with such a digest is wrong."""
    log = evlog.read(SAMPLES / "systemd/every-record.log")
    assert evlog.check(log)[2][0].verdict == "not_checkable"
    forged = make_linux.record("ready", banks=("sha256",), value=bytes(32))
    assert evlog.check(evlog.read(forged))[0][0].verdict == "mismatch"
    secret = make_linux.record("x", banks=("sha256",), value=bytes(32), eventType="credentials")
    assert evlog.check(evlog.read(secret))[0][0].verdict == "not_checkable"
    # The string of these may be all there is after all.
    assert evlog.check(log)[3][0].verdict == "matches"


def test_what_a_record_may_leave_out() -> None:
    log = evlog.read(SAMPLES / "systemd/every-record.log")
    assert log.events[5].content == SystemdRecord("ready")
    assert log.events[6].content == SystemdRecord(None)
    assert evlog.check(log)[6][0].verdict == "not_checkable"
    assert evlog.write(log) == (SAMPLES / "systemd/every-record.log").read_bytes()


def test_unknown_members_are_kept() -> None:
    log = evlog.read(SAMPLES / "systemd/every-record.log")
    assert json.loads(systemd(log.events[4]).other) == {"colour": "green"}
    odd = make_linux.record("x").replace(b'"timestamp":4061113', b'"timestamp":"noon"')
    record = systemd(evlog.read(odd).events[0])
    assert (record.timestamp, json.loads(record.other)) == (None, {"timestamp": "noon"})
    for event in log.events:
        assert SystemdRecord.from_members(systemd(event).to_members()) == event.content
        assert SystemdRecord.from_json(event.content.to_json()) == event.content


def test_the_torn_last_record() -> None:
    whole = make_linux.record("enter-initrd")
    torn = make_linux.record("leave-initrd")
    for cut in (1, 2, 30, len(torn) - 2):
        data = whole + torn[:-cut]
        log = evlog.read(data)
        assert len(log.events) == 1 + (cut == 1)
        codes = [finding.code for finding in log.findings]
        assert codes == ([] if cut == 1 else ["truncated_record"])
        assert evlog.write(log) == data
        if cut > 1:
            assert log.findings[0].offset == len(whole)
            with pytest.raises(ParseError):
                evlog.read(data, strict=True)


def test_what_follows_a_torn_record_is_read() -> None:
    """RFC 7464 section 2.1: a text that is none is passed over, and the next one is whole again."""
    records = [make_linux.record(string) for string in ("enter-initrd", "leave-initrd", "sysinit", "ready")]
    data = records[0] + records[1][:60] + records[2] + b"\x1enull\n\x1e" + records[3] + records[1][:60]
    log = evlog.read(data)
    assert [systemd(event).string for event in log.events] == ["enter-initrd", "sysinit", "ready"]
    assert [(finding.code, finding.severity, finding.event) for finding in log.findings] == [
        ("bad_record", "error", 1),
        ("bad_record", "error", 2),
        ("truncated_record", "error", 3),
    ]
    assert [data[finding.offset or 0 :][:5] for finding in log.findings] == [b'\x1e{"pc', b"\x1enull", b'\x1e{"pc']
    assert evlog.write(log) == data
    assert evlog.read(evlog.write(log)) == log
    assert evlog.read(b"".join(records[::2] + records[3:])).events == tuple(e.replace(wire=None) for e in log.events)
    with pytest.raises(ParseError):
        evlog.read(data, strict=True)


def test_a_log_of_torn_records_floods_nobody() -> None:
    started = time.process_time()
    log = evlog.read(SEPARATOR + b"\x1e[]\n" * 100_000)
    assert time.process_time() - started < 10 * SLOWEST
    assert len(log.events) == 1
    assert len(log.findings) < 20


def test_the_sticky_bit_marks_a_log_that_lacks_records(tmp_path: Path) -> None:
    path = tmp_path / "tpm2-measure.log"
    path.write_bytes(SEPARATOR)
    assert evlog.read(path).findings == ()
    os.chmod(path, 0o1600)
    assert [(f.code, f.severity) for f in evlog.read(path).findings] == [("log_incomplete", "warning")]
    with pytest.raises(ParseError):
        evlog.read(path, strict=True)
    other = tmp_path / "firmware"
    other.write_bytes((SAMPLES / "tcg2/ovmf.bin").read_bytes())
    os.chmod(other, 0o1600)
    assert evlog.read(other).findings == ()


@pytest.mark.parametrize(
    ("data", "confidence"),
    [
        (SEPARATOR, CERTAIN),
        (b"\x1e" + SEPARATOR[1:].replace(b"{", b'{"recnum":0,', 1), NO),
        (SEPARATOR.replace(b'"content_type":"systemd"', b'"content_type":"pcclient_std"'), NO),
        (SEPARATOR[:40], POSSIBLE),
        (SEPARATOR[1:], NO),
        (b'\x1e{"pcr":7}\n', NO),
        (b"\x1e[]\n", NO),
        (b"\x1e", NO),
        (b"", NO),
    ],
)
def test_whose_log_it_is(data: bytes, confidence: int) -> None:
    """Records with numbers are another format's, and so is an array."""
    assert room("systemd").sniff(data, Options()).confidence == confidence


def test_a_cel_without_numbers_is_no_log_of_systemds() -> None:
    """CEL 1.1 section 4.3.2 and PFP section 10.4: EV_NO_ACTION extends nothing."""
    digest = json.dumps([{"hashAlg": "sha256", "digest": "11" * 32}])
    contents = '{"event_type":"EV_NO_ACTION","event_data":""}', '{"event_type":"EV_SEPARATOR","event_data":"00000000"}'
    records = [
        f'\x1e{{"pcr":7,"digests":{digest},"content_type":"pcclient_std","content":{each}}}\n' for each in contents
    ]
    log = evlog.read("".join(records).encode())
    assert log.format == "cel-json"
    value = hashlib.sha256(bytes(32) + b"\x11" * 32).digest()
    assert [(row.events, row.value) for row in replay(log).rows] == [(1, value)]


@pytest.mark.parametrize(
    "record",
    [
        b"[]",
        b"{}",
        b'{"pcr":true,"digests":[]}',
        b'{"pcr":-1,"digests":[]}',
        b'{"pcr":4294967296,"digests":[]}',
        b'{"rtmr":256,"digests":[]}',
        b'{"pcr":7.0,"digests":[]}',
        b'{"pcr":"7","digests":[]}',
        b'{"pcr":7,"digests":{}}',
        b'{"pcr":7,"digests":[{}]}',
        b'{"pcr":7,"digests":[{"hashAlg":"sha256"}]}',
        b'{"pcr":7,"digests":[{"hashAlg":"rot13","digest":""}]}',
        b'{"pcr":7,"digests":[{"hashAlg":"sha256","digest":"0g"}]}',
        b'{"pcr":7,"content_type":[]}',
        b'{"pcr":7,"n":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"pcr":7,"content":{"x":' + b"[" * 900 + b"]" * 900 + b"}} garbage",
        b'{"pcr":7}\xff',
        b'{"pcr":7,"pcr":8}',
        b'{"pcr":7,"content":{"string":"x","string":"y"}}',
    ],
)
def test_records_that_cannot_be(record: bytes) -> None:
    data = SEPARATOR + b"\x1e" + record + b"\n"
    log = evlog.read(data)
    assert len(log.events) == 1
    assert log.failed
    assert log.findings[0].offset == len(SEPARATOR)
    assert evlog.write(log) == data


def test_a_digest_of_the_wrong_size_extends_nothing() -> None:
    log = evlog.read(make_linux.record("x", banks=("sha256",), value=bytes(20)))
    assert [row.status for row in replay(log).rows] == ["incomplete"]
    assert [finding.code for finding in log.findings] == ["digest_size"]


@pytest.mark.parametrize(
    ("digests", "code"), [("", "no_digests"), ('{"hashAlg":"sha256","digest":"%s"},' * 2, "duplicate_digest")]
)
def test_odd_digests_are_told(digests: str, code: str) -> None:
    spelled = digests.replace("%s", "00" * 32).rstrip(",")
    log = evlog.read(b'\x1e{"pcr":11,"digests":[%b],"content_type":"systemd","content":{}}\n' % spelled.encode())
    assert [(finding.code, finding.event) for finding in log.findings] == [(code, 0)]


def test_a_record_of_another_kind_is_carried() -> None:
    data = SEPARATOR.replace(b'"content_type":"systemd"', b'"content_type":"vendor"')
    log = evlog.read(data)
    assert isinstance(log.events[0].content, Opaque)
    assert log.events[0].content.type == "vendor"
    assert evlog.write(log) == data


def test_a_string_that_is_no_text_does_not_stop_the_check() -> None:
    data = SEPARATOR.replace(b"os-separator", b"\\ud800", 1)
    log = evlog.read(data)
    assert evlog.check(log)[0][0].verdict == "mismatch"
    assert evlog.write(log) == data
    assert evlog.read(evlog.write(log, format="evlog-json")) == log


def test_a_changed_record_is_not_written_as_it_was() -> None:
    log = evlog.read(SAMPLES / "systemd/every-record.log")
    changed = log.events[5].replace(number=0, digests=(Digest(SHA256, bytes(32)),))
    assert b"00" * 32 in evlog.write(log.replace(events=(changed,)))


def test_only_systemds_records_go_into_its_log() -> None:
    firmware = evlog.read(SAMPLES / "tcg2/ovmf.bin")
    with pytest.raises(WriteError):
        evlog.convert(firmware, "systemd")
    with pytest.raises(WriteError):
        evlog.write(firmware, format="systemd")
    both = evlog.read(SAMPLES / "systemd/every-record.log")
    mixed = both.replace(format="evlog-json", events=(*both.events, firmware.events[1].replace(number=7)))
    with pytest.raises(ConversionError):
        evlog.convert(mixed, "systemd")
    log = evlog.read(SAMPLES / "systemd/tpm2-measure.log")
    numbered = tuple(event.replace(recnum=9, wire=None) for event in log.events)
    foreign = Log("evlog-json", numbered, algorithms=log.algorithms)
    done = evlog.convert(foreign, "systemd")
    assert done.data == (SAMPLES / "systemd/tpm2-measure.log").read_bytes()
    assert {loss.field for loss in done.losses} == {"recnum"}
    renumbered = (event.replace(recnum=n) for event, n in zip(log.events, (0, 0, 1, 1, 0), strict=True))
    assert evlog.convert(foreign.replace(events=tuple(renumbered)), "systemd").losses == ()


@pytest.mark.parametrize("change", [{"register": Register("mr", "x")}, {"content": Opaque(1, b"\xff")}])
def test_what_it_cannot_hold_is_refused(change: dict[str, Any]) -> None:
    log = evlog.read(SEPARATOR)
    with pytest.raises(WriteError):
        evlog.write(log.replace(events=(log.events[0].replace(**change),)))


def test_virtual_machine(vm: Path) -> None:
    machine = vm / "g-uki257-systemd"
    data = (machine / "tpm2-measure.log").read_bytes()
    assert detect(data).format == "systemd"
    predicted = (machine / "predicted-pcr11.txt").read_text()
    ready = [evlog.read(machine / "binary_bios_measurements"), evlog.read(data)]
    values = {row.alg: row.value for row in replay(ready).rows if row.register == Register("pcr", 11)}
    for line in predicted.splitlines():
        if line.startswith("11:"):
            name, value = line[3:].split("=")
            found = values[HashAlg.named(name)]
            assert found is not None
            assert found.hex() == value
