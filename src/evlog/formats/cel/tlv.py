"""CEL-TLV: records of type, length and value.

Spec: TCG Canonical Event Log Format 1.1, section 5.1. There is no header: a log is its records, one after the other.
Departures accepted: integers of any width, and written in the widths that some readers insist on (`PROFILES`); content
fields in any order; type 108 for the index of a CC measurement register (go-eventlog). The prototype of 2018, whose
lengths are little-endian, is refused by name.
"""

from __future__ import annotations

import struct

from evlog import hashing
from evlog._record import partial
from evlog.algorithms import HashAlg
from evlog.columns import NOT_EXTENDED, Computed, Layout, rows_of
from evlog.contents._cos import CosRecord
from evlog.contents._tlv import tlv
from evlog.contents.event_types import type_of
from evlog.errors import ParseError, UsageError, WriteError
from evlog.formats import CERTAIN, NO_MATCH, Match, launch
from evlog.formats.as_read import as_read
from evlog.formats.cel import nested as _tlv
from evlog.formats.cel import packed as _packed
from evlog.formats.cel import record as _record
from evlog.formats.cel import scan as _scan
from evlog.formats.cel.types import declared
from evlog.model import Digest, Event, Header, LazyEvents, Origin, Span, banks_of
from evlog.options import NO_OPTIONS
from evlog.registers import CC_SPACES, LAST_CCMR, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evlog.columns import Columns, Extensions
    from evlog.model import Log, Loss
    from evlog.options import Options
    from evlog.registers import Space

ID = "cel-tlv"
TITLE = "TCG Canonical Event Log, TLV"

#: Least widths of record number, index and event type: no single choice suits all readers. libcel writes ``minimal``;
#: go-eventlog reads nothing but its own 8 and 1; cel_util reads nothing but 4.
PROFILES = {"u32": (4, 4, 4), "minimal": (1, 1, 1), "google": (8, 1, 4)}

_ENCODING = _record.Encoding(ID, 0xFF, False, 0xFF, "", False, "type108")
_INDEX_TYPES = {"pcr": _scan.PCR, "nv": _scan.NV_INDEX, "ccmr": _scan.CCMR, "rtmr": _scan.PCR, "rem": _scan.PCR}
_HEADS = struct.Struct(">BI")
_PROTOTYPE = struct.Struct("<BI")


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a record number, an index and a list of digests, each of a length that can be."""
    if _is_prototype(data):
        return Match(CERTAIN, "TLVs with little-endian lengths, as the prototype of 2018 wrote them")
    position = 0
    for types, longest in (((0,), 8), ((1, 2, 108), 8), ((3,), len(data))):
        if len(data) - position < 5:
            return NO_MATCH
        number, length = _HEADS.unpack_from(data, position)
        if number not in types or length > longest:
            return NO_MATCH
        position += 5 + length
    return Match(CERTAIN, "TLVs of a record number, an index and digests")


def _is_prototype(data: bytes) -> bool:
    """A record number and a PCR with lengths that only make sense as little-endian."""
    if len(data) < 10:
        return False
    number, length = _PROTOTYPE.unpack_from(data)
    if number or not 0 < length <= 8 or len(data) < 10 + length:
        return False
    index, width = _PROTOTYPE.unpack_from(data, 5 + length)
    return bool(index == 1 and 0 < width <= 8)


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if record 0 cannot be one."""
    if _is_prototype(data):
        message = "lengths are little-endian: a log of the kernel prototype of 2018, not a CEL"
        raise ParseError(message, offset=1, where="events[0].recnum")
    notes = _record.Notes(options)
    found = _scan.scan(data)
    if found.stop is not None:
        notes.stop(found.stop, len(found.columns))
    profile = _profile_of(found)
    spaces = _spaces(found, profile, options)
    make = _maker(found, profile, spaces, options)
    columns = _settled(found, make, spaces)
    _remark(found, make, notes)
    reading = tuple(spaces.items()), tuple(found.shapes), notes.strict
    one = len(spaces) < 2
    keys = (
        found.indices
        if one
        else [
            Register(spaces[found.shapes[layout].index_type], index)
            for layout, index in zip(found.columns.layout_of or b"", found.indices, strict=True)
        ]
    )
    counted = notes.recnums(found.recnums, keys, columns.offsets)
    take = partial(_packed.packed, found, columns, counted=counted) if one else None
    events = LazyEvents(columns, make, foldable=one, reading=reading, packed=take)
    return _record.finish(
        ID,
        events,
        notes,
        options,
        algorithms=_banks(found),
        header=_header(events, profile, spaces),
        trailing=data[found.columns.end :],
    )


