"""Records of PC Client events as JSON text, read into columns: furniture of the rooms whose logs are such records.

Each room's reader of objects, which goes by `json`, is the reference (tests/test_json_rows.py). Records are read here
only if all of them are of members that the room names, without escapes in strings, and equally far apart; anything
else is for the reference to read, and to remark on.

Within a log most records are the same text but for some values. One pattern reads a record of the shape of the one
before it.
"""

from __future__ import annotations

import re
import struct
from array import array
from binascii import hexlify, unhexlify
from itertools import accumulate, chain, islice
from json import loads

from evlog._record import Record
from evlog.columns import NOT_EXTENDED, Fields, Layout, Packed, Recorded, Spelled
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION, LAUNCH_MARKERS
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import EvlogError
from evlog.formats import launch
from evlog.formats.tcg.packed import FIRST_HANDLE
from evlog.model import Digest, Event, LazyEvents, Origin, Span, banks_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from evlog.algorithms import HashAlg

__all__ = ["Members", "Rows", "digits", "rows"]

_MAX_DIGESTS = 16
_MAX_SHAPES = 256
# Shapes that are tried before another is looked for.
_FEW = 8
# Rows whose values are looked at together.
_RUN = 4096

_BLANK = re.compile(rb"[ \t\n\r]*")
_BETWEEN = re.compile(rb"[ \t\n\r]*,[ \t\n\r]*")
_STRING = rb'"[ !#-\[\]-~]*"'
_NUMBER = rb"(?:0|[1-9][0-9]{0,18})"
_WORD = rb"(?:true|false|null)"
_TOKEN = re.compile(b"(" + _STRING + b")|(" + _NUMBER + b")(?![0-9.eE])|" + _WORD)
_REGISTER = re.compile(rb'"((?:pcr|ccmr|rtmr|rem):)((?:0|[1-9][0-9]{0,7}))"')
# What stands in a pattern for the values of a role, and whether it must be text (True) or a number (False).
_VALUES = {
    "recnum": (b"(" + _NUMBER + b")", False),
    "offset": (b"(" + _NUMBER + b")", False),
    "length": (b"(" + _NUMBER + b")", False),
    "index": (rb"(0|[1-9][0-9]{0,7})", False),
    "data": (rb'"([^"]*)"', True),
    "type": (b"(" + _STRING + b"|" + _NUMBER + b")", None),
}


class Members(Record):
    """The members of a room's records.

    ``roles`` tells of each by its path what it is (``*`` is any item of a list): ``recnum``, ``index`` or ``register``,
    ``algorithm`` and ``digest``, ``kind`` (of content), ``type`` and ``data``; ``offset``, ``length``, ``log`` and
    ``format`` of where the event was read; ``passed`` for what is read over. ``needed`` are the roles that no record
    lacks. ``algorithm`` gives that of a name and of a digest's size, or None; ``event_type`` the number of a type.
    Either may raise an EvlogError or a ValueError. ``is_kind`` is whether a kind is that of PC Client events.
    """

    roles: Mapping[tuple[str, ...], str]
    needed: frozenset[str]
    is_kind: Callable[[str], bool]
    algorithm: Callable[[str, int], HashAlg | None]
    event_type: Callable[[Any], int]


class _OddError(Exception):
    """Something that is for the reference."""


