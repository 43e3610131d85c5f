"""Furniture of tcg2 and ccel: records before the header, as coreboot's verified boot leaves them.

What is measured before the log is set up is written before its Spec ID event, as a TCG_PCR_EVENT or a TCG_PCR_EVENT2.
A reader resynchronises at the header. Whether such records were extended as they say, nobody can tell from the log.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.spec_id import AGILE, MOST_BEFORE
from evlog.formats.tcg.final_events import record_of
from evlog.formats.tcg.first_record import RECORD1, first_record, plausible

__all__ = ["FORMS", "Preceding", "preceding"]

_TEXT = AGILE.encode() + b"\0"
#: How a record before the header is spelled, by whether its digests have a list: what `Event.wire` says of it.
FORMS = ("TCG_PCR_EVENT", "TCG_PCR_EVENT2")

# Type EV_NO_ACTION and a digest of zeros.
_SILENT = b"\3\0\0\0" + bytes(20)
# Such records have some hundred bytes each.
_FAR = 1 << 16


class Preceding(Record):
    """A record before the header: where it begins, and the list of its algorithms, None if it has a SHA-1 digest."""

    offset: int
    register: int
    event_type: int
    algorithms: tuple[int, ...] | None


def preceding(data: bytes) -> tuple[tuple[Preceding, ...], int]:
    """The records before the header, and where it begins; none and 0 if the log begins with its header, or has none."""
    found: list[Preceding] = []
    at = 0
    # Most bytes are another format's, and asked for this all the same.
    if data.find(_TEXT, RECORD1 + 1, _FAR) < 0:
        return (), 0
    while len(found) <= MOST_BEFORE:
        if data[at + RECORD1 : at + RECORD1 + len(_TEXT)] == _TEXT and data[at + 4 : at + RECORD1 - 4] == _SILENT:
            return tuple(found), at
        one = _record_at(data, at)
        if one is None:
            break
        record, at = one
        found.append(record)
    return (), 0


def _record_at(data: bytes, at: int) -> tuple[Preceding, int] | None:
    """The record at an offset, in either form, and its end."""
    listed = record_of(data, at)
    if listed is not None:
        register, event_type, algorithms, end = listed
        return Preceding(at, register, event_type, algorithms), end
    first = first_record(data[at : at + RECORD1 + _FAR])
    if first is None or not plausible(first.register, first.event_type, len(first.data)):
        return None
    if not any(data[at : at + RECORD1]):
        return None  # zeros are no event
    return Preceding(at, first.register, first.event_type, None), at + first.length
