"""The columns of several logs whose records say what they extend as those of one: a merged log needs no events either.

Rows of text lines are another matter (`evlog.merging.lines`): what they state stands between them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate

from evlog.columns import Computed, Layout
from evlog.merging.lines import moved, renumbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log

__all__ = ["joined"]


def joined(logs: Sequence[Log]) -> Computed | None:
    """One log's rows after the other's; None where some log has no columns, or lines."""
    parts = [log.columns for log in logs if log.columns is not None and log.columns.statements is None]
    if not parts or len(parts) < len(logs):
        return None
    names = tuple(dict.fromkeys(part.register(index) for part in parts for index in part.first_rows))
    place_of = {register: place for place, register in enumerate(names)}
    rows = list(accumulate(map(len, parts), initial=0))
    firsts = [part.offsets[0] if len(part) else part.end for part in parts]
    begins = list(accumulate((part.end - first for part, first in zip(parts, firsts, strict=True)), initial=0))
    offsets, registers = array("Q"), array("I")
    for part, begin, first in zip(parts, begins, firsts, strict=False):
        offsets.extend(moved(part.offsets, begin - first))
        new = {index: place_of[part.register(index)] for index in part.indices}
        registers.extend(renumbered(part.registers, new))

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        found: list[bytes | None] = []
        place = bisect_right(rows, start) - 1
        while start < stop:
            base, until = rows[place], min(stop, rows[place + 1])
            if rules or alg in logs[place].algorithms:
                found += parts[place].extensions(alg, rules, start - base, until - base)
            else:
                found += [None] * (until - start)  # of a violation no digest tells the bank
            start, place = until, place + 1
        return found

    return Computed(
        b"".join(part.buffer[first : part.end] for part, first in zip(parts, firsts, strict=True)),
        offsets,
        registers,
        (Layout(()),),  # the digests stand elsewhere in each part
        None,
        begins[-1],
        "mr",
        tuple(base + row for part, base in zip(parts, rows, strict=False) for row in part.notable),
        rules=tuple(dict.fromkeys(rule for part in parts for rule in part.rules)),
        compute=extensions,
        names=names,
    )
