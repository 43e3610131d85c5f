"""The checks of a long log, some events at a time, for who shows the first events before all are looked at."""

from __future__ import annotations

from evlog.checking.check import check
from evlog.checking.digest_check import check_event
from evlog.checking.plain import Plain
from evlog.checking.verdicts import Verdicts
from evlog.columns import Lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.columns import Columns
    from evlog.model import Event, Finding, Log

__all__ = ["LateChecks", "is_long"]

#: Rows that are checked at once.
_WINDOW = 1 << 12


def is_long(log: Log) -> bool:
    """Whether the checks of a log are worth putting off."""
    return log.columns is not None and len(log.events) > 2 * _WINDOW


class LateChecks(Lazy):
    """For each event of a log with columns what `evlog.check` says of it, when somebody asks; best in order.

    What is found in the log as a whole (``findings``) takes all of them, and is asked for last. ``kept`` are those of
    the findings that are wanted.
    """

    __slots__ = ("_kept", "_log", "_start", "_whole", "_window")

    def __init__(self, log: Log, kept: Callable[[Iterable[Finding]], tuple[Finding, ...]]) -> None:
        super().__init__(len(log.events))
        self._log, self._kept = log, kept
        self._start = 0
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

    def _make(self, row: int) -> tuple[DigestCheck, ...]:
        if self._whole is not None:
            return self._whole[0][row]
        if self._window is None or not 0 <= row - self._start < len(self._window):
            columns = self._log.columns
            assert columns is not None
            self._start = start = row - row % _WINDOW
            part, events = columns.part(start, start + _WINDOW), _Part(self._log.events, start)
            self._window = Verdicts(part, events) if columns.are_pcclient else _Single(part, events)
        checked: tuple[DigestCheck, ...] = self._window[row - self._start]
        return checked


class _Single(Lazy):
    """The checks of events that are no PC Client events: as their columns tell, or else one by one."""

    __slots__ = ("_events", "_plain")

    def __init__(self, columns: Columns, events: Sequence[Event]) -> None:
        super().__init__(len(columns))
        self._events, self._plain = events, Plain(columns, events)

    def _make(self, row: int) -> tuple[DigestCheck, ...]:
        kind = self._plain.kinds[row] if self._plain.kinds else 0
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
