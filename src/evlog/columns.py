"""A log's framing as columns over one buffer: what scanners fill, replay folds, and events are made from.

A boot log has a hundred records, an IMA list or a fleet's logs a million. An `Event` object costs microseconds and
hundreds of bytes; a row here costs a fraction of one and twelve bytes. So a scanner notes where each record starts
and which register it extends, and everything else is read from the buffer when somebody asks.

`Columns` are the rows of every scanner, native or Python. Where the digests that extend the registers are tells the
kinds of them apart: in the records (`Recorded`), in the records as text (`Spelled`), in what a function makes of the
records (`Computed`), or in the hash of lines (`Lines`). Readers ask what a row extends, never which kind it is of.
"""

from __future__ import annotations

from io import BytesIO
from itertools import repeat
from sys import byteorder

from evlog._record import Record, Sequence, eq, itemgetter
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Iterator
    from struct import Struct
    from typing import Any, TypeAlias

    from evlog.algorithms import HashAlg
    from evlog.registers import Space

    #: What rows extend into a bank, of (bank, rules, start row, stop row): see `Columns.extensions`.
    Extensions: TypeAlias = Callable[[HashAlg, tuple[str, ...], int, int], Sequence[bytes | None]]
    #: What is covered of a body: see `Named`.
    Part: TypeAlias = tuple[int, int, int]
    #: Of a record of a PC Client event the register's index, the event type, and the digests.
    Told: TypeAlias = tuple[int, int, tuple[bytes, ...]]

__all__ = [
    "NOT_EXTENDED",
    "Columns",
    "Computed",
    "Fields",
    "Kept",
    "Layout",
    "Lazy",
    "Lines",
    "Named",
    "Packed",
    "Recorded",
    "Spelled",
    "rows_of",
]

#: In ``registers``: the record extends nothing that replay can follow.
NOT_EXTENDED = 0xFFFFFFFF
# Registers that are looked for one by one.
_FEW = 16
# Rows that are looked at together.
_RUN = 1 << 12
# Bytes of records that are compared with others, and how many are kept for it.
_SHORT = 64
_MANY = 4096


class Named(Record):
    """A body that stands behind a name, and what of it the digests cover.

    ``at`` is the distance from the start of the record to the name's length, a 32-bit number in ``byteorder``; the name
    and the body follow. ``usual``, and ``others`` by name, say what is covered: so many bytes at the body's start, and
    what follows so many that are left out, filled up with zeros to so many.
    """

    at: int
    byteorder: str
    usual: Part
    others: tuple[tuple[bytes, Part], ...] = ()


class Layout(Record):
    """Where a record's digests stand: for each, the algorithm and its distance from the start of the record.

    ``body`` is the distance of the event's data, which goes on to the end of the record, where a room says so;
    ``named`` says it of a body behind a name.
    """

    digests: tuple[tuple[HashAlg, int], ...]
    body: int | None = None
    named: Named | None = None

    def distance(self, alg: HashAlg) -> int | None:
        """Bytes from the start of the record to the first digest of this algorithm, or None.

        None too if that digest has another size than the bank: nobody can extend with it.
        """
        for candidate, distance in self.digests:
            if candidate.id == alg.id:
                return distance if candidate.size == alg.size else None
        return None


