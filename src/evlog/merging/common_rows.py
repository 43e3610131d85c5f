"""What two logs have in common by their bytes: records at their starts and ends that need no reading to be compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import sub

from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from evlog.columns import Columns
    from evlog.model import Log

__all__ = ["common_among", "common_rows", "same_lines"]

# Bytes that are compared at a time.
_BLOCK = 1 << 16
# Rows whose lines are compared at a time.
_RUN = 1 << 12


def common_rows(a: Log, b: Log) -> tuple[int, int]:
    """How many records are the same at the start of two logs, and how many at their ends; the two may overlap.

    Neither says that the next ones are not. Only logs that were read alike (`LazyEvents.reading`) have any.
    """
    pair = _read_alike(a, b)
    if pair is None:
        return 0, 0
    return _all(*pair) or (_at_start(*pair), _at_end(*pair))


def same_lines(a: Log, b: Log) -> bool:
    """Whether two textual logs of one register have the same lines by the same rules; False also where not known."""
    pair = _read_alike(a, b)
    if pair is None or len(pair[0]) != len(pair[1]):
        return False
    one, two = (columns.spans for columns in pair)
    if one is None or two is None:
        return False
    if one == two and pair[0].buffer == pair[1].buffer:
        return True
    ours, theirs = pair[0].buffer, pair[1].buffer
    for start in range(0, len(pair[0]), _RUN):
        mine = [ours[begin:end] for begin, end in _spans(one, start)]
        if mine != [theirs[begin:end] for begin, end in _spans(two, start)]:
            return False
    return True


def _spans(spans: tuple[Sequence[int], Sequence[int]], start: int) -> Iterable[tuple[int, int]]:
    return zip(*(column[start : start + _RUN] for column in spans), strict=True)


def common_among(a: Log, b: Log) -> Callable[[Sequence[int], Sequence[int]], tuple[int, int]]:
    """The same for some rows of each log; the two do not overlap."""
    pair = _read_alike(a, b)
    if pair is None:
        return lambda ours, theirs: (0, 0)
    one, two = map(_records_of, pair)

    def common(ours: Sequence[int], theirs: Sequence[int]) -> tuple[int, int]:
        shortest = min(len(ours), len(theirs))
        start = 0
        while start < shortest:
            stop = min(start + _RUN, shortest)
            at = _differing(one(ours[start:stop]), two(theirs[start:stop]))
            start += at
            if start < stop:
                break
        end, most = 0, shortest - start
        while end < most:
            size = min(_RUN, most - end)
            rows = (rows[len(rows) - end - size : len(rows) - end][::-1] for rows in (ours, theirs))
            at = _differing(*(records(some) for records, some in zip((one, two), rows, strict=True)))
            end += at
            if at < size:
                break
        return start, end

    return common


def _differing(ours: Sequence[object], theirs: Sequence[object]) -> int:
    """Where two sequences of one length differ first."""
    if ours == theirs:
        return len(ours)
    return next(at for at, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1])


def _records_of(columns: Columns) -> Callable[[Sequence[int]], list[object]]:
    """A function that gives what tells the events of some rows."""
    data, layout_of = columns.buffer, columns.layout_of
    begin = columns.offsets.__getitem__
    ends = columns.offsets[1:]
    ends.append(columns.end)
    end = ends.__getitem__

    def records(rows: Sequence[int]) -> list[object]:
        found: list[object] = list(map(data.__getitem__, map(slice, map(begin, rows), map(end, rows))))
        return found if layout_of is None else list(zip(found, map(layout_of.__getitem__, rows), strict=True))

    return records


def _read_alike(a: Log, b: Log) -> tuple[Columns, Columns] | None:
    """The columns of two logs in which the same record is the same event; None for others."""
    ours, theirs = a.columns, b.columns
    if ours is None or theirs is None or not (isinstance(a.events, LazyEvents) and isinstance(b.events, LazyEvents)):
        return None
    if a.events.reading is None or a.events.reading != b.events.reading:
        return None
    alike = (ours.layouts, ours.names, ours.space) == (theirs.layouts, theirs.names, theirs.space)
    return (ours, theirs) if alike else None


def _all(a: Columns, b: Columns) -> tuple[int, int] | None:
    """The answer for two logs of the same bytes; None for others."""
    # Bytes are compared at once, other buffers in pieces.
    if a.buffer.__class__ is not bytes or a.buffer != b.buffer or a.end != b.end:
        return None
    if (a.offsets, a.registers, a.layout_of) != (b.offsets, b.registers, b.layout_of):
        return None
    return len(a), len(a)


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