def _profile_of(found: _scan.Scan) -> str:
    """The profile of the first record's widths. Records of other widths keep them in `Event.wire`."""
    if found.shapes:
        widths = found.shapes[0].recnum, found.shapes[0].index
        for profile in ("u32", "google"):
            if widths == PROFILES[profile][:2]:
                return profile
        return "minimal"
    return "u32"


def _header(events: Sequence[Event], profile: str, spaces: Mapping[int, Space]) -> Header | None:
    """What the writer would choose otherwise."""
    choices = []
    if profile != _default_profile(events):
        choices.append(("profile", profile))
    if spaces.get(_scan.PCR, "pcr") != "pcr":
        choices.append(("mr_key", "pcr" if spaces[_scan.PCR] == "ccmr" else "rtmr"))
    return Header(ID, tuple(choices)) if choices else None


def _default_profile(events: Sequence[Event]) -> str:
    """go-eventlog reads only its own widths, and COS logs are its."""
    return "google" if events and isinstance(events[0].content, CosRecord) else "u32"


def _banks(found: _scan.Scan) -> tuple[HashAlg, ...]:
    """The algorithms of the records that extend something, in the order of first use; of all if none does."""
    columns = found.columns
    assert columns.layout_of is not None
    layout_of = columns.layout_of
    silent = bytes(layout_of[row] for row in rows_of(columns.registers, NOT_EXTENDED))
    met = range(len(columns.layouts))
    used = [layout for layout in met if layout_of.count(layout) > silent.count(layout)] or met
    return banks_of(alg for layout in used for alg, _ in columns.layouts[layout].digests)


def _spaces(found: _scan.Scan, profile: str, options: Options) -> dict[int, Space]:
    """The register space of each type of index TLV in the log."""
    spaces = {shape.index_type: _scan.INDEX_SPACES[shape.index_type] for shape in found.shapes}
    if _scan.PCR in spaces:
        draft = _maker(found, profile, spaces, options)
        rest = _record.indices(map(draft, range(1, len(found.columns))))
        spaces[_scan.PCR] = _record.pcr_space(draft(0), rest, options)
    return spaces


def _maker(found: _scan.Scan, profile: str, spaces: Mapping[int, Space], options: Options) -> Callable[[int], Event]:
    """A function that makes the event of a row."""
    columns, recnums, indices = found.columns, found.recnums, found.indices
    data, name, strict = columns.buffer, options.name, options.strict
    least_recnum, least_index, least = PROFILES[profile]
    rows = [
        (shape, spaces[shape.index_type], [(alg, at, alg.size) for alg, at in layout.digests], shape.content)
        for shape, layout in zip(found.shapes, columns.layouts, strict=True)
    ]
    registers: dict[tuple[Space, int], Register] = {}
    unread = frozenset(found.unread)
    layout_of = columns.layout_of or b""
    # The writer has one spelling for all CC measurement registers of a log.
    respelled = _scan.CCMR if spaces.get(_scan.PCR) == "ccmr" else None

    def make(row: int) -> Event:
        offset = columns.offsets[row]
        length = columns.length(row)
        shape, space, layout, start = rows[layout_of[row]]
        recnum, index = recnums[row], indices[row]
        register = registers.get((space, index))
        if register is None:
            register = registers[space, index] = Register(space, index)
        digests = tuple([Digest(alg, data[offset + at : offset + at + size]) for alg, at, size in layout])
        start += offset
        body = data[start + 5 : offset + length]
        content, _ = _tlv.decode(data[start], body, strict)
        plain = (
            shape.index_type != respelled
            and (shape.recnum == least_recnum or shape.recnum == max(least_recnum, _tlv.width_of(recnum)))
            and (shape.index == least_index or shape.index == max(least_index, _tlv.width_of(index)))
            # The scanner has read fields in order, of which only an event type may be of another width.
            and (
                (row not in unread and (data[start] != _scan.PCCLIENT or body[4] == 4 == least))
                or _tlv.encode(content, least)[1] == body
            )
        )
        wire = None if plain else data[offset : offset + length]
        return Event(row, register, digests, content, recnum, Origin(name, ID, Span(offset, length)), wire)

    return make


