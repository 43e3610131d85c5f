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
from evlog._lazily import cache
from evlog._paused import CollectorPaused
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
    from collections.abc import Callable, Iterator, Sequence
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
_LINES = Header(ID, (("framing", "lines"),))
#: An array that was cut off behind an event.
_OPEN = Header(ID, (("framing", "open"),))
#: Members of an event, and of a line of the guest's own log.
_MEMBERS = ("imr", "event_type", "digest", "event", "event_payload", "version", "preimage")
_FIRMWARE_MEMBERS = _MEMBERS[:5]
_LINE_MEMBERS = ("event", "payload", "version")
_BLANK = " \t\n\r"
_SPACE = re.compile(f"[{_BLANK}]*")
_OPENING = re.compile(rf'\ufeff?[{_BLANK}]*\[[{_BLANK}]*\{{[{_BLANK}]*"(?:{"|".join(_MEMBERS)})"')
_LINE = re.compile(rf'\ufeff?[{_BLANK}]*\{{[ \t]*"(?:{"|".join(_LINE_MEMBERS)})"')
_HEAD = 4096  # bytes: enough to tell from any other document
_FIRST = 1 << 16  # bytes of the first event, as a rule
_MOST = 16  # findings of one kind, and lines that are looked at


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
            members, _ = _Text(data[:size].decode("utf-8", "ignore")).value(start)
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
                content = _one(line.decode("utf-8-sig"), _line).content
            except (ParseError, UnicodeDecodeError):
                return False
            count += 1
            if count > 1 or (isinstance(content, DstackEvent) and content.name in BOOT_NAMES):
                return True
    return False


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if not one event can be read."""
    try:
        text = _Text(data.decode())
    except UnicodeDecodeError as error:
        raise ParseError("not UTF-8", offset=error.start) from None
    make, spell = (_line, _spell_line) if text.lines else (_event, _spell)
    notes = _Notes(strict=options.strict, lines=text.lines)
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


class _Text:
    """The JSON text of a log, event by event: an array, or ``lines`` of objects.

    ``chunk`` is all of the text that belongs to the event that came last, blanks and brackets included, and ``plain``
    is it without what every writer adds; ``end`` is where it ends, and ``rest`` how much follows a closed array.
    """

    def __init__(self, text: str) -> None:
        self._scan = _scanner()
        self._text = text
        self._ascii = text.isascii()
        self._counted = 0, 0
        self._first = _space(text, int(text.startswith("\ufeff")))
        self.lines = text.startswith("{", self._first)
        self.chunk = self.plain = ""
        self.end = self.rest = 0

    def events(self) -> Iterator[tuple[Any, int, int]]:
        """The value of each event, and the characters at which it starts and ends."""
        if self.lines:
            return self._lines()
        if not self._text.startswith("[", self._first):
            self._fail("an array of events, or lines of them, was expected", self._first)
        return self._array()

    def _array(self) -> Iterator[tuple[Any, int, int]]:
        text, chunk, position, closed = self._text, 0, self._first + 1, False
        while not closed:
            start = _space(text, position)
            value, end = self.value(start)
            after = _space(text, end)
            comma = text.startswith(",", after)
            closed = text.startswith("]", after)
            self.end = after if comma else _space(text, after + 1) if closed else end
            self.rest = len(text) - self.end if closed else 0
            self.chunk = text[chunk : self.end]
            self.plain = self.chunk if chunk else self.chunk.removeprefix("[")
            if closed and not self.rest:
                self.plain = self.plain.removesuffix("]")
            yield value, start, end
            if not comma and not closed:
                self._fail("a comma or the end of the array was expected", after)
            chunk = position = after + 1

    def _lines(self) -> Iterator[tuple[Any, int, int]]:
        text, chunk, start = self._text, 0, self._first
        while start < len(text):
            value, end = self.value(start)
            following = _space(text, end)
            ended = following == len(text) or "\n" in text[end:following]
            self.end = following if ended else end
            self.chunk = text[chunk : self.end]
            self.plain = self.chunk[:-1] if self.chunk.endswith("}\n") else ""
            yield value, start, end
            if not ended:
                self._fail("the end of the line was expected", following)
            chunk = start = following

    def value(self, position: int) -> tuple[Any, int]:
        """The value at a position and where it ends. Raises ParseError."""
        try:
            value, after = self._scan(self._text, position)
            return value, after
        except StopIteration as error:
            self._fail("a value was expected", error.value)
        except RecursionError:
            self._fail("nested too deeply", position)
        except ValueError as error:
            place = getattr(error, "pos", None)
            if place is None:
                self._fail(str(error) if isinstance(error, _NoJSONError) else "a number too long", position)
            message = str(getattr(error, "msg", error)).lower().removesuffix(" starting at")
            self._fail(message, len(self._text) if "unterminated" in message else place)

    def _fail(self, message: str, position: int) -> NoReturn:
        cut = position >= len(self._text)
        kind = TruncatedError if cut else ParseError
        raise kind(f"truncated JSON: {message}" if cut else f"not JSON: {message}", offset=self.byte(position))

    def byte(self, position: int) -> int:
        """The byte of a character. Positions grow, so what was counted is not counted again."""
        if self._ascii:
            return position
        character, byte = self._counted
        if position < character:
            return len(self._text[:position].encode())
        self._counted = position, byte + len(self._text[character:position].encode())
        return self._counted[1]


@cache
def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    from json import JSONDecoder

    decoder: Any = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


class _NoJSONError(ValueError):
    """What JSON has not, or a log cannot mean."""


def _space(text: str, position: int) -> int:
    """The position after the blanks at a position."""
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NoJSONError("a member stands twice")
    return found


def _no_constant(name: str) -> None:
    raise _NoJSONError(f"{name} is no JSON")


def _event(members: Any) -> Event:
    """The event of an object. Raises ParseError, without a place."""
    imr, event_type = _number(members, "imr"), _number(members, "event_type")
    digest, payload, name = _hex(members, "digest"), _hex(members, "event_payload"), _text(members, "event")
    content: Content
    if event_type == DSTACK_RUNTIME and members.get("event") is None:
        content = PCClientEvent(event_type, payload)  # its name got lost on the way through another format
    elif event_type == DSTACK_RUNTIME:
        preimage = _hex(members, "preimage") if members.get("preimage") is not None else None
        content = DstackEvent(event_type, name, payload, _number(members, "version", 1), preimage)
        digest = digest or _computed(content)
    elif not payload and digest != hashing.digest(SHA384, b""):
        content = DigestOnly(event_type, name)
    elif name:
        content = DstackEvent(event_type, name, payload)
    else:
        content = PCClientEvent(event_type, payload)
    register = _STATIC if imr == _LAST else _TDX.ccmr_of(Register("rtmr", imr))
    return Event(0, register, (Digest(SHA384, digest),) if digest else (), content)


def _line(members: Any) -> Event:
    """The event of a line of the guest's own log. Raises ParseError, without a place."""
    import base64
    import binascii

    name, text = _text(members, "event", required=True), _text(members, "payload", required=True)
    try:
        payload = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ParseError("member payload is not base64") from None
    content = DstackEvent(DSTACK_RUNTIME, name, payload, _number(members, "version", 1))
    digest = _computed(content)
    return Event(0, _RTMR3, (Digest(SHA384, digest),) if digest else (), content)


