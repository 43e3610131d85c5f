"""What an event is about, for telling it from another: a name that a changed event keeps, and words for people."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents._printable import printable
from evlog.contents.event_types import name_of, type_of
from evlog.contents.pcclient import PCClientEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from typing import Any

    from evlog.decoders import Context
    from evlog.model import Event, Log

__all__ = ["NAMES", "Describer", "Description"]

# A difference deep inside a certificate list is told by its first places.
_MAX_PLACES = 3
_MAX_TEXT = 160
#: Members of what is decoded that name what an event is about, in the order to look.
NAMES = ("name", "variable_name", "verb", "section", "description")
# A command of GRUB's is named by its first word too.
_COMMAND = "grub_cmd"
_SUBJECTS = {"kernel_cmdline": "kernel command line"}
# Members that need no name: the event is about nothing else.
_OBVIOUS = ("text", "value.value", "device_path.text")
# What a summary is made of, in other words.
_SUMMED = (
    "text",
    "device_path",
    "digest",
    "tables",
    "algorithms",
    "events",
    *(
        f"value.{each}"
        for each in (
            "value",
            "options",
            "date",
            "components",
            "text",
            "description",
            "file_path",
            "device_path",
            "lists",
            "signatures",
            "kind",
        )
    ),
)
_EMPTY = "nothing"


class Description(Record):
    """``type`` and ``name`` stay when the event's value changes; ``words`` say what the event holds.

    They are safe to print, whoever wrote the log; ``members`` are not: those of the event's data as JSON, and without
    where in memory something lay. ``kind`` is what the data was decoded as, else the content's.
    """

    type: str
    name: str
    words: str
    members: Any = None
    kind: str = ""

    def became(self, other: Description, *, covered: bool) -> str:
        """What changed on the way to the other description, in words.

        ``covered`` says that the digest is the hash of the event's data: the words are then about what was measured.
        """
        said = [] if covered else ["what was measured differs"]
        subject, one, two = self.subject, self.value, other.value
        places: dict[str, str] = {}
        if self.members is not None and other.members is not None:
            places = dict(_differences(self.members, other.members, ""))
        moved = self.members is not None and not places
        if self.words != other.words and not moved:
            said.append(_change(one, two))
            places = {place: text for place, text in places.items() if not place.startswith(_SUMMED)}
        else:
            subject = subject or self.words
        said += list(places.values())[:_MAX_PLACES]
        said += [f"and {len(places) - _MAX_PLACES} more"] * (len(places) > _MAX_PLACES)
        subject = _SUBJECTS.get(subject, subject)
        return printable(f"{self.short} {subject}".rstrip() + f": {'; '.join(said) or 'its data differs'}")

    @property
    def subject(self) -> str:
        """What the words begin with, where that names the event; its name, if they do not say it."""
        before, colon, _ = self.words.partition(": ")
        if colon and before in (self.name, self.name.partition(" ")[0]):
            return before
        return "" if self.words.startswith(self.name) else self.name

    @property
    def value(self) -> str:
        """The words without the subject."""
        return self.words.removeprefix(f"{self.subject}: ")

    @property
    def short(self) -> str:
        """The type in few letters."""
        from evlog.decoders.describe import short_name

        return short_name(self.type)

    @property
    def line(self) -> str:
        """Type, name and words, none of them twice."""
        name = "" if self.subject in self.words else f"{self.subject} "
        return f"{self.short} {name}{self.words}".rstrip()


class Describer:
    """Describes the events of one log."""

    def __init__(self, log: Log, context: Context | None = None) -> None:
        from evlog.decoders import Context

        self.context = Context.of(log) if context is None else context

    def unplaced(self, event: Event) -> Hashable:
        """What an event is but for where in memory something lay; None if it says nothing of that."""
        from evlog.decoders import Decoded, decode

        content = event.content
        decoded = decode(event, self.context)
        if decoded is None or type(decoded).unplaced is Decoded.unplaced or not isinstance(content, PCClientEvent):
            return None
        return content.event_type, len(content.data), decoded.unplaced()

    def describe(self, event: Event) -> Description:
        """The description of an event; never raises."""
        from evlog.decoders import Raw, decode, to_json

        content = event.content
        kind = content.kind if type_of(content) is None else name_of(content)
        decoded = decode(event, self.context)
        members = None if decoded is None or isinstance(decoded, Raw) else to_json(decoded.unplaced())
        if decoded is None or members is None:
            told = content.kind if decoded is None else decoded.kind
            return Description(kind, printable(_own_name(content)), printable(_text(content)), kind=told)
        name = printable(_decoded_name(members, decoded.summary))
        return Description(kind, name, decoded.summary, members, decoded.kind)


def _decoded_name(members: dict[str, Any], summary: str) -> str:
    """The first of the members that name things; an image is named by its path, which is what its summary says."""
    for field in NAMES:
        value = members.get(field)
        if isinstance(value, str) and value:
            command = members.get("text")
            if value == _COMMAND and isinstance(command, str):
                return f"{value} {command.partition(' ')[0]}"
            return value
    return summary if "device_path" in members else ""


def _own_name(content: object) -> str:
    """The name that a content of another kind has: a file's, an operation's."""
    name = getattr(content, "name", None)
    if isinstance(name, (bytes, str)):
        return name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")
    fields = getattr(content, "fields", None)
    if isinstance(fields, tuple) and fields and all(isinstance(field, str) for field in fields):
        return " ".join(fields[:2])
    event_type = getattr(content, "event_type", None)
    return event_type if isinstance(event_type, str) else ""


def _text(content: object) -> str:
    """The content's text if it is text, the digest of a file, else its size."""
    file_digest = getattr(getattr(content, "decoded", None), "file_digest", None)
    if file_digest is not None:
        return f"{file_digest.algorithm}:{file_digest.value.hex()}"
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


def _differences(a: Any, b: Any, place: str) -> Iterator[tuple[str, str]]:
    """The leaves of two JSON values that differ: their places, and words for them."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differences(a.get(key), b.get(key), f"{place}.{key}" if place else key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and not (_plain(a) and _plain(b)):
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _differences(one, other, f"{place}[{index}]")
    elif a != b and (a or b) and not place.endswith("notes"):
        named = "" if place in _OBVIOUS else f"{place.removeprefix('value.').replace('_', ' ')} "
        yield place, f"{named}{_change(_leaf(a), _leaf(b))}"


def _plain(value: Any) -> bool:
    """Whether a value is a list that can be shown as a whole."""
    return isinstance(value, list) and all(isinstance(member, (str, int)) for member in value)


def _leaf(value: Any) -> str:
    if _plain(value):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, (list, dict)):
        return f"{len(value)} member{'s' * (len(value) != 1)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "absent" if value is None else str(value) or _EMPTY


def _change(one: str, two: str) -> str:
    """One text became another; of long ones, from the word on where they part."""
    if max(len(one), len(two)) > _MAX_TEXT:
        parted = next((at for at, (x, y) in enumerate(zip(one, two, strict=False)) if x != y), min(len(one), len(two)))
        start = one.rfind(" ", 0, parted) + 1
        if start:
            one, two = f"... {one[start:]}", f"... {two[start:]}"
    return f"{_cut(one) or _EMPTY} became {_cut(two) or _EMPTY}"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
