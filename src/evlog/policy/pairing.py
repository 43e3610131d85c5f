"""Pairs the members of two sequences that belong together, in order, as much of both as can be.

What is beyond doubt at both ends is paired at once; between them the pairs of the greatest weight are found by
dynamic programming, within a bound that a long log cannot raise: past it equal members are paired, and nothing else.
"""

from __future__ import annotations

from evlog.comparing.align import align

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["paired"]

#: Products of lengths up to which weights are compared.
_MOST = 250_000


def paired(
    lengths: tuple[int, int],
    weight: Callable[[int, int], int],
    sure: Callable[[int, int], bool],
    keys: Callable[[], tuple[Sequence[Hashable], Sequence[Hashable]]],
) -> list[tuple[int, int]]:
    """Pairs of indices, increasing in both. ``weight`` is 0 for members that do not belong together."""
    a, b = lengths
    start, least = 0, min(a, b)
    while start < least and sure(start, start):
        start += 1
    end = 0
    while end < least - start and sure(a - 1 - end, b - 1 - end):
        end += 1
    rows, columns = a - start - end, b - start - end
    if rows * columns > _MOST:
        ours, theirs = keys()
        middle = [(start + i, start + j) for i, j in align(ours[start : a - end], theirs[start : b - end])]
    else:
        middle = _heaviest(range(start, a - end), range(start, b - end), weight)
    tail = [(a - n, b - n) for n in range(end, 0, -1)]
    return [*((index, index) for index in range(start)), *middle, *tail]


def _heaviest(ours: range, theirs: range, weight: Callable[[int, int], int]) -> list[tuple[int, int]]:
    weights = [[weight(i, j) for j in theirs] for i in ours]
    # best[i][j]: what can be had of the members from i and from j on.
    best = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i in range(len(ours) - 1, -1, -1):
        row, below, here = best[i], best[i + 1], weights[i]
        for j in range(len(theirs) - 1, -1, -1):
            value = max(below[j], row[j + 1])
            if here[j] and here[j] + below[j + 1] > value:
                value = here[j] + below[j + 1]
            row[j] = value
    pairs = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        if weights[i][j] and best[i][j] == weights[i][j] + best[i + 1][j + 1]:
            pairs.append((ours[i], theirs[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
