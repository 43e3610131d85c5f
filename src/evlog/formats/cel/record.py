"""The record model that the three encodings share: what a log must become to be a CEL, what is noticed in one.

Spec: TCG Canonical Event Log Format 1.1, section 4.2 (TPMS_CEL_EVENT). A CEL has no field for a CC measurement
register: see `Encoding.mr_key`.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents.event_types import EV_NO_ACTION, type_of
from evlog.contents.opaque import Opaque
from evlog.contents.spec_id import spec_id_of
from evlog.errors import ParseError, TruncatedError, UsageError, WriteError
from evlog.formats import recnum
from evlog.formats.cel.types import written
from evlog.formats.tcg import agile as _agile
from evlog.model import Digest, Event, Finding, Log, Loss, banks_of
from evlog.options import NO_OPTIONS
from evlog.registers import NO_REGISTER, Platform, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from evlog.columns import Packed
    from evlog.model import Content, Header
    from evlog.options import Options
    from evlog.registers import Space

__all__ = [
    "MR_KEYS",
    "Encoding",
    "Notes",
    "adapt",
    "finish",
    "indices",
    "mr_key",
    "no_place",
    "pcr_space",
    "respaced",
    "rewritable",
]

MR_KEYS = ("pcr", "rtmr", "type108")
# Of members that nobody knows, so many are named.
MAX_NAMES = 16
# NV handles of a TPM, and what the CDDL has in their place.
_NV_RANGES = (range(0x01000000, 0x02000000), range(0x20000000, 0x21000000))


class Encoding(Record):
    """What one of the encodings can hold.

    ``last_type`` is the highest content type number, ``named`` whether a type may be a name without a number,
    ``last_algorithm`` the highest algorithm id. ``syntax`` is what opaque contents may be besides bytes, ``members``
    whether systemd's object can stand in place of its string.

    ``mr_key`` is how a CC measurement register is spelled unless somebody chooses: ``type108`` under a key of its own,
    as go-eventlog does, or ``pcr``, its index under the key of a PCR. A reader knows such a log by record 0, the
    CCEL's Spec ID event. ``rtmr`` is the hardware's ordinal: under the key of a PCR, or systemd's member ``rtmr``.
    """

    format: str
    last_type: int
    named: bool
    last_algorithm: int
    syntax: str
    members: bool
    mr_key: str


class Notes:
    """The findings of a reader. A strict one raises ParseError for anything worse than a note."""

    def __init__(self, options: Options) -> None:
        self.strict = options.strict
        self.findings: list[Finding] = []
        self._once: set[str] = set()

    def add(self, code: str, severity: str, message: str, event: int | None = None, offset: int | None = None) -> None:
        if self.strict and severity != "note":
            where = "" if event is None else f"events[{event}]"
            raise ParseError(message, offset=offset, where=where)
        self.findings.append(Finding(code, severity, message, event, offset))

    def once(self, code: str, severity: str, message: str, event: int | None = None, offset: int | None = None) -> None:
        """The same, for what would be said of every record alike."""
        if message not in self._once:
            self._once.add(message)
            self.add(code, severity, message, event, offset)

    def stop(self, error: ParseError, events: int) -> None:
        """The trouble that ended the records."""
        if self.strict or not events:
            raise error
        code = "truncated_record" if isinstance(error, TruncatedError) else "bad_record"
        self.add(code, "error", str(error), events, error.offset)

    def digests(self, digests: Sequence[Digest], row: int, offset: int | None) -> None:
        """Remark on two digests under one algorithm, and on digests of a size that their algorithm does not have."""
        seen = set()
        for alg in [digest.alg for digest in digests]:
            if alg.id in seen:
                self.add("duplicate_digest", "warning", f"two {alg} digests; the first counts", row, offset)
            elif alg.known and alg != HashAlg.of(alg.id):
                message = f"a {alg} digest of {alg.size} bytes, it has {HashAlg.of(alg.id).size}: it extends nothing"
                self.add("digest_size", "warning", message, row, offset)
            seen.add(alg.id)

    def no_digests(self, row: int, offset: int | None) -> None:
        """Remark on a measured record without digests."""
        self.add("no_digests", "error", "a measured record without a digest: no register can be replayed", row, offset)

    def bad_content(self, name: str, error: ValueError, row: int, offset: int | None) -> None:
        """Remark on a content that is not what its type says."""
        message = f"content of type {name}: {str(error)[:200]}"
        self.add("bad_content", "error", message, row, offset)

    def unknown(self, members: Iterable[object], row: int | None = None, offset: int | None = None) -> None:
        """Remark on members that no specification has, once for each name."""
        severity = "warning" if self.strict else "note"
        for name in sorted(_name(member) for member in members):
            if len(self._once) < MAX_NAMES:
                self.once("unknown_member", severity, f"unknown member {name} is not kept", row, offset)

    def register(self, register: Register, row: int, offset: int | None) -> None:
        """Remark on an NV index that no TPM has."""
        if register.space == "nv" and not any(register.index in each for each in _NV_RANGES):
            self.add("nv_index", "warning", f"{register.number:#x} is no NV index", row, offset)

    def numbered(self, events: Sequence[Event]) -> None:
        """The same, of events."""
        # A register's parts are hashed faster than the register.
        registers = [(event.register.space, event.register.index) for event in events]
        found = recnum.scheme([event.recnum for event in events], registers)
        origin = events[found.odd[0] if found.odd else 0].origin if events else None
        self._scheme(found, origin.span.offset if origin is not None else None)

    def recnums(
        self, numbers: Sequence[int | None], registers: Sequence[Hashable], offsets: Sequence[int | None]
    ) -> bool:
        """Say how record numbers count, unless they do as the specification has it; whether they do."""
        found = recnum.scheme(numbers, registers)
        self._scheme(found, offsets[found.odd[0] if found.odd else 0] if numbers else None)
        return found.standard

    def _scheme(self, found: recnum.Scheme, offset: int | None) -> None:
        if offset is None or (found.kind == "per-register" and found.first == 0):
            return
        if self.strict:
            raise ParseError(f"{found}, not per register from 0", offset=offset)
        if found.kind == "irregular":
            self.add("recnum_gap", "warning", str(found), found.odd[0], offset)
        elif found.kind == "per-register" and found.first > 1:
            message = f"{found}: what a register was extended with before is not in the log"
            self.add("partial_log", "warning", message)
        else:
            self.add("recnum_scheme", "note", str(found))


def _name(member: object) -> str:
    """A key for messages; it may be anything that CBOR has."""
    if isinstance(member, str):
        return repr(member[:40])
    return str(member) if isinstance(member, int) and abs(member) < 1 << 64 else f"of type {type(member).__name__}"


def mr_key(encoding: Encoding, options: Options, header: Header | None) -> str:
    """How CC measurement registers are to be spelled. Raises UsageError for a choice that is none."""
    if options.mr_key is not None and options.mr_key not in MR_KEYS:
        raise UsageError(f"--mr-key {options.mr_key!r}; known are {', '.join(MR_KEYS)}")
    own = header.get("mr_key") if header is not None and header.format == encoding.format else None
    found: str = options.mr_key or own or encoding.mr_key
    return found


def pcr_space(first: Event | None, rest: Iterable[tuple[int, int]], options: Options) -> Space:
    """What the numbers under the key ``pcr`` count, by the rule that tells a CCEL from a TCG2 log.

    ``first`` is record 0 as if they were PCRs, ``rest`` the index and event type of those after it.
    """
    if options.space is not None:
        return options.space
    if options.platform is not None:
        return "ccmr" if options.platform in _agile.CC_PLATFORMS else "pcr"
    found = spec_id_of(first.content) if first is not None else None
    if first is None or found is None or not found.agile:
        return "pcr"
    return _agile.space_of(first.register.number, found, rest, options)[1]


def indices(events: Iterable[Event]) -> Iterator[tuple[int, int]]:
    """Index and event type of the events on numbered registers, for `pcr_space`."""
    for event in events:
        if event.register.space in ("pcr", "ccmr"):
            event_type = type_of(event.content)
            silent = EV_NO_ACTION if not event.measured else 0
            yield event.register.number, silent if event_type is None else event_type


def respaced(events: Sequence[Event], options: Options) -> Sequence[Event]:
    """The events with what was read as PCRs in the space that the numbers really count."""
    if not events:
        return events
    space = pcr_space(events[0], indices(events[1:]), options)
    if space == "pcr":
        return events
    return tuple(
        each.replace(register=Register(space, each.register.index)) if each.register.space == "pcr" else each
        for each in events
    )


def finish(
    format: str,
    events: Sequence[Event],
    notes: Notes,
    options: Options,
    *,
    algorithms: tuple[HashAlg, ...] | None = None,
    header: Header | None = None,
    trailing: bytes = b"",
) -> Log:
    """The Log of what was read."""
    if algorithms is None:
        algorithms = _banks(event for event in events if event.measured) or _banks(events)
    platform = options.platform
    if platform is None and events and events[0].register.space in ("ccmr", "rtmr"):
        platform = _agile.platform_of(algorithms)
    return Log(
        format,
        events,
        header=header,
        algorithms=algorithms,
        trailing=trailing,
        findings=tuple(notes.findings),
        platform=platform,
        name=options.name,
    )


def _banks(events: Iterable[Event]) -> tuple[HashAlg, ...]:
    return banks_of(digest.alg for event in events for digest in event.digests)


def no_place(register: Register) -> str:
    """Why a register cannot be named in a CEL, in words that help."""
    try:
        register.number  # noqa: B018  # says what to do about a register that has none
    except UsageError as error:
        return str(error)
    return f"a CEL has no register {register}"


def adapt(log: Log, options: Options, encoding: Encoding) -> tuple[Log, Sequence[Loss]]:
    """The events of a log as records of a CEL in one encoding, and what that costs."""
    format = encoding.format
    own = log.format == format
    losses: list[Loss] = []
    following: dict[Register, int] = {}
    key = mr_key(encoding, options, log.header)
    events: list[Event] = []
    for event in log.events:
        content = _content(event, options, encoding, losses)
        register = _register(event, log.platform, key, encoding, losses)
        if content is None or register is None:
            continue
        if register.index == NO_REGISTER and not own:
            losses.append(_nowhere(event))
            continue
        if isinstance(event.wire, bytes) and not own:
            losses.append(Loss(event.number, "spelling", f"{log.format} spelled the record otherwise than is usual"))
        # Records that have no number go on from the one before on the same register.
        number = event.recnum if event.recnum is not None else following.get(register, 0)
        following[register] = number + 1
        digests = event.digests if own else _digests(event, encoding, losses)
        wire = event.wire if own else None
        events.append(Event(event.number, register, digests, content, number, event.origin, wire))
    losses += _space_loss(events, key, encoding)
    losses += () if own else _ours_loss(events, format)
    kept = {} if own else {"header": None, "padding": None, "trailing": b"", "start": None}
    return log.replace(format=format, events=tuple(events), **kept), losses


def rewritable(log: Log, options: Options, encoding: Encoding) -> Packed | None:
    """The places of what a log says, if `adapt` takes all of it as it is; for `rewrite`: see `evlog.formats`."""
    source = log.packed
    if source is None or options.mr_key is not None:
        return None
    if log.format == encoding.format and (log.header is not None or log.tail):
        # What the container has besides is kept.
        return None
    if source.space not in ("pcr", "ccmr") or not (source.count and source.counted and source.usual):
        return None
    if any(alg.id > encoding.last_algorithm for layout in source.layouts for alg, _ in layout.digests):
        return None
    if source.space == "ccmr" and encoding.mr_key == "type108":
        return source
    rest = indices(map(log.events.__getitem__, range(1, len(log.events))))
    told = NO_OPTIONS.replace(space=options.space)
    return source if pcr_space(log.events[0], rest, told) == source.space else None


def _nowhere(event: Event) -> Loss:
    """The loss of a record on no register. Raises WriteError if it is measured: whoever reads it would extend that."""
    if event.measured:
        raise WriteError("a CEL has no place for a measured record that is on no register", event=event.number)
    return Loss(event.number, "content", "a CEL has no place for a record that is on no register")


def _content(event: Event, options: Options, encoding: Encoding, losses: list[Loss]) -> Content | None:
    """The event's content as the encoding holds it, or None if it cannot."""
    content = event.content
    if isinstance(content, Opaque):
        return _opaque(event, content, encoding, losses)
    declared = written(content.__class__)
    if declared is not None and declared.ours and not event.measured:
        # Whoever does not know the type would extend the digests.
        losses.append(Loss(event.number, "content", f"a CEL has no {content.plural}, and which is not measured"))
        return None
    if declared is None:
        carried = content.pcclient(options)
        if carried is None:
            losses.append(Loss(event.number, "content", f"a CEL has no {content.plural}"))
        return carried
    return content


