"""The part of CBOR that attestation tokens use, read with bounds: RFC 8949 without floats and without tags' meanings.

cbor2 gives tags a meaning (dates, regular expressions, shared references), which is more than a hostile token should
reach. Here a tag is a number and a value, an item is counted before it is made, and nesting has an end.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.cursor import Cursor
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Tag", "array_of", "bytes_of", "loads", "map_of"]

# An attestation token nests seven deep.
_MAX_DEPTH = 32
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE = {20: False, 21: True, 22: None, 23: None}


class Tag(Record):
    """A tagged value: the tag's number and what it stands on."""

    number: int
    value: Any


def loads(data: bytes, where: str) -> Any:
    """One item and nothing after it. Raises ParseError or TruncatedError with the offset."""
    cursor = Cursor(data, where=where, big=True)
    item = _item(cursor, 0)
    if cursor.left:
        raise cursor.error(f"{cursor.left} bytes after the item", "end")
    return item


def _item(cursor: Cursor, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise cursor.error(f"nested over {_MAX_DEPTH} deep", "depth")
    head = cursor.number(1, "head")
    major, info = head >> 5, head & 31
    if info == _INDEFINITE and 2 <= major <= 5:
        return _indefinite(cursor, major, depth)
    argument = _argument(cursor, info)
    if major == 0:
        return argument
    if major == 1:
        return -1 - argument
    if major == 2:
        return cursor.take(argument, "bytes")
    if major == 3:
        return _text(cursor, cursor.take(argument, "text"))
    if major == 6:
        return Tag(argument, _item(cursor, depth + 1))
    if major == 7:
        if argument not in _SIMPLE or info > 23:
            raise cursor.error(f"simple value or float {info}", "head")
        return _SIMPLE[argument]
    # Every member takes a byte at least, so a count beyond what is left cannot be.
    if argument * (major - 3) > cursor.left:
        raise cursor.error(f"{argument} members in {cursor.left} bytes", "count")
    if major == 4:
        return [_item(cursor, depth + 1) for _ in range(argument)]
    found: dict[Any, Any] = {}
    for _ in range(argument):
        _member(cursor, found, depth)
    return found


def _argument(cursor: Cursor, info: int) -> int:
    if info < 24:
        return info
    if info > 27:
        raise cursor.error(f"additional information {info}", "head")
    return cursor.number(1 << (info - 24), "argument")


def _indefinite(cursor: Cursor, major: int, depth: int) -> Any:
    items: list[Any] = []
    found: dict[Any, Any] = {}
    while cursor.data[cursor.at : cursor.at + 1] != bytes((_BREAK,)):
        if major == 5:
            _member(cursor, found, depth)
        else:
            items.append(_item(cursor, depth + 1))
    cursor.take(1, "break")
    if major == 5:
        return found
    if major == 4:
        return items
    if not all(isinstance(item, bytes if major == 2 else str) for item in items):
        raise cursor.error("a chunk of another type", "chunks")
    return b"".join(items) if major == 2 else "".join(items)


def _member(cursor: Cursor, found: dict[Any, Any], depth: int) -> None:
    key = _item(cursor, depth + 1)
    if not isinstance(key, (int, str, bytes)):
        raise cursor.error("a key that is no integer, text or bytes", "key")
    if key in found:
        raise cursor.error(f"key {key!r} stands twice", "key")
    found[key] = _item(cursor, depth + 1)


def _text(cursor: Cursor, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise cursor.error("text that is not UTF-8", "text") from None


def map_of(value: Any, where: str) -> dict[Any, Any]:
    """The value as a map, or a ParseError."""
    if not isinstance(value, dict):
        raise ParseError("a map was expected", where=where)
    return value


def array_of(value: Any, where: str) -> list[Any]:
    """The value as an array, or a ParseError."""
    if not isinstance(value, list):
        raise ParseError("an array was expected", where=where)
    return value


def bytes_of(value: Any, where: str) -> bytes:
    """The value as bytes, or a ParseError."""
    if not isinstance(value, bytes):
        raise ParseError("bytes were expected", where=where)
    return value
