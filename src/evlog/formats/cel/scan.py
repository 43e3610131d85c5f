"""The framing of CEL-TLV records, read fast into columns.

Spec: TCG Canonical Event Log Format 1.1, section 5.1: four TLVs a record, for the record number, the index, the
digests and the content. The construct declarations in `evlog.wire.cel` are the reference; this file is their fast twin
and must agree with them on every input (tests/test_cel_twins.py).

Within a log most records have one shape: the widths of two integers, and the algorithms and sizes of the digests. One
`struct` call reads a record of the shape of the one before it; any other takes the careful path, which also says what
is wrong. The native scanner goes over records of one shape and stops at any other.
"""

from __future__ import annotations

import struct
from array import array

from evlog import hashing
from evlog._record import Record
from evlog.columns import NOT_EXTENDED, Layout, Recorded
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION
from evlog.errors import ParseError, TruncatedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Form: TypeAlias = tuple[list[tuple[int, bytes]], tuple[int, int], tuple[int, int], tuple[tuple[int, int], ...], int]

__all__ = ["INDEX_SPACES", "MAX_DIGESTS", "MAX_DIGEST_SIZE", "Scan", "Shape", "scan"]

RECNUM, PCR, NV_INDEX, DIGESTS, CCMR = 0, 1, 2, 3, 108
#: Types of the index TLV: go-eventlog added one for CC measurement registers.
INDEX_SPACES = {PCR: "pcr", NV_INDEX: "nv", CCMR: "ccmr"}
# No machine has as many banks, no hash is as long.
MAX_DIGESTS = 64
MAX_DIGEST_SIZE = 128

PCCLIENT, IMA_TEMPLATE = 5, 7
_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_HEAD = struct.Struct(">BI")
_EVENT = struct.Struct(">BIIBI")  # the fields of pcclient_std with an event type of four bytes, up to the data


class Shape(Record):
    """What records have in common that one `struct` call can read.

    ``recnum`` and ``index`` are the widths of those integers, ``index_type`` the type of the index TLV, ``digests``
    the algorithm and size of each digest.
    """

    recnum: int
    index_type: int
    index: int
    digests: tuple[tuple[int, int], ...]

    @property
    def first_digest(self) -> int:
        """Bytes from the start of a record to the first digest's TLV."""
        return 15 + self.recnum + self.index

    @property
    def content(self) -> int:
        """Bytes from the start of a record to its content TLV."""
        return self.first_digest + sum(5 + size for _, size in self.digests)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Distance from the start of the record, and size, of each digest."""
        position = self.first_digest
        spans = []
        for _, size in self.digests:
            spans.append((position + 5, size))
            position += 5 + size
        return tuple(spans)

    def form(self) -> Form:
        """As the native scanner wants it: what type and length fields say by distance, and where the rest is."""
        recnum, index, digests = 0, 5 + self.recnum, 10 + self.recnum + self.index
        heads = [
            (recnum, _HEAD.pack(RECNUM, self.recnum)),
            (index, _HEAD.pack(self.index_type, self.index)),
            (digests, _HEAD.pack(DIGESTS, sum(5 + size for _, size in self.digests))),
        ]
        spans = self.spans()
        heads += [(at - 5, _HEAD.pack(*digest)) for digest, (at, _) in zip(self.digests, spans, strict=True)]
        return heads, (recnum + 5, self.recnum), (index + 5, self.index), spans, self.content + 5

    def struct(self) -> tuple[struct.Struct, tuple[Any, ...]] | None:
        """A struct up to the content's length, and what its fields must be but for the numbers; None for odd widths."""
        if self.recnum not in _CODES or self.index not in _CODES:
            return None
        digests = "".join(f"5s{size}x" for _, size in self.digests)
        form = f">5s{_CODES[self.recnum]}5s{_CODES[self.index]}5s{digests}BI"
        expected = (
            _HEAD.pack(RECNUM, self.recnum),
            _HEAD.pack(self.index_type, self.index),
            _HEAD.pack(DIGESTS, sum(5 + size for _, size in self.digests)),
            *(_HEAD.pack(alg, size) for alg, size in self.digests),
        )
        return struct.Struct(form), expected


class Scan(Record):
    """What the scanner found.

    ``columns`` has a layout for each of ``shapes``; its registers are the index of every row, but `NOT_EXTENDED` for an
    EV_NO_ACTION. ``recnums`` and ``indices`` are those of all rows, ``types`` the content types besides pcclient_std.
    ``unread`` are the rows whose content the scanner did not read, or whose digests are not what is extended: it is for
    the reader to find out what they extend. ``stop`` is the trouble that ended the records.
    """

    columns: Recorded
    shapes: tuple[Shape, ...]
    recnums: array[int]
    indices: array[int]
    types: frozenset[int]
    unread: tuple[int, ...]
    stop: ParseError | None


