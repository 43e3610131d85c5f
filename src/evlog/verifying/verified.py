"""A log whose registers were compared with evidence, and what that proves of each event."""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.model import Digest
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.model import Event, Log

__all__ = ["Cover", "Verified"]

#: What only `evlog.verify` passes: a `Verified` that anybody could make would say nothing.
SEAL = object()


class Cover(Record):
    """The events of a register that its value in one bank proves: those from place ``since`` to before ``until``.

    Places are (index of the log, number of the event); None leaves that side open. ``rule`` is the one by which events
    without a digest of the bank extended it (`evlog.model.Content.rules`).
    """

    alg: HashAlg
    since: tuple[int, int] | None = None
    until: tuple[int, int] | None = None
    rule: str | None = None

    def holds(self, place: tuple[int, int]) -> bool:
        """Whether the event at the place is among them."""
        return (self.since is None or self.since <= place) and (self.until is None or place < self.until)


class Verified:
    """A log and, for each event, how far it is proven. Only `evlog.verify` makes one.

    ``informative``  the event extends nothing: it is a claim of whoever wrote the log
    ``claimed``      its register was not compared, or differs, or the event is not among those that the value proves
    ``digest_only``  the digest was extended, in this place; what the event says is not what the digest covers
    ``proven``       the digest was extended, and is the hash of the event's data, or of the part that its rule names

    Never proven are the event's type and the name of its register (other than by the register's value itself).
    """

    __slots__ = ("_covers", "_position", "_united", "log")

    def __init__(
        self,
        log: Log,
        position: int,
        united: Log,
        covers: Mapping[Register, Sequence[Cover]],
        *,
        seal: object,
    ) -> None:
        if seal is not SEAL:
            raise TypeError("only evlog.verify makes a Verified")
        self.log = log
        self._position = position
        self._united = united
        self._covers = covers

    def __repr__(self) -> str:
        return f"<Verified {self.log.name or self.log.format}: {len(self.log.events)} events>"

    @property
    def compared(self) -> Log:
        """The log as it was compared: its registers by the names that the evidence has for them."""
        return self._united

    def proven_in(self, number: int) -> tuple[HashAlg, ...]:
        """The banks whose register value proves that event ``number`` was extended, in this place."""
        event = self._united.events[number]
        return tuple(self._banks(event, number)) if event.replayable else ()

    def standing(self, number: int) -> str:
        """How far event ``number`` is proven: informative, claimed, digest_only or proven."""
        event = self._united.events[number]
        if not event.replayable:
            return "informative"
        banks = self._banks(event, number)
        if not banks:
            return "claimed"
        from evlog.checking.digest_check import check_event
        from evlog.contents._pcclient_rules import CONSTANT

        # What was extended by a rule is held against the data as if it were recorded.
        by_rule = tuple(Digest(alg, extended) for alg, extended in banks.items() if extended is not None)
        checks = [check for check in check_event(event) if check.alg in banks and check.rule not in CONSTANT]
        checks += check_event(event.replace(digests=by_rule)) if by_rule else ()
        return "proven" if any(check.verdict == "matches" for check in checks) else "digest_only"

    def standings(self) -> Iterator[tuple[Event, str]]:
        """Each event with its standing."""
        for number, event in enumerate(self.log.events):
            yield event, self.standing(number)

    def _banks(self, event: Event, number: int) -> dict[HashAlg, bytes | None]:
        """The banks whose register value proves that the event extended them; with what, if by no recorded digest."""
        place = (self._position, number)
        found: dict[HashAlg, bytes | None] = {}
        for cover in self._covers.get(event.register, ()):
            if not cover.holds(place):
                continue
            alg = cover.alg
            if event.extension(alg) is not None:
                found[alg] = None
            elif cover.rule is not None and (extended := event.extension(alg, (cover.rule,))):
                found[alg] = extended
        return found
