"""Shapes of the Canonical Event Log's content types, in which each kind of content declares its own.

Spec: TCG Canonical Event Log Format 1.1, section 5 (TLV 5.1, CBOR and JSON 5.2). A declaration names no encoding: the
same fields are nested TLVs, a CBOR map or a JSON object, told apart by number or by name. The nouns speak of
these shapes, so that nothing is imported here; which kind has which type is known to `evlog.formats.cel.types`.
"""

from __future__ import annotations

from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Atom: TypeAlias = "Uint | Octets | Text"
    Shape: TypeAlias = "Octets | Fields | Items"

__all__ = ["CelType", "Fields", "Items", "Octets", "Text", "Uint"]


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
    """A content type: the number of TLV and CBOR, the name of JSON ("" if it has none), and what it holds.

    ``ours`` is whether the number is evlog's own choice, so that no other reader knows what such a record carries.
    """

    number: int
    name: str
    shape: Shape
    ours: bool = False
