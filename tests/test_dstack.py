"""dstack's event log: both digest rules, what was stripped, and the documents that carry it.

Expectations are the vectors of dstack's sources and of RFC 8785, registers computed by a plain reader, and the values
that quotes of real guests state.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA384, DstackEvent, Register
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import DSTACK_RUNTIME
from evlog.errors import ConversionError, EvlogError, ParseError, UnknownFormatError, WriteError
from evlog.formats import NO, room
from evlog.options import Options
from samples import make_dstack as make
from tests import made_evidence, plain_readers
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    from evlog.model import Log

ARRAYS = sorted((SAMPLES / "dstack").glob("*.json"))
RTMR3 = Register("ccmr", 4)


def values(log: Log) -> dict[tuple[int, str], bytes]:
    """What evlog replays, by RTMR."""
    rows = evlog.replay(log)
    return {(row.register.number - 1, str(row.alg)): row.value for row in rows if row.value is not None}


def verdicts(log: Log) -> list[str]:
    return [check.verdict if checks else "" for checks in evlog.check(log) for check in checks or [None]]  # type: ignore[union-attr]


def codes(log: Log) -> list[str]:
    return [finding.code for finding in log.findings]


def array(*events: dict[str, Any]) -> bytes:
    return make.compact(list(events))


# The rules of runtime events


@pytest.mark.parametrize(
    ("name", "payload", "digest"),
    [
        (
            "system-preparing",
            b"",
            "f9974020ef507068183313d0ca808e0d1ca9b2d1ad0c61f5784e7157c362c06536f5ddacdad4451693f48fcc72fff624",
        ),
        (
            "app-id",
            bytes(20),
            "16071467e8927d30048d38d882b08bdc8853c8dec44b3e275d3b1bddd84cc290ea350b7bfed20a1d81952c8e614eae43",
        ),
    ],
)
def test_the_vectors_of_version_1(name: str, payload: bytes, digest: str) -> None:
    covered = DstackEvent(DSTACK_RUNTIME, name, payload).measured_bytes
    assert covered is not None
    assert hashlib.sha384(covered).hexdigest() == digest
    log = evlog.read(array({"imr": 3, "event_type": 134217729, "event": name, "event_payload": payload.hex()}))
    assert log.events[0].digest(SHA384) == bytes.fromhex(digest)


def test_rtmr_3_after_the_first_event() -> None:
    value = "6a9a63f48733aba50d6892c873d838f97351040ddb0b497dcbdb0571ad78d0c1f1b8b3e87a9719706604b6cc5faedee0"
    for data in (array(make.runtime("system-preparing")), make.lines(make.line("system-preparing"))):
        assert evlog.replay(evlog.read(data))[RTMR3, SHA384].hex() == value


def test_the_vector_of_version_2() -> None:
    event = DstackEvent(DSTACK_RUNTIME, "compose-hash", b"\xab\xcd", 2)
    assert event.measured_bytes == b'{"name":"compose-hash","payload":"abcd","type":134217729}'
    digest = "9dde1673f544faa94b921825209593ddde08d0baf9cd6990175dffaf3081f1bb10311d56de189491feb33842a050ad7b"
    assert hashlib.sha384(event.measured_bytes).hexdigest() == digest
    log = evlog.read(array(make.runtime("compose-hash", b"\xab\xcd", version=2)))
    assert [str(check.rule) for (check,) in evlog.check(log)] == ["dstack-v2"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        # RFC 8785, section 3.2.2
        ('\u20ac$\x0f\nA\'B"\\\\"/', '\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/'),
        ("\b\t\n\f\r", "\\b\\t\\n\\f\\r"),
        ("\x00\x0b\x1b\x1f\x20\x7f\x80", "\\u0000\\u000b\\u001b\\u001f\x20\x7f\x80"),
        ("\u2028\u2029\ufeff\U0001f602", "\u2028\u2029\ufeff\U0001f602"),
    ],
)
def test_canonical_json(name: str, written: str) -> None:
    covered = DstackEvent(DSTACK_RUNTIME, name, b"", 2).measured_bytes
    assert covered == f'{{"name":"{written}","payload":"","type":134217729}}'.encode()


def test_every_letter_as_python_writes_it() -> None:
    """Python's `json` escapes in its default form what RFC 8785 asks for, and nothing else."""
    name = "".join(map(chr, [*range(0x300), *range(0x2000, 0x2100), 0xFFFF, 0x10FFFF]))
    covered = DstackEvent(DSTACK_RUNTIME, name, b"", 2).measured_bytes
    assert covered == make.second(name, b"")


