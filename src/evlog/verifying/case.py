"""A register that does not have the value that its logs lead to, and an edit of them that might explain it."""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record, partial
from evlog.contents.event_types import EV_SEPARATOR, type_of
from evlog.registers import Register
from evlog.verifying.allowance import LONG, cost_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from evlog.model import Event, Log
    from evlog.replaying.statements import Statement
    from evlog.replaying.trail import Trail
    from evlog.verifying.dossier import Dossier, Place

    #: What a sentence may name.
    Part: TypeAlias = int | str | Place | Register

__all__ = ["UNTRIED", "Candidate", "Case", "is_separator"]


class Case(Record):
    """A register whose value is not the one that its trail leads to.

    ``values`` are the register's values along the trail, the start first. ``statements`` are what textual logs state of
    the register in this bank; the trail then is that since the last of them (`evlog.verifying.stated`).
    """

    dossier: Dossier
    trail: Trail
    values: list[bytes]
    observed: bytes
    statements: Sequence[Statement] = ()

    @property
    def logs(self) -> Sequence[Log]:
        """The logs of the verification."""
        return self.dossier.logs

    def spend(self, hashes: int) -> None:
        """Take from the allowance. Raises SpentError if there is not enough left."""
        self.dossier.allowance.spend(hashes)

    def hash(self, data: bytes) -> bytes:
        """The hash of some data in the case's bank."""
        self.spend(cost_of(data))
        return hashing.digest(self.trail.alg, data)

    def candidates(self, event: Event) -> Iterator[tuple[str, bytes | None]]:
        """What the digest of an event in the case's bank may be the hash of, as `Content.candidates` says."""
        for rule, covered, *_ in event.content.candidates(event, self.trail.alg):
            self.spend(1)
            yield rule, covered

    def event(self, step: int) -> Event:
        """The event of a step of the trail."""
        self.spend(1)
        return self.peek(step)

    def peek(self, step: int) -> Event:
        """The same, for what decides on the verdict: it costs nothing."""
        return self.dossier.event(self.trail.places[step])

    def name(self, step: int) -> str:
        """The event of a step of the trail, for a sentence."""
        return self.dossier.name(self.trail.places[step])

    def saying(self, template: str, *parts: Part) -> Callable[[], str]:
        """What makes a sentence when it is asked for: a step or a place is named as its event, a register by its label.

        Most candidates fit nothing, and nobody asks what they would have said.
        """
        return partial(self._said, template, parts)

    def _said(self, template: str, parts: Sequence[Part]) -> str:
        return template.format(*map(self._named, parts))

    def _named(self, part: Part) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Register):
            return f"{part} {part.label(self.dossier.platform)}"
        return self.name(part) if isinstance(part, int) else self.dossier.name(part)

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

    ``code`` is stable. ``say`` makes the sentence. ``start`` is the value before ``insert``, where it is another than
    the trail has there. ``proven`` is how many of the trail's first events the register's value proves then; ``ahead``
    says that the others are of a kind that is logged before it is extended: no contradiction.
    """

    code: str
    at: int
    skip: int
    insert: Sequence[bytes]
    say: Callable[[], str]
    start: bytes | None = None
    proven: int = 0
    ahead: bool = False

    @property
    def sentence(self) -> str:
        """What happened, if this is it."""
        return self.say()


#: In place of an explanation, where not all were tried.
UNTRIED = Candidate("not_explained", 0, 0, (), str)


def is_separator(event: Event) -> bool:
    """Whether an event is an EV_SEPARATOR."""
    return type_of(event.content) == EV_SEPARATOR
