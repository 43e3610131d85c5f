"""What readers of CEL accept, what they say of it, and what a strict one refuses."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import cbor2
import pytest

import evlog
from evlog.algorithms import SHA256, HashAlg
from evlog.contents.cel import CelEvent
from evlog.contents.ima import ImaEvent
from evlog.contents.opaque import Opaque
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.systemd import SystemdRecord
from evlog.errors import ParseError, TruncatedError, UnknownFormatError
from evlog.formats import POSSIBLE, detect
from evlog.model import Log
from evlog.registers import Register
from samples import make_cel
from samples.make_cel import cbor, compact, record_map, record_object, record_tlv, tlv
from tests.conftest import SAMPLES

ONE, TWO, THREE = make_cel.separators()
OBJECT: dict[str, Any] = record_object(ONE)
MAP: dict[int, Any] = record_map(ONE)


def codes(log: Log) -> list[str]:
    return [finding.code for finding in log.findings]


def json_log(*objects: object) -> Log:
    return evlog.read(compact(list(objects)), format="cel-json")


# JSON


@pytest.mark.parametrize(
    "text",
    [
        b"[%s,%s]",
        b" [ %s , %s ] \n",
        b"%s\n%s\n",
        b"%s%s",
        b"\x1e%s\n\x1e%s\n",
        b"\xef\xbb\xbf[%s,%s]",
    ],
)
def test_framings(text: bytes) -> None:
    data = text % (compact(OBJECT), compact(record_object(TWO)))
    log = evlog.read(data, format="cel-json")
    assert [event.register.index for event in log.events] == [0, 1]
    assert codes(log) == []
    spans = [event.origin.span for event in log.events if event.origin is not None]
    assert [json.loads(data[span.offset : span.offset + span.length]) for span in spans] == [
        OBJECT,
        record_object(TWO),
    ]


def test_a_byte_order_mark_hides_nothing() -> None:
    data = b"\xef\xbb\xbf" + compact([OBJECT])
    assert evlog.read(data).format == "cel-json"


def test_a_register_without_an_ordinal_among_those_that_have_one() -> None:
    records = [{**OBJECT, "rtmr": 2}, {**OBJECT, "ccmr": 0}]
    for record in records:
        del record["pcr"]
    log = json_log(*reversed(records))
    assert [str(event.register) for event in log.events] == ["ccmr:0", "ccmr:3"]
    written = json.loads(evlog.write(log))
    assert [(each.get("ccmr"), each.get("rtmr")) for each in written] == [(0, None), (None, 2)]
    assert evlog.read(evlog.write(log)) == log


def test_offsets_count_bytes() -> None:
    named = {**OBJECT, "content_type": "grüße", "content": "00"}
    data = json.dumps([named, record_object(TWO)], ensure_ascii=False).encode()
    log = evlog.read(data)
    origin = log.events[1].origin
    assert origin is not None
    assert json.loads(data[origin.span.offset : origin.span.offset + origin.span.length]) == record_object(TWO)
    cut = data[:-20]
    finding = evlog.read(cut).findings[-1]
    assert finding.code == "truncated_record"
    assert finding.offset == len(cut)


def test_an_empty_log() -> None:
    assert detect(b"[]\n").confidence == POSSIBLE
    assert evlog.read(b"[]", format="cel-json").events == ()
    assert evlog.write(evlog.read(b"[\n]\n", format="cel-json")) == b"[]\n"
    assert evlog.read(b"\x80", format="cel-cbor").events == ()
    assert evlog.write(evlog.read(b"\x80", format="cel-cbor")) == b"\x80"
    assert list(evlog.read(b"", format="cel-tlv").events) == []


@pytest.mark.parametrize(
    ("spelled", "number"),
    [
        ("EV_SEPARATOR", 4),
        ("ev_separator", 4),
        (4, 4),
        ("4", 4),
        ("0x4", 4),
        ("2147483660", 0x8000000C),
        ("ev_efi_platform_firmwate_blob2", 0x8000000A),
        ("EVTYPE_HASH_START", 0x402),
    ],
)
def test_event_types(spelled: str | int, number: int) -> None:
    content = {"event_type": spelled, "event_data": "00"}
    assert json_log({**OBJECT, "content": content}).events[0].content == PCClientEvent(number, b"\0")


@pytest.mark.parametrize(
    ("number", "spelled"), [(4, '"EV_SEPARATOR"'), (0x402, "1026"), (0xFFFF, "65535"), (3, '"EV_NO_ACTION"')]
)
def test_event_types_as_written(number: int, spelled: str) -> None:
    log = json_log(OBJECT)
    event = log.events[0].replace(content=PCClientEvent(number, b""))
    assert f'"event_type":{spelled},'.encode() in evlog.write(log.replace(events=(event,)))


@pytest.mark.parametrize(
    "spelled", ["sha256", "SHA256", "sha-256", "TPM2_ALG_SHA256", "TPM_ALG_SHA256", "0x000B", "0xb", 11]
)
def test_algorithms(spelled: str | int) -> None:
    log = json_log({**OBJECT, "digests": [{"hashAlg": spelled, "digest": "AB" * 32}]})
    assert log.events[0].digests[0].alg == SHA256
    assert log.events[0].digests[0].value == b"\xab" * 32


def test_an_unknown_algorithm_keeps_its_number() -> None:
    log = json_log({**OBJECT, "digests": [{"hashAlg": "0x7f01", "digest": "00" * 24}]})
    assert log.events[0].digests[0].alg == HashAlg.of(0x7F01, 24)
    assert b'"hashAlg":"0x7F01"' in evlog.write(log)


@pytest.mark.parametrize("name", ["nv_index", "nvIndex", "nvindex"])
def test_nv_indices(name: str) -> None:
    log = json_log(
        {"recnum": 0, name: 0x01D10200, "digests": OBJECT["digests"], "content_type": "systemd", "content": "78"}
    )
    assert log.events[0].register == Register("nv", 0x01D10200)
    assert codes(log) == []
    assert b'"nv_index":30474752' in evlog.write(log)


def test_an_nv_index_that_no_tpm_has() -> None:
    for index, expected in ((0x01800000, []), (0x20000001, []), (0x02000000, ["nv_index"])):
        members = {
            "recnum": 0,
            "nv_index": index,
            "digests": OBJECT["digests"],
            "content_type": "systemd",
            "content": "",
        }
        assert codes(json_log(members)) == expected


def test_content_types() -> None:
    for spelled in ("pcclient_std", "PCClient_Std", 5):
        assert json_log({**OBJECT, "content_type": spelled}).events[0].content == PCClientEvent(4, bytes(4))
    assert (
        json_log({**OBJECT, "content_type": 80, "content": "0900000001 01".replace(" ", "")}).events[0].content.kind
        == "cos"
    )
    assert json_log({**OBJECT, "content_type": 222, "content": "00"}).events[0].content == Opaque(222, b"\0")
    assert json_log({**OBJECT, "content_type": "cvm", "content": [1]}).events[0].content == Opaque(
        "cvm", b"[1]", "json"
    )


def test_an_opaque_content_is_written_as_it_was_read() -> None:
    for type, content in ((222, "00ff"), ("tss2", {"data": "00", "event": [1, None, 0.5]}), ("cvm", None)):
        members = {**OBJECT, "content_type": type, "content": content}
        log = json_log(members)
        written = json.loads(evlog.write(log))
        assert written == [{name: each for name, each in members.items() if each is not None}]


def test_older_names_of_tpm2_tss() -> None:
    members = {name: each for name, each in OBJECT.items() if not name.startswith("content")}
    members |= {"type": "ima_template", "sub_event": {"template_name": "ima-ng", "template_value": "00"}}
    assert json_log(members).events[0].content == ImaEvent("ima-ng", b"\0")


def test_systemd_in_both_forms() -> None:
    plain = json_log({**OBJECT, "content_type": "systemd", "content": b"ready".hex()})
    assert plain.events[0].content == SystemdRecord("ready")
    assert b'"content":"7265616479"' in evlog.write(plain)
    whole = {"string": "ready", "bootId": "00" * 16, "timestamp": 5, "eventType": "phase"}
    log = json_log({**OBJECT, "content_type": "systemd", "content": whole})
    assert log.events[0].content == SystemdRecord("ready", "00" * 16, 5, "phase")
    assert json.loads(evlog.write(log))[0]["content"] == whole
    untyped = {name: each for name, each in OBJECT.items() if not name.startswith("content")} | {"content": whole}
    assert json_log(untyped).events[0].content == log.events[0].content


def test_a_record_of_no_content() -> None:
    members = {name: each for name, each in OBJECT.items() if not name.startswith("content")}
    log = json_log(members)
    assert log.events[0].content == Opaque("", b"", "json")
    assert json.loads(evlog.write(log)) == [members]
    assert evlog.replay(log).registers() == evlog.replay(json_log(OBJECT)).registers()


def test_unknown_members_are_named_once() -> None:
    log = json_log({**OBJECT, "extra": 1}, {**record_object(TWO), "extra": 2})
    assert [(finding.code, finding.severity, finding.event) for finding in log.findings] == [
        ("unknown_member", "note", 0)
    ]
    inner = json_log({**OBJECT, "content": {**OBJECT["content"], "note": 1}})
    assert inner.events[0].content == PCClientEvent(4, bytes(4))
    assert codes(inner) == ["unknown_member"]
    many = json_log({**OBJECT, **{f"m{number}": 0 for number in range(1000)}})
    assert len(many.findings) == 16


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"recnum": -1}, "record number"),
        ({"recnum": True}, "record number"),
        ({"recnum": 1 << 64}, "record number"),
        ({"recnum": 1.0}, "record number"),
        ({"recnum": "1"}, "record number"),
        ({"pcr": True}, "32 bits"),
        ({"pcr": 1 << 32}, "32 bits"),
        ({"pcr": "0"}, "32 bits"),
        ({"nv_index": 1}, "2 registers"),
        ({"pcr": None, "nv_index": 1}, "2 registers"),
        ({"digests": {}}, "list of digests was expected, not a map"),
        ({"digests": ["00"]}, "a map was expected, not text"),
        ({"digests": [{"hashAlg": "sha1"}]}, "'digest'"),
        ({"digests": [{"hashAlg": "nohash", "digest": "00"}]}, "nohash"),
        ({"digests": [{"hashAlg": [1], "digest": "00"}]}, "name of a hash"),
        ({"digests": [{"hashAlg": 65536, "digest": "00"}]}, "16 bits"),
        ({"digests": [{"hashAlg": "sha1", "digest": "0"}]}, "no hex"),
        ({"digests": [{"hashAlg": "sha1", "digest": "00 00"}]}, "no hex"),
        ({"digests": [{"hashAlg": "sha1", "digest": ""}]}, "0 bytes"),
        ({"digests": [{"hashAlg": "sha1", "digest": "00" * 129}]}, "129 bytes"),
        ({"digests": [{"hashAlg": "sha1", "digest": "00" * 20}] * 65}, "65 digests"),
        ({"content_type": []}, "a number or a name, not a list"),
        ({"content_type": True}, "a number or a name"),
        ({"content_type": -1}, "32 bits"),
    ],
)
def test_records_that_cannot_be_read(change: dict[str, Any], words: str) -> None:
    data = compact([OBJECT, {**record_object(TWO), **change}])
    log = evlog.read(data)
    assert len(log.events) == 1
    finding = log.findings[-1]
    assert (finding.code, finding.severity, finding.event) == ("bad_record", "error", 1)
    assert finding.offset == len(compact(OBJECT)) + 2
    assert words in finding.message
    with pytest.raises(ParseError, match=words):
        evlog.read(data, strict=True)
    assert evlog.read(evlog.write(log)) == log


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("pcclient_std", {"event_data": "00"}),
        ("pcclient_std", {"event_type": "Unknown event type", "event_data": ""}),
        ("pcclient_std", {"event_type": 4, "event_data": "xyz"}),
        ("pcclient_std", {"event_type": 1 << 32, "event_data": ""}),
        ("pcclient_std", {"event_type": True, "event_data": ""}),
        ("pcclient_std", "00"),
        ("pcclient_std", None),
        ("ima_template", {"template_name": [], "template_data": ""}),
        ("cel", {}),
        ("cel", "bad"),
        ("cel", {"type": "bad"}),
        ("cel", {"type": []}),
        ("cel", {"type": 256}),
        ("cel", {"type": "cel_version"}),
        ("cel", {"type": "cel_version", "data": {"major": 65536, "minor": 0}}),
        ("cel", {"type": "firmware_end", "data": 0}),
        ("cel", []),
        ("cel", [{"type": "firmware_end"}, {"type": "bad"}]),
        ("ima_tlv", "00"),
        ("systemd", 5),
        (80, "00000000"),
    ],
)
def test_contents_that_are_not_what_their_type_says(type: str | int, content: object) -> None:
    log = json_log({**OBJECT, "content_type": type, "content": content}, record_object(TWO))
    assert len(log.events) == 2
    assert [(f.code, f.severity, f.event) for f in log.findings] == [("bad_content", "error", 0)]
    opaque = log.events[0].content
    assert isinstance(opaque, Opaque)
    assert opaque.measured
    assert evlog.read(evlog.write(log), format="cel-json") == log
    with pytest.raises(ParseError, match="content of type"):
        evlog.read(compact([{**OBJECT, "content_type": type, "content": content}]), strict=True, format="cel-json")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (compact(OBJECT), "not an array"),
        (b"\x1e" + compact(OBJECT) + b"\n", "not an array"),
        (compact([{name: each for name, each in OBJECT.items() if name != "recnum"}]), "without a record number"),
        (compact([{name: each for name, each in OBJECT.items() if name != "digests"}]), "list of digests"),
        (compact([{name: each for name, each in OBJECT.items() if name != "content_type"}]), "without a content type"),
        (compact([{**OBJECT, "extra": 1}]), "unknown member 'extra'"),
        (compact([{**OBJECT, "recnum": 3}]), "from 3"),
        (compact([OBJECT])[:-1] + b",]", "JSON does not have"),
        (compact([OBJECT]) + b"x", "after the array"),
        (compact([{**OBJECT, "content_type": "cel", "content": [{"type": "firmware_end"}]}]), "content of type cel"),
    ],
)
def test_strict_json(data: bytes, words: str) -> None:
    assert len(evlog.read(data, format="cel-json").events) == 1
    with pytest.raises(ParseError, match=words) as caught:
        evlog.read(data, format="cel-json", strict=True)
    assert caught.value.offset is not None


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[1]", b"1", b'{"records":[]}', b"\xff", b"[{]", b'[{"recnum":NaN}]', b"nothing"]
)
def test_what_is_no_json_log(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        evlog.read(data, format="cel-json")
    assert caught.value.offset is not None


def test_expected_records_are_not_a_log() -> None:
    """A ``.pcrlock`` file says what records may be, not what was measured."""
    expected = {"records": [{"pcr": 11, "digests": OBJECT["digests"]}]}
    with pytest.raises(UnknownFormatError):
        evlog.read(compact(expected))


def test_a_number_too_long_to_be_read() -> None:
    data = b'[%s,{"recnum":%s}]' % (compact(OBJECT), b"9" * 100000)
    log = evlog.read(data)
    assert [finding.code for finding in log.findings] == ["bad_record"]


# TLV


@pytest.mark.parametrize("swapped", [False, True], ids=["in-order", "swapped"])
@pytest.mark.parametrize("width", [1, 4, 8])
@pytest.mark.parametrize(("event", "last"), [((3, b"StartupLocality\0\3"), 3), ((0x80000010, b"H-CRTM"), 4)])
def test_start_values_do_not_hang_on_the_form_of_a_record(
    event: tuple[int, bytes], last: int, *, swapped: bool, width: int
) -> None:
    """PFP 1.06 sections 10.4.5.3 and 3.3.2: the locality, or 4 after an H-CRTM event, is the last byte of PCR 0."""
    digest = hashlib.sha256(event[1]).digest() if event[0] != 3 else bytes(32)
    data = record_tlv((0, "pcr", 0, [(SHA256.id, digest)], 5, event), (4, 4, width), swapped=swapped)
    data += record_tlv((1, "pcr", 0, [(SHA256.id, bytes(range(32)))], 5, (4, bytes(4))))
    value = bytes(31) + bytes((last,))
    for extended in ([digest] if event[0] != 3 else []) + [bytes(range(32))]:
        value = hashlib.sha256(value + extended).digest()
    assert evlog.replay(evlog.read(data))[Register("pcr", 0), SHA256] == value


def test_a_bank_of_one_register_space_only() -> None:
    """An NV index is no PCR, and a PCR that no TPM has is no reason to pass over it."""
    records: list[make_cel.Record] = [
        (0, "pcr", 0, [], 5, (4, bytes(4))),
        (0, "nv_index", 0x01D10200, [(SHA256.id, bytes(range(32)))], 9, tlv(0, b"") + tlv(1, b"")),
    ]
    log = evlog.read(b"".join(map(record_tlv, records)))
    assert log.algorithms == (SHA256,)
    value = hashlib.sha256(bytes(32) + bytes(range(32))).digest()
    assert evlog.replay(log)[Register("nv", 0x01D10200), SHA256] == value


# CBOR


def test_the_same_events_in_other_encodings() -> None:
    plain = evlog.read(cbor([record_map(each) for each in (ONE, TWO, THREE)]))
    for name in ("sequence", "not-deterministic"):
        log = evlog.read(SAMPLES / "cel-cbor" / f"{name}.cbor")
        assert log.events == plain.events
    assert evlog.read(SAMPLES / "cel-cbor" / "encoded.cbor").events == plain.events[:2]
    assert evlog.read(SAMPLES / "cel-cbor" / "encoded-records.cbor").events == plain.events[:2]
    assert evlog.read(SAMPLES / "cel-cbor" / "indefinite.cbor").events == plain.events[:2]
    named = evlog.read(SAMPLES / "cel-cbor" / "names.cbor").events[0]
    assert named == plain.events[0].replace(digests=plain.events[0].digests[1:])


def test_a_sequence_of_encoded_records() -> None:
    """RFC 8949 section 3.4.5.1: tag 24 around a record; here around the first, which is no reason to stop there."""
    encoded = [b"\xd8\x18" + cbor(cbor(record_map(each))) for each in (ONE, TWO)]
    plain = evlog.read(cbor([record_map(each) for each in (ONE, TWO)]))
    for data in (b"".join(encoded), b"\x82" + b"".join(encoded), encoded[0] + cbor(record_map(TWO))):
        log = evlog.read(data)
        assert log.events == plain.events
        assert "trailing_bytes" not in codes(log)
        assert evlog.write(log) == data
    alone = evlog.read(encoded[0] + b"\n")
    assert len(alone.events) == 1
    assert alone.findings[-1].severity == "error"


@pytest.mark.parametrize("key", [b"\x00", b"\x18\x00", b"\x1b" + bytes(8)])
def test_a_first_key_longer_than_it_need_be(key: bytes) -> None:
    data = b"\x81\xa5" + key + cbor(MAP)[2:]
    assert evlog.read(data).events == evlog.read(cbor([MAP])).events


def test_the_head_of_an_array_is_kept() -> None:
    """RFC 8949 section 4.2.1: the shortest length is the deterministic one."""
    for head in (b"\x98\x01", b"\x9b" + bytes(7) + b"\x01"):
        log = evlog.read(head + cbor(MAP))
        assert codes(log) == ["not_deterministic"]
        assert evlog.write(log) == head + cbor(MAP)
        assert evlog.write(log.replace(events=(*log.events, *log.events))) == b"\x82" + cbor(MAP) * 2
        with pytest.raises(ParseError, match="longer than it need be"):
            evlog.read(head + cbor(MAP), strict=True)


def test_the_order_inside_of_a_version_is_seen_and_kept() -> None:
    item = cbor({**MAP, 9: 4, 10: {0: 1, 1: {0: 1, 1: 0}}})
    swapped = item.replace(cbor({0: 1, 1: 0}), b"\xa2\x01\x00\x00\x01")
    log = evlog.read(b"\x81" + swapped)
    assert log.events[0].content == CelEvent(((1, (1, 0)),))
    assert codes(log) == ["not_deterministic"]
    assert evlog.write(log) == b"\x81" + swapped


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sequence", "not an array"),
        ("record", "not an array"),
        ("indefinite", "not an array"),
        ("not-deterministic", "keys out of order"),
        ("names", "names where CBOR has numbers"),
        ("self-described", "tag 55799"),
        ("encoded", "tag 24"),
        ("encoded-records", "tag 24"),
    ],
)
def test_strict_cbor(name: str, words: str) -> None:
    with pytest.raises(ParseError, match=words) as caught:
        evlog.read(SAMPLES / "cel-cbor" / f"{name}.cbor", strict=True)
    assert caught.value.offset is not None


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (cbor(MAP)[:-5] + b"\x5f\x42\x00\x00\x42\x00\x00\xff", "indefinite length"),
        (b"\xbf" + cbor(MAP)[1:] + b"\xff", "indefinite length"),
        (cbor(MAP).replace(b"\x09\x05\x0a", b"\x09\x18\x05\x0a"), "longer than it need be"),
        (cbor(MAP).replace(b"\xa2\x00\x04\x01\x54", b"\xa2\x00\x04\x01\x58\x14"), "longer than it need be"),
    ],
)
def test_other_encodings_are_noted_and_kept(item: bytes, words: str) -> None:
    data = b"\x82" + cbor(MAP) + item
    log = evlog.read(data)
    assert log.events[1].content == PCClientEvent(4, bytes(4))
    assert [finding.severity for finding in log.findings] == ["note", "warning"]
    assert words in log.findings[0].message
    assert evlog.write(log) == data
    with pytest.raises(ParseError, match=words):
        evlog.read(data, strict=True)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**MAP, 1: -1}, "32 bits"),
        ({**MAP, 2: 5}, "2 registers"),
        ({**MAP, 3: [[4, bytes(20)]]}, "a map was expected, not a list"),
        ({**MAP, 3: [{0: 4, 1: "00"}]}, "a byte string was expected"),
        ({**MAP, 3: [{0: 1 << 70, 1: b"00"}]}, "16 bits"),
        ({**MAP, 9: [5]}, "a number or a name"),
        ({**MAP, 9: 1 << 70}, "32 bits"),
        ({**MAP, 0: 1 << 64}, "64 bits"),
        ({**MAP, 0: 1.5}, "64 bits"),
        ([0], "a record is a map, not a list"),
        (b"", "a record is a map, not bytes"),
        (dict([*MAP.items(), ("recnum", 1)]), "under its number and its name"),
    ],
)
def test_cbor_records_that_cannot_be_read(record: object, words: str) -> None:
    data = b"\x82" + cbor(MAP) + cbor2.dumps(record)
    log = evlog.read(data)
    assert len(log.events) == 1
    finding = log.findings[-1]
    assert (finding.code, finding.event, finding.offset) == ("bad_record", 1, 1 + len(cbor(MAP)))
    assert words in finding.message
    assert evlog.write(log) == data


KEYS: list[object] = [1 << 100000, -(1 << 70), (1, 2), None, 1.5, "recnum number nine", frozenset((1,)), 40]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_unknown_keys_of_any_kind(key: object) -> None:
    record: dict[Any, Any] = {**MAP, key: 0}
    data = b"\x81" + cbor2.dumps(record)
    try:
        log = evlog.read(data)
    except ParseError as error:
        assert error.offset is not None
    else:
        assert "unknown_member" in codes(log)
        assert evlog.write(log) == data or evlog.read(evlog.write(log)).events == log.events


@pytest.mark.parametrize(
    "content",
    [{0: 0, 1: b"event"}, [1, [2, {3: 4}]], "text", 5, None, 1.5, cbor2.CBORTag(1000, [1]), cbor2.undefined],
)
def test_contents_of_an_unknown_type_are_kept_as_they_are(content: object) -> None:
    record = {**MAP, 9: 200, 10: content}
    data = b"\x81" + cbor2.dumps(record)
    log = evlog.read(data)
    assert log.events[0].content == Opaque(200, cbor2.dumps(content), "cbor")
    assert evlog.write(log) == data
    assert evlog.read(evlog.write(log.replace(events=tuple(event.replace(wire=None) for event in log.events)))) == log


@pytest.mark.parametrize("tagged", [b"\xc0\x61x", b"\xd8\x23\x62(a", b"\xd8\x1e\x82\x01\x00", b"\xd9\x01\x04\x41a"])
def test_tags_that_make_no_sense(tagged: bytes) -> None:
    data = b"\x82" + cbor(MAP) + b"\xa5" + cbor(MAP)[1:-10] + tagged
    log = evlog.read(data)
    assert len(log.events) == 1
    assert log.failed


def test_trailing_bytes() -> None:
    for data in (cbor([MAP]), compact([OBJECT])):
        log = evlog.read(data + b"rest")
        assert [finding.code for finding in log.findings] == ["trailing_bytes"]
        assert log.tail.endswith(b"rest")
        assert evlog.read(evlog.write(log)) == log
        with pytest.raises(ParseError, match="after the"):
            evlog.read(data + b"rest", strict=True)
    losses = evlog.convert(evlog.read(cbor([MAP]) + b"rest"), "cel-json").losses
    assert [loss.field for loss in losses] == ["trailing"]


# TLV


@pytest.mark.parametrize("width", [0, 1, 3, 8])
def test_integers_of_any_width(width: int) -> None:
    value = (7).to_bytes(width, "big") if width else b""
    data = tlv(0, value) + tlv(1, value) + record_tlv(ONE)[18:]
    log = evlog.read(data)
    event = log.events[0]
    assert (event.recnum, event.register.index) == ((7, 7) if width else (0, 0))
    assert evlog.write(log) == data


@pytest.mark.parametrize(
    ("parts", "where", "words"),
    [
        ([tlv(0, bytes(9))], "recnum", "9 bytes"),
        ([tlv(0, b"\0"), tlv(1, b"\1" + bytes(4))], "index", "32 bits"),
        ([tlv(0, b"\0"), tlv(4, b"\0")], "index", "type 4, not 1 or 2 or 108"),
        ([tlv(0, b"\0"), tlv(1, b"\0"), tlv(4, b"")], "digests", "type 4, not 3"),
        ([tlv(0, b"\0"), tlv(1, b"\0"), tlv(3, b""), tlv(3, b"")], "content", "4 or more"),
        ([tlv(0, b"\0"), tlv(1, b"\0"), tlv(3, tlv(4, bytes(129)))], "digests[0]", "129 bytes"),
        ([tlv(0, b"\0"), tlv(1, b"\0"), tlv(3, b"\4\0\0\0\5")], "digests[0]", "5 bytes, 0 present"),
        ([tlv(0, b"\0"), tlv(1, b"\0"), tlv(3, tlv(4, bytes(1)) * 65)], "digests", "more than 64"),
    ],
)
def test_tlv_records_that_cannot_be_read(parts: list[bytes], where: str, words: str) -> None:
    good = record_tlv(ONE)
    data = good + b"".join(parts) + bytes(40)
    log = evlog.read(data)
    assert len(log.events) == 1
    finding = log.findings[0]
    assert words in finding.message
    assert f"events[1].{where}" in finding.message
    assert finding.offset is not None
    assert len(good) <= finding.offset < len(data)
    assert evlog.write(log) == data
    with pytest.raises(ParseError):
        evlog.read(data, strict=True)


def test_a_cut_record() -> None:
    data = record_tlv(ONE) + record_tlv(TWO)[:-1]
    assert evlog.read(data).findings[0].code == "truncated_record"
    with pytest.raises(TruncatedError):
        evlog.read(data, strict=True)


def test_padding_is_no_record() -> None:
    """A CEL has no log area to fill; what follows the records is told, and kept."""
    for fill in (b"\0", b"\xff"):
        data = record_tlv(ONE) + fill * 64
        log = evlog.read(data)
        assert len(log.events) == 1
        assert log.failed
        assert evlog.write(log) == data


def test_strict_tlv() -> None:
    for body, words in (
        (tlv(4, tlv(1, tlv(0, b"\1") + tlv(1, b"\0")) + tlv(2, b"")), "2 items"),
        (tlv(4, tlv(0x80, b"\1")), "unknown item type 128"),
        (tlv(5, tlv(1, b"") + tlv(0, bytes(4))), "fields"),
        (tlv(5, tlv(0, b"") + tlv(1, b"")), "no bytes"),
        (tlv(5, tlv(0, bytes(8)) + tlv(1, b"")), "32 bits"),
    ):
        data = record_tlv(ONE)[:-18] + body
        data = record_tlv((*ONE[:4], 5, (4, bytes(4))))
        data = data[: -len(tlv(5, tlv(0, bytes(4)) + tlv(1, bytes(4))))] + body
        assert not evlog.read(data).failed
        with pytest.raises(ParseError, match=words):
            evlog.read(data, strict=True)


def test_two_digests_under_one_algorithm() -> None:
    values = [(11, b"\1" * 32), (11, b"\2" * 32)]
    record = (0, "pcr", 0, values, 5, (4, bytes(4)))
    logs = [
        evlog.read(record_tlv(record)),
        evlog.read(cbor([record_map(record)])),
        evlog.read(compact([record_object(record)])),
    ]
    for log in logs:
        assert codes(log) == ["duplicate_digest"]
        assert [digest.value for digest in log.events[0].digests] == [b"\1" * 32, b"\2" * 32]
        assert evlog.replay(log).registers() == evlog.replay(logs[0].replace(events=_first_only(log))).registers()


def _first_only(log: Log) -> tuple[evlog.Event, ...]:
    return tuple(event.replace(digests=event.digests[:1]) for event in log.events)


def test_spaces_that_are_given() -> None:
    data = (SAMPLES / "cel-tlv" / "ovmf-tdx-as-pcrs.tlv").read_bytes()
    assert evlog.read(data).events[1].register == Register("ccmr", 1)
    assert evlog.read(data, space="pcr").events[1].register == Register("pcr", 1)
    assert evlog.read(data, platform="tpm").events[1].register == Register("pcr", 1)
    mixed = tlv(0, b"\0") + tlv(1, b"\2") + tlv(3, b"") + tlv(200, b"x")
    mixed += mixed.replace(tlv(1, b"\2"), tlv(108, b"\3"))
    for space in ("pcr", "ccmr", "rtmr", "rem"):
        log = evlog.read(mixed, space=space)
        assert [str(event.register) for event in log.events] == [f"{space}:2", "ccmr:3"]
        assert evlog.write(log) == mixed
    plain = cbor([MAP])
    assert evlog.read(plain, space="rtmr").events[0].register == Register("rtmr", 0)
    assert evlog.read(plain, platform="tdx").events[0].register == Register("ccmr", 0)


def test_a_log_of_measurement_registers_without_a_platform() -> None:
    record = (0, "ccmr", 2, make_cel.digests(b"x", "sha1", "sha256"), 9, b"x")
    log = evlog.read(record_tlv(record))
    assert log.events[0].register == Register("ccmr", 2)
    assert log.platform is None


def test_management_is_measured_by_its_items() -> None:
    items = ((1, (1, 1)), (80, 5))
    assert not CelEvent(items[:1]).measured
    assert CelEvent(items).measured
    assert not CelEvent(((2, None),)).measured