def test_what_the_digest_does_not_cover() -> None:
    log = evlog.read(SAMPLES / "dstack" / "changed.json")
    assert verdicts(log) == ["mismatch"] * 5 + ["matches"]
    told = [finding for finding in evlog.check(log).findings if finding.code == "digest_mismatch"]
    assert [(finding.event, finding.severity) for finding in told] == [(0, "warning"), (4, "warning")]
    # The register follows from the digests.
    plain = plain_readers.extended(plain_readers.dstack((SAMPLES / "dstack" / "changed.json").read_bytes()))
    assert values(log) == plain


def test_a_rule_that_nobody_knows() -> None:
    log = evlog.read(array({**make.runtime("app-id"), "version": 3}))
    assert verdicts(log) == ["not_checkable"]
    assert codes(log) == ["unknown_version"]
    log = evlog.read(array({**make.runtime("app-id"), "version": 3, "digest": ""}))
    assert log.failed
    assert evlog.replay(log).get(RTMR3, SHA384) is None


@pytest.mark.parametrize("version", [-1, 1 << 32, 1.0, "1", True])
def test_a_version_that_is_no_number(version: object) -> None:
    with pytest.raises(ParseError, match="member version is no number of 32 bits"):
        evlog.read(array({**make.runtime("app-id"), "version": version}))


# Registers


@pytest.mark.parametrize("path", ARRAYS, ids=lambda path: path.name)
def test_a_plain_reader_finds_the_same(path: Path) -> None:
    data = path.read_bytes()
    assert values(evlog.read(data)) == plain_readers.extended(plain_readers.dstack(data.removeprefix(b"\xef\xbb\xbf")))


def test_the_same_boot_in_every_form() -> None:
    names = ("boot.json", "sorted.json", "stripped.json")
    registers = [values(evlog.read(SAMPLES / "dstack" / name)) for name in names]
    assert registers[0] == registers[1] == registers[2]
    assert sorted(registers[0]) == [(0, "sha384"), (1, "sha384"), (2, "sha384"), (3, "sha384")]


def test_public_logs_lead_to_their_quotes(corpus2: Path) -> None:
    expected = json.loads((corpus2 / "EXPECTED.json").read_text())
    paths = sorted(corpus2.glob("*.dstack*.json"))
    assert len(paths) >= 11
    compared = 0
    for path in paths:
        data = path.read_bytes()
        log = evlog.read(data)
        assert (log.format, log.platform, log.failed) == ("dstack", "tdx", False)
        assert evlog.write(log) == data
        assert "mismatch" not in {check.verdict for checks in evlog.check(log) for check in checks}
        assert values(log) == plain_readers.extended(plain_readers.dstack(data))
        for index, banks in expected.get(path.name, {"registers": {"ccmr": {}}})["registers"]["ccmr"].items():
            assert evlog.replay(log)[Register("ccmr", int(index)), SHA384].hex() == banks["sha384"], path.name
            compared += 1
        there = evlog.convert(log, "cel-tlv")
        assert values(evlog.read(there.data)) == values(log)
        assert values(evlog.convert(evlog.read(there.data), "dstack").log) == values(log)
    assert compared >= 40


def test_indices_beyond_the_registers() -> None:
    wrapped = {**make.firmware(0, 4, bytes(4)), "imr": 0xFFFFFFFF}
    log = evlog.read(array(make.firmware(0, 4, bytes(4)), wrapped, {**wrapped, "imr": 7}))
    assert [str(event.register) for event in log.events] == ["ccmr:1", "ccmr:0", "ccmr:8"]
    assert "not_replayed" in [finding.code for finding in evlog.replay(log).findings]
    assert evlog.write(log) == array(make.firmware(0, 4, bytes(4)), wrapped, {**wrapped, "imr": 7})


