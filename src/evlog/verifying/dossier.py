"""The logs of one verification, with what is made of them once: trails of registers, events, and the allowance."""

from __future__ import annotations

from evlog.contents.event_types import name_of
from evlog.contents.spec_id import preceding
from evlog.replaying.trail import Trail, trail
from evlog.verifying.allowance import Allowance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register

    #: The index of a log, and the number of an event in it.
    Place = tuple[int, int]

__all__ = ["Dossier"]

# Events of all logs whose digests are kept, bank by bank; of longer ones each trail is read by itself.
_KEPT = 1 << 16


class Dossier:
    """The logs of one verification. ``allowance`` is what explanations of all its registers may cost together."""

    __slots__ = ("_events", "_extended", "_kept", "_preceding", "_rows", "allowance", "logs", "platform")

    def __init__(self, logs: Sequence[Log], platform: str | None) -> None:
        self.logs = logs
        self.platform = platform
        self.allowance = Allowance()
        self._kept = sum(len(log.events) for log in logs) <= _KEPT
        self._events: dict[Place, Event] = {}
        self._rows: dict[int, dict[Register, list[int]]] = {}
        self._extended: dict[tuple[int, int, tuple[str, ...]], dict[int, bytes | None]] = {}
        self._preceding: dict[int, int] = {}

    def trail(self, register: Register, alg: HashAlg, start: bytes, rules: tuple[str, ...] = ()) -> Trail:
        """The trail of a register, as `evlog.replaying.trail.trail` reads it."""
        if not self._kept:
            return trail(self.logs, register, alg, start, rules)
        made = Trail(register, alg, start, [], [], [])
        for index in range(len(self.logs)):
            rows = self.rows(index).get(register)
            if rows is None:
                continue
            extended = self._extensions(index, alg, rules)
            for row in rows:
                digest = extended[row]
                if digest is None:
                    made.missing.append((index, row))
                elif digest:
                    made.places.append((index, row))
                    made.digests.append(digest)
        return made

    def rows(self, index: int) -> dict[Register, list[int]]:
        """The numbers of the events of a log that extend each register."""
        found = self._rows.get(index)
        if found is None:
            found = self._rows[index] = _rows_of(self.logs[index])
        return found

    def _extensions(self, index: int, alg: HashAlg, rules: tuple[str, ...]) -> dict[int, bytes | None]:
        """What events of a log extend into a bank, by their numbers."""
        key = index, alg.id, rules
        found = self._extended.get(key)
        if found is None:
            log = self.logs[index]
            columns = log.columns
            if columns is None:
                found = {event.number: event.extension(alg, rules) for event in log.events if event.measured}
            else:
                found = dict(enumerate(columns.extensions(alg, rules, 0, len(columns))))
            self._extended[key] = found
        return found

    def event(self, place: Place) -> Event:
        """The event at a place."""
        found = self._events.get(place)
        if found is None:
            found = self.logs[place[0]].events[place[1]]
            if self._kept:
                self._events[place] = found
        return found

    def name(self, place: Place) -> str:
        """The event at a place, for a sentence: ``event 16 (EV_SEPARATOR)``, with the log's name if there are several."""
        log, row = place
        where = f" of {self.logs[log].name or f'log {log + 1}'}" if len(self.logs) > 1 else ""
        return f"event {row}{where} ({name_of(self.event(place).content)})"

    def precedes(self, place: Place) -> bool:
        """Whether the event at a place stands before its log's header."""
        log, row = place
        if log not in self._preceding:
            self._preceding[log] = len(preceding(self.logs[log]))
        return row < self._preceding[log]


def _rows_of(log: Log) -> dict[Register, list[int]]:
    found: dict[Register, list[int]] = {}
    columns = log.columns
    if columns is None:
        for event in log.events:
            if event.measured:
                found.setdefault(event.register, []).append(event.number)
        return found
    by_index: dict[int, list[int]] = {}
    for row, index in enumerate(columns.registers):
        by_index.setdefault(index, []).append(row)
    return {columns.register(index): by_index[index] for index in columns.indices}
