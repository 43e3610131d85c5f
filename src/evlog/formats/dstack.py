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

from evlog import hashing
from evlog.algorithms import SHA384
from evlog.contents.digest_only import DigestOnly
from evlog.contents.dstack import BOOT_NAMES, DstackEvent
from evlog.contents.event_types import DSTACK_RUNTIME
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import is_header
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match, recnum
from evlog.model import Digest, Event, Finding, Header, Log, Loss, Origin, Span
from evlog.registers import PLATFORMS, Platform, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

    from evlog.model import Content
    from evlog.options import Options

ID = "dstack"
TITLE = "dstack event log (JSON)"
HOLDS = frozenset(("dstack", "digest_only"))

_TDX = PLATFORMS["tdx"]
_RTMR3 = _TDX.ccmr_of(Register("rtmr", 3))
_STATIC = Register("ccmr", 0)
_LAST = 0xFFFFFFFF
#: Members of an event, and of a line of the guest's own log.
_MEMBERS = ("imr", "event_type", "digest", "event", "event_payload", "version", "preimage")
_LINE_MEMBERS = ("event", "payload", "version")
_BLANK = " \t\n\r"
_SPACE = re.compile(f"[{_BLANK}]*")
_OPENING = re.compile(rf'\ufeff?[{_BLANK}]*\[[{_BLANK}]*\{{[{_BLANK}]*"(?:{"|".join(_MEMBERS)})"')
_LINE = re.compile(rf'\ufeff?[{_BLANK}]*\{{[ \t]*"(?:{"|".join(_LINE_MEMBERS)})"')
_HEAD = 4096  # bytes: enough to tell from any other document
_FIRST = 1 << 16  # bytes of the first event, as a rule
_MOST = 16  # findings of one kind, and lines that are looked at


def sniff(data: bytes, options: Options) -> Match:
    """Certain of an array whose first event has imr, event_type and digest or payload; likely of the guest's own log."""
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
            members, _ = _Text(data[:size].decode("utf-8", "ignore")).value(start)
        except ParseError:
            continue
        return members if isinstance(members, dict) else {}
    return {}


def _are_lines(data: bytes) -> bool:
    """Whether the first lines are events; one alone must have a name that every guest's log has."""
    lines = data[:_FIRST].split(b"\n", _MOST)
    whole = lines[:-1] if len(data) > _FIRST or len(lines) > _MOST else lines
    names = []
    for line in whole:
        if line.strip():
            try:
                event = _one(line.decode("utf-8-sig"), _line)
            except (ParseError, UnicodeDecodeError):
                return False
            names.append(event.content.name if isinstance(event.content, DstackEvent) else "")
    return len(names) > 1 or not BOOT_NAMES.isdisjoint(names)


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if not one event can be read."""
    try:
        text = _Text(data.decode())
    except UnicodeDecodeError as error:
        raise ParseError("not UTF-8", offset=error.start) from None
    make, spell = (_line, _spell_line) if text.lines else (_event, _spell)
    notes = _Notes(strict=options.strict)
    events: list[Event] = []
    trouble: ParseError | None = None
    kept = offset = 0
    try:
        for members, start, end, plain in text.records():
            chunk = text.chunk
            offset = text.byte(start)
            event = make(members)
            origin = Origin(options.name, ID, Span(offset, text.byte(end) - offset))
            event = event.replace(number=len(events), origin=origin, wire=None if plain == spell(event) else chunk)
            notes.add(event, members)
            events.append(event)
            kept = text.byte(text.end)
    except ParseError as error:
        trouble = error if error.offset is not None else error.within(f"events[{len(events)}]").at(offset)
    raise NotImplementedError(trouble, kept)
