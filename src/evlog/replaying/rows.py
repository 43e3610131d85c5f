"""What the events of a log extend into one bank, in runs of rows: furniture of `replay` and `find_prefix`."""

from __future__ import annotations

from evlog import hashing
from evlog.columns import NOT_EXTENDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["extension", "fold_rows", "runs"]

# Rows taken at a time: enough that the time goes into hashing, few enough that the memory does not matter.
_RUN = 4096


def extension(event: Event, alg: HashAlg, rules: tuple[str, ...]) -> bytes | None:
    """What an event extends into a bank: as recorded, or by the first rule that applies; ``b""`` if nothing.

    None if that cannot be said.
    """
    extended = event.content.extension(alg, event.digest(alg))
    for rule in rules if extended is None else ():
        extended = event.content.unrecorded(event, alg, rule)
        if extended is not None:
            break
    # Nobody can extend a register by a digest of another size.
    return extended if not extended or len(extended) == alg.size else None


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
    if columns.covered is not None and columns.names is not None and len(columns.names) == 1:
        if 0 in values:
            values[0] = hashing.backend().fold_covered(columns, alg, values[0], first, end)
        return undetermined
    for start in range(first, end, _RUN):
        stop = min(start + _RUN, end)
        extended = _extensions(columns, alg, rules, start, stop)
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
        yield [event.number for event in events], [extension(event, alg, rules) for event in events]
        return
    wanted = columns.index(register)
    if wanted is None:
        return
    for start in range(0, len(columns), _RUN):
        stop = min(start + _RUN, len(columns))
        registers = columns.registers[start:stop]
        rows = [row for row, index in enumerate(registers, start) if index == wanted]
        if rows:
            extended = _extensions(columns, alg, rules, start, stop)
            yield rows, [extended[row - start] for row in rows]


def _extensions(
    columns: Columns, alg: HashAlg, rules: tuple[str, ...], start: int, stop: int
) -> Sequence[bytes | None]:
    if columns.extensions is not None:
        return columns.extensions(alg, rules, start, stop)
    distances = [layout.distance(alg) for layout in columns.layouts]
    layout_of, data = columns.layout_of, columns.buffer
    extended: list[bytes | None] = []
    for row in range(start, stop):
        distance = distances[layout_of[row] if layout_of is not None else 0]
        at = columns.offsets[row] + (distance or 0)
        extended.append(None if distance is None else data[at : at + alg.size])
    return extended


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
