"""systemd's measurement log: what user space extends after the firmware's log has ended, as a JSON text sequence.

Source: systemd, src/shared/tpm2-util.c; /run/log/systemd/tpm2-measure.log, and cc-measure.log for the registers of TDX.
RFC 7464 frames the records: 0x1E, JSON, LF. They are CEL records without record numbers. What `systemd-pcrlock cel`
prints from this log and the firmware's is an array of CEL records, and as such read by the room of CEL-JSON.

Departures accepted: records without ``content_type`` or ``content``, unknown members, an NV index under any of the
names seen, other JSON spellings (kept in ``Event.wire``). A record that is torn or no record ends nothing, because the
next separator starts another (RFC 7464, section 2.1): it stays in the ``Event.wire`` of the one after it.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.contents.opaque import Opaque
from evlog.contents.systemd import SystemdRecord
from evlog.errors import ParseError, TruncatedError, UsageError, WriteError
from evlog.formats import CERTAIN, NO_MATCH, POSSIBLE, Match, recnum
from evlog.formats.as_read import as_read
from evlog.model import Digest, Event, Finding, Log, Loss, Origin, Span, banks_of
from evlog.registers import PLATFORMS, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.options import Options

ID = "systemd"
TITLE = "systemd measurement log (JSON-SEQ)"
CONTINUES = True

SEPARATOR = b"\x1e"
_NV_NAMES = ("nv_index", "nvIndex", "nvindex")
# The platform whose registers systemd counts under ``rtmr``.
_TDX = PLATFORMS["tdx"]
# The member that a register stands in, by the space that systemd counts it in.
_MEMBERS = {"pcr": "pcr", "rtmr": "rtmr", "nv": "nv_index"}
# Records that are none and are named.
_MOST = 16


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a JSON text sequence whose first record has a register and digests, but no record number."""
    if data[:1] != SEPARATOR:
        return NO_MATCH
    record = data[1:].partition(SEPARATOR)[0]
    try:
        members = _parse(record)
    except ParseError:
        return Match(POSSIBLE, "a JSON text sequence whose first record is torn") if record[:1] == b"{" else NO_MATCH
    if "recnum" in members or "digests" not in members or _index_member(members) is None:
        return NO_MATCH
    if members.get("content_type", "systemd") != "systemd":
        return NO_MATCH  # a CEL whose numbers are missing: what its records extend depends on their type
    return Match(CERTAIN, "a JSON text sequence of digests without record numbers")


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if there is no record in it."""
    events: list[Event] = []
    findings = []
    bad: list[tuple[int, ParseError]] = []
    position = start = 0
    while position < len(data):
        following = data.find(SEPARATOR, position + 1)
        following = len(data) if following < 0 else following
        if data[position:following] == SEPARATOR:
            position = following
            continue
        try:
            event = _event(data[position:following], len(events))
        except ParseError as error:
            torn = following == len(data) and not data.endswith(b"\n")
            kind = TruncatedError if torn else type(error)
            bad.append((len(events), kind(error.message, offset=position, where=error.where)))
            position = following
            continue
        wire = data[start:following] if start != position else event.wire
        events.append(event.replace(origin=Origin(options.name, ID, Span(start, following - start)), wire=wire))
        start = position = following
    findings += _remarks(events)
    if options.sticky:
        message = "the file has the sticky bit: systemd extended a register and may not have logged it"
        findings.append(Finding("log_incomplete", "warning", message))
    for number, each in bad[:_MOST]:
        code = "truncated_record" if isinstance(each, TruncatedError) else "bad_record"
        findings.append(Finding(code, "error", str(each), number, each.offset))
    if len(bad) > _MOST:
        findings.append(Finding("bad_record", "error", f"{len(bad) - _MOST} more like this"))
    if (options.strict or not events) and bad:
        raise bad[0][1]
    if not events:
        raise ParseError("no record", offset=0, where="events[0]")
    if options.strict and findings:
        raise ParseError(findings[0].message, offset=0)
    return Log(
        ID,
        tuple(events),
        algorithms=_banks(events),
        trailing=data[start:],
        findings=tuple(findings),
        platform=options.platform or ("tdx" if any(event.register.space == "ccmr" for event in events) else None),
        name=options.name,
    )


def _remarks(events: Sequence[Event]) -> list[Finding]:
    """Records whose digests cannot extend what they should, of each kind the first few."""
    found: list[Finding] = []
    for event in events:
        algorithms = [digest.alg.id for digest in event.digests]
        offset = event.origin.span.offset if event.origin is not None else None
        if not algorithms:
            message = "a record without a digest: its register cannot be replayed"
            found.append(Finding("no_digests", "error", message, event.number, offset))
        if len(set(algorithms)) != len(algorithms):
            message = "two digests under one algorithm; the first counts"
            found.append(Finding("duplicate_digest", "warning", message, event.number, offset))
        for alg in [digest.alg for digest in event.digests if len(digest.value) != digest.alg.size]:
            message = f"a {alg} digest of a size that {alg} does not have: it extends nothing"
            found.append(Finding("digest_size", "warning", message, event.number, offset))
        if len(found) >= _MOST:
            break
    return found


def _parse(text: bytes) -> dict[str, Any]:
    import json

    try:
        members = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except RecursionError:
        raise ParseError("JSON nested too deeply") from None
    except ValueError as error:
        raise ParseError(f"a record that is not JSON: {_reason(error)}") from None
    if not isinstance(members, dict):
        raise ParseError("a record that is no JSON object")
    return members


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    from json import JSONDecodeError

    members = dict(pairs)
    if len(members) != len(pairs):
        raise JSONDecodeError("a member stands twice", "", 0)
    return members


def _reason(error: ValueError) -> str:
    return str(getattr(error, "msg", getattr(error, "reason", "a number too long"))).lower()


def _event(record: bytes, number: int) -> Event:
    """The event of a record, with its separator and whatever stands before that. Raises ParseError."""
    where = f"events[{number}]"
    _, separator, text = record.rpartition(SEPARATOR)
    if not separator:
        raise ParseError("no record separator", where=where)
    try:
        members = _parse(text)
        event = Event(number, _register(members), _digests(members), _content(members))
        spelling = _spell(event)
    except (ParseError, UsageError) as error:
        message = error.message if isinstance(error, ParseError) else str(error)
        raise ParseError(message, where=where) from None
    except RecursionError:
        raise ParseError("JSON nested too deeply", where=where) from None
    return event if spelling == record else event.replace(wire=record)


def _index_member(members: dict[str, Any]) -> str | None:
    return next((name for name in ("pcr", "rtmr", *_NV_NAMES) if name in members), None)


def _register(members: dict[str, Any]) -> Register:
    name = _index_member(members)
    if name is None:
        raise ParseError("a record without a register")
    index = members[name]
    if type(index) is not int or not 0 <= index <= 0xFFFFFFFF or (name == "rtmr" and index > 0xFF):
        raise ParseError(f"member {name} is no register's number")
    if name == "rtmr":
        return _TDX.ccmr_of(Register("rtmr", index))
    return Register("pcr" if name == "pcr" else "nv", index)


def _digests(members: dict[str, Any]) -> tuple[Digest, ...]:
    found = []
    digests = members.get("digests", [])
    if not isinstance(digests, list):
        raise ParseError("digests that are no list")
    for entry in digests:
        if not isinstance(entry, dict) or type(entry.get("hashAlg")) is not str or type(entry.get("digest")) is not str:
            raise ParseError("a digest without hashAlg and digest")
        try:
            value = bytes.fromhex(entry["digest"])
        except ValueError:
            raise ParseError("a digest that is not hex") from None
        found.append(Digest(HashAlg.named(entry["hashAlg"]), value))
    return tuple(found)


def _content(members: dict[str, Any]) -> SystemdRecord | Opaque:
    kind, content = members.get("content_type", "systemd"), members.get("content", {})
    if kind == "systemd" and isinstance(content, dict):
        return SystemdRecord.from_members(content)
    if type(kind) not in (str, int):
        raise ParseError("content_type is no name")
    return Opaque(kind, _json(content), "json")


def _json(value: Any) -> bytes:
    """Compact JSON, in UTF-8 where that is possible."""
    import json

    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _is_json(data: bytes) -> bool:
    """Whether an opaque content is one that this room read."""
    import json

    try:
        return _json(json.loads(data)) == data
    except (ValueError, RecursionError):
        return False


def _spell(event: Event) -> bytes | None:
    """The record as systemd writes it; None for an event that has no place in this log."""
    import json

    register, content = _TDX.native_of(event.register), event.content
    member = _MEMBERS.get(register.space) if register is not None else None
    if register is None or member is None:
        return None
    place = {member: register.number}
    digests = [{"hashAlg": str(digest.alg), "digest": digest.value.hex()} for digest in event.digests]
    body: dict[str, Any]
    if isinstance(content, SystemdRecord):
        body = {"content_type": "systemd", "content": content.to_members()}
    elif isinstance(content, Opaque) and content.syntax == "json" and _is_json(content.data):
        body = {"content_type": content.type, "content": json.loads(content.data)}
    else:
        return None
    return SEPARATOR + _json({**place, "digests": digests, **body}) + b"\n"


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log systemd's can hold: systemd's records."""
    if log.format == ID:
        return log, ()
    losses: list[Loss] = []
    events: list[Event] = []
    sources: list[Event] = []
    for event in log.events:
        kept = event.replace(recnum=None, wire=None)
        if not isinstance(event.content, SystemdRecord) or _spell(kept) is None:
            losses.append(
                Loss(event.number, "content", f"{ID} has no {event.content.kind} records on {event.register}")
            )
            continue
        sources.append(event)
        events.append(kept)
    losses += recnum.losses(sources, ID)
    adapted = log.replace(format=ID, events=tuple(events), header=None, padding=None, trailing=b"", start=None)
    return adapted.replace(algorithms=_banks(events)), losses


def _banks(events: Sequence[Event]) -> tuple[HashAlg, ...]:
    return banks_of(digest.alg for event in events for digest in event.digests)


def write(log: Log, options: Options) -> bytes:
    """The records as they were read, or as systemd writes them."""
    if not log.events:
        raise WriteError("a log without a record of systemd's")
    parts = []
    for event in log.events:
        record = as_read(event, _one) or _spell(event)
        if record is None:
            message = f"a {event.content.kind} record on {event.register} has no place here"
            raise WriteError(message, event=event.number)
        parts.append(record)
    return b"".join(parts) + log.tail


def _one(record: bytes) -> Event:
    return _event(record, 0)
