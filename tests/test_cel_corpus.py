"""Public CEL logs: their digests, their register values, and the pair that another project keeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

import evlog
from evlog.algorithms import SHA256, SHA384, HashAlg
from evlog.contents.cel import CelEvent
from evlog.contents.cos import CosEvent
from evlog.contents.pcclient import PCClientEvent
from evlog.registers import Register

# The firmware log of the pair in the repository of tpm2-tools, as the notes on the format have it.
MOKLIST = "d583709779d41d8bd9d57e3a93aa99622914161355d047b48af26845b0a7e40c"
RTMR3 = "2261f93374ed538b35e7e93c540a1562ccb25d14f6c40a1efea03d329e29a97172d84e152344af4a7188d0c8b9fcabeb"


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json"])
def test_the_cos_log(corpus: Path, to: str) -> None:
    data = (corpus / "google__go-tpm-tools__cel.bin").read_bytes()
    log = evlog.convert(evlog.read(data), to, mr_key="type108").log
    assert [check.verdict for checks in evlog.check(log) for check in checks] == ["matches"] * 18
    assert evlog.replay(log)[Register("ccmr", 4), SHA384].hex() == RTMR3
    assert all(isinstance(event.content, CosEvent) for event in log.events)
    assert evlog.convert(log, "cel-tlv").data == data


def test_the_pair_of_tpm2_tools(corpus: Path) -> None:
    """tpm2-tools keeps a firmware log and its CEL form: 97 records, numbered from 1 on PCR 0."""
    import json

    rows = yaml.safe_load((corpus / "tpm2-software__tpm2-tools__event-moklisttrusted-hex.yaml").read_text())
    log = evlog.read(json.dumps(rows).encode())
    assert log.format == "cel-json"
    assert [finding.code for finding in log.findings] == ["recnum_scheme"]
    assert len(log.events) == len(rows) == 97
    for row, event in zip(rows, log.events, strict=True):
        assert row["recnum"] == event.recnum
        _same(row, event)
    firmware = evlog.convert(log, "tcg2")
    assert len(firmware.data) == 18926
    assert hashlib.sha256(firmware.data).hexdigest() == MOKLIST
    assert {loss.field for loss in firmware.losses} == {"recnum"}
    assert len(firmware.losses) == sum(row["pcr"] == 0 for row in rows)
    for to in ("cel-tlv", "cel-cbor", "cel-json"):
        again = evlog.convert(evlog.read(firmware.data), to).log
        assert len(again.events) == 97
        for row, event in zip(rows, again.events, strict=True):
            assert row["recnum"] == (event.recnum or 0) + (event.register == Register("pcr", 0))
            _same(row, event)


def _same(row: dict[str, object], event: evlog.Event) -> None:
    assert isinstance(event.content, PCClientEvent)
    assert row["content_type"] == "pcclient_std"
    assert row["pcr"] == event.register.number
    content, digests = row["content"], row["digests"]
    assert isinstance(content, dict)
    assert isinstance(digests, list)
    assert content["event_type"] == event.content.event_type_name
    assert content["event_data"] == event.content.data.hex()
    expected = tuple((HashAlg.named(each["hashAlg"]), each["digest"]) for each in digests)
    assert expected == tuple((digest.alg, digest.value.hex()) for digest in event.digests)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("whooo__eventlogs__tlv_cel_version.bin", (1, (1, 2))),
        ("whooo__eventlogs__tlv_cel_timestamp.bin", (80, 0xFFFFFFFFFF)),
    ],
)
def test_management_of_eventlogs(corpus: Path, name: str, item: tuple[int, object]) -> None:
    """It writes the minor version first, and a timestamp under 0x80."""
    data = (corpus / name).read_bytes()
    log = evlog.read(data)
    content = log.events[0].content
    assert isinstance(content, CelEvent)
    assert content.items[0][0] == item[0]
    assert content.items[0][0] == 1 or content.items[0][1] == item[1]
    assert evlog.write(log) == data


def test_libcel_samples(corpus: Path) -> None:
    """libcel's samples read, though json-c's commas are no JSON; it leaves out digests that others need."""
    multi = evlog.read(corpus / "whooo__libcel__cel_multi.json")
    assert multi.events[0].content == CelEvent(((2, None), (80, 1234567890), (81, 2)))
    assert multi.events[0].register == Register("nv", 2)
    assert {finding.code for finding in multi.findings} == {"not_json", "no_digests", "nv_index", "partial_log"}
    version = evlog.read(corpus / "whooo__libcel__cel_version.json")
    assert version.events[0].content == CelEvent(((1, (123, 456)),))
    assert version.events[0].recnum == 6
    assert not version.failed
    numbers = evlog.read(corpus / "whooo__libcel__pcclient_numbers.json")
    assert numbers.events[0].content == PCClientEvent(3, bytes.fromhex("aabbccdd"))


@pytest.mark.parametrize("pattern", ["whooo__libcel__*.json", "whooo__eventlogs__tlv*"])
def test_malformed_logs_are_not_silent(corpus: Path, pattern: str) -> None:
    paths = sorted((corpus / "malformed").glob(pattern))
    assert paths
    for path in paths:
        try:
            assert evlog.read(path).failed, path.name
        except evlog.ParseError as error:
            assert error.offset is not None


def test_what_pcrlock_says_of_a_machine_is_what_its_tpm_says(vm: Path) -> None:
    """`systemd-pcrlock cel`: firmware's and systemd's records in one array, numbered across registers from 1."""
    import json

    log = evlog.read(vm / "g-uki257-systemd" / "pcrlock-cel.json")
    assert [finding.message for finding in log.findings] == ["record numbers count across registers from 1"]
    assert len(log.events) == 47
    values = json.loads((vm / "g-uki257-systemd" / "pcrs.json").read_text())
    compared = 0
    for (register, alg), value in evlog.replay(log).registers().values.items():
        assert value.hex() == values[str(alg)][str(register.index)].lower()
        compared += 1
    assert compared == 45


def test_what_pcrlock_says_in_tlv(vm: Path) -> None:
    log = evlog.read(vm / "g-uki257-systemd" / "pcrlock-cel.json")
    for to in ("cel-tlv", "cel-cbor"):
        conversion = evlog.convert(log, to)
        assert conversion.registers_preserved
        lost = {(loss.event, loss.field) for loss in conversion.losses}
        kept = ("boot_id", "timestamp", "event_type")
        assert lost == {(number, f"content.{field}") for number in range(42, 47) for field in kept}
        assert evlog.replay(conversion.log).registers() == evlog.replay(log).registers()
        assert (Register("pcr", 11), SHA256) in evlog.replay(conversion.log).registers()
