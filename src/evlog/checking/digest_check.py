"""The checks of events: for each digest, which of the candidates that the event's content knows it is the hash of.

Many events are checked at once: what is hashed for the first rule of all of them, bank by bank, then for the second of
those that the first did not fit, and so on.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record, lru_cache
from evlog.algorithms import HashAlg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from evlog.model import Event

    #: What a digest may be the hash of, as `Content.candidates` gives it.
    Candidate: TypeAlias = tuple[str, bytes | None] | tuple[str, bytes, HashAlg]

__all__ = ["DigestCheck", "check_event", "check_events", "shared"]


class DigestCheck(Record):
    """The verdict on one digest: ``matches`` (by ``rule``), ``mismatch``, or ``not_checkable``."""

    alg: HashAlg
    verdict: str
    rule: str | None = None


def check_event(event: Event) -> tuple[DigestCheck, ...]:
    """The checks of one event. An algorithm that cannot be computed here is ``not_checkable``.

    So is another digest of an algorithm that the event has one of: the first is what is extended.
    """
    return check_events((event,))[0]


def check_events(events: Sequence[Event]) -> list[tuple[DigestCheck, ...]]:
    """The checks of some events, one by one as `check_event` says."""
    open_ = [[] if not event.measured else list(_opened(event)) for event in events]
    waiting = [each for checked in open_ for each in checked if each.left is not None]
    while waiting:
        by_alg: dict[HashAlg, list[_Open]] = {}
        for each in waiting:
            if each.next():
                by_alg.setdefault(each.by, []).append(each)
        for alg, asked in by_alg.items():
            digests = hashing.backend().digests(alg, [each.covered for each in asked])
            for each, digest in zip(asked, digests, strict=True):
                each.compare(digest)
        waiting = [each for asked in by_alg.values() for each in asked if each.left is not None]
    return [tuple(shared(each.alg, each.verdict, each.rule) for each in checked) for checked in open_]


@lru_cache(1024)
def shared(alg: HashAlg, verdict: str, rule: str | None) -> DigestCheck:
    """One object for each verdict that there can be: banks times rules, of which only a hostile log has many."""
    return DigestCheck(alg, verdict, rule)


def _opened(event: Event) -> Iterator[_Open]:
    first: dict[int, bytes] = {}
    backend, content = hashing.backend(), event.content
    candidates: Iterable[Candidate] | None = None
    for digest in event.digests:
        alg, value = digest.alg, digest.value
        if first.setdefault(alg.id, value) != value or not backend.computable(alg):
            yield _Open(alg, value, None)
            continue
        if candidates is None or not content.alike_in_banks:
            candidates = content.candidates(event, alg)
            candidates = list(candidates) if content.alike_in_banks else candidates
        yield _Open(alg, value, iter(candidates))


class _Open:
    """A digest on the way to its verdict; ``left`` are the candidates that were not tried, None at its end."""

    __slots__ = ("alg", "by", "covered", "external", "left", "rule", "tried", "value", "verdict")

    def __init__(self, alg: HashAlg, value: bytes, left: Iterator[Candidate] | None) -> None:
        self.alg = self.by = alg
        self.value = value
        self.left = left
        self.verdict = "not_checkable"
        self.rule: str | None = None
        self.tried = ""
        self.covered = b""
        self.external = False

    def next(self) -> bool:
        """Go on to what is to be hashed next. At the end the verdict stands."""
        assert self.left is not None
        for rule, covered, *other in self.left:
            if covered is None:
                self.external = True
                continue
            self.verdict = "mismatch"
            self.by = other[0] if other else self.alg
            if self.by is self.alg or hashing.backend().computable(self.by):
                self.tried, self.covered = rule, covered
                return True
        self.left = None
        if self.external:
            self.verdict = "not_checkable"
        return False

    def compare(self, digest: bytes) -> None:
        """Take the hash of what was asked for."""
        if hashing.pad_or_cut(digest, self.alg.size) == self.value:
            self.verdict, self.rule, self.left = "matches", self.tried, None
