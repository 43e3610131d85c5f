"""Pair the members of two sequences that are the same, in order: O(n log n) whatever the sequences are.

Equal keys are told apart by counting them (the third ``x`` is another than the second), which makes them unique; the
longest increasing run of pairs is then the alignment. A diff by dynamic programming finds more pairs among many
repeated keys, at a price that a hostile log could name.
"""

from __future__ import annotations

from bisect import bisect_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

__all__ = ["align", "runs"]


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Pairs of indices of equal members, increasing in both."""
    return [(i + each, j + each) for i, j, count in runs(a, b) for each in range(count)]


def runs(a: Sequence[Hashable], b: Sequence[Hashable], start: int = 0, end: int = 0) -> Iterator[tuple[int, int, int]]:
    """The same as runs of pairs that follow each other: the indices of the first, and how many there are.

    So many members at the ``start`` are known to be equal, and so many at the ``end``.
    """
    shortest = min(len(a), len(b))
    while start < shortest and a[start] == b[start]:
        start += 1
    end = min(end, shortest - start)
    while end < shortest - start and a[-1 - end] == b[-1 - end]:
        end += 1
    if start:
        yield 0, 0, start
    for i, j in _unique(a[start : len(a) - end], b[start : len(b) - end]):
        yield start + i, start + j, 1
    if end:
        yield len(a) - end, len(b) - end, end


def _unique(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    places = {key: j for j, key in enumerate(_counted(b))}
    pairs = [(i, places[key]) for i, key in enumerate(_counted(a)) if key in places]
    return _longest_increasing(pairs)


def _counted(keys: Sequence[Hashable]) -> list[tuple[Hashable, int]]:
    seen: dict[Hashable, int] = {}
    counted = []
    for key in keys:
        count = seen.get(key, 0)
        counted.append((key, count))
        seen[key] = count + 1
    return counted


def _longest_increasing(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs whose second members increase, by patience sorting."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        pile = bisect_left(tops, j)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(j)
            ends.append(index)
        else:
            tops[pile], ends[pile] = j, index
    found = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]
