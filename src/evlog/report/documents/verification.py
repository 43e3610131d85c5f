"""Verdicts on registers, what was demanded, and what stands behind the values, as ``evlog.verify/1``."""

from __future__ import annotations

from evlog.report.documents import evidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.verifying.judgement import Shortfall
    from evlog.verifying.verify import RegisterVerdict, Verification

__all__ = ["document", "exit_code"]


def document(result: Verification, code: int | None = None, *, events: bool = False) -> dict[str, Any]:
    """The result as ``evlog.verify/1``; ``code`` is the exit code that goes with it, if it is not `exit_code`.

    With ``events`` it says of each event how far it is proven.
    """
    members: dict[str, Any] = {
        "schema": "evlog.verify/1",
        "ok": result.ok,
        "complete": result.complete,
        "exit": exit_code(result) if code is None else code,
        "word": result.word,
        "demand": _demanded(result),
        "evidence": evidence.members(result.evidence),
        "registers": [_row(row, result.platform) for row in result.registers],
        "findings": [finding.to_json() for finding in result.findings],
    }
    if events:
        members["events"] = [
            {"log": verified.log.name, "event": event.number, "register": str(event.register), "standing": standing}
            for verified in result.logs
            for event, standing in verified.standings()
        ]
    return members


def exit_code(result: Verification) -> int:
    """1 if the answer is no, or a log could be read in part only; else 0."""
    return int(not result.ok or any(verified.log.failed for verified in result.logs))


def _demanded(result: Verification) -> dict[str, Any]:
    """What had to be proven, and what of it was not."""
    demand = result.demand
    return {
        "registers": [str(register) for register in result.required],
        "required": None if demand.registers is None else str(demand.registers),
        "banks": [str(alg) for alg in demand.banks],
        "kind": demand.kind,
        "expect": dict(demand.expect),
        "authenticated": demand.authenticated,
        "accept": [str(each) for each in demand.accept],
        "shortfalls": [_shortfall(each) for each in result.shortfalls],
        "accepted": [_shortfall(each) for each in result.accepted],
    }


def _shortfall(each: Shortfall) -> dict[str, Any]:
    return {
        "accept": each.option or None,
        "register": str(each.register) if each.register is not None else None,
        "message": each.sentence,
    }


def _row(row: RegisterVerdict, platform: str | None) -> dict[str, Any]:
    return {
        "register": str(row.register),
        "label": row.register.label(platform),
        "alg": str(row.alg),
        "demanded": row.demanded,
        "verdict": row.verdict,
        "replayed": row.replayed.hex() if row.replayed is not None else None,
        "expected": row.expected.hex() if row.expected is not None else None,
        "explanation": row.explanation,
        "cause": row.cause,
        "events": row.events,
        "proven": row.proven,
    }
