"""The checks of one event: for each digest, which of the candidates that its content knows it is the hash of."""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Event

__all__ = ["DigestCheck", "check_event"]


class DigestCheck(Record):
    """The verdict on one digest: ``matches`` (by ``rule``), ``mismatch``, or ``not_checkable``."""

    alg: HashAlg
    verdict: str
    rule: str | None = None


def check_event(event: Event) -> tuple[DigestCheck, ...]:
    """The checks of one event. An algorithm that cannot be computed here is ``not_checkable``.

    So is another digest of an algorithm that the event has one of: the first is what is extended.
    """
    if not event.measured:
        return ()
    first: dict[int, bytes] = {}
    return tuple(
        _check(event, digest.alg, digest.value)
        if first.setdefault(digest.alg.id, digest.value) == digest.value
        else DigestCheck(digest.alg, "not_checkable")
        for digest in event.digests
    )


def _check(event: Event, alg: HashAlg, value: bytes) -> DigestCheck:
    if not hashing.backend().computable(alg):
        return DigestCheck(alg, "not_checkable")
    verdict = "not_checkable"
    external = False
    for rule, covered, *other in event.content.candidates(event, alg):
        if covered is None:
            external = True
        elif _hashed(covered, other[0] if other else alg, alg.size) == value:
            return DigestCheck(alg, "matches", rule)
        else:
            verdict = "mismatch"
    return DigestCheck(alg, "not_checkable" if external else verdict)


def _hashed(covered: bytes, by: HashAlg, size: int) -> bytes | None:
    """The hash of some bytes at the size of a bank, or None if it cannot be computed."""
    return hashing.pad_or_cut(hashing.digest(by, covered), size) if hashing.backend().computable(by) else None
