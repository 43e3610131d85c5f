"""What an event carries: one file for each kind of content.

Rules of the room:

1. A kind is one file: a `Content` with its fields, what its digests may cover, in order, and what it extends.
2. Facts about a record (its type's name, what the type means, where a field is) are written here, and asked elsewhere.
3. Nothing here knows a format, reads a file or computes a register; another kind is named only to become it.

A kind states, in its own file: whether it is measured, how it stands in the command's JSON, and how other kinds of
log carry it. `from_json` finds the kind by its name; kinds are imported when they are met.
"""

from __future__ import annotations

from evlog._record import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Content

__all__ = ["KINDS", "content_class", "from_json", "to_json"]

#: Content kinds by name: the module in this package and its class.
KINDS = {
    "pcclient": ("pcclient", "PCClientEvent"),
    "ima": ("ima", "ImaEvent"),
    "ima_tlv": ("ima_tlv", "ImaTlv"),
    "systemd": ("systemd", "SystemdRecord"),
    "text": ("text", "TextLine"),
    "cel": ("cel", "CelEvent"),
    "cos": ("cos", "CosEvent"),
    "cos_host": ("cos_host", "CosHostEvent"),
    "dstack": ("dstack", "DstackEvent"),
    "digest_only": ("digest_only", "DigestOnly"),
    "opaque": ("opaque", "Opaque"),
}


def content_class(kind: str) -> type[Content]:
    """The class of a content kind. Raises KeyError for an unknown one."""
    module, name = KINDS[kind]
    found: type[Content] = getattr(import_module(f"evlog.contents.{module}"), name)
    return found


def to_json(content: Content) -> dict[str, Any]:
    """A content as the ``content`` member of the command's JSON."""
    return {"kind": content.kind, **content.to_json()}


def from_json(members: dict[str, Any]) -> Content:
    """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for members that cannot be."""
    return content_class(members["kind"]).from_json(members)
