"""Events of which somebody told the digests, and perhaps a type and what they were about, but not the data.

What other tools print of a log has lost the data, and so have logs that were stripped of it. An event without its data
is not one of no data: nothing can be held against its digests, and no record that has a place for data can hold it.
"""

from __future__ import annotations

from evlog.contents._tlv import split, tlv
from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS, event_type_name
from evlog.contents.launch import extends
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["DigestOnly"]

#: evlog's own choice: no specification has such records. Readers that do not know it keep the digests.
CONTENT_TYPE = 224
_TYPE, _TEXT = 0, 1


class DigestOnly(Content):
    """The type of a PC Client event, None if nobody told one, and what was told of it, "" if nothing was.

    Neither is covered by the digests, which are ``not_checkable``: whoever wrote the text could write anything.
    """

    event_type: int | None = None
    text: str = ""

    kind = "digest_only"
    only_named = ("nv",)

    @property
    def measured(self) -> bool:
        return self.event_type != EV_NO_ACTION

    def extends(self, event: Event) -> bool:
        return extends(self.event_type, event)

    @property
    def event_type_name(self) -> str:
        """The specification's name of the type, its number in hex, or the kind if there is none."""
        return self.kind if self.event_type is None else event_type_name(self.event_type)

    @property
    def summary(self) -> str:
        return self.text or "data unknown"

    @property
    def plural(self) -> str:
        return "place for an event whose data is not known"

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Octets

        return (CelType(CONTENT_TYPE, "", Octets(), ours=True),)

    def to_cel(self) -> bytes:
        told = b"" if self.event_type is None else tlv(_TYPE, self.event_type.to_bytes(4, "big"))
        return told + (tlv(_TEXT, self.text.encode("utf-8", "surrogatepass")) if self.text else b"")

    @classmethod
    def from_cel(cls, number: int, value: Any) -> DigestOnly:
        items = split(value)
        found = dict(items)
        if [type for type, _ in items] not in ([], [_TYPE], [_TEXT], [_TYPE, _TEXT]):
            raise ValueError("a type, a text, or both were expected")
        event_type = int.from_bytes(found[_TYPE], "big") if _TYPE in found else None
        if len(found.get(_TYPE, bytes(4))) != 4 or event_type in (EV_NO_ACTION, *LAUNCH_MARKERS):
            raise ValueError("a type of four bytes, and of events that extend a register, was expected")
        return cls(event_type, found.get(_TEXT, b"").decode("utf-8", "surrogatepass"))

    def to_json(self) -> dict[str, Any]:
        name = None if self.event_type is None else self.event_type_name
        return {"event_type": self.event_type, "event_type_name": name, "text": self.text}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> DigestOnly:
        event_type, text = members["event_type"], members["text"]
        if event_type is not None and (type(event_type) is not int or not 0 <= event_type <= 0xFFFFFFFF):
            raise ValueError("event_type must be a number of 32 bits, or null")
        if type(text) is not str:
            raise TypeError("text must be a string")
        return cls(event_type, text)
