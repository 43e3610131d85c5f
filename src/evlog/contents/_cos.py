"""What Google's two kinds of launch records share: one inner TLV, and a digest over the content TLV that it stands in.

Source: GoogleCloudPlatform/confidential-space, server/coscel and server/host/coscel (cos_tlv.go). The content types are
Google's own choice, and there is no JSON name for them.
"""

from __future__ import annotations

from evlog.contents._tlv import split, tlv
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, ClassVar

    from typing_extensions import Self

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event

__all__ = ["CosRecord"]


class CosRecord(Content):
    """One launch event: its type and its bytes. The digest covers the whole content TLV, so both were measured."""

    type: int
    data: bytes

    #: The content type, the launcher's names of the types, and those types whose bytes are no text.
    content_type: ClassVar[int]
    names: ClassVar[Mapping[int, str]]
    octets: ClassVar[frozenset[int]]

    @property
    def type_name(self) -> str:
        """The launcher's name of the type, or its number."""
        return self.names.get(self.type, str(self.type))

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes]]:
        yield "content_tlv", tlv(self.content_type, self.to_cel())

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Octets

        return (CelType(cls.content_type, "", Octets()),)

    def to_cel(self) -> bytes:
        return tlv(self.type, self.data)

    @classmethod
    def from_cel(cls, number: int, value: Any) -> Self:
        items = split(value)
        if len(items) != 1:
            raise ValueError(f"a COS event is one TLV, not {len(items)}")
        return cls(*items[0])

    @property
    def summary(self) -> str:
        """The type, and the text, or hex if it is none."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = self.data.hex()
        return f"{self.type_name} {self.data.hex() if self.type in self.octets else text}".rstrip()

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "type_name": self.type_name, "data": self.data.hex()}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Self:
        return cls(int(members["type"]), bytes.fromhex(members["data"]))
