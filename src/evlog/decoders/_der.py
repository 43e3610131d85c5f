"""DER, as far as certificates need it: tags, lengths, and cursors over what they hold.

Spec: ITU-T X.690, sections 8 and 10. Indefinite lengths and tag numbers above 30 are refused: certificates have none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.cursor import Cursor

__all__ = ["BIT_STRING", "INTEGER", "OID", "SEQUENCE", "SET", "element", "expect", "oid_text"]

INTEGER, BIT_STRING, OID, SEQUENCE, SET = 0x02, 0x03, 0x06, 0x30, 0x31


def element(cursor: Cursor, field: str) -> tuple[int, Cursor]:
    """The tag of the next element and a cursor over its content. Raises ParseError."""
    tag = cursor.u8(field)
    if tag & 0x1F == 0x1F:
        raise cursor.error("a tag number above 30", field)
    size = cursor.u8(field)
    if size >= 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise cursor.error(f"a length of {count} bytes, 1 to 4 expected", field)
        size = int.from_bytes(cursor.take(count, field), "big")
    return tag, cursor.sub(size, field)


def expect(cursor: Cursor, tag: int, field: str) -> Cursor:
    """The content of the next element, which must have this tag."""
    at = cursor.at
    found, content = element(cursor, field)
    if found != tag:
        raise cursor.error(f"tag {tag:#04x} expected, {found:#04x} found", field, at=at)
    return content


def oid_text(data: bytes) -> str:
    """An object identifier in dotted decimal."""
    numbers: list[int] = []
    number = 0
    for byte in data[:64]:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    if numbers:
        first = min(numbers[0] // 40, 2)
        numbers[:1] = [first, numbers[0] - 40 * first]
    return ".".join(map(str, numbers))
