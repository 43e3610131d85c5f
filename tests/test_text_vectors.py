"""The test vectors of the textual formats: upstream's values, and those computed from the formats' documents."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.algorithms import SHA384, HashAlg
from evlog.contents.pcclient import EV_EVENT_TAG, PCClientEvent, tagged
from evlog.contents.text import TextLine
from evlog.formats import room
from evlog.model import Digest, Event, Log
from evlog.options import Options
from evlog.registers import UNKNOWN_REGISTER, Register
from samples import make_text

if TYPE_CHECKING:
    from pathlib import Path

RTMR3 = Register("ccmr", 4)


@pytest.fixture(scope="session")
def vectors(spec: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((spec / "vectors/textual/more-vectors.json").read_text())["vectors"]
    return found


def value(log: Log, register: Register = UNKNOWN_REGISTER) -> str:
    (row,) = [row for row in evlog.replay(log).rows if row.register == register]
    assert row.value is not None
    return row.value.hex()


def measured(log: Log) -> list[Event]:
    return [event for event in log.events if event.measured]


def prefixes(log: Log) -> list[str]:
    """The register after each measured line."""
    numbers = [event.number for event in measured(log)]
    return [value(log.replace(events=tuple(log.events)[: number + 1])) for number in numbers]


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_files(spec: Path, name: str) -> None:
    vector = json.loads((spec / "vectors/textual/textual-vectors.json").read_text())[name]
    log = evlog.read(bytes.fromhex(vector["file_hex"]))
    assert value(log) == vector["final"]
    records = [step for step in vector["steps"] if step[0] in ("record", "init", "sync")]
    assert [event.digests[0].value.hex() for event in measured(log)] == [step[1] for step in records]
    assert evlog.write(log) == bytes.fromhex(vector["file_hex"])


def test_example_files(spec: Path) -> None:
    folder = spec / "vectors/textual"
    assert value(evlog.read(folder / "exA.log")).startswith("166f89784a48e517")
    assert value(evlog.read(folder / "exB.log")).startswith("39f2585d62281dcb")


@pytest.mark.parametrize(
    "name",
    ["U-c", "U-d1", "U-d2", "U-d3", "U-e-sha256", "U-e-sha384", "U-e-sha512", "U-f", "L", "M"],
)
def test_logs_line_by_line(vectors: dict[str, Any], name: str) -> None:
    vector = vectors[name]
    data = bytes.fromhex(vector["file_hex"])
    for dialect in (None, vector["dialect"]):
        log = evlog.read(data, dialect=dialect)
        assert evlog.write(log) == data
        assert [event.digests[0].value.hex() for event in measured(log)] == [s["digest"] for s in vector["steps"]]
        assert prefixes(log) == [step["register"] for step in vector["steps"]]
        assert value(log) == vector["final"]
    if name == "U-c":
        assert evlog.read(data).header == evlog.read(data, dialect="acon").header


def test_a_start_value_of_49_bytes_is_taken_as_it_is(vectors: dict[str, Any]) -> None:
    log = evlog.read(bytes.fromhex(vectors["U-f"]["file_hex"]))
    (row,) = evlog.replay(log).rows
    assert row.start.hex() == vectors["U-f"]["start"]
    assert len(row.start) == 49
    assert [finding.code for finding in log.findings if finding.severity == "warning"] == ["anchor_length"]


def test_sha256_lines_in_a_sha384_register(vectors: dict[str, Any]) -> None:
    vector = vectors["E2"]
    log = evlog.read(bytes.fromhex(vector["file_hex"]), mr_hash="sha384")
    assert [event.digests[0].value.hex() for event in log.events] == [step["extended"] for step in vector["steps"]]
    assert prefixes(log) == [step["register"] for step in vector["steps"]]
    (check,) = evlog.check(log)[0]
    assert (check.verdict, check.rule) == ("matches", "line-sha256-padded")


def test_text_digests(vectors: dict[str, Any]) -> None:
    for name, line in (("U-a", None), ("U-b", tagged(bytes.fromhex(vectors["U-a"]["hashed_hex"])))):
        hashed = bytes.fromhex(vectors[name]["hashed_hex"])
        assert line in (None, hashed)
        for alg, digest in vectors[name]["digest"].items():
            assert evlog.hashing.digest(HashAlg.named(alg), hashed).hex() == digest


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("dialect", ["nelr", "aael-text", "tsm-text"])
def test_dialects_tell_lines_apart(vectors: dict[str, Any], number: int, dialect: str) -> None:
    vector = vectors["F"]["vectors"][number]
    line = bytes.fromhex(vector["input_hex"])
    want = vector[dialect]
    log = evlog.read(line + b"\n", format="text", dialect=dialect, hash="sha384")
    assert evlog.write(log) == line + b"\n"
    content = log.events[0].content
    assert isinstance(content, TextLine)
    if want["kind"] == "comment":
        assert not content.measured
        assert not len(evlog.replay(log))
    else:
        assert content.role == want["kind"]
        assert content.line.hex() == want["hashed_hex"]
        assert log.events[0].digests[0].value.hex() == want["digest"]


@pytest.mark.parametrize(("index", "field"), [("rtmr", "prefix_not_hashed"), ("rtmr-hashed", "prefix_hashed")])
def test_aggregated(vectors: dict[str, Any], index: str, field: str) -> None:
    data = bytes.fromhex(vectors["G"]["file_hex"])
    log = evlog.read(data, index=index)
    assert evlog.write(log) == data
    steps = vectors["G"][field]["steps"]
    contents = [event.content for event in log.events]
    assert [content.line.hex() for content in contents if isinstance(content, TextLine)] == [
        step["hashed_hex"] for step in steps
    ]
    assert [event.digests[0].value.hex() for event in log.events] == [step["digest"] for step in steps]
    for number, register in vectors["G"][field]["registers"].items():
        assert value(log, Register("rtmr", int(number))) == register


def test_aggregated_without_a_word_on_the_index(vectors: dict[str, Any]) -> None:
    log = evlog.read(bytes.fromhex(vectors["G"]["file_hex"]))
    assert {str(event.register) for event in log.events} == {"mr:0", "mr:3"}
    assert "index_meaning" in [finding.code for finding in log.findings]


def test_a_register_inside_a_register(vectors: dict[str, Any]) -> None:
    vector = vectors["J"]
    log = evlog.read(bytes.fromhex(vector["file_hex"]), format="text")
    assert prefixes(log) == [step["register"] for step in vector["steps"]]
    inner = bytes(32)
    for event in log.events:
        digest = bytes.fromhex(event.content.text.rpartition("/")[2])  # type: ignore[attr-defined]
        inner = evlog.hashing.backend().fold(evlog.SHA256, inner, [digest])
    assert inner.hex() == vector["virtual"]["final"]


def test_digests_only(vectors: dict[str, Any]) -> None:
    log = evlog.read(bytes.fromhex(vectors["K"]["file_hex"]))
    assert value(log) == vectors["K"]["steps"][-1]["register"] == vectors["U-g"]["registers"]["4"]
    first = log.replace(events=tuple(log.events)[:1])
    assert value(first) == vectors["K"]["steps"][0]["register"]


def entry(line: bytes, alg: HashAlg, register: Register) -> Log:
    data = tagged(line)
    digest = Digest(alg, evlog.hashing.digest(alg, data))
    return Log("tcg2", (Event(0, register, (digest,), PCClientEvent(EV_EVENT_TAG, data)),), algorithms=(alg,))


def test_encapsulations(vectors: dict[str, Any]) -> None:
    line = bytes.fromhex(vectors["D1"]["hashed_hex"])
    log = evlog.read(line + b"\n", format="text", dialect="nelr", hash="sha384", register=RTMR3)
    action = evlog.convert(log, "ccel")
    assert action.registers_preserved
    assert action.data.endswith(bytes.fromhex(vectors["D1"]["bytes_hex"]))
    assert value(action.log, RTMR3) == vectors["D1"]["register"]
    tag = evlog.convert(log, "ccel", encapsulate="tag")
    assert not tag.registers_preserved
    assert tag.data.endswith(bytes.fromhex(vectors["D2"]["bytes_hex"]))
    assert value(tag.log, RTMR3) == vectors["D2"]["register"]


def test_content_is_never_written_anew(vectors: dict[str, Any]) -> None:
    line = bytes.fromhex(vectors["D4"]["line_hex"])
    log = evlog.read(line + b"\n", format="text", dialect="nelr", hash="sha384", register=RTMR3)
    assert log.events[0].digests[0].value.hex() == vectors["D4"]["text_digest"]
    (_, tag) = evlog.convert(log, "ccel", encapsulate="tag").log.events
    assert tag.digests[0].value.hex() == vectors["D4"]["tagged_digest"]


def test_agent_evidence(vectors: dict[str, Any]) -> None:
    vector = vectors["E"]
    blob = base64.b64decode(vector["bytes_base64"])
    for data in (blob, vector["bytes_base64"].encode(), bytes.fromhex(vector["entry_hex"])):
        log = evlog.read(data)
        assert log.format == "ccel"
        assert value(log, RTMR3) == vector["register"]
    assert evlog.write(evlog.read(blob)) == blob
    line = bytes.fromhex(vectors["U-a"]["hashed_hex"])
    back = evlog.convert(evlog.read(blob), "text", encapsulate="tag")
    assert back.data == line + b"\n"


def test_agent_entries_cut_and_flipped() -> None:
    entries = b"".join(make_text.agent_entry(4, f"example.org/app op id={number}".encode()) for number in range(3))
    whole = list(evlog.read(entries).events)
    assert len(whole) == 3
    for length in range(len(entries)):
        log = room("ccel").read(entries[:length], Options()) if length > 100 else None
        if log is not None:
            assert list(log.events) == whole[: len(log.events)]
            assert evlog.write(log) == entries[:length]
            assert len(log.events) == len(whole) or log.failed or length % (len(entries) // 3) == 0
    for position in range(len(entries)):
        flipped = bytearray(entries)
        flipped[position] ^= 0x41
        try:
            log = room("ccel").read(bytes(flipped), Options())
            evlog.replay(log)
            assert evlog.write(log) == flipped
        except evlog.EvlogError:
            continue


def test_agent_headers(vectors: dict[str, Any]) -> None:
    rest = bytes.fromhex(vectors["E"]["entry_hex"]) + b"\xff" * 8
    for header in vectors["E-headers"]["vectors"]:
        data = bytes.fromhex(header["bytes_hex"]) + rest
        assert len(data) == header["size"] + len(rest)
        log = evlog.read(data)
        assert (log.format, log.algorithms) == ("ccel", (SHA384,))
        assert evlog.write(log) == data


@pytest.mark.parametrize("number", range(3))
def test_agent_registers_of_other_platforms(vectors: dict[str, Any], number: int) -> None:
    line = bytes.fromhex(vectors["U-a"]["hashed_hex"])
    case = vectors["E-vtpm"]["vectors"][number]
    register = Register("ccmr", 4) if case["alg"] == "sm3" else Register("pcr", int(case["name"].split()[1]))
    log = entry(line, HashAlg.named(case["alg"]), register)
    (row,) = evlog.replay(log).rows
    assert row.start.hex() == case["start"]
    assert log.events[0].digests[0].value.hex() == case["digest"]
    assert value(log, register) == case["register"]


@pytest.mark.parametrize("alg", ["sha256", "sha384", "sha512", "sm3"])
def test_the_init_line_with_zeros(vectors: dict[str, Any], alg: str) -> None:
    (case,) = [case for case in vectors["INIT-zero"]["vectors"] if case["alg"] == alg]
    log = evlog.read(bytes.fromhex(case["line_hex"]) + b"\n")
    assert log.events[0].digests[0].value.hex() == case["digest"]
    assert value(log) == case["register"]


def test_ccel_with_agent_entries(vectors: dict[str, Any], corpus: Path) -> None:
    vector = vectors["U-g"]
    log = evlog.read(corpus / "confidential-containers__trustee__CCEL_AAEL_alibabacloud")
    for index, register in vector["registers"].items():
        assert value(log, Register("ccmr", int(index))) == register
    lines = evlog.convert(log, "text", encapsulate="tag", allow_changed=True)
    assert lines.data.decode().splitlines() == [each["text"] for each in vector["aael_entries"]]
    told = evlog.convert(log, "text", digests_only=True, index="ccmr")
    assert told.registers_preserved
    assert {str(row.register): row.value.hex() for row in evlog.replay(told.log).rows if row.value} == {
        f"ccmr:{index}": register for index, register in vector["registers"].items()
    }


def test_continues_from_ccel(vectors: dict[str, Any], spec: Path, corpus: Path) -> None:
    firmware = evlog.read(corpus / "confidential-containers__trustee__CCEL_AAEL_alibabacloud")
    text = evlog.read(spec / "vectors/textual/exB.log", register=Register("ccmr", 3))
    told = evlog.replay([firmware, text])
    assert told[Register("ccmr", 3), SHA384].hex().startswith("39f2585d62281dcb")
    first, second = told.handovers
    assert (first.verdict, first.between_logs) == ("continuous", True)
    assert first.from_ == firmware.name
    assert second.verdict == "explained_gap"


def test_the_coco_log_reaches_its_value(corpus: Path) -> None:
    name = "confidential-containers__trustee__AAEL_data_1"
    expected = json.loads((corpus / "EXPECTED.json").read_text())[name]["registers"]["ccmr"]["4"]["sha384"]
    log = evlog.read(corpus / name, register=RTMR3)
    assert value(log, RTMR3) == expected
    assert evlog.write(log) == (corpus / name).read_bytes()
