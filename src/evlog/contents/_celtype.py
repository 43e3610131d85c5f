"""Content types of the Canonical Event Log, as each kind of content declares its own.

Spec: TCG Canonical Event Log Format 1.1, section 5 (TLV 5.1, CBOR and JSON 5.2). A declaration names no encoding: the
same fields are nested TLVs, a CBOR map or a JSON object, told apart by number or by name.
"""

from __future__ import annotations

from functools import cache

from evlog._record import Record
from evlog.contents import content_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from evlog.model import Content

    Atom: TypeAlias = "Uint | Octets | Text"
    Shape: TypeAlias = "Octets | Fields | Items"

__all__ = ["CONTENT_TYPES", "TYPE_NAMES", "CelType", "Fields", "Items", "Octets", "Text", "Uint", "declared", "written"]


class Uint(Record):
    """An unsigned integer of at most ``bits``: an int.

    ``names`` are what CEL-JSON writes for some numbers, in any case when read; ``aliases`` are only read.
    """

    bits: int
    names: Mapping[int, str] = {}
    aliases: Mapping[str, int] = {}


class Octets(Record):
    """Bytes. With ``members`` CEL-JSON may have an object in their place, which the kind itself reads and writes."""

    members: bool = False


class Text(Record):
    """UTF-8 text: a str."""


class Fields(Record):
    """Named fields, numbered from 0: a tuple of their values. ``aliases`` are names that only are read."""

    fields: tuple[tuple[str, Atom], ...]
    aliases: Mapping[str, str] = {}


class Items(Record):
    """One or several items of different types: a tuple of (type, value).

    ``choices`` are the types with their names and shapes, None for an item without a value.
    """

    choices: Mapping[int, tuple[str, Atom | Fields | None]]
    aliases: Mapping[int, int] = {}


class CelType(Record):
    """A content type: the number of TLV and CBOR, the name of JSON ("" if it has none), and what it holds."""

    number: int
    name: str
    shape: Shape


#: Content types that some kind declares, and the kind.
CONTENT_TYPES = {
    4: "cel",
    5: "pcclient",
    7: "ima",
    8: "ima_tlv",
    9: "systemd",
    11: "systemd",
    80: "cos",
}
#: Names of CEL-JSON, and their numbers.
TYPE_NAMES = {"cel": 4, "pcclient_std": 5, "ima_template": 7, "ima_tlv": 8, "systemd": 9}


@cache
def declared(number: int) -> tuple[type[Content], CelType] | None:
    """The class that declares a content type, and its declaration; None for a type that nobody declares."""
    kind = CONTENT_TYPES.get(number)
    if kind is None:
        return None
    found = content_class(kind)
    return found, next(each for each in found.cel_types() if each.number == number)


@cache
def written(kind: type[Content]) -> CelType | None:
    """The content type that holds a kind of content; None for a kind that has none."""
    types = kind.cel_types()
    return types[0] if types else None
