"""Diff: two logs register by register, their events aligned, and what differs in words.

Only the order within a register counts. Events are paired if they are the same; what is left between two such pairs
is paired by its digests, by its type and decoded name, and then by its type if it has no name, and has changed.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.checking.digest_check import check_event
from evlog.comparing.align import align
from evlog.comparing.describe import Describer, Description
from evlog.model import Event, Log
from evlog.registers import Register
from evlog.replaying.naming import platform_of, unite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    Pair = tuple[int | None, int | None]

__all__ = ["Change", "Difference", "RegisterDifference", "diff"]


_IMAGES = {
    "EV_EFI_BOOT_SERVICES_APPLICATION",
    "EV_EFI_BOOT_SERVICES_DRIVER",
    "EV_EFI_RUNTIME_SERVICES_DRIVER",
}


class Change(Record):
    """An event that was ``changed``, ``added`` (no ``a``) or ``removed`` (no ``b``).

    ``a`` and ``b`` are event numbers. ``what`` names the parts that differ: digests, content. ``words`` say it, and
    ``was`` and ``now`` what the event is about on either side.
    """

    kind: str
    a: int | None
    b: int | None
    what: tuple[str, ...]
    words: str
    was: str = ""
    now: str = ""


class RegisterDifference(Record):
    """A register that differs: the event of the first log (or, past its end, of the second) where it starts to.

    ``first_divergence`` is None if the digests are the same and only what the events say differs: ``extended_alike``.
    """

    register: Register
    first_divergence: int | None
    changes: tuple[Change, ...]

    @property
    def extended_alike(self) -> bool:
        """Whether the register has the same value after both logs."""
        return self.first_divergence is None


class Difference(Record):
    """The registers that differ, sorted, and those that are equal."""

    registers: tuple[RegisterDifference, ...]
    equal_registers: tuple[Register, ...]
    platform: str | None = None

    @property
    def equal(self) -> bool:
        """Whether no event differs."""
        return not self.registers


def diff(a: Log, b: Log, *, platform: str | None = None) -> Difference:
    """Compare two logs. Digests are compared in the banks that both have, contents besides."""
    banks = {alg.id for alg in a.algorithms} & {alg.id for alg in b.algorithms}
    ours, theirs = map(_by_register, unite((a, b), platform))
    describers = Describer(a), Describer(b)
    found, equal = [], []
    for register in sorted({**ours, **theirs}, key=lambda register: register.sort_key):
        one = _Comparison(ours.get(register, []), theirs.get(register, []), banks, describers)
        changes = tuple(one.changes())
        if changes:
            found.append(RegisterDifference(register, one.divergence(), changes))
        else:
            equal.append(register)
    return Difference(tuple(found), tuple(equal), platform_of((a, b), platform))


def _by_register(log: Log) -> dict[Register, list[Event]]:
    events: dict[Register, list[Event]] = {}
    for event in log.events:
        events.setdefault(event.register, []).append(event)
    return events


class _Comparison:
    """One register's events in both logs."""

    def __init__(
        self, a: list[Event], b: list[Event], banks: set[int], describers: tuple[Describer, Describer]
    ) -> None:
        self.a = a
        self.b = b
        self.banks = banks
        self.describers = describers
        self._described: dict[tuple[int, int], Description] = {}

    def digests(self, event: Event) -> Hashable:
        """What the event extends, in the banks that both logs have; its content where they share none."""
        if not event.measured:
            return None
        shared = tuple(sorted((d.alg.id, d.value) for d in event.digests if d.alg.id in self.banks))
        return shared or (event.content if not self.banks else ())

    def same(self, event: Event) -> Hashable:
        return self.digests(event), event.content

    def describe(self, side: int, index: int) -> Description:
        key = side, index
        if key not in self._described:
            event = (self.a, self.b)[side][index]
            self._described[key] = self.describers[side].describe(event)
        return self._described[key]

    def loose(self, side: int, index: int) -> Hashable:
        """The type, of events without a name and of images, which may have been loaded from another path."""
        description = self.describe(side, index)
        named = description.name and description.type not in _IMAGES
        return description.type, (side, index) if named else None

    def divergence(self) -> int | None:
        """The first measured event that is not extended alike."""
        ours = [event for event in self.a if event.measured]
        theirs = [event for event in self.b if event.measured]
        for one, other in zip(ours, theirs, strict=False):
            if self.digests(one) != self.digests(other):
                return one.number
        longer = ours if len(ours) > len(theirs) else theirs
        shorter = min(len(ours), len(theirs))
        return longer[shorter].number if len(longer) > shorter else None

    def changes(self) -> Iterator[Change]:
        """What is not the same, in the order of the first log."""
        for i, j in self._pairs():
            if i is not None and j is not None:
                if self.same(self.a[i]) != self.same(self.b[j]):
                    yield self._changed(i, j)
            elif i is not None:
                line = self.describe(0, i).line
                yield Change("removed", self.a[i].number, None, (), f"removed: {line}", was=line)
            elif j is not None:
                line = self.describe(1, j).line
                yield Change("added", None, self.b[j].number, (), f"added: {line}", now=line)

    def _changed(self, i: int, j: int) -> Change:
        one, other = self.a[i], self.b[j]
        what = []
        if self.digests(one) != self.digests(other):
            what.append("digests")
        if one.content != other.content:
            what.append("content")
        covered = "digests" not in what or any(
            check.verdict == "matches" for event in (one, other) for check in check_event(event)
        )
        was, now = self.describe(0, i), self.describe(1, j)
        words = was.became(now, covered=covered)
        return Change("changed", one.number, other.number, tuple(what), words, was.line, now.line)

    def _pairs(self) -> list[Pair]:
        """All events of both sides, paired as far as they correspond."""
        keys: tuple[Callable[[int, int], Hashable], ...] = (
            lambda side, index: self.same((self.a, self.b)[side][index]),
            lambda side, index: self.digests((self.a, self.b)[side][index]) or (side, index),
            lambda side, index: (self.describe(side, index).type, self.describe(side, index).name or (side, index)),
            self.loose,
        )
        pairs: list[Pair] = []
        self._fill(range(len(self.a)), range(len(self.b)), keys, pairs)
        return pairs

    def _fill(
        self, ours: range, theirs: range, keys: Sequence[Callable[[int, int], Hashable]], pairs: list[Pair]
    ) -> None:
        """Pair two stretches by the first key, and what lies between the pairs by the next ones."""
        if not keys or not ours or not theirs:
            pairs += [(i, None) for i in ours]
            pairs += [(None, j) for j in theirs]
            return
        key = keys[0]
        matched = align([key(0, i) for i in ours], [key(1, j) for j in theirs])
        at_a, at_b = ours.start, theirs.start
        for i, j in ((ours.start + i, theirs.start + j) for i, j in matched):
            self._fill(range(at_a, i), range(at_b, j), keys[1:], pairs)
            pairs.append((i, j))
            at_a, at_b = i + 1, j + 1
        self._fill(range(at_a, ours.stop), range(at_b, theirs.stop), keys[1:], pairs)
