"""Registers on their way through logs: furniture of `evlog.replay`."""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents.spec_id import preceding
from evlog.model import Event, Finding, Log
from evlog.registers import Register, Registers
from evlog.replaying.ledger import Bank, Ledger
from evlog.replaying.left_out import left_out
from evlog.replaying.rows import RUN, fold_rows
from evlog.replaying.start import counts_of, size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evlog.columns import Columns
    from evlog.hashing.protocols import Backend, Job
    from evlog.replaying.statements import Statements

    #: Rules by bank: how events extend a bank that they have no digest for (`Content.rules`), one name or several.
    Rules = Mapping[HashAlg, str | Sequence[str]]
    Implied = dict[Register, tuple[int, str]]

__all__ = ["LogPass", "Replayer", "extend"]


class LogPass:
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


class Replayer:
    """Registers on their way through the logs."""

    def __init__(self, given: Registers | None, rules: Rules, wanted: Iterable[HashAlg] | None) -> None:
        self.ledger = Ledger(given)
        self.rules = {alg: (names,) if isinstance(names, str) else tuple(names) for alg, names in rules.items()}
        self.wanted = None if wanted is None else frozenset(wanted)
        #: Those that some event extends, nobody knows by what.
        self.missing: set[tuple[Register, HashAlg]] = set()
        self.passes: list[tuple[Log, set[Register], list[HashAlg]]] = []
        self.findings: list[Finding] = []
        #: What textual logs state of their registers, once one has come.
        self.stated: Statements | None = None

    @property
    def statements(self) -> Statements:
        """What textual logs state of their registers; made when the first one comes."""
        if self.stated is None:
            from evlog.replaying.statements import Statements

            self.stated = Statements(self.ledger)
        return self.stated

    def add(self, log: Log, implied: Implied, *, named: bool = False) -> None:
        """Extend by a log's events; ``named`` puts its name before what was found in it."""
        begun = self.begin(log, implied, named=named)
        self.end(begun, extend([begun])[0])

    def begin(self, log: Log, implied: Implied, *, named: bool = False) -> LogPass:
        """Everything up to the extending of recorded digests, which `end` wants done.

        ``implied`` are the start values that the logs imply (`evlog.replaying.start.implied_starts`).
        """
        name = f"{log.name}: " if named and log.name else ""
        self.findings += [each.replace(message=f"{name}{each.message}") if name else each for each in log.findings]
        self.findings += left_out(log)
        columns = log.columns
        backend = hashing.backend(size_of(log))
        banks = []
        for alg in self._banks(log):
            if backend.computable(alg):
                banks.append(alg)
            else:
                message = f"the {alg} bank cannot be replayed: no such hash here"
                self.findings.append(Finding("bank_not_computable", "note", message))
        # Whether what stands before a log's header was extended, only a register's value can tell.
        doubtful = {event.register for event in preceding(log) if event.replayable}
        self.missing.update((register, alg) for register in doubtful for alg in banks)
        if columns is not None:
            return self._begin_columns(log, columns, counts_of(log), banks, implied)
        return LogPass(log, banks, self._add_events(log, banks, implied))

    def end(self, begun: LogPass, missing: dict[HashAlg, set[int]]) -> None:
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
        if self.stated is not None:
            self.stated.close(begun.log.name)
        self.ledger.close(begun.log.name)

    def _banks(self, log: Log) -> list[HashAlg]:
        """The banks that the log has, and those that it offers a rule for."""
        banks = list(dict.fromkeys(log.algorithms))
        for alg, names in self.rules.items():
            if alg not in banks and not set(names).isdisjoint(log.rules):
                banks.append(alg)
        return banks if self.wanted is None else [alg for alg in banks if alg in self.wanted]

    def _begin_columns(
        self,
        log: Log,
        columns: Columns,
        counts: Mapping[int, int],
        banks: list[HashAlg],
        implied: Implied,
    ) -> LogPass:
        extended = {index: columns.register(index) for index in counts}
        begun = LogPass(log, banks, set(extended.values()), columns, counts)
        for alg in banks:
            held = begun.entered[alg] = {
                index: self.ledger.enter(register, alg, log, implied)
                for index, register in extended.items()
                if columns.has_bank(index, alg)
            }
            begun.values[alg] = {index: bank.value for index, bank in held.items()}
            # Whoever else extends that bank, nobody can follow it through these rows.
            self.missing.update((register, alg) for index, register in extended.items() if index not in held)
        if columns.statements is not None:
            self.statements.fold(columns, begun.values, log, implied)
            return begun
        for alg in banks:
            if columns.recorded(alg):
                begun.recorded.append(alg)
            else:
                begun.missing[alg] = fold_rows(columns, alg, self.rules.get(alg, ()), begun.values[alg])
        return begun

    def _add_events(self, log: Log, banks: list[HashAlg], implied: Implied) -> set[Register]:
        pending: dict[tuple[Register, HashAlg], list[bytes]] = {}
        extended: set[Register] = set()
        for event in log.events:
            content = event.content
            if not content.measured and not content.statement:
                continue
            if content.kind == "text":
                extended |= self._add_line(event, log, banks, implied, pending)
                continue
            if not event.replayable:
                continue
            extended.add(event.register)
            for alg in banks:
                bank = self.ledger.enter(event.register, alg, log, implied)
                bank.events += 1
                digest = event.extension(alg, self.rules.get(alg, ()))
                if digest is None:
                    self.missing.add((event.register, alg))
                elif digest:
                    pending.setdefault((event.register, alg), []).append(digest)
        for (register, alg), digests in pending.items():
            bank = self.ledger.bank(register, alg)
            bank.value = hashing.backend().fold(alg, bank.value, digests)
        return extended

    def _add_line(
        self,
        event: Event,
        log: Log,
        banks: list[HashAlg],
        implied: Implied,
        pending: dict[tuple[Register, HashAlg], list[bytes]],
    ) -> set[Register]:
        """A line extends the bank that it has a digest for, after whatever it states of it was heeded."""
        register = event.register
        if not register.replayable:
            return set()
        for alg in banks:
            if not self.statements.concerns(event, alg):
                # Whoever else extends that bank, nobody can follow it through this event.
                self.missing.update({(register, alg)} if event.measured else ())
                continue
            bank = self.ledger.enter(register, alg, log, implied)
            waiting = pending.setdefault((register, alg), [])
            if event.content.statement:
                bank.value = hashing.backend().fold(alg, bank.value, waiting)
                waiting.clear()
            bank.value = self.statements.heed(event, alg, bank.value, log)
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

    def undetermined(self, register: Register, alg: HashAlg) -> bool:
        """Whether the logs do not tell the register's value in the bank."""
        if self.missing and (register, alg) in self.missing:
            return True
        return len(self.passes) > 1 and self._overtaken(register, alg)


def extend(begun: Sequence[LogPass]) -> list[dict[HashAlg, set[int]]]:
    """Extend what is left to extend of some logs, all at once; as `evlog.hashing.Backend.fold_many` says."""
    jobs = [each.job for each in begun]
    backend = hashing.backend(sum(size_of(each.log) for each in begun))
    folded = iter(backend.fold_many([job for job in jobs if job and not job[0].spelled]))
    return [{} if job is None else _in_runs(job, backend) if job[0].spelled else next(folded) for job in jobs]


def _in_runs(job: Job, backend: Backend) -> dict[HashAlg, set[int]]:
    """The same for rows of text, which are made bytes of in runs."""
    columns, banks, values = job
    missing: dict[HashAlg, set[int]] = {bank: set() for bank in banks}
    for start in range(0, len(columns), RUN):
        rows = columns.plain(start, min(start + RUN, len(columns)))
        for bank, lacking in backend.fold_many([(rows, banks, values)])[0].items():
            missing[bank] |= lacking
    return missing