def _opaque(event: Event, content: Opaque, encoding: Encoding, losses: list[Loss]) -> Content | None:
    if isinstance(content.type, str) and not encoding.named:
        reason = f"{encoding.format} has no number for the content type {content.type[:40]!r}"
        losses.append(Loss(event.number, "content", reason))
        return None
    if isinstance(content.type, int) and not 4 <= content.type <= encoding.last_type:
        losses.append(Loss(event.number, "content", f"{encoding.format} has no content type {content.type}"))
        return None
    if content.syntax not in ("", encoding.syntax):
        reason = f"{content.syntax} of an unknown content type: {encoding.format} holds it as bytes"
        losses.append(Loss(event.number, "content.syntax", reason))
        return content.replace(syntax="")
    return content


def _register(event: Event, platform: str | None, key: str, encoding: Encoding, losses: list[Loss]) -> Register | None:
    """The register in the space that the encoding can name, or None if it cannot name it at all."""
    register = event.register
    ordinals = key == "rtmr" and not encoding.members
    if register.space in ("rtmr", "rem") and not ordinals:
        return Platform.counting(register.space, platform).ccmr_of(register)
    if register.space == "ccmr" and key == "rtmr":
        native = Platform.counting("ccmr", platform).native_of(register)
        if native is None:
            losses.append(Loss(event.number, "content", f"{register.label(platform)} has no ordinal"))
            return None
        return native if ordinals else register
    return register


