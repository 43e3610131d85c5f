"""Reading fields one after the other, with bounds: what the binary sources share."""

from __future__ import annotations

from evlog.errors import ParseError, TruncatedError

__all__ = ["Cursor"]


class Cursor:
    """A place in some bytes. Every read names its field; a short one raises TruncatedError with the offset."""

    __slots__ = ("at", "base", "big", "data", "where")

    def __init__(self, data: bytes, where: str, *, big: bool = False, at: int = 0, base: int = 0) -> None:
        self.data = data
        self.where = where
        self.big = big
        self.at = at
        self.base = base

    @property
    def left(self) -> int:
        """Bytes that were not read yet."""
        return len(self.data) - self.at

    def take(self, size: int, field: str) -> bytes:
        """The next ``size`` bytes."""
        if size > self.left:
            message = f"{size} bytes expected, {self.left} left"
            raise TruncatedError(message, offset=self.base + self.at, where=f"{self.where}.{field}")
        start = self.at
        self.at += size
        return self.data[start : self.at]

    def number(self, size: int, field: str) -> int:
        """The next ``size`` bytes as an unsigned integer in the cursor's byte order."""
        return int.from_bytes(self.take(size, field), "big" if self.big else "little")

    def sized(self, field: str, size: int = 2) -> bytes:
        """Bytes behind their length, itself ``size`` bytes: a TPM2B."""
        return self.take(self.number(size, f"{field}.size"), field)

    def inner(self, size: int, field: str) -> Cursor:
        """A cursor over the next ``size`` bytes; offsets go on counting from the start of the file."""
        start = self.base + self.at
        return Cursor(self.take(size, field), f"{self.where}.{field}", big=self.big, base=start)

    def error(self, message: str, field: str) -> ParseError:
        """An error at this place."""
        return ParseError(message, offset=self.base + self.at, where=f"{self.where}.{field}")
