"""Dynamic launches in the columns of rooms with PC Client events: what their scanners leave to be looked at.

Few logs have an event on a PCR that a launch resets, so that scanners ask nothing of it, native ones neither.
"""

from __future__ import annotations

from evlog import hashing
from evlog.columns import NOT_EXTENDED, Columns, rows_of
from evlog.contents.event_types import LAUNCH_MARKERS, is_launch, type_of
from evlog.contents.launch import LAUNCH_PCRS, MARKED_PCRS, is_reset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeVar

    from evlog.model import Event

    Rows = TypeVar("Rows", bound=Columns)

__all__ = ["settled"]

_EVENT_TYPE = 4  # bytes before it in a record of `evlog.columns.Columns.typed`


def settled(columns: Rows, make: Callable[[int], Event]) -> Rows:
    """The columns of a scan in which a launch's markers extend nothing, and one event that tells of it is notable.

    ``make`` makes the event of a row. The column of registers is changed in place.
    """
    if columns.space != "pcr" or columns.names is not None:
        return columns
    packed = columns.registers.tobytes()
    if not any(index in packed for index in LAUNCH_PCRS) or _has_none(columns):
        return columns
    typed = _event_type(columns, make)
    told = None
    for index in LAUNCH_PCRS:
        marked = index in MARKED_PCRS
        for row in rows_of(columns.registers, index):
            event_type = typed(row)
            if told is None and is_launch(event_type) and is_reset(make(row).register):
                told = row
            if event_type in LAUNCH_MARKERS and marked and not make(row).measured:
                columns.registers[row] = NOT_EXTENDED
            if told is not None and not marked:
                break
    return columns if told is None else columns.replace(notable=tuple(sorted({*columns.notable, told})))


def _has_none(columns: Columns) -> bool:
    """Whether no event type is a launch's, where that is told sooner of all rows than of some."""
    size = len(columns.buffer)
    if columns.typed is None or hashing.native(size) is None:
        return False
    types = hashing.backend(size).words(columns, (_EVENT_TYPE,) * len(columns.layouts), columns.typed)
    return not any(map(is_launch, set(types)))


def _event_type(columns: Columns, make: Callable[[int], Event]) -> Callable[[int], int]:
    """What tells the event type of a row, -1 for other contents."""
    if columns.typed is None:

        def of_event(row: int) -> int:
            event_type = type_of(make(row).content)
            return -1 if event_type is None else event_type

        return of_event
    buffer, offsets = columns.buffer, columns.offsets
    order: Literal["little", "big"] = "big" if columns.typed == "big" else "little"

    def of_bytes(row: int) -> int:
        at = offsets[row] + _EVENT_TYPE
        return int.from_bytes(buffer[at : at + 4], order)

    return of_bytes
