"""The ascii IMA measurement list: ascii_runtime_measurements, and its kin for single banks.

Source: Linux, security/integrity/ima/ima_fs.c, ima_ascii_measurements_show(): ``PCR digest template fields``, between
single blanks. The template data is not in the text. An event's content holds what `evlog.formats.ima.text` rebuilds
where the template digest proves it, and else says what is missing. ``Event.wire`` is the line, unless it is the one
that the kernel would write.

Departures accepted: the algorithm's name before the digest (``10 sha256:...``), which is how kernels show it that are
patched to have SHA-256 there; then it stands in every line. Empty lines, CR before LF, trailing blanks stripped, no
LF at the end, names with blanks. The kernel prints a name with line feeds as it is: a line that is no entry is the
rest of the one before where a digest proves it.
"""

from __future__ import annotations

from array import array

from evlog import hashing
from evlog._record import Record, partial
from evlog.algorithms import SHA1, HashAlg
from evlog.columns import NOT_EXTENDED, Computed, Layout, Recorded
from evlog.contents._ima_fields import LEGACY, described, field_names
from evlog.contents.ima import HASH, ZERO_PAD, ImaEvent, extensions_of, is_violation
from evlog.errors import ParseError, TruncatedError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.as_read import as_read
from evlog.formats.ima import columns as _ima
from evlog.formats.ima import entries as _entries
from evlog.formats.ima import remarks as _remarks
from evlog.formats.ima.entries import ListEvents
from evlog.formats.ima.placing import Placing, placing
from evlog.formats.ima.text import TextError, readings, text_of
from evlog.model import Digest, Event, Finding, Log, Loss, Origin, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.formats.ima.entries import Said
    from evlog.options import Options

ID = "ima-ascii"
TITLE = "Linux IMA measurement list, ascii"

MAX_PCR, MAX_NAME = _ima.MAX_PCR, 255
_DIGITS = frozenset(2 * bank.size for bank in _ima.BANKS)
_HEX = b"0123456789abcdefABCDEF"
_PRINTABLE = bytes(range(0x21, 0x7F))
# Lines that are looked at to tell byte order and bank, and the bytes that they may take.
_PROBED, _HEAD = 64, 1 << 20
# Lines that one name may go over, and those that are tried in all; bytes of such an entry, whose name has 4096 at most.
_MOST_LINES, _MOST_TRIED, _LONGEST = 64, 1 << 16, 1 << 16


class Line(Record):
    """What every line has: PCR, digest in hex, template; and the text of the fields, which only the template tells.

    ``alg`` is the digest's algorithm, where the line names it.
    """

    register: int
    digest: str
    template: str
    text: bytes
    alg: HashAlg | None = None


class Shape(Record):
    """What a list does not say of itself: its bank, and the byte order of the lengths in the template data.

    ``named`` is whether its lines name the bank.
    """

    bank: HashAlg
    byteorder: str = "little"
    proofs: int = 0
    known: bool = True
    named: bool = False

    def holds(self, line: Line) -> bool:
        """Whether the line's digest is of the bank, and spelled as the list spells digests."""
        return len(line.digest) == 2 * self.bank.size and line.alg == (self.bank if self.named else None)

    @property
    def before(self) -> bytes:
        """What stands before the digits of a digest, as evlog spells it."""
        return f"{self.bank}:".encode() if self.named else b""

    @property
    def orders(self) -> tuple[str, str]:
        """Both byte orders, the likelier first."""
        return ("little", "big") if self.byteorder == "little" else ("big", "little")


def sniff(data: bytes, options: Options) -> Match:
    """Certain of lines of which a digest proves one; likely of a known template after a PCR and a digest."""
    shape = _shape(data, options)
    if shape is None:
        return NO_MATCH
    if shape.proofs:
        return Match(CERTAIN, f"lines with {shape.bank} digests, {shape.proofs} of the first proven by them")
    return Match(LIKELY, f"lines with {shape.bank} digests and known templates") if shape.known else NO_MATCH


def _shape(data: bytes, options: Options) -> Shape | None:
    """The bank and the byte order that prove most of the first lines; None if the first is not an entry."""
    lines = [line for line in map(_line, data[:_HEAD].lstrip(b"\r\n").split(b"\n", _PROBED)[:_PROBED]) if line]
    if not lines or _line(data[:_HEAD].lstrip(b"\r\n").partition(b"\n")[0]) is None:
        return None
    digits, alg = len(lines[0].digest), lines[0].alg
    named = _ima.named_bank(options.name)
    known = any(field_names(line.template) is not None for line in lines)
    best: Shape | None = None
    for bank in sorted(_ima.BANKS, key=lambda bank: bank != named):
        if 2 * bank.size != digits or alg not in (None, bank):
            continue
        for byteorder in ("little", "big"):
            proofs = sum(not _content(line, bank, (byteorder,)).missing for line in lines)
            if best is None or proofs > best.proofs:
                best = Shape(bank, byteorder, proofs, known, alg is not None)
            if proofs == len(lines):
                return best
    return best


