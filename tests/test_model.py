"""The nouns: values that are compared, hashed and carried about."""

from __future__ import annotations

import pickle

import pytest

import evlog
from evlog import SHA1, SHA256, Digest, Event, Finding, Header, Log, Opaque, Origin, PCClientEvent, Register, Span
from evlog.contents.pcclient import EVENT_TYPES, event_type_name
from tests.conftest import SAMPLES
from tests.logs import SAMPLE_LOGS

PATH = SAMPLES / "tcg2" / "ovmf.bin"


def event(**changes: object) -> Event:
    made = Event(0, Register("pcr", 4), (Digest(SHA256, b"\1" * 32),), PCClientEvent(5, b"data"))
    return made.replace(**changes)


def test_where_an_event_was_read_is_not_compared() -> None:
    assert event(origin=Origin("a", "tcg2", Span(0, 9)), wire="CRLF") == event()
    assert hash(event(origin=Origin("a", "tcg2", Span(0, 9)))) == hash(event())
    for change in ({"number": 1}, {"recnum": 1}, {"digests": ()}, {"content": PCClientEvent(6, b"data")}):
        assert event(**change) != event()


def test_digests_are_found_by_algorithm() -> None:
    two = event(digests=(Digest(SHA1, b"1" * 20), Digest(SHA256, b"2" * 32), Digest(SHA1, b"3" * 20)))
    assert two.digest(SHA1) == b"1" * 20
    assert two.digest(evlog.SHA384) is None
    assert str(two.digests[1]) == f"sha256:{(b'2' * 32).hex()}"


def test_findings_and_names_of_logs_are_not_compared() -> None:
    log = Log("tcg2", (event(),))
    assert log.replace(name="x", findings=(Finding("c", "note", "m"),)) == log
    assert log.replace(trailing=b"x") != log
    assert not log.failed
    assert log.replace(findings=(Finding("c", "error", "m"),)).failed


def test_what_follows_the_records() -> None:
    log = Log("tcg2", (), padding=evlog.Padding(0xFF, 3), trailing=b"x")
    assert log.tail == b"\xff\xff\xffx"
    assert Log("tcg2", ()).tail == b""


def test_header_options() -> None:
    header = Header("tcg1", (("byteorder", "big"),))
    assert header.get("byteorder") == "big"
    assert header.get("other") is None
    assert header.get("other", 7) == 7


def test_lazy_events_behave_as_a_tuple() -> None:
    log = evlog.read(PATH)
    events = tuple(log.events)
    assert log.events == events
    assert events == log.events
    others: list[object] = [list(events), events[:-1], 7]
    assert [log.events == other for other in others] == [True, False, False]
    assert hash(log.events) == hash(events)
    assert log.events[2:5] == events[2:5]
    assert log.events[-1] == events[-1]
    assert events[3] in log.events
    assert log.events.index(events[3]) == 3
    assert list(reversed(log.events)) == list(reversed(events))
    assert repr(log.events) == "<25 events>"
    with pytest.raises(IndexError):
        log.events[25]


def test_every_sample_travels_between_processes() -> None:
    for _, path in SAMPLE_LOGS:
        log = evlog.read(path)
        again = pickle.loads(pickle.dumps(log))
        assert again == log
        assert again.findings == log.findings
        assert evlog.replay(again).rows == evlog.replay(log).rows


def test_event_types() -> None:
    assert event_type_name(0x80000007) == "EV_EFI_ACTION"
    assert event_type_name(0x12345678) == "0x12345678"
    assert all(name.isupper() or name.isidentifier() for name in EVENT_TYPES.values())
    assert len(set(EVENT_TYPES.values())) == len(EVENT_TYPES)
    assert not PCClientEvent(3, b"").measured
    assert PCClientEvent(0, b"").measured


def test_contents_stand_in_json() -> None:
    from evlog import contents

    for content in (PCClientEvent(0x80000007, b"\0\xff"), Opaque("x", b""), Opaque(7, b"1")):
        members = contents.to_json(content)
        assert members["kind"] == content.kind
        assert contents.from_json(members) == content
    for members in (
        {"kind": "pcclient", "event_type": -1, "data": ""},
        {"kind": "pcclient", "event_type": True, "data": ""},
        {"kind": "pcclient", "event_type": 1 << 32, "data": ""},
        {"kind": "pcclient", "event_type": 1, "data": "0"},
        {"kind": "opaque", "type": [], "data": ""},
    ):
        with pytest.raises((TypeError, ValueError)):
            contents.from_json(members)
    with pytest.raises(KeyError):
        contents.from_json({"kind": "unknown"})
