"""The rows of a log whose checks follow from its columns: nearly all of an IMA list's, and those of lines of text.

They are of a few kinds, whose rows are checked alike: an event is made of the first of each kind, and of the rows that
are of none.
"""

from __future__ import annotations

from evlog import hashing
from evlog.checking.digest_check import check_event
from evlog.columns import NOT_EXTENDED, Lines, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.checking.digest_check import DigestCheck
    from evlog.columns import Columns
    from evlog.model import Event

__all__ = ["Plain"]


class Plain:
    """For each row of a log the kind of rows that it is of, and the checks of each kind.

    ``kinds`` has a number for each row, which is a place in ``checks``; 0 for a row whose event has to be checked.
    Nothing is in ``kinds`` if that is all of them. Events of a kind carry no mark, and their digests are not of
    something else.
    """

    __slots__ = ("checks", "kinds")

    def __init__(self, columns: Columns | None, events: Sequence[Event]) -> None:
        found = _kinds(columns) if columns is not None and len(columns) else b""
        self.kinds = found if any(found) else b""
        self.checks: list[tuple[DigestCheck, ...]] = [()]
        for kind in range(1, max(found, default=0) + 1):
            row = found.find(kind)
            self.checks.append(check_event(events[row]) if row >= 0 else ())


def _kinds(columns: Columns) -> bytes | bytearray:
    if isinstance(columns, Lines):
        return _of_lines(columns)
    return _of_entries(columns) if columns.layout_of is None and columns.layouts[0].named is not None else b""


def _of_lines(columns: Lines) -> bytes:
    """A kind for each bank: the digests are made of the lines. Another for lines that inform, which have none."""
    if columns.covered is None:
        # Digests by the hash of another bank, or by one that is not known.
        return b""
    kinds = {bank: kind for kind, bank in enumerate(dict.fromkeys(columns.banks), 2)}
    kind_of = {register: kinds[bank] for register, bank in enumerate(columns.banks)}
    kind_of[NOT_EXTENDED] = int(columns.silent)
    return bytes(map(kind_of.__getitem__, columns.registers))


def _of_entries(columns: Columns) -> bytearray:
    """One kind: the digest is of the entry, as that of no violation is."""
    kinds = bytearray(hashing.backend(len(columns.buffer)).of_body(columns))
    for row in rows_of(columns.registers, NOT_EXTENDED):
        kinds[row] = 0
    return kinds
