"""What the firmware of a log covers with its digests, where it has a choice."""

from __future__ import annotations

from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.checking.facts import Facts

__all__ = ["Convention", "conventions_of"]


class Convention(Record):
    """What the firmware of a log covers with the digests of one event type: the rule that most of them satisfy.

    ``events`` counts those, ``others`` the events of this type whose digests satisfy another rule.
    """

    event_type: int
    rule: str
    events: int
    others: int = 0


def conventions_of(facts: Facts) -> tuple[Convention, ...]:
    """By the first digest of each event that satisfies a rule, for the types where firmware has a choice."""
    from evlog.contents._pcclient_rules import CONVENTIONS

    conventions = []
    for event_type in sorted(CONVENTIONS):
        found = [next((check.rule for check in row.checks if check.rule), None) for row in facts.of_type(event_type)]
        # The first of those that are as many.
        rules = {rule: found.count(rule) for rule in found if rule is not None}
        if rules:
            rule = max(rules, key=rules.__getitem__)
            conventions.append(Convention(event_type, rule, rules[rule], sum(rules.values()) - rules[rule]))
    return tuple(conventions)
