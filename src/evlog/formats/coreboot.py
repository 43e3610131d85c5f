"""coreboot's own event log, as ``cbmem -L`` and the cbmem area hold it: fixed entries, no magic.

Source: coreboot, src/security/tpm/tspi/log.c (struct tcpa_log before the TCG formats): u16 capacity, u16 entries, then
entries of 132 bytes, packed: u32 pcr, char algorithm[10], u8 digest[64], u32 digest length, char name[50].
The digest covers what the name names (a CBFS file, a register), never the name itself. Unused entries are kept.
"""

from __future__ import annotations

import struct

from evlog.algorithms import HashAlg
from evlog.contents.opaque import Opaque
from evlog.errors import ParseError, UsageError, WriteError
from evlog.formats import LIKELY, NO_MATCH, Match, recnum
from evlog.formats.as_read import as_read
from evlog.model import Digest, Event, Header, Log, Loss, Origin, Span, banks_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.options import Options

ID = "coreboot"
TITLE = "coreboot cbmem TPM log"

_HEAD = struct.Struct("<HH")
_ENTRY = struct.Struct("<I10s64sI50s")
_MAX_ENTRIES = 256
_NAMES = {"sha1": b"SHA1", "sha256": b"SHA256", "sha384": b"SHA384", "sha512": b"SHA512", "sm3_256": b"SM3_256"}


def sniff(data: bytes, options: Options) -> Match:
    """Likely if every entry names a hash algorithm, with its size."""
    counts = _counts(data)
    if counts is None or not counts[1]:
        return NO_MATCH
    for row in range(counts[1]):
        _pcr, name, _digest, length, _label = _ENTRY.unpack_from(data, _HEAD.size + row * _ENTRY.size)
        alg = _alg(name)
        if alg is None or alg.size != length:
            return NO_MATCH
    return Match(LIKELY, f"{counts[1]} of {counts[0]} entries of 132 bytes, each with an algorithm's name")


def _counts(data: bytes) -> tuple[int, int] | None:
    """Capacity and number of entries, if both can be."""
    if len(data) < _HEAD.size:
        return None
    capacity, count = _HEAD.unpack_from(data)
    if not count <= capacity <= _MAX_ENTRIES or len(data) < _HEAD.size + count * _ENTRY.size:
        return None
    return capacity, count


def _alg(name: bytes) -> HashAlg | None:
    try:
        alg = HashAlg.named(name.rstrip(b"\0").decode("ascii"))
    except (UsageError, UnicodeDecodeError):
        return None
    return alg if alg.name in _NAMES else None


def _event(row: int, entry: bytes, origin: Origin | None) -> Event | None:
    """The event in the bytes of an entry, or None if they name no algorithm with its size.

    ``Event.wire`` has the entry if it is spelled otherwise than it would be written: what stands behind the digest
    is what the memory held before.
    """
    pcr, name, value, length, label = _ENTRY.unpack(entry)
    alg = _alg(name)
    if alg is None or length != alg.size:
        return None
    digests = (Digest(alg, value[:length]),)
    event = Event(row, Register("pcr", pcr), digests, Opaque(ID, label.rstrip(b"\0")), None, origin)
    return event if _plain(event) == entry else event.replace(wire=entry)


def _plain(event: Event) -> bytes:
    """The entry of an event that fits into one."""
    (digest,), content = event.digests, event.content
    assert isinstance(content, Opaque)
    name = _NAMES[digest.alg.name]
    return _ENTRY.pack(event.register.number, name, digest.value, len(digest.value), content.data)


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError for counts that the bytes cannot hold or an unknown algorithm."""
    counts = _counts(data)
    if counts is None:
        raise ParseError("entry counts that the bytes cannot hold", offset=0)
    capacity, count = counts
    events = []
    for row in range(count):
        offset = _HEAD.size + row * _ENTRY.size
        origin = Origin(options.name, ID, Span(offset, _ENTRY.size))
        event = _event(row, data[offset : offset + _ENTRY.size], origin)
        if event is None:
            raise ParseError("no hash algorithm and digest size", offset=offset + 4, where=f"events[{row}]")
        events.append(event)
    end = _HEAD.size + count * _ENTRY.size
    return Log(
        ID,
        tuple(events),
        header=Header(ID, (("capacity", capacity),)),
        algorithms=banks_of(digest.alg for event in events for digest in event.digests),
        trailing=data[end:],
        platform=options.platform,
        name=options.name,
    )


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """Only coreboot's own events fit: names of at most 50 bytes with one digest."""
    losses: list[Loss] = []
    events: list[Event] = []
    sources: list[Event] = []
    for event in log.events:
        if isinstance(event.content, Opaque) and event.content.type == ID:
            sources.append(event)
            events.append(event.replace(recnum=None))
        else:
            losses.append(Loss(event.number, "content", f"{ID} has no {event.content.plural}"))
    losses += recnum.losses(sources, ID)
    adapted = log.replace(format=ID, events=tuple(events))
    return adapted if log.format == ID else adapted.replace(header=None, padding=None, trailing=b""), losses


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of coreboot's events."""
    capacity = log.header.get("capacity", len(log.events)) if log.header else len(log.events)
    parts = [_HEAD.pack(capacity, len(log.events))]
    for event in log.events:
        content, digests = event.content, event.digests
        if not isinstance(content, Opaque) or len(content.data) > 50 or len(digests) != 1:
            raise WriteError("a name of at most 50 bytes and one digest are needed", event=event.number)
        if digests[0].alg.name not in _NAMES:
            raise WriteError(f"no {digests[0].alg} digests", event=event.number)
        parts.append(as_read(event, _one) or _plain(event))
    return b"".join(parts) + log.tail


def _one(entry: bytes) -> Event | None:
    return _event(0, entry, None) if len(entry) == _ENTRY.size else None
