"""A line for each event of a log, one by one, and how the digests of each register's events stand."""

from __future__ import annotations

from evlog._record import Record
from evlog.checking.late import checks_of
from evlog.cli._selection import verdict
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
    from evlog.decoders import Decoded
    from evlog.model import Event, Log
    from evlog.registers import Register

    Counts = dict[Register, dict[str | None, int]]

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
        self._known: dict[tuple[int, int, int, bool], tuple[tuple[Part, ...], Register, str | None]] = {}

    def of(self, numbers: Sequence[int]) -> Iterator[tuple[Part, ...]]:
        """The parts of the line of each of these events."""
        warned, known = self.frame.warned, self._known
        keys = [self._key(number) for number in numbers]
        new = [number for number, key in zip(numbers, keys, strict=True) if key not in known]
        events = [self.log.events[number] for number in new]
        made = dict(zip(new, zip(events, checks_of(self.checks, new, events), strict=True), strict=True))
        for number, key in zip(numbers, keys, strict=True):
            found = known.get(key)
            start = f"{number:>4} "
            if found is None:
                event, checks = made[number]
                start = f"{event.number:>4} "
                decoded = decode(event, self.context)
                # What is odd in the data is told of each.
                odd = self.bodies.look(event, decoded)
                parts = self._parts(self.frame.page.width - len(start), event, checks, decoded, number in warned)
                found = parts, event.register, counted(event, checks)
                if self._twins[number] != number and not odd:
                    found = known[key] = self.frame.page.settled(*parts), *found[1:]
            count(self.counts, *found[1:])
            yield ((start, "dim"), *found[0])

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

    def _parts(
        self, width: int, event: Event, checks: tuple[DigestCheck, ...], decoded: Decoded | None, warned: bool
    ) -> tuple[Part, ...]:
        """The parts of an event's line after its number."""
        register, kind = self.frame.names[event.register].ljust(self.frame.widths[0]), self.type_of(event)
        found = verdict(checks)
        style = "yellow" if warned else "" if event.measured else "dim"
        used = 1 + len(register) + 2 + len(kind) + 1
        what = cut(summary(event, decoded), max(width - used, LEAST))
        return (
            (self.marks[found], STYLES[found]),
            (f" {register} ", style or "cyan"),
            (kind + " ", style or "blue"),
            (what, style),
        )
