"""The binary IMA measurement list: binary_runtime_measurements, and its kin for single banks.

Source: Linux, security/integrity/ima/ima_fs.c, ima_measurements_show(). Linux shows it under
/sys/kernel/security/ima/. `evlog.wire.ima` declares the entries; the scanner here is its fast twin and must agree
with it on every input (tests/test_ima_twins.py).

Neither the byte order nor the size of the template digests is in the list. Both are proven by the digests: the right
pair is the one under which entries are what their digests are the hash of.

Departure accepted: patched kernels (those of the templates ima-dep-cgn and ima-cgpath) write the length of the digest,
32, between PCR and digest. Read so is what parses so: 32 would be the start of a digest else.
"""

from __future__ import annotations

import struct
from array import array
from itertools import pairwise

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA1, HashAlg
from evlog.columns import NOT_EXTENDED, Computed, Layout, Named
from evlog.contents._ima_fields import LEGACY, described, field_names
from evlog.contents.ima import COVERED, HASH, ZERO_PAD, ImaEvent, extensions_of, is_violation
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, POSSIBLE, Match
from evlog.formats.ima import columns as _ima
from evlog.formats.ima import entries as _entries
from evlog.formats.ima import remarks as _remarks
from evlog.formats.ima.entries import ListEvents
from evlog.formats.ima.placing import Placing, placing
from evlog.model import Digest, Event, Finding, Log, Origin, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.columns import Columns, Extensions
    from evlog.formats.ima.entries import Said
    from evlog.model import Loss
    from evlog.options import Options

ID = "ima-binary"
TITLE = "Linux IMA measurement list, binary"

# Bounds of `evlog.wire.ima`, which is not imported to read a list.
MAX_PCR, MAX_NAME = _ima.MAX_PCR, 255
_SIGNS = {"little": "<", "big": ">"}
_PRINTABLE = bytes(range(0x21, 0x7F))
_LEGACY = LEGACY.encode()
# Structures that are kept: many more than a list has templates.
_TEMPLATES = 256
# Templates that nobody has described and that are named.
_NOTED = 16
# Entries that are looked at to tell byte order and bank; bytes to find them in, more where the first entry is long.
_PROBED, _HEADS = 64, (1 << 16, 1 << 22)


