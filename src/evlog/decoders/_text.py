"""Text as firmware writes it, for people to read. The exact bytes stay in the event."""

from __future__ import annotations

__all__ = ["ascii_text", "is_text", "utf16", "utf16_z"]


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


def plain_text(data: bytes) -> str | None:
    """The bytes as ASCII or UTF-16 text that people can read, without NULs at the end; None if they are neither."""
    plain = data.rstrip(b"\0")
    if not plain:
        return "" if len(data) <= 2 else None
    if plain.isascii():
        text = plain.decode("ascii")
        if text.isprintable():
            return text
    if len(data) % 2 == 0:
        try:
            text = data.decode("utf-16-le").rstrip("\0")
        except UnicodeDecodeError:
            return None
        # Random bytes are UTF-16 more often than not, but seldom ASCII.
        if len(text) > 1 and text.isascii() and text.isprintable():
            return text
    return None


def action_text(data: bytes) -> str | None:
    """The bytes as text where text is what they ought to be: any, if half of it can be read."""
    found = plain_text(data)
    if found:
        return found
    text = ascii_text(data.rstrip(b"\0"))
    readable = sum(c.isprintable() and c != "\ufffd" for c in text)
    return text if 2 * readable > len(text) else None
