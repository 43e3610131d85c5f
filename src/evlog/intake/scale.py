"""dstack's attestation, version 0: a TD quote and the event log in one, in SCALE.

Source: Dstack-TEE/dstack, dstack-attest/src/attestation.rs; Parity's SCALE codec for compact lengths. Version 0 |
kind 0 (TDX) | quote | events | runtime events | 64 bytes of report data | configuration (JSON). A length stands above
the lowest two bits, which say how many bytes it takes: 1, 2 or 4. An event is u32 imr | u32 type | digest | name |
payload; the runtime events (name | payload) are those of the first list again, and extend nothing more.

The log is handed on as the array that dstack's JSON has. An attestation of version 1 is MessagePack, and another thing.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import DSTACK_RUNTIME
from evlog.cursor import Cursor
from evlog.errors import ParseError
from evlog.intake.places import Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from evlog.intake.budget import Budget

__all__ = ["places"]

_NAME = "a dstack attestation (SCALE)"
_BEGINNING = b"\0\0"
_REPORT_DATA = 64
_DIGESTS = (0, 48)
_LAST_RTMR = 3
#: Bytes of the shortest event, and of the shortest runtime event.
_EVENT, _RUNTIME_EVENT = 11, 2


class _Attestation(Record):
    """What stands in one; ``notes`` say what is odd about it."""

    quote: bytes
    events: list[dict[str, Any]]
    notes: tuple[str, ...]


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The quote and the log, each by a path of its own; nothing for what is no such attestation."""
    if data[:2] != _BEGINNING:
        return
    try:
        found = _attestation(Cursor(data, at=2))
    except (ParseError, UnicodeDecodeError):
        return
    log = _json(found.events)
    budget.spend(len(log) + len(found.quote))
    yield Place("/quote", [Layer(_NAME, found.quote, whole=True)], 0, 1)
    yield Place("/event_log", [Layer(_NAME, log, found.notes, whole=True)], 1, 2)


def _attestation(cursor: Cursor) -> _Attestation:
    """Raises ParseError or UnicodeDecodeError for what is none: every length and every name has to be right."""
    quote = _bytes(cursor, "quote")
    events = [_event(cursor) for _ in range(_count(cursor, "events", _EVENT))]
    again = [
        (_text(cursor, "event"), _bytes(cursor, "payload")) for _ in range(_count(cursor, "runtime", _RUNTIME_EVENT))
    ]
    cursor.take(_REPORT_DATA, "report_data")
    _text(cursor, "config")
    if not events:
        raise cursor.error("no event")
    notes = []
    own = [(event["event"], bytes.fromhex(event["event_payload"])) for event in events if _is_runtime(event)]
    if own != again:
        notes.append("the attestation's list of runtime events is not that of its log")
    if cursor.left:
        notes.append(f"{cursor.left} bytes after the attestation")
    return _Attestation(quote, events, tuple(notes))


def _is_runtime(event: dict[str, Any]) -> bool:
    return bool(event["event_type"] == DSTACK_RUNTIME)


def _event(cursor: Cursor) -> dict[str, Any]:
    imr, event_type = cursor.u32("imr"), cursor.u32("event_type")
    digest, name, payload = _bytes(cursor, "digest"), _text(cursor, "event"), _bytes(cursor, "event_payload")
    if imr > _LAST_RTMR or len(digest) not in _DIGESTS:
        raise cursor.error("no event of a TD")
    names = ("imr", "event_type", "digest", "event", "event_payload")
    return dict(zip(names, (imr, event_type, digest.hex(), name, payload.hex()), strict=True))


def _length(cursor: Cursor, field: str) -> int:
    """A compact integer."""
    mode = cursor.peek(1)[:1]
    size = {0: 1, 1: 2, 2: 4}.get(mode[0] & 3) if mode else 1
    if size is None:
        raise cursor.error("a length beyond 32 bits", field)
    return int.from_bytes(cursor.take(size, field), "little") >> 2


def _count(cursor: Cursor, field: str, least: int) -> int:
    """How many follow, which have at least so many bytes each."""
    count = _length(cursor, field)
    if count * least > cursor.left:
        raise cursor.error("more than there can be", field)
    return count


def _bytes(cursor: Cursor, field: str) -> bytes:
    return cursor.take(_length(cursor, field), field)


def _text(cursor: Cursor, field: str) -> str:
    return _bytes(cursor, field).decode()


def _json(events: list[dict[str, Any]]) -> bytes:
    import json

    return json.dumps(events, separators=(",", ":"), ensure_ascii=False).encode()
