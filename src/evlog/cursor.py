"""A bounds-checked cursor over some bytes of a file: what decoders and the sources of register values read with.

Plain struct reads: a log has hundreds of small structures, and construct takes twenty times as long for each. Every
read names its field; a read beyond the end is a TruncatedError with the offset in the file and the path of the field.
"""

from __future__ import annotations

import struct

from evlog.errors import ParseError, TruncatedError

__all__ = ["Cursor", "guid_text"]

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_GUID = struct.Struct("<IHH8s")


def guid_text(data: bytes) -> str:
    """An EFI GUID (16 bytes, the first three fields little-endian) as text."""
    a, b, c, rest = _GUID.unpack(data)
    tail = rest.hex()
    return f"{a:08x}-{b:04x}-{c:04x}-{tail[:4]}-{tail[4:]}"


class Cursor:
    """A position in ``data``, which stands at ``base`` in the file. ``end`` bounds every read.

    ``where`` is the path of the structure that is read; the name of a field is added to it in errors.
    ``big`` is the byte order of `number` and `sized`; the other integers are little-endian, as UEFI's are.
    """

    __slots__ = ("at", "base", "big", "data", "end", "where")

    def __init__(
        self, data: bytes, base: int = 0, *, at: int = 0, end: int | None = None, where: str = "", big: bool = False
    ) -> None:
        self.data = data
        self.base = base
        self.at = at
        self.end = len(data) if end is None else end
        self.where = where
        self.big = big

    @property
    def left(self) -> int:
        """The number of bytes that were not read."""
        return self.end - self.at

    @property
    def offset(self) -> int:
        """The offset in the file of the next byte."""
        return self.base + self.at

    def unpack(self, shape: struct.Struct, field: str) -> tuple[int, ...]:
        """The integers of a packed structure."""
        return shape.unpack_from(self.data, self._advance(shape.size, field))

    def u8(self, field: str) -> int:
        return self.data[self._advance(1, field)]

    def u16(self, field: str) -> int:
        found: int = _U16.unpack_from(self.data, self._advance(2, field))[0]
        return found

    def u32(self, field: str) -> int:
        found: int = _U32.unpack_from(self.data, self._advance(4, field))[0]
        return found

    def u64(self, field: str) -> int:
        found: int = _U64.unpack_from(self.data, self._advance(8, field))[0]
        return found

    def uintn(self, size: int, field: str) -> int:
        """An integer of the firmware's own width: 4 or 8 bytes."""
        return self.u64(field) if size == 8 else self.u32(field)

    def guid(self, field: str) -> str:
        at = self._advance(16, field)
        return guid_text(self.data[at : at + 16])

    def take(self, size: int, field: str) -> bytes:
        """The next ``size`` bytes."""
        at = self._advance(size, field)
        return self.data[at : at + size]

    def number(self, size: int, field: str) -> int:
        """The next ``size`` bytes as an unsigned integer in the cursor's byte order."""
        return int.from_bytes(self.take(size, field), "big" if self.big else "little")

    def sized(self, field: str, size: int = 2) -> bytes:
        """Bytes behind their length, itself ``size`` bytes: a TPM2B."""
        return self.take(self.number(size, f"{field}.size"), field)

    def peek(self, size: int) -> bytes:
        """At most ``size`` bytes from here, without reading them."""
        return self.data[self.at : min(self.at + size, self.end)]

    def rest(self) -> bytes:
        """All bytes that are left."""
        at, self.at = self.at, self.end
        return self.data[at : self.end]

    def sub(self, size: int, field: str) -> Cursor:
        """A cursor over the next ``size`` bytes, which this one passes."""
        at = self._advance(size, field)
        return Cursor(self.data, self.base, at=at, end=at + size, where=self._path(field), big=self.big)

    def fork(self) -> Cursor:
        """A cursor of its own over what is left, to try a reading with."""
        return Cursor(self.data, self.base, at=self.at, end=self.end, where=self.where, big=self.big)

    def error(
        self, message: str, field: str = "", *, at: int | None = None, kind: type[ParseError] = ParseError
    ) -> ParseError:
        """A ParseError, or a ``kind`` of it, at this place, or at ``at``, a position in ``data``."""
        place = self.base + (self.at if at is None else at)
        return kind(message, offset=place, where=self._path(field))

    def _advance(self, size: int, field: str) -> int:
        at = self.at
        if not 0 <= size <= self.end - at:
            message = f"{size} bytes expected, {self.end - at} left"
            raise TruncatedError(message, offset=self.base + at, where=self._path(field))
        self.at = at + size
        return at

    def _path(self, field: str) -> str:
        return f"{self.where}.{field}" if self.where and field else self.where or field