def scan(data: bytes, start: int = 0) -> Scan:
    """Columns of the records from ``start`` to the end of ``data``."""
    offsets, indices, recnums, layout_of = array("Q"), array("I"), array("Q"), bytearray()
    silent: list[int] = []
    notable: list[int] = []
    unread: list[int] = []
    types: set[int] = set()
    shapes: dict[Shape, int] = {}
    add_offset, add_index, add_recnum = offsets.append, indices.append, recnums.append
    add_layout = layout_of.append
    unpack_event = _EVENT.unpack_from
    end = len(data)
    position = start
    current = 0
    fixed = end + 1  # more than is left: the first record takes the careful path
    unpack: Callable[[bytes, int], tuple[Any, ...]] = _HEAD.unpack_from
    first = second = b""
    rest: tuple[bytes, ...] = ()
    zeros: tuple[tuple[int, int, bytes], ...] = ()
    stop: ParseError | None = None
    native = hashing.native(end - start)
    form: Form | None = None
    while position < end:
        if native is not None and form is not None and position + fixed <= end:
            lists = silent, notable, unread, types
            position = native.cel_run(data, position, *form, offsets, indices, recnums, *lists)
            layout_of += bytes((current,)) * (len(offsets) - len(layout_of))
            if position == end:
                break
        fields: tuple[Any, ...] = ()
        if position + fixed <= end:
            fields = unpack(data, position)
            if fields[0] == first and fields[2] == second and fields[4:-2] == rest and fields[-2] > DIGESTS:
                recnum, index, content_type, size = fields[1], fields[3], fields[-2], fields[-1]
                content = position + fixed
            else:
                fields = ()
        if not fields or index > 0xFFFFFFFF:
            try:
                shape, recnum, index, content_type, content, size = _careful(data, position, len(offsets))
                current = _layout(shape, shapes, position, len(offsets))
            except ParseError as error:
                stop = error
                break
            compiled = shape.struct()
            fixed = end + 1
            if compiled is not None:
                fixed, unpack = compiled[0].size, compiled[0].unpack_from
                first, second, *others = compiled[1]
                rest = tuple(others)
            zeros = tuple((at, at + size, bytes(size)) for at, size in shape.spans())
            form = shape.form()
        following = content + size
        if following > end:
            stop = _cut(content - 5, size, end - content, len(offsets), "content")
            break
        row = len(offsets)
        if content_type == PCCLIENT:
            event_type = None
            if size >= 14:
                type_0, width, event_type, type_1, length = unpack_event(data, content)
                if type_0 or width != 4 or type_1 != 1 or length != size - 14:
                    event_type = _event_type(data, content, following)
            if event_type is None:
                unread.append(row)
            elif event_type == EV_NO_ACTION:
                silent.append(row)
                notable.append(row)
            elif event_type == EV_EFI_HCRTM_EVENT:
                notable.append(row)
        else:
            types.add(content_type)
            if content_type != IMA_TEMPLATE or not _is_template(data, content, following):
                unread.append(row)
            else:
                for at, to, zero in zeros:
                    if data[position + at : position + to] == zero:
                        unread.append(row)
                        break
        add_offset(position)
        add_index(index)
        add_recnum(recnum)
        add_layout(current)
        position = following
    registers = indices[:]
    for row in silent:
        registers[row] = NOT_EXTENDED
    layouts = tuple(_digests(shape) for shape in shapes)
    index_types = {shape.index_type for shape in shapes}
    space = INDEX_SPACES[index_types.pop()] if index_types else "pcr"
    columns = Recorded(data, offsets, registers, layouts, layout_of, position, space, tuple(notable))
    return Scan(columns, tuple(shapes), recnums, indices, frozenset(types), tuple(unread), stop)


def _digests(shape: Shape) -> Layout:
    from evlog.algorithms import HashAlg

    spans = shape.spans()
    return Layout(tuple((HashAlg.of(alg, size), at) for (alg, size), (at, _) in zip(shape.digests, spans, strict=True)))


def _layout(shape: Shape, shapes: dict[Shape, int], position: int, row: int) -> int:
    """The number of a shape, a new one if it is new."""
    number = shapes.setdefault(shape, len(shapes))
    if number == 256:
        del shapes[shape]
        raise ParseError("more than 256 different shapes of records", offset=position, where=f"events[{row}]")
    return number


