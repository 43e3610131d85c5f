"""dstack's event log: the firmware's events of a TD and those of the guest's agent, as JSON.

Source: Dstack-TEE/dstack, cc-eventlog/src/tdx.rs and runtime_events.rs, dstack-attest/src/attestation.rs. An array with
an object for each event, in the order of extension; ``imr`` counts RTMRs from 0. Firmware's events come from the CCEL,
without its header. What dstack calls stripped has no data of firmware's events and no digests of runtime events: these
are computed by their rule, and those are not the digests of no data. The guest's own log of runtime events is JSON
Lines of name and payload (base64), all on RTMR[3].

Departures accepted: members in any order, absent ones, unknown ones (kept in ``Event.wire``), an index that wrapped
below 0.
"""

from __future__ import annotations

import re

from evlog._paused import CollectorPaused
from evlog.algorithms import SHA384
from evlog.contents.dstack import BOOT_NAMES, DstackEvent
from evlog.contents.spec_id import is_header
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match, recnum
from evlog.formats.dstack.events import LINE_MEMBERS, MEMBERS, event_of, line_of, one, says, spelled, spelled_line
from evlog.formats.dstack.notes import Notes
from evlog.formats.dstack.text import BLANK, Text
from evlog.model import Event, Header, Log, Loss, Origin, Span
from evlog.registers import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.options import Options

ID = "dstack"
TITLE = "dstack event log (JSON)"
HOLDS = frozenset(("dstack", "digest_only"))

_LINES = Header(ID, (("framing", "lines"),))
#: An array that was cut off behind an event.
_OPEN = Header(ID, (("framing", "open"),))
_OPENING = re.compile(rf'\ufeff?[{BLANK}]*\[[{BLANK}]*\{{[{BLANK}]*"(?:{"|".join(MEMBERS)})"')
_LINE = re.compile(rf'\ufeff?[{BLANK}]*\{{[ \t]*"(?:{"|".join(LINE_MEMBERS)})"')
_HEAD = 4096  # bytes: enough to tell from any other document
_FIRST = 1 << 16  # bytes of the first event, as a rule
_MOST = 16  # lines that are looked at


def sniff(data: bytes, options: Options) -> Match:
    """Certain of an array whose first event has imr, event_type and digest or payload; likely of the guest's lines."""
    head = data[:_HEAD].decode("utf-8", "ignore")
    if _OPENING.match(head):
        members = _first(data, head.index("{"))
        numbers = members.get("imr"), members.get("event_type")
        if all(type(number) is int for number in numbers) and ("digest" in members or "event_payload" in members):
            return Match(CERTAIN, "an array of events with imr and event_type")
    elif _LINE.match(head) and _are_lines(data):
        return Match(LIKELY, "lines of an event's name and its payload in base64")
    return NO_MATCH


def _first(data: bytes, start: int) -> dict[str, Any]:
    """The members of the first event; none if it cannot be read."""
    for size in dict.fromkeys((min(_FIRST, len(data)), len(data))):
        try:
            members, _ = Text(data[:size].decode("utf-8", "ignore")).value(start)
        except ParseError:
            continue
        return members if isinstance(members, dict) else {}
    return {}


