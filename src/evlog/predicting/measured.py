"""What an event measured: bytes, an image, or something of which only a log tells the digests."""

from __future__ import annotations

from evlog import hashing
from evlog.predicting import pe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg
    from evlog.model import Event

__all__ = ["Measured", "bytes_of", "explains", "image", "learned"]


class Measured:
    """Digests by bank, each computed once. ``data`` is None where only digests are known."""

    __slots__ = ("_digests", "data")

    def __init__(self, data: bytes | None, digests: dict[int, bytes] | None = None) -> None:
        self.data = data
        self._digests = dict(digests or {})

    def digest(self, alg: HashAlg) -> bytes | None:
        """The digest in a bank; None where it cannot be computed, and the log does not tell it."""
        found = self._digests.get(alg.id)
        if found is None and self.data is not None and hashing.backend().computable(alg):
            found = self._digests[alg.id] = hashing.digest(alg, self.data)
        return found


def bytes_of(data: bytes) -> Measured:
    """All of these bytes."""
    return Measured(data)


def image(data: bytes) -> Measured:
    """The Authenticode digest of a PE file. Raises ParseError for a file that has none."""
    return Measured(pe.read(data).hashed())


def learned(event: Event) -> Measured:
    """What the event measured, whatever it was."""
    return Measured(None, {digest.alg.id: digest.value for digest in event.digests})


def explains(measured: Measured, event: Event) -> bool:
    """Whether the event's digests are of this, in every bank that it has, one at least."""
    return bool(event.digests) and all(measured.digest(d.alg) == d.value for d in event.digests)
