"""A prediction as it is printed: a document, or text."""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.model import Log
    from evlog.predicting.predict import Prediction

__all__ = ["document", "print_table"]


def document(
    found: Prediction, log: Log, variants: Sequence[tuple[tuple[str, ...], Prediction]] = ()
) -> dict[str, Any]:
    """The prediction as ``evlog.predict/1``; variants are by the places of the files that are there too."""
    made: dict[str, Any] = {"schema": "evlog.predict/1", **_parts(found, log)}
    if variants:
        made["variants"] = [{"places": list(places), **_parts(each, log)} for places, each in variants]
    return made


def _parts(found: Prediction, log: Log) -> dict[str, Any]:
    rows = [
        {
            "register": str(row.register),
            "label": row.register.label(log.platform),
            "alg": row.alg.name,
            "before": row.before.hex() if row.before is not None else None,
            "after": row.after.hex() if row.after is not None else None,
            "changed": row.changed,
        }
        for row in found.registers
    ]
    events = [
        {"event": e.event, "register": str(e.register), "place": e.place, "rule": e.rule, "kind": e.kind}
        for e in found.events
    ]
    unknown = [
        {"register": str(e.register) if e.register is not None else None, "place": e.place, "reason": e.reason}
        for e in found.unknown
    ]
    return {"registers": rows, "events": events, "unknown": unknown, "unproven": list(found.unproven)}


def print_table(found: Prediction, log: Log) -> None:
    """The events that differ, a block for each bank with the registers that change, and what is not known."""
    for event in found.events:
        number = f"event {event.event}" if event.event is not None else "new event"
        _common.put(f"{number}, {event.register}: {event.kind} by {event.place}: {event.rule}")
    banks: dict[str, list[str]] = {}
    for row in found.registers:
        if row.changed:
            label = row.register.label(log.platform)
            value = row.after.hex() if row.after is not None else "unknown"
            lines = banks.setdefault(str(row.alg), [])
            lines.append(f"{row.register!s:6} {label:7} {value}")
            lines.append(f"{'':6} {'was':7} {row.before.hex() if row.before is not None else 'not known'}")
    for alg, lines in banks.items():
        _common.put(f"{alg}:", *lines)
    if not banks:
        _common.put("no register changes")
    for each in found.unknown:
        where = f"{each.register}: " if each.register is not None else ""
        _common.put(f"unknown: {where}{each.place + ': ' if each.place else ''}{each.reason}")
