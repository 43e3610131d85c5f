"""Events as the objects of ``evlog.log/1``, one by one."""

from __future__ import annotations

import json

from evlog.decoders import Context, decode
from evlog.decoders import to_json as decoded_json
from evlog.formats import room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.model import Event, Log

__all__ = ["EventTexts", "checks_json"]


class EventTexts:
    """The JSON of a log's events.

    Of events that are the same the objects are, but for the members that say where they stand. What an event is may
    hang on the one before it; what is odd in its data is told of each.
    """

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies) -> None:
        self.log, self.checks, self.bodies = log, checks, bodies
        self.context = Context.of(log)
        self._twins = log.twins
        self._offsets = log.columns.offsets if log.columns is not None else ()
        self._rest: dict[tuple[int, int], str] = {}
        self._document = room("evlog-json").document
        # Of which each document would have its own text.
        self._around = log.replace(findings=(), padding=None, trailing=b"", start=None)

    def of(self, numbers: Sequence[int]) -> list[str]:
        """The JSON of the events of these numbers."""
        log, rest = self.log, self._rest
        keys = list(map(self._key, numbers))
        new = [number for number, key in zip(numbers, keys, strict=True) if key not in rest]
        events = [log.events[number] for number in new]
        made: dict[int, str] = {}
        for number, event, members in zip(new, events, self.members(events), strict=True):
            decoded = decode(event, self.context)
            odd = self.bodies.look(event, decoded)
            checked = checks_json(self.checks[number])
            members.update(decoded=decoded_json(decoded) or _by_nature(event), checks=checked)
            mark = event.content.mark(event)
            if mark:
                members["mark"] = mark
            made[number] = json.dumps(members)
            if not odd and self._twins[number] != number and self._key(number) not in rest:
                place = f'{{"number": {event.number}, "offset": {members["offset"]}, '
                rest[self._key(number)] = made[number].removeprefix(place)
        return [
            made.get(number) or f'{{"number": {number}, "offset": {self._offsets[number]}, {rest[key]}'
            for number, key in zip(numbers, keys, strict=True)
        ]

    def members(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        """The members of the objects that every document about these events has."""
        found: list[dict[str, Any]] = self._document(self._around.replace(events=events))["events"]
        return found

    def _key(self, number: int) -> tuple[int, int]:
        return self._twins[number], self._twins[number - 1] if number else -1


def _by_nature(event: Event) -> dict[str, Any] | None:
    """What a content says that is no PC Client event, under its own kind."""
    members = decoded_json(event.content.decoded)
    return None if members is None else {"kind": event.content.kind, **members}


def checks_json(checks: tuple[DigestCheck, ...]) -> list[dict[str, Any]]:
    """The digest checks of an event."""
    return [{"alg": str(check.alg), "verdict": check.verdict, "rule": check.rule} for check in checks]
