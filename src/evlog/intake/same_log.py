"""Logs of one document that tell of the same events: one log, which stands there more than once in different spellings.

Agents return a log as a text and as JSON, whole and stripped of its data, and take the one before the other. What
counts is what was extended: a log that on each of its registers has the digests that another has there says nothing
that the other does not. The fullest is read.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.model import Finding
from evlog.options import NO_OPTIONS
from evlog.registers import LAST_CCMR, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Content, Event, Log

__all__ = ["once"]

#: Registers that no firmware extends, and programs do as long as they run: of two logs the later one has more.
_GROWING = frozenset((Register("ccmr", LAST_CCMR),))


class _Told(Record):
    """A log at its path, and what extends each register in it; None if more than digests extends them."""

    log: Log
    path: str
    events: dict[Register, list[Event]] | None

    @staticmethod
    def of(log: Log, path: str) -> _Told:
        events: dict[Register, list[Event]] = {}
        for event in log.events:
            if event.content.statement:
                return _Told(log, path, None)
            if event.measured:
                events.setdefault(event.register, []).append(event)
        return _Told(log, path, events)

    @property
    def fullness(self) -> tuple[int, int]:
        """How many events it has, and of how many it has the data."""
        every = [event for events in (self.events or {}).values() for event in events]
        return len(every), sum(_has_data(event.content) for event in every)

    def tells(self, other: _Told) -> bool:
        """Whether it extends each register of the other log by the same, and a growing one by that and more."""
        if not self.events or not other.events or self.log.start != other.log.start:
            return False
        for register, events in other.events.items():
            own = self.events.get(register, [])
            if len(own) != len(events) and (register not in _GROWING or len(own) < len(events)):
                return False
            if any(one.digests != two.digests for one, two in zip(own, events, strict=False)):
                return False
        return True

    def finding(self, other: _Told) -> Finding:
        """What is to be said of the other log, which is not read."""
        mine = self.events or {}
        pairs = [
            (own, each)
            for register, events in (other.events or {}).items()
            for own, each in zip(mine[register], events, strict=False)
        ]
        changed = [own for own, each in pairs if not _agree(own.content, each.content)]
        if changed:
            message = f"the log at {other.path} has other data for {len(changed)} events with the same digests"
            return Finding("same_digests", "warning", f"{message}: it is not read", changed[0].number)
        (count, data), (all_events, _) = other.fullness, self.fullness
        which = "the same events" if count == all_events else f"{count} of its {all_events} events"
        without = f", {count - data} of them without data" if data < count else ""
        return Finding("same_log", "note", f"{which} stand at {other.path} too{without}")


def _has_data(content: Content) -> bool:
    return content.kind != "digest_only"


def _agree(one: Content, two: Content) -> bool:
    """Whether two contents under one digest do not contradict each other."""
    if one == two or not (_has_data(one) and _has_data(two)):
        return True
    carried = one.pcclient(NO_OPTIONS)
    return one.kind != two.kind and carried is not None and carried == two.pcclient(NO_OPTIONS)


def once(logs: Sequence[tuple[Log, str]]) -> list[Log]:
    """The logs, each at its path, without those that another one tells; findings of that one say so."""
    told = [_Told.of(log, path) for log, path in logs]
    fullest = sorted(told, key=lambda each: each.fullness, reverse=True)
    kept: dict[str, list[Finding]] = {}
    for at, each in enumerate(fullest):
        better = next((other for other in fullest[:at] if other.path in kept and other.tells(each)), None)
        if better is None:
            kept[each.path] = []
        else:
            kept[better.path].append(better.finding(each))
    return [
        each.log.replace(findings=(*each.log.findings, *kept[each.path])) if kept[each.path] else each.log
        for each in told
        if each.path in kept
    ]
