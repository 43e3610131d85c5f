"""Furniture of the TCG rooms: the framing that TCG 1.2, TCG2 and CCEL share, read fast.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 9 and 10; UEFI 2.10 section 38 (CC_EVENT has the same
bytes). The construct declarations in `evlog.wire.tcg` are the reference for these records and write them; this file
is their fast twin and must agree with them on every input (tests/test_tcg_twins.py).

Departures accepted: digests in another order than the header's, or fewer; an algorithm that the header does not
declare but the registry knows; vendor info that is cut; padding of 0x00 or 0xFF and anything after it; a header of
16 zero bytes instead of its signature (CoCo attestation agent).
"""

from __future__ import annotations

import struct
from array import array

from evlog import hashing
from evlog._record import Record, partial
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.columns import NOT_EXTENDED, Layout, Recorded
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats import launch
from evlog.formats.tcg.first_record import RECORD1, RECORD1_SHAPES
from evlog.formats.tcg.packed import packed
from evlog.formats.tcg.preceding import FORMS
from evlog.model import Digest, Event, Finding, Header, LazyEvents, Log, Origin, Padding, Span
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.formats.tcg.preceding import Preceding
    from evlog.options import Options
    from evlog.registers import Space

LAST_PCR = 23
#: What is behind the end that a header gives, in the words of a finding.
BEHIND = "bytes behind the end of the events that the header gives, as an older launch leaves them: not read as events"
# Areas are powers of two from here on, or pages.
_AREAS = (1024, 4096)
MAX_DIGESTS = 64  # a bound beside the field that it bounds: no firmware comes near it

_U32 = struct.Struct("<I")
#: The layout of a TCG_PCR_EVENT.
_RECORD1 = Layout(((SHA1, 8),), RECORD1)


class Scan(Record):
    """What a scanner found: the columns, and the trouble that ended the records."""

    columns: Recorded
    stop: ParseError | None


def extends(register: int, space: Space) -> bool:
    """Whether replay can follow extensions of this index: not MRTD (CC MR 0), NV handles or 0xFFFFFFFF."""
    return register <= LAST_PCR and (space == "pcr" or register != 0)


def scan1(data: bytes, start: int, space: Space, byteorder: str = "little") -> Scan:
    """Columns of TCG_PCR_EVENT records from ``start`` on."""
    unpack = RECORD1_SHAPES[byteorder].unpack_from
    offsets, registers = array("Q"), array("I")
    notable: list[int] = []
    end = len(data)
    position = start
    native = hashing.native(end)
    if native is not None:
        followed = (0 if space == "pcr" else 1, LAST_PCR)
        position = native.tcg1_run(data, start, byteorder == "big", followed, offsets, registers, notable)
    stop: ParseError | None = None
    while position < end:
        if end - position < RECORD1:
            stop = _short(data, position, RECORD1, len(offsets))
            break
        register, event_type, digest, size = unpack(data, position)
        if register == event_type == 0xFFFFFFFF:
            break
        if not (register or event_type or size or any(digest)):
            break
        following = position + RECORD1 + size
        if following > end:
            stop = _short(data, position, RECORD1 + size, len(offsets))
            break
        if event_type in (EV_NO_ACTION, EV_EFI_HCRTM_EVENT):
            notable.append(len(offsets))
        extended = event_type != EV_NO_ACTION and extends(register, space)
        offsets.append(position)
        registers.append(register if extended else NOT_EXTENDED)
        position = following
    columns = Recorded(data, offsets, registers, (_RECORD1,), None, position, space, tuple(notable), byteorder)
    return Scan(columns, stop)


