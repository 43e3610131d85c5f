"""TCG 1.2: the SHA-1 event log of TPM 1.2 firmware (TCG_PCClientPCREvent), with or without a Spec ID event.

Spec: TCG PC Client Specific Implementation Specification for Conventional BIOS 1.21, section 11; TCG EFI Platform
Specification 1.22, section 7. PowerPC firmware writes it big-endian.
Departures accepted: a StartupLocality event first, no header at all, padding and bytes after the last record; the
container of a dynamic launch around the records, or within the Spec ID event (`evlog.formats.tcg.area`).
"""

from __future__ import annotations

from evlog.algorithms import SHA1
from evlog.contents.event_types import EV_NO_ACTION
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import AGILE, spec_id
from evlog.contents.startup_locality import is_startup_locality
from evlog.errors import ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.tcg import area as _area
from evlog.formats.tcg import first_record as _first_record
from evlog.formats.tcg import frame as _tcg
from evlog.model import Header, Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Event, Log
    from evlog.options import Options

ID = "tcg1"
TITLE = "TCG SHA-1 event log (TPM 1.2)"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a Spec ID Event00 or 02; likely of plausible records without a header, in either byte order."""
    if _area.has_container(data):
        return Match(CERTAIN, "a TXT event container: SHA-1 records")
    first = _first_record.first_record(data)
    if first is not None and first.event_type == EV_NO_ACTION:
        if _agile_header(first.data):
            return NO_MATCH
        found = spec_id(first.data)
        if found is not None:
            return Match(CERTAIN, f"Spec ID Event0{found.version}: SHA-1 records")
        if is_startup_locality(first.event_type, first.data):
            return Match(CERTAIN, "a StartupLocality event in record 0: SHA-1 records without a header")
    for byteorder in ("little", "big"):
        if _two_plausible(data, byteorder):
            return Match(LIKELY, f"{byteorder}-endian SHA-1 records without a header")
    return NO_MATCH


def _two_plausible(data: bytes, byteorder: str) -> bool:
    """Whether two records in a row, or the only one there is, look like SHA-1 records."""
    first = _first_record.first_record(data, byteorder)
    if first is None or not _first_record.plausible(first.register, first.event_type, len(first.data)):
        return False
    # An all-zero start is an empty log area, not an EV_PREBOOT_CERT.
    if not (first.register or first.event_type or first.data or any(first.digest)):
        return False
    second = _first_record.first_record(data[first.length :], byteorder)
    if second is None:
        return first.length == len(data)
    return _first_record.plausible(second.register, second.event_type, len(second.data))


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if record 0 cannot be one."""
    container = _area.container_of(data)
    if container is not None:
        return _read_container(data, container, options)
    byteorder = "little"
    first = _first_record.first_record(data)
    if first is None or (not _two_plausible(data, "little") and _two_plausible(data, "big")):
        byteorder = "big"
        first = _first_record.first_record(data, byteorder)
    if first is None:
        raise ParseError("no TCG_PCClientPCREvent", offset=0, where="events[0]")
    scan = _tcg.scan1(data, 0, "pcr", byteorder)
    header = Header(ID, (("byteorder", "big"),)) if byteorder == "big" else None
    return _tcg.log_of(scan, ID, (SHA1,), options, byteorder=byteorder, header=header)


