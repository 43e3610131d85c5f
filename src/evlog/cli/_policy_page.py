"""Policies and checks against them, for people and as JSON."""

from __future__ import annotations

from evlog.cli._page import Page
from evlog.registers import RegisterSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.model import Log
    from evlog.policy.rules import BootPolicy, RegisterPolicy, Rule, Value
    from evlog.policy.verdicts import PolicyCheck, RuleVerdict

__all__ = ["check", "document", "page", "summary"]

#: Boots that are named one by one, and lines of a kind that a summary has.
_NAMES, _LINES = 4, 12
_STYLES = {"kept": "green", "free": "yellow", "broken": "bold red", "missing": "bold red", "unproven": "yellow"}


def summary(policy: BootPolicy) -> None:
    """What was learned: the boots, the registers, and what a person should look at."""
    out = Page()
    _boots(out, policy)
    _registers(out, policy)
    _worth_a_look(out, policy)


def page(policy: BootPolicy, *, values: bool) -> None:
    """The policy as a whole."""
    out = Page()
    _boots(out, policy)
    for boot in policy.boots:
        out.paragraph((f"  {boot.standing}: ", "dim"), f"{boot.name}, {boot.events} events", "", 4)
    _registers(out, policy)
    _worth_a_look(out, policy)
    for static in policy.static:
        for value, names in static.values:
            what = f"{static.register.label(policy.platform)} {static.alg} {value.hex()}: {_named(policy, names)}"
            out.paragraph("static ", what, "", 2)
    for each in policy.registers:
        out.paragraph("", f"{each.register} {each.register.label(policy.platform)}", "bold", 2)
        for start in each.starts if len(each.starts) > 1 else ():
            out.paragraph("  start    ", f"{start.reason}: {_named(policy, start.witnesses)}", "", 4)
        for rule in each.rules:
            _rule(out, policy, each, rule, values=values)
        for file in each.files:
            out.paragraph(f"  {file.rule:8} ", f"{file.kind} {file.name}: {_named(policy, file.witnesses)}", "", 11)
            for had in file.values if values or len(file.values) > 1 else ():
                out.paragraph("             ", f"{had}: {_named(policy, had.witnesses)}", "dim", 15)
        for name, paths in (("excluded", each.excluded), ("proposed", each.proposed)):
            for path in paths:
                out.paragraph(f"  {name} ", path, "yellow", 11)


def _boots(out: Page, policy: BootPolicy) -> None:
    counts = [(word, sum(boot.standing == word for boot in policy.boots)) for word in ("verified", "read", "predicted")]
    said = ", ".join(f"{count} {word}" for word, count in counts if count)
    out.paragraph("", f"a policy of {_count(len(policy.boots), 'boot')} ({said})", "bold", 2)


def _registers(out: Page, policy: BootPolicy) -> None:
    for word, what in (("value", "stable as values"), ("events", "stable as events only")):
        registers = [each.register for each in policy.registers if each.stable == word]
        if registers:
            out.paragraph(f"  {what}: ", str(RegisterSet.of(registers)), "", 4)
    if policy.ignored:
        out.paragraph("  ignored, not judged: ", str(RegisterSet.of(policy.ignored)), "yellow", 4)
    kinds: dict[str, int] = {}
    for each in policy.registers:
        for rule in each.all:
            kinds[rule.rule] = kinds.get(rule.rule, 0) + 1
    out.paragraph("  rules: ", ", ".join(f"{count} {kind}" for kind, count in kinds.items()), "", 4)
    weak = [each.register for each in policy.registers if each.rules and all(str(alg) == "sha1" for alg in each.banks)]
    if weak:
        out.paragraph("  in SHA-1 only, which proves little: ", str(RegisterSet.of(weak)), "yellow", 4)


def _worth_a_look(out: Page, policy: BootPolicy) -> None:
    """What a person decides: rules that judge nothing, those with one witness, what might be excluded."""
    rows: dict[str, list[str]] = {
        "free": [f"{each.register} {rule.about}" for each, rule in policy.free],
        "one witness": [
            f"{each.register} {rule.about}: {witnesses[0]}"
            for each, rule in policy.single
            for witnesses in rule.witnesses_of
            if len(witnesses) == 1
        ],
        "to exclude?": [f"{each.register} {path}" for each in policy.registers for path in each.proposed],
    }
    for name, lines in rows.items():
        for line in lines[:_LINES]:
            out.paragraph((f"  {name}: ", "yellow"), line, "", 4)
        if len(lines) > _LINES:
            out.paragraph((f"  {name}: ", "yellow"), f"and {len(lines) - _LINES} more", "", 4)


def _rule(out: Page, policy: BootPolicy, each: RegisterPolicy, rule: Rule, *, values: bool) -> None:
    words = {value.words for value in rule.values}
    told = next(iter(words)) if len(words) == 1 else ""
    words_too = told and told not in rule.about and told.casefold() != rule.type.removeprefix("EV_").casefold()
    said = f"{rule.about}{f' ({told})' if words_too else ''}: {_named(policy, rule.witnesses)}"
    if rule.without:
        said += f"; without it {_named(policy, rule.without)}"
    out.paragraph(f"  {rule.rule:8} ", said, "yellow" if rule.rule == "free" else "", 11)
    distinct = len({value.digests for value in rule.values}) > 1
    for value in rule.values if values or distinct else ():
        out.paragraph("             ", _value(policy, value, values=values), "dim", 15)


