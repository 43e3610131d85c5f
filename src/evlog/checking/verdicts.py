"""The checks of a log's events, made when somebody looks at them."""

from __future__ import annotations

from itertools import islice

from evlog import hashing
from evlog.checking.digest_check import DigestCheck
from evlog.checking.row_checks import check_rows
from evlog.columns import Lazy, rows_of
from evlog.contents._pcclient_rules import NOT_DATA_FIRST
from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from evlog.columns import Columns
    from evlog.model import Event

    Checked = tuple[DigestCheck, ...]

__all__ = ["Verdicts", "event_types"]

_AT_ONCE = 256  # rows that are checked at once
_EVENT_TYPE = 4  # bytes before it in a record
#: Types of events that are not measured, or may not be; and those whose digests are of something else first.
_NOT_PLAIN = NOT_DATA_FIRST | {EV_NO_ACTION, *LAUNCH_MARKERS}


def event_types(columns: Columns) -> array[int]:
    """The event type of each row of columns of PC Client events."""
    backend = hashing.backend(len(columns.buffer))
    return backend.words(columns, (_EVENT_TYPE,) * len(columns.layouts), columns.typed or "little")


class Verdicts(Lazy):
    """For each row of columns of PC Client events, its checks.

    Most digests are of their event's data, by the first rule that there is for the event's type: all rows are asked
    for that at once, and the other ones by and by.
    """

    __slots__ = ("_columns", "_events", "_made", "_plain", "flags", "types")

    def __init__(self, columns: Columns, events: Sequence[Event]) -> None:
        super().__init__(len(columns))
        backend = hashing.backend(len(columns.buffer))
        #: The event type of each row.
        self.types = event_types(columns)
        #: For each row, whether its digests are all of its data, and could be of nothing else.
        self.flags = bytearray(backend.of_body(columns))
        for event_type in _NOT_PLAIN.intersection(self.types):
            for row in rows_of(self.types, event_type):
                self.flags[row] = 0
        self._columns, self._events = columns, events
        self._plain = [
            tuple(DigestCheck(alg, "matches", "data") for alg, _ in layout.digests) for layout in columns.layouts
        ]
        self._made: dict[int, Checked] = {}

    def _make(self, row: int) -> Checked:
        if self.flags[row]:
            layout_of = self._columns.layout_of
            return self._plain[0 if layout_of is None else layout_of[row]]
        checked = self._made.get(row)
        if checked is None:
            # Whoever asks for one asks for those beside it.
            beside = islice(rows_of(self.flags, 0, row - row % _AT_ONCE), _AT_ONCE)
            rows = [each for each in beside if each not in self._made]
            self._made.update(zip(rows, check_rows(self._columns, self.types, rows, self._events), strict=True))
            checked = self._made[row]
        return checked

    def all(self) -> list[Checked]:
        """The checks of all rows, at once."""
        rows = [row for row, plain in enumerate(self.flags) if not plain and row not in self._made]
        self._made.update(zip(rows, check_rows(self._columns, self.types, rows, self._events), strict=True))
        made, plain, layout_of = self._made, self._plain, self._columns.layout_of
        layouts = bytes(len(self)) if layout_of is None else layout_of
        return [
            plain[layout] if flag else made[row]
            for row, (flag, layout) in enumerate(zip(self.flags, layouts, strict=True))
        ]