def test_no_action_extends_nothing() -> None:
    log = evlog.read(array({"imr": 0, "event_type": 3, "digest": "11" * 48, "event": "", "event_payload": "00"}))
    assert [event.measured for event in log.events] == [False]
    assert len(evlog.replay(log)) == 0


# What was stripped


def test_a_stripped_log_is_not_checked_and_never_wrong() -> None:
    log = evlog.read(SAMPLES / "dstack" / "stripped.json")
    assert set(verdicts(log)[:11]) == {"not_checkable"}
    assert set(verdicts(log)[11:]) == {"matches"}
    separators = [event for event in log.events if event.content == DigestOnly(4)]
    assert len(separators) == 2
    assert codes(log)[-2:] == ["digest_computed", "data_stripped"]


def test_data_of_no_bytes_is_data() -> None:
    event = {"imr": 0, "event_type": 4, "digest": make.h(b""), "event_payload": ""}
    assert verdicts(evlog.read(array(event))) == ["matches"]
    assert verdicts(evlog.read(array({**event, "digest": make.h(bytes(4))}))) == ["not_checkable"]


def test_a_stripped_log_becomes_no_ccel() -> None:
    log = evlog.read(SAMPLES / "dstack" / "stripped.json")
    with pytest.raises(ConversionError, match=r"ccel would change ccmr:1 in sha384.*event 0, content: .*not known"):
        evlog.convert(log, "ccel")
    there = evlog.convert(log, "ccel", allow_changed=True)
    gone = {loss.event for loss in there.losses if loss.field == "content"}
    assert gone == {event.number for event in log.events if isinstance(event.content, DigestOnly)}
    assert not there.registers_preserved


@pytest.mark.parametrize("to", ["cel-tlv", "cel-json", "cel-cbor"])
def test_a_stripped_log_as_a_cel_and_back(to: str) -> None:
    log = evlog.read(SAMPLES / "dstack" / "stripped.json")
    there = evlog.convert(log, to)
    assert (None, "content.data") in {(loss.event, loss.field) for loss in there.losses}
    back = evlog.convert(there.log, "dstack")
    assert values(there.log) == values(back.log) == values(log)
    assert set(verdicts(back.log)) == {"not_checkable"}


# Conversion


def test_a_boot_as_a_ccel_and_back() -> None:
    log = evlog.read(SAMPLES / "dstack" / "boot.json")
    there = evlog.convert(log, "ccel")
    own = [event.number for event in log.events if isinstance(event.content, DstackEvent)]
    assert [(loss.event, loss.field) for loss in there.losses] == [(number, "content.name") for number in own]
    back = evlog.convert(evlog.read(there.data), "dstack")
    assert [(loss.event, loss.field) for loss in back.losses] == [(0, "content")]
    assert values(there.log) == values(back.log) == values(log)
    rows = json.loads(back.data)
    assert [row["event_payload"] for row in rows] == [row["event_payload"] for row in make.boot()]
    # A runtime event that lost its name has none, and is not said to be one of the name "".
    assert ["event" in row for row in rows[-8:]] == [False] * 8
    assert set(verdicts(back.log)[-8:]) == {"not_checkable"}


def test_every_part_of_a_name_is_a_loss() -> None:
    log = evlog.read(SAMPLES / "dstack" / "version-2.json")
    lost = {(loss.event, loss.field) for loss in evlog.convert(log, "ccel").losses}
    fields = ("name", "version", "preimage")
    assert lost == {(number, f"content.{field}") for number in range(5) for field in fields} - {(3, "content.preimage")}


def test_a_firmware_log_as_dstack_s() -> None:
    log = evlog.read(SAMPLES / "ccel" / "ovmf-tdx.bin")
    there = evlog.convert(log, "dstack")
    assert [(loss.event, loss.field) for loss in there.losses] == [(0, "content"), (None, "padding")]
    assert plain_readers.extended(plain_readers.dstack(there.data)) == values(log)


def test_lines_of_a_text_as_dstack_s() -> None:
    log = evlog.read(SAMPLES / "text" / "nelr.log", register=RTMR3)
    there = evlog.convert(log, "dstack")
    back = evlog.convert(there.log, "text", register=RTMR3)
    assert values(there.log) == values(log)
    assert plain_readers.extended(plain_readers.dstack(there.data)) == values(log)
    lines = [event.content.line for event in log.events if event.measured]  # type: ignore[attr-defined]
    assert [event.content.line for event in back.log.events] == lines  # type: ignore[attr-defined]


