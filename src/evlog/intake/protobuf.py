"""Protocol buffers without a schema: each field that holds bytes is a place where a log may stand.

Spec: protobuf.dev, "Encoding". Source: google/go-tpm-tools, proto/attest.proto: an Attestation has the event log in field
3, the canonical event log in field 5, quotes in field 2.
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


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The fields of bytes in a message, by their numbers; nothing if what is there does not end where the bytes do."""
    fields = _fields(data)
    all_of: dict[int, int] = {}
    for number, _, _ in fields:
        all_of[number] = all_of.get(number, 0) + 1
    seen: dict[int, int] = {}
    for number, start, end in fields:
        seen[number] = seen.get(number, -1) + 1
        if end - start >= SHORTEST:
            name = f"{number}[{seen[number]}]" if all_of[number] > 1 else number
            yield Place(step(name), _part(data, start, end, budget), start, end)


def _part(data: bytes, start: int, end: int, budget: Budget) -> Iterator[Layer]:
    budget.spend(end - start)
    yield Layer("protobuf", data[start:end])


def _fields(data: bytes) -> list[tuple[int, int, int]]:
    """Number, start and end of each field that holds bytes; none if it is no message from its first byte to its last."""
    found: list[tuple[int, int, int]] = []
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _MAX_FIELD:
            return []
        start = position
        if kind == _VARINT:
            _, position = _varint(data, position)
        elif kind == _BYTES:
            size, start = _varint(data, position)
            position = start + size
            found.append((number, start, position))
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            return []
        if not start <= position <= len(data):
            return []
    return found


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number, and where it ends; the end is behind the data for what is no number."""
    value = 0
    for at, byte in enumerate(data[position : position + _MAX_VARINT]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, position + at + 1
    return 0, len(data) + 1