def _digests(event: Event, encoding: Encoding, losses: list[Loss]) -> tuple[Digest, ...]:
    """The digests as a CEL has them: what was extended (section 4.3), which of an IMA violation a list does not say."""
    kept = []
    content = event.content
    for digest in event.digests:
        extended = content.extension(digest.alg, digest.value)
        if digest.alg.id > encoding.last_algorithm:
            reason = f"{encoding.format} has one byte for the algorithm"
            losses.append(Loss(event.number, f"digests.{digest.alg}", reason))
        elif extended is None or extended is digest.value:
            kept.append(digest)
        else:
            kept.append(Digest(digest.alg, extended))
    return tuple(kept)


def _ours_loss(events: list[Event], format: str) -> Iterator[Loss]:
    """The loss of contents that are in records of a type which only evlog reads."""
    types = [written(event.content.__class__) for event in events]
    numbers = [type.number for type in types if type is not None and type.ours]
    if numbers:
        several = "an event is" if len(numbers) == 1 else f"{len(numbers)} events are"
        own = f"records of type {numbers[0]}, which other readers do not know"
        reason = f"{several} without data in the source: {format} has {own}"
        yield Loss(None, "content.data", reason)


def _space_loss(events: list[Event], key: str, encoding: Encoding) -> Iterator[Loss]:
    """The loss of a log whose registers no reader will take for what they are unless told."""
    under_pcr = {event.register.space for event in events} & {"pcr", "ccmr", "rtmr", "rem"}
    if key == "type108" or (key == "rtmr" and encoding.members):
        under_pcr.discard("ccmr")
    taken_for = pcr_space(events[0], indices(events[1:]), NO_OPTIONS) if under_pcr else "pcr"
    for space in sorted(under_pcr - {taken_for})[:1]:
        reason = f"a reader of {encoding.format} takes the registers for {taken_for}: read it with --space {space}"
        yield Loss(None, "register.space", reason)
