"""The little of DER (X.690) that manufacturers' extensions need: elements with a tag of one byte, read with bounds."""

from __future__ import annotations

from evlog.cursor import Cursor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INTEGER", "OCTETS", "OID", "SEQUENCE", "elements", "number", "oid"]

INTEGER, OCTETS, OID, SEQUENCE = 0x02, 0x04, 0x06, 0x30


def elements(data: bytes, where: str) -> Iterator[tuple[int, bytes]]:
    """Each element's tag and value. Raises ParseError for lengths that cannot be."""
    cursor = Cursor(data, where=where, big=True)
    while cursor.left:
        tag, size = cursor.number(1, "tag"), cursor.number(1, "length")
        if size & 0x80:
            size = cursor.number(min(size & 0x7F, 4), "length")
        yield tag, cursor.take(size, "value")


def number(data: bytes) -> int:
    """The value of an INTEGER."""
    return int.from_bytes(data, "big", signed=True)


def oid(data: bytes) -> str:
    """The value of an OBJECT IDENTIFIER in dotted form."""
    first = data[0] if data else 0
    arcs, running = [min(first // 40, 2), first - 40 * min(first // 40, 2)], 0
    for byte in data[1:]:
        running = running << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(running)
            running = 0
    return ".".join(map(str, arcs))
