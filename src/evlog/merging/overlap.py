"""What two logs have in common: the same events read twice, which a merged log keeps once.

An attestation agent's blob begins with the CCEL; firmware's final events are at the end of a log that was fetched
again; a list that was captured twice begins with its earlier self; a kernel writes one IMA list for each bank. All
of it is found by what the events extend, register by register, never by names of files.
"""

from __future__ import annotations

from array import array

from evlog._record import Record
from evlog.columns import NOT_EXTENDED
from evlog.options import NO_OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["Overlap", "combine_twins", "drop_overlaps"]

# One event in common may be a coincidence: a separator, a boot phase.
_FEWEST = 2
# Final events that are looked for: no firmware has a tenth of these.
_MOST = 256


class Overlap(Record):
    """Events of a log that another log already has: ``kind`` is repeated or twin.

    Or ``differs``: events with the digests of another log's and other data. They are not the same, and none is dropped.
    """

    kind: str
    log: str
    of: str
    events: int


def combine_twins(logs: Sequence[Log]) -> tuple[list[Log], list[Overlap]]:
    """Logs of the same events in different banks become one, whose events have the digests of all."""
    kept: list[Log] = []
    found = []
    for log in logs:
        twin = next((place for place, other in enumerate(kept) if _are_twins(other, log)), None)
        if twin is None:
            kept.append(log)
            continue
        other = kept[twin]
        events = tuple(
            one.replace(digests=(*one.digests, *two.digests)) for one, two in zip(other.events, log.events, strict=True)
        )
        kept[twin] = other.replace(events=events, algorithms=(*other.algorithms, *log.algorithms))
        found.append(Overlap("twin", log.name, other.name, len(events)))
    return kept, found


def _are_twins(one: Log, other: Log) -> bool:
    if len(one.events) != len(other.events) or len(one.events) < _FEWEST:
        return False
    if {alg.id for alg in one.algorithms} & {alg.id for alg in other.algorithms}:
        return False
    return all(
        a.register == b.register and a.content == b.content for a, b in zip(one.events, other.events, strict=True)
    )


def drop_overlaps(logs: Sequence[Log]) -> tuple[list[Log], list[Overlap]]:
    """Each log without the events that an earlier one has: its beginning, where it repeats that whole log, or all."""
    kept: list[Log] = []
    found = []
    for log in logs:
        rest = log
        for other in kept:
            count = _repeated(other, rest)
            if count < 0:
                found.append(Overlap("differs", log.name, other.name, -count))
            elif count:
                rest, dropped = _without(rest, other)
                found.append(Overlap("repeated", log.name, other.name, dropped))
                continue
            begun = _begun(other, rest)
            if begun:
                rest = rest.replace(events=tuple(rest.events)[begun:])
                found.append(Overlap("repeated", log.name, other.name, begun))
        if rest.events or rest is log:
            kept.append(rest)
    return kept, found


def _repeated(other: Log, log: Log) -> int:
    """How many measured events of ``log`` repeat those of ``other``: as far as the shorter reaches, on every register.

    0 if any differs: logs that happen to share an event are not the same log. Negative if they differ only in the data
    of so many: which of two tells the truth no digest says, and both are kept.
    """
    banks = {alg.id for alg in other.algorithms} & {alg.id for alg in log.algorithms}
    if not banks or not log.events or not other.events:
        return 0
    # One of them must be all of it: every register of the shorter log is in the other.
    shared = other.extended & log.extended
    if shared not in (other.extended, log.extended):
        return 0
    theirs, ours = _trails(other), _trails(log)
    # Events may name registers besides that no event extends; the columns do not tell these.
    shared = theirs.keys() & ours.keys()
    count = differing = 0
    contained, containing = True, True
    their_twins: Sequence[int] = range(len(other.events))
    our_twins: Sequence[int] = range(len(log.events))
    known: dict[tuple[int, int], tuple[bool, bool]] = {}
    for register in shared:
        one, two = theirs[register], ours[register]
        contained &= len(two) <= len(one)
        containing &= len(one) <= len(two)
        for a, b in zip(one, two, strict=False):
            if count == _MOST:
                # There are many: of events that are alike one is compared from here on.
                their_twins, our_twins = other.twins, log.twins
            pair = their_twins[a], our_twins[b]
            found = known.get(pair)
            if found is None:
                first, second = other.events[a], log.events[b]
                found = _same(first, second, banks), _same_data(first, second)
                if pair != (a, b):
                    known[pair] = found
            if not found[0]:
                return 0
            count += 1
            differing += not found[1]
    whole = (contained and shared == ours.keys()) or (containing and shared == theirs.keys())
    if not whole or count < _FEWEST:
        return 0
    return -differing or count


