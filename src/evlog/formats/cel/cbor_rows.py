"""CEL-CBOR records of PC Client events, read into columns and written from the fields of others.

Spec: TCG Canonical Event Log Format 1.1, section 5.2; RFC 8949, section 4.2.1 (deterministic encoding). The reader and
the writer of `evlog.formats.cel.cbor`, which go by cbor2, are the reference (tests/test_packed.py). A log is read here
only if all of it is an array of such records under the key of a PCR, encoded as cbor2 would encode them; anything else
is for the reference to read, and to remark on.

Within a log most records have one shape: the widths of integers, and the algorithms and sizes of the digests. One
`struct` call reads a record of the shape of the one before it. The native scanner goes over records of one shape and
stops at any other.
"""

from __future__ import annotations

import struct
from array import array
from io import BytesIO

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.columns import NOT_EXTENDED, Fields, Layout, Packed, Recorded
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION, LAUNCH_MARKERS
from evlog.contents.pcclient import PCClientEvent
from evlog.formats import launch
from evlog.formats.cel.item import array_head
from evlog.formats.cel.scan import MAX_DIGEST_SIZE, MAX_DIGESTS
from evlog.formats.tcg.packed import FIRST_HANDLE
from evlog.model import Digest, Event, LazyEvents, Origin, Span, banks_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Form: TypeAlias = tuple[list[tuple[int, bytes]], list[tuple[int, int, int, int]], int, int]

    from evlog.registers import Space

__all__ = ["Rows", "records", "rows"]

_UINT, _BYTES, _ARRAY = 0x00, 0x40, 0x80
#: By what follows the first byte of an item: how many bytes, their struct, and the least number that needs so many.
_WIDTHS = {24: (1, "B", 24), 25: (2, "H", 1 << 8), 26: (4, "I", 1 << 16), 27: (8, "Q", 1 << 32)}
_MAP2, _RECORD, _CONTENT = b"\xa2\x00", b"\xa5\x00", b"\x09\x05\x0a\xa2\x00"


class _OddError(Exception):
    """Something that is for the reference."""


