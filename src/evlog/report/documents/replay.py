"""The values of registers, as ``evlog.replay/1``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.replaying.replay import RegisterValue, Replay

__all__ = ["document"]


def document(result: Replay, platform: str | None = None, before: Replay | None = None) -> dict[str, Any]:
    """The result as ``evlog.replay/1``; ``platform`` gives registers its labels.

    Given what it was ``before`` an edit, each row has the value ``was`` that it had then.
    """
    rows: list[dict[str, Any]] = []
    register = None
    for row in result.rows:
        if row.register is not register:  # the rows of a register are together
            register = row.register
            name, label = str(register), register.label(platform)
        rows.append(
            {
                "register": name,
                "label": label,
                "alg": row.alg.name,
                "value": row.value.hex() if row.value is not None else None,
                "start": row.start.hex(),
                "start_reason": row.start_reason,
                "events": row.events,
                "status": row.status,
            }
        )
        if before is not None:
            rows[-1]["was"] = _was(before, row)
    findings = [finding.to_json() for finding in result.findings]
    return {"schema": "evlog.replay/1", "registers": rows, "findings": findings}


def _was(before: Replay, row: RegisterValue) -> str | None:
    value = before.get(row.register, row.alg)
    return value.hex() if value is not None else None