def _begun(other: Log, log: Log) -> int:
    """How many of the first events of a log without a header are the last ones of ``other``.

    Firmware's table of final events begins where its log was fetched first; who fetched it again has some of them.
    """
    if log.header is None or log.header.get("headless") != 1:
        return 0
    last, first = tuple(other.events[-_MOST:]), tuple(log.events[:_MOST])
    for count in range(min(len(last), len(first)), 0, -1):
        if _alike(last[-count:], first[:count]):
            return count
    return 0


def _alike(ones: Sequence[Event], others: Sequence[Event]) -> bool:
    return all(one == other.replace(number=one.number) for one, other in zip(ones, others, strict=True))


def _trails(log: Log) -> dict[Register, Sequence[int]]:
    """The rows of the measured events on each register."""
    trails: dict[Register, array[int]] = {}
    columns = log.columns
    known: dict[int, Register | None] = {}
    if columns is not None and columns.silent:
        if NOT_EXTENDED not in columns.registers and len(extended := columns.extended) == 1:
            return {extended.pop(): range(len(columns))}
        by_index: dict[int, array[int]] = {}
        for row, index in enumerate(columns.registers):
            if index != NOT_EXTENDED:
                by_index.setdefault(index, array("Q")).append(row)
        return {columns.register(index): rows for index, rows in by_index.items()}
    for row, twin in enumerate(log.twins):
        if twin in known:
            register = known[twin]
        else:
            event = log.events[row]
            register = event.register if event.measured else None
            if twin != row:
                known[twin] = register
        if register is not None:
            trails.setdefault(register, array("Q")).append(row)
    return dict(trails)


def _same(one: Event, other: Event, banks: set[int]) -> bool:
    ours = {d.alg.id: d.value for d in one.digests if d.alg.id in banks}
    theirs = {d.alg.id: d.value for d in other.digests if d.alg.id in banks}
    shared = ours.keys() & theirs.keys()
    return bool(shared) and all(ours[bank] == theirs[bank] for bank in shared)


def _same_data(one: Event, other: Event) -> bool:
    """Whether two events carry the same, each in the form that its log has for it.

    An ascii IMA list does not hold the data of a violation: what is not there is not another.
    """
    ours, theirs = one.content, other.content
    if ours == theirs:
        return True
    if ours.kind != theirs.kind:
        carried = ours.pcclient(NO_OPTIONS)
        return carried is not None and carried == theirs.pcclient(NO_OPTIONS)
    unknown = getattr(ours, "missing", "") or getattr(theirs, "missing", "")
    return bool(unknown) and getattr(ours, "template", "") == getattr(theirs, "template", "")


def _without(log: Log, other: Log) -> tuple[Log, int]:
    """The log without its events that the other has, measured and informative ones."""
    left = {register: len(events) for register, events in _trails(other).items()}
    from collections import Counter

    known = Counter(event.content for event in other.events if not event.measured)
    events = []
    for event in log.events:
        if event.measured and left.get(event.register, 0):
            left[event.register] -= 1
        elif not event.measured and known[event.content]:
            known[event.content] -= 1
        else:
            events.append(event)
    return log.replace(events=tuple(events)), len(log.events) - len(events)
