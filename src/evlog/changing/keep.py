"""Keep: the part of a log that is about some registers, in some banks.

Events keep their numbers. What stands at the start of a log whatever the register (a Spec ID event) stays; if it lists
banks that are not kept it goes, and whoever writes the log makes another.
"""

from __future__ import annotations

from evlog.contents.spec_id import is_header
from evlog.errors import ConversionError, UsageError
from evlog.model import Event, Log, Loss
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from evlog.algorithms import HashAlg
    from evlog.registers import Register, RegisterSet

__all__ = ["keep"]


def keep(
    log: Log, registers: RegisterSet | None = None, banks: Collection[HashAlg] | None = None
) -> tuple[Log, list[Loss]]:
    """The log with the events on these registers, and their digests in these banks; None keeps all.

    Raises UsageError if it has none of the banks, and ConversionError if a register that is kept would have another
    value without the events that are not.
    """
    part, losses = log, []
    if registers is not None:
        there = log.registers
        names = {register for register in there if registers.holds(register, log.platform)}
        if names != there:
            part = part.replace(events=tuple(e for e in log.events if e.register in names or is_header(e)))
            _prove(log, part, names)
    if banks is not None:
        kept = tuple(alg for alg in log.algorithms if alg in banks)
        if not kept:
            raise UsageError(f"no {' nor '.join(map(str, banks))} bank in {log.name or 'the log'}")
        events = part.events
        if kept != log.algorithms and any(map(is_header, events[:1])):
            events = events[1:]
            losses.append(Loss(0, "content", "it lists banks that are not kept"))
        part = part.replace(events=tuple(_in_banks(event, kept) for event in events), algorithms=kept)
    return part, losses


def _in_banks(event: Event, banks: Collection[HashAlg]) -> Event:
    digests = tuple(digest for digest in event.digests if digest.alg in banks)
    return event if digests == event.digests else event.replace(digests=digests, wire=None)


def _prove(log: Log, part: Log, names: set[Register]) -> None:
    """Each register that is kept has the value that the whole log leads to: a launch on PCR 17 resets PCR 18."""
    after = replay(part)
    for row in replay(log):
        if row.register in names and after.get(row.register, row.alg) != row.value:
            raise ConversionError(
                f"{row.register} would have another value in {row.alg} without the events of other registers"
            )
