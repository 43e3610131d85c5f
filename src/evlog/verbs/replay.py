"""Replay: the value that each register must have if the log is true.

Spec: TPM 2.0 part 1, section 17 (extend); TCG PC Client Platform Firmware Profile 1.06, sections 3.3.2 (locality and
H-CRTM start values) and 10 (EV_NO_ACTION is never extended); UEFI 2.10, section 38 (CC measurement registers).
A replay proves nothing by itself: compare it with values from a quote (`evlog.verify`).
"""

from __future__ import annotations

from operator import attrgetter

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents.pcclient import EV_NO_ACTION, PCClientEvent
from evlog.model import Event, Finding, Log
from evlog.registers import Register, Registers
from evlog.verbs._rows import extension, fold_rows
from evlog.verbs._unite import unite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evlog.columns import Columns
    from evlog.hashing import Job
    from evlog.verbs.anchors import Anchor, Anchors

    #: Rules by bank: how events extend a bank that they have no digest for (`Content.rules`), one name or several.
    Rules = Mapping[HashAlg, str | Sequence[str]]

__all__ = ["RegisterValue", "Replay", "replay", "replay_each", "start_value"]

_EV_EFI_HCRTM_EVENT = 0x80000010
_LOCALITY = b"StartupLocality\0"
_PCR0 = Register("pcr", 0)
_BY_PLACE, _BY_ID = attrgetter("sort_key"), attrgetter("id")
#: PCRs that start as ones, and as zeros after a dynamic launch.
_ONES = range(17, 23)
_EVENT = 160  # bytes of a usual event, where a log does not tell its size
# Launch events that reset PCR 17 to 22 to zero: Intel TXT, AMD Secure Launch, Arm DRTM.
_DYNAMIC_LAUNCH = ((0x401, 0x4FF), (0x8001, 0x80FF), (0x9001, 0x90FF))


class RegisterValue(Record):
    """A register's value in one bank after replay.

    ``value`` is None where it cannot be said: ``status`` is then ``incomplete``, an event lacks the bank's digest.
    ``start_reason`` is one of zeros, ones, locality, h-crtm, drtm, init, log, given.
    ``anchoring`` is for registers of textual logs: how firmly what they state of themselves holds together, the worst
    verdict of their `Anchor` values. A value that a quote confirms then proves the events from ``proven_from`` on,
    (index of the log, number of the event), and none before.
    """

    register: Register
    alg: HashAlg
    value: bytes | None
    start: bytes
    start_reason: str
    events: int
    status: str = "complete"
    anchoring: str | None = None
    proven_from: tuple[int, int] = (0, 0)


class Replay(Record):
    """All registers that the logs extend, sorted by register, then bank; a mapping by (register, algorithm).

    ``handovers`` are the places where a textual log states a register's value, in the order met.
    """

    values: tuple[RegisterValue, ...]
    findings: tuple[Finding, ...] = ()
    handovers: tuple[Anchor, ...] = ()

    def __getitem__(self, key: tuple[Register, HashAlg]) -> bytes:
        found = self.get(*key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, register: Register, alg: HashAlg) -> bytes | None:
        """The value of a register in a bank, or None if the logs do not tell it."""
        for value in self.values:
            if value.register == register and value.alg == alg:
                return value.value
        return None

    def __iter__(self) -> Iterator[RegisterValue]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def registers(self) -> Registers:
        """The complete values as a table."""
        table = {(v.register, v.alg): v.value for v in self.values if v.value is not None}
        return Registers(table, "replay")


def replay(
    logs: Log | Sequence[Log],
    start: Registers | None = None,
    *,
    rules: Rules | None = None,
    banks: Iterable[HashAlg] | None = None,
) -> Replay:
    """Extend every register by the logs' events, in the order given; later logs go on where earlier ones ended.

    ``start`` overrides the start values that the logs and the platform imply. An event that lacks a bank's digest
    makes that register incomplete in that bank, never wrong, unless ``rules`` says how such events extend the bank:
    ``{SHA256: "hash"}`` for an IMA list with SHA-1 digests (`evlog.bank_rules` finds the rule by register values).
    ``banks`` limits the work to some banks. Banks that cannot be computed become a finding.
    Several logs of a confidential platform call a register by one name, its CC measurement register.
    """
    tally = Tally(start, rules or {}, banks)
    several = (logs,) if isinstance(logs, Log) else unite(logs)
    for log in several:
        tally.add(log, named=len(several) > 1)
    return tally.result()


