"""A register that does not have the value that its logs lead to, and an edit of them that might explain it."""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.contents.event_types import EV_SEPARATOR, name_of, type_of
from evlog.verifying.allowance import Allowance, cost_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.model import Event, Log
    from evlog.registers import Register
    from evlog.replaying.statements import Statement
    from evlog.replaying.trail import Trail

__all__ = ["LONG", "Candidate", "Case", "is_separator", "name_event"]

#: A trail, or a log, with more events is an IMA list's: edits in its middle are not tried, nothing strays from it.
LONG = 4096


class Case(Record):
    """A register whose value is not the one that its trail leads to.

    ``values`` are the register's values along the trail, the start first. ``statements`` are what textual logs state of
    the register in this bank; the trail then is that since the last of them (`evlog.verifying.stated`).
    """

    logs: Sequence[Log]
    trail: Trail
    values: list[bytes]
    observed: bytes
    platform: str | None
    allowance: Allowance
    statements: Sequence[Statement] = ()

    def hash(self, data: bytes) -> bytes:
        """The hash of some data in the case's bank."""
        self.allowance.spend(cost_of(data))
        return hashing.digest(self.trail.alg, data)

    def candidates(self, event: Event) -> Iterator[tuple[str, bytes | None]]:
        """What the digest of an event in the case's bank may be the hash of, as `Content.candidates` says."""
        for rule, covered, *_ in event.content.candidates(event, self.trail.alg):
            self.allowance.spend(1)
            yield rule, covered

    def event(self, step: int) -> Event:
        """The event of a step of the trail."""
        self.allowance.spend(1)
        log, row = self.trail.places[step]
        found: Event = self.logs[log].events[row]
        return found

    def name(self, step: int) -> str:
        """The event of a step of the trail, for a sentence."""
        self.allowance.spend(1)
        log, row = self.trail.places[step]
        return name_event(self.logs, log, row)

    def label(self, register: Register) -> str:
        """A register for a sentence, by id and label."""
        return f"{register} {register.label(self.platform)}"

    @property
    def long(self) -> bool:
        """Whether the trail is too long for edits in its middle."""
        return len(self.trail) > LONG

    @property
    def digests(self) -> list[bytes]:
        """The trail's digests; none of a long one."""
        return [] if self.long else self.trail.digests


class Candidate(Record):
    """An edit of a trail: ``skip`` digests at ``at`` give way to ``insert``; and the sentence if that is what happened.

    ``code`` is stable. ``start`` is the value before ``insert``, where it is another than the trail has there.
    ``proven`` is how many of the trail's first events the register's value proves then; ``ahead`` says that the others
    are of a kind that is logged before it is extended: no contradiction.
    """

    code: str
    at: int
    skip: int
    insert: tuple[bytes, ...]
    sentence: str
    start: bytes | None = None
    proven: int = 0
    ahead: bool = False


def name_event(logs: Sequence[Log], log: int, row: int) -> str:
    """``event 16 (EV_SEPARATOR)``, with the log's name if there are several."""
    content = logs[log].events[row].content
    kind = name_of(content)
    where = f" of {logs[log].name or f'log {log + 1}'}" if len(logs) > 1 else ""
    return f"event {row}{where} ({kind})"


def is_separator(event: Event) -> bool:
    """Whether an event is an EV_SEPARATOR."""
    return type_of(event.content) == EV_SEPARATOR