def scan2(
    data: bytes,
    start: int,
    algorithms: tuple[HashAlg, ...],
    space: Space,
    before: tuple[Preceding, ...] = (),
    header: int = 0,
) -> Scan:
    """Columns of a crypto-agile log: record 0 as a TCG_PCR_EVENT up to ``start``, then TCG_PCR_EVENT2.

    That record is the one at ``header`` if others, of either form, stand ``before`` it.
    One `struct` call reads a record as long as the algorithms and their order stay the same, as they do in nearly
    every log; another order is a new layout. The native scanner goes over such records and stops at any other.
    """
    sizes = {alg.id: alg for alg in (*ALGORITHMS.values(), *algorithms)}
    offsets, registers = array("Q"), array("I")
    notable = []
    layouts = [_RECORD1]
    layout_of = bytearray()
    known: dict[tuple[int, ...], int] = {}
    for each in before:
        listed = each.algorithms
        if listed is not None and listed not in known:
            known[listed] = len(layouts)
            layouts.append(_layout(listed, sizes))
        if each.event_type in (EV_NO_ACTION, EV_EFI_HCRTM_EVENT):
            notable.append(len(offsets))
        extended = each.event_type != EV_NO_ACTION and extends(each.register, space)
        offsets.append(each.offset)
        registers.append(each.register if extended else NOT_EXTENDED)
        layout_of.append(0 if listed is None else known[listed])
    if before:
        notable.append(len(offsets))
    offsets.append(header)
    registers.append(NOT_EXTENDED)
    layout_of.append(0)
    terminating, special = frozenset((0, 0xFFFFFFFF)), frozenset((EV_NO_ACTION, EV_EFI_HCRTM_EVENT))
    add_offset, add_register, add_layout = offsets.append, registers.append, layout_of.append
    lowest = 0 if space == "pcr" else 1
    end = len(data)
    position = start
    current = -1
    fixed = end + 1  # more than is left: the first record takes the careful path
    unpack: Callable[[bytes, int], tuple[int, ...]] = _U32.unpack_from
    signature: tuple[int, ...] = ()
    stop: ParseError | None = None
    native = hashing.native(end)
    while position < end:
        if position + fixed <= end:
            fields = unpack(data, position)
            if fields[2:-1] == signature:
                following = position + fixed + fields[-1]
                register, event_type = fields[0], fields[1]
                if event_type in terminating and _terminates(data, position):
                    break
                if following > end:
                    stop = _short(data, position, following - position, len(offsets))
                    break
                if event_type in special:
                    notable.append(len(offsets))
                    if event_type == EV_NO_ACTION:
                        register = NOT_EXTENDED
                add_offset(position)
                add_register(register if lowest <= register <= LAST_PCR else NOT_EXTENDED)
                add_layout(current)
                position = following
                continue
        # Another digest list than the last record's, padding, or damage.
        try:
            found = _digest_list(data, position, sizes, len(offsets))
        except ParseError as error:
            stop = error
            break
        if found is None:
            break
        if found in known and known[found] == current:
            # The same list as before did not fit above: the record ends beyond the input.
            stop = _short(data, position, fixed, len(offsets))
            break
        if found not in known:
            if len(layouts) == 256:
                message = "more than 255 different digest lists"
                stop = ParseError(message, offset=position, where=f"events[{len(offsets)}]")
                break
            known[found] = len(layouts)
            layouts.append(_layout(found, sizes))
        current = known[found]
        form = "<III" + "".join(f"H{sizes[alg].size}x" for alg in found) + "I"
        record = struct.Struct(form)
        unpack, fixed = record.unpack_from, record.size
        signature = (len(found), *found)
        if position + fixed > end:
            stop = _short(data, position, fixed, len(offsets))
            break
        if native is not None:
            places = [(distance - 2, alg.id) for alg, distance in layouts[current].digests]
            followed = (lowest, LAST_PCR)
            position = native.tcg2_run(data, position, places, fixed, followed, offsets, registers, notable)
            layout_of += bytes((current,)) * (len(offsets) - len(layout_of))
    if len(layouts) - 1 not in layout_of:
        # Only of a record that is cut: no event has these digests.
        layouts.pop()
    rows = offsets, registers, tuple(layouts), layout_of
    return Scan(Recorded(data, *rows, position, space, tuple(notable), "little"), stop)


