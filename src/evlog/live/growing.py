"""A log that grows while it is read: what was added since, from one descriptor that stays open.

Pseudo files have no size, and give what was added to whoever reads on behind their end. Of IMA's list, which may have a
million entries, only what is new is looked at; of other logs, which have a few hundred records, all of it again.
"""

from __future__ import annotations

import os

from evlog.errors import EvlogError, ParseError
from evlog.formats import room
from evlog.intake.read import read
from evlog.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["Growing"]

_PIECE = 1 << 20
#: Logs of which every record can be read without those before it.
_LOOSE = "ima-binary"
#: Bytes of one record, beyond which it is none.
_LONGEST = 1 << 22


class Growing:
    """A log's file, open as long as this is. ``log`` is what it was when it was last read whole, None for nothing.

    Raises OSError for a file that cannot be opened.
    """

    def __init__(self, path: str, register: Register | None = None, hash: str | None = None) -> None:
        self.path = path
        self.count = 0
        self.log: Log | None = None
        self._register, self._hash = register, hash
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        self._rest = b""
        self._format: str | None = None

    def close(self) -> None:
        os.close(self._handle)

    def more(self) -> tuple[Event, ...]:
        """The events that were added since the last call, numbered as in the whole log; of a cut record nothing yet."""
        pieces = []
        while piece := os.read(self._handle, _PIECE):
            pieces.append(piece)
        if not pieces:
            return ()
        self._rest = b"".join((self._rest, *pieces))
        if self._format == _LOOSE:
            return self._loose()
        whole = self._rest if self._format not in (None, "text", "systemd", "dstack") else self._lines()
        log = self._read(whole)
        if log is None:
            return ()
        self.log, self._format = log, log.format
        if log.format == _LOOSE:
            return self._taken(log)
        new = tuple(log.events[number] for number in range(self.count, len(log.events)))
        self.count = max(self.count, len(log.events))
        return new

    def _lines(self) -> bytes:
        """What is there in whole lines, if it is text."""
        if b"\0" in self._rest[:64]:
            return self._rest
        return self._rest[: self._rest.rfind(b"\n") + 1]

    def _read(self, data: bytes) -> Log | None:
        if not data:
            return None
        try:
            if self._format is None:
                return read(data, register=self._register, hash=self._hash)
            # It is known what it is: nothing is asked whether it is something else.
            options = Options(name=self.path, register=self._register, hash=self._hash)
            return room(self._format).read(data, options)
        except EvlogError:
            return None

    def _loose(self) -> tuple[Event, ...]:
        log = self._read(self._rest)
        if log is None:
            if len(self._rest) > _LONGEST:
                raise ParseError(f"{self.path}: {len(self._rest)} bytes behind its last entry that are none")
            return ()
        return self._taken(log)

    def _taken(self, log: Log) -> tuple[Event, ...]:
        """The whole records of a list, which are not kept."""
        events = log.events
        last = events[len(events) - 1].origin if len(events) else None
        if last is not None:
            self._rest = self._rest[last.span.offset + last.span.length :]
        new = tuple(event.replace(number=self.count + event.number) for event in events)
        self.count += len(new)
        return new
