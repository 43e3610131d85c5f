"""Furniture of the rooms tcg2 and ccel, whose bytes are the same: telling them apart, reading, writing.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10; UEFI 2.10, section 38.
"""

from __future__ import annotations

import os
import struct
from itertools import islice

from evlog._record import Record
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.contents.event_types import EV_NO_ACTION, EV_S_CRTM_VERSION
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import AGILE, BEFORE, MOST_BEFORE, SpecId, spec_id, spec_id_of
from evlog.errors import ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.tcg import area as _area
from evlog.formats.tcg import first_record as _first_record
from evlog.formats.tcg import frame as _tcg
from evlog.formats.tcg import packed as _packed
from evlog.formats.tcg import plain_records as _plain_records
from evlog.formats.tcg import preceding as _preceding
from evlog.model import Digest, Event, Finding, Header, Loss, banks_of
from evlog.registers import LAST_CCMR, Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from evlog.formats.tcg.preceding import Preceding
    from evlog.model import Content, Log
    from evlog.options import Options
    from evlog.registers import Space

#: Platforms whose firmware log is a CCEL.
CC_PLATFORMS = ("tdx", "cca", "csv")
# One bank of these is what confidential platforms have, and no TPM does.
_CC_BANKS = {"sha384", "sm3_256"}
# Enough records to tell PCRs from measurement registers; a firmware log has a hundred.
_SNIFFED = 4096
# More than any header has.
_PRECEDED = 4096


class _Head(Record):
    """The header of a log: its record, where that begins, what it declares, and the records that stand before it."""

    first: _first_record.FirstRecord
    declared: SpecId
    at: int = 0
    before: tuple[Preceding, ...] = ()

    @property
    def start(self) -> int:
        """Where the records under it begin."""
        return self.at + self.first.length


def _header(data: bytes) -> _Head | None:
    """The Spec ID event in record 0, or behind some others, or None.

    Raises ParseError for one in record 0 whose table of algorithms cannot be.
    """
    found = _header_at(data, 0)
    if found is not None:
        return found
    before, at = _preceding.preceding(data)
    try:
        found = _header_at(data[: at + _PRECEDED], at) if before else None
    except ParseError:
        return None
    return None if found is None else found.replace(before=before)


def _header_at(data: bytes, at: int) -> _Head | None:
    first = _first_record.first_record(data[at:] if at else data)
    if first is None or first.event_type != EV_NO_ACTION:
        return None
    found = spec_id(first.data, at + _first_record.RECORD1)
    return _Head(first, found, at) if found is not None and found.agile else None


def sniff(data: bytes, options: Options, space: Space) -> Match:
    """The answer of the room whose registers are in ``space``; the other room gets the opposite one."""
    try:
        header = _header(data)
    except ParseError as error:
        return Match(LIKELY, error.message) if space == "pcr" else NO_MATCH
    if header is None:
        return _sniff_headless(data, options, space)
    first, declared = header.first, header.declared
    confidence, found, reason = space_of(first.register, declared, _records(data, header), options)
    banks = ", ".join(map(str, declared.algorithms))
    behind = f" behind {len(header.before)} records" if header.before else ""
    # No other format's bytes lead to such a record: it is certain which family they are.
    confidence = CERTAIN if header.before else confidence
    return Match(confidence, f"Spec ID event with {banks}{behind}; {reason}") if found == space else NO_MATCH


def _sniff_headless(data: bytes, options: Options, space: Space) -> Match:
    """The answer of a room where the first record is no header."""
    from evlog.formats.tcg import aael as _aael
    from evlog.formats.tcg import final_events as _final_events

    if _aael.is_fragment(data):
        confidence, what = CERTAIN, "agent's entries"
    elif _final_events.are_records(data):
        confidence, what = LIKELY, "crypto-agile records"
    else:
        return NO_MATCH
    scan = _aael.scan_fragment(data, space)
    banks = {alg.name for layout in scan.columns.layouts[1:] for alg, _ in layout.digests}
    told = "pcr" if confidence == LIKELY and not (len(banks) == 1 and banks <= _CC_BANKS) else _aael.space_of(scan)
    found, reason = _given(options) or (told, what)
    return Match(confidence, f"{reason}, without a header") if found == space else NO_MATCH


