"""Events as the objects of ``evlog.log/1``: with what their data says, and what their digests cover."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.model import Event, Log

__all__ = ["checks_json", "rows_of"]

#: Events that are made JSON objects of at a time: at first, for who reads along, and then.
_FEW, _SOME = 16, 1024


def rows_of(log: Log, checks: Checks | LateChecks, chosen: Sequence[int], bodies: Bodies) -> Iterator[list[str]]:
    """The chosen events as JSON objects, some at a time."""
    from evlog._lazily import dumps
    from evlog.decoders import Context, decode
    from evlog.decoders import to_json as decoded_json
    from evlog.formats import room

    context = Context.of(log)
    as_document = room("evlog-json").document
    # Of events that are the same the objects are, but for the members that say where they stand.
    # What an event is may hang on the one before it; what is odd in its data is told of each.
    twins = log.twins
    rest: dict[tuple[int, int], str] = {}
    offsets = log.columns.starts if log.columns is not None else ()
    start, some = 0, _FEW
    while start < len(chosen):
        numbers = chosen[start : start + some]
        start, some = start + some, min(2 * some, _SOME)
        keys = [(twins[number], twins[number - 1] if number else -1) for number in numbers]
        new = [number for number, key in zip(numbers, keys, strict=True) if key not in rest]
        events = tuple(log.events[number] for number in new)
        made: dict[int, str] = {}
        objects = as_document(log.replace(events=events, findings=()))["events"]
        for number, event, members in zip(new, events, objects, strict=True):
            decoded = decode(event, context)
            odd = bodies.look(event, decoded)
            members.update(decoded=decoded_json(decoded) or _by_nature(event), checks=checks_json(checks[number]))
            mark = event.content.mark(event)
            if mark:
                members["mark"] = mark
            made[number] = dumps(members)
            key = twins[number], twins[number - 1] if number else -1
            if not odd and twins[number] != number and key not in rest:
                place = f'{{"number": {event.number}, "offset": {members["offset"]}, '
                rest[key] = made[number].removeprefix(place)
        yield [
            made.get(number) or f'{{"number": {number}, "offset": {offsets[number]}, {rest[key]}'
            for number, key in zip(numbers, keys, strict=True)
        ]


def _by_nature(event: Event) -> dict[str, Any] | None:
    """What a content says that is no PC Client event, under its own kind."""
    from evlog.decoders import to_json

    members = to_json(event.content.decoded)
    return None if members is None else {"kind": event.content.kind, **members}


def checks_json(checks: tuple[DigestCheck, ...]) -> list[dict[str, Any]]:
    """The digest checks of an event."""
    return [{"alg": str(check.alg), "verdict": check.verdict, "rule": check.rule} for check in checks]
