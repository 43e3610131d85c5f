"""Names out of paths: ``{dir}``, ``{stem}`` and the like in what the caller gives once for all logs."""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FIELDS", "Place", "checked", "fill", "is_pattern"]

#: What may stand in a pattern, and what it becomes.
FIELDS: dict[str, str] = {
    "dir": "the folder of the log, relative to its source",
    "name": "the log's file name",
    "stem": "the file name without what follows its first dot",
    "1": "the first folder of dir; {2} the second, and so on",
    "machine": "the machine's name, in the other options",
    "boot": "the boot's name, in the other options",
}
_FIELD = re.compile(r"\{([a-z]+|[0-9]{1,2})\}")


class Place(Record):
    """Where a log lies: its folder relative to its source, with ``/`` between, and its file name."""

    folder: str
    name: str

    def fields(self) -> dict[str, str]:
        """What a pattern may use."""
        steps = {str(number): step for number, step in enumerate(self.folder.split("/"), 1)} if self.folder else {}
        return {"dir": self.folder, "name": self.name, "stem": self.name.partition(".")[0] or self.name, **steps}


def is_pattern(text: str | None) -> bool:
    """Whether a field stands in the text."""
    return text is not None and _FIELD.search(text) is not None


def checked(text: str | None, *, also: tuple[str, ...] = ()) -> str | None:
    """The pattern. Raises UsageError for a field that nothing is known of; ``also`` are machine and boot."""
    for field in _FIELD.findall(text or ""):
        if not field.isdigit() and field not in ("dir", "name", "stem", *also):
            known = ", ".join(f"{{{each}}}" for each in FIELDS if each not in ("machine", "boot") or each in also)
            raise UsageError(f"{text}: nothing is called {{{field}}}; there are {known}")
    return text


def fill(text: str, fields: Mapping[str, str | None]) -> str | None:
    """The text with its fields put in; None if one of them is not known of this log."""
    values = {field: fields.get(field) or "" for field in _FIELD.findall(text)}
    if not all(values.values()):
        return None
    return _FIELD.sub(lambda field: values[field[1]], text)
