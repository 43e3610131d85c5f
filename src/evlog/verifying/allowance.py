"""How much may be computed for explanations of one verification: a hostile log costs milliseconds, not a day."""

from __future__ import annotations

__all__ = ["DEFAULT", "LONG", "Allowance", "SpentError", "cost_of"]

#: Hashes that explanations may take unless somebody says otherwise: enough for two registers of a boot log.
DEFAULT = 2_000
#: A trail, or a log, with more events is no boot's: edits in its middle are not tried, nothing strays from it.
LONG = 4096


class SpentError(Exception):
    """More was asked for than is left. It never leaves the room."""


class Allowance:
    """Hashes that may still be computed for explanations; looking at an event counts as one."""

    __slots__ = ("left",)

    def __init__(self, left: int = DEFAULT) -> None:
        self.left = left

    def spend(self, hashes: int) -> None:
        """Take some. Raises SpentError, and takes none, where fewer are left."""
        if hashes > self.left:
            raise SpentError
        self.left -= hashes


def cost_of(data: bytes) -> int:
    """What hashing some bytes costs, in hashes of two digests."""
    return 1 + (len(data) >> 7)
