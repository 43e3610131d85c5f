"""CEL-TLV records, declared: the reference for the fast scanner and the fast writer of `evlog.formats.cel`.

Spec: TCG Canonical Event Log Format 1.1, section 5.1. The room writes with `evlog.contents._tlv` instead, because a
record costs construct 60 us; the twins' test holds both to the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from construct import ExprValidator, GreedyBytes, Int8ub, Int32ub, Prefixed, Struct

from evlog import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["record", "records"]


def _tlv(types: Any, value: Any) -> Any:
    """A TLV whose type satisfies a predicate."""
    kind = ExprValidator(Int8ub, lambda number, _: types(number)) * "type of a TLV"
    return Struct("type" / kind, "value" / Prefixed(Int32ub, value))


def _integer(bits: int) -> Any:
    """An unsigned integer in at most eight bytes, kept as bytes: its width is the writer's choice."""
    fits = ExprValidator(GreedyBytes, lambda value, _: len(value) <= 8 and int.from_bytes(value, "big") >> bits == 0)
    return fits * f"at most 8 bytes, at most {bits} bits"


_digest = _tlv(
    lambda _: True,
    ExprValidator(GreedyBytes, lambda value, _: 1 <= len(value) <= 128) * "a digest of 1 to 128 bytes",
)

#: A record: four TLVs in this order. The index is a PCR (1), an NV index (2) or a CC measurement register (108).
record = Struct(
    "recnum" / _tlv(lambda number: number == 0, _integer(64)),
    "index" / _tlv(lambda number: number in (1, 2, 108), _integer(32)),
    "digests" / _tlv(lambda number: number == 3, wire.All(_digest, 64, "digests")),
    "content" / _tlv(lambda number: number >= 4, GreedyBytes),
)


def records(data: bytes, start: int = 0) -> Iterator[tuple[int, Any]]:
    """Offset and content of each record from ``start``. Raises ParseError where records end before the bytes do."""
    position = start
    number = 0
    while position < len(data):
        one = wire.parse(record, data, position, where=f"events[{number}]")
        yield position, one
        position += len(record.build(one))
        number += 1