class Columns(Record):
    """The rows of one log: what the three kinds of columns have in common.

    ``offsets``    array('Q'), the first byte of each record in ``buffer``; records are contiguous
    ``registers``  array('I'), the index of the register that the record extends, or `NOT_EXTENDED`
    ``layouts``    the digest layouts met in the log; most logs have one
    ``layout_of``  bytearray, the layout of each row; None if all rows have layout 0
    ``end``        the offset after the last record
    ``space``      what the indices count
    ``notable``    the rows that may bear on start values, in order; of a dynamic launch one that tells of it
    """

    buffer: bytes
    offsets: array[int]
    registers: array[int]
    layouts: tuple[Layout, ...]
    layout_of: bytearray | None
    end: int
    space: Space
    notable: tuple[int, ...]

    @property
    def names(self) -> tuple[Register, ...] | None:
        """The registers that ``registers`` counts in, where they are not the numbers of one space."""
        return None

    @property
    def named(self) -> set[Register] | None:
        """The registers that rows are on, those included that extend nothing; None if only their events tell."""
        return None

    @property
    def silent(self) -> bool:
        """Whether the events of all rows that extend nothing are known not to be measured."""
        return False

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules by which a bank may be extended that the records have no digest for."""
        return ()

    @property
    def violations(self) -> bool:
        """Whether a digest of zeros in a record stands for one of ones, which is what is extended."""
        return False

    @property
    def typed(self) -> str | None:
        """The byte order of the event type, if all records carry PC Client events; None for others.

        It is a 32-bit number four bytes into each record, and their layouts have a ``body``: the event's data.
        """
        return None

    @property
    def statements(self) -> tuple[int, ...] | None:
        """Rows that state a register's value, or extensions made outside the log: replay stops at each.

        None for a kind of log that knows no such rows.
        """
        return None

    @property
    def spans(self) -> tuple[array[int], array[int]] | None:
        """Where each row's bytes start and stop, if all extend one register by its own hash of them; else None."""
        return None

    @property
    def spelled(self) -> bool:
        """Whether the records are text, so that digests stand where the layouts say in `plain` rows alone."""
        return False

    @property
    def starts(self) -> array[int]:
        """Where each row's event was read: the offset of its first byte."""
        return self.offsets

    @property
    def lengths(self) -> array[int]:
        """How many bytes each row's event had where it was read."""
        from array import array
        from itertools import chain, islice
        from operator import sub

        ends = chain(islice(self.offsets, 1, None), (self.end,))
        return array("Q", map(sub, ends, self.offsets))

    def plain(self, start: int, stop: int, *, whole: bool = False) -> Columns:
        """The rows from ``start`` to ``stop`` with their digests as bytes, where the layouts say.

        And with all else that is in their records, if ``whole``.
        """
        return self.part(start, stop)

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def indices(self) -> set[int]:
        """The indices of all registers that some row extends."""
        return set(self.registers) - {NOT_EXTENDED}

    @property
    def first_rows(self) -> dict[int, int]:
        """The first row that extends each register, by the register's index, in the order of rows."""
        registers, indices = self.registers, self.indices
        if len(indices) <= _FEW:
            return dict(sorted(((index, registers.index(index)) for index in indices), key=lambda pair: pair[1]))
        # A hostile log has a register for each line.
        found = dict(zip(reversed(registers), range(len(registers) - 1, -1, -1), strict=True))
        found.pop(NOT_EXTENDED, None)
        return dict(sorted(found.items(), key=lambda pair: pair[1]))

    def register(self, index: int) -> Register:
        """The register that an index in ``registers`` means."""
        names = self.names
        return Register(self.space, index) if names is None else names[index]

    def index(self, register: Register) -> int | None:
        """The index in ``registers`` of a register, or None if it cannot be in there."""
        names = self.names
        if names is not None:
            return names.index(register) if register in names else None
        return register.number if register.space == self.space else None

    @property
    def extended(self) -> set[Register]:
        """The registers that the rows extend."""
        return set(map(self.register, self.indices))

    def is_of(self, register: Register | None) -> bool:
        """Whether all rows belong to one register, which the records do not name, and to this one."""
        return self.names == (register,)

    @property
    def are_pcclient(self) -> bool:
        """Whether there are rows, all of PC Client events, on registers that go by their numbers."""
        return self.typed is not None and self.names is None and len(self.offsets) > 0

    def has_bank(self, index: int, alg: HashAlg) -> bool:
        """Whether a register has the bank, as far as its log says."""
        return True

    @property
    def twins(self) -> Sequence[int]:
        """For each row the first one with the same bytes, or the row itself: long records are not compared.

        Nor are those of a log with several layouts, which tell two records of the same bytes apart.
        """
        if self.layout_of is not None:
            return range(len(self))
        from array import array
        from itertools import chain, islice

        data, known = self.buffer, dict[bytes, int]()
        found = array("I", range(len(self)))
        begin = 0
        for row, stop in enumerate(chain(islice(self.offsets, 1, None), (self.end,) if found else ())):
            if stop - begin <= _SHORT:
                record = data[begin:stop]
                first = known.get(record)
                if first is not None:
                    found[row] = first
                elif len(known) < _MANY:
                    known[record] = row
            begin = stop
        return found

    def part(self, start: int, stop: int) -> Columns:
        """The rows from ``start`` to ``stop``, or to the end, over the same buffer: for who looks at records only."""
        stop = min(stop, len(self))
        return self.replace(
            offsets=self.offsets[start:stop],
            registers=self.registers[start:stop],
            layout_of=self.layout_of and self.layout_of[start:stop],
            end=self.offsets[stop] if stop < len(self) else self.end,
            notable=(),
        )

    def length(self, row: int) -> int:
        """Bytes of a record: records are contiguous."""
        following = self.offsets[row + 1] if row + 1 < len(self.offsets) else self.end
        return following - self.offsets[row]

    def gathered(self, rows: Iterable[int]) -> bytes:
        """The records of some rows, one after the other."""
        data, offsets, last = self.buffer, self.offsets, len(self) - 1
        out = BytesIO()
        # Neighbours are copied at once.
        start = stop = 0
        for row in rows:
            if offsets[row] != stop:
                out.write(data[start:stop])
                start = offsets[row]
            stop = offsets[row + 1] if row < last else self.end
        out.write(data[start:stop])
        return out.getvalue()

    def layout(self, row: int) -> Layout:
        """The digest layout of a row."""
        return self.layouts[self.layout_of[row] if self.layout_of is not None else 0]

    def recorded(self, alg: HashAlg) -> bool:
        """Whether what the rows extend into a bank stands in the records, but for `violations`.

        If so, a row whose layout lacks the bank extends it by nobody knows what.
        """
        raise NotImplementedError

    def extensions(self, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        """What the rows from ``start`` to ``stop`` extend into a bank: as recorded, or by the first rule that applies.

        None for a row of which it cannot be said, ``b""`` for one that extends nothing.
        """
        raise NotImplementedError


class Recorded(Columns):
    """Rows that extend the digests which stand in their records, where the layouts say."""

    typed: str | None = None
    names: tuple[Register, ...] | None = None

    def recorded(self, alg: HashAlg) -> bool:
        return True

    def extensions(self, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        distances = [layout.distance(alg) for layout in self.layouts]
        data, size = self.buffer, alg.size
        extended: list[bytes | None] = []
        for first, end, layout in _runs(self.layout_of, start, stop):
            distance = distances[layout]
            if distance is None:
                extended += repeat(None, end - first)
            else:
                extended += [data[at : at + size] for at in map(distance.__add__, self.offsets[first:end])]
        return extended


class Spelled(Columns):
    """Rows of text whose digests stand in it as hex: the layouts are those of ``unspelled``, the same rows as bytes.

    ``unspelled`` makes `Recorded` columns of the rows from one to another, over a buffer of their own, with the events'
    data or without it. Between two records there are ``apart`` bytes that belong to neither. ``told`` is where the
    events were read, if the records themselves say that: offsets and lengths.
    """

    apart: int
    unspelled: Callable[[int, int, bool], Recorded]
    told: tuple[array[int], array[int]] | None = None
    names: tuple[Register, ...] | None = None

    @property
    def spelled(self) -> bool:
        return True

    @property
    def starts(self) -> array[int]:
        return self.offsets if self.told is None else self.told[0]

    @property
    def lengths(self) -> array[int]:
        if self.told is not None:
            return self.told[1]
        lengths = super().lengths
        for row in range(len(lengths) - 1):
            lengths[row] -= self.apart
        return lengths

    def length(self, row: int) -> int:
        return super().length(row) - (self.apart if row + 1 < len(self.offsets) else 0)

    def part(self, start: int, stop: int) -> Spelled:
        stop = min(stop, len(self))
        told, found = self.told, super().part(start, stop)
        assert isinstance(found, Spelled)
        return found.replace(
            end=self.offsets[stop] - self.apart if stop < len(self) else self.end,
            unspelled=lambda first, last, whole: self.unspelled(start + first, start + last, whole),
            told=None if told is None else (told[0][start:stop], told[1][start:stop]),
        )

    def plain(self, start: int, stop: int, *, whole: bool = False) -> Columns:
        return self.unspelled(start, min(stop, len(self)), whole)

    def recorded(self, alg: HashAlg) -> bool:
        return True

    def extensions(self, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        extended: list[bytes | None] = []
        for first in range(start, stop, _RUN):
            rows = self.plain(first, min(first + _RUN, stop))
            extended += rows.extensions(alg, rules, 0, len(rows))
        return extended


class Computed(Columns):
    """Rows that extend what ``compute`` makes of their records: all of them some bank, or some of them any.

    The layouts have digests only if these are what is extended, but for ``violations``: nobody is to take one for it.
    """

    rules: tuple[str, ...]
    compute: Extensions
    violations: bool = False
    names: tuple[Register, ...] | None = None

    def recorded(self, alg: HashAlg) -> bool:
        return all(layout.distance(alg) is not None for layout in self.layouts)

    def extensions(self, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        return self.compute(alg, rules, start, stop)


class Lines(Columns):
    """Lines of text, which extend registers that have names by digests that are not recorded.

    ``banks`` are the one bank that each of ``names`` has. ``covered`` are the bytes of the buffer that rows extend
    their register by its bank's own hash of: the first, and the one after the last, both as array('Q'); None if some
    register's lines have another hash. ``compute`` says what is extended in any case, digest by digest.
    """

    names: tuple[Register, ...]
    banks: tuple[HashAlg, ...]
    statements: tuple[int, ...]
    covered: tuple[array[int], array[int]] | None
    compute: Extensions

    @property
    def named(self) -> set[Register]:
        return set(self.names) if len(self) else set()

    @property
    def indices(self) -> set[int]:
        if len(self.names) > _FEW:
            return super().indices
        return {index for index in range(len(self.names)) if index in self.registers}

    @property
    def silent(self) -> bool:
        return all(register.replayable for register in self.names)

    @property
    def spans(self) -> tuple[array[int], array[int]] | None:
        return self.covered if len(self.names) == 1 else None

    def has_bank(self, index: int, alg: HashAlg) -> bool:
        return self.banks[index] == alg

    def recorded(self, alg: HashAlg) -> bool:
        return False

    def extensions(self, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        return self.compute(alg, rules, start, stop)


class Fields(Record):
    """Where the fields of PC Client records with one digest layout stand.

    ``record`` goes from the start of a record up to the event's data, which goes on to the end of the record. Its
    fields are the register's index first, the event type at ``type``, and the digests in the slice ``digests``.
    """

    record: Struct
    type: int
    digests: slice


class Packed(Record):
    """Columns that hold PC Client events and nothing but these, on registers that go by numbers of one space.

    ``fields`` are those of each layout, in `plain` rows. ``counted`` is whether record numbers, where records have
    some, say no more than the order of the records does; ``usual`` whether all records are spelled as is usual in
    their format; ``placed`` whether the events were read where the records stand.
    """

    columns: Columns
    space: Space
    fields: tuple[Fields, ...]
    counted: bool = True
    usual: bool = True
    placed: bool = True

    @property
    def count(self) -> int:
        """How many events there are."""
        return len(self.columns)

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """The digest layouts that runs are of, in some of which there may be no row."""
        return self.columns.layouts

    @property
    def used(self) -> list[Layout]:
        """Those in which there is a row."""
        return [self.layouts[number] for number in sorted(set(self.columns.layout_of or b"\0"))]

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Runs of rows with one layout, of so many at most: the first row, the one after the last, the layout."""
        return _runs(self.columns.layout_of, 0, self.count)

    def told(self, start: int, stop: int, layout: int) -> tuple[Iterator[Told], Sequence[bytes]]:
        """Of each row of a run the register's index, the event type and the digests; and the data."""
        fields = self.fields[layout]
        size = fields.record.size
        data, places = self._records(start, stop)
        bounds = list(places)
        rows = map(fields.record.unpack_from, repeat(data), (offset for offset, _ in bounds))
        bodies = [data[offset + size : end] for offset, end in bounds]
        return map(itemgetter(0, fields.type, fields.digests), rows), bodies

    def _records(self, start: int, stop: int) -> tuple[bytes, Iterator[tuple[int, int]]]:
        """The bytes that hold the records of a run, and where in them each starts and ends."""
        rows = self.columns
        if rows.spelled:
            rows, start, stop = rows.plain(start, stop, whole=True), 0, stop - start
        ends = rows.offsets[start + 1 : stop + 1]
        if stop == len(rows):
            ends.append(rows.end)
        return rows.buffer, zip(rows.offsets[start:stop], ends)  # noqa: B905  # they are as many

    def after(self, rows: int) -> Packed:
        """The same without so many rows at the start."""
        return self if not rows else self.replace(columns=self.columns.part(rows, len(self.columns)))

    def says_the_same(self, other: object) -> bool:
        """Whether another has the same events: registers, types, digests in order, data."""
        if not isinstance(other, Packed):
            return False
        if self.count != other.count or self.space != other.space:
            return False
        runs = self._runs_with(other)
        return all(self._same(other, *run) for run in runs)

    def _runs_with(self, other: Packed) -> Iterator[tuple[int, int, int, int]]:
        """Runs of rows with one layout in both."""
        ours, theirs = self.runs(), other.runs()
        start = stop = end = layout = with_layout = 0
        while start < self.count:
            if start == stop:
                _, stop, layout = next(ours)
            if start == end:
                _, end, with_layout = next(theirs)
            yield start, min(stop, end), layout, with_layout
            start = min(stop, end)

    def _same(self, other: Packed, start: int, stop: int, layout: int, with_layout: int) -> bool:
        one, two = self._algorithms(layout), other._algorithms(with_layout)
        sides = self.told(start, stop, layout), other.told(start, stop, with_layout)
        return one == two and all(all(map(eq, *pair)) for pair in zip(*sides, strict=True))

    def _algorithms(self, layout: int) -> list[tuple[int, int]]:
        return [(alg.id, alg.size) for alg, _ in self.layouts[layout].digests]


def _runs(layout_of: bytearray | None, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Runs of some rows with one layout, of so many at most: the first row, the one after the last, the layout."""
    for first in range(start, stop, _RUN):
        end = min(first + _RUN, stop)
        if layout_of is None:
            yield first, end, 0
            continue
        part = layout_of[first:end]
        while part:
            rest = part.lstrip(part[:1])
            yield first, first + len(part) - len(rest), part[0]
            first, part = first + len(part) - len(rest), rest  # noqa: PLW2901  # where the next one begins


def rows_of(column: array[int] | bytes | bytearray, value: int, first: int = 0) -> Iterator[int]:
    """The rows, from ``first`` on, in which a column has a value. Bytes are searched much faster than numbers."""
    packed, size = (column, 1) if isinstance(column, (bytes, bytearray)) else (column.tobytes(), column.itemsize)
    wanted = value.to_bytes(size, byteorder)
    at = packed.find(wanted, first * size)
    while at >= 0:
        row, beyond = divmod(at, size)
        if not beyond:
            yield row
        at = packed.find(wanted, (row + 1) * size)


class Lazy(Sequence):  # type: ignore[type-arg]
    """A sequence of which each item is made of its row when it is asked for. Behaves as a tuple of them."""

    __slots__ = ("_rows",)

    #: What is made of a row.
    _make: Callable[[int], Any]

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @property
    def twins(self) -> Sequence[int]:
        """For each row one whose item is the same but for its number and place in a file; most often the row itself."""
        return range(self._rows)

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


class Kept(Lazy):
    """Those of another sequence, each made once."""

    __slots__ = ("_items", "_made")

    def __init__(self, items: Sequence[Any]) -> None:
        super().__init__(len(items))
        self._items = items
        self._made: dict[int, Any] = {}

    def _make(self, row: int) -> Any:
        found = self._made.get(row)
        if found is None:
            found = self._made[row] = self._items[row]
        return found
