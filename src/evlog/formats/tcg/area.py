"""Furniture of the TCG rooms: logs of a dynamic launch, whose header says where the events end.

Spec: `evlog.contents.launch_area`. What is behind that end is memory, even if it parses as records: it is kept as
bytes. An end that cannot be is said to be wrong, and events are read as far as they go.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.contents.event_types import EV_NO_ACTION
from evlog.contents.launch_area import CONTAINER, SIGNATURE, SKINIT, TxtContainer, skinit_area, txt_container
from evlog.errors import TruncatedError
from evlog.formats.tcg import frame as _tcg
from evlog.formats.tcg.first_record import RECORD1, first_record
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "END",
    "Bounded",
    "Container",
    "container_of",
    "ended",
    "ends_at",
    "events_end",
    "has_container",
    "is_skinit",
    "nests",
    "scan_container",
    "scan_skinit",
    "skinit_ended",
]

#: The option of `evlog.model.Header` that says where the events ended, of a log whose own header gives another place.
END = "end"
#: Where SKL's container begins in the data of its Spec ID Event00: behind the fields that all have.
_INNER = 25
_U32 = struct.Struct("<I")


class Container(Record):
    """A TXT event container: where it begins, its header, and where in the file its events begin and end.

    ``end`` is None if the header does not tell.
    """

    at: int
    header: TxtContainer
    start: int
    end: int | None
    findings: tuple[Finding, ...] = ()


def has_container(data: bytes) -> bool:
    """Whether a TXT event container begins with the first byte."""
    return data[: len(SIGNATURE)] == SIGNATURE


def nests(data: bytes) -> bool:
    """Whether the data of a Spec ID event has a container's header for vendor information, as SKL writes it."""
    return (
        len(data) == _INNER + CONTAINER
        and data.startswith(b"Spec ID Event00\0")
        and data[_INNER - 1] == CONTAINER
        and data[_INNER:].startswith(SIGNATURE)
    )


def _nests(data: bytes) -> bool:
    first = first_record(data)
    return first is not None and first.event_type == EV_NO_ACTION and nests(first.data)


def container_of(data: bytes) -> Container | None:
    """The container that a log is, or that its Spec ID Event00 has; None for another log.

    Raises ParseError for one whose header is cut.
    """
    plain = has_container(data)
    if not plain and not _nests(data):
        return None
    at = 0 if plain else RECORD1 + _INNER
    header = txt_container(data, at)
    if header is None:
        message = f"a TXT event container has a header of {CONTAINER} bytes, {len(data)} are present"
        raise TruncatedError(message, offset=0, where="container")
    return _placed(data, at, header)


def _placed(data: bytes, at: int, header: TxtContainer) -> Container:
    findings: list[Finding] = []

    def wrong(field: int, message: str) -> None:
        findings.append(Finding("launch_area", "error", f"TXT event container: {message}", None, at + field))

    present = len(data) - at
    if not header.known:
        wrong(header.VERSION, f"version {header.version}, 1.x of events 1.x expected: read as if it were that")
    first = header.first
    # Of a container within a record all is known that is before the events.
    if not CONTAINER <= first <= present or (at and first != CONTAINER):
        wrong(header.FIRST, f"PCREventsOffset is {first}, and {present} bytes are present: read from {CONTAINER} on")
        first = CONTAINER
    end: int | None = at + header.next
    if not first <= header.next <= present:
        there = f"of events from {first} on and {present} bytes that are present"
        wrong(header.NEXT, f"NextEventOffset is {header.next}, {there}: read up to what is no event")
        end = None
    elif header.next > header.size:
        wrong(header.SIZE, f"it has {header.size} bytes, and its events end at {header.next}")
    return Container(at, header, at + first, end, tuple(findings))


class Bounded(Record):
    """A scan, what is wrong with the end that a header gives, and where the area ends, if it gives a right one."""

    scan: _tcg.Scan
    findings: tuple[Finding, ...] = ()
    room: int | None = None


def scan_skinit(data: bytes, start: int, vendor_info: bytes, scan: Callable[[bytes], _tcg.Scan]) -> Bounded:
    """What is scanned of a log whose header may be SKL's, up to the end that it gives if a record ends there.

    ``start`` is where the records begin that ``scan`` goes over.
    """
    area = skinit_area(vendor_info)
    if area is None or not area.next:
        return Bounded(scan(data))
    if start <= area.next < len(data):
        found = ends_at(data, area.next, scan)
        if found.stop is None and found.columns.end == area.next:
            return Bounded(found, (), area.size)
    found = scan(data)
    if found.columns.end == area.next:
        return Bounded(found, (), area.size)
    message = f"SKINIT: the header gives byte {area.next:#x} as the end of the events, and no record ends there"
    return Bounded(found, (Finding("launch_area", "warning", message, None, start - _U32.size),))


def scan_container(data: bytes, container: Container) -> tuple[_tcg.Scan, tuple[Finding, ...]]:
    """Columns of the events in a container, and what is wrong with it."""
    start = 0 if container.at else container.start
    scan = ends_at(data, container.end, lambda part: _tcg.scan1(part, start, "pcr"))
    columns, findings = scan.columns, container.findings
    if container.end is None or columns.end == container.end:
        return scan, findings
    reason = "which is within a record" if scan.stop is not None else "and no record is there"
    message = f"NextEventOffset is {container.header.next}, {reason}: the last one ends at {columns.end - container.at}"
    at = container.at + container.header.NEXT
    wrong = Finding("launch_area", "error", f"TXT event container: {message}", len(columns), at)
    return scan.replace(stop=None), (*findings, wrong)


def ends_at(data: bytes, end: int | None, scan: Callable[[bytes], _tcg.Scan]) -> _tcg.Scan:
    """What is scanned of a log up to an end, over all of its bytes."""
    if end is None or end >= len(data):
        return scan(data)
    found = scan(data[:end])
    return found.replace(columns=found.columns.replace(buffer=data))


def events_end(data: bytes, container: Container) -> int:
    """Where the events of a container end, as a reader of the bytes finds."""
    return scan_container(data, container)[0].columns.end


def ended(data: bytes, container: Container, end: int) -> bytes:
    """The bytes of a container with another end of its events, and with the size that it has."""
    made = bytearray(data)
    _U32.pack_into(made, container.at + TxtContainer.NEXT, end - container.at)
    _U32.pack_into(made, container.at + TxtContainer.SIZE, len(data) - container.at)
    return bytes(made)


def is_skinit(vendor_info: bytes) -> bool:
    """Whether a header has SKL's vendor information, and an end of the events in it."""
    area = skinit_area(vendor_info)
    return area is not None and area.next > 0


def skinit_ended(spec_id: bytes, end: int) -> bytes:
    """A Spec ID event with another end of the events, if it has SKL's vendor information last."""
    area = skinit_area(spec_id[-SKINIT:])
    if area is None or not area.next or spec_id[-SKINIT - 1] != SKINIT:
        return spec_id
    return spec_id[:-SKINIT] + area.replace(size=max(area.size, end), next=end).pack()
