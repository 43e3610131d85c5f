"""What a boot extended its registers by, event by event: the one noun that everything for other verifiers is made of.

A register's value covers digests, their order, and nothing else. So a reference is an event that extends a register,
with the digests that do; what its event is called and is about are a claim of the log's, proven as far as a digest is
the hash of the event's data (`Reference.proven`). What no register covers is no reference, and is a `Loss`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

from evlog import hashing
from evlog._record import Record
from evlog.checking.digest_check import check_event
from evlog.columns import NOT_EXTENDED, Lazy
from evlog.comparing.describe import Describer
from evlog.contents.digest_only import DigestOnly
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Digest, Loss
from evlog.replaying.naming import platform_of, unite
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.comparing.describe import Description
    from evlog.model import Event, Log
    from evlog.registers import Register, RegisterSet
    from evlog.replaying.replay import RegisterValue, Replay

__all__ = ["NOT_MEASURED", "Boot", "Reference", "RegisterReferences", "boot_of", "boots_of", "together"]


#: Why an event is no reference that never was to be one.
NOT_MEASURED = "not measured: no register covers it"


class Reference(Record):
    """An event that extends its register, and what it extends it by: one digest for each bank that can be relied on.

    ``place`` counts the events of the boot, over all of its logs; of a single log it is the row. Everything but
    ``register`` and ``digests`` is what the log says, and covered only where the reference is `proven`; the event's
    type and the register's name are covered by nothing at all.
    """

    event: Event
    register: Register
    digests: tuple[Digest, ...]
    place: int
    source: Describer

    _uncompared = ("source",)

    @property
    def number(self) -> int:
        """The event's number in its log."""
        return self.event.number

    @property
    def description(self) -> Description:
        """The event's type, a name that it keeps when its value changes, and words for people; made when asked for."""
        return self.source.describe(self.event)

    @property
    def proven(self) -> bool:
        """Whether the event's data is what was measured: each digest here is the hash of it, by a rule of its kind."""
        verdicts = {check.alg.id: check.verdict for check in reversed(check_event(self.event))}
        return bool(self.digests) and all(verdicts.get(digest.alg.id) == "matches" for digest in self.digests)

    def digest(self, alg: HashAlg) -> bytes | None:
        """What the event extends into a bank, or None."""
        return next((digest.value for digest in self.digests if digest.alg.id == alg.id), None)


class RegisterReferences(Record):
    """The references of one register in the order in which they extend it.

    ``banks`` are those that all of its events extend, in the order of their ids; ``starts`` and ``values`` are what
    the register starts from and ends at in each of them, ``start_reason`` as `evlog.RegisterValue` has it.
    """

    register: Register
    banks: tuple[HashAlg, ...]
    starts: tuple[Digest, ...]
    values: tuple[Digest, ...]
    start_reason: str
    events: Sequence[Reference]

    def value(self, alg: HashAlg) -> bytes | None:
        """The value in a bank, or None."""
        return next((value.value for value in self.values if value.alg.id == alg.id), None)


class Boot(Record):
    """The references of one boot, register by register; ``losses`` are what its logs say and no register covers.

    ``name`` tells boots apart: that of its first log. Registers of several logs of a confidential platform are called
    by one name (`evlog.replay`); those of a single log by its own.
    """

    name: str
    logs: tuple[Log, ...]
    platform: str | None
    registers: tuple[RegisterReferences, ...]
    losses: tuple[Loss, ...] = ()

    def __iter__(self) -> Iterator[Reference]:
        """All references in the order of the boot."""
        from heapq import merge
        from operator import attrgetter

        return merge(*(each.events for each in self.registers), key=attrgetter("place"))

    def __len__(self) -> int:
        return sum(len(each.events) for each in self.registers)

    def of(self, register: Register) -> RegisterReferences | None:
        """The references of a register, by any of its names on the platform; None if the boot does not extend it."""
        names = register.names(self.platform)
        return next((each for each in self.registers if each.register in names), None)


