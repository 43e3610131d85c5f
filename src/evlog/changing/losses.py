"""What a conversion lost: the source held against what was read back, event by event and field by field.

A room tells what it leaves behind on purpose. Whatever else differs is found here, so that nothing depends on a room
knowing what readers make of its bytes: it is named too, by event, field and reason. What follows from the order of
records (record numbers that count as the specification has it), where an event was read and how its format spelled it
(``origin``, ``wire``) are no part of what a log says.
"""

from __future__ import annotations

from evlog.changing.loss_runs import LossRun, parts_of
from evlog.changing.naive import AS_EXTENDED, respells, spelled
from evlog.contents.spec_id import is_header
from evlog.merging.common_rows import common_rows, same_lines
from evlog.model import LazyEvents, Loss
from evlog.registers import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.model import Content, Digest, Event, Log
    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["of_container", "untold"]

_NONE: frozenset[str] = frozenset()
# How a digest begins that may be the mark of a violation; one in 2**15 others does too.
_MARKS = frozenset((b"\0\0", b"\xff\xff"))


def untold(log: Log, to: str, adapted: Log, back: Log, told: Sequence[Loss], options: Options) -> list[Loss]:
    """The losses of a conversion that the rooms have not told, in the order of events, those of the whole log last.

    ``log`` is the source, ``adapted`` what was written in the format ``to``: each of its events has the number of the
    one that it was made of, or a negative number if it was made of none. ``back`` is what a reader makes of the bytes.
    """
    account = _Account(log, to, back, told, options)
    return list(account.of_container()) if same_lines(log, back) else account.result(adapted.events)


def of_container(log: Log, to: str, back: Log, options: Options) -> list[Loss]:
    """The losses of a conversion whose result says all that the events of the source do."""
    return list(_Account(log, to, back, (), options).of_container())


