"""The logs of one boot as a policy looks at them: its events by register, in order, and where registers start."""

from __future__ import annotations

from evlog.comparing.describe import Describer
from evlog.contents.ima import ImaEvent
from evlog.merging.order import in_order
from evlog.model import Digest
from evlog.policy.rules import Start
from evlog.replaying.naming import platform_of, unite
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.policy.seen import Observer, Seen
    from evlog.registers import Register
    from evlog.replaying.replay import Replay

__all__ = ["Entry", "ObservedBoot", "observed"]


class Entry:
    """An event in its place: the log, by its index, and what is seen of it."""

    __slots__ = ("log", "seen")

    def __init__(self, log: int, seen: Seen) -> None:
        self.log = log
        self.seen = seen

    @property
    def place(self) -> tuple[int, int]:
        """The index of its log, and its number there."""
        return self.log, self.seen.event.number


class ObservedBoot:
    """The measured events of a boot's logs by register.

    ``sequences`` are in the order in which they extend their register; ``lists`` are entries of IMA lists, which come
    in any order. ``loose`` are events that are called measured and extend no register.
    """

    def __init__(self, logs: tuple[Log, ...], platform: str | None, replayed: Replay) -> None:
        self.logs = logs
        self.platform = platform
        self.replayed = replayed
        self.sequences: dict[Register, list[Entry]] = {}
        self.lists: dict[Register, list[Entry]] = {}
        self.loose: list[Entry] = []
        self._starts: dict[Register, dict[int, tuple[bytes, str]]] = {}
        for row in replayed.rows:
            self._starts.setdefault(row.register, {})[row.alg.id] = (row.start, row.start_reason)

    @property
    def registers(self) -> dict[Register, None]:
        """The registers that some event extends."""
        return dict.fromkeys((*self.sequences, *self.lists))

    def __len__(self) -> int:
        return sum(map(len, (*self.sequences.values(), *self.lists.values())))

    def banks(self, register: Register) -> list[HashAlg]:
        """The banks that all events of the register's sequence extend, in the order of their ids."""
        entries = self.sequences.get(register)
        if not entries:
            return []
        shared = frozenset.intersection(*{entry.seen.facts.algorithms for entry in entries})
        extended = entries[0].seen.facts.extended
        return [extended[id].alg for id in sorted(shared)]

    def start(self, register: Register, banks: Sequence[HashAlg]) -> Start:
        """What the register starts at in these banks. Zeros where nothing is said, as replay has it."""
        rows = self._starts.get(register, {})
        told = [rows.get(alg.id) for alg in banks]
        reason = next((each[1] for each in told if each), "zeros")
        values = (each[0] if each else bytes(alg.size) for alg, each in zip(banks, told, strict=True))
        return Start(tuple(Digest(alg, value) for alg, value in zip(banks, values, strict=True)), reason)


def observed(
    logs: Sequence[Log],
    observer: Observer,
    *,
    platform: str | None = None,
    settled: bool = False,
) -> ObservedBoot:
    """The logs of one boot, in the order in which they were written, with one name for each register.

    ``settled`` says that somebody has seen to both.
    """
    ordered = tuple(logs)
    platform = platform_of(logs, platform)
    if not settled:
        if len(logs) > 1:
            ordered = tuple(placed.log for placed in in_order(logs))
        ordered = unite(ordered, platform)
    boot = ObservedBoot(ordered, platform, replay(ordered))
    for index, log in enumerate(ordered):
        describer = Describer(log)
        for event in log.events:
            if not event.measured:
                continue
            register = event.register
            entry = Entry(index, observer.of(log, describer, event))
            if not event.replayable:
                boot.loose.append(entry)
            elif isinstance(event.content, ImaEvent):
                boot.lists.setdefault(register, []).append(entry)
            else:
                boot.sequences.setdefault(register, []).append(entry)
    return boot
