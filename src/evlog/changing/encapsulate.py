"""Make the lines of textual logs ready for a format that holds PC Client events, and name what stays behind.

A line goes into EV_ACTION under its own digest, INIT and SYNC like any other: the register is unchanged as long as
the events lead to every value that they state. A gap cannot be carried, because the digests in it are in no log; one
that ``.EXTEND`` comments explain can, as events of which only the digest is known. Comments and blank lines have no
place in a TCG log (kernel RFC discussion: only what is hashed can be carried).
"""

from __future__ import annotations

from evlog import hashing
from evlog.contents.pcclient import EV_EVENT_TAG, PCClientEvent
from evlog.contents.text import TextLine
from evlog.errors import ConversionError
from evlog.model import Digest, Event, Log, Loss
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.options import Options
    from evlog.replaying.replay import Replay

__all__ = ["encapsulable"]


def encapsulable(log: Log, to: str, options: Options, *, allow_changed: bool = False) -> tuple[Log, list[Loss]]:
    """The log with nothing in it that a format of PC Client events could not carry, and the losses.

    Raises ConversionError, with the number of the line, for a gap, unless ``allow_changed``.
    """
    replayed = replay(log)
    if not allow_changed:
        _refuse_gaps(replayed, to)
    heeded = {number: handover.alg for handover in replayed.handovers for number in handover.explained}
    events: list[Event] = []
    losses: list[Loss] = []
    for event in log.events:
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
        else:
            what = {"blank": "a blank line", "extend": "a .EXTEND that nothing confirms"}.get(content.role, "a comment")
            losses.append(Loss(event.number, "content", f"line {event.number + 1}: {to} has no place for {what}"))
    return log.replace(events=tuple(events)), losses


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
