"""What unpacking may make of the bytes of one call, whatever the way: see `Budget`."""

from __future__ import annotations

from evlog.errors import ParseError

__all__ = ["Budget", "BudgetError"]

#: Bytes that every call may unpack, and how many times what it was given, up to so many: a log of a million records
#: has 161 MB, and digests do not pack.
LEAST, RATIO, MOST = 1 << 24, 64, 1 << 28
#: No evidence has as many values that are as long as the shortest record in hex or base64.
MAX_TRIED = 1 << 14
#: How many times a byte may be looked at as it stands: values of a document stand in one another.
LOOKS = 16


class BudgetError(ParseError):
    """More than a call may unpack: nothing else in the input is looked at."""


class Budget:
    """What one call may still unpack, over all layers, strings of documents and files that it looks into.

    8 KB of zstd stand for 262 MB, and a document has room for a hundred of them: bounds for each alone bound nothing.
    ``most`` is the number of bytes that no input however large goes beyond.
    """

    __slots__ = ("_given", "_looked", "_made", "_most", "_tried")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._given = self._made = self._tried = self._looked = 0

    def give(self, size: int) -> None:
        """Count in bytes that the caller handed in."""
        self._given += size

    @property
    def allowed(self) -> int:
        """The bytes that may be made in all. What is only spelled otherwise, as base64 is, never becomes more."""
        return min(max(LEAST, RATIO * self._given), self._most) + self._given

    def spend(self, size: int) -> None:
        """Count bytes that were made. Raises BudgetError when there are too many."""
        self._made += size
        if self._made > self.allowed:
            raise BudgetError(f"unpacks to over {self.allowed} bytes; unpack it first, if that is meant")

    def tried(self) -> None:
        """Count something that was looked at for a log or for evidence. Raises BudgetError when there is too much."""
        self._tried += 1
        if self._tried > MAX_TRIED:
            raise BudgetError(f"more than {MAX_TRIED} values in it may be a log")

    def look(self, size: int) -> None:
        """Count bytes that are looked at once more, as they stand. Raises BudgetError when there are too many."""
        self._looked += size
        if self._looked > LEAST + LOOKS * (self._given + self._made):
            raise BudgetError("too many values in one another that may be a log")
