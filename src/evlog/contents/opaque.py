"""A content that evlog carries without knowing it."""

from __future__ import annotations

from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Opaque"]


class Opaque(Content):
    """The content type as the container numbered or named it, and its bytes. Taken to be measured."""

    type: int | str
    data: bytes

    kind = "opaque"

    @property
    def summary(self) -> str:
        text = self.data.rstrip(b"\0").decode("latin-1")
        readable = text.isascii() and text.isprintable()
        return f"{self.type}: {text if readable else f'{len(self.data)} bytes: {self.data[:16].hex()}'}"

    def to_json(self) -> dict[str, Any]:
        return {"type": self.type, "data": self.data.hex()}

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Opaque:
        type_ = members["type"]
        if not isinstance(type_, (int, str)):
            raise TypeError("type must be a number or a name")
        return cls(type_, bytes.fromhex(members["data"]))
