"""CBOR items as bytes: where they end, and how they depart from the deterministic encoding.

Spec: RFC 8949, sections 3 and 4.2.1. Values are read by cbor2; this finds what a decoder hides, such as a key that
stands twice.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError, TruncatedError

__all__ = ["MAX_DEPTH", "Head", "array_head", "departure", "head", "item_end", "member"]

#: A record is four deep.
MAX_DEPTH = 64

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)


class Head(Record):
    """The first bytes of an item: major type, argument (None if the length is indefinite), the offset after them, and
    whether the argument is as short as can be."""

    major: int
    argument: int | None
    end: int
    shortest: bool


def head(data: bytes, position: int) -> Head:
    """The head of the item at ``position``. Raises ParseError for one that cannot be."""
    if position >= len(data):
        raise TruncatedError("truncated CBOR: an item was expected", offset=position)
    first = data[position]
    major, info = first >> 5, first & 0x1F
    if info < 24:
        return Head(major, info, position + 1, True)
    if info == 31 and major not in (_UINT, _NEGATIVE, _TAG):
        return Head(major, None, position + 1, False)
    if info > 27:
        raise ParseError(f"not CBOR: additional information {info}", offset=position)
    width = 1 << (info - 24)
    end = position + 1 + width
    if end > len(data):
        raise TruncatedError(f"truncated CBOR: a head of {width + 1} bytes", offset=position)
    argument = int.from_bytes(data[position + 1 : end], "big")
    least = 24 if width == 1 else 1 << (4 * width)
    return Head(major, argument, end, argument >= least or major == _SIMPLE)


def array_head(count: int) -> bytes:
    """The head of an array of so many items."""
    if count < 24:
        return bytes((_ARRAY << 5 | count,))
    width = next(width for width in (1, 2, 4, 8) if count >> 8 * width == 0)
    return bytes((_ARRAY << 5 | (23 + width.bit_length()),)) + count.to_bytes(width, "big")


def item_end(data: bytes, position: int) -> int:
    """The offset after the item at ``position``. Raises ParseError for one that is cut or nested too deeply."""
    return _walk(data, position, None)


def member(data: bytes, keys: tuple[bytes, ...]) -> bytes | None:
    """The encoded value of the first of the encoded keys in a map, or None."""
    position = head(data, 0).end
    while position < len(data) and data[position] != 0xFF:
        value = item_end(data, position)
        end = item_end(data, value)
        if data[position:value] in keys:
            return data[value:end]
        position = end
    return None


def departure(data: bytes, position: int) -> tuple[str, int] | None:
    """How the item at ``position`` departs from the deterministic encoding, and where; None if it does not.

    Raises ParseError for a map that has a key twice.
    """
    found: list[tuple[str, int]] = []
    _walk(data, position, found)
    return found[0] if found else None


class _Open:
    """A container on the way through an item.

    ``left`` is how many items are to come, -1 until a break. ``keys`` are those that a map has had, None for any other
    container; ``key`` is whether its next item is a key.
    """

    def __init__(self, left: int, is_map: bool) -> None:
        self.left = left
        self.keys: set[tuple[int, int | bytes]] | None = set() if is_map else None
        self.key = is_map
        self.last = b""

    def ends(self) -> bool:
        """Count one item; whether it was the last."""
        self.key = self.keys is not None and not self.key
        self.left -= self.left > 0
        return self.left == 0


def _walk(data: bytes, position: int, found: list[tuple[str, int]] | None) -> int:
    """Go through an item to its end; look at keys and collect departures if a list is given."""
    containers: list[_Open] = []
    while True:
        inner = containers[-1] if containers else None
        if inner is not None and inner.left < 0 and data[position : position + 1] == b"\xff":
            position += 1
            containers.pop()
        else:
            start = position
            one = head(data, position)
            position = one.end
            if found is not None and not one.shortest:
                what = "an indefinite length" if one.argument is None else "an integer longer than it need be"
                found.append((what, start))
            if found is not None and one.major == _TAG:
                found.append((f"tag {one.argument}", start))
            opened = _open(data, start, one)
            if one.major in (_BYTES, _TEXT) and one.argument is not None:
                position += one.argument
                if position > len(data):
                    raise TruncatedError(f"truncated CBOR: a string of {one.argument} bytes", offset=start)
            if inner is not None and inner.key and found is not None:
                _check_key(data, start, position, one, inner, found)
            if opened is not None:
                if len(containers) == MAX_DEPTH:
                    raise ParseError(f"CBOR nested more than {MAX_DEPTH} deep", offset=start)
                containers.append(opened)
                if opened.left:
                    continue
                containers.pop()
        # An item has ended, and with it every container that it was the last of.
        while containers and containers[-1].ends():
            containers.pop()
        if not containers:
            return position


def _open(data: bytes, start: int, one: Head) -> _Open | None:
    """The container that the head opens, if it does."""
    if one.major not in (_ARRAY, _MAP, _TAG) and one.argument is not None:
        return None
    if one.major == _TAG:
        return _Open(1, False)
    if one.argument is None:
        return _Open(-1, one.major == _MAP)
    items = one.argument * (2 if one.major == _MAP else 1)
    if items > len(data) - one.end:
        message = f"truncated CBOR: {items} items stated, {len(data) - one.end} bytes present"
        raise TruncatedError(message, offset=start)
    return _Open(items, one.major == _MAP)


def _check_key(data: bytes, start: int, end: int, one: Head, inner: _Open, found: list[tuple[str, int]]) -> None:
    """Refuse a key that its map has had; note one that is out of order."""
    if one.argument is None or one.major not in (_UINT, _NEGATIVE, _BYTES, _TEXT):
        raise ParseError("a map key that is neither a number nor a string", offset=start)
    key = one.major, one.argument if one.major in (_UINT, _NEGATIVE) else data[one.end : end]
    assert inner.keys is not None
    if key in inner.keys:
        raise ParseError(f"a map has the key {str(key[1])[:40]} twice", offset=start)
    inner.keys.add(key)
    if data[start:end] < inner.last:
        found.append(("keys out of order", start))
    inner.last = data[start:end]