def _read_container(data: bytes, container: _area.Container, options: Options) -> Log:
    scan, findings = _area.scan_container(data, container)
    # What is before the events is nobody's record, unless it is in one.
    choices: list[tuple[str, bytes | int]] = [] if container.at else [("container", data[: container.start])]
    if scan.columns.end != container.end:
        choices.append((_area.END, scan.columns.end))
    header = Header(ID, tuple(choices)) if choices else None
    room = None if container.end is None else container.at + container.header.size
    return _tcg.log_of(scan, ID, (SHA1,), options, findings=findings, header=header, room=room)


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log TCG 1.2 can hold: PC Client events on PCRs that have a SHA-1 digest, and no other bank."""
    from evlog.formats import recnum

    source = tuple(log.events)
    losses = list(recnum.losses(source, ID))
    events: list[Event] = []
    for event in source:
        content = event.content.pcclient(options)
        if content is None:
            losses.append(Loss(event.number, "content", f"{ID} has no {event.content.plural}"))
            continue
        digests = tuple(digest for digest in event.digests if digest.alg == SHA1)[:1]
        if not digests:
            losses.append(Loss(event.number, "content", "an event without a SHA-1 digest"))
            continue
        for digest in event.digests:
            if digest is not digests[0]:
                losses.append(Loss(event.number, f"digests.{digest.alg}", f"{ID} has one SHA-1 digest"))
        if _declares_banks(content):
            losses.append(Loss(event.number, "content", f"a {AGILE} declares crypto-agile records"))
            continue
        events.append(event.replace(digests=digests, content=content, recnum=None, wire=None))
    adapted = log.replace(format=ID, events=tuple(events), algorithms=(SHA1,))
    if log.format != ID:
        # What another container has around its records is its own, and might read as a record here.
        adapted = adapted.replace(header=None, padding=None, trailing=b"")
    return _fitted(adapted), losses


def _fitted(log: Log) -> Log:
    """The log with a container, if it has one, that ends where its events do: some may have been left out."""
    if not _before(log) and not any(_area.nests(_data(event)) for event in log.events[:1]):
        return log
    data = _bytes(log)
    end = len(data) - len(log.tail)
    container = _area.container_of(data)
    as_read = log.header is not None and log.header.get(_area.END) == end
    if container is None or container.end == end or as_read:
        return log
    made = _area.ended(data, container, end)
    if not container.at:
        return log.replace(header=Header(ID, (("container", made[: container.start]),)))
    log = log.replace(header=None)
    first, *rest = log.events
    content = first.content
    assert isinstance(content, PCClientEvent)
    body = made[_first_record.RECORD1 : _first_record.RECORD1 + len(content.data)]
    return log.replace(events=(first.replace(content=content.replace(data=body)), *rest))


def _data(event: Event) -> bytes:
    return event.content.data if isinstance(event.content, PCClientEvent) else b""


def _declares_banks(content: object) -> bool:
    if not isinstance(content, PCClientEvent) or content.event_type != EV_NO_ACTION:
        return False
    return _agile_header(content.data)


def _agile_header(data: bytes) -> bool:
    """Whether this is a header of crypto-agile records, sound or not: such a log is not of this format."""
    try:
        found = spec_id(data)
    except ParseError:
        return True
    return found is not None and found.agile


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of PC Client events with one SHA-1 digest each, in the container that it was read from."""
    data = _bytes(log)
    before = _before(log)
    try:
        container = _area.container_of(data)
    except ParseError as error:
        raise WriteError(f"not a TXT event container: {error}") from error
    if _area.has_container(data) != bool(before):
        raise WriteError("what is before the records reads as something else than it is")
    if container is not None:
        end = len(data) - len(log.tail)
        if (before and container.start != len(before)) or _area.events_end(data, container) != end:
            raise WriteError("the TXT event container gives another place of the events than they have")
    return data


def _before(log: Log) -> bytes:
    """What stands before the records, and is none."""
    return bytes(log.header.get("container", b"")) if log.header is not None else b""


def _bytes(log: Log) -> bytes:
    from evlog import wire
    from evlog.wire.tcg import event1

    declaration = event1[log.header.get("byteorder", "little") if log.header else "little"]
    parts = [_before(log)]
    for event in log.events:
        content = event.content
        if not isinstance(content, PCClientEvent):
            raise WriteError(f"a {content.kind} record has no place here", event=event.number)
        if len(event.digests) != 1 or event.digests[0].alg != SHA1:
            raise WriteError("exactly one SHA-1 digest is needed", event=event.number)
        fields = {
            "pcr_index": _tcg.register_index(event, "pcr"),
            "event_type": content.event_type,
            "digest": event.digests[0].value,
            "event_data": content.data,
        }
        parts.append(wire.build(declaration, fields, event=event.number))
    return b"".join(parts) + log.tail
