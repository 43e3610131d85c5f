"""Edit a log in thought: what if this event were another, were not there, or one more were there.

Replay the result to see which registers would change. An edited log is no record of anything: it says so in a finding.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.checking.digest_check import check_event
from evlog.contents.pcclient import EV_ACTION, PCClientEvent
from evlog.errors import UsageError
from evlog.model import Content, Digest, Event, Finding, Log
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Edit", "drop", "edit", "insert", "replace"]


class Edit(Record):
    """One edit: ``replace`` or ``drop`` event ``number``, or ``insert`` an event before it.

    The new event is measured over ``data``, or has the ``digests``; an inserted one extends ``register``.
    Numbers are those of the log before any edit.
    """

    action: str
    number: int
    data: bytes | None = None
    digests: tuple[Digest, ...] = ()
    register: Register | None = None


def replace(number: int, measured: bytes | Sequence[Digest]) -> Edit:
    """Event ``number`` measured something else: these bytes, or what has these digests."""
    return _edit("replace", number, measured)


def drop(number: int) -> Edit:
    """Event ``number`` did not happen."""
    return Edit("drop", number)


def insert(number: int, register: Register, measured: bytes | Sequence[Digest]) -> Edit:
    """Before event ``number``, which may be one past the last, something more was extended into the register."""
    return _edit("insert", number, measured).replace(register=register)


def _edit(action: str, number: int, measured: bytes | Sequence[Digest]) -> Edit:
    if isinstance(measured, (bytes, bytearray, memoryview)):
        return Edit(action, number, bytes(measured))
    return Edit(action, number, None, tuple(measured))


def edit(log: Log, edits: Sequence[Edit]) -> Log:
    """The log with the edits, its events numbered anew. Raises UsageError for an event that it does not have."""
    replaced: dict[int, Edit] = {}
    inserted: dict[int, list[Edit]] = {}
    for each in edits:
        last = len(log.events) - (each.action != "insert")
        if not 0 <= each.number <= last:
            raise UsageError(f"no event {each.number} to {each.action}: the log has {_count(len(log.events), 'event')}")
        if each.action == "insert":
            inserted.setdefault(each.number, []).append(each)
        elif each.number in replaced:
            raise UsageError(f"event {each.number} is edited twice")
        else:
            replaced[each.number] = each
    events: list[Event] = []
    for number in range(len(log.events) + 1):
        for each in inserted.get(number, ()):
            events.append(_inserted(log, each, len(events)))
        if number == len(log.events):
            break
        change = replaced.get(number)
        if change is None or change.action == "replace":
            event = log.events[number]
            event = _replaced(event, change) if change else event
            events.append(event.replace(number=len(events)))
    note = Finding("edited", "note", f"{_count(len(edits), 'edit')}: this is not what a machine recorded")
    return log.replace(events=tuple(events), findings=(*log.findings, note))


def _replaced(event: Event, change: Edit) -> Event:
    if not event.measured:
        raise UsageError(f"event {event.number} extends no register: replacing it would change nothing")
    if change.data is None:
        return event.replace(digests=change.digests, origin=None, wire=None)
    data = change.data
    # A bank that cannot be computed loses its digest, and becomes incomplete.
    banks = [d.alg for d in event.digests if hashing.backend().computable(d.alg)]
    digests = tuple(Digest(alg, hashing.digest(alg, data)) for alg in banks)
    return event.replace(digests=digests, content=_content(event, data), origin=None, wire=None)


def _content(event: Event, data: bytes) -> Content:
    """The new data is the event's own only if the old digest was the hash of all of the old data."""
    content = event.content
    if not isinstance(content, PCClientEvent):
        return content
    for digest, check in zip(event.digests, check_event(event), strict=False):
        if check.verdict == "matches" and hashing.digest(digest.alg, content.data) == digest.value:
            return content.replace(data=data)
    return content


def _inserted(log: Log, change: Edit, number: int) -> Event:
    assert change.register is not None
    digests = change.digests
    if change.data is not None:
        banks = [alg for alg in log.algorithms if hashing.backend().computable(alg)]
        digests = tuple(Digest(alg, hashing.digest(alg, change.data)) for alg in banks)
    return Event(number, change.register, digests, PCClientEvent(EV_ACTION, change.data or b""))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
