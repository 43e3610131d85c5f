"""Logs whose events on a register no compared bank covers: a register that another log explains is not proven by it.

Lists of single banks stand in for each other in a replay, and each is proven by its own bank only.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Register
    from evlog.replaying.bank_rules import BankRule
    from evlog.verifying.verdict import RegisterVerdict

    Events = Sequence[Mapping[Register, int]]
    Rules = Mapping[tuple[Register, HashAlg], BankRule]

__all__ = ["left_out"]


def left_out(
    verdicts: Sequence[RegisterVerdict], logs: Sequence[Log], events: Events, rules: Rules
) -> Sequence[RegisterVerdict]:
    """The verdicts, where no bank that proves a register whole leaves out a log that extends it.

    ``events`` count those of each log on each register, ``rules`` extend banks that logs do not record.
    """
    if len(logs) < 2:
        return verdicts
    whole: dict[Register, set[HashAlg]] = {}
    for row in verdicts:
        if row.whole and row.events:
            whole.setdefault(row.register, set()).add(row.alg)
    left: dict[Register, list[int]] = {}
    for index, (log, counts) in enumerate(zip(logs, events, strict=True)):
        for register in whole.keys() & counts.keys():
            if not any(_follows(log, register, alg, rules) for alg in whole[register]):
                left.setdefault(register, []).append(index)
    return [_without(row, left[row.register], logs, events) if row.register in left else row for row in verdicts]


def _follows(log: Log, register: Register, alg: HashAlg, rules: Rules) -> bool:
    """Whether a log's events on a register are of a bank, by their digests or by a rule."""
    if alg not in log.algorithms:
        found = rules.get((register, alg))
        return found is not None and found.rule in log.rules
    columns = log.columns
    index = None if columns is None else columns.index(register)
    return columns is None or index is None or columns.has_bank(index, alg)


def _without(row: RegisterVerdict, left: Sequence[int], logs: Sequence[Log], events: Events) -> RegisterVerdict:
    """The verdict, if it is a match, with the events that it leaves out."""
    if not row.whole:
        return row
    names = ", ".join(logs[index].name or f"log {index + 1}" for index in left)
    return row.replace(
        explanation=f"the events of {names} on it are of no bank that is compared",
        cause="left_out",
        events=row.events + sum(events[index][row.register] for index in left),
    )
