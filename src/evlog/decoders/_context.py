"""What a log says, once, that its events are read by."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import fields_of, is_spec_id
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from evlog.cursor import Cursor
    from evlog.model import Event, Log

    T = TypeVar("T")

__all__ = ["NO_CONTEXT", "Context"]


class Context(Record):
    """``uintn`` is the size of UINTN in bytes, None where no Spec ID event says; ``vendor_info`` is that event's.

    ``platform`` is the log's, which says what its registers are, and ``events`` are the log's, which may be lazy.
    """

    uintn: int | None = None
    vendor_info: bytes = b""
    platform: str | None = None
    events: Sequence[Event] = ()

    _uncompared = ("events",)

    @staticmethod
    def of(log: Log) -> Context:
        """The context of a log's events, from its Spec ID event if record 0 is one."""
        content = log.events[0].content if log.events else None
        if not isinstance(content, PCClientEvent) or not is_spec_id(content.event_type, content.data):
            return Context(platform=log.platform, events=log.events)
        fields = fields_of(content.data)
        if fields is None:
            return Context(platform=log.platform, events=log.events)
        return Context(fields.uintn, fields.vendor_info, log.platform, log.events)

    def before(self, event: Event) -> Event | None:
        """The event that stands directly before another, where the log is known."""
        number = event.number - 1
        if not 0 <= number < len(self.events):
            return None
        found = self.events[number]
        return found if found.number == number else None

    def by_uintn(
        self, cursor: Cursor, read: Callable[[Cursor, int], T], lenient: Callable[[Cursor, int], T] | None = None
    ) -> T:
        """Read a structure that has UINTN fields, of the stated size or of 8 bytes.

        ``read`` gets a cursor and the size. Where that reading fails or leaves bytes over the other size is tried, and
        wins if it leaves none: headers have been seen to state the wrong size. Where both fail ``lenient`` may do with
        what is there.
        """
        size = self.uintn or 8
        stated, other = cursor.fork(), cursor.fork()
        readings: list[T] = []
        failure: ParseError | None = None
        try:
            readings.append(read(stated, size))
        except ParseError as error:
            failure = error
        if failure is not None or stated.left:
            try:
                value = read(other, 12 - size)
            except ParseError:
                pass
            else:
                if not other.left:
                    cursor.at = other.at
                    return value
        if failure is None:
            cursor.at = stated.at
            return readings[0]
        if lenient is None:
            raise failure
        return lenient(cursor, size)


NO_CONTEXT = Context()
