"""Replay: the value that each register must have if the log is true.

Spec: TPM 2.0 part 1, section 17 (extend); TCG PC Client Platform Firmware Profile 1.06, section 10 (EV_NO_ACTION is
never extended); UEFI 2.10, section 38 (CC measurement registers).
A replay proves nothing by itself: compare it with values from a quote (`evlog.verify`).
"""

from __future__ import annotations

from evlog._record import Mapping, Record, attrgetter
from evlog.algorithms import HashAlg
from evlog.model import Finding, Log
from evlog.registers import Register, Registers
from evlog.replaying.naming import unite
from evlog.replaying.replayer import Replayer, extend
from evlog.replaying.start import implied_starts, start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from evlog.replaying.folded import Folded
    from evlog.replaying.replayer import Rules
    from evlog.replaying.statements import Statement

    #: A register and a bank, or their names.
    Key = tuple[Register | str, HashAlg | str]

__all__ = ["RegisterValue", "Replay", "of_folded", "replay", "replay_each", "start_value"]

_BY_PLACE, _BY_ID = attrgetter("sort_key"), attrgetter("id")
#: Logs that were replayed by themselves so far.
_replayed = 0


class RegisterValue(Record):
    """A register's value in one bank after replay.

    ``value`` is None where it cannot be said: ``status`` is then ``incomplete``, an event lacks the bank's digest.
    ``start_reason`` is one of zeros, ones, locality, h-crtm, drtm, init, log, given.
    ``stated`` is for registers of which textual logs state something: how firmly it holds together, the worst verdict
    of these `Statement` values. A value that a quote confirms then proves the events from ``proven_from`` on, (index of
    the log, number of the event), and none before.
    """

    register: Register
    alg: HashAlg
    value: bytes | None
    start: bytes
    start_reason: str
    events: int
    status: str = "complete"
    stated: str | None = None
    proven_from: tuple[int, int] = (0, 0)

    @property
    def anchoring(self) -> str | None:
        """The old name of ``stated``."""
        return self.stated


