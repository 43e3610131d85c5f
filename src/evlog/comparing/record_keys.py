"""What tells PC Client events from one another by their records' bytes, so that none is made to be compared.

In records of one layout everything stands in the same place: two of them have the same type, digests and data where the
bytes after the register's index are the same, and the same digests where the bytes up to the data are.
"""

from __future__ import annotations

from itertools import islice

from evlog.columns import NOT_EXTENDED, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evlog.columns import Columns, Layout
    from evlog.model import Log

__all__ = ["RecordKeys", "keys_of"]

_TYPE = 4  # bytes of the register's index, before the type
_DIGESTS = 8  # bytes before the digests
_FEW = 32  # records of another layout that are looked at


class RecordKeys:
    """The keys of the records of a log that have one layout and extend a register; None of any other record.

    Those of two logs with that layout are equal where the events are, but for their numbers and places.
    """

    __slots__ = ("_columns", "_number")

    def __init__(self, columns: Columns, number: int) -> None:
        self._columns, self._number = columns, number

    def of(self, row: int) -> bytes | None:
        """Type, digests and data of a record."""
        columns = self._columns
        start = columns.offsets[row]
        return columns.buffer[start + _TYPE : start + columns.length(row)] if self._has(row) else None

    def extended(self, row: int) -> bytes | None:
        """The digests of a record."""
        columns = self._columns
        start = columns.offsets[row]
        body = columns.layouts[self._number].body or 0
        # The size of the data stands before it.
        return columns.buffer[start + _DIGESTS : start + body - 4] if self._has(row) else None

    def _has(self, row: int) -> bool:
        columns = self._columns
        if columns.layout_of is not None and columns.layout_of[row] != self._number:
            return False
        return columns.registers[row] != NOT_EXTENDED


def keys_of(logs: Sequence[Log], banks: Collection[int]) -> tuple[RecordKeys, ...] | None:
    """The keys of two logs' records, where they tell what differs in these banks; None where only events do."""
    found: list[tuple[tuple[Layout, str | None], RecordKeys]] = []
    for log in logs:
        columns = log.columns
        if columns is None or not columns.are_pcclient:
            return None
        number = _only(columns)
        if number is None:
            return None
        found.append(((columns.layouts[number], columns.typed), RecordKeys(columns, number)))
    shape = found[0][0]
    listed = [alg.id for alg, _ in shape[0].digests]
    if any(other != shape for other, _ in found) or not listed or len(set(listed)) < len(listed):
        return None
    return tuple(keys for _, keys in found) if set(listed) <= set(banks) else None


def _only(columns: Columns) -> int | None:
    """The layout of all records that extend a register, if it is one."""
    if columns.layout_of is None:
        return 0
    last = columns.layout_of[-1]
    for number in range(len(columns.layouts)):
        if number != last:
            others = list(islice(rows_of(columns.layout_of, number), _FEW + 1))
            if len(others) > _FEW or any(columns.registers[row] != NOT_EXTENDED for row in others):
                return None
    return last