def _only_names(content_type: int, space: Space) -> bool:
    """Whether records of a content type only name registers of a space."""
    known = declared(content_type)
    return known is not None and space in known[0].only_named


def _settled(found: _scan.Scan, make: Callable[[int], Event], spaces: Mapping[int, Space]) -> Columns:
    """The columns with what every row extends; PC Client events that the scanner did not read are notable too."""
    columns = found.columns
    registers = columns.registers
    space = next(iter(spaces.values()), "pcr")
    odd = set()
    read_late = []
    for row in found.unread:
        event = make(row)
        if type_of(event.content) is not None:
            read_late.append(row)
        if not event.measured:
            registers[row] = NOT_EXTENDED
        elif any(event.content.extension(digest.alg, digest.value) != digest.value for digest in event.digests):
            odd.add(row)
    # A log with several spaces has shapes with each; the numbers alone do not tell the register.
    layout_of = columns.layout_of or b""
    met = set(hashing.backend(len(columns.buffer)).tally(registers))
    fixed_of = {own: {index for index in met if not Register(own, index).replayable} for own in set(spaces.values())}
    for layout, shape in enumerate(found.shapes):
        own = spaces[shape.index_type]
        fixed = fixed_of[own]
        named = {number for number in (_scan.PCCLIENT, *found.types) if _only_names(number, own)}
        # Of these an IMA entry extends none (`evlog.contents.ima.ImaEvent.extends`).
        beyond = {index for index in met if index > LAST_CCMR} if own in CC_SPACES else set()
        for row in rows_of(layout_of, layout) if fixed or named or beyond else ():
            content = columns.buffer[columns.offsets[row] + shape.content]
            of_ima = content == _scan.IMA_TEMPLATE and registers[row] in beyond
            if registers[row] in fixed or content in named or of_ima:
                registers[row] = NOT_EXTENDED
    kinds = [known[0] for known in map(declared, sorted(found.types)) if known is not None]
    rules = tuple(dict.fromkeys(rule for kind in kinds for rule in kind.rules))
    columns = columns.replace(space=space, notable=tuple(sorted((*columns.notable, *read_late))))
    columns = launch.settled(columns, make)
    if not rules and not odd:
        return columns
    rows = columns.buffer, columns.offsets, registers
    # Where a digest is not what is extended, nobody is to take it for that.
    layouts = tuple(Layout(()) for _ in columns.layouts) if odd else columns.layouts
    framing = *rows, layouts, columns.layout_of, columns.end
    return Computed(*framing, space, columns.notable, rules, _extensions(columns, make, odd))


def _extensions(columns: Columns, make: Callable[[int], Event], odd: set[int]) -> Extensions:
    """See `evlog.columns.Columns.extensions`. Events are made only of rows that extend something else than a digest."""
    data, layout_of = columns.buffer, columns.layout_of or b""

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        distances = [layout.distance(alg) for layout in columns.layouts]
        extended: list[bytes | None] = []
        for row in range(start, stop):
            distance = distances[layout_of[row]]
            if row in odd or (distance is None and rules):
                extended.append(make(row).extension(alg, rules))
            elif distance is None:
                extended.append(None)
            else:
                at = columns.offsets[row] + distance
                extended.append(data[at : at + alg.size])
        return extended

    return extensions


