"""The difference between CEL-CBOR and CEL-JSON, whose records are the same maps.

Spec: TCG Canonical Event Log Format 1.1, section 5.2: one CDDL for both, whose labels are numbers in CBOR and names in
JSON.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError
from evlog.registers import PLATFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from evlog.algorithms import HashAlg

    Key: TypeAlias = int | str

__all__ = ["MEMBER_RTMR", "Dialect", "refused", "what"]

#: The platform whose registers the member ``rtmr`` counts: systemd's, who knows no other.
MEMBER_RTMR = PLATFORMS["tdx"]


class Dialect(Record):
    """How an encoding spells what is in a record.

    The keys are those of a record's members; ``indices`` maps the keys of a register to its space. ``octets`` and
    ``algorithm`` read bytes and an algorithm or raise ValueError, ``spell_octets`` and ``spell_algorithm`` write them.
    ``plain_octets`` is a faster ``octets`` for values of type ``kind``, which does not look whether they are bytes.
    ``opaque`` gives the bytes, and their syntax, of a content that nobody knows; ``spell_opaque`` is its inverse.
    ``by_name`` is True if fields go by their names and numbers that have names by those.
    """

    recnum: Key
    pcr: Key
    indices: Mapping[Key, str]
    digests: Key
    hash_alg: Key
    digest: Key
    content_type: Key
    content: Key
    by_name: bool
    kind: type
    plain_octets: Callable[[Any], bytes]
    octets: Callable[[Any], bytes]
    spell_octets: Callable[[bytes], Any]
    algorithm: Callable[[str | int], int]
    spell_algorithm: Callable[[HashAlg], Any]
    opaque: Callable[[Any], tuple[bytes, str]]
    spell_opaque: Callable[[bytes, str], Any]


def refused(message: str, where: str = "") -> ParseError:
    """A ParseError about a record, at its offset."""
    return ParseError(message, offset=0, where=where)


def what(value: Any) -> str:
    """The kind of a value, for messages."""
    names = {dict: "a map", list: "a list", str: "text", bytes: "bytes", type(None): "nothing", float: "a fraction"}
    return names.get(type(value), type(value).__name__)