class _Account:
    def __init__(self, log: Log, to: str, back: Log, told: Sequence[Loss], options: Options) -> None:
        self.log, self.back, self.options = log, back, options
        self.to = to
        self.told: dict[int | None, set[str]] = {}
        #: Whether the content of an event is told to be lost, by number, where that is told of many.
        self.gone = bytearray()
        for part in parts_of(told):
            if isinstance(part, LossRun):
                self.gone = self.gone or bytearray(len(log.events))
                for number in part.numbers:
                    self.gone[number] = 1
                continue
            for loss in part:
                self.told.setdefault(loss.event, set()).add(loss.field)
        self.platform = options.platform or log.platform or back.platform
        self.found: list[Loss] = []

    def result(self, written: Sequence[Event]) -> list[Loss]:
        sources, count = self.log.events, len(self.log.events)
        kinds: dict[type[Content], bool] = {}
        # What is written as it was read needs no comparison where it is read back from the same bytes.
        as_read = written is sources and self.log.format == self.to == self.back.format
        row = common_rows(self.log, self.back)[0] if as_read else 0
        pairs: Iterable[tuple[Event, Event]]
        if row:
            shorter = min(len(written), len(self.back.events))
            pairs = ((written[each], self.back.events[each]) for each in range(row, shorter))
        else:
            pairs = zip(written, self.back.events, strict=False)
        for made, after in pairs:
            if made.number < 0:
                continue
            following = row
            if isinstance(sources, LazyEvents):
                following = min(made.number, count) if made.number >= row else count
            else:
                while following < count and sources[following].number != made.number:
                    following += 1
            self._gone_between(row, following)
            row = following
            if row == count:
                break
            source = sources[row]
            row += 1
            # Of a format without numbers the room tells those that do not follow from the order of the records.
            if after.recnum != source.recnum and None not in (after.recnum, source.recnum):
                self._name(source, "recnum", f"{self.to} reads it back with another record number")
            digests, content = source.digests, source.content
            respelling = kinds.get(content.__class__)
            if respelling is None:
                respelling = kinds[content.__class__] = respells(content.__class__)
            if (digests, content, source.register) != (after.digests, after.content, after.register):
                self._compare(source, after)
            elif respelling and any(digest.value[:2] in _MARKS for digest in digests):
                self._digests(source, after)
        self._gone_between(row, count)
        if len(self.back.events) > len(written):
            more = len(self.back.events) - len(written)
            reason = f"{self.to} reads back with {more} event{'s' * (more != 1)} more"
            self.found.append(Loss(None, "events", reason))
        self.found += self.of_container()
        return self.found

    def _name(self, event: Event, field: str, reason: str) -> None:
        """A loss of an event, unless it has been told: of the field, of what it is part of, or of every event.

        An event whose content is told to be lost is gone, or there in another shape: nothing of it is expected.
        """
        covering = {field, field.partition(".")[0], "content"}
        if covering.isdisjoint(self.told.get(event.number, _NONE)) and field not in self.told.get(None, _NONE):
            self.found.append(Loss(event.number, field, reason))

    def _gone_between(self, row: int, stop: int) -> None:
        """The events in these rows are not there any more. Nothing is left to say of those of which that was told."""
        events, gone = self.log.events, self.gone
        # Rows of events that are made of them are their numbers.
        lazy = bool(gone) and isinstance(events, LazyEvents)
        while row < stop:
            row = gone.find(0, row, stop) if lazy else row
            if row < 0:
                return
            event = events[row]
            if not (gone and gone[event.number]):
                self._name(event, "content", f"{self.to} reads back without the event")
            row += 1

    def _compare(self, source: Event, after: Event) -> None:
        one, two = source.content, after.content
        other = one.__class__ is not two.__class__
        if other:
            if not self._carries(source, after):
                self._name(source, "content", f"{self.to} reads it back as a {two.kind} record")
            for field in one.left_behind:
                self._name(source, f"content.{field}", f"{self.to} has no place for it in a {two.kind} record")
        elif one != two:
            self._fields(source, one, two)
        # Who asks for events of another kind asks for them to be measured anew.
        if not (other and self.options.encapsulate == "tag"):
            self._digests(source, after)
        spaced = "register.space" in self.told.get(None, _NONE)
        if not spaced and self._common(source.register) != self._common(after.register):
            self._name(source, "register", f"{self.to} reads it back on {after.register}")

    def _fields(self, source: Event, one: Content, two: Content) -> None:
        for field in one.__class__._fields:
            said, read = getattr(one, field), getattr(two, field)
            absent = field in type(one)._defaults and read == type(one)._defaults[field]
            if said == read or (field in one.remarks and (not absent or self._told_of_content(source))):
                continue
            reason = f"has no place for it in a {one.kind} record" if absent else "reads it back otherwise"
            self._name(source, f"content.{field}", f"{self.to} {reason}")

    def _told_of_content(self, event: Event) -> bool:
        return any(field.startswith("content") for field in self.told.get(event.number, _NONE))

    def _carries(self, source: Event, after: Event) -> bool:
        """Whether the event read back carries the content of the source in the form that its format has for it."""
        one, two, options = source.content, after.content, self.options
        if one.pcclient(options) == two:
            return True
        line = two.text_line(after, options) if two.measured else None
        return line is not None and line == one.text_line(source, options)

    def _common(self, register: Register) -> Register:
        return Platform.counting(register.space, self.platform).ccmr_of(register)

    def _digests(self, source: Event, after: Event) -> None:
        left = list(after.digests)
        for digest in source.digests:
            twin = digest if digest in left else next((each for each in left if each.alg.id == digest.alg.id), None)
            if twin is None:
                self._name(source, f"digests.{digest.alg}", f"{self.to} reads back without it")
                continue
            left.remove(twin)
            if not self._says_the_same(source, digest, after, twin):
                self._name(source, f"digests.{digest.alg}", f"{self.to} reads it back otherwise")
        for digest in left:
            self._name(source, f"digests.{digest.alg}", f"{self.to} reads it back with one that it did not have")

    def _says_the_same(self, source: Event, one: Digest, after: Event, two: Digest) -> bool:
        """Whether one digest is the other as its format has it, so that nothing is lost on the way back either."""
        here = source.origin.format if source.origin is not None else self.log.format
        there = after.origin.format if after.origin is not None else self.back.format
        if one == two and (here in AS_EXTENDED) == (there in AS_EXTENDED):
            return True
        usual = spelled(source.content, one.alg, one.value, here)
        return usual == one.value and spelled(source.content, one.alg, one.value, there) == two.value

    def of_container(self) -> Iterator[Loss]:
        """What the log holds besides events and the result does not."""
        log, back, to = self.log, self.back, self.to
        for field, reason in self._container(log, back, to):
            if field not in self.told.get(None, _NONE):
                yield Loss(None, field, reason)

    def _container(self, log: Log, back: Log, to: str) -> Iterator[tuple[str, str]]:
        for name, value in log.header.options if log.header is not None else ():
            # What the caller chose is no loss.
            chosen = getattr(self.options, name, None) is not None
            if not chosen and (back.header is None or back.header.get(name) != value):
                shown = value.hex() if isinstance(value, bytes) else repr(value)
                yield f"header.{name}", f"{shown}, a choice of {log.format} that {to} does not have"
        # A bank that events have is lost with their digests, one that a header lists with that record.
        listed = any(map(is_header, log.events[:1]))
        absent = [alg for alg in log.algorithms if alg not in back.algorithms and not listed]
        used = {digest.alg for event in log.distinct() for digest in event.digests} if absent else set()
        for alg in absent:
            if alg not in used:
                yield "algorithms", f"{to} does not name {alg}, which no event has a digest of"
        if log.padding is not None and back.padding != log.padding:
            yield "padding", f"{log.padding.length} bytes of {log.padding.fill:#04x} after the last record"
        if log.trailing and back.trailing != log.trailing:
            yield "trailing", f"{len(log.trailing)} bytes that were not read as events"
        if log.start is not None and back.start != log.start:
            yield "start", f"{to} does not state register values before the first event"