def _are_lines(data: bytes) -> bool:
    """Whether the first lines are events; one alone must have a name that every guest's log has."""
    count = 0
    for line in data[:_FIRST].split(b"\n", _MOST)[:_MOST]:
        if line.strip():
            try:
                content = one(line.decode("utf-8-sig"), line_of).content
            except (ParseError, UnicodeDecodeError):
                return False
            count += 1
            if count > 1 or (isinstance(content, DstackEvent) and content.name in BOOT_NAMES):
                return True
    return False


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if not one event can be read."""
    try:
        text = Text(data.decode())
    except UnicodeDecodeError as error:
        raise ParseError("not UTF-8", offset=error.start) from None
    make, spell = (line_of, spelled_line) if text.lines else (event_of, spelled)
    notes = Notes(strict=options.strict, lines=text.lines)
    events: list[Event] = []
    kept = offset = 0
    try:
        with CollectorPaused():
            for members, start, end in text.events():
                offset = text.byte(start)
                event = make(members)
                origin = Origin(options.name, ID, Span(offset, text.byte(end) - offset))
                event = event.replace(number=len(events), origin=origin)
                event = event if text.plain == spell(event) else event.replace(wire=text.chunk)
                notes.add(event, members)
                events.append(event)
                kept = text.byte(text.end)
        if text.rest:
            notes.one("trailing_bytes", "warning", f"{text.rest} characters after the array", None, kept)
    except ParseError as error:
        where = f"events[{len(events)}]"
        located = type(error)(error.message, offset=offset, where=where) if error.offset is None else error
        if options.strict or not events:
            raise located from None
        code = "truncated_record" if isinstance(located, TruncatedError) else "bad_record"
        notes.one(code, "error", str(located), len(events), located.offset)
    findings = notes.findings
    if options.strict and any(finding.severity != "note" for finding in findings):
        found = next(finding for finding in findings if finding.severity != "note")
        raise ParseError(found.message, offset=found.offset or 0)
    return Log(
        ID,
        tuple(events),
        header=_LINES if text.lines else _OPEN if kept == len(data) and not _is_closed(text.chunk) else None,
        algorithms=(SHA384,),
        trailing=data[kept:],
        findings=tuple(findings),
        platform=options.platform or "tdx",
        name=options.name,
    )


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log dstack's can hold: PC Client events and dstack's own on RTMRs, with a SHA-384 digest."""
    if log.format == ID:
        return log, ()
    losses: list[Loss] = []
    events: list[Event] = []
    sources: list[Event] = []
    for event in log.events:
        if is_header(event):
            losses.append(Loss(event.number, "content", f"{ID} has no header: no Spec ID event"))
            continue
        made = _made(event, options, options.platform or log.platform)
        if made is None:
            reason = f"{ID} has no place for a {event.content.kind} record on {event.register}"
            losses.append(Loss(event.number, "content", reason))
            continue
        sources.append(event)
        events.append(made)
    losses += recnum.losses(sources, ID)
    adapted = log.replace(format=ID, events=tuple(events), header=None, algorithms=(SHA384,), start=None)
    return adapted.replace(padding=None, trailing=b"", platform=log.platform or "tdx"), losses


def _made(event: Event, options: Options, platform: str | None) -> Event | None:
    """The event as this format has it, None if it cannot: it is what a reader makes of its spelling."""
    register = event.register
    if register.space in ("rtmr", "rem"):
        register = Platform.counting(register.space, platform).ccmr_of(register)
    digests = tuple(digest for digest in event.digests if digest.alg == SHA384)[:1]
    content = event.content if event.content.kind in HOLDS else event.content.pcclient(options)
    if content is None or (event.measured and not digests):
        return None
    made = event.replace(register=register, digests=digests, content=content, recnum=None, wire=None)
    text = spelled(made)
    try:
        back = one(text) if text is not None else None
    except ParseError:
        return None
    return made.replace(content=back.content) if back is not None and back.digests == digests else None


def write(log: Log, options: Options) -> bytes:
    """The text of a log of events on RTMRs, each as it was read or as dstack writes it."""
    if not log.events:
        raise WriteError("a log without an event on an RTMR that has a SHA-384 digest")
    lines = log.header is not None and log.header == _LINES
    make, spell = (line_of, spelled_line) if lines else (event_of, spelled)
    last = len(log.events) - 1
    parts = []
    for row, event in enumerate(log.events):
        same = event.replace(recnum=None)
        chunk = event.wire if isinstance(event.wire, str) and says(event.wire, same, make) else None
        if chunk is None:
            chunk = spell(event)
            if chunk is None or not says(chunk, event, make):
                message = f"a {event.content.kind} record on {event.register} has no place here as it is"
                raise WriteError(message, event=event.number)
            chunk += "\n" if lines else ""
        ends = row == last
        cut = bool(log.tail) or log.header == _OPEN
        parts.append(_ended(chunk, ends=ends) if lines else _placed(chunk, first=not row, last=ends, cut=cut))
    return ("" if lines else ",").join(parts).encode() + log.tail


def _ended(line: str, *, ends: bool) -> str:
    """A line of several with its end; the last one may have none."""
    return line if ends or "\n" in line[len(line.rstrip(BLANK)) :] else f"{line}\n"


def _is_closed(chunk: str) -> bool:
    """Whether an event's text has the bracket that ends the array."""
    return chunk.rstrip(BLANK).endswith("]")


def _placed(chunk: str, *, first: bool, last: bool, cut: bool) -> str:
    """An event's text with the brackets that belong where it stands; what was ``cut`` off has none at its end."""
    bare = chunk.removeprefix("\ufeff").lstrip(BLANK)
    if not first and bare.startswith("["):
        chunk = bare[1:]
    elif first and not bare.startswith("["):
        chunk = f"[{chunk}"
    closed = _is_closed(chunk)
    if closed and not last:
        chunk = chunk.rstrip(BLANK)[:-1]
    elif last and not closed and not cut:
        chunk = f"{chunk}]"
    return chunk
