"""A line for each event of a log, one by one, and how the digests of each register's events stand."""

from __future__ import annotations

from evlog._record import Record
from evlog.checking.late import checks_of
from evlog.cli._selection import verdict
from evlog.cli._shared import Shared
from evlog.decoders import Context, decode
from evlog.decoders.describe import short_type, summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.cli._page import Page, Part
    from evlog.model import Event, Log
    from evlog.registers import Register

    Counts = dict[Register, dict[str | None, int]]
    #: The parts of a line after the number, and as what of which register the event counts.
    _Line = tuple[tuple[Part, ...], Register, str | None]

__all__ = ["LEAST", "NOTHING", "STYLES", "EventLines", "Frame", "count", "counted", "cut", "marks_of"]

#: As what an event counts that extends nothing.
NOTHING = "nothing"
STYLES = {"matches": "green", "mismatch": "bold red", "not_checkable": "dim", None: "dim"}
_MARKS = {"matches": "✓", "mismatch": "✗", "not_checkable": "·", None: " "}
_ASCII_MARKS = {"matches": "+", "mismatch": "!", "not_checkable": ".", None: " "}
#: Columns for what an event says, if there are fewer left.
LEAST = 12


def marks_of(page: Page) -> dict[str | None, str]:
    """The mark of each verdict, and of none, that a page can show."""
    return _MARKS if page.unicode else _ASCII_MARKS


def cut(text: str, width: int) -> str:
    """The text in at most so many columns; wide characters take two."""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    from unicodedata import combining, east_asian_width

    columns = 0
    for at, character in enumerate(text):
        columns += 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        if columns > width:
            return cut(text[: max(at - 1, 0)], width - 1) + "…"
    return text


def counted(event: Event, checks: tuple[DigestCheck, ...]) -> str | None:
    """As what an event counts in its register's row: as nothing if it extends nothing."""
    return verdict(checks) if event.measured else NOTHING


def count(counts: Counts, register: Register, found: str | None) -> None:
    """Count an event."""
    row = counts.setdefault(register, {})
    row[found] = row.get(found, 0) + 1


class Frame(Record):
    """What the lines of a page have in common.

    ``names`` are how registers are called, ``widths`` the columns for that and for types, ``warned`` the numbers of
    events to warn of.
    """

    page: Page
    names: Mapping[Register, str]
    widths: tuple[int, int]
    warned: frozenset[int | None] = frozenset()


class EventLines:
    """The lines of a log's events; what follows the number is made once for events that are the same.

    ``counts`` tells of each register how the digests of the events stand whose lines were made.
    """

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies, frame: Frame) -> None:
        self.log, self.checks, self.bodies, self.frame = log, checks, bodies, frame
        self.counts: Counts = {}
        self.marks = marks_of(frame.page)
        self.context = Context.of(log)
        self._twins = log.twins
        self._types: dict[type, str] = {}
        self._known: dict[tuple[int, int, int, bool], _Line] = {}
        self.verdict_of = Shared(lambda checks: verdict(checks) or "")

    def of(self, numbers: Sequence[int]) -> Iterator[tuple[Part, ...]]:
        """The parts of the line of each of these events."""
        counts, known = self.counts, self._known
        if isinstance(self._twins, range):
            for start, (parts, register, found), _ in self._made(numbers):
                count(counts, register, found)
                yield ((start, "dim"), *parts)
            return
        keys = [self._key(number) for number in numbers]
        new = [number for number, key in zip(numbers, keys, strict=True) if key not in known]
        made = dict(zip(new, self._made(new), strict=True))
        for number, key in zip(numbers, keys, strict=True):
            line, start = known.get(key), f"{number:>4} "
            if line is None:
                start, line, odd = made[number]
                # What is odd in the data is told of each.
                if self._twins[number] != number and not odd:
                    line = known[key] = self.frame.page.settled(*line[0]), *line[1:]
            count(counts, *line[1:])
            yield ((start, "dim"), *line[0])

    def _made(self, numbers: Sequence[int]) -> Iterator[tuple[str, _Line, bool]]:
        """Of each event the start of its line, the rest, and whether its data is odd."""
        warned, width = self.frame.warned, self.frame.page.width
        events = [self.log.events[number] for number in numbers]
        checked = checks_of(self.checks, numbers, events)
        for number, event, checks in zip(numbers, events, checked, strict=True):
            start = f"{event.number:>4} "
            decoded = decode(event, self.context)
            odd = self.bodies.look(event, decoded)
            found, measured = self.verdict_of(checks) or None, event.measured
            style = "yellow" if number in warned else "" if measured else "dim"
            parts = self._parts(width - len(start), event, found, summary(event, decoded), style)
            yield start, (parts, event.register, found if measured else NOTHING), odd

    def _key(self, number: int) -> tuple[int, int, int, bool]:
        # What an event is may hang on the one before it.
        before = self._twins[number - 1] if number else -1
        return self._twins[number], before, len(f"{number:>4} "), number in self.frame.warned

    def type_of(self, event: Event) -> str:
        """An event's type, as wide as the column for it."""
        kind, width = type(event.content), self.frame.widths[1]
        known = self._types.get(kind)
        if known is None:
            known = cut(short_type(event), width).ljust(width)
            # What has no type is called by its kind.
            if not (hasattr(kind, "event_type") or hasattr(kind, "role")):
                self._types[kind] = known
        return known

    def _parts(self, width: int, event: Event, found: str | None, what: str, style: str) -> tuple[Part, ...]:
        """The parts of an event's line after its number."""
        register, kind = self.frame.names[event.register].ljust(self.frame.widths[0]), self.type_of(event)
        used = 1 + len(register) + 2 + len(kind) + 1
        return (
            (self.marks[found], STYLES[found]),
            (f" {register} ", style or "cyan"),
            (kind + " ", style or "blue"),
            (cut(what, max(width - used, LEAST)), style),
        )
