"""Text as firmware writes it, for people to read. The exact bytes stay in the event."""

from __future__ import annotations

__all__ = ["ascii_text", "is_text", "printable", "utf16", "utf16_z"]


def utf16(data: bytes) -> str:
    """UTF-16LE text up to its first NUL; what is not UTF-16 becomes U+FFFD."""
    return data.decode("utf-16-le", "replace").partition("\0")[0]


def utf16_z(data: bytes) -> tuple[str, int]:
    """UTF-16LE text at the start of ``data`` up to a NUL, and its size with the NUL; without a NUL it is all text."""
    end = data.find(b"\0\0")
    while end % 2 == 1 and end >= 0:
        end = data.find(b"\0\0", end + 1)
    if end < 0:
        return utf16(data), len(data)
    return utf16(data[:end]), end + 2


def ascii_text(data: bytes) -> str:
    """Text of one byte a character, or UTF-8, up to its first NUL."""
    return data.partition(b"\0")[0].decode("utf-8", "replace")


def is_text(data: bytes) -> bool:
    """Whether the bytes are printable ASCII with, at most, NULs at the end."""
    plain = data.rstrip(b"\0")
    return bool(plain) and plain.isascii() and plain.decode("ascii").isprintable()


def printable(text: str) -> str:
    """The text on one line, with what a terminal would act upon escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
