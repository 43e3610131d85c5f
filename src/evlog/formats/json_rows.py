"""Records of PC Client events as JSON text, read into columns: furniture of the rooms whose logs are such records.

Each room's reader of objects, which goes by `json`, is the reference (tests/test_json_rows.py). Records are read here
only if all of them are of members that the room names, without escapes in strings, and equally far apart; anything
else is for the reference to read, and to remark on.

Within a log most records are the same text but for some values. One pattern reads a record of the shape of the one
before it.
"""

from __future__ import annotations

import re
from array import array
from binascii import hexlify, unhexlify
from itertools import accumulate, chain, islice, repeat
from json import loads
from operator import add, sub

from evlog._record import Record
from evlog.columns import NOT_EXTENDED, Fields, Packed, Recorded, Spelled
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION, LAUNCH_MARKERS
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import EvlogError
from evlog.formats import launch
from evlog.formats.json_shape import Members, OddError, Shape
from evlog.formats.tcg.packed import FIRST_HANDLE
from evlog.model import Digest, Event, LazyEvents, Origin, Span, banks_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from evlog.algorithms import HashAlg

__all__ = ["Members", "Rows", "digits", "rows"]

_MAX_SHAPES = 255
_NO_SHAPE = 255
# Shapes that are tried before another is looked for.
_FEW = 16
# How often another one is: a log in which each record has another shape is for the reference.
_OFTEN = 1024
# Rows whose values are looked at together.
_RUN = 4096

_BETWEEN = re.compile(rb"[ \t\n\r]*,[ \t\n\r]*")


