"""Type, length, value: one byte, four bytes big-endian, the bytes. What CEL-TLV and some contents are made of.

Spec: TCG Canonical Event Log Format 1.1, section 5.1. The construct declaration is in `evlog.wire.cel`; this is its
fast twin.
"""

from __future__ import annotations

import struct

__all__ = ["MAX_ITEMS", "split", "tlv"]

#: No content type has more than twelve different items.
MAX_ITEMS = 64

_HEAD = struct.Struct(">BI")


def tlv(type: int, value: bytes) -> bytes:
    """One TLV."""
    return _HEAD.pack(type, len(value)) + value


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The TLVs that make up the bytes, as (type, value). Raises ValueError where they do not."""
    items: list[tuple[int, bytes]] = []
    position, end = 0, len(data)
    while position < end:
        if end - position < 5:
            raise ValueError(f"{end - position} bytes at {position} are no type and length")
        number, length = _HEAD.unpack_from(data, position)
        position += 5
        if length > end - position:
            raise ValueError(f"item {number} of {length} bytes at {position - 5}, {end - position} present")
        if len(items) == MAX_ITEMS:
            raise ValueError(f"more than {MAX_ITEMS} items")
        items.append((number, data[position : position + length]))
        position += length
    return items