def test_what_has_no_rtmr_or_no_sha384_is_refused() -> None:
    with pytest.raises(WriteError, match="a log without an event on an RTMR"):
        evlog.convert(evlog.read(SAMPLES / "tcg2" / "ovmf.bin"), "dstack")
    log = evlog.read(SAMPLES / "dstack" / "boot.json")
    other = log.replace(
        format="evlog-json",
        algorithms=(evlog.SHA256,),
        events=tuple(event.replace(digests=(evlog.Digest(evlog.SHA256, bytes(32)),)) for event in log.events),
    )
    with pytest.raises(WriteError, match="a log without an event on an RTMR"):
        evlog.convert(other, "dstack")
    part = log.replace(events=(*log.events[:-1], other.events[-1]))
    with pytest.raises(ConversionError, match="dstack would change ccmr:4 in sha384: event 18, content"):
        evlog.convert(part.replace(format="evlog-json"), "dstack")


# Bytes


@pytest.mark.parametrize("path", ARRAYS, ids=lambda path: path.name)
@pytest.mark.parametrize("gone", [0, 1, -1], ids=["first", "second", "last"])
def test_an_edited_log_is_an_array_again(path: Path, gone: int) -> None:
    log = evlog.read(path)
    numbers = list(range(len(log.events)))
    numbers.pop(gone)
    rows = json.loads(path.read_text("utf-8-sig"))
    part = log.replace(events=tuple(log.events[number] for number in numbers))
    assert json.loads(evlog.write(part).decode("utf-8-sig")) == [rows[number] for number in numbers]


def test_lines_hold_runtime_events_only() -> None:
    log = evlog.read(SAMPLES / "dstack" / "runtime-version-2.jsonl")
    turned = log.replace(events=(log.events[1], log.events[0]))
    assert evlog.write(turned).count(b"\n") == 2
    assert values(evlog.read(evlog.write(turned))) == values(turned)
    firmware = evlog.read(SAMPLES / "dstack" / "boot.json").events[0]
    with pytest.raises(WriteError, match="event 0: a pcclient record on ccmr:1 has no place here"):
        evlog.write(log.replace(events=(firmware,)))
    other = log.events[0].replace(digests=(evlog.Digest(SHA384, bytes(48)),), wire=None)
    with pytest.raises(WriteError, match="has no place here"):
        evlog.write(log.replace(events=(other,)))


def test_a_wire_that_lies_is_not_written() -> None:
    """A document of evlog's may say anything of how a record was spelled."""
    log = evlog.read(array(*make.boot()))
    for wire in ("", "[", "x", "[[]]", "{}", json.dumps(make.boot()[1]), '{"\ud800": 1}', "{" * 9999):
        odd = log.replace(events=(log.events[0].replace(wire=wire), *log.events[1:]))
        assert evlog.write(odd) == evlog.write(log)


@pytest.mark.parametrize(
    "data",
    [
        b'{"event": "deployed", "payload": "aGVsbG8="}',
        b'{"event": "deployed", "payload": {"a": 1}}\n{"event": "deployed", "payload": {"a": 1}}\n',
        b'{"payload": "aGVsbG8=", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
        b'[{"imr": 1, "name": "x", "digest": "00"}]',
        b'[{"event": "system-ready", "payload": ""}]',
        b'[{"event_type": 4, "digest": "00"}]',
        b'[{"imr": "0", "event_type": 4, "digest": "00"}]',
        b'[{"imr": true, "event_type": 4, "digest": "00"}]',
        b'[["imr", "event_type", "digest"]]',
        b"[]",
    ],
)
def test_what_is_none(data: bytes) -> None:
    assert room("dstack").sniff(data, Options()).confidence == NO


def test_a_first_event_of_any_length() -> None:
    row = make.firmware(0, 0x80000001, bytes(100_000))
    data = json.dumps([row], sort_keys=True).encode()
    assert evlog.detect(data).format == "dstack"
    assert evlog.read(data).events[0].content == evlog.PCClientEvent(0x80000001, bytes(100_000))


