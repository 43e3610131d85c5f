"""What a plain reader of a format computes from a log: the rules of the target by which a conversion is proven.

Such a reader knows the format's own words and nothing of what evlog makes of odd logs. In a CEL a digest is the value
that was extended, whatever the record carries (TCG Canonical Event Log Format 1.1, section 4.3); so it is in firmware's
logs (TCG PC Client Platform Firmware Profile 1.06, section 10), systemd's, coreboot's and dstack's. IMA's own lists
have zeros for a violation, which extends ones (Linux, security/integrity/ima, ima_add_template_entry). Lines have no
digests.
"""

from __future__ import annotations

from evlog.contents.opaque import Opaque
from evlog.model import Content, Event, Log
from evlog.replaying.replay import Replay, replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg

__all__ = ["AS_EXTENDED", "respells", "spelled", "told"]

#: Formats in which a recorded digest is what was extended. In the others the kind of content says what was.
AS_EXTENDED = frozenset(("cel-tlv", "cel-cbor", "cel-json", "tcg1", "tcg2", "ccel", "systemd", "coreboot", "dstack"))


def respells(kind: type[Content]) -> bool:
    """Whether events of this kind extend something else than some of the digests that lists record of them."""
    return kind.extension is not Content.extension


def spelled(content: Content, alg: HashAlg, recorded: bytes, format: str) -> bytes:
    """How a format has the digest of an event, where some log has ``recorded``: another only for a violation."""
    zeros = bytes(len(recorded))
    extended = content.extension(alg, recorded)
    if extended is None or extended == zeros or extended != content.extension(alg, zeros):
        return recorded
    return extended if format in AS_EXTENDED else zeros


def told(log: Log, format: str) -> Replay:
    """The registers that a log tells a plain reader of bytes in this format, from the starts that evlog knows."""
    columns = log.columns
    recorded = columns is not None and not columns.violations and all(map(columns.recorded, log.algorithms))
    if format not in AS_EXTENDED or recorded:
        return replay(log)
    taken = {event.number: _taken(event) for event in log.events if _departs(event)}
    if not taken:
        return replay(log)
    return replay(log.replace(events=tuple(taken.get(event.number, event) for event in log.events)))


def _departs(event: Event) -> bool:
    """Whether evlog takes a digest of the event for another value than the one that is recorded."""
    if not respells(event.content.__class__):
        return False
    return any(event.content.extension(digest.alg, digest.value) != digest.value for digest in event.digests)


def _taken(event: Event) -> Event:
    """The event as one of which nothing is known but its digests, and that they were extended."""
    return event.replace(content=Opaque(event.content.kind, b""))
