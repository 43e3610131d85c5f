"""Mutations that know what a log is made of: records, lines, and the members of JSON and CBOR documents.

Half of the mutants are left to the fuzzer, which knows bytes.
"""

from __future__ import annotations

import json
import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.fuzz.inputs import CHOICES, LARGEST, joined, parts_of
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = (0, 1, 2, 3, 4, 5, 10, 24, 64, 255, 256, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    1,
    -1,
    11,
    1 << 31,
    1 << 64,
    1.5,
    "",
    "0",
    "sha256",
    "pcr",
    b"",
    b"\0" * 32,
    [],
    {},
    [[]],
)
_WORDS = (b"INIT", b"SYNC", b"# .EXTEND", b"sha256", b"sha1", b"ima-ng", b"ima-sig", b"0" * 64, b"f" * 40, b"d-ng|n-ng")


class Mutator:
    """Makes mutants of a target's inputs; ``bytewise`` is the fuzzer's own."""

    def __init__(self, target: str, pool: list[bytes], bytewise: Callable[[bytes, int], bytes]) -> None:
        self._count = TARGETS[target].parts
        self._pool = pool
        self._bytewise = bytewise

    def __call__(self, data: bytes, largest: int, seed: int) -> bytes:
        draw = random.Random(seed)
        if draw.random() < 0.5:
            return self._bytewise(data, largest)
        parts = parts_of(data, self._count)
        choices = bytearray(data[:CHOICES].ljust(CHOICES, b"\0"))
        if draw.random() < 0.2:
            choices[draw.randrange(CHOICES)] = draw.choice((0, draw.randrange(256)))
        which = (
            draw.randrange(len(parts)) if draw.random() < 0.4 else max(range(len(parts)), key=lambda i: len(parts[i]))
        )
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            parts[which] = self._mutated(draw, parts[which])
        return joined(bytes(choices), parts)[: min(largest, CHOICES + LARGEST)]

    def _mutated(self, draw: random.Random, data: bytes) -> bytes:
        how = draw.random()
        if how < 0.35:
            document = _document(draw, data)
            if document is not None:
                return document
        if how < 0.7:
            return self._pieces(draw, data)
        return _number(draw, data)

    def _pieces(self, draw: random.Random, data: bytes) -> bytes:
        """Pieces left out, said twice, moved, or taken from another input."""
        pieces = _records(data)
        other = _records(parts_of(draw.choice(self._pool), self._count)[0]) if draw.random() < 0.25 else pieces
        at, source = draw.randrange(len(pieces)), draw.randrange(len(other))
        how = draw.randrange(5)
        if how == 0 and len(pieces) > 1:
            del pieces[at]
        elif how == 1:
            pieces.insert(at, other[source])
        elif how == 2:
            pieces[at] = other[source]
        elif how == 3 and other is pieces:
            pieces[at], pieces[source] = pieces[source], pieces[at]
        else:
            pieces[at] = _number(draw, pieces[at])
        return b"".join(pieces)


def _records(data: bytes) -> list[bytes]:
    """The records that the reader sees, else lines, else parts of equal length."""
    import evlog

    cuts: list[int] = []
    try:
        for event in evlog.read(data).events:
            if event.origin is not None:
                cuts += (event.origin.span.offset, event.origin.span.offset + event.origin.span.length)
    except Exception:  # found by the target, which reads the same bytes
        pass
    if len(cuts) < 2:
        lines = data.splitlines(keepends=True)
        if len(lines) > 2:
            return lines
        cuts = list(range(0, len(data), max(1, len(data) // 8)))
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    return [data[a:b] for a, b in pairwise(places)] or [data]


def _number(draw: random.Random, data: bytes) -> bytes:
    """Another number, word or bit somewhere."""
    changed = bytearray(data)
    at = draw.randrange(len(data) + 1)
    how = draw.randrange(5)
    if how == 0 and data:
        changed[at - 1] ^= 1 << draw.randrange(8)
    elif how == 1:
        width, order = draw.choice("BHIQ"), draw.choice("<>")
        size = struct.calcsize(width)
        number = draw.choice((*_NUMBERS, len(data), max(0, len(data) - at), max(0, len(data) - at - size)))
        changed[at : at + size] = struct.pack(order + width, number & ((1 << 8 * size) - 1))
    elif how == 2:
        word = draw.choice(_WORDS)
        changed[at : at + draw.choice((0, len(word)))] = word
    elif how == 3:
        del changed[at : at + draw.choice((1, 2, 4, 8, 20, 32))]
    else:
        changed[at:at] = draw.choice((b"\0", b"\xff", b" ", b"\n", b",", bytes(20), data[at : at + 32]))
    return bytes(changed)


def _document(draw: random.Random, data: bytes) -> bytes | None:
    """JSON, or a line of it, or CBOR, with another member somewhere; None if it is neither."""
    head = data[:1]
    if head in (b"{", b"[", b"\x1e"):
        lines = data.split(b"\n")
        if draw.random() < 0.5 or len(lines) == 1:
            return _json(draw, data)
        at = draw.randrange(len(lines))
        changed = _json(draw, lines[at])
        return None if changed is None else b"\n".join((*lines[:at], changed, *lines[at + 1 :]))
    if head and head[0] >= 0x80:
        import cbor2

        try:
            return cbor2.dumps(_changed(draw, cbor2.loads(data)))
        except Exception:  # whatever it was, it is not for this mutation
            return None
    return None


def _json(draw: random.Random, line: bytes) -> bytes | None:
    mark = b"\x1e" if line[:1] == b"\x1e" else b""
    try:
        return mark + json.dumps(_changed(draw, json.loads(line[len(mark) :])), default=lambda v: v.hex()).encode()
    except (ValueError, RecursionError, TypeError, OverflowError):
        return None


def _changed(draw: random.Random, value: Any) -> Any:
    """A document with one of its members left out, said twice, or another."""
    if isinstance(value, list) and value and draw.random() < 0.9:
        at, how = draw.randrange(len(value)), draw.randrange(6)
        if how == 0:
            return value[:at] + value[at + 1 :]
        if how == 1:
            return [*value[:at], value[at], *value[at:]]
        return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key, how = draw.choice(list(value)), draw.randrange(6)
        if how == 0:
            return {k: v for k, v in value.items() if k != key}
        if how == 1:
            return {**value, draw.choice(list(value)): value[key]}
        return {**value, key: _changed(draw, value[key])}
    if hasattr(value, "tag") and draw.random() < 0.9:
        return type(value)(value.tag, _changed(draw, value.value))
    if isinstance(value, str) and value and draw.random() < 0.5:
        at = draw.randrange(len(value))
        return value[:at] + draw.choice(("", value[at], "0", "f")) + value[at + 1 :]
    if isinstance(value, bytes) and value and draw.random() < 0.5:
        return _number(draw, value)
    return draw.choice(_VALUES)
