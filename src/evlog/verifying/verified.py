"""A log whose registers were compared with evidence, and what that proves of each event."""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
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

    Places are (index of the log, number of the event); None leaves that side open.
    """

    alg: HashAlg
    since: tuple[int, int] | None = None
    until: tuple[int, int] | None = None

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

        checks = [check for check in check_event(event) if check.alg in banks and check.rule not in CONSTANT]
        return "proven" if any(check.verdict == "matches" for check in checks) else "digest_only"

    def standings(self) -> Iterator[tuple[Event, str]]:
        """Each event with its standing."""
        for number, event in enumerate(self.log.events):
            yield event, self.standing(number)

    def _banks(self, event: Event, number: int) -> set[HashAlg]:
        """The banks whose register value proves that the event's digest was extended."""
        place = (self._position, number)
        covers = (cover for cover in self._covers.get(event.register, ()) if cover.holds(place))
        return {c.alg for c in covers if event.content.extension(c.alg, event.digest(c.alg)) is not None}