def replay_each(
    logs: Sequence[Log],
    start: Registers | None = None,
    *,
    rules: Rules | None = None,
    banks: Iterable[HashAlg] | None = None,
) -> list[Replay]:
    """Replay each of many logs by itself, as `replay` does one, with the hashing of all done side by side.

    Returns as many replays, in the order of the logs. The registers of one log are few, and each is a chain in which
    no step can begin before the last; those of many logs keep a processor busy.
    """
    wanted = None if banks is None else tuple(banks)
    tallies = [Tally(start, rules or {}, wanted) for _ in logs]
    begun = [tally.begin(log) for tally, log in zip(tallies, logs, strict=True)]
    missing = _extend(begun)
    for tally, each, lacking in zip(tallies, begun, missing, strict=True):
        tally.end(each, lacking)
    return [tally.result() for tally in tallies]


def _extend(begun: Sequence[Pass]) -> list[dict[HashAlg, set[int]]]:
    """Extend what is left to extend of some logs, all at once; as `evlog.hashing.Backend.fold_many` says."""
    jobs = [each.job for each in begun]
    folded = iter(hashing.backend(sum(_size(each.log) for each in begun)).fold_many([job for job in jobs if job]))
    return [next(folded) if job else {} for job in jobs]


def start_value(log: Log, register: Register, alg: HashAlg, given: Registers | None = None) -> tuple[bytes, str]:
    """The value of a register before the log's first event, and why: as `RegisterValue.start_reason` says."""
    return _start(register, alg, log, given, _implied_starts(log, _counts(log)))


class Bank:
    """A register in one bank on its way through the logs: where it began, where it stands, by how many events.

    ``owner`` tells which log extended it last, and ``counted`` how many events there were before the log at hand.
    """

    __slots__ = ("counted", "events", "owner", "reason", "start", "value")

    def __init__(self, start: bytes, reason: str) -> None:
        self.start = self.value = start
        self.reason = reason
        self.events = self.counted = 0
        self.owner: str | None = None


class Pass:
    """A log on its way into the registers.

    ``entered`` has, for each bank, the registers by their index in the columns, and ``values`` what they stand at;
    ``recorded`` are the banks of which the columns' digests are still to be extended, ``missing`` the registers of
    other banks that some row extends by nobody knows what.
    """

    __slots__ = ("banks", "columns", "counts", "entered", "extended", "log", "missing", "recorded", "values")

    def __init__(
        self,
        log: Log,
        banks: list[HashAlg],
        extended: set[Register],
        columns: Columns | None = None,
        counts: Mapping[int, int] | None = None,
    ) -> None:
        self.log, self.banks, self.extended = log, banks, extended
        self.columns, self.counts = columns, counts or {}
        self.entered: dict[HashAlg, dict[int, Bank]] = {}
        self.values: dict[HashAlg, dict[int, bytes]] = {}
        self.recorded: list[HashAlg] = []
        self.missing: dict[HashAlg, set[int]] = {}

    @property
    def job(self) -> Job | None:
        """What is left to extend, as `evlog.hashing.Backend.fold_many` takes it."""
        if self.columns is None or not self.recorded:
            return None
        return self.columns, self.recorded, self.values


