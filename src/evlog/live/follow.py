"""What a machine measures from now on: events as its logs grow, and registers that move without one.

The order is that of a capture: registers first, logs after, so that what a register was extended by stands in a log by
then. User space may extend first and write then, so that a register has until the next look for its event to show up.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.errors import EvlogError
from evlog.live.growing import Growing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evlog.algorithms import HashAlg
    from evlog.intake.sources import LogSource
    from evlog.model import Event
    from evlog.registers import Register, Registers

    Key = tuple[Register, HashAlg]

__all__ = ["Follower", "Moved", "Seen"]

#: Entries of a log that a register may lag behind, before it is taken to be another's.
_LAG = 1 << 16


class Seen(Record):
    """An event that was added to a log."""

    path: str
    event: Event


class Moved(Record):
    """A register that moved, and no log says by what."""

    register: Register
    alg: HashAlg
    was: bytes
    value: bytes


class Follower:
    """A machine's logs and registers, from the moment when this is made.

    ``sources`` says which logs there are, ``registers`` what the values are now (None: none are shown). Both are asked
    at each `look`, as logs appear later.
    """

    def __init__(self, sources: Callable[[], Iterable[LogSource]], registers: Callable[[], Registers | None]) -> None:
        self._sources = sources
        self._registers = registers
        self._logs: dict[str, Growing] = {}
        self._values: dict[Key, bytes] = {}
        self._waiting: dict[Key, list[bytes]] = {}
        self._doubt: set[Key] = set()
        self._ruled: set[Key] = set()
        self.problems: list[str] = []
        self._begin()

    def close(self) -> None:
        for log in self._logs.values():
            log.close()

    def _begin(self) -> None:
        """What is there already: it is read, and not told."""
        for _ in range(3):
            before = self._read()
            for _ in self._grown():
                pass
            self._values = self._read()
            if self._values == before:
                break
        self._waiting.clear()

    def _read(self) -> dict[Key, bytes]:
        try:
            found = self._registers()
        except EvlogError as error:
            self._trouble(str(error))
            return dict(self._values)
        return dict(found.values) if found is not None else {}

    def _trouble(self, said: str) -> None:
        if said not in self.problems:
            self.problems.append(said)

    @property
    def counts(self) -> dict[str, int]:
        """How many events each log has by now."""
        return {path: log.count for path, log in self._logs.items()}

    def look(self) -> Iterator[Seen | Moved]:
        """What happened since the last look."""
        values = self._read()
        for path, event in self._grown():
            yield Seen(path, event)
        told: set[Register] = set()
        for key in sorted(values, key=lambda key: (key[0].sort_key, -key[1].size)):
            was = self._values.get(key)
            if was is not None and not self._explained(key, was, values[key]):
                if key not in self._doubt and key not in self._ruled:
                    # Its event may be on its way.
                    self._doubt.add(key)
                    continue
                self._doubt.discard(key)
                self._waiting.pop(key, None)
                if key[0] not in told and key not in self._ruled:
                    told.add(key[0])
                    yield Moved(key[0], key[1], was, values[key])
            self._values[key] = values[key]

    def _explained(self, key: Key, was: bytes, value: bytes) -> bool:
        """Whether the events that wait lead from one value to the other; those that did wait no longer."""
        waiting = self._waiting.get(key, [])
        if value == was:
            self._doubt.discard(key)
            return True
        fold = hashing.backend().fold
        for count, digest in enumerate(waiting, 1):
            was = fold(key[1], was, [digest])
            if was == value:
                del waiting[:count]
                self._doubt.discard(key)
                return True
        return False

    def _grown(self) -> Iterator[tuple[str, Event]]:
        """What was added to the logs, also to those that are new."""
        for source in self._sources():
            if source.file not in self._logs:
                if source.problem:
                    if source.refused:
                        self._trouble(str(source))
                    continue
                try:
                    self._logs[source.file] = Growing(source.file)
                except OSError as error:
                    self._trouble(f"{source.file}: {(error.strerror or str(error)).lower()}")
        for path, log in self._logs.items():
            try:
                events = log.more()
            except (OSError, EvlogError) as error:
                self._trouble(f"{path}: {error}")
                continue
            for event in events:
                self._note(event)
                yield path, event

    def _note(self, event: Event) -> None:
        if not event.measured:
            return
        for register, alg in self._values:
            if register == event.register:
                digest = event.extension(alg) or event.extension(alg, event.content.rules)
                if event.digest(alg) is None:
                    # By which rule a bank was extended that the log has no digests of, nobody says.
                    self._ruled.add((register, alg))
                if digest:
                    waiting = self._waiting.setdefault((register, alg), [])
                    waiting.append(digest)
                    del waiting[:-_LAG]