class Rows(Record):
    """Records as columns: where they stand in the text, and what stands in them.

    ``firsts`` and ``bodies`` are where in each record the first digest and the event's data start, ``sizes`` how many
    digits the data has. ``recnums`` is None if no record has a number. ``told`` is where the events were read, if the
    records say so. ``end`` is the byte after the last record, ``apart`` the bytes between two of them.
    """

    text: bytes
    offsets: array[int]
    recnums: array[int] | None
    indices: array[int]
    types: array[int]
    firsts: array[int]
    bodies: array[int]
    sizes: array[int]
    shapes: tuple[Shape, ...]
    shape_of: bytearray
    space: str
    told: tuple[array[int], array[int]] | None
    notable: tuple[int, ...]
    apart: int
    end: int

    @property
    def algorithms(self) -> tuple[HashAlg, ...]:
        """The banks of the measured events in the order of first use; of all events if none is measured."""
        measured = self.shape_of[:]
        for row in self.notable:
            if self.types[row] == EV_NO_ACTION:
                measured[row] = _NO_SHAPE
        used = [shape for shape in dict.fromkeys(measured) if shape != _NO_SHAPE] or range(len(self.shapes))
        return banks_of(alg for shape in used for alg, _ in self.shapes[shape].layout.digests)

    def columns(self) -> Spelled:
        """The rows with what each extends, but for the markers of launches."""
        registers, space = self.indices[:], self.space
        for row in self.notable:
            if self.types[row] == EV_NO_ACTION:
                registers[row] = NOT_EXTENDED
        fixed = {index for index in set(registers) - {NOT_EXTENDED} if not Register(space, index).replayable}
        if fixed:
            registers = array("I", [NOT_EXTENDED if index in fixed else index for index in registers])
        layouts = tuple(shape.layout for shape in self.shapes)
        rows = self.text, self.offsets, registers, layouts, self.shape_of, self.end, space, self.notable

        def unspelled(start: int, stop: int, whole: bool) -> Recorded:
            data, offsets = self._unspelled(start, stop, whole)
            part = slice(start, stop)
            end = offsets.pop()
            return Recorded(data, offsets, registers[part], layouts, self.shape_of[part], end, space, ())

        return Spelled(*rows, self.apart, unspelled, self.told)

    def _unspelled(self, start: int, stop: int, whole: bool) -> tuple[bytes, array[int]]:
        """Some rows as bytes, with their data or without it; and where each starts, and the end of them all."""
        parts: list[bytes] = []
        lengths: list[int] = []
        heads: dict[tuple[int, int], bytes] = {}
        shapes = self.shape_of[start:stop]
        while shapes:
            rest = shapes.lstrip(shapes[:1])
            shape, part = self.shapes[shapes[0]], slice(start, stop - len(rest))
            offsets, indices, types, sizes = self.offsets[part], self.indices[part], self.types[part], self.sizes[part]
            heads.update({each: b"%08x%08x" % each for each in {*zip(indices, types, strict=True)} - heads.keys()})
            digests = map(shape.spelled.unpack_from, repeat(self.text), map(add, offsets, self.firsts[part]))
            columns: list[Iterator[bytes]] = [map(heads.__getitem__, zip(indices, types, strict=True))]
            columns.append(map(b"".join, digests))
            if whole:
                places = zip(map(add, offsets, self.bodies[part]), sizes, strict=True)
                columns.append(iter([self.text[at : at + size] for at, size in places]))
                lengths += [shape.record.size + size // 2 for size in sizes]
            else:
                lengths += [shape.record.size] * len(sizes)
            parts += chain.from_iterable(zip(*columns, strict=True))
            start, shapes = part.stop, rest
        return unhexlify(b"".join(parts)), array("Q", accumulate(lengths, initial=0))

    def packed(self, columns: Spelled, *, counted: bool) -> Packed:
        """The columns by their fields."""
        fields = tuple(Fields(shape.record, 1, slice(2, None)) for shape in self.shapes)
        return Packed(columns, self.space, fields, counted, placed=self.told is None)

    def events(self, name: str, format: str, *, counted: bool) -> LazyEvents:
        """The events of a log of this name and format; ``counted`` is whether their numbers follow from their order."""
        text, recnums, columns, told = self.text, self.recnums, self.columns(), self.told
        registers = {index: Register(self.space, index) for index in set(self.indices)}
        shapes = [
            (
                shape.spelled.unpack_from,
                [alg for alg, _ in shape.layout.digests],
                (shape.said.get("log", name), shape.said.get("format", format)),
            )
            for shape in self.shapes
        ]

        def make(row: int) -> Event:
            offset = self.offsets[row]
            unpack, algorithms, source = shapes[self.shape_of[row]]
            digests = tuple(map(Digest, algorithms, map(unhexlify, unpack(text, offset + self.firsts[row]))))
            body = offset + self.bodies[row]
            content = PCClientEvent(self.types[row], unhexlify(text[body : body + self.sizes[row]]))
            span = Span(offset, columns.length(row)) if told is None else Span(told[0][row], told[1][row])
            recnum = None if recnums is None else recnums[row]
            return Event(row, registers[self.indices[row]], digests, content, recnum, Origin(*source, span))

        packed = self.packed(columns, counted=counted)
        # What the records say of where they were read is no part of what they have in common.
        reading = format if told is None else None
        return LazyEvents(launch.settled(columns, make), make, reading=reading, packed=lambda: packed)


def digits(
    source: Packed, start: int, stop: int, number: int
) -> Iterator[tuple[tuple[int, int], tuple[bytes, ...], bytes]]:
    """Of each row of a run with one layout: its register's index and event type; the digests and the data as hex."""
    told, bodies = source.told(start, stop, number)
    for (index, event_type, digests), body in zip(told, bodies, strict=True):
        yield (index, event_type), tuple(map(hexlify, digests)), hexlify(body)


def rows(text: bytes, start: int, members: Members) -> Rows | None:
    """The records of a list from the first one on, which begins at ``start``; None if they are for the reference."""
    try:
        return _Reader(text, start, members).rows()
    except (OddError, EvlogError, ValueError):
        return None


class _Reader:
    """Reads records one after the other, and looks at the values of many at once."""

    def __init__(self, text: bytes, start: int, members: Members) -> None:
        self._text, self._at, self._members = text, start, members
        self._between: bytes | None = None
        self._shapes: list[Shape] = []
        self._looked = 0
        self._known: dict[bytes, tuple[int, re.Pattern[bytes]]] = {}
        self._types: dict[bytes, int] = {}
        self._numbered: bool | None = None
        self._told: bool | None = None
        self._space: str | None = None
        self._notable: list[int] = []
        self._recnums, self._from, self._lengths, self._offsets = (array("Q") for _ in range(4))
        self._indices, self._kinds, self._firsts, self._bodies, self._sizes = (array("I") for _ in range(5))
        self._shape_of = bytearray()

    def rows(self) -> Rows:
        text, position = self._text, self._at
        match: Any = re.compile(b"(?!)").match
        number = last = 0
        run: list[re.Match[bytes]] = []
        while True:
            found = match(text, position)
            if found is None:
                self._look(run, number)
                run = []
                number, pattern = self._known_shape(position) or self._shape(position)
                match, last = pattern.match, pattern.groups
                found = match(text, position)
                if found is None:
                    raise OddError
            run.append(found)
            if len(run) == _RUN:
                self._look(run, number)
                run = []
            if found.lastindex != last:
                break
            position = found.end()
        self._look(run, number)
        return Rows(
            text,
            self._offsets,
            self._recnums if self._numbered else None,
            self._indices,
            self._kinds,
            self._firsts,
            self._bodies,
            self._sizes,
            tuple(self._shapes),
            self._shape_of,
            self._space or "pcr",
            (self._from, self._lengths) if self._told else None,
            tuple(self._notable),
            len(self._between or b""),
            found.end(),
        )

    def _known_shape(self, position: int) -> tuple[int, re.Pattern[bytes]] | None:
        """That of one of the first shapes of the log, if the record has it."""
        for number, pattern in islice(self._known.values(), _FEW):
            if pattern.match(self._text, position) is not None:
                return number, pattern
        return None

    def _shape(self, position: int) -> tuple[int, re.Pattern[bytes]]:
        """The shape of the record at a position, by its number, and its pattern."""
        self._looked += 1
        if self._looked > _OFTEN:
            raise OddError
        shape = Shape(self._text, position, self._members)
        if self._between is None:
            found = _BETWEEN.match(self._text, shape.end)
            self._between = found[0] if found is not None else b","
        known = self._known.get(shape.key)
        if known is None:
            if len(self._shapes) == _MAX_SHAPES:
                raise OddError
            said = "recnum" in shape.groups, "offset" in shape.groups, shape.said.get("space")
            if self._shapes and said != (self._numbered, self._told, self._space):
                raise OddError
            self._numbered, self._told, self._space = said
            known = self._known[shape.key] = len(self._shapes), shape.compiled(self._between)
            self._shapes.append(shape)
        return known

    def _look(self, run: list[re.Match[bytes]], number: int) -> None:
        """Look at the values of some rows of one shape. Raises ValueError for digits that are none."""
        if not run:
            return
        shape, start = self._shapes[number], len(self._offsets)
        groups, first = shape.groups, shape.digests[0]
        for role, column in ("recnum", self._recnums), ("offset", self._from), ("length", self._lengths):
            if role in groups:
                group = groups[role]
                column.extend(map(int, [each[group] for each in run]))
        starts = [each.start() for each in run]
        self._offsets.extend(starts)
        self._firsts.extend(map(sub, [each.start(first) for each in run], starts))
        group = groups["data"]
        bodies = [each.start(group) for each in run]
        self._bodies.extend(map(sub, bodies, starts))
        sizes = list(map(sub, [each.end(group) for each in run], bodies))
        self._sizes.extend(sizes)
        self._shape_of += bytes((number,)) * len(run)
        group = groups["index"]
        indices = list(map(int, [each[group] for each in run]))
        self._indices.extend(indices)
        self._look_at_types([each[groups["type"]] for each in run], start)
        if max(indices) >= FIRST_HANDLE or any(map((1).__and__, sizes)):
            raise OddError
        digits = (*shape.digests, groups["data"])
        unhexlify(b"".join(chain.from_iterable([each.group(*digits) for each in run])))

    def _look_at_types(self, tokens: list[bytes], start: int) -> None:
        for token in set(tokens) - self._types.keys():
            number = self._types[token] = self._members.event_type(loads(token))
            if number in LAUNCH_MARKERS:
                raise OddError
        kinds = list(map(self._types.__getitem__, tokens))
        self._kinds.extend(kinds)
        notable = (EV_NO_ACTION, EV_EFI_HCRTM_EVENT)
        if not set(notable).isdisjoint(kinds):
            self._notable += [row for row, kind in enumerate(kinds, start) if kind in notable]
