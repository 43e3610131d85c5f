"""Diff: two logs register by register, their events aligned, and what differs in words.

Only the order within a register counts. Events are paired if they are the same; what is left between two such pairs
is paired by its digests, by its type and decoded name, and then by its type if it has no name, and has changed.
"""

from __future__ import annotations

from itertools import chain, zip_longest

from evlog import hashing
from evlog._record import Record, Sequence
from evlog.checking.digest_check import check_event
from evlog.comparing.align import align, runs
from evlog.comparing.describe import Describer, Description
from evlog.comparing.record_keys import keys_of
from evlog.comparing.sides import Rows
from evlog.merging.common_rows import common_among, common_rows
from evlog.model import Event, Log
from evlog.registers import Register
from evlog.replaying.naming import platform_of, unite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.comparing.sides import Facts, Side

    Pair = tuple[int | None, int | None]

__all__ = ["Change", "Difference", "RegisterDifference", "diff"]


# Events that are kept: each has some 300 bytes.
_KEPT = 1 << 12
_IMAGES = {
    "EV_EFI_BOOT_SERVICES_APPLICATION",
    "EV_EFI_BOOT_SERVICES_DRIVER",
    "EV_EFI_RUNTIME_SERVICES_DRIVER",
}


class Change(Record):
    """An event that was ``changed``, ``added`` (no ``a``) or ``removed`` (no ``b``).

    ``a`` and ``b`` are event numbers. ``what`` names the parts that differ: digests, content. ``words`` say it, and
    ``was`` and ``now`` what the event is about on either side. ``digests`` are an event's banks where its digests
    differ, with the digest on either side; unless ``covered`` they alone tell what was measured.
    """

    kind: str
    a: int | None
    b: int | None
    what: tuple[str, ...]
    words: str
    was: str = ""
    now: str = ""
    digests: tuple[tuple[str, bytes, bytes], ...] = ()
    covered: bool = True


class RegisterDifference(Record):
    """A register that differs: the event of the first log (or, past its end, of the second) where it starts to.

    ``first_divergence`` is None if the digests are the same and only what the events say differs: ``extended_alike``.
    ``values`` are what the register has after both logs, bank by bank; None where a log does not tell.
    """

    register: Register
    first_divergence: int | None
    changes: tuple[Change, ...]
    values: tuple[tuple[HashAlg, bytes | None, bytes | None], ...] = ()

    @property
    def extended_alike(self) -> bool:
        """Whether the register has the same value after both logs."""
        return self.first_divergence is None


class Moved(Record):
    """An event that lay at another place in memory, which no digest tells and no register covers: no difference."""

    register: Register
    a: int
    b: int
    image: bool


class Difference(Record):
    """The registers that differ, sorted, and those that are equal. Events that only ``moved`` in memory are equal."""

    registers: tuple[RegisterDifference, ...]
    equal_registers: tuple[Register, ...]
    platform: str | None = None
    moved: tuple[Moved, ...] = ()

    if TYPE_CHECKING:  # by courtesy of rooms above (`evlog._COURTESIES`)

        def to_json(self) -> dict[str, Any]:
            """What differs, as ``evlog.diff/1``."""

        def _repr_html_(self) -> str: ...

    @property
    def equal(self) -> bool:
        """Whether no event differs."""
        return not self.registers

    @property
    def notes(self) -> tuple[str, ...]:
        """What differs between equal events, in a sentence each."""
        images = sum(each.image for each in self.moved)
        others = len(self.moved) - images
        said = []
        if images:
            said.append(f"{images} image{' was' if images == 1 else 's were'} loaded at another address")
        if others:
            said.append(f"{others} other event{' is' if others == 1 else 's are'} about another address")
        return tuple(f"{sentence}, which no register covers" for sentence in said)


def diff(a: Log, b: Log, *, platform: str | None = None) -> Difference:
    """Compare two logs. Digests are compared in the banks that both have, contents besides."""
    banks = {alg.id for alg in a.algorithms} & {alg.id for alg in b.algorithms}
    describers = Describer(a), Describer(b)
    named = unite((a, b), platform)
    common = common_rows(*named)
    if common[0] == len(a.events) == len(b.events):
        # Equal byte for byte: no event needs to be made.
        alike = sorted(named[0].registers, key=lambda register: register.sort_key)
        return Difference((), tuple(alike), platform_of((a, b), platform))
    # What is the same at the start and at the end of both is the same of each register.
    start, end = common[0], min(common[1], min(len(a.events), len(b.events)) - common[0])
    windows = [range(start, len(log.events) - end) for log in named]
    keys = keys_of(named, banks) or (None, None)
    ours, theirs = (Rows(*each, kept=len(each[0].events) <= _KEPT) for each in zip(named, windows, keys, strict=True))
    among = common_among(*named)
    found, equal = [], []
    moved: list[Moved] = []
    registers = {*ours.rows, *theirs.rows, *ours.beside()}
    for register in sorted(registers, key=lambda register: register.sort_key):
        sides = ours.side(register), theirs.side(register)
        one = _Comparison(*sides, banks, describers, among(sides[0].rows, sides[1].rows))
        if one.undecided:
            sides = ours.whole(register), theirs.whole(register)
            one = _Comparison(*sides, banks, describers, among(sides[0].rows, sides[1].rows))
        changes = tuple(one.changes())
        moved += (Moved(register, *each) for each in one.moved)
        if changes:
            found.append(RegisterDifference(register, one.divergence(), changes))
        else:
            equal.append(register)
    told = _values(named, found)
    differing = tuple(each.replace(values=told[each.register]) for each in found)
    return Difference(differing, tuple(equal), platform_of((a, b), platform), tuple(moved))


