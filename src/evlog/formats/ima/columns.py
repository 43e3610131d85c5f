"""Furniture of the rooms ima-binary and ima-ascii: banks, violations, and what other logs have of a list."""

from __future__ import annotations

from collections import Counter

from evlog import hashing
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.columns import NOT_EXTENDED
from evlog.contents._ima_fields import LEGACY, join_fields, split_fields
from evlog.contents.ima import ImaEvent, is_violation
from evlog.formats import recnum
from evlog.model import Event, Finding, Header, Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evlog.columns import Columns
    from evlog.model import Digest, Log

#: The banks that a list may be of, in the order in which they are tried.
BANKS = tuple(ALGORITHMS.values())
LAST_PCR = 23

# What the kernel calls banks in file names where evlog calls them otherwise.
_KERNEL_NAMES = {"sm3": "sm3_256", "sm3-256": "sm3_256", "sha3-256": "sha3_256"}
# The rooms that these are the furniture of.
_LISTS = ("ima-binary", "ima-ascii")
# Events that are looked at to tell the byte order of template data.
_LOOKED_AT = 64


def named_bank(name: str) -> HashAlg | None:
    """The bank that the name of a list ends with, as the kernel calls the lists of single banks; or None."""
    suffix = name.rpartition("_")[2].lower()
    suffix = _KERNEL_NAMES.get(suffix, suffix)
    return next((bank for bank in BANKS if bank.name == suffix), None)


def proves(bank: HashAlg, content: ImaEvent, digest: bytes) -> bool:
    """Whether a template digest is the hash of the entry."""
    return hashing.backend().computable(bank) and hashing.digest(bank, content.hashed) == digest


def undescribed(template: str, row: int, offset: int) -> Finding:
    """What is to be said of a template that nobody has described: a name that is no list of fields is no template."""
    if "|" in template:
        return Finding("unknown_field", "warning", f"template {template!r} has a field that is not known", row, offset)
    return Finding("unknown_template", "error", f"no template is called {template!r}", row, offset)


def beyond(columns: Columns) -> list[Finding]:
    """What is to be said of entries on PCRs that no TPM has."""
    # A search in bytes is free where one in numbers is not.
    count = columns.registers.tobytes().count(NOT_EXTENDED.to_bytes(4, "little"))
    if not count:
        return []
    row = columns.registers.index(NOT_EXTENDED)
    entries = "an entry on a PCR" if count == 1 else f"{count} entries on PCRs"
    message = f"{entries} above {LAST_PCR}, which no TPM has: nothing is extended by that"
    return [Finding("no_register", "warning", message, row, columns.offsets[row])]


def header(format: str, byteorder: str) -> Header | None:
    """The header of a list: that of a little-endian one says nothing."""
    return Header(format, (("byteorder", byteorder),)) if byteorder != "little" else None


def _no_damage(event: Event, byteorder: str) -> tuple[str, bool]:
    return "", True


def adapt(
    log: Log, format: str, damage: Callable[[Event, str], tuple[str, bool]] = _no_damage
) -> tuple[Log, Sequence[Loss]]:
    """What of any log an IMA list can hold: IMA entries on PCRs with a digest of one bank.

    ``damage`` says what the list would lose of an entry that is otherwise fit for it, and whether it can be there.
    """
    if log.format == format:
        return log, ()
    losses: list[Loss] = []
    sources: list[Event] = []
    events: list[Event] = []
    bank = _bank(log)
    byteorder = _byteorder(log)
    for event in log.events:
        content = event.content
        refusal = _refusal(event, bank, format)
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
    adapted = log.replace(
        format=format,
        events=tuple(events),
        header=header(format, byteorder),
        algorithms=(bank,),
        padding=None,
        trailing=b"",
        start=None,
    )
    return adapted, losses


def _listed(digest: Digest) -> Digest:
    """A digest as a list has it: of a violation zeros, whatever was extended."""
    return digest.replace(value=bytes(len(digest.value))) if is_violation(digest.value) else digest


def _refusal(event: Event, bank: HashAlg, format: str) -> str:
    """Why an event has no place in a list, or nothing."""
    if not isinstance(event.content, ImaEvent):
        return f"{format} has no {event.content.plural}"
    digest = next((digest for digest in event.digests if digest.alg == bank), None)
    if digest is None:
        return f"an entry without a {bank} digest"
    if event.register.space != "pcr":
        return f"{format} has no register {event.register}"
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