def boot_of(
    logs: Log | Sequence[Log],
    *,
    platform: str | None = None,
    registers: RegisterSet | None = None,
    banks: Iterable[HashAlg] | None = None,
) -> Boot:
    """The references of one boot: of its log, or of its logs in the order in which they extend registers.

    ``registers`` and ``banks`` limit it to some; what is left out by them is no loss.
    """
    several = (logs,) if not isinstance(logs, (list, tuple)) else tuple(logs)
    platform = platform_of(several, platform)
    several = unite(several, platform if len(several) > 1 else None)
    wanted = None if banks is None else {alg.id for alg in banks}
    found = _Rows(several, registers, platform)
    replayed = replay(several)
    rows: dict[Register, list[RegisterValue]] = {}
    for row in replayed.rows:
        if row.register in found.places and (wanted is None or row.alg.id in wanted):
            rows.setdefault(row.register, []).append(row)
    losses = [*found.losses, *_of_banks(rows, found, replayed)]
    result = []
    for register, each in rows.items():
        whole = [row for row in each if row.value is not None]
        if not whole:
            continue
        made = _of_register(register, whole, found)
        if any(row.stated is not None for row in whole) and not _leads(made):
            # What a log states is no reference: it proves nothing, least of all of itself.
            reason = f"{register} has values that the log states, to which its events do not lead: it is left out"
            losses.append(Loss(None, "register", reason))
        else:
            result.append(made)
    return Boot(
        several[0].name if several else "",
        several,
        platform,
        tuple(result),
        tuple(sorted(losses, key=_order)),
    )


def boots_of(
    logs: Iterable[Log],
    *,
    platform: str | None = None,
    registers: RegisterSet | None = None,
    banks: Iterable[HashAlg] | None = None,
) -> list[Boot]:
    """The boots that some logs are of (`together`), in order; the options are those of `boot_of`."""
    banks = None if banks is None else tuple(banks)
    return [boot_of(several, platform=platform, registers=registers, banks=banks) for several in together(logs)]


def together(logs: Iterable[Log]) -> list[list[Log]]:
    """The logs of each boot, in order.

    Logs that carry different things (of firmware, IMA, systemd) and follow one another are of one boot; a log of a
    kind that the boot has already begins the next one.
    """
    grouped: list[tuple[list[Log], set[type]]] = []
    for log in logs:
        kinds = _kinds(log)
        if not grouped or not grouped[-1][1].isdisjoint(kinds):
            grouped.append(([], set()))
        grouped[-1][0].append(log)
        grouped[-1][1].update(kinds)
    return [several for several, _ in grouped]


def _kinds(log: Log) -> set[type]:
    """What the events of a log carry that extend registers."""
    if log.columns is not None and log.columns.are_pcclient:
        return {PCClientEvent}
    kinds: set[type] = {type(event.content) for event in log.events if event.measured}
    # Without their data they are of firmware all the same.
    return {PCClientEvent if kind is DigestOnly else kind for kind in kinds}


def _order(loss: Loss) -> tuple[bool, int]:
    return loss.event is None, loss.event or 0


def _of_register(register: Register, rows: list[RegisterValue], found: _Rows) -> RegisterReferences:
    banks = tuple(row.alg for row in rows)
    return RegisterReferences(
        register,
        banks,
        tuple(Digest(row.alg, row.start) for row in rows),
        tuple(Digest(row.alg, row.value) for row in rows if row.value is not None),
        rows[0].start_reason,
        _References(register, banks, found),
    )


def _leads(made: RegisterReferences) -> bool:
    """Whether the references lead from the start to the value, in each bank."""
    backend = hashing.backend()
    for start in made.starts:
        digests = (reference.digest(start.alg) or b"" for reference in made.events)
        if backend.fold(start.alg, start.value, digests) != made.value(start.alg):
            return False
    return True


