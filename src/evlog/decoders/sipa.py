"""Windows boot events (WBCL, "SIPA"): TLVs, some nested, in tagged events, and the TrustPoint that is never extended.

Source: wbcl.h of the Windows SDK, as tools and real logs show it. The number tells the class (bits 16 to 19), whether
it holds further events (0x40000000), and that it is not measured (0x80000000).
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._sipa_ids import BOOLEANS, FLAGS, IDS, TEXTS, VALUES
from evlog.decoders._sipa_payloads import PAYLOADS
from evlog.decoders._text import utf16

__all__ = ["SipaEvent", "is_sipa", "read_sipa"]

_AGGREGATE = 0x40000000
_MAX_DEPTH = 8
_LAST_CLASS = 0xC


class SipaEvent(Decoded):
    """One event: number, name, and its value in the one form that its number calls for; the others are None.

    ``events`` are the events of an aggregate, ``payload`` a structure. ``data`` is left out for an aggregate.
    """

    id: int
    name: str | None
    value: int | str | bool | None = None
    meaning: str | None = None
    payload: Decoded | None = None
    events: tuple[SipaEvent, ...] | None = None
    data: bytes = b""

    kind = "sipa_event"

    def describe(self) -> str:
        name = self.name or f"{self.id:#010x}"
        if self.events is not None:
            inside = [event.describe() for event in self.events]
            return f"{name} ({len(inside)}): {', '.join(inside)}"
        if self.payload is not None:
            return f"{name}={self.payload.describe()}"
        if self.meaning is not None:
            return f"{name}={self.meaning}"
        if isinstance(self.value, bool):
            return f"{name}={'yes' if self.value else 'no'}"
        if self.value is not None:
            return f"{name}={self.value}"
        shown = self.data[:8].hex() + ("…" if len(self.data) > 8 else "")
        return f"{name}={shown}" if self.data else name


def is_sipa(number: int) -> bool:
    """Whether a tag is a Windows event's: one of the known classes, and no other bits."""
    return number & 0x30F00000 == 0 and 1 <= number >> 16 & 0xF <= _LAST_CLASS and number & 0x0F000000 == 0


@decodes(prefix=b"\x04\x00\x01\xc0")
def trust_point(cursor: Cursor, context: Context) -> SipaEvent:
    """The TrustPoint record on PCR 0xFFFFFFFF: a quote that Windows keeps with its log."""
    number = cursor.u32("id")
    return read_sipa(number, cursor.sub(cursor.u32("size"), "trust_point"), 0)


def read_sipa(number: int, body: Cursor, depth: int) -> SipaEvent:
    """The event of a number and its data. Raises ParseError for damaged TLVs, or ones nested beyond 8 levels."""
    name = IDS.get(number)
    if number & _AGGREGATE:
        if depth == _MAX_DEPTH:
            raise body.error(f"events nested more than {_MAX_DEPTH} deep")
        return SipaEvent(number, name, events=tuple(_events(body, depth + 1)))
    reader = PAYLOADS.get(number)
    data = body.peek(body.left)
    if reader is not None:
        try:
            return SipaEvent(number, name, payload=reader(body.fork()), data=data)
        except ValueError:
            return SipaEvent(number, name, data=data)
    if number in TEXTS:
        return SipaEvent(number, name, utf16(data), data=data)
    if number in BOOLEANS and len(data) in (1, 4):
        return SipaEvent(number, name, any(data), data=data)
    if len(data) in (1, 2, 4, 8):
        value = int.from_bytes(data, "little")
        return SipaEvent(number, name, value, _meaning(number, value), data=data)
    return SipaEvent(number, name, data=data)


def _events(cursor: Cursor, depth: int) -> list[SipaEvent]:
    events: list[SipaEvent] = []
    while cursor.left:
        where = f"events[{len(events)}]"
        number = cursor.u32(f"{where}.id")
        events.append(read_sipa(number, cursor.sub(cursor.u32(f"{where}.size"), where), depth))
    return events


def _meaning(number: int, value: int) -> str | None:
    if number in VALUES:
        return VALUES[number].get(value)
    if number in FLAGS:
        names = [name for bit, name in FLAGS[number].items() if value & bit]
        return "+".join(names) or None
    return None
