"""Furniture of the rooms ima-binary and ima-ascii: banks, and what other logs have of a list."""

from __future__ import annotations

from collections import Counter

from evlog import hashing
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.columns import NOT_EXTENDED
from evlog.contents._ima_fields import LEGACY, join_fields, split_fields
from evlog.contents.ima import ImaEvent, is_violation
from evlog.formats import recnum
from evlog.formats.ima.placing import placed_by
from evlog.model import Event, Finding, Header, Loss
from evlog.registers import CC_SPACES, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evlog.columns import Columns
    from evlog.model import Digest, Log
    from evlog.options import Options

#: The banks that a list may be of, in the order in which they are tried.
BANKS = tuple(ALGORITHMS.values())
LAST_PCR = 23
#: The PCR that kernels are built with (CONFIG_IMA_MEASURE_PCR_IDX), where nobody says another.
DEFAULT_PCR = 10
#: The widest ``pcr=`` that a policy can ask for (`evlog.wire.ima`, which is not imported to read a list).
MAX_PCR = 63

# What the kernel calls banks in file names where evlog calls them otherwise.
_KERNEL_NAMES = {"sm3": "sm3_256", "sm3-256": "sm3_256", "sha3-256": "sha3_256"}
# The rooms that these are the furniture of.
_LISTS = ("ima-binary", "ima-ascii")
# Events that are looked at to tell the byte order of template data.
_LOOKED_AT = 64


def bank_called(name: str) -> HashAlg | None:
    """The bank that the kernel calls so, or None."""
    name = _KERNEL_NAMES.get(name, name)
    return next((bank for bank in BANKS if bank.name == name), None)


def named_bank(name: str) -> HashAlg | None:
    """The bank that the name of a list ends with, as the kernel calls the lists of single banks; or None."""
    return bank_called(name.rpartition("_")[2].lower())


def proves(bank: HashAlg, content: ImaEvent, digest: bytes) -> bool:
    """Whether a template digest is the hash of the entry."""
    return hashing.backend().computable(bank) and hashing.digest(bank, content.hashed) == digest


def undescribed(event: Event, offset: int) -> Finding:
    """What is to be said of a template that nobody has described: a name that is no list of fields is no template."""
    template, row = getattr(event.content, "template", ""), event.number
    if "|" in template:
        return Finding("unknown_field", "warning", f"template {template!r} has a field that is not known", row, offset)
    return Finding("unknown_template", "error", f"no template is called {template!r}", row, offset)


def beyond(columns: Columns, events: Sequence[Event]) -> list[Finding]:
    """What is to be said of entries on registers that no machine has."""
    # A search in bytes is free where one in numbers is not.
    count = columns.registers.tobytes().count(NOT_EXTENDED.to_bytes(4, "little"))
    if not count:
        return []
    row = columns.registers.index(NOT_EXTENDED)
    register, content = events[row].register, events[row].content
    if register.space in CC_SPACES:
        entries = f"an entry numbered {register.number}" if count == 1 else f"{count} entries with such numbers as"
        entries = entries if count == 1 else f"{entries} {register.number}"
        # As Arm's virtCCA has it.
        expected = count == 1 and isinstance(content, ImaEvent) and content.name == b"boot_aggregate"
        message = f"{entries}, which no measurement register has: nothing is extended by that"
        return [Finding("no_register", "note" if expected else "warning", message, row, columns.offsets[row])]
    entries = "an entry on a PCR" if count == 1 else f"{count} entries on PCRs"
    message = f"{entries} above {LAST_PCR}, which no TPM has: nothing is extended by that"
    return [Finding("no_register", "warning", message, row, columns.offsets[row])]


def header(format: str, byteorder: str, *, named: bool = False, register: str = "", space: str = "") -> Header | None:
    """The header of a list: that of the kernel's own, little-endian, on PCRs, says nothing.

    ``named`` is whether each entry says which digest it has: by the algorithm's name in text, by its length in a
    binary list. ``register`` is the one that the list extended, if another than the column says, and ``space`` what
    the column counts, if not PCRs.
    """
    options = (
        *((("byteorder", byteorder),) if byteorder != "little" else ()),
        *((("digests", "named"),) if named else ()),
        *((("told_register", register),) if register else ()),
        *((("space", space),) if space and not register else ()),
    )
    return Header(format, options) if options else None


def read_header(format: str, byteorder: str, named: bool, options: Options) -> Header | None:
    """The header of a list that was read with these options."""
    space = options.space if options.space in CC_SPACES else ""
    return header(format, byteorder, named=named, register=str(options.ima_register or ""), space=space or "")


def is_named(log: Log) -> bool:
    """Whether a list's entries say which digest they have."""
    return _told(log, "digests") == "named"


def _told(log: Log, name: str) -> str:
    """An option of a list's header, or nothing."""
    return str(log.header.get(name, "")) if _is_list(log) and log.header is not None else ""


def settle(log: Log, options: Options) -> Options:
    """The options under which a list reads as it is: what it does not say of its registers."""
    register = _told(log, "told_register")
    return options.replace(
        ima_register=Register.parse(register) if register else None, space=_told(log, "space") or options.space
    )


def column(event: Event, log: Log) -> int | None:
    """The number that an entry has in its column; None if a reader of the list would take it for another register."""
    register, told = event.register, _told(log, "told_register")
    space = _told(log, "space") or "pcr"
    if told and str(register) == told:
        number = placed_by(event.wire)
        return DEFAULT_PCR if number is None else number
    if not isinstance(register.index, int) or register.index > MAX_PCR:
        return None
    # Of a list that is told its register, what reached none (`evlog.formats.ima.placing`).
    return register.index if register.space == ("ccmr" if told else space) else None


