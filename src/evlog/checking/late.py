"""The checks of a long log, some events at a time, for who shows the first events before all are looked at."""

from __future__ import annotations

from evlog.checking.check import check
from evlog.checking.digest_check import check_event, check_events
from evlog.checking.plain import Plain
from evlog.checking.verdicts import Verdicts
from evlog.columns import Lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.model import Event, Finding, Log

__all__ = ["LateChecks", "checks_of", "is_long"]

#: Rows that are checked at once.
_WINDOW = 1 << 12


def is_long(log: Log) -> bool:
    """Whether the checks of a log are worth putting off."""
    return log.columns is not None and len(log.events) > 2 * _WINDOW


def checks_of(
    checks: Checks | LateChecks, numbers: Sequence[int], events: Sequence[Event] | None = None
) -> Sequence[tuple[DigestCheck, ...]]:
    """The checks of the events of some numbers, at once where they follow each other; ``events``, if they are made."""
    if events and isinstance(checks, LateChecks) and checks.are_by_event(numbers[0]):
        return check_events(events)
    start, stop = (numbers[0], numbers[-1] + 1) if numbers else (0, 0)
    if stop - start != len(numbers):
        return [checks[number] for number in numbers]
    return checks.run(start, stop) if isinstance(checks, LateChecks) else checks.events[start:stop]


class LateChecks(Lazy):
    """For each event of a log with columns what `evlog.check` says of it, when somebody asks; best in order.

    What is found in the log as a whole (``findings``) takes all of them, and is asked for last. ``kept`` are those of
    the findings that are wanted.
    """

    __slots__ = ("_kept", "_log", "_start", "_stop", "_whole", "_window")

    def __init__(self, log: Log, kept: Callable[[Iterable[Finding]], tuple[Finding, ...]]) -> None:
        super().__init__(len(log.events))
        self._log, self._kept = log, kept
        self._start = self._stop = 0
        self._window: Verdicts | _Single | None = None
        self._whole: tuple[Checks, tuple[Finding, ...]] | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is odd in the log, as far as it is wanted."""
        return self._all[1]

    @property
    def events(self) -> Sequence[tuple[DigestCheck, ...]]:
        """The checks of all events, for who wants them anyway."""
        return self._all[0].events

    @property
    def _all(self) -> tuple[Checks, tuple[Finding, ...]]:
        if self._whole is None:
            whole = check(self._log)
            self._whole = whole, self._kept(whole.findings)
        return self._whole

    def are_by_event(self, row: int) -> bool:
        """Whether those around a row still have to be made, and of events."""
        return self._whole is None and self._around(row) is None

    def run(self, start: int, stop: int) -> Sequence[tuple[DigestCheck, ...]]:
        """Those of the events from ``start`` to ``stop``."""
        if self._whole is not None:
            return self.events[start:stop]
        found: list[tuple[DigestCheck, ...]] = []
        while start < stop:
            window = self._around(start)
            end = min(stop, self._stop)
            if window is None:
                found += check_events(self._log.events[start:end])
            else:
                found += window[start - self._start : end - self._start]
            start = end
        return found

    def _make(self, row: int) -> tuple[DigestCheck, ...]:
        if self._whole is not None:
            return self._whole[0][row]
        window = self._around(row)
        if window is None:
            return check_event(self._log.events[row])
        checked: tuple[DigestCheck, ...] = window[row - self._start]
        return checked

    def _around(self, row: int) -> Verdicts | _Single | None:
        """The checks of the rows from `_start` to `_stop`, which a row is among; None where columns tell nothing."""
        if self._start <= row < self._stop:
            return self._window
        columns = self._log.columns
        assert columns is not None
        self._start = start = row - row % _WINDOW
        self._stop = min(start + _WINDOW, len(self))
        part, events = columns.part(start, self._stop), _Part(self._log.events, start)
        if columns.are_pcclient:
            self._window = Verdicts(part, events)
        else:
            plain = Plain(part, events)
            self._window = _Single(plain, events) if plain.kinds else None
        return self._window


class _Single(Lazy):
    """The checks of events that are no PC Client events: as their columns tell, or else one by one."""

    __slots__ = ("_events", "_plain")

    def __init__(self, plain: Plain, events: Sequence[Event]) -> None:
        super().__init__(len(plain.kinds))
        self._events, self._plain = events, plain

    def _make(self, row: int) -> tuple[DigestCheck, ...]:
        kind = self._plain.kinds[row]
        return self._plain.checks[kind] if kind else check_event(self._events[row])


class _Part(Lazy):
    """The events from a row on."""

    __slots__ = ("_events", "_start")

    def __init__(self, events: Sequence[Event], start: int) -> None:
        super().__init__(len(events) - start)
        self._events, self._start = events, start

    def _make(self, row: int) -> Event:
        event: Event = self._events[self._start + row]
        return event
