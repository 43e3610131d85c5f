"""Furniture of the rooms tcg2 and ccel, whose bytes are the same: telling them apart, reading, writing.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10; UEFI 2.10, section 38.
"""

from __future__ import annotations

import os
import struct
from itertools import islice

from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.contents.event_types import EV_NO_ACTION, EV_S_CRTM_VERSION
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import AGILE, SpecId, spec_id, spec_id_of
from evlog.errors import ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.tcg import first_record as _first_record
from evlog.formats.tcg import frame as _tcg
from evlog.model import Digest, Event, Header, Loss, banks_of
from evlog.registers import LAST_CCMR, Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.model import Content, Finding, Log
    from evlog.options import Options
    from evlog.registers import Space

#: Platforms whose firmware log is a CCEL.
CC_PLATFORMS = ("tdx", "cca", "csv")
# One bank of these is what confidential platforms have, and no TPM does.
_CC_BANKS = {"sha384", "sm3_256"}
# Enough records to tell PCRs from measurement registers; a firmware log has a hundred.
_SNIFFED = 4096


def _header(data: bytes) -> tuple[_first_record.FirstRecord, SpecId] | None:
    """Record 0 and its Spec ID event, or None. Raises ParseError for one whose table of algorithms cannot be."""
    first = _first_record.first_record(data)
    if first is None or first.event_type != EV_NO_ACTION:
        return None
    found = spec_id(first.data, _first_record.RECORD1)
    return (first, found) if found is not None and found.agile else None


def sniff(data: bytes, options: Options, space: Space) -> Match:
    """The answer of the room whose registers are in ``space``; the other room gets the opposite one."""
    try:
        header = _header(data)
    except ParseError as error:
        return Match(LIKELY, error.message) if space == "pcr" else NO_MATCH
    if header is None:
        return _sniff_headless(data, options, space)
    first, declared = header
    confidence, found, reason = space_of(first.register, declared, _records(data, *header), options)
    banks = ", ".join(map(str, declared.algorithms))
    return Match(confidence, f"Spec ID event with {banks}; {reason}") if found == space else NO_MATCH


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


def _records(data: bytes, first: _first_record.FirstRecord, declared: SpecId) -> Iterator[tuple[int, int]]:
    scan = _tcg.scan2(data, first.length, declared.algorithms, "pcr")
    two = struct.Struct("<II").unpack_from
    for offset in scan.columns.offsets[1:]:
        yield two(data, offset)


def read(data: bytes, options: Options, format: str, space: Space) -> Log:
    """Read a log of either room. Raises ParseError if record 0 is not a Spec ID event."""
    header = _header(data)
    if header is None:
        from evlog.formats.tcg import aael as _aael
        from evlog.formats.tcg import final_events as _final_events

        if not (_aael.is_fragment(data) or _final_events.are_records(data)):
            raise ParseError(f"record 0 is not a {AGILE}", offset=0, where="events[0]")
        return _log(_aael.scan_fragment(data, space), (), options, format, header=Header(format, (("headless", 1),)))
    first, declared = header
    scan = _tcg.scan2(data, first.length, declared.algorithms, space)
    return _log(
        scan, declared.algorithms, options, format, signed=declared.version is not None, findings=declared.findings
    )


def _log(
    scan: _tcg.Scan,
    declared: tuple[HashAlg, ...],
    options: Options,
    format: str,
    *,
    signed: bool = True,
    findings: tuple[Finding, ...] = (),
    header: Header | None = None,
) -> Log:
    banks = _banks(scan, declared, signed)
    platform = platform_of(banks) if scan.columns.space == "ccmr" else None
    return _tcg.log_of(scan, format, banks, options, findings=findings, platform=platform, header=header)


def _banks(scan: _tcg.Scan, declared: tuple[HashAlg, ...], signed: bool) -> tuple[HashAlg, ...]:
    """The header's algorithms, then any that only records have.

    A header without a signature stands for any platform: it declares banks that the log need not have.
    """
    met = [alg for layout in scan.columns.layouts[1:] for alg, _ in layout.digests]
    if not signed and len(scan.columns.layouts) > 1:
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
    for event in source:
        content = event.content.pcclient(options)
        if content is None:
            losses.append(Loss(event.number, "content", f"{format} has no {event.content.plural}"))
            continue
        if events or not _is_agile(content):
            met += [digest.alg for digest in event.digests]
        register = event.register
        if space == "ccmr" and register.space in ("rtmr", "rem"):
            register = Platform.counting(register.space, options.platform or log.platform).ccmr_of(register)
        events.append(event.replace(register=register, content=content, recnum=None, wire=None))
    algorithms = log.algorithms
    if not events or not _is_agile(events[0].content):
        algorithms = banks_of(met) or algorithms
        events.insert(0, _new_header(algorithms, space))
    adapted = log.replace(format=format, events=tuple(events), header=None, algorithms=algorithms)
    # What another container has around its records is its own, and might read as a record here.
    return adapted if log.format == format else adapted.replace(padding=None, trailing=b""), losses


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
    """The bytes of a log whose record 0 is a Spec ID event. Raises WriteError for anything else."""
    from evlog import wire
    from evlog.wire.tcg import event1, event2

    parts: list[bytes] = []
    sizes = {alg.id: alg.size for alg in ALGORITHMS.values()}
    headless = log.header is not None and log.header.get("headless") == 1
    if not headless:
        if not log.events or not _is_agile(log.events[0].content):
            raise WriteError(f"record 0 must be a {AGILE}", event=0)
        header = log.events[0]
        if [digest.alg.id for digest in header.digests] != [SHA1.id]:
            raise WriteError("the Spec ID event has exactly one SHA-1 digest", event=header.number)
        parts.append(wire.build(event1["little"], _header_fields(header, space), event=header.number))
        sizes = _sizes(header)
    declaration = event2(sizes)
    for event in log.events[len(parts) :]:
        content = event.content
        if not isinstance(content, PCClientEvent):
            raise WriteError(f"a {content.kind} record has no place here", event=event.number)
        index = _tcg.register_index(event, space)
        for digest in event.digests:
            if sizes.get(digest.alg.id) != len(digest.value):
                message = f"{digest.alg} digests of {len(digest.value)} bytes are not what the Spec ID event declares"
                raise WriteError(message, event=event.number)
        fields = {
            "pcr_index": index,
            "event_type": content.event_type,
            "digests": [{"hash_alg": d.alg.id, "digest": d.value} for d in event.digests],
            "event": content.data,
        }
        parts.append(wire.build(declaration, fields, event=event.number))
    return b"".join(parts) + log.tail


def _header_fields(header: Event, space: Space) -> dict[str, object]:
    content = header.content
    assert isinstance(content, PCClientEvent)
    return {
        "pcr_index": _tcg.register_index(header, space),
        "event_type": content.event_type,
        "digest": header.digests[0].value,
        "event_data": content.data,
    }


def _sizes(header: Event) -> dict[int, int]:
    """Digest sizes by TPM_ALG_ID, as a reader of the header will take them."""
    found = spec_id_of(header.content)
    declared = found.algorithms if found is not None else ()
    return {alg.id: alg.size for alg in (*ALGORITHMS.values(), *declared)}