def _stand_alone(data: bytes) -> bool:
    """Whether the bytes are records that nobody takes for anything else, without a header before them."""
    from evlog.formats.tcg import aael as _aael
    from evlog.formats.tcg import final_events as _final_events

    return _aael.is_fragment(data) or _final_events.are_records(data)


def space_of(
    register: int, declared: SpecId, records: Iterable[tuple[int, int]], options: Options
) -> tuple[int, Space, str]:
    """PCRs or CC measurement registers: confidence, space, reason.

    The rules are in the order of what they prove; on the public logs of either kind they have no exception.
    ``register`` is the index of the Spec ID event, ``records`` are the index and event type of the records after it;
    they are looked at only where nothing else decides.
    """
    given = _given(options)
    if given is not None:
        return CERTAIN, *given
    if declared.version is None:
        beyond = any(index > LAST_CCMR and event_type != EV_NO_ACTION for index, event_type in records)
        reason = "a header without a signature, as the attestation agent writes it"
        return CERTAIN, "pcr" if beyond else "ccmr", reason
    if register == 1:
        return CERTAIN, "ccmr", "the header's index is 1, as only OVMF writes it, into a CCEL"
    if b"td-shim" in declared.vendor_info:
        return CERTAIN, "ccmr", "the header's vendor info is td-shim's"
    named = "ccel" in os.path.basename(options.name).lower()
    several = len(declared.algorithms) > 1
    if several and not named:
        return CERTAIN, "pcr", "several banks"
    own = not several and declared.algorithms[0].name in _CC_BANKS
    if not (own or named):
        return LIKELY, "pcr", f"one bank of {declared.algorithms[0]}, nothing that tells of a CCEL"
    seen = False
    for index, event_type in islice(records, _SNIFFED):
        seen = True
        if index > LAST_CCMR and event_type != EV_NO_ACTION:
            return CERTAIN, "pcr", f"an event on index {index}"
        if index == 0 and event_type == EV_S_CRTM_VERSION:
            return CERTAIN, "pcr", "EV_S_CRTM_VERSION on index 0"
    if seen and own:
        return LIKELY, "ccmr", f"indices 0 to {LAST_CCMR} only"
    if named:
        return LIKELY, "ccmr", "the file's name says CCEL, and nothing speaks against it"
    return LIKELY, "pcr", "no events that would tell of a CCEL"


def _given(options: Options) -> tuple[Space, str] | None:
    """The register space that the caller settled, and how."""
    if options.space in ("pcr", "ccmr"):
        return options.space, f"register space {options.space} was given"
    if options.platform is not None:
        space = "ccmr" if options.platform in CC_PLATFORMS else "pcr"
        return space, f"platform {options.platform} was given"
    return None


def _records(data: bytes, header: _Head) -> Iterator[tuple[int, int]]:
    scan = _tcg.scan2(data, header.start, header.declared.algorithms, "pcr", header.before, header.at)
    two = struct.Struct("<II").unpack_from
    for offset in scan.columns.offsets:
        if offset != header.at:
            yield two(data, offset)


def read(data: bytes, options: Options, format: str, space: Space) -> Log:
    """Read a log of either room. Raises ParseError if record 0 is not a Spec ID event."""
    header = _header(data)
    if header is None:
        from evlog.formats.tcg import aael as _aael

        if not _stand_alone(data):
            raise ParseError(f"record 0 is not a {AGILE}", offset=0, where="events[0]")
        return _log(_aael.scan_fragment(data, space), (), options, format, header=Header(format, (("headless", 1),)))
    bounded = _scan(data, header, space)
    return _log(
        bounded.scan,
        header.declared.algorithms,
        options,
        format,
        signed=header.declared.version is not None,
        findings=(*_remarks(header), *bounded.findings),
        header=_mark(format, len(header.before), bounded),
        before=len(header.before),
        room=bounded.room,
    )


def _scan(data: bytes, header: _Head, space: Space) -> _area.Bounded:
    """The records under a header, which may be of a loader that says where they end: see `area.scan_skinit`."""

    def scan(part: bytes) -> _tcg.Scan:
        return _tcg.scan2(part, header.start, header.declared.algorithms, space, header.before, header.at)

    return _area.scan_skinit(data, header.start, header.declared.vendor_info, scan)


