"""A run of events that one program logs: compared with the log, and made anew.

Where the number of events hangs on what is in the files, the run before the update has to be made from the old files,
event by event as the log has it; only then what is made from the new files takes its place.
"""

from __future__ import annotations

from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.predicting.draft import Draft, Step
    from evlog.predicting.measured import Measured

__all__ = ["Item", "first_difference", "relay"]


class Item(Record):
    """An event of a run. ``key`` tells which events of the old and the new run are the same one.

    ``measured`` is None for something of which only the log can tell the digest. ``data`` is None if any will do.
    """

    key: object
    pcr: int
    event_type: int
    data: bytes | None
    measured: Measured | None
    place: str
    rule: str


def first_difference(draft: Draft, steps: Sequence[Step], items: Sequence[Item]) -> str:
    """What is not as in the log, in words; empty if all is. What explains a step is noted at it."""
    for at, item in enumerate(items):
        if at >= len(steps):
            return f"{len(items)} events expected, the log has {len(steps)}"
        step = steps[at]
        number = step.event.number if step.event else "?"
        if not step.is_of(item.pcr, item.event_type) or item.data not in (None, step.data):
            return f"event {number} is not what was expected: {item.rule}"
        if item.measured is not None and not draft.explained(step, item.measured, item.place, item.rule):
            return f"event {number} is not explained: {item.rule}"
    if len(items) != len(steps):
        return f"{len(items)} events expected, the log has {len(steps)}"
    return ""


def relay(draft: Draft, steps: Sequence[Step], old: Sequence[Item], new: Sequence[Item], behind: Step) -> str:
    """Put the new run in the place of the old one; what is wrong with it, or nothing.

    ``behind`` is the step after which the run begins, if it has none yet.
    """
    there = {item.key: step for item, step in zip(old, steps, strict=True)}
    wanted = {item.key for item in new}
    at = draft.index(steps[0]) if steps else draft.index(behind) + 1
    for item, step in zip(old, steps, strict=True):
        if item.key not in wanted:
            draft.remove(step, item.place, item.rule)
    for item in new:
        known = there.get(item.key)
        if known is not None:
            found = draft.index(known)
            if found < at:
                draft.steps.insert(at - 1, draft.steps.pop(found))
                at -= 1
            at = draft.index(known) + 1
            if item.measured is not None:
                draft.change(known, item.measured, item.place, item.rule, item.data)
            continue
        if item.measured is None:
            return f"nothing tells the digest of: {item.rule}"
        register = behind.register.replace(index=item.pcr)
        before = draft.steps[at] if at < len(draft.steps) else None
        draft.add(before, register, item.event_type, item.data or b"", item.measured, item.place, item.rule)
        at += 1
    return ""
