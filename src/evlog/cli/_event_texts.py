"""Events as the objects of ``evlog.log/1``, one by one: a text for each kind of them, with holes."""

from __future__ import annotations

from evlog._record import dumps
from evlog.checking.late import checks_of
from evlog.cli._shared import Shared
from evlog.contents.ima import ImaEvent
from evlog.contents.pcclient import PCClientEvent
from evlog.decoders import Context, decode, to_json
from evlog.decoders.json_text import json_text
from evlog.formats import room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.decoders import Decoded
    from evlog.model import Content, Event, Log

__all__ = ["EventTexts"]

#: Stands where events of a kind differ: no member is this text, as those that come from a log can be printed.
_HOLE = "\0"
_HELD = 1 << 10  # texts that are kept


class EventTexts:
    """The JSON of a log's events.

    Of events that are the same the objects are, but for the members that say where they stand. What an event is may
    hang on the one before it; what is odd in its data is told of each.
    """

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies) -> None:
        self.log, self.checks, self.bodies = log, checks, bodies
        self.context = Context.of(log)
        self._twins = log.twins
        self._offsets = log.columns.starts if log.columns is not None else ()
        self._rest: dict[tuple[int, int], str] = {}
        self._document = room("evlog-json").document
        # Of which each document would have its own text.
        self._around = log.replace(findings=(), padding=None, trailing=b"", start=None)
        self._texts: dict[tuple[object, ...], str] = {}
        self.text_of = Shared(_text_of_checks)

    def of(self, numbers: Sequence[int]) -> list[str]:
        """The JSON of the events of these numbers."""
        if isinstance(self._twins, range):
            return [text for text, _ in self._made(numbers)]
        rest = self._rest
        keys = list(map(self._key, numbers))
        new = [number for number, key in zip(numbers, keys, strict=True) if key not in rest]
        made: dict[int, str] = {}
        for number, (text, odd) in zip(new, self._made(new), strict=True):
            made[number] = text
            key = self._key(number)
            if not odd and self._twins[number] != number and key not in rest:
                # The number and the offset come first.
                rest[key] = text.partition(", ")[2].partition(", ")[2]
        return [
            made.get(number) or f'{{"number": {number}, "offset": {self._offsets[number]}, {rest[key]}'
            for number, key in zip(numbers, keys, strict=True)
        ]

    def _made(self, numbers: Sequence[int]) -> Iterator[tuple[str, bool]]:
        """Of each event its JSON, and whether its data is odd."""
        events = [self.log.events[number] for number in numbers]
        checked = checks_of(self.checks, numbers, events)
        for event, members, checks in zip(events, self._members(events), checked, strict=True):
            decoded = decode(event, self.context)
            odd = self.bodies.look(event, decoded)
            mark = event.content.mark(event)
            more = f', "mark": {dumps(mark)}' if mark else ""
            yield f'{members}, "decoded": {_decoded(event, decoded)}, "checks": {self.text_of(checks)}{more}}}', odd

    def template(self, event: Event) -> str:
        """The members that every document about such an event has, without the bracket at the end.

        There are holes for number, offset and length, the record number if there is one, the digests and the data.
        Nothing if that is not all in which such events differ.
        """
        [members] = self._objects((event,))
        names = ("number", "offset", "length") if event.recnum is None else ("number", "offset", "length", "recnum")
        members.update(dict.fromkeys(names, _HOLE))
        for digest in members["digests"]:
            digest["digest"] = _HOLE
        members["content"]["data"] = _HOLE
        pieces = dumps(members)[:-1].replace("%", "%%").split(dumps(_HOLE))
        bytes_of = len(event.digests) + 1
        if len(pieces) != len(names) + bytes_of + 1:
            return ""
        # Bytes are in quotes.
        holes = (*("%s",) * len(names), *('"%s"',) * bytes_of, "")
        return "".join(piece + hole for piece, hole in zip(pieces, holes, strict=True))

    def _objects(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._document(self._around.replace(events=events))["events"]
        return found

    def _members(self, events: Sequence[Event]) -> list[str]:
        """The members that every document about these events has, without the bracket at the end."""
        made = list(map(self._filled, events))
        rest = iter(self._objects([event for event, text in zip(events, made, strict=True) if text is None]))
        return [dumps(next(rest))[:-1] if text is None else text for text in made]

    def _filled(self, event: Event) -> str | None:
        """The template of an event of its kind, with what is its own; None if there is none."""
        content, origin, recnum = event.content, event.origin, event.recnum
        told = _told(content)
        if told is None or origin is None or event.wire is not None:
            return None
        digests = tuple([(digest.alg, len(digest.value)) for digest in event.digests])
        key = event.register, event.measured, recnum is None, digests, origin.log, origin.format, told
        template = self._texts.get(key)
        if template is None:
            if len(self._texts) >= _HELD:
                self._texts.clear()
            template = self._texts[key] = self.template(event)
        if not template:
            return None
        place = (event.number, origin.span.offset, origin.span.length, *(() if recnum is None else (recnum,)))
        data: bytes = content.data  # type: ignore[attr-defined]
        return template % (*place, *[digest.value.hex() for digest in event.digests], data.hex())

    def _key(self, number: int) -> tuple[int, int]:
        return self._twins[number], self._twins[number - 1] if number else -1


def _told(content: Content) -> tuple[object, ...] | None:
    """All that a content says but its data; None of kinds of which no log has many."""
    if isinstance(content, PCClientEvent):
        return "", content.event_type
    return (content.template, content.missing) if isinstance(content, ImaEvent) else None


def _decoded(event: Event, decoded: Decoded | None) -> str:
    if decoded is not None:
        return json_text(decoded)
    # What a content says that is no PC Client event stands under its own kind.
    members = to_json(event.content.decoded)
    return dumps(None if members is None else {"kind": event.content.kind, **members})


def _text_of_checks(checks: tuple[DigestCheck, ...]) -> str:
    return dumps([{"alg": str(check.alg), "verdict": check.verdict, "rule": check.rule} for check in checks])
