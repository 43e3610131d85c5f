"""What is inside events: one file for each family of event data.

Rules of the room:

1. A decoder gets a `Cursor` over one event's body and a `Context` of its log, and sees nothing else; what only the
   event's digests or its place can tell, `Decoded.placed` adds.
2. It raises ParseError for damage (NotKnownError for what need not be the structure) and nothing else; what follows a
   structure is kept as ``trailing``, never dropped.
3. Fields have the names of the specification; integers stay integers, and numbers without a name stay as they are.

>>> from evlog.decoders import Context, decode, to_json
>>> context = Context.of(log)
>>> for event in log.events:
...     decoded = decode(event, context)
...     print(decoded.summary if decoded else "")

Nothing here is covered by a digest more than the event's bytes are (see `evlog.check`): an event type that somebody
changed has its data read by another decoder.

A family is one file: records that derive from `Decoded`, each with its ``kind``, a ``read`` and a ``describe``, and
under `decodes` what it asks for besides the event types; these stand in `DECODERS`, a line for each decoder. A family
is imported when such an event is met.
"""

from __future__ import annotations

from evlog.cursor import Cursor
from evlog.decoders._context import NO_CONTEXT, Context
from evlog.decoders._decoded import Decoded, NotKnownError, Raw, forks_of, is_sound, to_json, told_of
from evlog.decoders._reader import Reader, forget, read_whole, reader_of
from evlog.decoders._registry import CONTENTS, DECODERS, FAMILIES, decodes
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    from evlog.model import Event

    D = TypeVar("D", bound=Decoded)
else:

    def overload(function: object) -> object:
        return function


__all__ = [
    "CONTENTS",
    "DECODERS",
    "FAMILIES",
    "NO_CONTEXT",
    "Context",
    "Cursor",
    "Decoded",
    "NotKnownError",
    "Raw",
    "Reader",
    "decode",
    "decodes",
    "forget",
    "forks_of",
    "is_sound",
    "reader_of",
    "to_json",
    "told_of",
]


@overload
def decode(event: Event, context: Context = ...) -> Decoded | None: ...
@overload
def decode(event: Event, context: Context = ..., *, as_: type[D]) -> D: ...  # noqa: F811
def decode(  # noqa: F811
    event: Event, context: Context = NO_CONTEXT, *, as_: type[Decoded] | None = None
) -> Decoded | None:
    """The body of an event, decoded; `Raw` with the reason if nothing is known of it or it is damaged. Never raises.

    None for a content that is decoded by nature; other kinds than PC Client events have decoders in `CONTENTS`.
    With ``as_`` the body is read as that class whatever the event's type, and ParseError is raised if it is not one.
    """
    data: object = getattr(event.content, "data", None)
    if as_ is not None:
        if not isinstance(data, bytes):
            raise ParseError(f"a {event.content.kind} event has no body to read as {as_.kind}")
        return read_whole(as_.read, Cursor(data, _base(event, data)), context)
    return decode_by(event, context)


def decode_by(event: Event, context: Context, cursor: Callable[[bytes, int], Cursor] | None = None) -> Decoded | None:
    """`decode` with a cursor of somebody's own, who wants to know which bytes were read (`evlog.decoders.layout`)."""
    content = event.content
    data: object = None
    try:
        if content.kind in CONTENTS:
            return _content(event)
        data = getattr(content, "data", None)
        event_type: object = getattr(content, "event_type", None)
        if not isinstance(event_type, int) or not isinstance(data, bytes):
            return None
        reader = reader_of(event_type, event.register, context)
        decoded = reader.met(data) if cursor is None else None
        if decoded is None:
            decoded = reader.read(data, _base(event, data), cursor or Cursor)
        return decoded.placed(event, context)
    except Exception as error:
        return Raw.after(error, data if isinstance(data, bytes) else b"")


def _content(event: Event) -> Decoded | None:
    content = event.content
    read = _content_readers.get(content.kind)
    if read is None:
        from evlog._record import import_module

        read = import_module(f"evlog.decoders.{CONTENTS[content.kind]}").read_content
        _content_readers[content.kind] = read
    return read(content, content.mark(event))


_content_readers: dict[str, Callable[[Any, str], Decoded]] = {}


def _base(event: Event, data: bytes) -> int:
    """The offset in the file of the event's body, which ends its record."""
    span = event.origin.span if event.origin else None
    return span.offset + span.length - len(data) if span else 0
