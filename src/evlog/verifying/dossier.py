"""The logs of one verification, with what is made of them once: trails of registers, events, and the allowance."""

from __future__ import annotations

from itertools import compress, repeat
from operator import eq

from evlog import hashing
from evlog.columns import NOT_EXTENDED, Recorded
from evlog.contents.event_types import name_of
from evlog.contents.spec_id import preceding
from evlog.replaying.trail import Trail, trail
from evlog.verifying.allowance import LONG, Allowance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register
    from evlog.replaying.replay import RegisterValue

    #: The index of a log, and the number of an event in it.
    Place = tuple[int, int]

__all__ = ["Dossier"]

# Events of all logs whose digests are kept, bank by bank; of longer ones each trail is read by itself.
_KEPT = 1 << 16
# Events of all logs that are few in any number of banks.
_SHORT = 256
# Registers that are looked for one by one, in logs that are not short.
_FEW = 16
# Events that are read for a trail in the time of a hash.
_READ = 4


class Dossier:
    """The logs of one verification. ``allowance`` is what explanations of all its registers may cost together.

    ``short`` says that the logs have few events.
    """

    __slots__ = (
        "_again",
        "_damage",
        "_events",
        "_extended",
        "_kept",
        "_places",
        "_preceding",
        "allowance",
        "logs",
        "platform",
        "short",
    )

    def __init__(self, logs: Sequence[Log], platform: str | None) -> None:
        self.logs = logs
        self.platform = platform
        self.allowance = Allowance()
        events = sum(len(log.events) for log in logs)
        self._kept = events <= _KEPT
        self.short = events <= _SHORT
        self._events: dict[Place, Event] = {}
        self._places: dict[Register, list[Place]] | None = None
        self._extended: dict[tuple[int, int, tuple[str, ...]], Mapping[int, bytes | None] | Sequence[bytes | None]] = {}
        self._damage: str | None = None
        self._again: dict[int, dict[Register, bytes]] = {}
        self._preceding: dict[int, int] = {}

    def trail(self, register: Register, alg: HashAlg, start: bytes, rules: tuple[str, ...] = ()) -> Trail:
        """The trail of a register, as `evlog.replaying.trail.trail` reads it."""
        if not self._kept:
            return trail(self.logs, register, alg, start, rules)
        places = self._places_of(register)
        extended = [self._extensions(log, alg, rules) for log in range(len(self.logs))] if places else []
        digests = [extended[log][row] for log, row in places]
        if all(digests):
            return Trail(register, alg, start, places, digests, [])  # type: ignore[arg-type]
        missing = [place for place, digest in zip(places, digests, strict=True) if digest is None]
        steps = [(place, digest) for place, digest in zip(places, digests, strict=True) if digest]
        return Trail(register, alg, start, [place for place, _ in steps], [digest for _, digest in steps], missing)

    def _places_of(self, register: Register) -> list[Place]:
        """The places of the events that extend a register."""
        if self._places is not None:
            return self._places.get(register, [])
        if self.short or any(log.columns is None or len(log.columns.indices) > _FEW for log in self.logs):
            self._places = _places(self.logs)
            return self._places.get(register, [])
        found: list[Place] = []
        for number, log in enumerate(self.logs):
            columns = log.columns
            index = None if columns is None else columns.index(register)
            if columns is not None and index is not None:
                rows = compress(range(len(columns)), map(eq, columns.registers, repeat(index)))
                found += zip(repeat(number), rows)  # one of them has no end
        return found

    def again(self, rows: Sequence[RegisterValue], alg: HashAlg) -> Mapping[Register, bytes] | None:
        """What registers of the values in ``rows`` come to in a bank if the events of a long log extend them once more.

        Of all registers at once, as that log is replayed; None of short logs, and where its records do not tell all.
        """
        columns = self.logs[0].columns if len(self.logs) == 1 else None
        if type(columns) is not Recorded or len(columns) <= LONG:
            return None
        found = self._again.get(alg.id)
        if found is None:
            held = {row.register: row.value for row in rows if row.alg == alg}
            values: dict[int, bytes] = {}
            for index in columns.indices:
                value = held.get(columns.register(index))
                if value is None:
                    return None
                values[index] = value
            hashing.backend(len(columns.buffer)).fold_many([(columns, [alg], {alg: values})])
            found = self._again[alg.id] = {columns.register(index): value for index, value in values.items()}
        return found

    def cost(self, alg: HashAlg) -> int:
        """What it costs, in hashes, to read the next trail in a bank, beside its events."""
        if self._kept and any(key[1] == alg.id for key in self._extended):
            return 0
        return sum(len(log.events) for log in self.logs) // _READ

    @property
    def of_firmware(self) -> bool:
        """Whether the columns of all logs have PC Client events only: no event is logged before it is extended."""
        return all(log.columns is not None and log.columns.are_pcclient for log in self.logs)

    def _extensions(
        self, index: int, alg: HashAlg, rules: tuple[str, ...]
    ) -> Mapping[int, bytes | None] | Sequence[bytes | None]:
        """What events of a log extend into a bank, by their numbers."""
        key = index, alg.id, rules
        found = self._extended.get(key)
        if found is None:
            log = self.logs[index]
            columns = log.columns
            if columns is None:
                found = {event.number: event.extension(alg, rules) for event in log.events if event.measured}
            else:
                found = columns.extensions(alg, rules, 0, len(columns))
            self._extended[key] = found
        return found

    def recorded(self, place: Place, alg: HashAlg) -> tuple[Register | None, bytes | None]:
        """The register that an event says to extend, None if it is not measured; and its digest in a bank.

        Of PC Client events the columns tell that, and no event is made.
        """
        log, row = place
        columns = self.logs[log].columns
        if self._kept and columns is not None and columns.typed is not None:
            index = columns.registers[row]
            if index != NOT_EXTENDED:
                return columns.register(index), self._extensions(log, alg, ())[row]
        event = self.event(place)
        return (event.register if event.measured else None), event.digest(alg)

    def event(self, place: Place) -> Event:
        """The event at a place."""
        found = self._events.get(place)
        if found is None:
            found = self.logs[place[0]].events[place[1]]
            if self._kept:
                self._events[place] = found
        return found

    def name(self, place: Place) -> str:
        """The event at a place, for a sentence: ``event 16 (EV_SEPARATOR)``, with the log's name if there are more."""
        log, row = place
        where = f" of {self.logs[log].name or f'log {log + 1}'}" if len(self.logs) > 1 else ""
        return f"event {row}{where} ({name_of(self.event(place).content)})"

    @property
    def damage(self) -> str:
        """What is wrong with the logs as a whole, to go on a sentence with."""
        if self._damage is None:
            self._damage = "".join(f"; {each}" for each in _damage(self.logs))
        return self._damage

    def precedes(self, place: Place) -> bool:
        """Whether the event at a place stands before its log's header."""
        log, row = place
        if log not in self._preceding:
            self._preceding[log] = len(preceding(self.logs[log]))
        return row < self._preceding[log]


def _places(logs: Sequence[Log]) -> dict[Register, list[Place]]:
    """The places of the events that extend each register."""
    found: dict[Register, list[Place]] = {}
    for number, log in enumerate(logs):
        columns = log.columns
        if columns is None:
            for event in log.events:
                if event.measured:
                    found.setdefault(event.register, []).append((number, event.number))
            continue
        named = {index: found.setdefault(columns.register(index), []) for index in columns.indices}
        named[NOT_EXTENDED] = []
        for row, index in enumerate(columns.registers):
            named[index].append((number, row))
    return found


def _damage(logs: Sequence[Log]) -> Iterator[str]:
    for log in logs:
        for finding in log.findings:
            if finding.severity == "error":
                yield f"the log is damaged ({finding.message}), so later events may be missing"
            elif finding.code == "area_full":
                yield finding.message
