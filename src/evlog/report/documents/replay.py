"""The values of registers, as ``evlog.replay/1``."""

from __future__ import annotations

from evlog._record import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.replaying.folded import Course, Folded
    from evlog.replaying.replay import RegisterValue, Replay

__all__ = ["document", "line"]

SCHEMA = "evlog.replay/1"
# The note of a course that has its rows as JSON.
_FORM = "evlog.replay"


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
    return {"schema": SCHEMA, "registers": rows, "findings": findings}


def _was(before: Replay, row: RegisterValue) -> str | None:
    value = before.get(row.register, row.alg)
    return value.hex() if value is not None else None


def line(folded: Folded, platform: str | None, log: str, standing: dict[str, Any]) -> str:
    """The `document` of a log of a fleet as one line of JSON, made of what its like have alike.

    It has the path of the ``log`` behind its schema, and at its end what ``standing`` says.
    """
    course = folded.course
    if folded.complete:
        form = course.notes.get((_FORM, platform))
        if form is None:
            form = course.notes[_FORM, platform] = _form(course, platform)
        values, counts = folded.values, folded.counts
        told: list[str | int] = []
        for _, alg, index, _, _ in course.rows:
            told += values[alg][index].hex(), counts[index]
        registers = form % tuple(told)
    else:
        from evlog.replaying.replay import of_folded

        registers = dumps(document(of_folded(folded), platform)["registers"])
    findings = dumps([finding.to_json() for finding in folded.findings]) if folded.findings else "[]"
    head, tail = dumps({"schema": SCHEMA, "log": log}), dumps(standing)
    return f'{head[:-1]}, "registers": {registers}, "findings": {findings}, {tail[1:]}\n'


def _form(course: Course, platform: str | None) -> str:
    """The JSON of the rows, with ``%s`` where the value and the number of events stand in each."""
    rows = []
    for register, alg, _, start, reason in course.rows:
        before = dumps({"register": str(register), "label": register.label(platform), "alg": alg.name})
        between = dumps({"start": start.hex(), "start_reason": reason})
        before, between = before[:-1].replace("%", "%%"), between[1:-1].replace("%", "%%")
        rows.append(f'{before}, "value": "%s", {between}, "events": %s, "status": "complete"}}')
    return f"[{', '.join(rows)}]"
