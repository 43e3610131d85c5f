"""What an event is, on one line: for pages, for notebooks, for whoever prints one."""

from __future__ import annotations

from evlog.contents._printable import printable
from evlog.contents.event_types import name_of, type_of
from evlog.decoders import NO_CONTEXT, Context, Decoded, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Event

__all__ = ["describe", "short_name", "short_type", "summary"]

#: Words of event type names that say nothing beside the others.
_LONG = (
    ("EV_EFI_ACTION", "EFI_ACTION"),
    ("EV_EFI_", ""),
    ("EV_", ""),
    ("EVTYPE_", ""),
    ("BOOT_SERVICES_", "BOOT_"),
    ("RUNTIME_SERVICES_", "RUNTIME_"),
    ("PLATFORM_", ""),
    ("_DRIVER_CONFIG", "_CONFIG"),
)


def describe(event: Event, context: Context = NO_CONTEXT) -> str:
    """Register, type and what the event is about, as `evlog show` has them on one line; safe to print.

    ``context`` is that of its log (`Context.of`), without which some event data cannot be told. Nothing in the line but
    the register's value and what `evlog.check` says ``matches`` is proven by anything.
    """
    return f"{printable(str(event.register))} {short_type(event)} {summary(event, decode(event, context))}".rstrip()


def short_type(event: Event) -> str:
    """An event's type in few letters: the specification's name without the words that many types share."""
    content = event.content
    if type_of(content) is None:
        return str(getattr(content, "role", content.kind))
    return short_name(name_of(content))


def short_name(name: str) -> str:
    """The name of an event type in few letters; what is no such name stays."""
    for long, short in _LONG:
        name = name.replace(long, short)
    return name


def summary(event: Event, decoded: Decoded | None) -> str:
    """What matters of an event that was decoded, on one line that is safe to print."""
    said = decoded.summary if decoded is not None else printable(event.content.summary)
    mark = event.content.mark(event)
    return f"{mark}: {said}" if mark and not said.startswith(f"{mark}: ") else said