def read(data: bytes, options: Options) -> Log:
    """Read a list; see `evlog.read`. Raises ParseError if the first line is not an entry."""
    shape = _shape(data, options)
    if shape is None:
        raise ParseError("not an entry of an IMA list", offset=0, where="events[0]")
    columns, stop = _scan(data, shape)
    where = placing(options, columns.registers)
    columns = where.placed(columns)
    events = _events(columns, shape, options.name, where)
    findings = []
    if stop is not None:
        code = "truncated_record" if isinstance(stop, TruncatedError) else "bad_record"
        findings.append(Finding(code, "error", str(stop), len(columns), stop.offset))
    elif len(events) and data[-1:] != b"\n":
        message = "the last line does not end: it may be cut"
        findings.append(Finding("unended_line", "warning", message, len(events) - 1, len(data)))
    if options.strict:
        _refuse(stop, findings, events)
    findings += _ima.beyond(columns, events)
    findings += _remarks.remarks(columns, events, b"0" * 2 * shape.bank.size)
    return Log(
        ID,
        events,
        header=_ima.read_header(ID, shape.byteorder, shape.named, options),
        algorithms=(shape.bank,),
        trailing=data[columns.end :],
        findings=tuple(findings),
        platform=options.platform,
        name=options.name,
    )


def _refuse(stop: ParseError | None, findings: list[Finding], events: Sequence[Event]) -> None:
    """Strict reading: everything must be proven, but for violations."""
    if stop is not None:
        raise stop
    if findings:
        raise ParseError(findings[0].message, offset=findings[0].offset)
    for event in events:
        missing = getattr(event.content, "missing", "")
        if missing and not is_violation(event.digests[0].value):
            offset = event.origin.span.offset if event.origin else None
            raise ParseError(missing, offset=offset, where=f"events[{event.number}]")


def _line(line: bytes) -> Line | None:
    """A line taken apart; None for what is not an entry."""
    parts = line.removesuffix(b"\r").lstrip(b" ").split(b" ", 3)
    if len(parts) < 3 or not parts[0].isdigit() or len(parts[0]) > 2:
        return None
    register, digest, template = int(parts[0]), parts[1], parts[2]
    alg: HashAlg | None = None
    if len(digest) not in _DIGITS:
        name, _, digest = digest.partition(b":")
        alg = _ima.bank_called(name.decode("ascii", "replace"))
        if alg is None or len(digest) != 2 * alg.size:
            return None
    if register > MAX_PCR or digest.translate(None, _HEX):
        return None
    if not 0 < len(template) <= MAX_NAME or template.translate(None, _PRINTABLE):
        return None
    return Line(register, digest.decode("ascii"), template.decode("ascii"), parts[3] if len(parts) > 3 else b"", alg)


def _scan(data: bytes, shape: Shape) -> tuple[Recorded, ParseError | None]:
    """Lines of a list, and the trouble that ended them. An empty line belongs to the record after it.

    The native scanner goes over lines as the kernel writes them; what it stops at is looked at here.
    """
    bank = shape.bank
    native = hashing.native(len(data))
    offsets, registers = array("Q"), array("I")
    start = position = tried = 0
    stop: ParseError | None = None
    while position < len(data):
        if native is not None and position == start:
            limits = MAX_PCR, _ima.LAST_PCR
            start = native.ima_text_run(data, start, shape.before, bank.size, limits, offsets, registers)
            position = start
            if start == len(data):
                break
        following = data.find(b"\n", position) + 1 or len(data)
        text = data[position:following]
        if text in (b"\n", b"\r\n"):
            position = following
            continue
        line = _line(text.removesuffix(b"\n"))
        if line is None or not shape.holds(line):
            if offsets and tried < _MOST_TRIED:
                end, lines = _continued(data, offsets[-1], following, shape)
                tried += lines
                if end:
                    start = position = end
                    continue
            cut = following == len(data) and not text.endswith(b"\n")
            error = TruncatedError if cut else ParseError
            kind = f"a {bank} digest{' that is called so' if shape.named else ''}"
            message = "a line that is not whole" if cut else f"not an entry with {kind}"
            stop = error(message, offset=position, where=f"events[{len(offsets)}]")
            break
        offsets.append(start)
        registers.append(line.register if line.register <= _ima.LAST_PCR else NOT_EXTENDED)
        start = position = following
    # No entry bears on start values.
    return Recorded(data, offsets, registers, (Layout(()),), None, start, "pcr", ()), stop