def _mark(format: str, before: int, bounded: _area.Bounded | None = None) -> Header | None:
    """What a log says of records before its header: events with lower numbers than that are those.

    And where the events end, if the header gives another place.
    """
    choices = ((BEFORE, before),) if before else ()
    if bounded is not None and bounded.findings:
        choices = (*choices, (_area.END, bounded.scan.columns.end))
    return Header(format, choices) if choices else None


def _remarks(header: _Head) -> Iterator[Finding]:
    """What is odd about a header, and where it stands."""
    count = len(header.before)
    if count:
        which, were = ("a record stands", "it was") if count == 1 else (f"{count} records stand", "they were")
        message = (
            f"{which} before the Spec ID event (at byte {header.at:#x}): the log does not tell whether {were} extended"
        )
        yield Finding("record_before_header", "warning", message, 0, 0)
    yield from (each.replace(event=count) for each in header.declared.findings)


def _log(
    scan: _tcg.Scan,
    declared: tuple[HashAlg, ...],
    options: Options,
    format: str,
    *,
    signed: bool = True,
    findings: tuple[Finding, ...] = (),
    header: Header | None = None,
    before: int = 0,
    room: int | None = None,
) -> Log:
    banks = _banks(scan, declared, signed, before)
    platform = platform_of(banks) if scan.columns.space == "ccmr" else None
    return _tcg.log_of(
        scan, format, banks, options, findings=findings, platform=platform, header=header, before=before, room=room
    )


def _banks(scan: _tcg.Scan, declared: tuple[HashAlg, ...], signed: bool, before: int) -> tuple[HashAlg, ...]:
    """The header's algorithms, then any that only records have.

    A header without a signature stands for any platform: it declares banks that the log need not have.
    """
    columns = scan.columns
    # The header's own digest is of no bank, that of another record in its form is.
    some = 0 if columns.layout_of is not None and 0 in columns.layout_of[:before] else 1
    met = [alg for layout in columns.layouts[some:] for alg, _ in layout.digests]
    if not signed and len(columns.layouts) > 1:
        return banks_of(met)
    # Of an algorithm that is declared twice the last size is that of its digests.
    return banks_of((*{alg.id: alg for alg in declared}.values(), *met))


def platform_of(algorithms: Sequence[HashAlg]) -> str | None:
    """Each confidential platform has its own bank: TDX SHA-384, Hygon CSV SM3, an Arm realm SHA-256 or SHA-512."""
    if len(algorithms) != 1:
        return None
    by_bank = {"sha384": "tdx", "sm3_256": "csv", "sha256": "cca", "sha512": "cca"}
    return by_bank.get(algorithms[0].name)


def adapt(log: Log, options: Options, format: str, space: Space) -> tuple[Log, Sequence[Loss]]:
    """The events of a log as TCG_PCR_EVENT2 records under a Spec ID Event03, and what that costs."""
    from evlog.formats import recnum

    source = tuple(log.events)
    losses = list(recnum.losses(source, format))
    events: list[Event] = []
    met: list[HashAlg] = []
    before = _header_row(source) or 0
    for place, event in enumerate(source):
        content = event.content.pcclient(options)
        if content is None:
            losses.append(Loss(event.number, "content", f"{format} has no {event.content.plural}"))
            continue
        if events or not _is_agile(content):
            met += [digest.alg for digest in event.digests]
        # How a record before the header is spelled is all that tells what it is.
        wire = event.wire if log.format == format and place < before else None
        register = event.register
        if space == "ccmr" and register.space in ("rtmr", "rem"):
            register = Platform.counting(register.space, options.platform or log.platform).ccmr_of(register)
        events.append(event.replace(register=register, content=content, recnum=None, wire=wire))
    algorithms = log.algorithms
    if log.format == format and _is_headless(log) and _stand_alone(_records_of(events[:2], space)):
        # Nothing but a header would be new: what goes on where another log ends has none.
        return log.replace(events=tuple(events)), losses
    row = _header_row(events)
    if row is None:
        algorithms = banks_of(met) or algorithms
        events.insert(0, _new_header(algorithms, space))
    adapted = log.replace(format=format, events=tuple(events), header=_mark(format, row or 0), algorithms=algorithms)
    if log.format != format:
        # What another container has around its records is its own, and might read as a record here.
        adapted = adapted.replace(padding=None, trailing=b"")
    as_read = log.header.get(_area.END) if log.format == format and log.header is not None else None
    return _fitted(adapted, space, as_read), losses


