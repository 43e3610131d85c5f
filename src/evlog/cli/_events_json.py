"""Events as the objects of ``evlog.log/1``: with what their data says, and what their digests cover."""

from __future__ import annotations

from evlog.cli._event_texts import EventTexts
from evlog.cli._packed_rows import packed_in_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.late import LateChecks
    from evlog.model import Log

__all__ = ["rows_of"]

#: Events that are made JSON objects of at a time: at first, for who reads along, and then.
_FEW, _SOME = 16, 1024
#: Events from which on it is worth it to look at records.
_MANY = 1 << 8


def rows_of(log: Log, checks: Checks | LateChecks, chosen: Sequence[int], bodies: Bodies) -> Iterator[list[str]]:
    """The chosen events as JSON objects, some at a time."""
    # Where records have numbers or spellings, their fields are not all.
    whole = len(chosen) > _MANY and log.events[0].recnum is None and log.events[0].wire is None
    packed = packed_in_place(log) if whole else None
    if packed is None:
        texts = EventTexts(log, checks, bodies)
    else:
        from evlog.cli._row_texts import RowTexts

        texts = RowTexts(log, checks, bodies, packed)
    start, some = 0, _FEW
    while start < len(chosen):
        yield texts.of(chosen[start : start + some])
        start, some = start + some, min(2 * some, _SOME)
