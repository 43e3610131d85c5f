"""Diff: two logs register by register, their events aligned, and what differs in words.

Only the order within a register counts. Events are paired if they are the same; what is left between two such pairs
is paired by its digests, by its type and decoded name, and then by its type if it has no name, and has changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import zip_longest

from evlog._record import Record
from evlog.checking.digest_check import check_event
from evlog.comparing.align import align, runs
from evlog.comparing.common import common_rows
from evlog.comparing.describe import Describer, Description
from evlog.model import Event, Log
from evlog.registers import Register
from evlog.replaying.naming import platform_of, unite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Any

    Pair = tuple[int | None, int | None]

__all__ = ["Change", "Difference", "RegisterDifference", "diff"]


# Events that are kept: each has some 300 bytes.
_KEPT = 1 << 16
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
    describers = Describer(a), Describer(b)
    named = unite((a, b), platform)
    common = common_rows(*named)
    ours, theirs = map(_by_register, named)
    found, equal = [], []
    for register in sorted({**ours, **theirs}, key=lambda register: register.sort_key):
        sides = ours.get(register) or _Side((), (), ()), theirs.get(register) or _Side((), (), ())
        one = _Comparison(*sides, banks, describers, sides[0].shared(*common))
        changes = tuple(one.changes())
        if changes:
            found.append(RegisterDifference(register, one.divergence(), changes))
        else:
            equal.append(register)
    return Difference(tuple(found), tuple(equal), platform_of((a, b), platform))


def _by_register(log: Log) -> dict[Register, _Side]:
    # Those of a short log are asked for more than once; those of a long one are made each time.
    events = tuple(log.events) if len(log.events) <= _KEPT else log.events
    there, twins = log.registers, log.twins
    if len(there) == 1:
        return {register: _Side(events, twins, range(len(events))) for register in there}
    rows: dict[Register, list[int]] = {}
    known: dict[int, Register] = {}
    for row, twin in enumerate(twins):
        register = known.get(twin) or events[row].register
        if twin != row:
            known[twin] = register
        rows.setdefault(register, []).append(row)
    return {register: _Side(events, twins, own) for register, own in rows.items()}


class _Side:
    """One register's events in a log: the log's events, those that are alike (`Log.twins`), and the rows."""

    def __init__(self, events: Sequence[Event], twins: Sequence[int], rows: Sequence[int]) -> None:
        self.events, self.twins, self.rows = events, twins, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Event:
        event: Event = self.events[self.rows[index]]
        return event

    def shared(self, start: int, end: int) -> tuple[int, int]:
        """How many of the events are among so many at the start of the log, and at its end."""
        rows = self.rows
        return bisect_left(rows, start), len(rows) - bisect_left(rows, len(self.events) - end)

    def facts(self, tell: Callable[[Event], Hashable]) -> _Facts:
        """Something of each event, told when asked for."""
        return _Facts(self, tell)


class _Facts(Sequence):  # type: ignore[type-arg]
    """See `_Side.facts`. Of events that are alike one is asked."""

    def __init__(self, side: _Side, tell: Callable[[Event], Hashable]) -> None:
        self._side, self._tell = side, tell
        self._known: dict[int, Hashable] = {}

    def __len__(self) -> int:
        return len(self._side)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        row = self._side.rows[index]
        twin = self._side.twins[row]
        if twin in self._known:
            return self._known[twin]
        found = self._tell(self._side.events[row])
        if twin != row:
            self._known[twin] = found
        return found


class _Comparison:
    """One register's events in both logs, of which so many are known to be the same at the start and the end."""

    def __init__(
        self,
        a: _Side,
        b: _Side,
        banks: set[int],
        describers: tuple[Describer, Describer],
        common: tuple[int, int] = (0, 0),
    ) -> None:
        self.a = a
        self.b = b
        self.banks = banks
        self.describers = describers
        self.common = common
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
        ours, theirs = self._extending(self.a), self._extending(self.b)
        for one, other in zip_longest(ours, theirs):
            if one is None or other is None or one[1] != other[1]:
                index, side = (one[0], self.a) if one is not None else (other[0], self.b)
                return side[index].number
        return None

    def _extending(self, side: _Side) -> Iterator[tuple[int, Hashable]]:
        """The measured events after those that are known to be the same, and what they extend."""
        facts = side.facts(self._extended)
        for index in range(self.common[0], len(facts)):
            told = facts[index]
            if told is not None:
                yield index, told

    def _extended(self, event: Event) -> tuple[Hashable] | None:
        return (self.digests(event),) if event.measured else None

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

    def _pairs(self) -> Iterator[Pair]:
        """The events of both sides, paired as far as they correspond, but for those that are the same."""
        alike = self.a.facts(self.same), self.b.facts(self.same)
        at_a = at_b = 0
        for i, j, count in (*runs(*alike, *self.common), (len(self.a), len(self.b), 0)):
            yield from self._loosely(range(at_a, i), range(at_b, j))
            at_a, at_b = i + count, j + count

    def _loosely(self, ours: range, theirs: range) -> Iterator[Pair]:
        """Pair what lies between two events that are the same."""
        keys: tuple[Callable[[int, int], Hashable], ...] = (
            lambda side, index: self.digests((self.a, self.b)[side][index]) or (side, index),
            lambda side, index: (self.describe(side, index).type, self.describe(side, index).name or (side, index)),
            self.loose,
        )
        pairs: list[Pair] = []
        self._fill(ours, theirs, keys, pairs)
        return iter(pairs)

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