def _careful(data: bytes, position: int, row: int) -> tuple[Shape, int, int, int, int, int]:
    """A record's head, whatever it is: shape, recnum, index, and type, offset and size of the content."""
    end = len(data)
    at, size = _expect(data, position, end, row, "recnum", (RECNUM,))[1:]
    recnum_width, recnum = size, _integer(data, at, size, 64, row, "recnum")
    index_type, at, size = _expect(data, at + size, end, row, "index", tuple(INDEX_SPACES))
    index_width, index = size, _integer(data, at, size, 32, row, "index")
    at, size = _expect(data, at + size, end, row, "digests", (DIGESTS,))[1:]
    if size > end - at:
        raise _cut(at - 5, size, end - at, row, "digests")
    digests: list[tuple[int, int]] = []
    here, after = at, at + size
    while here < after:
        where = f"digests[{len(digests)}]"
        if len(digests) == MAX_DIGESTS:
            message = f"more than {MAX_DIGESTS} digests in a record"
            raise ParseError(message, offset=here, where=f"events[{row}].digests")
        alg, value, length = _expect(data, here, after, row, where, None)
        if length > after - value:
            raise _cut(here, length, after - value, row, where)
        if not 0 < length <= MAX_DIGEST_SIZE:
            message = f"a digest of {length} bytes, 1 to {MAX_DIGEST_SIZE} can be"
            raise ParseError(message, offset=here + 1, where=f"events[{row}].{where}")
        digests.append((alg, length))
        here = value + length
    content_type, at, size = _expect(data, after, end, row, "content", None)
    if content_type <= DIGESTS:
        message = f"type {content_type} where a content type of 4 or more is due"
        raise ParseError(message, offset=after, where=f"events[{row}].content")
    if size > end - at:
        raise _cut(after, size, end - at, row, "content")
    return Shape(recnum_width, index_type, index_width, tuple(digests)), recnum, index, content_type, at, size


def _expect(
    data: bytes, position: int, end: int, row: int, where: str, types: tuple[int, ...] | None
) -> tuple[int, int, int]:
    """Type, offset of the value and length of the TLV at ``position``, which must be of one of the types."""
    if end - position < 5:
        message = f"truncated record: {max(end - position, 0)} bytes where a type and a length are due"
        raise TruncatedError(message, offset=position, where=f"events[{row}].{where}")
    number, length = _HEAD.unpack_from(data, position)
    if types is not None and number not in types:
        wanted = " or ".join(map(str, types))
        raise ParseError(f"type {number}, not {wanted}", offset=position, where=f"events[{row}].{where}")
    return number, position + 5, length


def _integer(data: bytes, at: int, width: int, bits: int, row: int, where: str) -> int:
    if width > 8:
        message = f"an integer of {width} bytes, at most 8 can be"
        raise ParseError(message, offset=at - 4, where=f"events[{row}].{where}")
    if width > len(data) - at:
        raise _cut(at - 5, width, len(data) - at, row, where)
    value = int.from_bytes(data[at : at + width], "big")
    if value >> bits:
        raise ParseError(f"a number of more than {bits} bits", offset=at, where=f"events[{row}].{where}")
    return value


def _cut(offset: int, needed: int, present: int, row: int, where: str) -> TruncatedError:
    message = f"truncated record: a value of {needed} bytes, {present} present"
    return TruncatedError(message, offset=offset, where=f"events[{row}].{where}")


def _event_type(data: bytes, position: int, end: int) -> int | None:
    """The event type of a pcclient_std content with fields in order; None for any other."""
    if end - position < 5:
        return None
    number, width = _HEAD.unpack_from(data, position)
    after = position + 5 + width
    if number or not 1 <= width <= 4 or end - after < 5:
        return None
    number, length = _HEAD.unpack_from(data, after)
    if number != 1 or length != end - after - 5:
        return None
    return int.from_bytes(data[position + 5 : after], "big")


def _is_template(data: bytes, position: int, end: int) -> bool:
    """Whether an ima_template content is its two fields in order, the name being ASCII."""
    if end - position < 10:
        return False
    number, length = _HEAD.unpack_from(data, position)
    after = position + 5 + length
    if number or end - after < 5 or not data[position + 5 : after].isascii():
        return False
    number, length = _HEAD.unpack_from(data, after)
    return bool(number == 1 and length == end - after - 5)