_Values = dict[Register, "tuple[tuple[HashAlg, bytes | None, bytes | None], ...]"]


def _values(logs: Sequence[Log], found: Sequence[RegisterDifference]) -> _Values:
    """What the registers that differ have after both logs, by their banks."""
    if not found:
        return {}
    from evlog.replaying.replay import replay

    banks = sorted({alg for log in logs for alg in log.algorithms}, key=lambda alg: alg.id)
    a, b = (replay(log, banks=banks).registers().values for log in logs)
    told: _Values = {}
    for register in (each.register for each in found):
        rows = ((alg, a.get((register, alg)), b.get((register, alg))) for alg in banks)
        told[register] = tuple(row for row in rows if row[1:] != (None, None))
    return told


def _covered(event: Event) -> bool:
    """Whether a digest of the event is known to be of the event's data."""
    return any(check.verdict == "matches" for check in check_event(event))


def _is_of_data(event: Event) -> bool:
    """Whether a digest is the hash of all of the event's data, whatever it ought to be of."""
    data = getattr(event.content, "data", b"")
    computable = hashing.backend().computable
    return any(computable(each.alg) and hashing.digest(each.alg, data) == each.value for each in event.digests)


class _Comparison:
    """One register's events in both logs, of which so many are known to be the same at the start and the end."""

    def __init__(
        self,
        a: Side,
        b: Side,
        banks: set[int],
        describers: tuple[Describer, Describer],
        common: tuple[int, int] = (0, 0),
    ) -> None:
        self.a = a
        self.b = b
        self.banks = banks
        self.describers = describers
        self.common = common
        #: Events that are equal but for their place in memory: their numbers, and whether they are images.
        self.moved: list[tuple[int, int, bool]] = []
        self._described: dict[tuple[int, int], Description] = {}

    @property
    def undecided(self) -> bool:
        """Whether all events of the side that has fewer are the same as the other side's first ones.

        Those that follow both may then be, too: an event counts as one at the start before it does as one at the end.
        """
        shortest = min(len(self.a), len(self.b))
        if len(self.a) == len(self.b):
            return False
        ours, theirs = self._facts
        return all(ours[at] == theirs[at] for at in range(self.common[0], shortest))

    @property
    def _facts(self) -> tuple[Facts, Facts]:
        return self.a.facts(self.same, "of"), self.b.facts(self.same, "of")

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
                row, side = (one[0], self.a) if one is not None else (other[0], self.b)
                return side.event(row).number
        return None

    def _extending(self, side: Side) -> Iterator[tuple[int, Hashable]]:
        """The rows of measured events after those that are known to be the same, and what they extend."""
        facts = side.facts(self._extended, "extended")
        for row in chain(side.rows[self.common[0] :], side.after()):
            told = facts.of(row)
            if told is not None:
                yield row, told

    def _extended(self, event: Event) -> tuple[Hashable] | None:
        return (self.digests(event),) if event.measured else None

    def changes(self) -> Iterator[Change]:
        """What is not the same, in the order of the first log."""
        for i, j in self._pairs():
            if i is not None and j is not None:
                if self.same(self.a[i]) != self.same(self.b[j]):
                    if self._only_moved(i, j):
                        image = self.describe(0, i).type in _IMAGES
                        self.moved.append((self.a[i].number, self.b[j].number, image))
                    else:
                        yield self._changed(i, j)
            elif i is not None:
                line = self.describe(0, i).line
                yield Change("removed", self.a[i].number, None, (), f"removed: {line}", was=line)
            elif j is not None:
                line = self.describe(1, j).line
                yield Change("added", None, self.b[j].number, (), f"added: {line}", now=line)

    def _only_moved(self, i: int, j: int) -> bool:
        """Whether two events have the same digests, and differ in a place in memory that none of these covers."""
        one, other = self.a[i], self.b[j]
        digests = self.digests(one)
        if not digests or digests != self.digests(other) or not self.banks:
            return False
        was, now = (each.unplaced(event) for each, event in zip(self.describers, (one, other), strict=True))
        return was is not None and was == now and not any(_covered(each) or _is_of_data(each) for each in (one, other))

    def _changed(self, i: int, j: int) -> Change:
        one, other = self.a[i], self.b[j]
        what = []
        if self.digests(one) != self.digests(other):
            what.append("digests")
        if one.content != other.content:
            what.append("content")
        # Where only the digests differ, the data does not tell what was measured, whatever one of them is of.
        covered = "digests" not in what or ("content" in what and (_covered(one) or _covered(other)))
        was, now = self.describe(0, i), self.describe(1, j)
        words = was.became(now, covered=covered)
        digests: tuple[tuple[str, bytes, bytes], ...] = ()
        if "digests" in what:
            ours = {digest.alg: digest.value for digest in reversed(one.digests)}
            theirs = {digest.alg: digest.value for digest in reversed(other.digests)}
            both = sorted((alg for alg in ours if alg in theirs and alg.id in self.banks), key=lambda alg: alg.id)
            digests = tuple((alg.name, ours[alg], theirs[alg]) for alg in both)
        return Change("changed", one.number, other.number, tuple(what), words, was.line, now.line, digests, covered)

    def _pairs(self) -> Iterator[Pair]:
        """The events of both sides, paired as far as they correspond, but for those that are the same."""
        at_a = at_b = 0
        for i, j, count in (*runs(*self._facts, *self.common), (len(self.a), len(self.b), 0)):
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
