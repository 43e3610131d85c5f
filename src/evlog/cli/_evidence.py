"""Evidence as JSON: the members that `evlog verify` and `evlog show` share, and what a file is besides."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence import Evidence

__all__ = ["members", "registers"]


def members(evidence: Evidence) -> dict[str, Any]:
    """What a source says, and what of it is authentic; without the registers."""
    return {
        "source": evidence.source,
        "anchored": evidence.anchored,
        "anchor": evidence.anchor,
        "fresh": evidence.fresh,
        "identity": dict(evidence.identity),
        "authenticated": list(evidence.authenticated),
        "read_only": list(evidence.read_only),
        "claims": {name: value.hex() for name, value in evidence.claims},
    }


def registers(evidence: Evidence, platform: str | None) -> list[dict[str, Any]]:
    """The values that are stated, a row for each register and bank."""
    return [
        {
            "register": str(register),
            "label": register.label(platform),
            "alg": str(alg),
            "value": value.hex(),
            "static": register in evidence.static,
        }
        for (register, alg), value in evidence.registers.values.items()
    ]
