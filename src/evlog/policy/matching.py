"""The events of a register against the sequence of its rules: whether the rules allow them; else, where they do not.

An event that may be absent stands in a *gap* with its neighbours that may be, too, and a gap allows what some boot had
in it: two kernels of which each boot had one are never both there, and never neither.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.policy.pairing import paired
from evlog.policy.rules import CHECKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.policy.boots import Entry
    from evlog.policy.rules import RegisterPolicy, Rule, Value

__all__ = ["Match", "gaps", "match"]

_LEAST_SURE = 16


class Match(Record):
    """``pairs`` are the entries (by index) that stand where a rule speaks of them; ``wrong`` why one does not fit.

    ``allowed`` says that all is as the rules want it. ``unseen`` are the rules of a gap whose events no boot had
    together.
    """

    allowed: bool
    pairs: dict[int, int]
    wrong: dict[int, str]
    unseen: frozenset[int] = frozenset()


class _Matcher:
    def __init__(self, policy: RegisterPolicy, entries: Sequence[Entry]) -> None:
        self.rules = policy.rules
        self.banks = policy.banks
        self.entries = entries
        self.keys = [entry.seen.key(policy.banks) for entry in entries]
        self.checks = [entry.seen.check(policy.banks) for entry in entries]
        self.values: list[dict[bytes, list[Value]]] = []
        for rule in self.rules:
            by: dict[bytes, list[Value]] = {}
            for value in rule.values:
                by.setdefault(b"".join(digest.value for digest in value.digests), []).append(value)
            self.values.append(by)
        self.names = [{(value.type, value.name) for value in rule.values} for rule in self.rules]

    def wrong(self, i: int, j: int) -> str:
        """Why an entry is not what the rule speaks of; "" if it is."""
        seen, key = self.entries[j].seen, self.keys[j]
        if not key:
            return f"the log does not say what it extends {' and '.join(map(str, self._lacking(j)))} by"
        check = self.checks[j]
        if self.rules[i].rule == "free":
            if (seen.type, seen.name) not in self.names[i]:
                return f"it is called {seen.about}"
            if _worse(check, max((value.check for value in self.rules[i].values), key=CHECKS.index)):
                return "its digest is not the hash of its data"
            return ""
        known = self.values[i].get(key)
        if known is None:
            return "no witness had this digest"
        named = [value for value in known if (value.type, value.name) == (seen.type, seen.name)]
        if not named:
            return f"the digest is a witness's, and the log calls the event {seen.about}"
        if all(_worse(check, value.check) for value in named):
            return "its digest is not the hash of its data"
        return ""

    def _lacking(self, j: int) -> Iterator[object]:
        return (alg for alg in self.banks if self.entries[j].seen.event.extension(alg) is None)

    def weight(self, i: int, j: int) -> int:
        """How much speaks for an entry's being what a rule is about; an event that must be there comes first."""
        seen, key = self.entries[j].seen, self.keys[j]
        must = not self.rules[i].may_lack
        if not self.wrong(i, j):
            return _LEAST_SURE + must
        if key in self.values[i]:
            return 12 + must
        if (seen.type, seen.name) in self.names[i]:
            return 6 + must
        loose = not seen.name or seen.type.startswith("EV_EFI_BOOT_SERVICES")
        return 2 + must if loose and any(type == seen.type for type, _ in self.names[i]) else 0

    def both(self) -> tuple[list[bytes], list[bytes]]:
        return [next(iter(by)) for by in self.values], self.keys


def _worse(check: str, known: str) -> bool:
    return CHECKS.index(check) > CHECKS.index(known)


def gaps(rules: Sequence[Rule]) -> Iterator[tuple[int, int]]:
    """Where rules stand whose events may be absent, one beside the other: from, and to before."""
    start = None
    for index, rule in enumerate(rules):
        if rule.may_lack and start is None:
            start = index
        elif not rule.may_lack and start is not None:
            yield start, index
            start = None
    if start is not None:
        yield start, len(rules)


def patterns(rules: Sequence[Rule], start: int, end: int) -> list[tuple[int, ...]]:
    """What boots had in a gap: the rules whose event was there.

    Who says of one rule only what he had has not said what was there of the others: he stands for no combination.
    """
    here = rules[start:end]
    having = [frozenset(rule.witnesses) for rule in here]
    told = [have.union(rule.without) for have, rule in zip(having, here, strict=True)]
    boots = dict.fromkeys(name for rule in here for name in (*rule.witnesses, *rule.without))
    whole = (boot for boot in boots if all(boot in names for names in told))
    return list(dict.fromkeys(tuple(start + n for n, have in enumerate(having) if boot in have) for boot in whole))


def match(policy: RegisterPolicy, entries: Sequence[Entry]) -> Match:
    """Hold the entries of a register, in their order, against its rules."""
    matcher = _Matcher(policy, entries)
    whole = _whole(matcher)
    if whole is not None:
        return Match(True, whole, {})
    found = paired(
        (len(matcher.rules), len(entries)),
        matcher.weight,
        lambda i, j: not matcher.wrong(i, j),
        matcher.both,
    )
    pairs = dict(found)
    wrong = {i: reason for i, j in found if (reason := matcher.wrong(i, j))}
    unseen: set[int] = set()
    for start, end in gaps(matcher.rules):
        there = tuple(i for i in range(start, end) if i in pairs)
        if there not in patterns(matcher.rules, start, end):
            unseen.update(range(start, end))
    return Match(False, pairs, wrong, frozenset(unseen))


def _whole(matcher: _Matcher) -> dict[int, int] | None:
    """The entries by their rules, if there is a way to have each entry spoken for and nothing absent that must be."""
    rules, count = matcher.rules, len(matcher.entries)
    if count > len(rules):
        return None
    ends = dict(gaps(rules))
    #: How each position in the entries was reached, stage by stage.
    stages: list[dict[int, tuple[int, tuple[int, ...]]]] = [{0: (0, ())}]
    index = 0
    while index < len(rules):
        end = ends.get(index, index + 1)
        ways = patterns(rules, index, end) if index in ends else [(index,)]
        reached: dict[int, tuple[int, tuple[int, ...]]] = {}
        for position in stages[-1]:
            for way in ways:
                after = position + len(way)
                if after > count or after in reached:
                    continue
                if all(not matcher.wrong(rule, position + n) for n, rule in enumerate(way)):
                    reached[after] = position, way
        if not reached:
            return None
        stages.append(reached)
        index = end
    if count not in stages[-1]:
        return None
    pairs: dict[int, int] = {}
    position = count
    for stage in reversed(stages[1:]):
        before, way = stage[position]
        pairs.update((rule, before + n) for n, rule in enumerate(way))
        position = before
    return pairs
