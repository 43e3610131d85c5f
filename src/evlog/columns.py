"""A log's framing as columns over one buffer: what scanners fill, replay folds, and events are made from.

A boot log has a hundred records, an IMA list or a fleet's logs a million. An `Event` object costs microseconds and
hundreds of bytes; a row here costs a fraction of one and twelve bytes. So a scanner notes where each record starts
and which register it extends, and everything else is read from the buffer when somebody asks.

The rows of every scanner, native or Python, have this one shape:

``offsets``    array('Q'), the first byte of each record in ``buffer``
``registers``  array('I'), the index of the register that the record extends, or `NOT_EXTENDED`
``layouts``    the digest layouts met in the log; most logs have one
``layout_of``  bytearray, the layout of each row; None if all rows have layout 0
``end``        the offset after the last record

Where a record extends something else than the digest that stands in it, more fields say so:

``rules``       names of the rules by which a bank may be extended that the records have no digest for
``extensions``  a function (bank, rules, start row, stop row) to a list of what these rows extend: the bank's digests
                as recorded, or by the first of the rules that applies; None for a row of which it cannot be said.
                The layouts of such columns have no digests, so that nobody takes one for what is extended; but:
``violations``  the layouts' digests are what is extended, only that zeros stand for all ones

And for records that carry PC Client events:

``typed``  the byte order of the event type, which is a 32-bit number four bytes into each record; None for others.
           Their layouts have a ``body``: the event's data

And for logs of lines, whose registers have names and whose digests are not recorded:

``names``    the registers that ``registers`` counts in, where they are not the numbers of one space
``banks``    the one bank that each of them has
``covered``  where digests are the bank's own hash of bytes of the buffer: the first, and the one after the last, both
             as array('Q'); ``extensions`` then says the same, digest by digest
``anchors``  rows that state a register's value, or extensions made outside the log: replay stops at each. None for a
             kind of log that knows no such rows
"""

from __future__ import annotations

from collections.abc import Sequence

from evlog._record import Record
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.model import Event
    from evlog.registers import Space

__all__ = ["NOT_EXTENDED", "Columns", "Layout", "Lazy", "LazyEvents"]

#: In ``registers``: the record extends nothing that replay can follow.
NOT_EXTENDED = 0xFFFFFFFF


class Layout(Record):
    """Where a record's digests stand: for each, the algorithm and its distance from the start of the record.

    ``body`` is the distance of the event's data, which goes on to the end of the record, where a room says so.
    """

    digests: tuple[tuple[HashAlg, int], ...]
    body: int | None = None

    def distance(self, alg: HashAlg) -> int | None:
        """Bytes from the start of the record to the first digest of this algorithm, or None.

        None too if that digest has another size than the bank: nobody can extend with it.
        """
        for candidate, distance in self.digests:
            if candidate.id == alg.id:
                return distance if candidate.size == alg.size else None
        return None


class Columns(Record):
    """The rows of one log. See the module's docstring for the columns."""

    buffer: bytes
    offsets: array[int]
    registers: array[int]
    layouts: tuple[Layout, ...]
    layout_of: bytearray | None
    end: int
    space: Space
    rules: tuple[str, ...] = ()
    extensions: Callable[[HashAlg, tuple[str, ...], int, int], Sequence[bytes | None]] | None = None
    violations: bool = False
    typed: str | None = None
    names: tuple[Register, ...] | None = None
    banks: tuple[HashAlg, ...] | None = None
    covered: tuple[array[int], array[int]] | None = None
    anchors: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.offsets)

    def register(self, index: int) -> Register:
        """The register that an index in ``registers`` means."""
        return Register(self.space, index) if self.names is None else self.names[index]

    def index(self, register: Register) -> int | None:
        """The index in ``registers`` of a register, or None if it cannot be in there."""
        if self.names is not None:
            return self.names.index(register) if register in self.names else None
        return register.number if register.space == self.space else None

    @property
    def extended(self) -> set[Register]:
        """The registers that the rows extend."""
        return {self.register(index) for index in set(self.registers) - {NOT_EXTENDED}}

    def has_bank(self, index: int, alg: HashAlg) -> bool:
        """Whether a register has the bank, as far as its log says."""
        return self.banks is None or self.banks[index] == alg

    def length(self, row: int) -> int:
        """Bytes of a record: records are contiguous."""
        following = self.offsets[row + 1] if row + 1 < len(self.offsets) else self.end
        return following - self.offsets[row]

    def recorded(self, alg: HashAlg) -> bool:
        """Whether what the rows extend into a bank stands in the records, but for violations."""
        if self.extensions is None:
            return True
        return self.violations and all(layout.distance(alg) is not None for layout in self.layouts)

    def layout(self, row: int) -> Layout:
        """The digest layout of a row."""
        return self.layouts[self.layout_of[row] if self.layout_of is not None else 0]


class Lazy(Sequence):  # type: ignore[type-arg]
    """A sequence of which each item is made of its row when it is asked for. Behaves as a tuple of them."""

    __slots__ = ("_rows",)

    #: What is made of a row.
    _make: Callable[[int], Any]

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: int | slice) -> Any:
        rows = range(len(self))[row]
        if isinstance(rows, range):
            return tuple(self._make(each) for each in rows)
        return self._make(rows)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (tuple, list, Lazy)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[type, tuple[tuple[Any, ...]]]:
        return tuple, (tuple(self),)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} rows>"


class LazyEvents(Lazy):
    """Events that are made from columns.

    ``columns`` is None if they do not tell all that replay needs: then events have to be made for it.
    """

    __slots__ = ("_make", "columns")

    def __init__(self, columns: Columns, make: Callable[[int], Event], *, foldable: bool = True) -> None:
        super().__init__(len(columns))
        self.columns: Columns | None = columns if foldable else None
        self._make = make

    def __repr__(self) -> str:
        return f"<{len(self)} events>"