def _of_banks(rows: dict[Register, list[RegisterValue]], found: _Rows, replayed: Replay) -> Iterator[Loss]:
    """The banks that cannot be relied on, and the registers that have no other."""
    for register, each in rows.items():
        lacking = [row.alg for row in each if row.value is None]
        for alg in lacking:
            yield Loss(None, f"digests.{alg}", f"not all events on {register} have a {alg} digest to extend it by")
    for register in found.places:
        if register not in rows:
            yield Loss(None, "digests", f"{register} has no bank that can be replayed")
    for finding in replayed.findings:
        if finding.code == "bank_not_computable":
            yield Loss(None, "digests", finding.message)


class _Rows:
    """Which events of the logs extend which register, by their places, and the losses of those that extend none."""

    def __init__(self, logs: tuple[Log, ...], wanted: RegisterSet | None, platform: str | None) -> None:
        self.logs = logs
        self.describers = [Describer(log) for log in logs]
        self.starts: list[int] = []
        self.places: dict[Register, array[int]] = {}
        self.losses: list[Loss] = []
        base = 0
        kept: dict[Register, bool] = {}
        for log in logs:
            self.starts.append(base)
            for row, register in enumerate(_registers(log)):
                if register is None:
                    self._left_out(base + row, wanted, platform)
                    continue
                keep = kept.get(register)
                if keep is None:
                    keep = kept[register] = wanted is None or wanted.holds(register, platform)
                if keep:
                    self.places.setdefault(register, array("Q")).append(base + row)
            self.losses += _repeated(log, len(logs) > 1)
            base += len(log.events)

    def _left_out(self, place: int, wanted: RegisterSet | None, platform: str | None) -> None:
        event, _ = self.at(place)
        if wanted is not None and not wanted.holds(event.register, platform):
            return
        if event.measured:
            self.losses.append(self.loss(place, "register", f"{event.register} is not extended by events like this"))
        else:
            self.losses.append(self.loss(place, "content", NOT_MEASURED))

    def at(self, place: int) -> tuple[Event, int]:
        """The event at a place, and which log it is in."""
        index = bisect_right(self.starts, place) - 1
        # A log without events has the place of the next one.
        return self.logs[index].events[place - self.starts[index]], index

    def loss(self, place: int, field: str, reason: str) -> Loss:
        """The loss of an event, with the name of its log where there are several."""
        event, index = self.at(place)
        said = f"{self.logs[index].name}: {reason}" if len(self.logs) > 1 else reason
        return Loss(event.number, field, said)


def _registers(log: Log) -> Iterator[Register | None]:
    """The register that each event extends, or None."""
    columns = log.columns
    if columns is None:
        yield from (event.register if event.replayable else None for event in log.events)
        return
    names: dict[int, Register | None] = {NOT_EXTENDED: None}
    for index in columns.registers:
        if index not in names:
            names[index] = columns.register(index)
        yield names[index]


def _repeated(log: Log, several: bool) -> Iterator[Loss]:
    """Digests that an event has twice under one algorithm, of which the first is what is extended."""
    columns = log.columns
    if columns is not None and not any(_twice(alg for alg, _ in layout.digests) for layout in columns.layouts):
        return
    for event in log.events:
        for alg in _twice(digest.alg for digest in event.digests) if event.measured else ():
            reason = "another digest of the same algorithm: the first is what extends the register"
            yield Loss(event.number, f"digests.{alg}", f"{log.name}: {reason}" if several else reason)


def _twice(algorithms: Iterable[HashAlg]) -> list[HashAlg]:
    seen: set[int] = set()
    return [alg for alg in algorithms if alg.id in seen or seen.add(alg.id)]  # type: ignore[func-returns-value]


class _References(Lazy):
    """The references of a register, each made when asked for."""

    __slots__ = ("_banks", "_places", "_register", "_source")

    def __init__(self, register: Register, banks: tuple[HashAlg, ...], source: _Rows) -> None:
        self._places = source.places[register]
        super().__init__(len(self._places))
        self._register, self._banks, self._source = register, banks, source

    def _make(self, row: int) -> Reference:
        place = self._places[row]
        event, index = self._source.at(place)
        extended = ((alg, event.extension(alg)) for alg in self._banks)
        digests = tuple(Digest(alg, value) for alg, value in extended if value is not None)
        return Reference(event, self._register, digests, place, self._source.describers[index])