def _fitted(log: Log, space: Space, as_read: int | None) -> Log:
    """The log such that it reads as it is: with the end of its events where SKL's header gives it, no more behind it.

    Some events may have been left out, or the header that says that what is behind them is none. ``as_read`` is where
    they ended in spite of the header.
    """
    if not _may_read_otherwise(log):
        return log
    data = _bytes(log, space)
    end = len(data) - len(log.tail)
    if as_read == end and _events_end(data, space) == end:
        return log.replace(header=Header(log.format, (*(log.header.options if log.header else ()), (_area.END, end))))
    row = _header_row(log.events) or 0
    header = log.events[row]
    content = header.content
    assert isinstance(content, PCClientEvent)
    made = _area.skinit_ended(content.data, end)
    if made != content.data:
        events = (*log.events[:row], header.replace(content=content.replace(data=made)), *log.events[row + 1 :])
        log = log.replace(events=events)
    if log.trailing and _events_end(_bytes(log, space), space) != end:
        log = log.replace(padding=None, trailing=b"")
    return log


def _may_read_otherwise(log: Log) -> bool:
    """Whether it is more than the records that decides where a reader takes them to end."""
    row = _header_row(log.events)
    found = spec_id_of(log.events[row].content) if row is not None else None
    return bool(log.trailing or row) or (found is not None and _area.is_skinit(found.vendor_info))


def _events_end(data: bytes, space: Space) -> int:
    """Where the events of a log end, as a reader of its bytes finds."""
    header = _header(data)
    assert header is not None
    return _scan(data, header, space).scan.columns.end


def _header_row(events: Sequence[Event]) -> int | None:
    """The row of the header: the first, or the one behind records that say that they stood before it; or None."""
    for row, event in enumerate(events[: MOST_BEFORE + 1]):
        if _is_agile(event.content):
            return row
        if event.wire not in _preceding.FORMS:
            break
    return None


def _is_agile(content: Content) -> bool:
    """Whether the content is a header that says how crypto-agile records are read."""
    found = spec_id_of(content)
    return found is not None and found.agile


def _new_header(algorithms: Sequence[HashAlg], space: Space) -> Event:
    """A Spec ID Event03 for a log that has none, declaring the banks that its events have; its number is no event's."""
    from evlog import wire
    from evlog.registers import Register
    from evlog.wire.tcg import spec_id_event03

    data = wire.build(
        spec_id_event03,
        {
            "platform_class": 0,
            "spec_version_minor": 0,
            "spec_version_major": 2,
            "spec_errata": 0,
            "uintn_size": 2,
            "digest_sizes": [{"algorithm_id": alg.id, "digest_size": alg.size} for alg in algorithms],
            "vendor_info": b"",
        },
    )
    # OVMF writes index 1 into the header of a CCEL, which also is what tells the two apart.
    register = Register(space, 1 if space == "ccmr" else 0)
    return Event(-1, register, (Digest(SHA1, bytes(20)),), PCClientEvent(EV_NO_ACTION, data))


def write(log: Log, space: Space) -> bytes:
    """The bytes of a log whose record 0 is a Spec ID event, or that was read without. Raises WriteError for others."""
    if _is_headless(log):
        records = _records_of(log.events, space)
        if not _stand_alone(records):
            raise WriteError("without a header nobody would take these records for what they are")
        return records + log.tail
    data = _bytes(log, space)
    if _may_read_otherwise(log) and _events_end(data, space) != len(data) - len(log.tail):
        raise WriteError("what is behind the records, or the header, would make it read with other events")
    return data