class Tally:
    """Registers on their way through the logs."""

    def __init__(self, given: Registers | None, rules: Rules, wanted: Iterable[HashAlg] | None) -> None:
        self.given = given
        self.rules = {alg: (names,) if isinstance(names, str) else tuple(names) for alg, names in rules.items()}
        self.wanted = None if wanted is None else frozenset(wanted)
        self.registers: dict[Register, dict[HashAlg, Bank]] = {}
        #: Those that some event extends, nobody knows by what.
        self.missing: set[tuple[Register, HashAlg]] = set()
        self.passes: list[tuple[Log, set[Register], list[HashAlg]]] = []
        self.findings: list[Finding] = []
        #: How many logs are done.
        self.logs = 0
        self._anchors: Anchors | None = None

    @property
    def anchors(self) -> Anchors:
        """What textual logs state of their registers; made when the first one is met."""
        if self._anchors is None:
            from evlog.verbs.anchors import Anchors

            self._anchors = Anchors(self)
        return self._anchors

    def add(self, log: Log, *, named: bool = False) -> None:
        """Extend by a log's events; ``named`` puts its name before what was found in it."""
        begun = self.begin(log, named=named)
        self.end(begun, _extend([begun])[0])

    def begin(self, log: Log, *, named: bool = False) -> Pass:
        """Everything up to the extending of recorded digests, which `end` wants done."""
        name = f"{log.name}: " if named and log.name else ""
        self.findings += [each.replace(message=f"{name}{each.message}") if name else each for each in log.findings]
        columns = log.columns
        backend = hashing.backend(_size(log))
        banks = []
        for alg in self._banks(log):
            if backend.computable(alg):
                banks.append(alg)
            else:
                message = f"the {alg} bank cannot be replayed: no such hash here"
                self.findings.append(Finding("bank_not_computable", "note", message))
        counts = _counts(log)
        implied = _implied_starts(log, counts)
        if columns is not None:
            return self._begin_columns(log, columns, counts, banks, implied)
        return Pass(log, banks, self._add_events(log, banks, implied))

    def end(self, begun: Pass, missing: dict[HashAlg, set[int]]) -> None:
        """The rest, after the digests of ``begun.job``; ``missing`` as `evlog.hashing.Backend.fold_many` says."""
        for alg, held in begun.entered.items():
            values = begun.values[alg]
            for index, bank in held.items():
                bank.value = values[index]
                bank.events += begun.counts[index]
        if begun.columns is not None:
            name = begun.columns.register
            for alg, indices in (*missing.items(), *begun.missing.items()):
                self.missing.update((name(index), alg) for index in indices)
        self.passes.append((begun.log, begun.extended, begun.banks))
        if self._anchors is not None:
            self._anchors.close(begun.log.name)
        self.logs += 1
        for entered in self.registers.values():
            for bank in entered.values():
                if bank.events != bank.counted:
                    bank.owner, bank.counted = begun.log.name, bank.events

    def _banks(self, log: Log) -> list[HashAlg]:
        """The banks that the log has, and those that it offers a rule for."""
        banks = list(dict.fromkeys(log.algorithms))
        for alg, names in self.rules.items():
            if alg not in banks and not set(names).isdisjoint(log.rules):
                banks.append(alg)
        return banks if self.wanted is None else [alg for alg in banks if alg in self.wanted]

    def enter(self, register: Register, alg: HashAlg, log: Log, implied: dict[Register, tuple[int, str]]) -> Bank:
        """The register in a bank, before the log's first event on it if it is new."""
        banks = self.registers.get(register)
        if banks is None:
            banks = self.registers[register] = {}
        bank = banks.get(alg)
        if bank is None:
            bank = banks[alg] = Bank(*_start(register, alg, log, self.given, implied))
        return bank

    def _begin_columns(
        self,
        log: Log,
        columns: Columns,
        counts: Mapping[int, int],
        banks: list[HashAlg],
        implied: dict[Register, tuple[int, str]],
    ) -> Pass:
        extended = {index: columns.register(index) for index in counts}
        begun = Pass(log, banks, set(extended.values()), columns, counts)
        for alg in banks:
            begun.entered[alg], begun.values[alg] = {}, {}
        for index, register in extended.items():
            held = self.registers.setdefault(register, {})
            for alg in banks:
                if not columns.has_bank(index, alg):
                    continue
                bank = held.get(alg)
                if bank is None:
                    bank = held[alg] = Bank(*_start(register, alg, log, self.given, implied))
                begun.entered[alg][index] = bank
                begun.values[alg][index] = bank.value
        if columns.anchors is not None:
            self.anchors.fold(columns, begun.values, log, implied)
            return begun
        for alg in banks:
            if columns.recorded(alg):
                begun.recorded.append(alg)
            else:
                begun.missing[alg] = fold_rows(columns, alg, self.rules.get(alg, ()), begun.values[alg])
        return begun

    def _add_events(self, log: Log, banks: list[HashAlg], implied: dict[Register, tuple[int, str]]) -> set[Register]:
        pending: dict[tuple[Register, HashAlg], list[bytes]] = {}
        extended: set[Register] = set()
        for event in log.events:
            if event.content.kind == "text":
                extended |= self._add_line(event, log, banks, implied, pending)
                continue
            if not event.replayable:
                continue
            extended.add(event.register)
            for alg in banks:
                bank = self.enter(event.register, alg, log, implied)
                bank.events += 1
                digest = extension(event, alg, self.rules.get(alg, ()))
                if digest is None:
                    self.missing.add((event.register, alg))
                elif digest:
                    pending.setdefault((event.register, alg), []).append(digest)
        for (register, alg), digests in pending.items():
            bank = self.registers[register][alg]
            bank.value = hashing.backend().fold(alg, bank.value, digests)
        return extended

    def _add_line(
        self,
        event: Event,
        log: Log,
        banks: list[HashAlg],
        implied: dict[Register, tuple[int, str]],
        pending: dict[tuple[Register, HashAlg], list[bytes]],
    ) -> set[Register]:
        """A line extends the bank that it has a digest for, after whatever it states of it was heeded."""
        register = event.register
        if not register.replayable:
            return set()
        for alg in banks:
            if not self.anchors.concerns(event, alg):
                # Whoever else extends that bank, nobody can follow it through this event.
                self.missing.update({(register, alg)} if event.measured else ())
                continue
            bank = self.enter(register, alg, log, implied)
            waiting = pending.setdefault((register, alg), [])
            if event.content.anchor:
                bank.value = hashing.backend().fold(alg, bank.value, waiting)
                waiting.clear()
            bank.value = self.anchors.meet(event, alg, bank.value, log)
            digest = event.digest(alg)
            if digest is not None:
                waiting.append(digest)
                bank.events += 1
        return {register} if event.measured else set()

    def _overtaken(self, register: Register, alg: HashAlg) -> bool:
        """Whether one log has the register's bank and another, without that bank, extends it too.

        Lists of single banks, as IMA writes them, stand in for each other: they say the same in different banks.
        """
        for log, extended, banks in self.passes:
            if register not in extended or alg in banks:
                continue
            twins = (
                other.format == log.format and alg in others and register in registers
                for other, registers, others in self.passes
            )
            if not (log.rules and any(twins)):
                return True
        return False

    def _unsaid(self, register: Register, alg: HashAlg) -> bool:
        """Whether the logs do not tell the register's value in the bank."""
        if self.missing and (register, alg) in self.missing:
            return True
        return len(self.passes) > 1 and self._overtaken(register, alg)

    def result(self) -> Replay:
        rows = []
        doubtful = bool(self.missing) or len(self.passes) > 1
        for register in sorted(self.registers, key=_BY_PLACE):
            banks = self.registers[register]
            for alg in sorted(banks, key=_BY_ID):
                bank = banks[alg]
                unsaid = doubtful and self._unsaid(register, alg)
                value, status = (None, "incomplete") if unsaid else (bank.value, "complete")
                standing = self._anchors.standing(register, alg) if self._anchors is not None else ()
                row = RegisterValue(register, alg, value, bank.start, bank.reason, bank.events, status, *standing)
                rows.append(row)
        if self._anchors is None:
            return Replay(tuple(rows), tuple(self.findings))
        findings = (*self.findings, *self._anchors.findings)
        return Replay(tuple(rows), findings, tuple(self._anchors.handovers))