class _Shape:
    """What records have in common that one `struct` call can read.

    ``record`` has constant bytes and values in turns: the record number, the PCR, the digests, the event type and the
    length of the data; ``skipping`` has the PCR, the digests and the event type alone. ``least`` and ``most`` are the
    bounds of the four numbers: others would have been encoded in another width.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._start, self._at = data, position, position
        self._form, self._skipped, self._constant = ">", ">", b""
        self.constants: list[bytes] = []
        self._sizes: list[int] = []
        self.least: list[int] = []
        self.most: list[int] = []
        self._take(_RECORD)
        self._number(_UINT, kept=False)
        self._take(b"\x01")
        self._number(_UINT)
        self._take(b"\x03")
        count = self._byte() - _ARRAY
        if not 0 < count < min(24, MAX_DIGESTS):
            raise _OddError
        digests = [self._digest() for _ in range(count)]
        self._take(_CONTENT)
        self._number(_UINT)
        self._take(b"\x01")
        self._number(_BYTES, kept=False)
        algorithms = [alg for alg, _ in digests]
        if len({alg.id for alg in algorithms}) != count:
            raise _OddError
        self.record = struct.Struct(self._form)
        self.skipping = struct.Struct(self._skipped)
        self.layout = Layout(tuple(digests))

    def _byte(self) -> int:
        """The next byte, which is part of what is constant."""
        if self._at >= len(self._data):
            raise _OddError
        self._constant += self._data[self._at : self._at + 1]
        self._at += 1
        return self._constant[-1]

    def _take(self, expected: bytes) -> None:
        for each in expected:
            if self._byte() != each:
                raise _OddError

    def _head(self, major: int) -> tuple[int, str]:
        """Bytes of the number in the head of an item, and their struct: none if it is in the first byte."""
        more = self._byte() - major
        if not 0 <= more < 28:
            raise _OddError
        return _WIDTHS[more][:2] if more >= 24 else (0, "")

    def _value(self, code: str, size: int, *, kept: bool = True) -> None:
        """A value stands here, behind what was constant."""
        self.constants.append(self._constant)
        self._sizes.append(size)
        self._form += f"{len(self._constant)}s{code}"
        self._skipped += f"{len(self._constant)}x{code if kept else f'{size}x'}"
        self._constant = b""
        self._at += size

    def _number(self, major: int, *, kept: bool = True) -> None:
        size, code = self._head(major)
        if not size:
            # The byte itself tells the number.
            self._constant = self._constant[:-1]
            self._at -= 1
        least = _WIDTHS[24 + size.bit_length() - 1][2] if size else major
        self.least.append(least)
        self.most.append((1 << 8 * size) - 1 if size else major + 23)
        self._value(code or "B", size or 1, kept=kept)

    def form(self) -> Form:
        """As the native scanner wants it: what is the same in all records by distance, the four numbers, and the rest.

        The rest is what the byte of the data's length says besides it, and the bytes before the data.
        """
        constants, values, at = [], [], 0
        for constant, size in zip(self.constants, self._sizes, strict=True):
            constants.append((at, constant))
            values.append((at + len(constant), size))
            at += len(constant) + size
        numbers = [values[0], values[1], values[-2], values[-1]]
        bounds = zip(numbers, self.least, self.most, strict=True)
        inline = _BYTES if self.least[-1] == _BYTES else 0
        return constants, [(*number, least, most) for number, least, most in bounds], inline, at

    def _digest(self) -> tuple[HashAlg, int]:
        """The algorithm of the digest here, and its distance from the start of the record."""
        self._take(_MAP2)
        number = self._constant_number(_UINT)
        self._take(b"\x01")
        size = self._constant_number(_BYTES)
        alg = HashAlg.of(number, size) if number <= 0xFFFF and 0 < size <= MAX_DIGEST_SIZE else None
        if alg is None or (alg.known and alg != HashAlg.of(alg.id)):
            raise _OddError
        distance = self._at - self._start
        self._value(f"{size}s", size)
        return alg, distance

    def _constant_number(self, major: int) -> int:
        size, _ = self._head(major)
        if not size:
            return self._constant[-1] - major
        number = int.from_bytes(bytes(self._byte() for _ in range(size)), "big")
        if number < _WIDTHS[24 + size.bit_length() - 1][2]:
            raise _OddError
        return number


class Rows(Record):
    """A log as columns: these with what its events are made from, the record numbers, and the banks."""

    packed: Packed
    recnums: array[int]
    indices: array[int]
    algorithms: tuple[HashAlg, ...]

    @property
    def of_ccmrs(self) -> Rows:
        """The same on CC measurement registers, which stand as PCRs do: no event extends the first."""
        columns = self.packed.columns
        assert isinstance(columns, Recorded)
        columns = columns.replace(space="ccmr", registers=_followed(columns.registers, "ccmr"))
        return self.replace(packed=self.packed.replace(columns=columns, space="ccmr"))

    def events(self, format: str, name: str) -> LazyEvents:
        """The events."""
        columns, recnums = self.packed.columns, self.recnums
        data, layout_of = columns.buffer, columns.layout_of or b""
        registers = {index: Register(columns.space, index) for index in set(self.indices)}
        readers = [
            (each.record.unpack_from, each.record.size, layout.digests)
            for each, layout in zip(self.packed.fields, columns.layouts, strict=True)
        ]

        def make(row: int) -> Event:
            offset, length = columns.offsets[row], columns.length(row)
            unpack, size, layout = readers[layout_of[row]]
            index, *values, event_type = unpack(data, offset)
            digests = tuple([Digest(alg, value) for (alg, _), value in zip(layout, values, strict=True)])
            content = PCClientEvent(event_type, data[offset + size : offset + length])
            origin = Origin(name, format, Span(offset, length))
            return Event(row, registers[index], digests, content, recnums[row], origin)

        assert isinstance(columns, Recorded)
        settled = launch.settled(columns, make)
        return LazyEvents(settled, make, reading=format, packed=lambda: self.packed)


def rows(
    data: bytes, start: int, count: int, counted: Callable[[array[int], array[int], array[int]], bool]
) -> Rows | None:
    """The records of a log, which are so many from ``start`` to the end; None if they are for the reference.

    ``counted`` is asked whether record numbers count as the specification has it, per register.
    """
    offsets, recnums, indices, layout_of = array("Q"), array("Q"), array("I"), bytearray()
    shapes: dict[tuple[object, ...], int] = {}
    known: list[_Shape] = []
    silent: list[int] = []
    notable: list[int] = []
    used: dict[int, None] = {}
    special = {EV_NO_ACTION, EV_EFI_HCRTM_EVENT, *LAUNCH_MARKERS}
    position, end = start, len(data)
    current = -1
    unpack: Callable[[bytes, int], tuple[Any, ...]] = struct.Struct("").unpack_from
    fixed = end + 1  # more than is left: the first record takes the careful path
    constants: tuple[bytes, ...] = ()
    low = high = lowest = highest = first = last = least = most = inline = 0
    fields: tuple[Any, ...] = ()
    native = hashing.native(end - start)
    form: Form | None = None
    odd = sorted(LAUNCH_MARKERS)
    try:
        while position < end:
            if native is not None and form is not None and position + fixed <= end:
                numbers = offsets, recnums, indices
                before = len(silent)
                position = native.cbor_run(data, position, *form, FIRST_HANDLE, odd, *numbers, silent, notable)
                met = len(offsets) - len(layout_of)
                layout_of += bytes((current,)) * met
                if met > len(silent) - before:
                    used[current] = None
                if position == end:
                    break
            for careful in False, True:
                if careful:
                    shape = _Shape(data, position)
                    current = shapes.setdefault((shape.record.format, *shape.constants), len(shapes))
                    if current == len(known):
                        known.append(shape)
                    if current > 255:
                        return None
                    unpack, fixed, constants = shape.record.unpack_from, shape.record.size, tuple(shape.constants)
                    (low, lowest, first, least), (high, highest, last, most) = shape.least, shape.most
                    inline = _BYTES if least == _BYTES else 0
                    form = shape.form() if native is not None else None
                if position + fixed > end:
                    continue
                fields = unpack(data, position)
                if (
                    fields[::2] == constants
                    and low <= fields[1] <= high
                    and lowest <= fields[3] <= highest
                    and first <= fields[-3] <= last
                    and least <= fields[-1] <= most
                ):
                    break
            else:
                return None
            number, index, event_type = fields[1], fields[3], fields[-3]
            following = position + fixed + fields[-1] - inline
            if following > end or index >= FIRST_HANDLE or event_type > 0xFFFFFFFF:
                return None
            if event_type in special:
                if event_type in LAUNCH_MARKERS:
                    return None
                notable.append(len(offsets))
                if event_type == EV_NO_ACTION:
                    silent.append(len(offsets))
            if event_type != EV_NO_ACTION:
                used[current] = None
            offsets.append(position)
            recnums.append(number)
            indices.append(index)
            layout_of.append(current)
            position = following
    except _OddError:
        return None
    if len(offsets) != count:
        return None
    registers = indices[:]
    for row in silent:
        registers[row] = NOT_EXTENDED
    layouts = tuple(shape.layout for shape in known)
    followed = _followed(registers, "pcr")
    columns = Recorded(data, offsets, followed, layouts, layout_of, position, "pcr", tuple(notable))
    banks = banks_of(alg for layout in used or range(len(known)) for alg, _ in layouts[layout].digests)
    places = tuple(Fields(shape.skipping, -1, slice(1, -1)) for shape in known)
    packed = Packed(columns, "pcr", places, counted(recnums, indices, offsets))
    return Rows(packed, recnums, indices, banks)


def _followed(registers: array[int], space: Space) -> array[int]:
    """The column of registers, of which replay follows no others than a space has."""
    beyond = {index for index in set(registers) - {NOT_EXTENDED} if not Register(space, index).replayable}
    if not beyond:
        return registers
    return array("I", [NOT_EXTENDED if index in beyond else index for index in registers])


def records(source: Packed) -> bytes | None:
    """A log as an array of records with numbers that count, its registers under the key of a PCR.

    None if not all can be.
    """
    out = BytesIO()
    out.write(array_head(source.count))
    heads: dict[int, dict[int, bytes]] = {}
    kinds: dict[int, bytes] = {}
    following: dict[int, int] = {}
    for start, stop, number in source.runs():
        layout = source.layouts[number]
        known = heads.setdefault(number, {})
        slots = slice(3, 3 + 2 * len(layout.digests), 2)
        given = [_RECORD, b"", b"", *_digest_heads(layout), b"", b"", b""]
        parts: list[bytes] = []
        told, bodies = source.told(start, stop, number)
        for (index, event_type, digests), body in zip(told, bodies, strict=True):
            if index not in known:
                if index >= FIRST_HANDLE:
                    return None
                known[index] = b"\x01" + _head(_UINT, index) + b"\x03" + _head(_ARRAY, len(layout.digests))
                if layout.digests:
                    known[index] += _digest_head(*layout.digests[0])
                following.setdefault(index, 0)
            if event_type not in kinds:
                kinds[event_type] = _CONTENT + _head(_UINT, event_type) + b"\x01"
            count = following[index]
            following[index] = count + 1
            given[1], given[2], given[slots] = _head(_UINT, count), known[index], digests
            given[-3], given[-2], given[-1] = kinds[event_type], _head(_BYTES, len(body)), body
            parts += given
        out.write(b"".join(parts))
    return out.getvalue()


def _digest_heads(layout: Layout) -> list[bytes]:
    """A place for each digest, and between two of them what stands before the second."""
    found: list[bytes] = []
    for each in layout.digests:
        found += (_digest_head(*each), b"") if found else (b"",)
    return found


def _digest_head(alg: HashAlg, _: int) -> bytes:
    return _MAP2 + _head(_UINT, alg.id) + b"\x01" + _head(_BYTES, alg.size)


def _head(major: int, number: int) -> bytes:
    """The head of an item, as short as can be."""
    if number < 24:
        return bytes((major | number,))
    if number < 1 << 8:
        return bytes((major | 24, number))
    if number < 1 << 16:
        return bytes((major | 25, number >> 8, number & 0xFF))
    return bytes((major | 26,)) + number.to_bytes(4, "big")
