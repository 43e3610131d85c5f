"""Records that are written as they were read, where a format can spell the same thing in several ways."""

from __future__ import annotations

from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.model import Event

__all__ = ["as_read"]


def as_read(event: Event, read: Callable[[bytes], Event | None], *, numbered: bool = False) -> bytes | None:
    """`Event.wire`, if it still says what the event says; None if it does not: the event was changed since, or moved.

    ``read`` is the room's own reading of one record: None or ParseError for what is none. ``numbered`` is whether the
    format's records have numbers.
    """
    record = event.wire
    if not isinstance(record, bytes):
        return None
    try:
        back = read(record)
    except ParseError:
        return None
    if back is None:
        return None
    recnum = back.recnum if numbered else event.recnum
    return record if back.replace(number=event.number, recnum=recnum) == event else None
