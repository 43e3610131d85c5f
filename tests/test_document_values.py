"""Logs that stand in a JSON document as JSON: as they are written there, each by its path, and nothing else of it."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

import evlog
from evlog.errors import EvlogError, ParseError, UnknownFormatError
from tests import made
from tests.conftest import SAMPLES, SLOWEST
from tests.memory import peak

FIRMWARE = made.header("sha256") + made.event(4, 0x80000003, b"kernel", "sha256")


def record(recnum: int, pcr: int, data: bytes) -> dict[str, Any]:
    """A CEL-JSON record of an event of type EV_IPL, as CEL 1.1, section 5.2 writes it."""
    return {
        "recnum": recnum,
        "pcr": pcr,
        "digests": [{"hashAlg": "sha256", "digest": hashlib.sha256(data).hexdigest()}],
        "content_type": "pcclient_std",
        "content": {"event_type": "EV_IPL", "event_data": data.hex()},
    }


CEL = [record(0, 8, b"one"), record(1, 9, b"two")]
#: Nobody would write it like this again.
ODDLY = "[ " + ",\n\n".join(json.dumps(each, indent=3) for each in CEL) + "\t]"


@pytest.mark.parametrize("text", [json.dumps(CEL), ODDLY], ids=["plain", "oddly written"])
def test_a_list_of_records_is_a_log_as_it_is_written(text: str) -> None:
    log = evlog.read(('{"quote": "", "nested": [{"list": ' + text + "}]}").encode(), member="/nested/0/list")
    assert log == evlog.read(text.encode())
    assert [finding.message for finding in log.findings if finding.code == "wrapped"] == [
        "the log is wrapped in JSON at /nested/0/list; offsets count in the log"
    ]
    first = log.events[0].origin
    assert first is not None
    start = first.span.offset
    assert json.loads(text.encode()[start : start + first.span.length]) == CEL[0]


def test_a_log_of_ours_stands_in_a_document() -> None:
    for path in sorted((SAMPLES / "evlog-json").glob("*.json")):
        text = path.read_text().strip()
        log = evlog.read(('{"a": [true, ' + text + '], "b": "é"}').encode())
        assert log == evlog.read(path), path.name


def test_numbers_are_bytes() -> None:
    numbers = list(FIRMWARE)
    for document in (numbers, {"event_log": numbers}, [1, [2, numbers], 300]):
        for text in (json.dumps(document), json.dumps(document, indent=1), json.dumps(document, separators=(",", ":"))):
            assert evlog.read(text.encode()) == evlog.read(FIRMWARE)
    for odd in ([*numbers, 256], [*numbers, -1], [*numbers, 1.5], [*numbers, "0"]):
        with pytest.raises(UnknownFormatError):
            evlog.read(json.dumps({"log": odd}).encode())


def test_more_numbers_than_a_document_may_have_values() -> None:
    padded = FIRMWARE + b"\xff" * (3 << 20)
    assert evlog.read(json.dumps(list(padded)).encode()) == evlog.read(padded)


def test_a_document_in_a_text_of_a_document() -> None:
    inner = json.dumps({"tcb": json.dumps({"log": CEL})})
    log = evlog.read(json.dumps({"a": [inner]}).encode())
    assert log == evlog.read(json.dumps(CEL).encode())
    assert "at /a/0/tcb/log;" in log.findings[0].message


def test_a_text_and_a_value_are_two_logs() -> None:
    document = json.dumps({"firmware": list(FIRMWARE), "os": CEL}).encode()
    with pytest.raises(ParseError, match=r"2 logs, /firmware \(tcg2\), /os \(cel-json\); say which"):
        evlog.read(document)
    assert evlog.read(document, member="/os") == evlog.read(json.dumps(CEL).encode())


def test_places_are_counted_behind_numbers() -> None:
    document = [1, -2.5e3, True, [], {}, 3, 4, "x", {"a": 1, "b": [0.5, 300, FIRMWARE.hex()], "c": 0}]
    log = evlog.read(json.dumps(document).encode())
    assert "at /8/b/2;" in log.findings[0].message


def test_the_same_value_twice_is_one_log() -> None:
    assert evlog.read(json.dumps({"a": CEL, "b": [CEL], "c": json.dumps(CEL)}).encode()).events[1].number == 1


@pytest.mark.parametrize(
    "around",
    [
        {"pcrs": [{"pcr": 4, "sha256": "00" * 32}, {"pcr": 5, "sha256": "00" * 32}]},
        {"messages": [{"content": "some text, and none of it of any use to anybody"}]},
        {"record": CEL[0]},
        {"digests": [{"hashAlg": "sha256", "digest": "00" * 32}, {"hashAlg": "sha1", "digest": "00" * 20}]},
    ],
    ids=lambda value: next(iter(value)),
)
def test_what_only_begins_as_a_log_does_is_none(around: dict[str, Any]) -> None:
    """Members of a record are members of much else; a record alone is no log."""
    for document in ({**around, "log": FIRMWARE.hex()}, {"log": FIRMWARE.hex(), **around}):
        assert evlog.read(json.dumps(document).encode()) == evlog.read(FIRMWARE)
    with pytest.raises(UnknownFormatError):
        evlog.read(json.dumps({"a": around}).encode())


def test_a_document_whose_first_member_is_a_records() -> None:
    """It looks like a record of a CEL, and holds a log."""
    for first in ("pcr", "content", "digests"):
        document = {first: {"sha256": {"0": "00" * 32}}, "event_log": FIRMWARE.hex()}
        assert evlog.read(json.dumps(document).encode()) == evlog.read(FIRMWARE)


def test_a_log_of_ours_in_a_document_is_not_the_document() -> None:
    log = json.loads((SAMPLES / "evlog-json" / "everything.json").read_bytes())
    document = json.dumps({"name": '\\"{[ a log', "log": log}).encode()
    assert evlog.read(document) == evlog.read(json.dumps(log).encode())
    with pytest.raises(UnknownFormatError):
        evlog.read(json.dumps({"about": {"schema": "evlog.log/1"}}).encode())


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, 2}', '["a" "b", {"x"}]', "[1, 2] x", '{"a": }', '{1: 2, "log": "x"}', "[[1, 2]", '"a"', "{'a': 1}"],
)
def test_what_is_no_document_holds_nothing(text: str) -> None:
    with pytest.raises(UnknownFormatError):
        evlog.read(text.encode())


@pytest.mark.parametrize(
    "document",
    [
        b'{"a":[' * 500 + b"1" + b"]}" * 500,
        b'{"a":[' * 200_000,
        b'[{"recnum":[' * 200 + b"1" + b"]}]" * 200,
        b'{"pcr":[' * 200 + b'"' + b"x" * (1 << 20) + b'"' + b"]}" * 200,
        b'["' + b'\\"' * (1 << 20) + b'"]',
        b'["' + b"\\" * (1 << 20),
        b"[" + b"1," * (1 << 20) + b'"x"]',
        b"[" + b" " * (1 << 20) + b"x]",
        b"[1" + b" " * (1 << 20) + b"x]",
        b"[" * (1 << 20),
        b"[" + b'{"a":[0]},' * 15_000 + b"[]]",
    ],
    ids=range(11),
)
def test_hostile_documents_take_little(document: bytes) -> None:
    def refused() -> None:
        with pytest.raises(EvlogError):
            evlog.read(document)

    began = time.process_time()
    refused()
    assert time.process_time() - began < 5 * SLOWEST
    assert peak(refused) < 40 * len(document) + (16 << 20)
