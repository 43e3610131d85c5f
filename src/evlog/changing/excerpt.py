"""Some records of a log as a log of the same format, of the bytes that they were read from, without making events."""

from __future__ import annotations

from evlog._record import Record
from evlog.changing.losses import of_container
from evlog.columns import Lazy
from evlog.errors import EvlogError
from evlog.formats import writer
from evlog.model import LazyEvents
from evlog.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.columns import Columns
    from evlog.model import Event, Log, Loss

__all__ = ["Excerpt", "Some", "excerpt"]

# Rows that are compared at a time.
_RUN = 1 << 12


class Some(Lazy):
    """Some events of a log."""

    __slots__ = ("_chosen", "_events")

    def __init__(self, events: Sequence[Event], rows: Sequence[int]) -> None:
        super().__init__(len(rows))
        self._events, self._chosen = events, rows

    def _make(self, row: int) -> Event:
        return self._events[self._chosen[row]]


class Excerpt(Record):
    """What is read back of the records, their bytes, and what the log says besides and the excerpt does not."""

    log: Log
    data: bytes
    losses: Sequence[Loss]


def excerpt(log: Log, own: Log, rows: Sequence[int], options: Options) -> Excerpt | None:
    """The events of ``own``, those of some rows of a log, as they stand there; None where they have to be written."""
    target = writer(log.format)
    take, columns = getattr(target, "excerpt", None), log.columns
    if take is None or columns is None:
        return None
    data = take(log, rows)
    if data is None:
        return None
    asked = options.replace(platform=None, space=None)
    settle = getattr(target, "settle", None)
    try:
        back = target.read(data, asked if settle is None else settle(own, asked))
    except EvlogError:
        return None  # whose refusal has to be that of what is written
    back = back if back.platform is not None else back.replace(platform=options.platform)
    if (back.header, back.tail, back.start) != (own.header, own.tail, own.start):
        return None
    if not _same(log, columns, rows, back):
        return None
    return Excerpt(back, data, tuple(of_container(own, log.format, back, options)))


def _same(log: Log, columns: Columns, rows: Sequence[int], back: Log) -> bool:
    """Whether rows of columns are those of a log that was read from their bytes, one after the other."""
    found = back.columns
    if found is None or not isinstance(back.events, LazyEvents) or not isinstance(log.events, LazyEvents):
        return False
    # What was read alike is the same event wherever it stands, if the same bytes are one record of the same layout.
    alike = log.events.reading is not None and log.events.reading == back.events.reading
    if not alike or (columns.space, columns.names) != (found.space, found.names) or len(found) != len(rows):
        return False
    for start in range(0, len(rows), _RUN):
        run = rows[start : start + _RUN]
        here = range(start, start + len(run))
        if list(map(columns.length, run)) != list(map(found.length, here)):
            return False
        if list(map(columns.layout, run)) != list(map(found.layout, here)):
            return False
    return True
