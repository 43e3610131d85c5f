"""What the events of a log extend into one bank, in runs of rows: furniture of `replay` and `find_prefix`."""

from __future__ import annotations

from evlog import hashing
from evlog.columns import NOT_EXTENDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns
    from evlog.model import Log
    from evlog.registers import Register

__all__ = ["RUN", "fold_rows", "runs"]

# Rows taken at a time: enough that the time goes into hashing, few enough that the memory does not matter.
RUN = 4096


def fold_rows(
    columns: Columns,
    alg: HashAlg,
    rules: tuple[str, ...],
    values: dict[int, bytes],
    first: int = 0,
    end: int | None = None,
) -> set[int]:
    """Extend ``values`` (by register index) with what rows extend into a bank: all, or those from ``first`` to ``end``.

    Rows of other registers are passed over. Returns the registers that have a row of which that cannot be said.
    """
    undetermined: set[int] = set()
    fold = hashing.backend().fold
    end = len(columns) if end is None else end
    spans = columns.spans
    if spans is not None:
        if 0 in values:
            values[0] = hashing.backend().fold_spans(columns, spans, alg, values[0], first, end)
        return undetermined
    for start in range(first, end, RUN):
        stop = min(start + RUN, end)
        extended = columns.extensions(alg, rules, start, stop)
        for register, digests in _by_register(columns, start, stop, extended):
            if register not in values:
                continue
            if None in digests:
                undetermined.add(register)
            # Only a rule can say that a row extends nothing.
            extending = filter(None, digests) if rules or register in undetermined else digests
            values[register] = fold(alg, values[register], extending)  # type: ignore[arg-type]
    return undetermined


def runs(
    log: Log, register: Register, alg: HashAlg, rules: tuple[str, ...]
) -> Iterator[tuple[list[int], list[bytes | None]]]:
    """The events that extend a register, in runs: their numbers, and what each extends into the bank."""
    columns = log.columns
    if columns is None:
        events = [event for event in log.events if event.measured and event.register == register]
        yield [event.number for event in events], [event.extension(alg, rules) for event in events]
        return
    wanted = columns.index(register)
    if wanted is None:
        return
    for start in range(0, len(columns), RUN):
        stop = min(start + RUN, len(columns))
        registers = columns.registers[start:stop]
        rows = [row for row, index in enumerate(registers, start) if index == wanted]
        if rows:
            extended = columns.extensions(alg, rules, start, stop)
            yield rows, [extended[row - start] for row in rows]


def _by_register(
    columns: Columns, start: int, stop: int, extended: Sequence[bytes | None]
) -> Iterator[tuple[int, Sequence[bytes | None]]]:
    """The extensions of a run of rows, register by register: their order within a register is all that counts."""
    registers = columns.registers[start:stop]
    if registers.count(registers[0]) == len(registers):
        if registers[0] != NOT_EXTENDED:
            yield registers[0], extended
        return
    split: dict[int, list[bytes | None]] = {}
    for register, digest in zip(registers, extended, strict=True):
        split.setdefault(register, []).append(digest)
    split.pop(NOT_EXTENDED, None)
    yield from split.items()