def _terminates(data: bytes, position: int) -> bool:
    """Whether padding starts here: register and type all ones, or register, type, digest count and size all zero."""
    return data[position : position + 8] == b"\xff" * 8 or data[position : position + 16] == bytes(16)


def _layout(algorithms: tuple[int, ...], sizes: dict[int, HashAlg]) -> Layout:
    distance = 12
    digests = []
    for alg in algorithms:
        digests.append((sizes[alg], distance + 2))
        distance += 2 + sizes[alg].size
    return Layout(tuple(digests), distance + 4)


def _digest_list(data: bytes, position: int, sizes: dict[int, HashAlg], row: int) -> tuple[int, ...] | None:
    """The algorithm ids of the record at ``position``, or None where padding starts; raises ParseError on damage."""
    end = len(data)
    where = f"events[{row}]"
    if _terminates(data, position):
        return None
    if end - position < 12:
        error = _short(data, position, 12, row)
        if error is None:
            return None
        raise error
    (count,) = _U32.unpack_from(data, position + 8)
    if count > MAX_DIGESTS:
        raise ParseError(
            f"digest list: {count} digests, at most {MAX_DIGESTS} can be",
            offset=position + 8,
            where=f"{where}.digests",
        )
    here = position + 12
    algorithms = []
    for number in range(count):
        if end - here < 2:
            raise TruncatedError(f"digest list of {count} ends after {number}", offset=position, where=where)
        (alg,) = struct.unpack_from("<H", data, here)
        if alg not in sizes:
            raise ParseError(
                f"algorithm {alg:#06x} has no size in the header",
                offset=here,
                where=f"{where}.digests[{number}]",
            )
        algorithms.append(alg)
        here += 2 + sizes[alg].size
    return tuple(algorithms)


def _short(data: bytes, position: int, needed: int, row: int) -> ParseError | None:
    """The error for a record that ends beyond the input; None if what is left is only padding."""
    left = data[position : position + RECORD1]
    present = len(data) - position
    if present < RECORD1 and left.count(left[0]) == present and left[0] in (0x00, 0xFF):
        return None
    return TruncatedError(
        f"truncated record: {needed} bytes needed, {present} present",
        offset=position,
        where=f"events[{row}]",
    )


def tail(data: bytes, position: int) -> tuple[Padding | None, bytes]:
    """What follows the last record: a run of 0x00 or 0xFF, then whatever is left."""
    if position >= len(data):
        return None, b""
    fill = data[position]
    if fill not in (0x00, 0xFF):
        return None, data[position:]
    stop = position
    block = bytes([fill]) * 65536
    while data[stop : stop + len(block)] == block:
        stop += len(block)
    rest = data[stop : stop + len(block)]
    stop += len(rest) - len(rest.lstrip(block[:1]))
    return Padding(fill, stop - position), data[stop:]


def log_of(
    scan: Scan,
    format: str,
    algorithms: tuple[HashAlg, ...],
    options: Options,
    *,
    findings: tuple[Finding, ...] = (),
    byteorder: str = "little",
    platform: str | None = None,
    header: Header | None = None,
    before: int = 0,
    room: int | None = None,
) -> Log:
    """The Log over a scan. Raises the scan's error if ``options.strict``; otherwise it becomes a finding.

    ``before`` is the number of records before the header. ``room`` is where the area of the log ends, if its header
    says so, and where its events end.
    """
    columns, stop = scan.columns, scan.stop
    data = columns.buffer
    noted = list(findings)
    if stop is not None:
        if options.strict:
            raise stop
        code = "truncated_record" if isinstance(stop, TruncatedError) else "bad_record"
        noted.append(Finding(code, "error", str(stop), len(columns), stop.offset))
        padding, trailing = None, data[columns.end :]
    else:
        padding, trailing = tail(data, columns.end)
        if trailing:
            at = len(data) - len(trailing)
            behind = "bytes after the end of the log" if room is None else BEHIND
            message = f"{len(trailing)} {behind} (at byte {at:#x})"
            noted.append(Finding("trailing_bytes", "warning", message, None, at))
    if options.strict and noted:
        first = noted[0]
        raise ParseError(first.message, offset=first.offset)
    if _is_full(columns, len(data), room, cut=isinstance(stop, TruncatedError)):
        message = "the log ends at the edge of its area: what was measured later may not be in it"
        noted.append(Finding("area_full", "note", message, len(columns) - 1, columns.end))
    events = events_of(scan, format, options.name, byteorder, before)
    return Log(
        format,
        events,
        algorithms=algorithms,
        padding=padding,
        trailing=trailing,
        findings=tuple(noted),
        platform=options.platform or platform,
        name=options.name,
        header=header,
    )


