"""Logs of a great many lines or registers: what a verb keeps of each, and how often it looks at it."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog.changing import split as splitting
from evlog.contents.pcclient import EV_ACTION, EV_EVENT_TAG, PCClientEvent, tagged
from evlog.formats.text import events
from evlog.model import Digest, Event, Log
from evlog.registers import Register
from tests.command import run
from tests.memory import peak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INIT = b"INIT sha384/" + b"0" * 96 + b"\n"
LINES = 40_000
BLANK = INIT + b"\n" * LINES
LETTERS = INIT + b"a\n" * LINES
SHA384 = evlog.HashAlg.named("sha384")
RTMR = Register.parse("rtmr:3")


@pytest.mark.parametrize("data", [BLANK, LETTERS], ids=["blank lines", "letters"])
def test_lines_are_not_kept(data: bytes, tmp_path: Path) -> None:
    """An event with what belongs to it has 300 bytes and more."""
    path = tmp_path / "log"
    path.write_bytes(data)
    words = (str(path), "--register", "rtmr:3")
    run("show", *words)  # what is loaded once
    for command in (("replay",), ("show",), ("show", "--jsonl")):
        printed = len(run(*command, *words).out)
        # What is printed is kept here, as characters and as bytes.
        assert peak(lambda command=command: run(*command, *words)) < 3 * printed + 130 * LINES, command  # type: ignore[misc]


@pytest.mark.parametrize("data", [BLANK, LETTERS], ids=["blank lines", "letters"])
def test_lines_are_merged_in_little_memory(data: bytes, tmp_path: Path) -> None:
    logs = [evlog.read(each, register=RTMR) for each in (data, data.replace(b"a", b"b"))]
    evlog.merge([evlog.read(INIT, register=RTMR)] * 2)
    kept = []
    assert peak(lambda: kept.append(evlog.merge(logs))) < 300 * LINES
    (merged,) = kept
    assert len(merged.log.events) == sum(len(log.events) for log in logs)
    assert [event.number for event in merged.log.events[-2:]] == [2 * LINES, 2 * LINES + 1]
    assert merged.log.events[-1] == next(reversed(tuple(merged.log.events)))


@pytest.mark.parametrize("data", [BLANK, INIT + b"#\n" * LINES], ids=["blank lines", "comments"])
def test_of_lines_that_are_not_measured_no_events_are_made(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few, that tell of all; what is lost is told of each when somebody asks."""
    log, other = (evlog.read(each, register=RTMR) for each in (data, data + b"x\n"))
    made = []
    spans = events.Span  # type: ignore[attr-defined]

    def span(offset: int, length: int) -> object:
        made.append(offset)
        return spans(offset, length)

    monkeypatch.setattr(events, "Span", span)
    assert [change.kind for each in evlog.diff(log, other).registers for change in each.changes] == ["added"]
    assert evlog.diff(log, log).equal
    rest = evlog.read(data.removeprefix(INIT) + b"x\n", format="text", dialect="nelr", hash="sha384", register=RTMR)
    merged = evlog.merge([log, rest]).log
    for to in ("text", "cel-tlv"):
        converted = evlog.convert(log, to)
        assert sum(loss.event is not None for loss in converted.losses) == (LINES if to == "cel-tlv" else 0)
    evlog.verify([log], evlog.Evidence("register-file", evlog.replay(log).registers()))
    assert len(evlog.check(log)) == LINES + 1
    lost = [loss.event for loss in evlog.convert(merged, "cel-tlv").losses]
    assert lost == [*range(1, 2 * LINES + 1)]
    assert 0 < len(made) < LINES // 10
    assert converted.losses[0].reason.startswith("line 2: cel-tlv has no place for ")
    assert converted.losses[LINES - 1].event == LINES


REGISTERS = "".join(f"mr:r{number} line\n" for number in range(2000)).encode()
OTHERS = "".join(f"mr:r{number} other\n" for number in range(2000)).encode()


def nv_indices(number: int) -> bytes:
    digest = {"hashAlg": "sha256", "digest": hashlib.sha256(b"x").hexdigest()}
    content = {"content_type": "pcclient_std", "content": {"event_type": "EV_ACTION", "event_data": "78"}}
    records = [{"recnum": 0, "nv_index": 0x01000000 + n, "digests": [digest], **content} for n in range(number)]
    return json.dumps(records).encode()


def named(number: int, data: bytes) -> Log:
    """Events of firmware on registers that are known by name only."""
    digests = (Digest(SHA384, hashlib.sha384(data).digest()),)
    content = PCClientEvent(EV_ACTION, data)
    events = tuple(Event(n, Register("mr", f"r{n}"), digests, content) for n in range(number))
    return Log("evlog-json", events, algorithms=(SHA384,))


def steps(call: Callable[[], object]) -> int:
    """Calls of functions, Python's and C's, while something is called: a measure of time that no neighbour changes."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count


def lines(data: bytes, share: int) -> evlog.Log:
    return evlog.read(b"".join(data.splitlines(keepends=True)[::share]), format="text", index="ccmr")


VERBS: dict[str, Callable[[int], object]] = {
    "replay": lambda share: evlog.replay(lines(REGISTERS, share)),
    "check": lambda share: evlog.check(lines(REGISTERS, share)),
    "split": lambda share: evlog.split(lines(REGISTERS, share)),
    "merge": lambda share: evlog.merge([lines(REGISTERS, share), lines(OTHERS, share)]),
    "diff": lambda share: evlog.diff(lines(REGISTERS, share), lines(OTHERS, share)),
    "convert": lambda share: evlog.convert(lines(REGISTERS, share), "evlog-json"),
    "replay of NV indices": lambda share: evlog.replay(evlog.read(nv_indices(2000 // share))),
    "merge of named registers": lambda share: evlog.merge([named(2000 // share, b"a"), named(2000 // share, b"b")]),
    "merge of NV indices": lambda share: evlog.merge([evlog.read(nv_indices(2000 // share))] * 2),
}


@pytest.mark.parametrize("verb", VERBS)
def test_four_times_the_registers_take_four_times_the_work(verb: str) -> None:
    """As seen in calls; a list that is searched or copied for each register shows in the time alone."""
    call = VERBS[verb]
    call(40)
    few, many = steps(lambda: call(8)), steps(lambda: call(2))
    assert many < 5 * few


def test_findings_of_many_registers_are_not_copied_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    log = lines(REGISTERS, 8)
    assert len(log.findings) >= 250
    replayed = []

    def convert(part: evlog.Log, *words: str, **choices: Any) -> evlog.Conversion:
        replayed.append(len(part.findings))
        return evlog.convert(part, *words, **choices)

    monkeypatch.setattr(splitting, "convert", convert)
    assert len(evlog.split(log).parts) == len(replayed) == 250
    assert sum(replayed) < 2 * 250


def test_an_agents_line_that_is_no_utf8(tmp_path: Path) -> None:
    """The data of an AAEL tag event whose digest is of something else, and whose line is no text."""
    content = PCClientEvent(EV_EVENT_TAG, tagged(b'PullImage {"image":"\xde"}'))
    event = Event(0, Register("ccmr", 4), (Digest(SHA384, bytes(range(48))),), content)
    made = evlog.convert(Log("ccel", (event,), algorithms=(SHA384,)), "text", digests_only=True)
    assert made.data.startswith(b"# .EXTEND " + bytes(range(48)).hex().encode())
    assert b"\xde" not in made.data
    with pytest.raises(evlog.ConversionError, match=r"PullImage .*\\xde"):
        evlog.convert(Log("ccel", (event,), algorithms=(SHA384,)), "text")
