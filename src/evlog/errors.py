"""The errors that leave evlog.

    EvlogError
    ├── ParseError (also ValueError)      bytes that cannot be what they are taken for; has ``offset`` and ``where``
    │   ├── TruncatedError (also EOFError)    the end of input inside a record
    │   └── UnknownFormatError                no format claims the bytes, or two do
    ├── WriteError (also ValueError)      a log that the format cannot hold; has ``event``
    ├── ConversionError (also ValueError) a refused conversion: losses under ``strict``, or changed registers
    ├── SourceError (also OSError)        a file that is absent, unreadable or empty; a device that does not answer
    │   └── NotDoneError                      a device that refused to extend a register: nothing was extended
    └── UsageError (also ValueError)      a question that makes no sense: unknown register, bank, option

Offsets are bytes from the start of the file that was read, never of a slice.
Messages say what is wrong, then what was expected and found; they hold no input bytes.
"""

from __future__ import annotations

__all__ = [
    "ConversionError",
    "EvlogError",
    "NotDoneError",
    "ParseError",
    "SourceError",
    "TruncatedError",
    "UnknownFormatError",
    "UsageError",
    "WriteError",
]


class EvlogError(Exception):
    """Base of every error that evlog raises on purpose."""


class ParseError(EvlogError, ValueError):
    """Bytes that cannot be read as what they claim to be.

    ``offset`` is the byte offset in the file, ``where`` the field (``events[3].digests[1]``).
    """

    def __init__(self, message: str, *, offset: int | None = None, where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.where = where

    def __str__(self) -> str:
        place = [] if self.offset is None else [f"at byte {self.offset:#x}"]
        place += [f"in {self.where}"] if self.where else []
        return f"{self.message} ({', '.join(place)})" if place else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.message,), {"offset": self.offset, "where": self.where}

    def within(self, outer: str, base: int = 0) -> ParseError:
        """The same error seen from the record around it: ``outer`` goes before ``where``, ``base`` is added."""
        offset = None if self.offset is None else self.offset + base
        where = f"{outer}.{self.where}" if self.where else outer
        return type(self)(self.message, offset=offset, where=where)


class TruncatedError(ParseError, EOFError):
    """The end of input inside a record."""


class UnknownFormatError(ParseError):
    """No format claims the bytes, or more than one is certain of them."""


class WriteError(EvlogError, ValueError):
    """A log that the format cannot hold. ``event`` is the number of the event at fault."""

    def __init__(self, message: str, *, event: int | None = None) -> None:
        super().__init__(message if event is None else f"event {event}: {message}")
        self.event = event


class ConversionError(EvlogError, ValueError):
    """A conversion that was refused, with the losses or the registers that it would have cost."""


class SourceError(EvlogError, OSError):
    """A file that is absent, not permitted, or empty where a log was expected; a device that does not answer."""


class NotDoneError(SourceError):
    """A device that was asked to extend a register and refused: nothing was extended."""


class UsageError(EvlogError, ValueError):
    """A request that cannot be meant: an unknown format, register, bank or option."""
