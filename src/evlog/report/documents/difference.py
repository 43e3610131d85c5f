"""What differs between two logs, as ``evlog.diff/1``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.comparing.diff import Change, Difference

__all__ = ["document"]


def document(result: Difference) -> dict[str, Any]:
    """The result as ``evlog.diff/1``."""
    return {
        "schema": "evlog.diff/1",
        "equal": result.equal,
        "registers": [
            {
                "register": str(each.register),
                "label": each.register.label(result.platform),
                "first_divergence": each.first_divergence,
                "values": {alg.name: [value and value.hex() for value in values] for alg, *values in each.values},
                "changes": list(map(_change, each.changes)),
            }
            for each in result.registers
        ],
        "notes": list(result.notes),
    }


def _change(change: Change) -> dict[str, Any]:
    members: dict[str, Any] = {
        "kind": change.kind,
        "a": change.a,
        "b": change.b,
        "what": list(change.what),
        "words": change.words,
    }
    if change.kind == "changed":
        members["digests"] = {alg: [was.hex(), now.hex()] for alg, was, now in change.digests}
    return members