def rewrite(log: Log, options: Options, format: str, space: Space) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a log, where that is all of it: see `evlog.formats`."""
    source = log.packed
    if source is None or source.space != space or not source.counted or not len(log.events):
        return None
    if log.format == format and (log.header is not None or log.tail):
        # What the container has besides is kept.
        return None
    header, first = log.events[0], 1
    found = spec_id_of(header.content)
    if found is None or not found.agile:
        met = (alg for layout in source.used for alg, _ in layout.digests)
        header, first = _new_header(banks_of(met) or log.algorithms, space), 0
    elif [(digest.alg, len(digest.value)) for digest in header.digests] != [(SHA1, SHA1.size)] or _area.is_skinit(
        found.vendor_info
    ):
        return None
    content = header.content
    assert isinstance(content, PCClientEvent)
    number, [digest] = header.register.number, header.digests
    if number >= _packed.FIRST_HANDLE:
        return None
    pack = _first_record.RECORD1_SHAPES["little"].pack
    head = pack(number, content.event_type, digest.value, len(content.data)) + content.data
    data = _packed.records(source, first, _sizes(header), head)
    return None if data is None else (data, 1 - first)


def excerpt(log: Log, rows: Sequence[int]) -> bytes | None:
    """See `evlog.formats`: records behind a header that says nothing of where they end."""
    columns = log.columns
    if columns is None or log.packed is None or log.header is not None or not rows or rows[0]:
        return None
    found = spec_id_of(log.events[0].content)
    if found is None or not found.agile or _area.is_skinit(found.vendor_info):
        return None
    return columns.gathered(rows)


def _bytes(log: Log, space: Space) -> bytes:
    row = _header_row(log.events)
    if row is None:
        raise WriteError(f"record 0 must be a {AGILE}", event=0)
    header = log.events[row]
    if [digest.alg.id for digest in header.digests] != [SHA1.id]:
        raise WriteError("the Spec ID event has exactly one SHA-1 digest", event=header.number)
    before = b"".join(_preceding_record(event, space) for event in log.events[:row])
    first = _record1(header, space)
    return before + first + _records_of(log.events[row + 1 :], space, _sizes(header)) + log.tail


def _preceding_record(event: Event, space: Space) -> bytes:
    """A record before the header, in the form that it was read in."""
    if event.wire == _preceding.FORMS[1]:
        return _records_of((event,), space)
    if [digest.alg.id for digest in event.digests] != [SHA1.id]:
        raise WriteError("such a record before the Spec ID event has exactly one SHA-1 digest", event=event.number)
    return _record1(event, space)


def _is_headless(log: Log) -> bool:
    return log.header is not None and log.header.get("headless") == 1


def _records_of(events: Iterable[Event], space: Space, sizes: dict[int, int] | None = None) -> bytes:
    """Events as TCG_PCR_EVENT2, with digests of these sizes by TPM_ALG_ID, or of those that the algorithms have."""
    sizes = sizes or {alg.id: alg.size for alg in ALGORITHMS.values()}
    declaration: Any = None
    parts = []
    for event in events:
        content = event.content
        if not isinstance(content, PCClientEvent):
            raise WriteError(f"a {content.kind} record has no place here", event=event.number)
        index = _tcg.register_index(event, space)
        for digest in event.digests:
            if sizes.get(digest.alg.id) != len(digest.value):
                message = f"{digest.alg} digests of {len(digest.value)} bytes are not what the Spec ID event declares"
                raise WriteError(message, event=event.number)
        digests = [(digest.alg.id, digest.value) for digest in event.digests]
        record = _plain_records.record2(index, content.event_type, digests, content.data, sizes)
        if record is not None:
            parts.append(record)
            continue
        from evlog import wire
        from evlog.wire.tcg import event2

        declaration = declaration or event2(sizes)
        fields = {
            "pcr_index": index,
            "event_type": content.event_type,
            "digests": [{"hash_alg": d.alg.id, "digest": d.value} for d in event.digests],
            "event": content.data,
        }
        parts.append(wire.build(declaration, fields, event=event.number))
    return b"".join(parts)


def _record1(event: Event, space: Space) -> bytes:
    """An event as a TCG_PCR_EVENT."""
    content = event.content
    if not isinstance(content, PCClientEvent):
        raise WriteError(f"a {content.kind} record has no place here", event=event.number)
    index, digest = _tcg.register_index(event, space), event.digests[0].value
    record = _plain_records.record1(index, content.event_type, digest, content.data)
    if record is not None:
        return record
    from evlog import wire
    from evlog.wire.tcg import event1

    fields = {"pcr_index": index, "event_type": content.event_type, "digest": digest, "event_data": content.data}
    return wire.build(event1["little"], fields, event=event.number)


def _sizes(header: Event) -> dict[int, int]:
    """Digest sizes by TPM_ALG_ID, as a reader of the header will take them."""
    found = spec_id_of(header.content)
    declared = found.algorithms if found is not None else ()
    return {alg.id: alg.size for alg in (*ALGORITHMS.values(), *declared)}