class Replay(Record):
    """All registers that the logs extend: a mapping of (register, bank) to the value, where the logs tell it.

    A key is (Register, HashAlg), or their names: ``replay["pcr:7", "sha256"]``. ``rows`` has a `RegisterValue` for each
    register and bank, sorted, also where no value can be said.
    ``handovers`` are the places where a textual log states a register's value, or begins without, in their order.
    """

    rows: tuple[RegisterValue, ...]
    findings: tuple[Finding, ...] = ()
    handovers: tuple[Statement, ...] = ()

    if TYPE_CHECKING:  # by courtesy of rooms above (`evlog._COURTESIES`)

        def to_json(self, platform: str | None = None) -> dict[str, Any]:
            """The values as ``evlog.replay/1``; ``platform`` gives registers its labels."""

        def _repr_html_(self) -> str: ...

    def __getitem__(self, key: Key) -> bytes:
        """The value. Raises KeyError where the logs tell none, and UsageError for a name that is none."""
        found = self.get(*key)
        if found is None:
            raise KeyError(key)
        return found

    def get(self, register: Register | str, alg: HashAlg | str) -> bytes | None:
        """The value of a register in a bank, or None if the logs do not tell it."""
        row = self.row(register, alg)
        return None if row is None else row.value

    def row(self, register: Register | str, alg: HashAlg | str) -> RegisterValue | None:
        """The row of a register in a bank, or None if the logs do not extend it."""
        register = Register.parse(register) if isinstance(register, str) else register
        alg = HashAlg.named(alg) if isinstance(alg, str) else alg
        return next((row for row in self.rows if row.register == register and row.alg == alg), None)

    def __contains__(self, key: object) -> bool:
        return any((row.register, row.alg) == key for row in self.rows if row.value is not None)

    def __iter__(self) -> Iterator[tuple[Register, HashAlg]]:
        return (each for each, _ in self.items())

    def __len__(self) -> int:
        return sum(row.value is not None for row in self.rows)

    def keys(self) -> list[tuple[Register, HashAlg]]:
        """The registers and banks of which the logs tell the value."""
        return list(self)

    def values(self) -> list[bytes]:
        """The values, in the order of the keys."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[tuple[Register, HashAlg], bytes]]:
        """The keys with their values."""
        return [((row.register, row.alg), row.value) for row in self.rows if row.value is not None]

    def registers(self) -> Registers:
        """The complete values as a table."""
        return Registers(dict(self.items()), "replay")


Mapping.register(Replay)


def replay(
    logs: Log | Sequence[Log],
    start: Registers | None = None,
    *,
    rules: Rules | None = None,
    banks: Iterable[HashAlg] | None = None,
    beside: Iterable[Log] = (),
) -> Replay:
    """Extend every register by the logs' events, in the order given; later logs go on where earlier ones ended.

    ``start`` overrides the start values that the logs and the platform imply. An event that lacks a bank's digest
    makes that register incomplete in that bank, never wrong, unless ``rules`` says how such events extend the bank:
    ``{SHA256: "hash"}`` for an IMA list with SHA-1 digests (`evlog.bank_rules` finds the rule by register values).
    Without, lists that extended registers of a confidential guest extend its bank by hashing; ``{}`` says not to.
    ``banks`` limits the work to some banks. Banks that cannot be computed become a finding.
    Several logs of a confidential platform call a register by one name, its CC measurement register.
    A dynamic launch that any log tells of resets PCR 17 to 22 together, for all of them; ``beside`` are logs of the
    same boot that are asked for this and not replayed.
    """
    several = (logs,) if isinstance(logs, Log) else unite(logs)
    wanted, beside = None if banks is None else tuple(banks), tuple(beside)
    if len(several) == 1 and start is None and not rules and not beside:
        folded = _folded(several[0], wanted)
        if folded is not None:
            return of_folded(folded)
    replayer = Replayer(start, _rules_of(several, rules), wanted)
    for log, implied in zip(several, implied_starts(several, beside), strict=True):
        replayer.add(log, implied, named=len(several) > 1)
    return _result(replayer)


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
    if start is None and not rules:
        from evlog.replaying.folded import fold_each

        folded = fold_each(logs, wanted)
    else:
        folded = [None] * len(logs)
    others = iter(
        _led_each([log for log, each in zip(logs, folded, strict=True) if each is None], start, rules, wanted)
    )
    return [of_folded(each) if each is not None else next(others) for each in folded]


def _folded(log: Log, banks: Sequence[HashAlg] | None) -> Folded | None:
    """The log by its columns alone, where they tell all: for who replays several, one after the other."""
    global _replayed  # noqa: PLW0603
    _replayed += 1
    # The first is not worth the import.
    if _replayed <= 1:
        return None
    from evlog.replaying.folded import fold_each

    return fold_each((log,), banks)[0]


def of_folded(folded: Folded) -> Replay:
    """The replay of a log of which the columns alone told the registers."""
    counts, values, lacking = folded.counts, folded.values, folded.lacking
    rows = []
    for register, alg, index, start, reason in folded.course.rows:
        if index in lacking[alg]:
            rows.append(RegisterValue(register, alg, None, start, reason, counts[index], "incomplete"))
        else:
            rows.append(RegisterValue(register, alg, values[alg][index], start, reason, counts[index]))
    return Replay(tuple(rows), folded.findings)


def _led_each(
    logs: Sequence[Log], start: Registers | None, rules: Rules | None, banks: Iterable[HashAlg] | None
) -> list[Replay]:
    replayers = [Replayer(start, _rules_of((log,), rules), banks) for log in logs]
    begun = [replayer.begin(log, *implied_starts((log,))) for replayer, log in zip(replayers, logs, strict=True)]
    for replayer, each, lacking in zip(replayers, begun, extend(begun), strict=True):
        replayer.end(each, lacking)
    return list(map(_result, replayers))


def _rules_of(logs: Sequence[Log], given: Rules | None) -> Rules:
    """How events that lack a bank's digest extend it: as somebody says, else as lists of confidential guests imply."""
    if given is not None or not any(log.rules for log in logs):
        return given or {}
    from evlog.replaying.own_banks import implied_rules

    return implied_rules(logs)


def start_value(log: Log, register: Register, alg: HashAlg, given: Registers | None = None) -> tuple[bytes, str]:
    """The value of a register before the log's first event, and why: as `RegisterValue.start_reason` says."""
    return start_of(register, alg, log, given, *implied_starts((log,)))


def _result(replayer: Replayer) -> Replay:
    rows = []
    statements = replayer.stated
    doubtful = bool(replayer.missing) or len(replayer.passes) > 1
    registers = replayer.ledger.registers
    for register in sorted(registers, key=_BY_PLACE):
        banks = registers[register]
        for alg in sorted(banks, key=_BY_ID):
            bank = banks[alg]
            undetermined = doubtful and replayer.undetermined(register, alg)
            value, status = (None, "incomplete") if undetermined else (bank.value, "complete")
            standing = statements.standing(register, alg) if statements is not None else ()
            row = RegisterValue(register, alg, value, bank.start, bank.reason, bank.events, status, *standing)
            rows.append(row)
    if statements is None:
        return Replay(tuple(rows), tuple(replayer.findings))
    return Replay(tuple(rows), (*replayer.findings, *statements.findings), tuple(statements.handovers))
