"""Make the lines of textual logs ready for a format that holds PC Client events, and name what stays behind.

A line goes into EV_ACTION under its own digest, INIT and SYNC like any other: the register is unchanged as long as
the events lead to every value that they state. A gap cannot be carried, because the digests in it are in no log; one
that ``.EXTEND`` comments explain can, as events of which only the digest is known. Comments and blank lines have no
place in a TCG log (kernel RFC discussion: only what is hashed can be carried).
"""

from __future__ import annotations

from array import array
from itertools import compress, count

from evlog import hashing
from evlog.changing.loss_runs import LossRun, joined
from evlog.columns import NOT_EXTENDED
from evlog.contents.pcclient import EV_EVENT_TAG, PCClientEvent
from evlog.contents.text import TextLine
from evlog.errors import ConversionError
from evlog.model import Digest, Event, Log, Loss
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from evlog.options import Options
    from evlog.replaying.replay import Replay

__all__ = ["encapsulable", "heeds", "left_behind"]

# Bytes of lines that are compared with others, and how many are kept for it.
_SHORT = 64
_MANY = 4096


def encapsulable(log: Log, to: str, options: Options, *, allow_changed: bool = False) -> tuple[Log, Sequence[Loss]]:
    """The log with nothing in it that a format of PC Client events could not carry, and the losses.

    Raises ConversionError, with the number of the line, for a gap, unless ``allow_changed``.
    """
    replayed = replay(log)
    if not allow_changed:
        _refuse_gaps(replayed, to)
    heeded = {number: handover.alg for handover in replayed.handovers for number in handover.explained}
    informing = _informing(log)
    events: list[Event] = []
    losses: list[Loss] = []
    for event in log.events if informing is None else _telling(log, heeded):
        content = event.content
        if not isinstance(content, TextLine):
            events.append(event)
        elif options.encapsulate == "tag" and content.measured:
            events += _tagged(event, content, options, losses)
        elif content.measured:
            events.append(event)
        elif event.number in heeded and content.extended is not None:
            carried = PCClientEvent(EV_EVENT_TAG, content.line)
            digests = (Digest(heeded[event.number], content.extended),)
            events.append(event.replace(content=carried, digests=digests))
            reason = (
                f"line {event.number + 1}: extended outside the log; {to} has its digest, which is the hash of nothing"
            )
            losses.append(Loss(event.number, "content", reason))
        elif informing is None:
            losses.append(Loss(event.number, "content", _no_place(event.number, content.role, to)))
    return log.replace(events=tuple(events)), losses if informing is None else _all(log, informing, losses, to)


def heeds(log: Log, to: str, *, allow_changed: bool = False) -> bool:
    """Whether a comment of the log, whose columns tell what is measured, is carried as an event.

    Raises ConversionError, with the number of the line, for a gap, unless ``allow_changed``.
    """
    replayed = replay(log)
    if not allow_changed:
        _refuse_gaps(replayed, to)
    return any(handover.explained for handover in replayed.handovers)


def left_behind(log: Log, to: str) -> Sequence[Loss]:
    """The losses of a log, whose columns tell what is measured, that are its lines which are not, and no others."""
    return _all(log, _informing(log) or (), (), to)


def _no_place(number: int, role: str, to: str) -> str:
    what = {"blank": "a blank line", "extend": "a .EXTEND that nothing confirms"}.get(role, "a comment")
    return f"line {number + 1}: {to} has no place for {what}"


def _informing(log: Log) -> Sequence[int] | None:
    """The rows of a log of lines that are not measured; None where only the events tell which."""
    columns = log.columns
    if columns is None or columns.statements is None or not columns.silent:
        return None
    return array("Q", compress(count(), map(NOT_EXTENDED.__eq__, columns.registers)))


def _telling(log: Log, heeded: Container[int]) -> Iterator[Event]:
    """The events that are measured, and the comments that are heeded."""
    assert log.columns is not None
    rows = enumerate(log.columns.registers)
    return (log.events[row] for row, index in rows if index != NOT_EXTENDED or row in heeded)


def _all(log: Log, informing: Sequence[int], told: Sequence[Loss], to: str) -> Sequence[Loss]:
    """The losses that were told of, and those of all other lines that are not measured: there may be a great many."""
    said = {loss.event: loss.reason for loss in told}
    role = _roles(log)

    def reason(number: int) -> str:
        return said[number] if number in said else _no_place(number, role(number), to)

    numbers = sorted({*informing, *(loss.event for loss in told if loss.event is not None)}) if told else informing
    return joined(LossRun(numbers, "content", reason, single=True))


def _roles(log: Log) -> Callable[[int], str]:
    """A function that tells the role of a row's line. Short lines of a log of one register are alike by their bytes."""
    assert log.columns is not None
    data, events, spans = log.columns.buffer, log.events, log.columns.spans
    known: dict[bytes, str] = {}

    def made(row: int) -> str:
        return str(getattr(events[row].content, "role", ""))

    def role(row: int) -> str:
        assert spans is not None
        start, stop = spans[0][row], spans[1][row]
        if stop - start > _SHORT:
            return made(row)
        line = data[start:stop]
        found = known.get(line)
        if found is None:
            found = made(row)
            if len(known) < _MANY:
                known[line] = found
        return found

    return made if spans is None else role


def _refuse_gaps(replayed: Replay, to: str) -> None:
    for handover in replayed.handovers:
        if not handover.breaks:
            continue
        line = handover.place[1] + 1
        if handover.verdict == "gap":
            raise ConversionError(
                f"line {line}: {handover.register} was extended outside the log before this line, and nothing tells "
                f"by what: {to} cannot hold such a gap"
            )
        raise ConversionError(
            f"line {line}: the log starts at a value of {handover.register} that is not its value at reset, and "
            f"{to} has no start values; the log that leads there must come before (see merge)"
        )


def _tagged(event: Event, content: TextLine, options: Options, losses: list[Loss]) -> list[Event]:
    """The event that the attestation agent would have logged: another digest, and none for INIT and SYNC."""
    if content.role != "record":
        reason = f"line {event.number + 1}: the attestation agent's entries have no {content.role.upper()}"
        losses.append(Loss(event.number, "content", reason))
        return []
    carried = content.pcclient(options)
    assert carried is not None
    digests = tuple(Digest(d.alg, hashing.digest(d.alg, carried.data)) for d in event.digests)
    return [event.replace(content=carried, digests=digests)]
