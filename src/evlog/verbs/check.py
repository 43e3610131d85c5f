"""Check: for each recorded digest, which rule it satisfies.

A register's value covers digests only. What an event says is trustworthy as far as its digest is the hash of it, and
what is hashed differs from kind to kind: each content knows its candidates, in the order to try.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log

__all__ = ["DigestCheck", "check", "check_event"]


class DigestCheck(Record):
    """The verdict on one digest: ``matches`` (by ``rule``), ``mismatch``, or ``not_checkable``."""

    alg: HashAlg
    verdict: str
    rule: str | None = None


def check(log: Log) -> tuple[tuple[DigestCheck, ...], ...]:
    """The checks of every event, in the order of its digests; none for an event that is not measured."""
    return tuple(check_event(event) for event in log.events)


def check_event(event: Event) -> tuple[DigestCheck, ...]:
    """The checks of one event. An algorithm that cannot be computed here is ``not_checkable``."""
    if not event.measured:
        return ()
    return tuple(_check(event, digest.alg, digest.value) for digest in event.digests)


def _check(event: Event, alg: HashAlg, value: bytes) -> DigestCheck:
    if not hashing.backend().computable(alg):
        return DigestCheck(alg, "not_checkable")
    verdict = "not_checkable"
    for rule, covered in event.content.candidates(event, alg):
        if hashing.digest(alg, covered) == value:
            return DigestCheck(alg, "matches", rule)
        verdict = "mismatch"
    return DigestCheck(alg, verdict)
