"""The columns of several textual logs as those of one, so that a merged log needs no events to be replayed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate

from evlog.columns import NOT_EXTENDED, Columns, Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.registers import Register

__all__ = ["chained", "moved", "renumbered"]


def chained(parts: Sequence[Columns | None]) -> Lines | None:
    """One log's rows after the other's; None where not all are lines, or a register has another bank in another log."""
    lines = [part for part in parts if isinstance(part, Lines)]
    if not lines or len(lines) < len(parts):
        return None
    banks: dict[Register, HashAlg] = {}
    for part in lines:
        for register, bank in zip(part.names, part.banks, strict=True):
            if banks.setdefault(register, bank) != bank:
                return None
    names = tuple(banks)
    place_of = {register: place for place, register in enumerate(names)}
    rows = list(accumulate(map(len, lines), initial=0))
    begins = list(accumulate((part.end for part in lines), initial=0))
    offsets, registers, stops = array("Q"), array("I"), array("Q")
    # Most lines are covered from their first byte: one column says both then.
    starts = offsets if all(part.covered and part.covered[0] is part.offsets for part in lines) else array("Q")
    for part, begin in zip(lines, begins, strict=False):
        offsets.extend(moved(part.offsets, begin))
        new = {index: place_of[register] for index, register in enumerate(part.names)}
        registers.extend(renumbered(part.registers, new))
        if part.covered is not None:
            if starts is not offsets:
                starts.extend(moved(part.covered[0], begin))
            stops.extend(moved(part.covered[1], begin))

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        found: list[bytes | None] = []
        place = bisect_right(rows, start) - 1
        while start < stop:
            base, until = rows[place], min(stop, rows[place + 1])
            found += lines[place].extensions(alg, rules, start - base, until - base)
            start, place = until, place + 1
        return found

    return Lines(
        b"".join(part.buffer[: part.end] for part in lines),
        offsets,
        registers,
        lines[0].layouts,
        None,
        begins[-1],
        "mr",
        (),
        names=names,
        banks=tuple(banks.values()),
        statements=tuple(base + row for part, base in zip(lines, rows, strict=False) for row in part.statements),
        covered=(starts, stops) if all(part.covered is not None for part in lines) else None,
        compute=extensions,
    )


def moved(places: array[int], by: int) -> Iterable[int]:
    """Places in another buffer."""
    return map(by.__add__, places) if by else places


def renumbered(registers: array[int], new: Mapping[int, int]) -> array[int]:
    """Indices of registers as indices in another list of names."""
    if all(index == other for index, other in new.items()):
        return registers
    table = {**new, NOT_EXTENDED: NOT_EXTENDED}
    return array("I", map(table.__getitem__, registers))
