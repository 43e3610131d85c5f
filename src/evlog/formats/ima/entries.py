"""What the entries of a list say, in runs and without making events: for conversions of one list into the other."""

from __future__ import annotations

import struct
from binascii import hexlify
from io import BytesIO

from evlog.columns import NOT_EXTENDED
from evlog.contents._ima_fields import LEGACY
from evlog.contents.ima import is_violation
from evlog.formats.ima.text import TextError, text_of
from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from evlog.columns import Columns
    from evlog.model import Event, Log
    from evlog.options import Options

    #: Of an entry the digest, the template, and the template data.
    Said: TypeAlias = tuple[bytes, str, bytes]

__all__ = ["Entries", "ListEvents", "lines", "records", "rewritable"]

# Entries that are looked at together.
_RUN = 1 << 12


class Entries:
    """The entries of a list on the PCRs of their column.

    ``said`` gives what those from one row to another say; None if of some the list does not tell.
    """

    #: Whether record numbers, of which a list has none, say no more than the order of the entries does.
    counted = True

    def __init__(self, columns: Columns, said: Callable[[int, int], Sequence[Said] | None]) -> None:
        self.columns, self.said = columns, said

    @property
    def plain(self) -> bool:
        """Whether each of them extends the PCR that its column says."""
        columns = self.columns
        return columns.space == "pcr" and columns.names is None and NOT_EXTENDED not in columns.registers

    def after(self, rows: int) -> Entries | None:
        """The same without so many rows at the start; None if that cannot be said."""
        return None if rows else self

    def says_the_same(self, other: object) -> bool:
        """Whether both have the same entries: registers, digests, templates, data."""
        if not isinstance(other, Entries) or not (self.plain and other.plain):
            return False
        ours, theirs = self.columns.registers, other.columns.registers
        if ours != theirs:
            return False
        runs = zip(self.runs(), other.runs(), strict=True)
        return all(said is not None and said == read for (_, said), (_, read) in runs)

    def runs(self) -> Iterator[tuple[array[int], Sequence[Said] | None]]:
        """The PCRs of some entries, and what these say, run by run."""
        registers = self.columns.registers
        for start in range(0, len(registers), _RUN):
            run = registers[start : start + _RUN]
            yield run, self.said(start, start + len(run))


class ListEvents(LazyEvents):
    """Events of a list, with its `Entries`."""

    __slots__ = ("entries",)

    def __init__(
        self, columns: Columns, make: Callable[[int], Event], said: Callable[[int, int], Sequence[Said] | None]
    ) -> None:
        super().__init__(columns, make)
        self.entries = Entries(columns, said)


def rewritable(log: Log, options: Options, format: str) -> Entries | None:
    """The entries of a list as the kernel has it, of another format; None if something is told of it, or asked."""
    entries = getattr(log.events, "entries", None)
    if log.format == format or not isinstance(entries, Entries) or log.header is not None or not entries.plain:
        return None
    return entries if options.ima_register is None and options.space is None else None


def lines(entries: Entries) -> bytes | None:
    """The lines that the kernel writes; None if some entry has none, or does not tell."""
    out = BytesIO()
    for registers, said in entries.runs():
        if said is None:
            return None
        parts = []
        for column, (digest, template, data) in zip(registers, said, strict=True):
            try:
                text = text_of(template, data)
            except TextError:
                return None
            if b"\n" in text:
                return None
            parts.append(b"%2d %b %b %b\n" % (column, hexlify(digest), template.encode(), text))
        out.write(b"".join(parts))
    return out.getvalue()


def records(entries: Entries) -> bytes | None:
    """The little-endian records of the kernel; None where the data of some entry is not known, or has no length."""
    out = BytesIO()
    number = struct.Struct("<I").pack
    for registers, said in entries.runs():
        if said is None:
            return None
        parts: list[bytes] = []
        for column, (digest, template, data) in zip(registers, said, strict=True):
            # Of a violation nothing proves what a line stands for.
            if is_violation(digest) or template == LEGACY:
                return None
            name = template.encode("ascii")
            parts += number(column), digest, number(len(name)), name, number(len(data)), data
        out.write(b"".join(parts))
    return out.getvalue()