def _remark(found: _scan.Scan, make: Callable[[int], Event], notes: _record.Notes) -> None:
    """Remark on digests, contents and NV indices."""
    columns, layout_of = found.columns, found.columns.layout_of or b""
    for number, shape in enumerate(found.shapes):
        row = layout_of.index(number)
        notes.digests(make(row).digests, row, columns.offsets[row])
        if not shape.digests:
            for row in [row for row, layout in enumerate(layout_of) if layout == number and make(row).measured]:
                notes.no_digests(row, columns.offsets[row])
        if shape.index_type == _scan.NV_INDEX:
            notes.register(make(row).register, row, columns.offsets[row])
    for row in found.unread:
        start = columns.offsets[row] + found.shapes[layout_of[row]].content
        body = columns.buffer[start + 5 : columns.offsets[row] + columns.length(row)]
        error = _tlv.decode(columns.buffer[start], body, notes.strict)[1]
        if error is not None:
            notes.bad_content(str(columns.buffer[start]), error, row, start)


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log CEL-TLV can hold: contents that have a number, or are carried by a PC Client event."""
    if options.profile is not None:
        _profile(options.profile)
    return _record.adapt(log, options, _ENCODING)


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of CEL records, in the widths that were read or the ones of ``options.profile``."""
    own = log.header if log.header is not None and log.header.format == ID else None
    profile = options.profile or (own.get("profile") if own else None) or _default_profile(log.events)
    key = _record.mr_key(_ENCODING, options, own)
    widths = _profile(profile)
    respells = options.profile is None and options.mr_key is None
    parts = []
    for event in log.events:
        wired = respells and event.wire is not None
        record = as_read(event, partial(_one, event.register), numbered=True) if wired else None
        parts.append(record or _write(event, widths, key))
    return b"".join(parts) + log.tail


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a log, where that is all of it: see `evlog.formats`."""
    source = _record.rewritable(log, options, _ENCODING) if options.profile in (None, "u32") else None
    records = _packed.records(source) if source is not None else None
    return None if records is None else (records, 0)


def excerpt(log: Log, rows: Sequence[int]) -> bytes | None:
    """The bytes of some records as a log: see `evlog.formats`."""
    packed = log.packed
    return packed.columns.gathered(rows) if packed is not None and packed.usual else None


def _profile(name: str) -> tuple[int, int, int]:
    if name not in PROFILES:
        raise UsageError(f"--profile {name!r}; known are {', '.join(PROFILES)}")
    return PROFILES[name]


def _write(event: Event, widths: tuple[int, int, int], key: str) -> bytes:
    if event.recnum is None:
        raise WriteError("a record number is needed", event=event.number)
    space = event.register.space
    index_type = _INDEX_TYPES.get(space)
    if index_type is None:
        raise WriteError(_record.no_place(event.register), event=event.number)
    if space == "ccmr" and key == "pcr":
        index_type = _scan.PCR
    try:
        number, body = _tlv.encode(event.content, widths[2])
        return b"".join(
            (
                tlv(_scan.RECNUM, _tlv.octets_of(event.recnum, widths[0])),
                tlv(index_type, _tlv.octets_of(event.register.number, widths[1])),
                tlv(_scan.DIGESTS, b"".join([tlv(digest.alg.id, digest.value) for digest in event.digests])),
                tlv(number, body),
            )
        )
    except (WriteError, ValueError, OverflowError, struct.error) as error:
        raise WriteError(str(error), event=event.number) from error


def _one(register: Register, record: bytes) -> Event | None:
    """The event of one record; what is on a PCR may be on a register that has no index of its own."""
    found = _scan.scan(record)
    if len(found.columns) != 1 or found.stop is not None:
        return None
    index_type = found.shapes[0].index_type
    space = register.space if index_type == _scan.PCR else _scan.INDEX_SPACES[index_type]
    return _maker(found, "u32", {index_type: space}, NO_OPTIONS)(0)