def _is_full(columns: Recorded, length: int, room: int | None, *, cut: bool) -> bool:
    """Whether the area of a log has no place for another record, or was the end of the last one.

    Firmware stops at the end of its log area and says nothing. A file with the size of an area is taken for one.
    """
    if not len(columns):
        return False
    if room is None:
        if length < _AREAS[0] or (length % _AREAS[1] and length & (length - 1)):
            return False
        room = length
    return (cut and room == length) or 0 <= room - columns.end <= (columns.layout(len(columns) - 1).body or 0)


def events_of(scan: Scan, format: str, name: str, byteorder: str, before: int = 0) -> LazyEvents:
    """Events of a TCG log, made from its columns."""
    columns = scan.columns
    data, space = columns.buffer, columns.space
    layout_of = columns.layout_of
    one = RECORD1_SHAPES[byteorder].unpack_from
    shapes: dict[int, tuple[tuple[HashAlg, ...], Callable[..., tuple[Any, ...]]]] = {}
    registers: dict[int, Register] = {}

    def make(row: int) -> Event:
        offset = columns.offsets[row]
        length = columns.length(row)
        if layout_of is None or layout_of[row] == 0:
            index, event_type, digest, size = one(data, offset)
            digests: tuple[Digest, ...] = (Digest(SHA1, digest),)
        else:
            number = layout_of[row]
            if number not in shapes:
                shapes[number] = _shape_of(columns.layouts[number])
            algorithms, unpack = shapes[number]
            index, event_type, *values, size = unpack(data, offset)
            digests = tuple(map(Digest, algorithms, values))
        register = registers.get(index)
        if register is None:
            register = registers[index] = register_of(index, space)
        body = data[offset + length - size : offset + length]
        origin = Origin(name, format, Span(offset, length))
        wire = None if row >= before else FORMS[layout_of is not None and layout_of[row] != 0]
        return Event(row, register, digests, PCClientEvent(event_type, body), None, origin, wire)

    settled = launch.settled(columns, make)
    plain = byteorder == "little" and not before
    return LazyEvents(
        settled,
        make,
        reading=(space, byteorder),
        packed=partial(packed, settled) if plain else None,
    )


def _shape_of(layout: Layout) -> tuple[tuple[HashAlg, ...], Callable[..., tuple[Any, ...]]]:
    """The algorithms of a TCG_PCR_EVENT2 of this layout; and what reads its register, type, digests and data's size."""
    form, end = "<II", 8
    for alg, at in layout.digests:
        form += f"{at - end}x{alg.size}s"
        end = at + alg.size
    # The number of digests, and each one's algorithm, are passed over.
    form += f"{12 - end if not layout.digests else 0}xI"
    return tuple(alg for alg, _ in layout.digests), struct.Struct(form).unpack_from


def register_of(index: int, space: Space) -> Register:
    """The register that a TCG record's index names; NvIndexInstance records carry an NV handle there."""
    return Register("nv" if index >> 24 == 0x01 else space, index)


def register_index(event: Event, space: Space) -> int:
    """The number that stands for the event's register in a TCG record; NV handles stand as they are."""
    register = event.register
    if register.space not in (space, "nv"):
        message = f"register {register} is not in the space {space} (say --space or --register)"
        raise WriteError(message, event=event.number)
    return register.number