def _continued(data: bytes, offset: int, following: int, shape: Shape) -> tuple[int, int]:
    """Where the entry at ``offset`` ends if lines up to ``following`` or later are of its name; 0 if none proves so.

    Also how many lines were tried.
    """
    lines = 0
    while lines < _MOST_LINES and following - offset <= _LONGEST:
        lines += 1
        line = _line(data[offset:following].strip(b"\r\n"))
        if line is not None and not _content(line, shape.bank, ("little", "big")).missing:
            return following, lines
        if following == len(data):
            break
        following = data.find(b"\n", following) + 1 or len(data)
    return 0, lines


def _events(lines: Recorded, shape: Shape, name: str, where: Placing) -> ListEvents:
    """The events of a list, and with them the columns that know what its lines extend."""
    data, bank = lines.buffer, shape.bank

    def make(row: int) -> Event:
        offset, length = lines.offsets[row], lines.length(row)
        return _event(data[offset : offset + length], row, shape, where, Origin(name, ID, Span(offset, length)))

    def compute(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        if alg != bank:
            return [make(row).extension(alg, rules) for row in range(start, stop)]
        recorded = recorded_in(start, stop)
        return extensions_of(alg, recorded, recorded)

    def recorded_in(start: int, stop: int) -> list[bytes]:
        native = hashing.native(len(data))
        if native is None:
            return [spelled_in(row) for row in range(start, stop)]
        found = native.ima_text_digests(data, lines.offsets, start, stop, shape.before, bank.size)
        if None not in found:
            return found  # type: ignore[return-value]
        return [spelled_in(row) if value is None else value for row, value in enumerate(found, start)]

    def spelled_in(row: int) -> bytes:
        offset = lines.offsets[row]
        line = _line(data[offset : offset + lines.length(row)].strip(b"\r\n"))
        return bytes.fromhex(line.digest) if line else b""

    def said(start: int, stop: int) -> list[Said] | None:
        records = [data[lines.offsets[row] : lines.offsets[row] + lines.length(row)] for row in range(start, stop)]
        return _said(records, shape)

    framing = data, lines.offsets, lines.registers, lines.layouts, lines.layout_of, lines.end
    rules = HASH, ZERO_PAD
    return ListEvents(Computed(*framing, lines.space, lines.notable, rules, compute, names=lines.names), make, said)


def _said(records: Sequence[bytes], shape: Shape) -> list[Said] | None:
    """What the entries of some records say, violations among them; None if the data of another is not proven."""
    bank, orders = shape.bank, shape.orders
    found: list[Said] = []
    hashed = []
    for record in records:
        line = _line(record.strip(b"\r\n"))
        if line is None:
            return None
        try:
            data = next(readings(line.template, line.text, orders))
        except TextError:
            return None
        found.append((bytes.fromhex(line.digest), line.template, data))
        hashed.append(data if line.template != LEGACY else ImaEvent(LEGACY, data).hashed)
    if not hashing.backend().computable(bank):
        return None
    proofs = hashing.backend().digests(bank, hashed)
    for row, ((digest, template, _), proof) in enumerate(zip(found, proofs, strict=True)):
        if digest != proof:
            line = _line(records[row].strip(b"\r\n"))
            content = _content(line, bank, orders) if line is not None else None
            if content is None or (content.missing and not is_violation(digest)):
                return None
            found[row] = digest, template, content.data
    return found


def _event(
    record: bytes,
    number: int,
    shape: Shape,
    where: Placing = Placing(),  # noqa: B008
    origin: Origin | None = None,
) -> Event:
    """The event of a record: a line, with the empty lines before it. Raises ParseError if there is none in it."""
    line = _line(record.strip(b"\r\n"))
    if line is None:
        raise ParseError("not an entry of an IMA list", where=f"events[{number}]")
    content = _content(line, shape.bank, shape.orders)
    digests = (Digest(shape.bank, bytes.fromhex(line.digest)),)
    event = Event(number, where.of(line.register), digests, content, None, origin)
    plain = _canonical(event, shape, line.register) == record and b"\n" not in record.strip(b"\r\n")
    odd = where.register == event.register and line.register != _ima.DEFAULT_PCR
    return event if plain and not odd else event.replace(wire=record)


def _content(line: Line, bank: HashAlg, orders: tuple[str, ...]) -> ImaEvent:
    """The entry that a line shows: with the template data that its digest proves, or with what is missing."""
    template, digest = line.template, bytes.fromhex(line.digest)
    first: bytes | None = None
    violation = is_violation(digest)
    try:
        for data in readings(template, line.text, orders):
            first = data if first is None else first
            content = ImaEvent(template, data)
            if violation:
                break
            if _ima.proves(bank, content, digest):
                return content
    except TextError as error:
        return ImaEvent(template, b"", f"the template data cannot be rebuilt from the text: {error}")
    if not described(template):
        return ImaEvent(template, b"", f"nobody has described the fields of template {template}")
    unproven = "a violation cannot prove" if violation else "the digest does not prove"
    return ImaEvent(template, first or b"", f"template data rebuilt from the text, which {unproven}")


def _canonical(event: Event, shape: Shape, column: int) -> bytes | None:
    """The line that the kernel writes of an event; None if it cannot be told."""
    content = event.content
    if not isinstance(content, ImaEvent) or (content.missing and not content.data):
        return None
    try:
        text = text_of(content.template, content.data)
    except TextError:
        return None
    head = f"{column:>2} {shape.before.decode()}{event.digests[0].value.hex()} {content.template} "
    return head.encode() + text + b"\n"


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log a list can hold: IMA entries on PCRs, one bank, and template data that has a text."""
    adapted, losses = _ima.adapt(log, ID, options, _damage)
    if adapted.header is not None and log.format != ID and not any(map(_tells_order, adapted.events)):
        reason = "a line of the legacy template does not tell the byte order, nor does one of a violation"
        losses = (*losses, Loss(None, "header.byteorder", reason))
    return adapted, losses


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a binary list, where that is all of it: see `evlog.formats`."""
    entries = _entries.rewritable(log, options, ID)
    lines = _entries.lines(entries) if entries is not None else None
    return None if lines is None else (lines, 0)


def _tells_order(event: Event) -> bool:
    """Whether an entry's digest proves the byte order of its lengths: that of a legacy entry does not cover them."""
    return getattr(event.content, "template", LEGACY) != LEGACY and not is_violation(event.digests[0].value)


def _damage(event: Event, byteorder: str) -> tuple[str, bool]:
    """What a line would lose of an event, if anything, and whether there can be a line at all."""
    shape = Shape(event.digests[0].alg, byteorder)
    line = _canonical(event, shape, _ima.DEFAULT_PCR)
    if line is None or b"\n" in line[:-1]:
        return "template data that has no text on one line", False
    read = _line(line.strip(b"\r\n"))
    if read is None:
        raise ParseError("not an entry of an IMA list", where=f"events[{event.number}]")
    back = _content(read, shape.bank, shape.orders)
    return ("" if back.data == event.content.data else back.missing or "the text gives other template data back"), True  # type: ignore[attr-defined]


def settle(log: Log, options: Options) -> Options:
    """The options under which the list reads as it is."""
    return _ima.settle(log, options)


def write(log: Log, options: Options) -> bytes:
    """The lines of a log of IMA entries with one digest each: as they were read, or as the kernel writes them."""
    if not log.events:
        raise WriteError("a log without an IMA entry")
    byteorder = log.header.get("byteorder", "little") if log.header else "little"
    shape = Shape(log.algorithms[0] if log.algorithms else SHA1, byteorder, named=_ima.is_named(log))
    lines = []
    for event in log.events:
        column = _ima.column(event, log)
        if not isinstance(event.content, ImaEvent) or column is None:
            raise WriteError(f"a {event.content.kind} record on {event.register} has no place here", event=event.number)
        if len(event.digests) != 1 or event.digests[0].alg != shape.bank:
            raise WriteError(f"exactly one {shape.bank} digest is needed", event=event.number)
        spelled = as_read(event, partial(_as_told, shape=shape, event=event, column=column))
        line = spelled or _canonical(event, shape, column)
        if line is None or (spelled is None and b"\n" in line.strip(b"\r\n")):
            raise WriteError(event.content.missing or "template data that has no text on one line", event=event.number)
        lines.append(line)
    for number, line in enumerate(lines[:-1]):
        lines[number] = line if line.endswith(b"\n") else line + b"\n"
    return b"".join(lines) + log.tail


def _as_told(record: bytes, shape: Shape, event: Event, column: int) -> Event | None:
    """The event of a record as the list's reader placed it; None if the record has another column than the event."""
    line = _line(record.strip(b"\r\n"))
    if line is None or line.register != column or not shape.holds(line):
        return None
    return _event(record, 0, shape).replace(register=event.register)
