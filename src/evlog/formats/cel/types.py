"""Content types of the Canonical Event Log, and which kind of content declares each (`evlog.model.Content.cel_types`).

Spec: TCG Canonical Event Log Format 1.1, section 5 (numbers of TLV 5.1, names of JSON 5.2); 80 and 82 are Google's,
224 evlog's own.
"""

from __future__ import annotations

from evlog._record import cache
from evlog.contents import content_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.contents._celtype import CelType
    from evlog.model import Content

__all__ = ["CONTENT_TYPES", "TYPE_NAMES", "declared", "written"]

#: Content types that some kind declares, and the kind.
CONTENT_TYPES = {
    4: "cel",
    5: "pcclient",
    7: "ima",
    8: "ima_tlv",
    9: "systemd",
    11: "systemd",
    80: "cos",
    82: "cos_host",
    224: "digest_only",
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
