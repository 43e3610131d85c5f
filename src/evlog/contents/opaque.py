"""A content that evlog carries without knowing it."""

from __future__ import annotations

from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Opaque"]


class Opaque(Content):
    """The content type as the container numbered or named it, and its bytes. Taken to be measured.

    ``syntax`` is "" for bytes that the container held as such, or ``json`` or ``cbor`` where it held something else,
    whose encoding ``data`` then is. Nothing at all is an empty ``json``.
    """

    type: int | str
    data: bytes
    syntax: str = ""

    kind = "opaque"

    @property
    def summary(self) -> str:
        text = self.data.rstrip(b"\0").decode("latin-1")
        readable = text.isascii() and text.isprintable()
        return f"{self.type}: {text if readable else f'{len(self.data)} bytes: {self.data[:16].hex()}'}"

    def to_json(self) -> dict[str, Any]:
        members = {"type": self.type, "data": self.data.hex()}
        return {**members, "syntax": self.syntax} if self.syntax else members

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Opaque:
        type_, syntax = members["type"], members.get("syntax", "")
        if not isinstance(type_, (int, str)) or syntax not in ("", "json", "cbor"):
            raise TypeError("type must be a number or a name, syntax json or cbor")
        return cls(type_, bytes.fromhex(members["data"]), syntax)