def test_half_of_a_surrogate_pair_in_a_document_of_evlog_s() -> None:
    document = json.loads(evlog.write(evlog.read(array(make.runtime("x"))), format="evlog-json"))
    document["events"][0]["content"]["name"] = "\ud800"
    with pytest.raises(ParseError, match="not an evlog document"):
        evlog.read(json.dumps(document).encode())


# Documents


def rtmrs(events: list[dict[str, Any]]) -> list[bytes]:
    found = plain_readers.extended(plain_readers.dstack(make.compact(events)))
    return [found.get((index, "sha384"), bytes(48)) for index in range(4)]


def quote_of(events: list[dict[str, Any]]) -> bytes:
    return made_evidence.td_quote(made_evidence.td_body(b"\xaa" * 48, rtmrs(events), b""))


def info(events: list[dict[str, Any]], boot: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """tcb_info: the log as JSON, and the values of the registers."""
    named = {f"rtmr{index}": value.hex() for index, value in enumerate(rtmrs(boot or events))}
    return {"mrtd": "aa" * 48, **named, "event_log": events}


def documents() -> dict[str, Any]:
    """What carries the boot of the samples, by name."""
    boot, short = make.boot(), make.stripped(make.boot())
    quote = quote_of(boot).hex()
    return {
        "GetQuote": {"quote": quote, "event_log": json.dumps(boot), "report_data": "00" * 64},
        "GetQuote, stripped": {"quote": quote, "event_log": json.dumps(short), "report_data": "00" * 64},
        "tcb_info": info(boot),
        "Info": {"app_id": "00" * 20, "tcb_info": json.dumps(info(boot))},
        "both": {"intel_quote": quote, "event_log": json.dumps(boot), "info": {"tcb_info": info(short, boot)}},
        "both, turned": {
            "intel_quote": quote,
            "event_log": json.dumps(short),
            "info": {"tcb_info": json.dumps(info(boot))},
        },
        "bundle": {"attestation": [{"intel_quote": quote, "event_log": boot, "info": {"tcb_info": info(short, boot)}}]},
    }


@pytest.mark.parametrize("name", documents())
def test_verify_a_document(name: str, tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(documents()[name]))
    ran = run("verify", str(path), "--json")
    said = json.loads(ran.out)
    assert (ran.code, said["ok"]) == (0, True), ran.err
    rows = {row["register"]: row["verdict"] for row in said["registers"]}
    assert rows == {"ccmr:0": "static", **{f"ccmr:{index}": "match" for index in range(1, 5)}}
    assert said["evidence"]["source"] == ("tdx-quote" if "uote" in json.dumps(documents()[name]) else "register-file")
    log = evlog.read(path)
    assert values(log) == values(evlog.read(array(*make.boot())))


@pytest.mark.parametrize("name", ["both", "both, turned", "bundle"])
def test_the_fuller_of_two_is_read(name: str) -> None:
    log = evlog.read(json.dumps(documents()[name]).encode())
    assert not any(isinstance(event.content, DigestOnly) for event in log.events)
    (told,) = [finding for finding in log.findings if finding.code == "same_log"]
    assert "the same events stand at" in told.message
    assert "without data" in told.message


def test_the_later_of_two_is_read() -> None:
    boot = make.boot()
    log = evlog.read(json.dumps({"event_log": json.dumps(boot[:-1]), "tcb_info": info(boot)}).encode())
    assert len(log.events) == len(boot)
    assert "18 of its 19 events stand at /event_log too" in [finding.message for finding in log.findings]


def test_other_data_under_the_same_digests_is_said() -> None:
    boot = make.boot()
    other = [*boot[:-1], {**boot[-1], "event": "other"}]
    log = evlog.read(json.dumps({"a": boot, "b": other}).encode())
    (told,) = [finding for finding in log.findings if finding.code == "same_digests"]
    assert (told.severity, told.event) == ("warning", 18)


@pytest.mark.parametrize("change", ["a digest", "fewer of the firmware's"])
def test_two_boots_are_two_logs(change: str) -> None:
    boot = make.boot()
    other = [{**boot[0], "digest": "11" * 48}, *boot[1:]] if change == "a digest" else [*boot[:10], *boot[11:]]
    data = json.dumps({"a": boot, "b": other}).encode()
    with pytest.raises(ParseError, match="the document holds 2 logs, /a \\(dstack\\), /b \\(dstack\\)"):
        evlog.read(data)
    assert len(evlog.read(data, member="/a").events) == len(boot)


def test_a_value_that_is_not_the_log_s(tmp_path: Path) -> None:
    document = info(make.boot())
    document["rtmr3"] = "11" * 48
    path = tmp_path / "tcb_info.json"
    path.write_text(json.dumps(document))
    ran = run("verify", str(path), "--json")
    assert ran.code == 1
    rows = {row["register"]: row["verdict"] for row in json.loads(ran.out)["registers"]}
    assert rows["ccmr:4"] == "mismatch"


# SCALE


def compact(length: int) -> bytes:
    """A compact integer of SCALE."""
    if length < 1 << 6:
        return bytes([length << 2])
    size, mode = (2, 1) if length < 1 << 14 else (4, 2)
    return (length << 2 | mode).to_bytes(size, "little")


def vec(data: bytes) -> bytes:
    return compact(len(data)) + data


def attestation(events: list[dict[str, Any]], *, again: list[dict[str, Any]] | None = None) -> bytes:
    """dstack's attestation, version 0; ``again`` are the runtime events of the second list."""
    rows = [
        event["imr"].to_bytes(4, "little")
        + event["event_type"].to_bytes(4, "little")
        + vec(bytes.fromhex(event["digest"]))
        + vec(event["event"].encode())
        + vec(bytes.fromhex(event["event_payload"]))
        for event in events
    ]
    own = [event for event in events if event["event_type"] == make.RUNTIME] if again is None else again
    second = [vec(event["event"].encode()) + vec(bytes.fromhex(event["event_payload"])) for event in own]
    lists = compact(len(rows)) + b"".join(rows) + compact(len(second)) + b"".join(second)
    return b"\0\0" + vec(quote_of(events)) + lists + bytes(64) + vec(b'{"os_image_hash":""}')


def test_the_lengths_of_scale() -> None:
    pairs = {33: "84", 48: "c0", 42: "a8", 5010: "494e"}
    assert {length: compact(length).hex() for length in pairs} == pairs


@pytest.mark.parametrize("form", [bytes, lambda data: data.hex().encode(), lambda data: json.dumps({"a": data.hex()})])
def test_an_attestation_in_scale(form: Any, tmp_path: Path) -> None:
    data = form(attestation(make.boot()))
    path = tmp_path / "attestation"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    log = evlog.read(path)
    assert (log.format, values(log)) == ("dstack", values(evlog.read(array(*make.boot()))))
    assert [event.content for event in log.events] == [
        event.content for event in evlog.read(array(*make.boot())).events
    ]
    ran = run("verify", str(path), "--json")
    said = json.loads(ran.out)
    assert (ran.code, said["evidence"]["source"]) == (0, "tdx-quote"), ran.err


def test_the_second_list_extends_nothing_more() -> None:
    boot = make.boot()
    log = evlog.read(attestation(boot, again=boot[-1:]))
    assert values(log) == values(evlog.read(array(*boot)))
    (told,) = [finding for finding in log.findings if finding.code == "wrapping_damaged"]
    assert "list of runtime events" in told.message


def test_scale_that_is_cut_or_changed() -> None:
    """All of it has to be there; and whatever a byte becomes, nothing but an error of evlog's leaves."""
    data = attestation(make.boot()[-2:])
    quote = len(quote_of(make.boot()[-2:]))
    for length in range(quote, len(data)):
        with pytest.raises(UnknownFormatError):
            evlog.read(data[:length])
    for position in [*range(6), *range(quote, len(data))]:
        for mask in (0x01, 0x02, 0x80, 0xFF):
            changed = bytearray(data)
            changed[position] ^= mask
            try:
                evlog.read(bytes(changed))
            except EvlogError:
                continue


def test_scale_that_claims_more_than_there_is() -> None:
    for count in (compact(1 << 29), b"\xfe\xff\xff\xff", b"\x03\xff\xff\xff\xff"):
        with pytest.raises(UnknownFormatError):
            evlog.read(b"\0\0" + vec(bytes(700)) + count + bytes(2000))
