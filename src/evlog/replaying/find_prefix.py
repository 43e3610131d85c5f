"""At which event a log equals a register's value: the part of a log that a quote covers.

A list that the kernel goes on writing has more entries than the quote that was taken before; one that was exported in
chunks starts where another ended. Spec: TPM 2.0 part 1, section 17 (extend); Linux IMA appends an entry to the list
before it extends the register, so that a list may be ahead of the register and is never behind.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.replaying.replay import start_value
from evlog.replaying.rows import runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Register, Registers

__all__ = ["Prefix", "find_prefix"]


class Prefix(Record):
    """The part of a log that gives a register a certain value.

    ``event`` is the number of the last event in it that extends the register, None if the value stands before any;
    ``extended`` counts those events, ``total`` all of the log that extend the register. ``rule`` is the rule by which
    the bank was extended if the log does not record it (`evlog.model.Content.rules`).
    """

    register: Register
    alg: HashAlg
    event: int | None
    extended: int
    total: int
    rule: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the whole log, as far as the register goes."""
        return self.extended == self.total


def find_prefix(
    log: Log,
    register: Register,
    alg: HashAlg,
    value: bytes,
    *,
    start: Registers | None = None,
    rules: str | Sequence[str] | None = None,
) -> Prefix | None:
    """The shortest part of the log after which the register has the value in the bank, or None if none has.

    One pass over the log. ``start`` overrides the value before it, as in `evlog.replay`. A bank that the log does not
    record is looked for by each of ``rules``, or of those that the log offers. An event of which it cannot be said
    what it extends ends the search. Raises UsageError for a bank that cannot be computed.
    """
    before, _ = start_value(log, register, alg, start)
    if before == value:
        return Prefix(register, alg, None, 0, _total(log, register))
    if alg in log.algorithms:
        trials: Sequence[tuple[str, ...]] = [()]
    else:
        trials = [(rule,) for rule in ((rules,) if isinstance(rules, str) else log.rules if rules is None else rules)]
    for trial in trials:
        found = _search(log, register, alg, before, value, trial)
        if found is not None:
            event, extended = found
            return Prefix(register, alg, event, extended, _total(log, register), *trial)
    return None


def _search(
    log: Log, register: Register, alg: HashAlg, before: bytes, value: bytes, rules: tuple[str, ...]
) -> tuple[int, int] | None:
    """The number of the event after which the register has the value, and of events up to it that extend it."""
    count = 0
    for numbers, digests in runs(log, register, alg, rules):
        ended = None in digests
        known = digests[: digests.index(None)] if ended else digests
        values = hashing.trace(alg, before, known)  # type: ignore[arg-type]
        if value in values:
            at = values.index(value)
            return numbers[at], count + at + 1
        if ended:
            return None
        before = values[-1] if values else before
        count += len(values)
    return None


def _total(log: Log, register: Register) -> int:
    columns = log.columns
    if columns is None:
        return sum(event.measured and event.register == register for event in log.events)
    index = columns.index(register)
    return columns.registers.count(index) if index is not None else 0