def _start(
    register: Register, alg: HashAlg, log: Log, given: Registers | None, implied: dict[Register, tuple[int, str]]
) -> tuple[bytes, str]:
    if given is not None or log.start is not None:
        for table, reason in ((given, "given"), (log.start, "log")):
            value = table.get(register, alg) if table is not None else None
            if value is not None:
                return value, reason
    if implied and register in implied:
        last, reason = implied[register]
        return bytes(alg.size - 1) + bytes((last,)), reason
    if register.space == "pcr" and register.index in _ONES:
        return b"\xff" * alg.size, "ones"
    return bytes(alg.size), "zeros"


def _size(log: Log) -> int:
    """About how many bytes the log has, for the choice of a backend."""
    return len(log.events) * _EVENT if log.columns is None else len(log.columns.buffer)


def _counts(log: Log) -> Mapping[int, int]:
    """How many rows extend each register index; empty for a log without columns."""
    return {} if log.columns is None else hashing.backend(_size(log)).tally(log.columns.registers)


def _implied_starts(log: Log, counts: Mapping[int, int]) -> dict[Register, tuple[int, str]]:
    """Start values that events of the log imply: the last byte of the register, and the reason.

    PCR 0 starts at the locality of TPM2_Startup, or at 4 if the H-CRTM was measured; PCR 17 to 22 at zero
    after a dynamic launch. ``counts`` are the rows on each register, if the log has columns.
    """
    implied: dict[Register, tuple[int, str]] = {}
    for event in _notable(log):
        content = event.content
        if not isinstance(content, PCClientEvent) or event.register != _PCR0:
            continue
        if content.event_type == _EV_EFI_HCRTM_EVENT:
            implied[_PCR0] = 4, "h-crtm"
        elif (
            content.event_type == EV_NO_ACTION
            and content.data[:16] == _LOCALITY
            and content.data[16:17] in (b"\0", b"\3", b"\4")
            # coreboot pads its events; anything else there is no StartupLocality.
            and not any(content.data[17:])
        ):
            reason = "locality" if content.data[16] else "zeros"
            implied.setdefault(_PCR0, (content.data[16], reason))
    for number in _ONES:
        register = Register("pcr", number)
        first = _first_on(log, register, counts)
        if first is not None and isinstance(first.content, PCClientEvent):
            launched = first.content.event_type
            if any(low <= launched <= high for low, high in _DYNAMIC_LAUNCH):
                implied[register] = 0, "drtm"
    return implied


def _notable(log: Log) -> Iterable[Event]:
    """The events that may bear on start values: those the scanner noted, or all."""
    rows = getattr(log.events, "notable", None)
    return log.events if rows is None else (log.events[row] for row in rows)


def _first_on(log: Log, register: Register, counts: Mapping[int, int]) -> Event | None:
    columns = log.columns
    if columns is None:
        return next((e for e in log.events if e.register == register and e.measured), None)
    if columns.space != register.space or register.number not in counts:
        return None
    return log.events[columns.registers.index(register.number)]
