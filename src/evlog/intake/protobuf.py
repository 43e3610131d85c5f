"""Protocol buffers without a schema: each field that holds bytes is a place where a log may stand.

Spec: protobuf.dev, "Encoding". Source: google/go-tpm-tools, proto/attest.proto: an Attestation has the event log in
field 3, the canonical event log in field 5, quotes in field 2.
"""

from __future__ import annotations

from evlog.intake.places import SHORTEST, Layer, Place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["places"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10
_MAX_FIELD = (1 << 29) - 1
#: Fields of a message that is looked at: no evidence has as many.
_MAX_FIELDS = 1 << 14


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The fields of bytes in a message, by their numbers; nothing if what is there does not end where the bytes do."""
    fields, counts = _fields(data)
    for number, repeated, start, end in fields:
        name = f"{number}[{repeated}]" if counts[number] > 1 else number
        yield Place(step(name), _part(data, start, end, budget), start, end)


def _part(data: bytes, start: int, end: int, budget: Budget) -> Iterator[Layer]:
    budget.spend(end - start)
    yield Layer("protobuf", data[start:end])


def _fields(data: bytes) -> tuple[list[tuple[int, int, int, int]], dict[int, int]]:
    """The fields that may hold a log (number, how often it stood before, start, end), and how often each number stands.

    Nothing of what is no message from its first byte to its last.
    """
    found: list[tuple[int, int, int, int]] = []
    counts: dict[int, int] = {}
    position = fields = 0
    while position < len(data):
        fields += 1
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _MAX_FIELD or fields > _MAX_FIELDS:
            return [], {}
        start = position
        if kind == _VARINT:
            _, position = _varint(data, position)
        elif kind == _BYTES:
            size, start = _varint(data, position)
            position = start + size
            before = counts.get(number, 0)
            counts[number] = before + 1
            if size >= SHORTEST:
                found.append((number, before, start, position))
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            return [], {}
        if not start <= position <= len(data):
            return [], {}
    return found, counts


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number, and where it ends; the end is behind the data for what is no number."""
    value = 0
    for at, byte in enumerate(data[position : position + _MAX_VARINT]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, position + at + 1
    return 0, len(data) + 1