class Shape(Record):
    """What a list does not say of itself: its bank and byte order, and on what grounds they are taken to be these.

    ``proofs`` counts the digests that are the hash of their entry; ``known`` is whether a template is known. ``sized``
    is whether each digest has its length before it.
    """

    bank: HashAlg
    byteorder: str
    entries: int
    proofs: int
    known: bool
    sized: bool = False

    def __str__(self) -> str:
        length = " and their length" if self.sized else ""
        return f"{self.byteorder}-endian entries with {self.bank} digests{length}"


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a list with an entry that its digest proves; less of what only looks like entries."""
    shape = _shape(data, options)
    if shape is None:
        return NO_MATCH
    if shape.proofs:
        return Match(CERTAIN, f"{shape}, proven by {shape.proofs} of {shape.entries}")
    return Match(LIKELY if shape.known else POSSIBLE, f"{shape}, by their shape alone")


def _shape(data: bytes, options: Options) -> Shape | None:
    """The bank and the byte order under which the first entries make most sense; None if under none."""
    named = _ima.named_bank(options.name)
    shapes: list[Shape] = []
    for size in _HEADS:
        head = data[:size]
        for byteorder in _SIGNS:
            for bank in _ima.BANKS:
                for sized in (False, True):
                    shape = _try(head, bank, byteorder, sized=sized)
                    if shape is not None and shape.proofs:
                        return shape
                    shapes += [shape] if shape else []
        if shapes or len(data) <= size:
            break
    return max(shapes, key=lambda shape: (shape.bank == named, shape.known, shape.entries), default=None)


def _try(head: bytes, bank: HashAlg, byteorder: str, *, sized: bool) -> Shape | None:
    """The list read as of this bank and byte order; None if there is no entry then."""
    if not _plausible(head, bank.size, byteorder, sized=sized):
        return None
    columns, _ = scan(head, bank, byteorder, sized=sized)
    events = _events(columns, bank, byteorder, "", sized=sized)[:_PROBED]
    if not events:
        return None
    known = any(field_names(event.content.template) for event in events)
    proofs = sum(_ima.proves(bank, event.content, event.digests[0].value) for event in events)
    return Shape(bank, byteorder, len(events), proofs, known, sized)


def _plausible(head: bytes, size: int, byteorder: str, *, sized: bool) -> bool:
    """Whether there can be an entry at the start, at a glance."""
    if sized:
        if int.from_bytes(head[4:8], byteorder) != size:  # type: ignore[arg-type]
            return False
        size += 4
    if len(head) < size + 8:
        return False
    register, length = struct.unpack_from(f"{_SIGNS[byteorder]}I{size}xI", head)
    return bool(register <= MAX_PCR and 0 < length <= MAX_NAME)


def read(data: bytes, options: Options) -> Log:
    """Read a list; see `evlog.read`. Raises ParseError if there is no entry in it."""
    shape = _shape(data, options)
    if shape is None:
        raise ParseError("no IMA entry", offset=0, where="events[0]")
    undescribed: dict[str, int] = {}
    columns, stop = scan(data, shape.bank, shape.byteorder, undescribed, sized=shape.sized)
    where = placing(options, columns.registers)
    columns = where.placed(columns)
    events = _events(columns, shape.bank, shape.byteorder, options.name, where, sized=shape.sized)
    findings = [
        _ima.undescribed(events[row], columns.offsets[row]) for row in undescribed.values() if row < len(columns)
    ]
    if not shape.proofs:
        message = f"no digest proves that the bank is {shape.bank}: it is told by the digests' size"
        findings.append(Finding("bank_unproven", "warning", message))
    if stop is not None:
        if options.strict:
            raise stop
        code = "truncated_record" if isinstance(stop, TruncatedError) else "bad_record"
        findings.append(Finding(code, "error", str(stop), len(columns), stop.offset))
    if options.strict and findings:
        raise ParseError(findings[0].message, offset=findings[0].offset or 0)
    findings += _ima.beyond(columns, events)
    findings += _remarks.remarks(columns, events, bytes(shape.bank.size), 4 + 4 * shape.sized)
    return Log(
        ID,
        events,
        header=_ima.read_header(ID, shape.byteorder, shape.sized, options),
        algorithms=(shape.bank,),
        trailing=data[columns.end :],
        findings=tuple(findings),
        platform=options.platform,
        name=options.name,
    )


def scan(
    data: bytes, bank: HashAlg, byteorder: str, undescribed: dict[str, int] | None = None, *, sized: bool = False
) -> tuple[Computed, ParseError | None]:
    """Columns of a list, and the trouble that ended its entries; templates that nobody has described are noted by row.

    One `struct` call reads an entry as long as the template stays the same, as it does for thousands of entries. The
    native scanner goes over entries of all templates met so far. Lengths before the digests (``sized``) are looked at
    when all entries are found: the first that is not the bank's ends the list.
    """
    size = bank.size + 4 * sized
    offsets, registers = array("Q"), array("I")
    add_offset, add_register = offsets.append, registers.append
    records: dict[bytes, struct.Struct] = {}
    end = len(data)
    position = 0
    stop: ParseError | None = None
    native = hashing.native(end)
    limits = MAX_PCR, _ima.LAST_PCR
    while position < end:
        met = len(records)
        try:
            head, record = _template(data, position, size, byteorder, records, len(offsets))
        except ParseError as error:
            stop = error
            break
        if undescribed is not None and len(records) != met and len(undescribed) < _NOTED:
            name = head[4:].decode("ascii")
            if not described(name):
                undescribed.setdefault(name, len(offsets))
        if native is not None:
            templates = [(name, known.size) for name, known in records.items()]
            big = byteorder == "big"
            position = native.ima_run(data, position, size, big, templates, limits, offsets, registers)
        unpack, fixed = record.unpack_from, record.size
        try:
            while True:
                register, found, length = unpack(data, position)
                if found != head or register > MAX_PCR:
                    break
                add_offset(position)
                add_register(register if register <= _ima.LAST_PCR else NOT_EXTENDED)
                position += fixed + length
        except struct.error:
            # Less is left than an entry of this template needs: the end, or what the next turn looks into.
            pass
        if position > end:
            needed, position = position - offsets[-1], offsets.pop()
            registers.pop()
            stop = _cut(data, position, needed, len(offsets))
            break
    odd = _other_size(data, offsets, position, bank, byteorder) if sized else None
    if odd is not None and (odd < len(offsets) or int.from_bytes(data[position : position + 4], byteorder) <= MAX_PCR):  # type: ignore[arg-type]
        # What is no entry by its PCR is none for that.
        position = offsets[odd] if odd < len(offsets) else position
        del offsets[odd:], registers[odd:]
        stop = ParseError("not an IMA entry: a digest of another length", offset=position, where=f"events[{odd}]")
    named = Named(4 + size, byteorder, *COVERED)
    layouts = (Layout(((bank, 4 + 4 * sized),), None, named),)
    rules = HASH, ZERO_PAD
    compute = _extensions(data, offsets, position, bank, byteorder, size)
    # No entry bears on start values.
    return Computed(data, offsets, registers, layouts, None, position, "pcr", (), rules, compute, True), stop


def _other_size(data: bytes, offsets: array[int], end: int, bank: HashAlg, byteorder: str) -> int | None:
    """The first row whose digest says that it has another length than those of the bank; None if there is none.

    It may be the one at ``end``, where the entries end, if that much of it is there.
    """
    length = bank.size.to_bytes(4, byteorder)  # type: ignore[arg-type]
    odd = next((row for row, at in enumerate(offsets) if data[at + 4 : at + 8] != length), None)
    last = data[end + 4 : end + 8]
    return len(offsets) if odd is None and len(last) == 4 and last != length else odd


def _template(
    data: bytes, position: int, size: int, byteorder: str, records: dict[bytes, struct.Struct], row: int
) -> tuple[bytes, struct.Struct]:
    """The template of an entry: its name with the length before it, and the structure of all that precedes the data.

    The structure gives PCR, name and the length of the rest: legacy entries have no length but that of the file's name.
    Raises ParseError for what cannot be an entry.
    """
    sign = _SIGNS[byteorder]
    left = len(data) - position
    register = int.from_bytes(data[position : position + 4], byteorder)  # type: ignore[arg-type]
    if left >= 4 and register > MAX_PCR:
        raise ParseError(f"not an IMA entry: PCR {register}", offset=position, where=f"events[{row}]")
    if left < 8 + size:
        raise _cut(data, position, 8 + size, row)
    (length,) = struct.unpack_from(f"{sign}I", data, position + 4 + size)
    if not 0 < length <= MAX_NAME:
        message = f"not an IMA entry: a template name of {length} bytes"
        raise ParseError(message, offset=position, where=f"events[{row}]")
    at = position + 4 + size
    head = data[at : at + 4 + length]
    record = records.get(head)
    if record is None:
        if len(head) < 4 + length:
            raise _cut(data, position, 8 + size + length, row)
        if head[4:].translate(None, _PRINTABLE):
            raise ParseError("a template name that is not printable", offset=at + 4, where=f"events[{row}]")
        if len(records) == _TEMPLATES:
            records.clear()
        digest = "20x" if head[4:] == _LEGACY else ""
        record = records[head] = struct.Struct(f"{sign}I{size}x{len(head)}s{digest}I")
    if left < record.size:
        raise _cut(data, position, record.size, row)
    return head, record


def _cut(data: bytes, position: int, needed: int, row: int) -> ParseError:
    message = f"truncated entry: {needed} bytes needed, {len(data) - position} present"
    return TruncatedError(message, offset=position, where=f"events[{row}]")


def _extensions(data: bytes, offsets: array[int], end: int, bank: HashAlg, byteorder: str, size: int) -> Extensions:
    """See `evlog.columns.Columns.extensions`. A bank of another list is extended by one of the rules of `ImaEvent`.

    ``size`` is that of the digest with the length before it, if it has one.
    """
    last = 4 + size
    first = last - bank.size

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        recorded = [data[at + first : at + last] for at in offsets[start:stop]]
        rule = next((rule for rule in rules if rule in ImaEvent.rules), None)
        extended: Sequence[bytes | None]
        if alg == bank:
            extended = recorded
        elif rule is None:
            extended = [None] * len(recorded)
        elif rule == HASH:
            extended = hashing.backend().digests(alg, hashed(start, stop))
        else:
            sha1 = recorded if bank == SHA1 else hashing.backend().digests(SHA1, hashed(start, stop))
            extended = [digest.ljust(alg.size, b"\0") for digest in sha1]
        return extensions_of(alg, recorded, extended)

    def hashed(start: int, stop: int) -> Iterator[bytes]:
        length = struct.Struct(f"{_SIGNS[byteorder]}I").unpack_from
        starts = offsets[start : stop + 1]
        if stop == len(offsets):
            starts.append(end)
        for row, following in pairwise(starts):
            at = row + 4 + size
            at += 4 + length(data, at)[0]
            if data[at - 7 : at] == legacy:
                yield data[at : at + 20] + data[at + 24 : following].ljust(256, b"\0")
            else:
                yield data[at + 4 : following]

    legacy = struct.pack(f"{_SIGNS[byteorder]}I", 3) + _LEGACY
    return extensions


def _events(
    columns: Columns,
    bank: HashAlg,
    byteorder: str,
    name: str,
    where: Placing = Placing(),  # noqa: B008
    *,
    sized: bool = False,
) -> ListEvents:
    data, size = columns.buffer, bank.size + 4 * sized
    first = struct.Struct(f"{_SIGNS[byteorder]}I{'4x' * sized}{bank.size}sI").unpack_from
    registers = [where.of(number) for number in range(MAX_PCR + 1)]
    told = where.register
    offsets, end, last = columns.offsets, columns.end, len(columns) - 1

    def make(row: int) -> Event:
        offset = offsets[row]
        following = offsets[row + 1] if row < last else end
        register, digest, length = first(data, offset)
        at = offset + 8 + size + length
        template = data[at - length : at].decode("ascii")
        content = ImaEvent(template, data[at if template == LEGACY else at + 4 : following])
        origin = Origin(name, ID, Span(offset, following - offset))
        placed = registers[register]
        wire = register if told is not None and register != _ima.DEFAULT_PCR and placed == told else None
        return Event(row, placed, (Digest(bank, digest),), content, None, origin, wire)

    def said(start: int, stop: int) -> list[Said]:
        found: list[Said] = []
        starts = columns.offsets[start : stop + 1]
        if stop == len(columns):
            starts.append(columns.end)
        for offset, following in pairwise(starts):
            _, digest, length = first(data, offset)
            at = offset + 8 + size + length
            template = data[at - length : at].decode("ascii")
            found.append((digest, template, data[at if template == LEGACY else at + 4 : following]))
        return found

    return ListEvents(columns, make, said)


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log a list can hold: IMA entries on PCRs, one bank, and template data that is known."""
    return _ima.adapt(log, ID, options)


