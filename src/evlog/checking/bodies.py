"""What is odd in the data of events: found by whoever decodes them anyway, as that costs more than all other checks.

Source: the specification of each structure, as its decoder names it. A digest covers bytes, whatever they decode to: a
register's value is the same.
"""

from __future__ import annotations

from evlog.checking.facts import finding
from evlog.decoders import Decoded, Raw, forks_of, is_sound
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog._record import Record
    from evlog.model import Event

__all__ = ["Bodies"]


class Bodies:
    """Collects what is odd in the data of events, in their order: one finding of each, so that a log bounds them."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._empty: list[Event] = []

    def look(self, event: Event, decoded: Decoded | None) -> bool:
        """Look at an event that was decoded: whether something is odd in its data."""
        if decoded is None:
            return False
        if isinstance(decoded, Raw):
            if decoded.damaged and not decoded.data:
                self._empty.append(event)
            elif decoded.damaged:
                message = f"the data is not what its type asks for: {decoded.reason}"
                self._found.append(Finding("data_undecoded", "note", message, event.number))
            return decoded.damaged
        if is_sound(decoded):
            return False
        notes = list(_notes(decoded))
        if notes:
            more = f", and {len(notes) - 1} more" if len(notes) > 1 else ""
            self._found.append(Finding("data_odd", "note", f"in the data: {notes[0]}{more}", event.number))
        return bool(notes)

    def findings(self) -> tuple[Finding, ...]:
        """What was found so far."""
        missing = finding("data_missing", "note", "an event without the data that its type asks for", self._empty)
        return (*self._found, *missing)


def _notes(record: Record) -> Iterator[str]:
    """What a decoded value says of itself and of the values in it."""
    if isinstance(record, Raw):
        if record.damaged:
            yield record.reason
        return
    for field in forks_of(type(record)):
        value = getattr(record, field)
        kind = type(value)
        if kind is tuple:
            if field == "notes":
                yield from value
            elif value and hasattr(value[0], "_fields"):
                for each in value:
                    yield from _notes(each)
        elif value is not None and hasattr(kind, "_fields"):
            yield from _notes(value)
