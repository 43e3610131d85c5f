"""The PC Client events of a log, as the checks of a whole log ask for them: by event type, by register, by doubt."""

from __future__ import annotations

from array import array
from itertools import chain

from evlog import hashing
from evlog._record import attrgetter, cached_property
from evlog.checking.row import Row
from evlog.checking.verdicts import Verdicts
from evlog.columns import NOT_EXTENDED, rows_of
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import EV_NO_ACTION, EV_SEPARATOR
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.checking.digest_check import DigestCheck
    from evlog.columns import Columns
    from evlog.model import Event
    from evlog.registers import Register

__all__ = [
    "Facts",
    "Row",
    "finding",
]

_KEPT = 4096  # rows that are made once, and of which a list is made for each type
_NAMED = 3  # events that a finding names before it counts


class Facts:
    """The PC Client events of a log, in order. Rows are made of those that a check looks at.

    ``types``  the event type of each
    ``pcrs``   the PCR that each extends, or `NOT_EXTENDED`
    ``whole``  whether they are all there are: of an event that is told without its data nobody can say what it is
    """

    types: array[int]
    pcrs: array[int]
    whole: bool = True

    def __len__(self) -> int:
        return len(self.types)

    def row(self, place: int) -> Row:
        """The event at a place."""
        raise NotImplementedError

    def number(self, place: int) -> int:
        """The number in the log of the event at a place."""
        raise NotImplementedError

    def doubtful(self) -> Iterator[Row]:
        """At least the rows that have a digest which is not of the event's data."""
        raise NotImplementedError

    def unlike(self, algorithms: list[int]) -> Iterator[Row]:
        """The rows after the first whose digests are not of these algorithms in this order."""
        raise NotImplementedError

    def beginning(self, event_type: int, text: bytes) -> Iterator[Row]:
        """The rows of a type whose data begins with a text, of four bytes at least."""
        raise NotImplementedError

    @cached_property
    def kinds(self) -> frozenset[int]:
        """The event types that there are."""
        return frozenset(self.types)

    def of_type(self, *types: int) -> Iterator[Row]:
        """The rows of these event types."""
        if len(self.types) > _KEPT:
            return map(self.row, _merged([rows_of(self.types, each) for each in types if each in self.kinds]))
        found = [self._places[each] for each in dict.fromkeys(types) if each in self._places]
        return map(self.row, found[0] if len(found) == 1 else sorted(chain.from_iterable(found)))

    @cached_property
    def _places(self) -> dict[int, list[int]]:
        """Where the events of each type are, of a log that is not long."""
        places: dict[int, list[int]] = {}
        for place, event_type in enumerate(self.types):
            places.setdefault(event_type, []).append(place)
        return places

    @cached_property
    def no_actions(self) -> list[Row]:
        """The rows of EV_NO_ACTION."""
        return list(self.of_type(EV_NO_ACTION))

    @cached_property
    def loose(self) -> list[Row]:
        """At least the rows that extend no register that there is."""
        return [self.row(place) for place in rows_of(self.pcrs, NOT_EXTENDED)]

    @cached_property
    def separators(self) -> dict[int, list[Row]]:
        """The separators on PCR 0 to 7."""
        separators: dict[int, list[Row]] = {}
        for row in self.of_type(EV_SEPARATOR):
            pcr = row.pcr
            if pcr is not None and pcr <= 7:
                separators.setdefault(pcr, []).append(row)
        return separators


class EventFacts(Facts):
    """Those of a log of events of any kind."""

    def __init__(self, events: Iterable[Event], checks: Sequence[tuple[DigestCheck, ...]]) -> None:
        events = tuple(events)
        self.whole = not any(isinstance(event.content, DigestOnly) for event in events)
        self._rows = [
            Row.of(event, event.content.event_type, event.content.data, digests, event.number)
            for event, digests in zip(events, checks, strict=True)
            if isinstance(event.content, PCClientEvent)
        ]
        self.types = array("I", [row.type for row in self._rows])
        self.pcrs = array("I", map(_extended, self._rows))

    def row(self, place: int) -> Row:
        return self._rows[place]

    def number(self, place: int) -> int:
        return self._rows[place].number

    def doubtful(self) -> Iterator[Row]:
        return iter(self._rows)

    def unlike(self, algorithms: list[int]) -> Iterator[Row]:
        return (row for row in self._rows[1:] if [alg.id for alg, _ in row.digests] != algorithms)

    def beginning(self, event_type: int, text: bytes) -> Iterator[Row]:
        return (row for row in self.of_type(event_type) if row.data.startswith(text))


def _extended(row: Row) -> int:
    pcr = row.pcr if row.measured and row.register.replayable else None
    return NOT_EXTENDED if pcr is None else pcr


def _source(
    columns: Columns, events: Sequence[Event], checks: Sequence[tuple[DigestCheck, ...]]
) -> dict[str, Callable[[int], Any]]:
    """What columns tell of their rows, for `Row`; events are made for who asks for one. It knows no row."""
    buffer, offsets, layouts, end = columns.buffer, columns.offsets, columns.layouts, columns.end
    last = len(columns) - 1
    layout_of = columns.layout_of
    bodies = [layout.body or 0 for layout in layouts]

    def data(row: int) -> bytes:
        body = bodies[0 if layout_of is None else layout_of[row]]
        return buffer[offsets[row] + body : offsets[row + 1] if row < last else end]

    def digests(row: int) -> list[tuple[HashAlg, bytes]]:
        start, layout = offsets[row], layouts[0 if layout_of is None else layout_of[row]]
        return [(alg, buffer[start + at : start + at + alg.size]) for alg, at in layout.digests]

    def register(row: int) -> Register:
        index = columns.registers[row]
        if index != NOT_EXTENDED:
            return columns.register(index)
        event: Event = events[row]
        return event.register

    return {
        "event": events.__getitem__,
        "checks": checks.__getitem__,
        "data": data,
        "digests": digests,
        "register": register,
    }


