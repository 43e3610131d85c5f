"""What is known of an event as lines with a depth: the leaves and forks of its JSON."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["outline"]

_NODE = {"type", "subtype", "text", "data"}
#: How the names of members begin or end that are addresses, which people read in hexadecimal.
_ADDRESSES = ("address", "base", "location_in_memory", "offset")


def outline(members: dict[str, Any], depth: int = 0, *, brief: bool = False) -> Iterator[tuple[int, str, str]]:
    """The leaves and forks of a JSON object as (depth, key, text), but for empty ones. A fork's text is its kind.

    ``brief`` leaves out what a node of a device path is made of: its text says the same.
    """
    for key, value in members.items():
        if key == "kind" or value in (None, "", []):
            continue
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            yield depth, key, ""
            yield from outline({str(at): item for at, item in enumerate(value)}, depth + 1, brief=brief)
        elif isinstance(value, dict) and brief and value.keys() == _NODE:
            yield depth, key, _leaf(value["text"])
        elif isinstance(value, dict):
            kind = value.get("kind", "")
            # A device path in a field of that name need not be called so twice.
            yield depth, key, "" if kind == key else kind.replace("_", " ")
            yield from outline(value, depth + 1, brief=brief)
        elif isinstance(value, int) and not isinstance(value, bool) and key.endswith(_ADDRESSES):
            yield depth, key, f"{value:#x}"
        else:
            yield depth, key, _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_leaf, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