def _computed(content: DstackEvent) -> bytes:
    """The digest of a runtime event by its rule; none where the rule is not known."""
    covered = content.measured_bytes
    return b"" if covered is None else hashing.digest(SHA384, covered)


def _number(members: Any, name: str, absent: int | None = None) -> int:
    if not isinstance(members, dict):
        raise ParseError("an event that is no JSON object")
    value = members.get(name)
    if value is None and absent is not None:
        return absent
    if type(value) is not int or not 0 <= value <= _LAST:
        raise ParseError(f"member {name} is {'no number of 32 bits' if name in members else 'missing'}")
    return value


def _text(members: Any, name: str, *, required: bool = False) -> str:
    if not isinstance(members, dict):
        raise ParseError("an event that is no JSON object")
    value = members.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise ParseError(f"member {name} is {'no text' if name in members else 'missing'}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ParseError(f"member {name} is no Unicode text: half of a surrogate pair") from None
    return value


def _hex(members: Any, name: str) -> bytes:
    text = _text(members, name)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    # fromhex passes over blanks.
    if 2 * len(value) != len(text):
        raise ParseError(f"member {name} is not hex")
    return value


class _Notes:
    """What is noticed in a log: of each kind the first few, then how many more there are."""

    def __init__(self, *, strict: bool, lines: bool) -> None:
        self._strict, self._lines = strict, lines
        self._found: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._names: set[str] = set()
        self._computed: list[Event] = []
        self._stripped: list[Event] = []

    @property
    def findings(self) -> list[Finding]:
        """All of them, what was said of single events first."""
        found = list(self._found)
        for code, count in self._counts.items():
            if count > _MOST:
                severity = next(each.severity for each in found if each.code == code)
                found.append(Finding(code, severity, f"{count - _MOST} more like this"))
        for code, events, message in (
            ("digest_computed", self._computed, "runtime events have no digest: it is computed by their rule"),
            ("data_stripped", self._stripped, "events have no data: their digests cannot be checked"),
        ):
            if events:
                found.append(Finding(code, "note", f"{len(events)} {message}", events[0].number, _offset(events[0])))
        return found

    def one(self, code: str, severity: str, message: str, event: int | None, offset: int | None) -> None:
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= _MOST:
            self._found.append(Finding(code, severity, message, event, offset))

    def add(self, event: Event, members: dict[str, Any]) -> None:
        """What is to be said of an event, whose members these are."""
        number, offset, content = event.number, _offset(event), event.content
        runtime = isinstance(content, DstackEvent) and content.runtime
        if isinstance(content, DigestOnly):
            self._stripped.append(event)
        if event.measured and not event.digests:
            message = "an event without a digest, and none can be computed: its register cannot be replayed"
            self.one("no_digests", "error", message, number, offset)
        elif runtime and not members.get("digest"):
            self._computed.append(event)
        for size in [len(digest.value) for digest in event.digests if len(digest.value) != SHA384.size]:
            message = f"a digest of {size} bytes, SHA-384 has {SHA384.size}: it extends nothing"
            self.one("digest_size", "warning", message, number, offset)
        if isinstance(content, DstackEvent) and runtime:
            self._rule(content, number, offset)
        known = _LINE_MEMBERS if self._lines else _MEMBERS if runtime else _FIRMWARE_MEMBERS
        for name in sorted(set(members).difference(known))[:_MOST]:
            if name not in self._names and len(self._names) < _MOST:
                self._names.add(name)
                severity = "warning" if self._strict else "note"
                message = f"unknown member {name[:40]!r} is kept in this format only"
                self._found.append(Finding("unknown_member", severity, message, number, offset))

    def _rule(self, content: DstackEvent, number: int, offset: int | None) -> None:
        covered = content.measured_bytes
        if covered is None:
            message = f"version {content.version} of the rule of runtime events is not known: nothing is checked"
            self.one("unknown_version", "warning", message, number, offset)
        elif content.preimage not in (None, covered):
            message = "the preimage is not what name and payload make: it says nothing of them"
            self.one("preimage_differs", "warning", message, number, offset)


def _offset(event: Event) -> int | None:
    return event.origin.span.offset if event.origin is not None else None


def _spell(event: Event) -> str | None:
    """The event as dstack writes it; None for one that has no place in an array of them."""
    content, register = event.content, _TDX.native_of(event.register)
    if register is None or register.space != "rtmr" or [digest.alg.id for digest in event.digests][1:]:
        return None
    members: dict[str, Any] = {"imr": register.number}
    digest = event.digests[0].value.hex() if event.digests else ""
    if isinstance(content, DstackEvent):
        members |= {"event_type": content.event_type, "digest": digest, "event": content.name}
        members |= {"event_payload": content.payload.hex()}
        members |= {"version": content.version} if content.version != 1 else {}
        members |= {"preimage": content.preimage.hex()} if content.preimage is not None else {}
    elif isinstance(content, PCClientEvent):
        members |= {"event_type": content.event_type, "digest": digest}
        members |= {"event": ""} if content.event_type != DSTACK_RUNTIME else {}
        members |= {"event_payload": content.data.hex()}
    elif isinstance(content, DigestOnly):
        members |= {"event_type": content.event_type, "digest": digest}
        # The name of a runtime event would be taken for what was hashed.
        members |= {"event": content.text} if content.event_type != DSTACK_RUNTIME else {}
        members |= {"event_payload": ""}
    else:
        return None
    return _encoder()(members)


def _spell_line(event: Event) -> str | None:
    """The event as a line of the guest's own log, without the end; None for one that such lines do not have."""
    import base64

    content = event.content
    if not isinstance(content, DstackEvent) or not content.runtime:
        return None
    members = {"event": content.name, "payload": base64.b64encode(content.payload).decode()}
    return _encoder()({**members, "version": content.version} if content.version != 1 else members)


@cache
def _encoder() -> Callable[[dict[str, Any]], str]:
    from json import JSONEncoder

    return JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _one(text: str, make: Any = None) -> Event:
    """The event in a text of one, with the blanks and brackets around it. Raises ParseError."""
    plain = text.removeprefix("\ufeff").strip(_BLANK).removeprefix("[").removesuffix("]").strip(_BLANK)
    members, end = _Text(plain).value(0)
    if end != len(plain):
        raise ParseError("more than one event", offset=end)
    event: Event = (make or _event)(members)
    return event


def _says(text: str | None, event: Event, make: Any) -> bool:
    """Whether a text is read as the event, wherever it stands."""
    try:
        return text is not None and bool(text.encode()) and _one(text, make).replace(number=event.number) == event
    except (ParseError, UnicodeEncodeError):
        return False


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
    spelled = _spell(made)
    try:
        back = _one(spelled) if spelled is not None else None
    except ParseError:
        return None
    return made.replace(content=back.content) if back is not None and back.digests == digests else None


def write(log: Log, options: Options) -> bytes:
    """The text of a log of events on RTMRs, each as it was read or as dstack writes it."""
    if not log.events:
        raise WriteError("a log without an event on an RTMR that has a SHA-384 digest")
    lines = log.header is not None and log.header == _LINES
    make, spell = (_line, _spell_line) if lines else (_event, _spell)
    last = len(log.events) - 1
    parts = []
    for row, event in enumerate(log.events):
        same = event.replace(recnum=None)
        chunk = event.wire if isinstance(event.wire, str) and _says(event.wire, same, make) else None
        if chunk is None:
            chunk = spell(event)
            if chunk is None or not _says(chunk, event, make):
                message = f"a {event.content.kind} record on {event.register} has no place here as it is"
                raise WriteError(message, event=event.number)
            chunk += "\n" if lines else ""
        ends = row == last
        cut = bool(log.tail) or log.header == _OPEN
        parts.append(_ended(chunk, ends=ends) if lines else _placed(chunk, first=not row, last=ends, cut=cut))
    return ("" if lines else ",").join(parts).encode() + log.tail


def _ended(line: str, *, ends: bool) -> str:
    """A line of several with its end; the last one may have none."""
    return line if ends or "\n" in line[len(line.rstrip(_BLANK)) :] else f"{line}\n"


def _is_closed(chunk: str) -> bool:
    """Whether an event's text has the bracket that ends the array."""
    return chunk.rstrip(_BLANK).endswith("]")


def _placed(chunk: str, *, first: bool, last: bool, cut: bool) -> str:
    """An event's text with the brackets that belong where it stands; what was ``cut`` off has none at its end."""
    bare = chunk.removeprefix("\ufeff").lstrip(_BLANK)
    if not first and bare.startswith("["):
        chunk = bare[1:]
    elif first and not bare.startswith("["):
        chunk = f"[{chunk}"
    closed = _is_closed(chunk)
    if closed and not last:
        chunk = chunk.rstrip(_BLANK)[:-1]
    elif last and not closed and not cut:
        chunk = f"{chunk}]"
    return chunk