class ColumnFacts(Facts):
    """Those of a log whose records all are PC Client events, in columns."""

    def __init__(self, columns: Columns, events: Sequence[Event], checks: Verdicts) -> None:
        self.types = checks.types
        self.pcrs = self.extended_in(columns)
        self._columns, self._checks = columns, checks
        self._source = _source(columns, events, checks)
        self._kept: dict[int, Row] = {}

    @staticmethod
    def extended_in(columns: Columns) -> array[int]:
        """The PCR that each row extends, or `NOT_EXTENDED`."""
        return columns.registers if columns.space == "pcr" else array("I", (NOT_EXTENDED,)) * len(columns)

    def row(self, place: int) -> Row:
        found = self._kept.get(place)
        if found is None:
            found = Row(self.types[place], place, self._source)
            if len(self._kept) < _KEPT:
                self._kept[place] = found
        return found

    def number(self, place: int) -> int:
        return place

    def doubtful(self) -> Iterator[Row]:
        return map(self.row, rows_of(self._checks.flags, 0))

    @cached_property
    def loose(self) -> list[Row]:
        return [self.row(place) for place in rows_of(self._columns.registers, NOT_EXTENDED)]

    def unlike(self, algorithms: list[int]) -> Iterator[Row]:
        columns = self._columns
        other = {
            number
            for number, layout in enumerate(columns.layouts)
            if [alg.id for alg, _ in layout.digests] != algorithms
        }
        if columns.layout_of is None:
            places: Iterable[int] = range(len(columns) if other else 0)
        else:
            places = _merged([rows_of(columns.layout_of, each) for each in other])
        return (self.row(place) for place in places if place)

    def beginning(self, event_type: int, text: bytes) -> Iterator[Row]:
        rows = (self.row(place) for place in rows_of(self._openings, int.from_bytes(text[:4], "little")))
        return (row for row in rows if row.type == event_type and row.data.startswith(text))

    @cached_property
    def _openings(self) -> array[int]:
        """The first four bytes of each event's data, and of what follows if it has fewer."""
        columns = self._columns
        backend = hashing.backend(len(columns.buffer))
        return backend.words(columns, [layout.body or 0 for layout in columns.layouts], "little")


def _merged(rows: Sequence[Iterable[int]]) -> Iterable[int]:
    """Rows in order, of several lots that are."""
    if len(rows) < 2:
        return rows[0] if rows else ()
    from heapq import merge

    return merge(*rows)


class ListedFacts(ColumnFacts):
    """The same of a log whose rows are at hand, and those of them that are `doubtful`."""

    def __init__(self, columns: Columns, types: array[int], rows: Sequence[Row], doubtful: Sequence[Row]) -> None:
        self.types = types
        self.pcrs = self.extended_in(columns)
        self._columns, self._all, self._doubtful = columns, rows, doubtful
        self._of_type: dict[int, list[Row]] = {}
        for row in rows:
            listed = self._of_type.get(row.type)
            if listed is None:
                self._of_type[row.type] = [row]
            else:
                listed.append(row)

    @staticmethod
    def of(columns: Columns, events: Sequence[Event], checks: Verdicts) -> ListedFacts:
        """Those of a log that is not long."""
        source, register = _source(columns, events, checks), columns.register
        named = {index: register(index) for index in columns.indices}
        rows, doubtful = [], []
        told = zip(checks.types, map(source["data"], range(len(columns))), checks.all(), columns.registers, strict=True)
        for number, (event_type, data, checked, index) in enumerate(told):
            row = Row(event_type, number, source)
            row.data, row.checks = data, checked
            if index != NOT_EXTENDED:
                row.register = named[index]
            rows.append(row)
        doubtful = [row for row, plain in zip(rows, checks.flags, strict=True) if not plain]
        return ListedFacts(columns, checks.types, rows, doubtful)

    def row(self, place: int) -> Row:
        return self._all[place]

    def doubtful(self) -> Iterator[Row]:
        return iter(self._doubtful)

    def of_type(self, *types: int) -> Iterator[Row]:
        found = [self._of_type[each] for each in dict.fromkeys(types) if each in self._of_type]
        if len(found) < 2:
            return iter(found[0] if found else ())
        return iter(sorted(chain.from_iterable(found), key=_number))

    @cached_property
    def kinds(self) -> frozenset[int]:
        return frozenset(self._of_type)

    @cached_property
    def loose(self) -> list[Row]:
        return [self._all[place] for place in rows_of(self._columns.registers, NOT_EXTENDED)]

    def beginning(self, event_type: int, text: bytes) -> Iterator[Row]:
        return (row for row in self._of_type.get(event_type, ()) if row.data.startswith(text))


def finding(code: str, severity: str, message: str, rows: Iterable[Row | Event]) -> Iterator[Finding]:
    """One finding for all the events that it is about, which it names or counts; none if there are none."""
    numbers = [row.number for row in rows]
    if not numbers:
        return
    named = ", ".join(map(str, numbers[:_NAMED]))
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    where = f" (events {named}{more})" if len(numbers) > 1 else ""
    yield Finding(code, severity, message + where, numbers[0])


_number = attrgetter("number")
