"""What the entries of a list say, in runs and without making events: for conversions of one list into the other."""

from __future__ import annotations

from evlog.columns import NOT_EXTENDED
from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from evlog.columns import Columns
    from evlog.model import Event

    #: Of an entry the digest, the template, and the template data.
    Said: TypeAlias = tuple[bytes, str, bytes]

__all__ = ["RUN", "Entries", "ListEvents"]

#: Entries that are looked at together.
RUN = 1 << 12


class Entries:
    """The entries of a list on the PCRs of their column.

    ``said`` gives what those from one row to another say; None if of some the list does not tell.
    """

    def __init__(self, columns: Columns, said: Callable[[int, int], Sequence[Said] | None]) -> None:
        self.columns, self.said = columns, said

    @property
    def plain(self) -> bool:
        """Whether each of them extends the PCR that its column says."""
        columns = self.columns
        return columns.space == "pcr" and columns.names is None and NOT_EXTENDED not in columns.registers

    def after(self, rows: int) -> Entries | None:
        """The same without so many rows at the start; None if that cannot be said."""
        return None if rows else self

    def says_the_same(self, other: object) -> bool:
        """Whether both have the same entries: registers, digests, templates, data."""
        if not isinstance(other, Entries) or not (self.plain and other.plain):
            return False
        ours, theirs = self.columns.registers, other.columns.registers
        if ours != theirs:
            return False
        for start in range(0, len(ours), RUN):
            stop = min(start + RUN, len(ours))
            said = self.said(start, stop)
            if said is None or said != other.said(start, stop):
                return False
        return True


class ListEvents(LazyEvents):
    """Events of a list, with its `Entries`."""

    __slots__ = ("entries",)

    def __init__(
        self, columns: Columns, make: Callable[[int], Event], said: Callable[[int, int], Sequence[Said] | None]
    ) -> None:
        super().__init__(columns, make)
        self.entries = Entries(columns, said)
