"""An input: 16 bytes that settle choices, then parts, each but the last with its length (32 bits) before it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

CHOICES = 16
LARGEST = 1 << 16


class Choices:
    """The choices of an input, one byte each; where they are used up, the first of what there is."""

    def __init__(self, data: bytes) -> None:
        self._left = list(data[CHOICES - 1 :: -1] if len(data) >= CHOICES else data[::-1])

    def of(self, among: Sequence[T]) -> T:
        return among[self._left.pop() % len(among)] if self._left else among[0]


def parts_of(data: bytes, count: int) -> list[bytes]:
    """The parts of an input; lengths beyond the end give what is there."""
    found, at = [], CHOICES
    for _ in range(count - 1):
        length = int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : at + 4 + length])
        at = min(len(data), at + 4 + length)
    return [*found, data[at:]]


def joined(choices: bytes, parts: Sequence[bytes]) -> bytes:
    """The input of some choices and parts."""
    prefixed = b"".join(struct.pack(">I", len(part)) + part for part in parts[:-1])
    return choices[:CHOICES].ljust(CHOICES, b"\0") + prefixed + parts[-1]
