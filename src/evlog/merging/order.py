"""In which order the logs of one machine were written: by evidence where there is some, else as they were given.

Evidence is a value that a log states of its registers before its own first event, and that the logs before it lead to
(a textual log's INIT or SYNC, an IMA list's boot_aggregate); and who writes what: an operating system's records follow
the firmware's.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EV_NO_ACTION, EV_S_CRTM_CONTENTS, EV_S_CRTM_VERSION, EV_SEPARATOR, type_of
from evlog.merging.assign import stated_values
from evlog.registers import Registers
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["GIVEN", "STAGE", "Placed", "arranged", "in_order"]

#: Why a log stands where it stands, for people.
VALUE = "the logs before it lead to the value that it states"
AGGREGATE = "its boot_aggregate is that of the registers before it"
STAGE = "an operating system's records follow the firmware's"
FIRST = "it is the first"
GIVEN = "the order in which the logs were given; nothing in them says so"

# Kinds of content that an operating system writes, and event types that firmware writes.
_SYSTEM = {"ima", "ima_tlv", "systemd"}
_FIRMWARE_TYPES = {EV_NO_ACTION, EV_SEPARATOR, EV_S_CRTM_CONTENTS, EV_S_CRTM_VERSION}


class Placed(Record):
    """A log in its place, and why it stands there; and the registers before it, where the order took them."""

    log: Log
    reason: str
    before: Registers | None = None

    _uncompared = ("before",)


def in_order(logs: Sequence[Log]) -> list[Placed]:
    """The logs in the order in which they were written, as far as they tell."""
    waiting = list(logs)
    placed: list[Placed] = []
    claims = {id(log): stated_values(log) for log in logs}
    telling = any(claims.values()) or any(_is_system(log) for log in logs)
    while waiting:
        running = None
        if placed and telling:
            running = replay([each.log for each in placed], beside=waiting).registers()
        log, reason = _next(waiting, running or Registers({}, "replay"), claims, first=not placed)
        waiting = [other for other in waiting if other is not log]
        placed.append(Placed(log, reason, running))
    return placed


def arranged(logs: Sequence[Log], beside: Sequence[Log]) -> tuple[tuple[Log, ...], tuple[Log, ...]]:
    """The logs in order, and before them what stands beside each."""
    order = [next(place for place, log in enumerate(logs) if log is each.log) for each in in_order(logs)]
    return tuple(beside[place] for place in order), tuple(logs[place] for place in order)


def _next(
    waiting: Sequence[Log],
    running: Registers,
    claims: dict[int, dict[tuple[Register, HashAlg], bytes]],
    *,
    first: bool,
) -> tuple[Log, str]:
    firmware = any(_is_firmware(log) for log in waiting)
    ready = [log for log in waiting if not (firmware and _is_system(log))]
    undecided = []
    for log in ready:
        stated = claims[id(log)]
        if any(running.get(*key) == value for key, value in stated.items()):
            return log, VALUE
        if _is_system(log) and len(running):
            from evlog.replaying.boot_aggregate import boot_aggregate

            found = boot_aggregate(log, running)
            if found is not None and found.verdict == "match":
                return log, AGGREGATE
        if not any(any(value) for value in stated.values()):
            undecided.append(log)
    # A log that states a value which nothing leads to yet waits for those that state none.
    chosen = (undecided or ready)[0]
    if first:
        return chosen, FIRST
    return chosen, STAGE if _is_system(chosen) and len(running) else GIVEN


def _is_firmware(log: Log) -> bool:
    return any(type_of(event.content) in _FIRMWARE_TYPES for event in _some(log.events))


def _is_system(log: Log) -> bool:
    return bool(len(log.events)) and all(event.content.kind in _SYSTEM for event in _some(log.events))


def _some(events: Sequence[Event]) -> Iterable[Event]:
    """Enough events to tell who wrote a log."""
    return (events[number] for number in range(min(len(events), 64)))