class _Shape:
    """What records have in common that one pattern can read.

    ``groups`` are the pattern's groups by role, ``digests`` those of the digests. ``said`` is what the records say
    alike of some roles: the kind, the space of their register, the log and the format that they were read from.
    """

    def __init__(self, text: bytes, position: int, members: Members) -> None:
        self._text, self._at, self._members = text, position, members
        self._pattern: list[bytes] = []
        self._count = 0
        self.groups: dict[str, int] = {}
        self.said: dict[str, str] = {}
        self.digests: list[int] = []
        self._digest: dict[str, Any] = {}
        found: list[tuple[HashAlg, int]] = []
        self._algorithms = found
        self._object(())
        self.end = self._at
        if not members.needed <= self.groups.keys() | self.said.keys() or not 0 < len(found) <= _MAX_DIGESTS:
            raise _OddError
        if not members.is_kind(self.said["kind"]) or len({alg.id for alg, _ in found}) != len(found):
            raise _OddError
        distance, listed = 8, []
        for alg, _ in found:
            listed.append((alg, distance))
            distance += alg.size
        #: Of a record as bytes: the register's index and the event type of 32 bits, the digests, the data.
        self.layout = Layout(tuple(listed), distance)
        self.record = struct.Struct(">II" + "".join(f"{alg.size}s" for alg, _ in found))
        # The digests as they stand in the text.
        form, behind = "", 0
        for alg, start in found:
            form += f"{start - behind if form else 0}x{2 * alg.size}s"
            behind = start + 2 * alg.size
        self.spelled = struct.Struct(form)

    def compiled(self, between: bytes) -> re.Pattern[bytes]:
        """The pattern of such a record and what may be between it and the next, which is its last group."""
        return re.compile(b"".join(self._pattern) + b"(" + re.escape(between) + b")?")

    @property
    def key(self) -> bytes:
        """What tells a shape from others."""
        return b"".join(self._pattern)

    def _next(self) -> bytes:
        """The next byte that is no blank; the blanks are part of what is constant."""
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._constant(found[0])
        return self._text[self._at : self._at + 1]

    def _constant(self, text: bytes) -> None:
        self._pattern.append(re.escape(text))
        self._at += len(text)

    def _take(self, expected: bytes) -> None:
        if self._next() != expected:
            raise _OddError
        self._constant(expected)

    def _token(self) -> bytes:
        """The string, the number or the word that stands here."""
        self._next()
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise _OddError
        return found[0]

    def _object(self, path: tuple[str, ...]) -> None:
        self._take(b"{")
        names: set[str] = set()
        while True:
            name = self._string()
            if name in names:
                raise _OddError
            names.add(name)
            self._take(b":")
            self._value((*path, name))
            if self._next() != b",":
                break
            self._take(b",")
        self._take(b"}")

    def _string(self) -> str:
        """A string that is part of what is constant."""
        token = self._token()
        if token[:1] != b'"':
            raise _OddError
        self._constant(token)
        return token[1:-1].decode()

    def _value(self, path: tuple[str, ...]) -> None:
        role = self._members.roles.get(path)
        if role is not None:
            self._spelled(role)
        elif not any(each[: len(path)] == path for each in self._members.roles):
            raise _OddError
        elif self._next() == b"[":
            self._list((*path, "*"))
        else:
            self._object(path)

    def _list(self, path: tuple[str, ...]) -> None:
        """The list of digests: no other is in a record."""
        self._take(b"[")
        while True:
            self._digest = {}
            self._object(path)
            if self._digest.keys() != {"algorithm", "digest"}:
                raise _OddError
            size, start = self._digest["digest"]
            alg = self._members.algorithm(self._digest["algorithm"], size)
            if alg is None or alg.size != size:
                raise _OddError
            self._algorithms.append((alg, start))
            if self._next() != b",":
                break
            self._take(b",")
        self._take(b"]")

    def _spelled(self, role: str) -> None:
        """A value that has a role: a group of the pattern, or part of what is constant."""
        if role in ("kind", "log", "format"):
            self.said[role] = self._string()
            return
        if role == "algorithm":
            self._digest[role] = self._string()
            return
        token = self._token()
        if role == "passed":
            first = token[:1]
            self._pattern.append(_STRING if first == b'"' else _WORD if first.isalpha() else _NUMBER)
            self._at += len(token)
        elif role == "recnum" and token == b"null":
            self._constant(token)
            self.said[role] = ""
        elif role == "register":
            register = _REGISTER.fullmatch(token)
            if register is None:
                raise _OddError
            self.said["space"] = register[1].decode()[:-1]
            self._group("index", b'"' + register[1] + _VALUES["index"][0] + b'"', token)
        elif role == "digest":
            size, odd = divmod(len(token) - 2, 2)
            if token[:1] != b'"' or odd or not size:
                raise _OddError
            self._digest[role] = size, self._at + 1
            self._group(f"digest {len(self.digests)}", b'"(.{%d})"' % (2 * size), token)
            self.digests.append(self._count)
        else:
            pattern, text = _VALUES[role]
            if token[:1].isalpha() or text is (token[:1] != b'"'):
                raise _OddError
            self._group(role, pattern, token)

    def _group(self, role: str, pattern: bytes, token: bytes) -> None:
        if role in self.groups:
            raise _OddError
        self._count += 1
        self.groups[role] = self._count
        self._pattern.append(pattern)
        self._at += len(token)


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
    shapes: tuple[_Shape, ...]
    shape_of: bytearray
    space: str
    told: tuple[array[int], array[int]] | None
    notable: tuple[int, ...]
    apart: int
    end: int

    @property
    def algorithms(self) -> tuple[HashAlg, ...]:
        """The banks of the measured events in the order of first use; of all events if none is measured."""
        pairs = zip(self.shape_of, self.types, strict=True)
        used = dict.fromkeys(shape for shape, kind in pairs if kind != EV_NO_ACTION) or range(len(self.shapes))
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

        def unspelled(start: int, stop: int) -> Recorded:
            return self._unspelled(start, stop, registers, layouts)

        return Spelled(*rows, self.apart, unspelled, self.told)

    def _unspelled(self, start: int, stop: int, registers: array[int], layouts: tuple[Layout, ...]) -> Recorded:
        """Some rows as bytes."""
        text = self.text
        part = slice(start, stop)
        shape_of = self.shape_of[part]
        reads = [shape.spelled.unpack_from for shape in self.shapes]
        heads = [shape.record.size for shape in self.shapes]
        parts: list[bytes] = []
        lengths = []
        columns = (self.offsets, self.firsts, self.bodies, self.sizes, self.indices, self.types)
        values = zip(shape_of, *(column[part] for column in columns), strict=True)
        for shape, offset, first, body, size, index, event_type in values:
            at = offset + body
            parts += (b"%08x%08x" % (index, event_type), *reads[shape](text, offset + first), text[at : at + size])
            lengths.append(heads[shape] + size // 2)
        data = unhexlify(b"".join(parts))
        offsets = array("Q", accumulate(lengths, initial=0))
        end = offsets.pop()
        return Recorded(data, offsets, registers[part], layouts, shape_of, end, self.space, ())

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
    except (_OddError, EvlogError, ValueError):
        return None


class _Reader:
    """Reads records one after the other, and looks at the values of many at once."""

    def __init__(self, text: bytes, start: int, members: Members) -> None:
        self._text, self._at, self._members = text, start, members
        self._between: bytes | None = None
        self._shapes: list[_Shape] = []
        self._known: dict[bytes, tuple[int, re.Pattern[bytes]]] = {}
        self._types: dict[bytes, int] = {}
        self._numbered: bool | None = None
        self._told: bool | None = None
        self._space: str | None = None
        self._notable: list[int] = []
        self._recnums, self._from, self._lengths = array("Q"), array("Q"), array("Q")
        self._indices, self._kinds, self._sizes = array("I"), array("I"), array("I")

    def rows(self) -> Rows:
        text, position = self._text, self._at
        offsets, firsts, bodies, sizes = array("Q"), array("I"), array("I"), self._sizes
        shape_of = bytearray()
        match: Any = re.compile(b"(?!)").match
        values: list[tuple[bytes, ...]] = []
        order: tuple[int, ...] = ()
        current = first = body = last = 0
        while True:
            found = match(text, position)
            if found is None:
                current, pattern = self._known_shape(position) or self._shape(position)
                match, last = pattern.match, pattern.groups
                shape = self._shapes[current]
                order, first, body = self._order(shape), shape.digests[0], shape.groups["data"]
                found = match(text, position)
                if found is None:
                    raise _OddError
            values.append(found.group(*order))
            offsets.append(position)
            firsts.append(found.start(first) - position)
            begin, end = found.span(body)
            bodies.append(begin - position)
            sizes.append(end - begin)
            shape_of.append(current)
            if len(values) == _RUN:
                self._look(values)
                values = []
            if found.lastindex != last:
                break
            position = found.end()
        self._look(values)
        told = (self._from, self._lengths) if self._told else None
        return Rows(
            text,
            offsets,
            self._recnums if self._numbered else None,
            self._indices,
            self._kinds,
            firsts,
            bodies,
            sizes,
            tuple(self._shapes),
            shape_of,
            self._space or "pcr",
            told,
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
        shape = _Shape(self._text, position, self._members)
        if self._between is None:
            found = _BETWEEN.match(self._text, shape.end)
            self._between = found[0] if found is not None else b","
        known = self._known.get(shape.key)
        if known is None:
            if len(self._shapes) == _MAX_SHAPES:
                raise _OddError
            said = "recnum" in shape.groups, "offset" in shape.groups, shape.said.get("space")
            if self._shapes and said != (self._numbered, self._told, self._space):
                raise _OddError
            self._numbered, self._told, self._space = said
            known = self._known[shape.key] = len(self._shapes), shape.compiled(self._between)
            self._shapes.append(shape)
        return known

    def _order(self, shape: _Shape) -> tuple[int, ...]:
        """The groups of a shape in the order that `_look` expects: what a record does not have is its index again."""
        groups = shape.groups
        index = groups["index"]
        own = (groups.get(role, index) for role in ("recnum", "offset", "length"))
        return (*own, index, groups["type"], groups["data"], *shape.digests)

    def _look(self, values: list[tuple[bytes, ...]]) -> None:
        """Look at the values of some rows. Raises ValueError for digits that are none."""
        start = len(self._indices)
        if self._numbered:
            self._recnums.extend(map(int, [each[0] for each in values]))
        if self._told:
            self._from.extend(map(int, [each[1] for each in values]))
            self._lengths.extend(map(int, [each[2] for each in values]))
        self._indices.extend(map(int, [each[3] for each in values]))
        spelled = [each[4] for each in values]
        for token in set(spelled) - self._types.keys():
            number = self._types[token] = self._members.event_type(loads(token))
            if number in LAUNCH_MARKERS:
                raise _OddError
        kinds = list(map(self._types.__getitem__, spelled))
        self._kinds.extend(kinds)
        if not {EV_NO_ACTION, EV_EFI_HCRTM_EVENT}.isdisjoint(kinds):
            notable = (EV_NO_ACTION, EV_EFI_HCRTM_EVENT)
            self._notable += [row for row, kind in enumerate(kinds, start) if kind in notable]
        if max(self._indices[start:], default=0) >= FIRST_HANDLE or any(map((1).__and__, self._sizes[start:])):
            raise _OddError
        unhexlify(b"".join(chain.from_iterable([each[5:] for each in values])))
