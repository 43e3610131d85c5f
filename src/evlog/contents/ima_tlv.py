"""A file that IMA, or a tool in its place, measured straight into a Canonical Event Log: type 8.

Spec: TCG Canonical Event Log Format 1.1, section 4.3.4. The kernel does not write it; the Trusted Business Card does.
"""

from __future__ import annotations

from evlog.contents._tlv import split, tlv
from evlog.contents.ima import is_violation
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["IMA_TLV_ITEMS", "ImaTlv"]

CONTENT_TYPE = 8

IMA_TLV_ITEMS = {
    0: "path",
    1: "datahash",
    2: "datasig",
    3: "owner",
    4: "group",
    5: "mode",
    6: "timestamp",
    7: "label",
}


class ImaTlv(Content):
    """The items in recorded order, each a type and its bytes. ``datahash`` is bare: its length says which hash it is.

    The digest covers the whole content TLV. Violations are those of an IMA list.
    """

    items: tuple[tuple[int, bytes], ...]

    kind = "ima_tlv"

    def item(self, name: str) -> bytes | None:
        """The first item of this name, or None."""
        return next((value for number, value in self.items if IMA_TLV_ITEMS.get(number) == name), None)

    def extension(self, alg: HashAlg, recorded: bytes | None) -> bytes | None:
        """A violation extends ones, so that no value can be foreseen for what was not measured."""
        return b"\xff" * alg.size if recorded is not None and is_violation(recorded) else recorded

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes]]:
        recorded = event.digest(alg)
        if recorded is None or not is_violation(recorded):
            yield "content_tlv", tlv(CONTENT_TYPE, self.to_cel())

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Octets

        return (CelType(CONTENT_TYPE, "ima_tlv", Octets()),)

    def to_cel(self) -> bytes:
        return b"".join(tlv(number, value) for number, value in self.items)

    @classmethod
    def from_cel(cls, number: int, value: Any) -> ImaTlv:
        return cls(tuple(split(value)))

    @property
    def summary(self) -> str:
        """The path, or else the items' names."""
        path = self.item("path")
        if path is not None:
            return path.decode("utf-8", "backslashreplace")
        return ", ".join(IMA_TLV_ITEMS.get(number, str(number)) for number, _ in self.items)

    def to_json(self) -> dict[str, Any]:
        return {
            "items": [
                {"type": number, "name": IMA_TLV_ITEMS.get(number), "data": value.hex()} for number, value in self.items
            ]
        }

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> ImaTlv:
        return cls(tuple((int(item["type"]), bytes.fromhex(item["data"])) for item in members["items"]))
