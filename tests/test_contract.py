"""What every room signs, on every sample. A new room needs no test here: its folder in ``samples/`` is enough."""

from __future__ import annotations

import inspect
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import ConversionError, EvlogError, ParseError, UsageError, WriteError
from evlog.formats import CERTAIN, FORMATS, LIKELY, detect, room, writer, writes
from evlog.options import Options
from evlog.registers import Register
from tests.command import run
from tests.conftest import ROOT, SAMPLES, SLOWEST
from tests.logs import BAD_LOGS, SAMPLE_LOGS, each_format, each_sample, logs_in, smallest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evlog.model import Event, Log, Loss

GOLDEN = ROOT / "tests" / "golden"

#: Samples that are not written back byte for byte, and why. Each must still read back as the same log.
NOT_BYTE_IDENTICAL: dict[str, str] = {
    "cel-json/not-defined.json": "an older tpm2-tss' names of members",
    "cel-json/pcrlock.json": "another order of members, no line ends",
    "cel-json/rtmr.json": "no line ends",
    "cel-json/spellings.json": "indented; event types and algorithms spelled otherwise",
    "cel-json/trailing-comma.json": "what JSON does not have",
}

#: Formats whose records end with a line or a bracket: a cut may leave a shorter record that is as legal.
LINES = {"evlog-json", "text", "ima-ascii", "systemd", "dstack", "cel-json"}
#: What other tools print is only read, and is all lines or lists.
ONLY_READ = {format for format in FORMATS if not writes(format)}
LINES |= ONLY_READ


def read(data: bytes, format: str, *, strict: bool = False) -> Log:
    return room(format).read(data, Options(strict=strict))


@each_format
def test_a_room_says_what_it_is(format: str) -> None:
    module = room(format)
    assert format == module.ID
    assert module.TITLE
    assert len(module.TITLE) < 60
    assert module.__doc__
    assert any(word in module.__doc__ for word in ("Spec:", "Source:", "Schema:")), "where the format is defined"
    for name in ("sniff", "read") if format in ONLY_READ else ("sniff", "read", "adapt", "write"):
        function = getattr(module, name)
        assert function.__doc__, f"{name} has no docstring"
        first = next(iter(inspect.signature(function).parameters))
        assert first in ("data", "log")


@each_format
def test_a_room_has_samples(format: str) -> None:
    assert any(own == format for own, _ in SAMPLE_LOGS), f"samples/{format}/ holds no log"