def _value(policy: BootPolicy, value: Value, *, values: bool) -> str:
    digests = [str(digest) for digest in value.digests] if values else [_strongest(value)]
    return f"{value.words or value.about}, {' '.join(digests)} ({value.check}): {_named(policy, value.witnesses)}"


def _strongest(value: Value) -> str:
    for name in ("sha256", "sha384", "sha512"):
        found = next((digest for digest in value.digests if digest.alg.name == name), None)
        if found is not None:
            return f"{name}:{found.value.hex()[:16]}..."
    return str(value.digests[0]) if value.digests else ""


def _named(policy: BootPolicy, names: Sequence[str]) -> str:
    """Who bears witness."""
    if len(names) == len(policy.boots) > 1:
        return "all boots"
    if len(names) <= _NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def check(result: PolicyCheck, *, values: bool) -> None:
    """The answer, then what is not as the policy wants it."""
    from evlog.cli import _verify_page
    from evlog.cli.verify import answer

    out = Page()
    if result.verification is not None:
        _verify_page.show(result.verification, answer(result.verification), values=values, page=out)
    out.paragraph("", _answer(result), "bold green" if result.ok else "bold red", 2)
    for row in result.rules:
        if values or row.verdict not in ("kept", "unproven"):
            _verdict(out, result, row)
    unproven = [row for row in result.rules if row.verdict == "unproven"]
    for reason, rows in _by_reason(unproven) if not values else ():
        out.paragraph(("  unproven: ", "yellow"), f"{_count(len(rows), 'rule')}: {reason}", "", 4)
    for event in result.unspoken:
        where = f"{event.register} {event.about}, {_place(event.log, event.event)}: {event.reason}"
        out.paragraph(("  unspoken: ", "bold red"), where, "", 4)
    if result.ignored:
        out.paragraph(("  ignored: ", "yellow"), f"{_count(result.ignored, 'event')} that the policy leaves out", "", 4)


def _by_reason(rows: Iterable[RuleVerdict]) -> Iterable[tuple[str, list[RuleVerdict]]]:
    found: dict[str, list[RuleVerdict]] = {}
    for row in rows:
        found.setdefault(row.reason, []).append(row)
    return found.items()


def _answer(result: PolicyCheck) -> str:
    names = ("kept", "free", "broken", "missing", "unproven")
    counts = [f"{result.count(name)} {name}" for name in names if result.count(name)]
    if result.unspoken:
        counts.append(f"{_count(len(result.unspoken), 'event')} unspoken for")
    word = "the policy is kept" if result.ok else "NOT KEPT"
    if result.unverified:
        word += ", by what the logs say: nothing is verified"
    return f"{word}: {', '.join(counts) or 'no rule'}"


def _verdict(out: Page, result: PolicyCheck, row: RuleVerdict) -> None:
    said = f"{row.register} {row.about} ({row.rule})"
    if row.log is not None and row.event is not None:
        said += f", {_place(row.log, row.event)}"
    if row.reason:
        said += f": {row.reason}"
    said += f"; witness {_named(result.policy, row.witnesses)}"
    out.paragraph((f"  {row.verdict}: ", _STYLES[row.verdict]), said, "", 4)


def _place(log: Log, number: int) -> str:
    event = log.events[number]
    said = f"event {number}" + (f" of {log.name}" if log.name else "")
    if event.origin is not None:
        span = event.origin.span
        said += f", {span.length} bytes at {span.offset:#x}"
    return said


def document(result: PolicyCheck, code: int) -> dict[str, Any]:
    """The result as ``evlog.policy-check/1``."""
    from evlog.report.documents.verification import document as of_verify

    platform = result.policy.platform
    verification = result.verification
    return {
        "schema": "evlog.policy-check/1",
        "ok": result.ok,
        "exit": code,
        "unverified": result.unverified,
        "counts": {name: result.count(name) for name in ("kept", "free", "broken", "missing", "unproven")},
        "rules": [
            {
                "rule": row.rule,
                "register": str(row.register),
                "label": row.register.label(platform),
                "about": row.about,
                "verdict": row.verdict,
                **_span(row.log, row.event),
                "witnesses": list(row.witnesses),
                "reason": row.reason or None,
            }
            for row in result.rules
        ],
        "unspoken": [each.event for each in result.unspoken],
        "unspoken_events": [
            {
                "register": str(each.register),
                "label": each.register.label(platform),
                "about": each.about,
                **_span(each.log, each.event),
                "reason": each.reason,
            }
            for each in result.unspoken
        ],
        "ignored": {"registers": [str(register) for register in result.policy.ignored], "events": result.ignored},
        "verification": None if verification is None else of_verify(verification, int(not verification.ok)),
        "findings": [finding.to_json() for finding in result.findings],
    }


def _span(log: Log | None, number: int | None) -> dict[str, Any]:
    if log is None or number is None:
        return {"event": None, "log": None, "offset": None, "length": None}
    origin = log.events[number].origin
    span = None if origin is None else origin.span
    return {
        "event": number,
        "log": log.name,
        "offset": None if span is None else span.offset,
        "length": None if span is None else span.length,
    }
