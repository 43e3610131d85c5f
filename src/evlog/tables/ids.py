"""Sets of ids that are large: sorted bytes, a few more bytes an id, and not an object for each."""

from __future__ import annotations

from bisect import bisect_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["IdSet"]

# Ids that are kept as objects before they are sorted in with the others.
_LOOSE = 1 << 16


class IdSet:
    """Ids of one width. A million of 32 bytes take 32 MB, and are asked for in microseconds."""

    __slots__ = ("_loose", "_sorted", "_width")

    def __init__(self, width: int, ids: Iterable[bytes] = ()) -> None:
        self._width = width
        self._sorted = b""
        self._loose: set[bytes] = set()
        self.update(ids)

    def __contains__(self, id: object) -> bool:
        if id in self._loose:
            return True
        width, packed = self._width, self._sorted
        count = len(packed) // width
        if not isinstance(id, bytes):
            return False
        at = bisect_left(range(count), id, key=lambda each: packed[each * width : (each + 1) * width])
        return at < count and packed[at * width : (at + 1) * width] == id

    def __len__(self) -> int:
        return len(self._sorted) // self._width + len(self._loose)

    def __iter__(self) -> Iterator[bytes]:
        width, packed = self._width, self._sorted
        yield from (packed[at : at + width] for at in range(0, len(packed), width))
        yield from self._loose

    def add(self, id: bytes) -> None:
        """One more."""
        if id not in self:
            self._loose.add(id)
            if len(self._loose) >= _LOOSE:
                self._sort()

    def update(self, ids: Iterable[bytes]) -> None:
        """Some more."""
        for id in ids:
            self.add(id)

    def _sort(self) -> None:
        from heapq import merge

        width, packed = self._width, self._sorted
        known = (packed[at : at + width] for at in range(0, len(packed), width))
        self._sorted = b"".join(merge(known, sorted(self._loose)))
        self._loose.clear()