def test_every_folder_of_samples_belongs_to_a_room() -> None:
    folders = {path.name for path in SAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= {*FORMATS, "bad", "evidence"}


def test_every_sample_has_a_line_in_sources() -> None:
    sources = (SAMPLES / "SOURCES.md").read_text()
    missing = [str(path.relative_to(SAMPLES)) for path in logs_in(SAMPLES)]
    assert [name for name in missing if f"`{name}`" not in sources] == []


@each_sample
def test_a_sample_belongs_to_one_room(format: str, path: Path) -> None:
    data = path.read_bytes()
    answers = {other: room(other).sniff(data, Options()) for other in FORMATS}
    assert answers[format].confidence >= LIKELY
    assert answers[format].reason
    certain = {other for other, match in answers.items() if match.confidence == CERTAIN}
    assert certain <= {format}
    assert detect(data).format == format


@each_sample
def test_written_bytes_are_the_bytes_read(format: str, path: Path) -> None:
    data = path.read_bytes()
    log = read(data, format)
    if format in ONLY_READ:
        for refused in (evlog.write, lambda log: evlog.convert(log, format)):
            with pytest.raises(UsageError, match=f"{format} is only read"):
                refused(log)
        return
    written = writer(format).write(log, Options())
    name = str(path.relative_to(SAMPLES))
    if name in NOT_BYTE_IDENTICAL:
        assert written != data, f"{name} is byte-identical after all: {NOT_BYTE_IDENTICAL[name]}"
    else:
        assert written == data
    assert read(written, format) == log


@each_sample
def test_a_log_is_a_value(format: str, path: Path) -> None:
    log, again = (evlog.read(path.read_bytes()) for _ in range(2))
    assert log == again
    assert hash(log) == hash(again)
    assert [event.number for event in log.events] == list(range(len(log.events)))


@each_sample
def test_evlog_json_holds_everything(format: str, path: Path) -> None:
    log = evlog.read(path)
    text = evlog.write(log, format="evlog-json")
    back = evlog.read(text)
    assert back == log
    assert back.findings == log.findings
    assert [event.wire for event in back.events] == [event.wire for event in log.events]
    assert [event.origin for event in back.events] == [event.origin for event in log.events]
    if format not in ONLY_READ:
        assert writer(format).write(back, Options()) == writer(format).write(log, Options())


def cuts(data: bytes) -> Iterable[int]:
    """Every length of a small sample; both ends and a stride of a large one."""
    if len(data) <= 1200:
        return range(len(data))
    step = len(data) // 200
    return sorted({*range(80), *range(80, len(data), step), *range(len(data) - 80, len(data))})


@each_sample
def test_cut_at_every_byte(format: str, path: Path) -> None:
    data = path.read_bytes()
    log = read(data, format)
    header, whole = log.header, list(log.events)
    for length in cuts(data):
        try:
            log = read(data[:length], format)
        except ParseError as error:
            assert error.offset is not None
            assert 0 <= error.offset <= length
            continue
        events = list(log.events)
        told = [finding for finding in log.findings if finding.severity == "error"]
        assert all(finding.offset is not None and 0 <= finding.offset <= length for finding in told)
        same = max(0, len(events) - 1) if format in LINES else len(events)
        # A few lines may be in another dialect, which more of them rule out.
        if format not in LINES or log.header == header:
            assert events[:same] == whole[:same], f"cut at {length}"
        assert len(events) <= len(whole)
        if format not in LINES and not told and events:
            span = _span(events[-1])
            assert span.offset + span.length + len(log.tail) == length, "a record vanished without a word"
        _strict(data[:length], format)


def _span(event: Event) -> evlog.Span:
    assert event.origin is not None
    return event.origin.span


def _strict(data: bytes, format: str) -> None:
    try:
        log = read(data, format, strict=True)
    except ParseError as error:
        assert error.offset is not None
    else:
        assert not log.failed


@each_format
def test_flip_every_byte(format: str) -> None:
    data = smallest(format).read_bytes()[:4096]
    for position in range(len(data)):
        for mask in (0xFF, 1 << position % 8):
            flipped = bytearray(data)
            flipped[position] ^= mask
            began = time.process_time()
            _survive(bytes(flipped), format)
            assert time.process_time() - began < 2 * SLOWEST, f"slow with byte {position} changed"


def _survive(data: bytes, format: str) -> None:
    """An evlog error or a log; and a log can be replayed, and written so that it reads as itself."""
    try:
        log = read(data, format)
        evlog.replay(log)
        if format in ONLY_READ:
            evlog.convert(log, "evlog-json")
            return
        written = writer(format).write(log, Options())
    except EvlogError:
        return
    assert read(written, format) == log


@pytest.mark.parametrize("path", BAD_LOGS, ids=lambda path: path.name)
def test_a_bad_sample_gives_its_finding(path: Path, update: bool) -> None:
    recorded = path.with_name(path.name + ".finding")
    found = "".join(f"{line}\n" for line in _findings(path))
    assert found, "a bad sample without a finding is not bad"
    if update:
        recorded.write_text(found)
    assert found == recorded.read_text()


def _findings(path: Path) -> Iterator[str]:
    try:
        log = evlog.read(path.read_bytes())
    except EvlogError as error:
        yield f"{type(error).__name__}: {error}"
        return
    yield f"{log.format}: {len(log.events)} events"
    for finding in log.findings:
        place = "" if finding.offset is None else f" at byte {finding.offset:#x}"
        event = "" if finding.event is None else f" event {finding.event}"
        yield f"{finding.severity} {finding.code}{event}{place}: {finding.message}"


@each_sample
def test_transcript(format: str, path: Path, update: bool) -> None:
    name = path.relative_to(ROOT)
    golden = (GOLDEN / path.relative_to(SAMPLES)).with_suffix(path.suffix + ".txt")
    ran = run("show", str(name))
    shown = ran.out.splitlines(keepends=True)
    if len(shown) > 120:
        shown[60:-20] = [f"[{len(shown) - 80} lines]\n"]
    transcript = f"$ evlog show {name}\n" + "".join(shown) + ran.err
    if update:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(transcript)
    assert golden.exists(), "no transcript yet: run pytest --update and read it"
    assert transcript == golden.read_text()


def test_no_transcript_is_left_over() -> None:
    known = {path.relative_to(SAMPLES).with_suffix(path.suffix + ".txt") for _, path in SAMPLE_LOGS}
    assert {path.relative_to(GOLDEN) for path in GOLDEN.rglob("*.txt")} <= known


@pytest.mark.parametrize("to", FORMATS)
@each_sample
def test_there_and_back_costs_what_was_said(format: str, path: Path, to: str) -> None:
    log = evlog.read(path)
    if len(log.events) > 600 or to == format:
        return
    try:
        there = evlog.convert(log, to)
        if format in ONLY_READ:
            assert there.registers_preserved
            _after(log, there.losses, there.log)
            return
        back = evlog.convert(there.log, format)
    except (ConversionError, WriteError, UsageError) as refusal:
        assert to != "evlog-json", "evlog JSON holds everything"
        assert str(refusal)
        return
    assert there.registers_preserved
    assert back.registers_preserved
    middle = _after(log, there.losses, there.log)
    _after(middle, back.losses, back.log)
    losses = {loss.field for loss in (*there.losses, *back.losses) if loss.event is None}
    for field in ("padding", "trailing", "start"):
        assert field in losses or getattr(back.log, field) == getattr(log, field), f"{field} was lost without a word"
    for name, value in log.header.options if log.header is not None else ():
        found = back.log.header.get(name) if back.log.header is not None else None
        assert found == value or f"header.{name}" in losses, f"header.{name} was lost without a word"
    same = len(back.log.events) == len(log.events) and not any(event.wire for event in log.events)
    if same and not there.losses and not back.losses:
        assert back.data == writer(format).write(log, Options()), "nothing is said to be lost, and the bytes differ"


def _after(log: Log, losses: Iterable[Loss], converted: Log) -> Log:
    """Hold the converted log against the source less its losses; returns it."""
    lost: dict[int | None, set[str]] = {}
    for loss in losses:
        lost.setdefault(loss.event, set()).add(loss.field)
    arrived = iter(converted.events)
    counts: Counter[Register] = Counter()
    for event in log.events:
        gone = lost.get(event.number, set()) | (lost.get(None, set()) & {"recnum"})
        if event.recnum == counts[event.register]:
            # Whoever reads the log can count as well.
            gone = gone | {"recnum"}
        counts[event.register] += 1
        if "content" not in gone:
            _find(event, gone, arrived)
    assert not [event for event in arrived if event.measured], "events that the source does not have"
    return converted


def _find(event: Event, gone: set[str], arrived: Iterator[Event]) -> None:
    """The event among those that are left; a container may put records of its own before it, none of them measured."""
    digests = tuple(digest for digest in event.digests if f"digests.{digest.alg}" not in gone and "digests" not in gone)
    kept = {digest.alg for digest in digests}
    for candidate in arrived:
        there = tuple(digest for digest in candidate.digests if digest.alg in kept)
        same = _extended(there, candidate) == _extended(digests, event)
        if candidate.register == event.register and same and _content(candidate, event, gone):
            assert "recnum" in gone or candidate.recnum == event.recnum or event.recnum is None
            return
        assert not candidate.measured, f"event {event.number} became {candidate}"
    raise AssertionError(f"event {event.number} is gone and no loss says so")


def _extended(digests: tuple[evlog.Digest, ...], event: Event) -> list[tuple[str, bytes]]:
    """The digests, those of an IMA violation as ones: lists have zeros there, and a CEL what was extended."""
    marks = event.content.kind in ("ima", "ima_tlv")
    return [(str(d.alg), b"\xff" * len(d.value) if marks and not any(d.value) else d.value) for d in digests]


def _content(candidate: Event, event: Event, gone: set[str]) -> bool:
    """Whether it carries the same content, or the PC Client event that stands for it."""
    carried = (event.content, event.content.pcclient(Options()))
    if any(field.startswith("content.") for field in gone):
        return candidate.content.kind in {content.kind for content in carried if content is not None}
    return candidate.content in carried or candidate.content.pcclient(Options()) in carried
