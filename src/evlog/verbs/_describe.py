"""What an event is about, for telling it from another: a name that a changed event keeps, and words for people."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from evlog.decoders import Context, Decoded
    from evlog.model import Event, Log

__all__ = ["Describer", "Description"]

# A difference deep inside a certificate list is told by its first places.
_MAX_PLACES = 3
_MAX_TEXT = 120
_NAMES = ("name", "variable_name", "description", "file", "path", "device_path", "text", "string")


class Description(Record):
    """``type`` and ``name`` stay when the event's value changes; ``words`` say what the event holds."""

    type: str
    name: str
    words: str
    members: Any = None

    def became(self, other: Description) -> str:
        """What changed on the way to the other description, in words."""
        subject = self.name or self.type
        if self.members is not None and other.members is not None:
            places = list(_differences(self.members, other.members, ""))
            if places and len(places) <= _MAX_PLACES:
                return f"{subject}: " + "; ".join(places)
        if self.words != other.words:
            return f"{subject}: {_cut(self.words)} became {_cut(other.words)}"
        return f"{subject}: the value differs"


class Describer:
    """Describes the events of one log."""

    def __init__(self, log: Log) -> None:
        from evlog.decoders import Context

        self._context: Context = Context.of(log)

    def describe(self, event: Event) -> Description:
        """The description of an event; never raises."""
        from evlog.decoders import Raw, decode, to_json

        content = event.content
        kind = content.event_type_name if isinstance(content, PCClientEvent) else content.kind
        decoded = decode(event, self._context)
        if decoded is None or isinstance(decoded, Raw):
            text = _text(content)
            return Description(kind, _own_name(content), text)
        return Description(kind, _decoded_name(decoded), decoded.summary, to_json(decoded))


def _decoded_name(decoded: Decoded) -> str:
    """The first of the members that name things."""
    for field in _NAMES:
        value = getattr(decoded, field, None)
        if isinstance(value, str) and value:
            return value
    return ""


def _own_name(content: object) -> str:
    """The name that a content of another kind has: a file's, an operation's."""
    name = getattr(content, "name", None)
    if isinstance(name, bytes):
        return name.decode("utf-8", "backslashreplace")
    fields = getattr(content, "fields", None)
    if isinstance(fields, tuple) and fields and all(isinstance(field, str) for field in fields):
        return " ".join(fields[:2])
    event_type = getattr(content, "event_type", None)
    return event_type if isinstance(event_type, str) else ""


def _text(content: object) -> str:
    """The content's text if it is text, else its size."""
    for field in ("text", "string"):
        value = getattr(content, field, None)
        if isinstance(value, str):
            return value
    data = getattr(content, "data", b"")
    if not isinstance(data, bytes):
        return ""
    for encoding in ("utf-16-le", "ascii"):
        if encoding == "ascii" or (len(data) % 2 == 0 and data[1:2] == b"\0"):
            try:
                text = data.decode(encoding).rstrip("\0")
            except UnicodeDecodeError:
                continue
            if text.isprintable():
                return repr(text)
    return f"{len(data)} bytes"


def _differences(a: Any, b: Any, place: str) -> Iterator[str]:
    """The leaves of two JSON values that differ, with their places."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differences(a.get(key), b.get(key), f"{place}.{key}" if place else key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif a != b:
        yield f"{place} {_cut(_leaf(a))} became {_cut(_leaf(b))}"


def _leaf(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(member, (str, int)) for member in value):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, (list, dict)):
        return f"{len(value)} member{'s' * (len(value) != 1)}"
    return "absent" if value is None else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