def _no_damage(event: Event, byteorder: str) -> tuple[str, bool]:
    return "", True


def adapt(
    log: Log, format: str, options: Options, damage: Callable[[Event, str], tuple[str, bool]] = _no_damage
) -> tuple[Log, Sequence[Loss]]:
    """What of any log an IMA list can hold: IMA entries on PCRs with a digest of one bank.

    ``damage`` says what the list would lose of an entry that is otherwise fit for it, and whether it can be there.
    """
    losses: list[Loss] = []
    if log.format == format:
        return log, _losses_of_registers(log, (), format, _told(log, "told_register"), _told(log, "space"))
    sources: list[Event] = []
    events: list[Event] = []
    bank = _bank(log)
    byteorder = _byteorder(log)
    told = _told(log, "told_register") or str(options.ima_register or "")
    space = "" if told else _space(log)
    for event in log.events:
        content = event.content
        refusal = _refusal(event, bank, format, told, space)
        if refusal or not isinstance(content, ImaEvent):
            losses.append(Loss(event.number, "content", refusal))
            continue
        digest = next(digest for digest in event.digests if digest.alg == bank)
        written = digest if log.format in _LISTS else _listed(digest)
        entry = rejoined(content, byteorder)
        listed = Event(event.number, event.register, (written,), entry, None, event.origin)
        reason, possible = damage(listed, byteorder)
        if reason or content.missing:
            field = "content.data" if possible else "content"
            losses.append(Loss(event.number, field, reason or content.missing))
        if not possible:
            continue
        for other in event.digests:
            if other is not digest:
                losses.append(Loss(event.number, f"digests.{other.alg}", f"{format} has one digest, here {bank}"))
        sources.append(event)
        events.append(listed)
    losses += recnum.losses(sources, format)
    losses += _losses_of_registers(log, sources, format, told, space)
    adapted = log.replace(
        format=format,
        events=tuple(events),
        header=header(format, byteorder, named=is_named(log), register=told, space=space),
        algorithms=(bank,),
        padding=None,
        trailing=b"",
        start=None,
    )
    return adapted, losses


def _losses_of_registers(log: Log, events: Sequence[Event], format: str, told: str, space: str) -> list[Loss]:
    """What a list does not say of the registers of its entries, and which columns become another."""
    if told:
        reason = f"{format} does not say that it extended {told}: it has to be told (--ima-register {told})"
        losses = [Loss(None, "register", reason)]
        for event in events if _is_list(log) else ():
            number = placed_by(event.wire)
            if number is not None and str(event.register) == told and number != DEFAULT_PCR:
                losses.append(Loss(event.number, "column", f"{format} has {DEFAULT_PCR} there, and not {number}"))
        return losses
    if not space:
        return []
    reason = f"{format} does not say what its numbers count: it has to be told (--space {space})"
    return [Loss(None, "register.space", reason)]


def _listed(digest: Digest) -> Digest:
    """A digest as a list has it: of a violation zeros, whatever was extended."""
    return digest.replace(value=bytes(len(digest.value))) if is_violation(digest.value) else digest


def _space(log: Log) -> str:
    """What the column of a list counts that holds the log's entries: CC registers if most are on such; "" for PCRs."""
    spaces = Counter(event.register.space for event in log.events if isinstance(event.content, ImaEvent))
    space = max(spaces, key=lambda each: spaces[each], default="pcr")
    return space if space in CC_SPACES else ""


def _refusal(event: Event, bank: HashAlg, format: str, told: str, space: str) -> str:
    """Why an event has no place in a list, or nothing."""
    if not isinstance(event.content, ImaEvent):
        return f"{format} has no {event.content.plural}"
    digest = next((digest for digest in event.digests if digest.alg == bank), None)
    if digest is None:
        return f"an entry without a {bank} digest"
    register = event.register
    placed = str(register) == told or (told and register.space == "ccmr" and not event.measured)
    if not placed and (told or register.space != (space or "pcr")):
        return f"{format} has no register {register}{' beside others' if told or space else ''}"
    return "" if is_violation(digest.value) else event.content.missing


def _is_list(log: Log) -> bool:
    """Whether the log was read by one of the two rooms."""
    return log.header is not None and log.header.format in _LISTS


def _bank(log: Log) -> HashAlg:
    """The bank that most entries have a digest of; SHA-1 among equals, which the list without a suffix is of."""
    counts = Counter(
        digest.alg
        for event in log.events
        if isinstance(event.content, ImaEvent)
        for digest in event.digests
        if digest.alg in BANKS
    )
    return max(counts, key=lambda alg: (counts[alg], alg == SHA1), default=SHA1)


def _byteorder(log: Log) -> str:
    """The byte order of the host that wrote the template data: as the log says, or as the lengths in it show."""
    if _is_list(log) and log.header is not None:
        return str(log.header.get("byteorder", "little"))
    contents: Iterable[ImaEvent] = (e.content for e in log.events[:_LOOKED_AT] if isinstance(e.content, ImaEvent))
    orders = Counter(found[0] for content in contents if (found := split_fields(content.template, content.data)))
    return "big" if orders["big"] > orders["little"] else "little"


def rejoined(content: ImaEvent, byteorder: str) -> ImaEvent:
    """A legacy entry as a list has it, with a length before its name; any other as it is."""
    if content.template != LEGACY or not content.padded:
        return content
    values = content.data[:20], content.data[20:].rstrip(b"\0")
    return content.replace(data=join_fields(LEGACY, values, byteorder))
