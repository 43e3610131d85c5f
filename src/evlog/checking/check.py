"""Check: for each recorded digest, which rule it satisfies; for a log, what its firmware does and what is odd.

A register's value covers digests only. What an event says is trustworthy as far as its digest is the hash of it, and
what is hashed differs from kind to kind: each content knows its candidates, in the order to try.
Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3 (what extends which PCR when) and 10.4 (events).
"""

from __future__ import annotations

from itertools import islice

from evlog._record import Record
from evlog.checking.digest_check import check_events
from evlog.checking.plain import Plain
from evlog.columns import Kept, rows_of
from evlog.contents.pcclient import PCClientEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.checking.conventions import Convention
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.facts import Facts
    from evlog.model import Event, Finding, Log

__all__ = ["Checks", "check", "judged"]


_AT_ONCE = 256  # events that are checked at once
# Events of a log that are made once and kept while it is checked.
_KEPT = 4096
# What readers of IMA lists say themselves.
_VIOLATION = "ima_violation"


class Checks(Record):
    """The checks of a log: of each event in the order of its digests, none for an event that is not measured.

    ``events`` may be lazy, as those of a log are.
    """

    events: Sequence[tuple[DigestCheck, ...]]
    findings: tuple[Finding, ...] = ()
    conventions: tuple[Convention, ...] = ()

    @property
    def policies(self) -> tuple[Convention, ...]:
        """The old name of `conventions`, which warns."""
        from warnings import warn

        warn("Checks.policies is called Checks.conventions", DeprecationWarning, stacklevel=2)
        return self.conventions

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
    events: Sequence[Event] = log.events
    if columns is not None and columns.are_pcclient:
        from evlog.checking.facts import ColumnFacts, ListedFacts
        from evlog.checking.verdicts import Verdicts

        if len(events) > _KEPT:
            verdicts = Verdicts(columns, events)
            return judged(verdicts, ColumnFacts(columns, events, verdicts))
        events = Kept(events)
        verdicts = Verdicts(columns, events)
        return judged(verdicts, ListedFacts.of(columns, events, verdicts))
    plain = Plain(columns, events)
    checks = [plain.checks[kind] for kind in plain.kinds] or [()] * len(events)
    # Verdicts are few, and events may be many, made as they are asked for.
    shared: dict[tuple[object, ...], tuple[DigestCheck, ...]] = {(): ()}
    pcclient = False
    violations: list[int] = []
    changed: dict[str, list[Event]] = {}
    marked: set[int] = set()
    named: dict[int, str] = {}
    for row, twin, made in _checked(log, rows_of(plain.kinds, 0) if plain.kinds else range(len(events))):
        if made is None:
            checks[row] = checks[twin]
            if twin in marked:
                violations.append(events[row].number)
            if twin in named:
                changed[named[twin]].append(events[row])
            continue
        event, found = made
        content = event.content
        if content.mark(event):
            violations.append(event.number)
            marked.add(row)
        key = tuple((each.alg.id, each.alg.size, each.verdict, each.rule) for each in found) if found else ()
        checks[row] = shared.setdefault(key, found)
        pcclient = pcclient or isinstance(content, PCClientEvent)
        if content.named_by_digest and any(each.verdict == "mismatch" for each in found):
            changed.setdefault(content.named_by_digest, []).append(event)
            named[row] = content.named_by_digest
    notes = tuple(_noted(log, violations, changed)) if violations or changed else ()
    if not pcclient:
        return Checks(tuple(checks), notes)
    from evlog.checking.facts import EventFacts

    return judged(tuple(checks), EventFacts(tuple(events), tuple(checks)), notes)


def _checked(log: Log, rows: Iterable[int]) -> Iterator[tuple[int, int, tuple[Event, tuple[DigestCheck, ...]] | None]]:
    """Each of some rows of a log with its twin, and, if that is the row itself, its event and the checks of it."""
    left = iter(rows)
    run = list(islice(left, _AT_ONCE))
    twins, events = log.twins if run else (), log.events
    while run:
        single = [events[row] for row in run if twins[row] == row]
        made = zip(single, check_events(single), strict=True)
        for row in run:
            twin = twins[row]
            yield row, twin, next(made) if twin == row else None
        run = list(islice(left, _AT_ONCE))


def _noted(log: Log, violations: Sequence[int], changed: dict[str, list[Event]]) -> Iterator[Finding]:
    """What is said of an IMA list's violations, unless its reader said it, and of digests that are not of the names."""
    if violations and not any(finding.code == _VIOLATION for finding in log.findings):
        from evlog.contents.ima import violations_found

        yield violations_found(violations)
    from evlog.checking.facts import finding

    for what, events in changed.items():
        yield from finding("digest_mismatch", "warning", f"the digest is not of the event's {what}", events)


def judged(checks: Sequence[tuple[DigestCheck, ...]], facts: Facts, notes: Sequence[Finding] = ()) -> Checks:
    """The checks with what they say of the firmware, with what is odd in the log, and what else was found in it."""
    from evlog.checking import quirks, structure
    from evlog.checking.conventions import conventions_of

    conventions = conventions_of(facts)
    found = [*notes, *structure.findings(facts), *quirks.findings(facts, conventions)]
    return Checks(checks, tuple(sorted(found, key=lambda finding: finding.event or 0)), conventions)
