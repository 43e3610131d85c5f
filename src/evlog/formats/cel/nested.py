"""Content types as nested TLVs.

Spec: TCG Canonical Event Log Format 1.1, section 5.1. Departures accepted unless strict: integers of any width up to
8 bytes, of none (0), or wider than their type if the leading bytes are 0; fields in any order; a few aliases.
"""

from __future__ import annotations

import struct

from evlog._record import cache
from evlog.contents._celtype import Fields, Items, Octets, Text, Uint
from evlog.contents._tlv import split, tlv
from evlog.contents.opaque import Opaque
from evlog.errors import WriteError
from evlog.formats.cel.types import declared, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.model import Content

    Decoder = Callable[[bytes], Any]
    Encoder = Callable[[Any], bytes]

__all__ = ["decode", "encode", "octets_of", "uint", "width_of"]

MAX_WIDTH = 8
_HEAD = struct.Struct(">BI")


def decode(number: int, body: bytes, strict: bool = False) -> tuple[Content, ValueError | None]:
    """The content in a content TLV. What is not what its type says stays opaque, with what is wrong."""
    known = declared(number)
    if known is None:
        return Opaque(number, body), None
    try:
        return known[0].from_cel(number, _decoder(number, strict)(body)), None
    except ValueError as error:
        return Opaque(number, body), error


def encode(content: Content, width: int) -> tuple[int, bytes]:
    """The content type and the value of the content TLV; ``width`` is the least of an event type.

    Raises WriteError for what TLV does not hold.
    """
    type = written(content.__class__)
    if type is not None:
        return type.number, _encoder(type.number, width)(content.to_cel())
    if not isinstance(content, Opaque):
        raise WriteError(f"a {content.kind} record has no place in a CEL")
    if not isinstance(content.type, int) or not 4 <= content.type <= 0xFF or content.syntax:
        raise WriteError(f"no TLV holds {content.syntax or 'bytes'} of content type {content.type!r}")
    return content.type, content.data


@cache
def _decoder(number: int, strict: bool) -> Decoder:
    known = declared(number)
    assert known is not None
    return _decoder_of(known[1].shape, strict)


@cache
def _encoder(number: int, width: int) -> Encoder:
    known = declared(number)
    assert known is not None
    return _encoder_of(known[1].shape, width)


def _decoder_of(shape: Any, strict: bool) -> Decoder:
    """A function from bytes to the value of the shape, which raises ValueError saying what is wrong."""
    if isinstance(shape, Uint):
        bits = shape.bits
        return lambda data: uint(data, bits, strict=strict)
    if isinstance(shape, Text):
        return bytes.decode
    if isinstance(shape, Octets):
        return bytes
    return _fields_decoder(shape, strict) if isinstance(shape, Fields) else _items_decoder(shape, strict)


def _fields_decoder(shape: Fields, strict: bool) -> Decoder:
    rows = [(number, _decoder_of(atom, strict)) for number, (_, atom) in enumerate(shape.fields)]
    wanted = ", ".join(f"{number} {name}" for number, (name, _) in enumerate(shape.fields))
    unpack = _HEAD.unpack_from

    def decode(data: bytes) -> tuple[Any, ...]:
        position, end = 0, len(data)
        values = []
        for number, read in rows:
            if end - position < 5:
                return disordered(data)
            type, length = unpack(data, position)
            following = position + 5 + length
            if type != number or following > end:
                return disordered(data)
            values.append(read(data[position + 5 : following]))
            position = following
        return tuple(values) if position == end else disordered(data)

    def disordered(data: bytes) -> tuple[Any, ...]:
        items = split(data)
        found = dict(items)
        if strict or len(items) != len(rows) or any(number not in found for number, _ in rows):
            raise ValueError(f"fields {[number for number, _ in items]}, not {wanted}")
        return tuple(read(found[number]) for number, read in rows)

    return decode


def _items_decoder(shape: Items, strict: bool) -> Decoder:
    choices = {
        number: (name, None if inner is None else _decoder_of(inner, strict))
        for number, (name, inner) in shape.choices.items()
    }

    def item(number: int, value: bytes) -> tuple[int, Any]:
        number = number if strict else shape.aliases.get(number, number)
        if number not in choices:
            raise ValueError(f"unknown item type {number}")
        name, read = choices[number]
        if read is None and value:
            raise ValueError(f"{name} of {len(value)} bytes, it has none")
        return number, read(value) if read is not None else None

    def decode(data: bytes) -> tuple[tuple[int, Any], ...]:
        items = split(data)
        if not items or (strict and len(items) > 1):
            raise ValueError(f"{len(items)} items where there is one")
        return tuple(item(number, value) for number, value in items)

    return decode


def _encoder_of(shape: Any, width: int) -> Encoder:
    """A function from the value of the shape to bytes; an integer has at least ``width`` of them."""
    if isinstance(shape, Uint):
        return lambda value: octets_of(value, width)
    if isinstance(shape, Text):
        return str.encode
    if isinstance(shape, Octets):
        return bytes
    if isinstance(shape, Fields):
        rows = [(number, _encoder_of(atom, width)) for number, (_, atom) in enumerate(shape.fields)]
        pack = _HEAD.pack

        def encode(value: tuple[Any, ...]) -> bytes:
            parts: list[bytes] = []
            for (number, write), each in zip(rows, value, strict=True):
                body = write(each)
                parts += (pack(number, len(body)), body)
            return b"".join(parts)

        return encode
    # Only libcel writes items at all, and its integers are as narrow as can be.
    choices = {number: _encoder_of(inner, 1) for number, (_, inner) in shape.choices.items() if inner is not None}
    return lambda items: b"".join(
        tlv(number, choices[number](value) if number in choices else b"") for number, value in items
    )


def uint(data: bytes, bits: int, *, strict: bool) -> int:
    """An unsigned integer, big-endian. Raises ValueError for one that is too wide."""
    if len(data) > MAX_WIDTH:
        raise ValueError(f"an integer of {len(data)} bytes, at most {MAX_WIDTH} can be")
    if not data and strict:
        raise ValueError("an integer of no bytes")
    value = int.from_bytes(data, "big")
    if value >> bits or (strict and len(data) * 8 > bits):
        raise ValueError(f"an integer of {len(data)} bytes where {bits} bits are the limit")
    return value


def octets_of(value: int, width: int) -> bytes:
    """An unsigned integer, big-endian, in at least ``width`` bytes."""
    return value.to_bytes(max(width, width_of(value)), "big")


def width_of(value: int) -> int:
    """The least bytes that hold a number; 0 takes one."""
    return (value.bit_length() + 7) // 8 or 1
