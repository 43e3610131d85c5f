"""Check: for each recorded digest, which rule it satisfies; for a log, what its firmware does and what is odd.

A register's value covers digests only. What an event says is trustworthy as far as its digest is the hash of it, and
what is hashed differs from kind to kind: each content knows its candidates, in the order to try.
Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3 (what extends which PCR when) and 10.4 (events).
"""

from __future__ import annotations

from collections import Counter

from evlog import hashing
from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Finding, Log
    from evlog.verbs._pcclient_log import Facts

__all__ = ["Checks", "DigestCheck", "Policy", "check", "check_event"]


class DigestCheck(Record):
    """The verdict on one digest: ``matches`` (by ``rule``), ``mismatch``, or ``not_checkable``."""

    alg: HashAlg
    verdict: str
    rule: str | None = None


class Policy(Record):
    """What the firmware of a log covers with the digests of one event type: the rule that most of them satisfy.

    ``events`` counts those, ``others`` the events of this type whose digests satisfy another rule.
    """

    event_type: int
    rule: str
    events: int
    others: int = 0


class Checks(Record):
    """The checks of a log: of each event in the order of its digests, none for an event that is not measured.

    ``events`` may be lazy, as those of a log are.
    """

    events: Sequence[tuple[DigestCheck, ...]]
    findings: tuple[Finding, ...] = ()
    policies: tuple[Policy, ...] = ()

    def __iter__(self) -> Iterator[tuple[DigestCheck, ...]]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, number: int) -> tuple[DigestCheck, ...]:
        return self.events[number]


def check(log: Log) -> Checks:
    """Check every digest of a log, and the log as a whole.

    Findings say what is odd in a log that could be read; their codes are in docs/findings.md. They are notes where
    firmware is known to do this, warnings where a verifier should look; none is an error.
    """
    columns = log.columns
    events = log.events
    if columns is not None and columns.typed is not None and columns.names is None and len(columns):
        from evlog.verbs._pcclient_log import ColumnFacts
        from evlog.verbs._verdicts import Verdicts

        verdicts = Verdicts(columns, events, check_event)
        return _judged(verdicts, ColumnFacts(columns, events, verdicts))
    events = tuple(events)
    checks = tuple(map(check_event, events))
    if not any(isinstance(event.content, PCClientEvent) for event in events):
        return Checks(checks)
    from evlog.verbs._pcclient_log import EventFacts

    return _judged(checks, EventFacts(events, checks))


def _judged(checks: Sequence[tuple[DigestCheck, ...]], facts: Facts) -> Checks:
    """The checks with what they say of the firmware, and with what is odd in the log."""
    from evlog.verbs import _pcclient_quirks, _pcclient_structure

    policies = _policies(facts)
    found = [*_pcclient_structure.findings(facts), *_pcclient_quirks.findings(facts, policies)]
    return Checks(checks, tuple(sorted(found, key=lambda finding: finding.event or 0)), policies)


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
    return hashing.fit(hashing.digest(by, covered), size) if hashing.backend().computable(by) else None


def _policies(facts: Facts) -> tuple[Policy, ...]:
    """By the first digest of each event that satisfies a rule, for the types where firmware has a choice."""
    from evlog.contents._pcclient_rules import POLICIES

    policies = []
    for event_type in sorted(POLICIES):
        found = (next((check.rule for check in row.checks if check.rule), None) for row in facts.of_type(event_type))
        rules = Counter(rule for rule in found if rule is not None)
        if rules:
            rule, count = rules.most_common(1)[0]
            policies.append(Policy(event_type, rule, count, rules.total() - count))
    return tuple(policies)