def settle(log: Log, options: Options) -> Options:
    """The options under which the list reads as it is."""
    return _ima.settle(log, options)


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of IMA entries with one digest each, all of one bank."""
    if not log.events:
        raise WriteError("a log without an IMA entry")
    byteorder = log.header.get("byteorder", "little") if log.header else "little"
    number = struct.Struct(f"{_SIGNS[byteorder]}I").pack
    bank = log.algorithms[0] if log.algorithms else SHA1
    length = number(bank.size) if _ima.is_named(log) else b""
    parts: list[bytes] = []
    for event in log.events:
        column = _ima.column(event, log)
        if column is None:
            raise WriteError(f"no entry can be on register {event.register}", event=event.number)
        content = _entry(event, bank, byteorder)
        name = content.template.encode("ascii")
        parts += number(column), length, event.digests[0].value, number(len(name)), name
        parts += (content.data,) if name == _LEGACY else (number(len(content.data)), content.data)
    return b"".join(parts) + log.tail


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a list of lines, where that is all of it: see `evlog.formats`."""
    entries = _entries.rewritable(log, options, ID)
    records = _entries.records(entries) if entries is not None else None
    return None if records is None else (records, 0)


def _entry(event: Event, bank: HashAlg, byteorder: str) -> ImaEvent:
    """The event's content, if the event can be an entry of a list of this bank. Raises WriteError if not."""
    content, number = event.content, event.number
    if not isinstance(content, ImaEvent):
        raise WriteError(f"a {content.kind} record has no place here", event=number)
    if len(event.digests) != 1 or event.digests[0].alg != bank or len(event.digests[0].value) != bank.size:
        raise WriteError(f"exactly one {bank} digest is needed", event=number)
    if content.missing and not is_violation(event.digests[0].value):
        raise WriteError(content.missing, event=number)
    name = content.template
    if not 0 < len(name) <= MAX_NAME or not name.isascii() or name.encode().translate(None, _PRINTABLE):
        raise WriteError(f"a template name of {len(name)} characters that no list can have", event=number)
    data = content.data
    if name == LEGACY and (len(data) < 24 or int.from_bytes(data[20:24], byteorder) != len(data) - 24):  # type: ignore[arg-type]
        raise WriteError("legacy template data that its length does not fit", event=number)
    return content
