"""The worked vectors of CEL, both ways: bytes to events, digests and register values, and back to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evlog
from evlog.algorithms import SHA1, SHA256, SHA384, HashAlg
from evlog.contents.cel import CEL_TIMESTAMP, CEL_VERSION, FIRMWARE_END, STATE_TRANS, CelEvent
from evlog.contents.cos import CosEvent
from evlog.contents.ima import ImaEvent
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.systemd import SystemdRecord
from evlog.formats import CERTAIN, LIKELY, room, writer
from evlog.model import Content, Digest, Event, Log
from evlog.options import NO_OPTIONS, Options
from evlog.registers import Register, Registers
from tests.conftest import SHARED

VECTORS = SHARED / "spec" / "vectors" / "cel" / "vectors.json"
ROOMS = {
    "cel-tlv": "cel-tlv",
    "cel-cbor": "cel-cbor",
    "cel-cbor-seq": "cel-cbor",
    "json": "cel-json",
    "json-seq": "cel-json",
}


def vectors(*encodings: str) -> list[Any]:
    """The vectors in some encodings, as parameters; one that is skipped where the file is not there."""
    if not Path(VECTORS).is_file():
        return [pytest.param({}, marks=pytest.mark.skip("the vectors are not here"), id="vectors")]
    found = json.loads(VECTORS.read_text())["vectors"]
    return [pytest.param(each, id=each["name"]) for each in found if each["encoding"] in encodings]


def logs() -> list[Any]:
    return [each for each in vectors(*ROOMS) if each.values[0].get("note") != "content member only"]


def read(vector: dict[str, Any]) -> tuple[Log, bytes]:
    data = bytes.fromhex(vector["hex"])
    return room(ROOMS[vector["encoding"]]).read(data, NO_OPTIONS), data


@pytest.mark.parametrize("vector", logs())
def test_a_log_is_told_by_its_bytes(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    match = room(ROOMS[vector["encoding"]]).sniff(data, NO_OPTIONS)
    numbered = all(each["recnum"] is not None for each in vector["decoded"]["records"])
    assert match.confidence == (CERTAIN if numbered else LIKELY)


@pytest.mark.parametrize("vector", logs())
def test_a_log_is_written_as_it_was_read(vector: dict[str, Any]) -> None:
    log, data = read(vector)
    assert not log.failed
    assert writer(log.format).write(log, NO_OPTIONS) == data
    plain = log.replace(events=tuple(event.replace(wire=None) for event in log.events))
    # libcel's content type for systemd is read, and written as the specification has it.
    assert (writer(log.format).write(plain, NO_OPTIONS) == data) == ("tlv11" not in vector["name"])


@pytest.mark.parametrize("vector", logs())
def test_a_log_says_what_the_vector_says(vector: dict[str, Any]) -> None:
    log, _ = read(vector)
    records = vector["decoded"]["records"]
    assert len(log.events) == len(records)
    for event, record in zip(log.events, records, strict=True):
        assert event.recnum == record["recnum"]
        assert event.register == _register(record)
        digests = {str(digest.alg): digest.value.hex() for digest in event.digests}
        assert digests == record["digests"]
        assert event.measured is record.get("extended", True)
        for name, value in _said(event.content).items():
            assert name not in record or record[name] == value, name


def _register(record: dict[str, Any]) -> Register:
    if "cc_mr" in record:
        return Register("ccmr", record["cc_mr"])
    return Register("pcr", record["pcr"]) if "pcr" in record else Register("nv", record["nv_index"])


def _said(content: Content) -> dict[str, Any]:
    """A content in the words of the vectors."""
    match content:
        case PCClientEvent(event_type, data):
            return {"event_type": event_type, "event_data": data.hex(), "event_type_name": content.event_type_name}
        case ImaEvent(template, data):
            return {"template_name": template, "template_data": data.hex()}
        case SystemdRecord(string, boot_id, timestamp, event_type):
            names = {"string": string, "bootId": boot_id, "timestamp_us": timestamp, "event_type_name": event_type}
            return {name: value for name, value in names.items() if value is not None}
        case CosEvent(number, data):
            return {"sub_type": number, "value": data.decode(), "sub_type_name": content.type_name}
        case CelEvent(((number, (major, minor)),)):
            return {"sub_type": number, "major": major, "minor": minor}
    path, datahash = getattr(content, "item")("path"), getattr(content, "item")("datahash")  # noqa: B009
    return {"path": path.decode(), "datahash": datahash.hex()}


@pytest.mark.parametrize("vector", [each for each in logs() if each.values[0].get("pcr_values")])
def test_the_register_values_come_out(vector: dict[str, Any]) -> None:
    log, _ = read(vector)
    start = {
        (Register("pcr", int(index)), HashAlg.named(alg)): bytes.fromhex(value)
        for index, bank in vector.get("pcr_before", {}).items()
        for alg, value in bank.items()
    }
    replayed = evlog.replay(log, Registers(start) if start else None)
    compared = 0
    for index, bank in vector["pcr_values"].items():
        register = Register("pcr", int(index)) if index.isdigit() else Register("ccmr", 4)
        for alg, value in bank.items():
            if HashAlg.named(alg) in log.algorithms:
                assert replayed[register, HashAlg.named(alg)].hex() == value
                compared += 1
    assert compared


@pytest.mark.parametrize("vector", [each for each in logs() if each.values[0].get("digest_rule")])
def test_the_digests_cover_what_the_rule_says(vector: dict[str, Any]) -> None:
    log, _ = read(vector)
    for event, checks in zip(log.events, evlog.check(log), strict=True):
        assert [check.verdict for check in checks] == ["matches"] * (len(event.digests) if event.measured else 0)


def _content(vector: dict[str, Any]) -> tuple[int, Any]:
    """The content type and the value that a vector of management content has."""
    decoded = vector["decoded"]
    number = decoded["sub_type"]
    if number == CEL_VERSION:
        return number, (decoded["major"], decoded["minor"])
    return number, decoded.get("value")


@pytest.mark.parametrize("vector", [each for each in vectors("cel-tlv-content") if "v6" in str(each.id)])
def test_management_in_tlv(vector: dict[str, Any]) -> None:
    content = bytes.fromhex(vector["hex"])
    record = bytes.fromhex("00000000010001000000010003000000 00") + content
    event = evlog.read(record).events[0]
    assert isinstance(event.content, CelEvent)
    assert event.content == CelEvent((_content(vector),))
    assert event.measured is (event.content.items[0][0] not in (CEL_VERSION, FIRMWARE_END))
    log = evlog.read(record).replace(header=None)
    assert evlog.write(log, profile="minimal") == record


@pytest.mark.parametrize("vector", vectors("cel-cbor-content"))
def test_management_in_cbor(vector: dict[str, Any]) -> None:
    record = b"\xa5\x00\x00\x01\x00\x03\x80\x09\x04\x0a" + bytes.fromhex(vector["hex"])
    log = evlog.read(record)
    assert log.events[0].content == CelEvent((_content(vector),))
    assert evlog.write(log) == record


@pytest.mark.parametrize(
    "vector", [each for each in vectors("json") if each.values[0].get("note", "").startswith("cont")]
)
def test_management_in_json(vector: dict[str, Any]) -> None:
    record = b'{"recnum":0,"pcr":0,"digests":[],"content_type":"cel","content":%s}' % bytes.fromhex(vector["hex"])
    log = evlog.read(record)
    assert log.events[0].content == CelEvent((_content(vector),))
    assert evlog.write(log) == record


# The essential ones, for whoever does not have the file.

V1_TLV = (
    "000000000400000001010000000400000000030000003e0400000014c42fedad268200cb1d15f97841c344e79dae33200b00000020d4720b40"
    "09438213b803568017f903093f6bea8ab47d283db32b6eabedbbf155050000001e00000000040000000801000000101efb6b540c1d5540a4ad"
    "4ef4bf17b83a"
)
V1_CBOR = (
    "a5000101000382a200040154c42fedad268200cb1d15f97841c344e79dae3320a2000b015820d4720b4009438213b803568017f903093f6bea"
    "8ab47d283db32b6eabedbbf15509050aa2000801501efb6b540c1d5540a4ad4ef4bf17b83a"
)
V1_JSON = (
    '{"recnum":1,"pcr":0,"digests":[{"hashAlg":"sha1","digest":"c42fedad268200cb1d15f97841c344e79dae3320"},{"hashAlg":'
    '"sha256","digest":"d4720b4009438213b803568017f903093f6bea8ab47d283db32b6eabedbbf155"}],"content_type":'
    '"pcclient_std","content":{"event_type":"EV_S_CRTM_VERSION","event_data":"1efb6b540c1d5540a4ad4ef4bf17b83a"}}'
)
V1 = Event(
    0,
    Register("pcr", 0),
    (
        Digest(SHA1, bytes.fromhex("c42fedad268200cb1d15f97841c344e79dae3320")),
        Digest(SHA256, bytes.fromhex("d4720b4009438213b803568017f903093f6bea8ab47d283db32b6eabedbbf155")),
    ),
    PCClientEvent(8, bytes.fromhex("1efb6b540c1d5540a4ad4ef4bf17b83a")),
    1,
)


@pytest.mark.parametrize("data", [bytes.fromhex(V1_TLV), bytes.fromhex(V1_CBOR), V1_JSON.encode()])
def test_one_event_in_three_encodings(data: bytes) -> None:
    log = evlog.read(data)
    assert log.events == (V1,)
    assert evlog.write(log) == data
    assert evlog.replay(log)[V1.register, SHA1].hex() == "9872964b9b40cdd0363fcd6af8c267c9cb34200b"


@pytest.mark.parametrize(("profile", "length"), [("minimal", 111), ("u32", 120), ("google", 121)])
def test_profiles(profile: str, length: int) -> None:
    written = evlog.write(Log("cel-tlv", (V1,)), profile=profile)
    assert len(written) == length
    assert evlog.read(written).events == (V1,)
    assert evlog.write(evlog.read(written)) == written


def test_cos_logs_are_written_for_their_own_reader() -> None:
    event = CosEvent(0, b"docker.io/bazel/experimental/test:latest")
    digest = Digest(
        SHA384,
        bytes.fromhex(
            "89bd60421f1f4c7e9e141d045ded5bdbb361555c472def06dabe9369dd925a6ef96c7645915c850bbb4731e62d08573c"
        ),
    )
    log = Log("cel-tlv", (Event(0, Register("ccmr", 4), (digest,), event, 0),))
    data = evlog.write(log)
    assert data[:16].hex() == "0000000008" + "0000000000000000" + "6c0000"
    back = evlog.read(data)
    assert back.platform == "tdx"
    assert [check.verdict for check in evlog.check(back)[0]] == ["matches"]
    assert evlog.replay(back)[Register("ccmr", 4), SHA384].hex() == (
        "224cd03e7abf22231231ca5a75dcaf21f461e94e518f9617e83ac9b46cb5af75a90881af66c14fe1c2437676905bb9f5"
    )


@pytest.mark.parametrize(
    ("item", "tlv", "cbor", "json_"),
    [
        (
            (CEL_VERSION, (1, 0)),
            "0400000011010000000c000000000101010000000100",
            "a2000101a200010100",
            '{"type":"cel_version","data":{"major":1,"minor":0}}',
        ),
        ((FIRMWARE_END, None), "04000000050200000000", "a10002", '{"type":"firmware_end"}'),
        (
            (CEL_TIMESTAMP, 1700000000),
            "040000000950000000046553f100",
            "a2001850011a6553f100",
            '{"type":"cel_timestamp","data":1700000000}',
        ),
        ((STATE_TRANS, 2), "0400000006510000000102", "a20018510102", '{"type":"state_trans","data":"kexec"}'),
    ],
)
def test_management(item: tuple[int, Any], tlv: str, cbor: str, json_: str) -> None:
    log = Log("cel-tlv", (Event(0, Register("pcr", 0), (), CelEvent((item,)), 0),))
    assert evlog.write(log).endswith(bytes.fromhex(tlv))
    assert writer("cel-cbor").write(log, Options()).endswith(bytes.fromhex(cbor))
    assert writer("cel-json").write(log, Options()).endswith(json_.encode() + b"}\n]\n")
