"""What two logs have in common by their bytes: records at their starts and ends that need no reading to be compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import sub

from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.columns import Columns
    from evlog.model import Log

__all__ = ["common_rows"]

# Bytes that are compared at a time.
_BLOCK = 1 << 16


def common_rows(a: Log, b: Log) -> tuple[int, int]:
    """How many records are the same at the start of two logs, and how many at their ends; the two may overlap.

    Neither says that the next ones are not. Only logs that were read alike (`LazyEvents.reading`) have any.
    """
    ours, theirs = a.columns, b.columns
    if ours is None or theirs is None or not (isinstance(a.events, LazyEvents) and isinstance(b.events, LazyEvents)):
        return 0, 0
    if a.events.reading is None or a.events.reading != b.events.reading:
        return 0, 0
    if (ours.layouts, ours.names, ours.space) != (theirs.layouts, theirs.names, theirs.space):
        return 0, 0
    return _at_start(ours, theirs), _at_end(ours, theirs)


def _at_start(a: Columns, b: Columns) -> int:
    length = min(a.end, b.end)
    same = 0
    while same < length and a.buffer[same : same + _BLOCK] == b.buffer[same : same + _BLOCK]:
        same += _BLOCK
    same = min(same, length)
    if same < length:
        one, other = (each.buffer[same : min(same + _BLOCK, length)] for each in (a, b))
        same += next((at for at, (x, y) in enumerate(zip(one, other, strict=True)) if x != y), len(one))
    count = min(_records(a, same), _records(b, same))
    return count if _columns(a, 0, count) == _columns(b, 0, count) else 0


def _records(columns: Columns, length: int) -> int:
    """How many records end within so many bytes."""
    return len(columns) if length == columns.end else max(bisect_right(columns.offsets, length) - 1, 0)


def _at_end(a: Columns, b: Columns) -> int:
    length = min(a.end, b.end)
    same = 0
    while same < length:
        size = min(_BLOCK, length - same)
        ours, theirs = (each.buffer[each.end - same - size : each.end - same] for each in (a, b))
        if ours != theirs:
            pairs = zip(reversed(ours), reversed(theirs), strict=True)
            same += next((at for at, (x, y) in enumerate(pairs) if x != y), size)
            break
        same += size
    count = min(len(each) - bisect_left(each.offsets, each.end - same) for each in (a, b))
    rows = [(each, len(each) - count) for each in (a, b)]
    one, other = (_columns(each, first, len(each))[1:] for each, first in rows)
    if one != other:
        return 0
    distances = map(sub, b.offsets[rows[1][1] :], a.offsets[rows[0][1] :])
    return count if all(map((b.end - a.end).__eq__, distances)) else 0


def _columns(columns: Columns, start: int, stop: int) -> tuple[object, ...]:
    layout_of = columns.layout_of
    return columns.offsets[start:stop], columns.registers[start:stop], layout_of and layout_of[start:stop]
