"""What is to be said of a list as a whole: its violations, and a second boot_aggregate. One finding each.

Sources: Linux, security/integrity/ima, ima_add_violation() (a digest of zeros in the list, ones in the register) and
ima_load_kexec_buffer() (the list of the kernel before goes on after its own boot_aggregate).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice

from evlog import hashing
from evlog.columns import rows_of
from evlog.contents.ima import ImaEvent, violations_found
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.columns import Columns
    from evlog.model import Event

__all__ = ["remarks"]

_AGGREGATE = b"boot_aggregate"
# Entries with that word that are looked at: a machine is not booted into another kernel more often.
_MOST = 1024


def remarks(columns: Columns, events: Sequence[Event], zeros: bytes, distance: int | None = None) -> list[Finding]:
    """The findings of a list whose violations have ``zeros`` in their records, ``distance`` from the start if given."""
    found: list[Finding] = []
    violations = list(_violations(columns, zeros, distance))
    if violations:
        found.append(violations_found(violations, columns.offsets[violations[0]]))
    named = islice(_rows_with(columns, _AGGREGATE), _MOST)
    again = [row for row in named if _is_aggregate(events[row])][1:]
    if again:
        count = "a second boot_aggregate" if len(again) == 1 else f"{len(again)} more boot_aggregates"
        message = f"{count}: the list was carried over to another kernel (kexec), which went on with it"
        found.append(Finding("boot_aggregate_repeated", "note", message, again[0], columns.offsets[again[0]]))
    return found


def _violations(columns: Columns, zeros: bytes, distance: int | None) -> Iterator[int]:
    data, offsets = columns.buffer, columns.offsets
    if distance is None:
        for row in _rows_with(columns, zeros):
            # In text the digest stands behind the first blank of a line.
            at = _column(data, offsets[row], offsets[row] + columns.length(row))
            if data[at : at + len(zeros)] == zeros:
                yield row
    elif hashing.find(data, zeros, 0, columns.end) >= 0:
        # Most lists have no zeros at all; in others they may be everywhere.
        starts = hashing.backend(len(data)).words(columns, (distance,) * len(columns.layouts), "little")
        for row in rows_of(starts, 0):
            at = offsets[row] + distance
            if data[at : at + len(zeros)] == zeros:
                yield row


def _column(data: bytes, start: int, end: int) -> int:
    """Where the digest of a line begins: behind its number, and the name of the digest's algorithm if it has one."""
    while start < end and data[start] in b" \r\n":
        start += 1
    at = data.find(b" ", start, end) + 1 or end
    return data.find(b":", at, data.find(b" ", at, end) + 1) + 1 or at


def _rows_with(columns: Columns, wanted: bytes) -> Iterator[int]:
    """The rows in whose records some bytes stand; each is looked at once."""
    data, offsets = columns.buffer, columns.offsets
    at = hashing.find(data, wanted, 0, columns.end)
    while at >= 0:
        row = bisect_right(offsets, at) - 1
        if row < 0:
            return
        following = offsets[row] + columns.length(row)
        if at + len(wanted) <= following:
            yield row
        at = hashing.find(data, wanted, following, columns.end)


def _is_aggregate(event: Event) -> bool:
    return isinstance(event.content, ImaEvent) and event.content.name == _AGGREGATE
