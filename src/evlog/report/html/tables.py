"""Tables of a page: registers, verdicts, hand-overs, findings, differences. HTML without a script."""

from __future__ import annotations

from evlog.report.html.escape import text
from evlog.verifying.verdict import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.comparing.diff import Change, Difference
    from evlog.evidence import Evidence
    from evlog.merging.merge import Handover
    from evlog.model import Finding, Log
    from evlog.registers import Register
    from evlog.replaying.replay import Replay
    from evlog.verifying.verdict import RegisterVerdict
    from evlog.verifying.verify import Verification

__all__ = ["about", "difference", "evidence", "findings", "handovers", "replayed", "table", "title_of", "verified"]

_TONES = {"match": "good", "mismatch": "bad", "not_logged": "odd", "not_reported": "odd", "incomplete": "odd"}
_HANDOVERS = {"continuous": "good", "explained_gap": "odd", "gap": "bad", "unanchored": "odd"}
_SEVERITIES = {"error": "bad", "warning": "odd", "note": "calm"}
_MARKS = {"changed": "~", "added": "+", "removed": "-"}
_CHANGES = {"changed": "odd", "added": "good", "removed": "bad"}


def title_of(register: Register, platform: str | None) -> str:
    """A register's id, its name on the platform and what it is for, as HTML."""
    label = register.label(platform)
    said = [] if label == register.label() else [label]
    said += [register.purpose] if register.purpose else []
    more = f" <small>{text(' '.join(said))}</small>" if said else ""
    return f"<span class=name><code>{text(register)}</code>{more}</span>"


def about(log: Log) -> str:
    """What a log is, in a line."""
    banks = ", ".join(map(str, log.algorithms)) or "no bank"
    platform = f", {log.platform}" if log.platform else ""
    count = f"{len(log.events)} event{'s' * (len(log.events) != 1)}"
    return f"<b>{text(log.name or 'a log')}</b> {text(f'{log.format}{platform}')} · {count} · {text(banks)}"


def replayed(result: Replay, platform: str | None) -> str:
    """The registers that logs add up to: one in a row, its banks in columns."""
    banks = _banks(row.alg for row in result.rows)
    cells_of: dict[Register, dict[HashAlg, str]] = {}
    counts: dict[Register, int] = {}
    for row in result.rows:
        value = _value(row.value) if row.value is not None else f"<b class=odd>{text(row.status)}</b>"
        cells_of.setdefault(row.register, {})[row.alg] = value
        counts[row.register] = max(row.events, counts.get(row.register, 0))
    return table(
        ("register", "events", *banks),
        (
            [title_of(register, platform), counts[register], *(cells.get(alg, "") for alg in banks)]
            for register, cells in cells_of.items()
        ),
    )


def verified(result: Verification) -> str:
    """One register in a row, its banks in columns, what was replayed and expected where they differ, and why."""
    banks = _banks(row.alg for row in result.registers)
    cells_of: dict[Register, dict[HashAlg, RegisterVerdict]] = {}
    for row in result.registers:
        cells_of.setdefault(row.register, {})[row.alg] = row

    def lines() -> Iterator[Sequence[object]]:
        for register, cells in cells_of.items():
            reasons = dict.fromkeys(row.explanation for row in told(cells.values()))
            events = max(row.events for row in cells.values())
            demanded = "<small>demanded</small>" if any(row.demanded for row in cells.values()) else ""
            why = "".join(f"<p>{text(each)}</p>" for each in reasons)
            yield [
                title_of(register, result.platform) + why,
                demanded,
                events,
                *(_verdict(cells.get(alg)) for alg in banks),
            ]

    return table(("register", "", "events", *banks), lines())


def _verdict(row: RegisterVerdict | None) -> str:
    if row is None:
        return ""
    said = f"<b class={_TONES.get(row.verdict, 'calm')}>{text(row.verdict.replace('_', ' '))}</b>"
    if row.verdict == "match" or row.expected is None:
        return said + (_value(row.replayed) if row.replayed is not None else "")
    lines = [f"<div><small>{name}</small> {_value(value)}</div>" for name, value in _sides(row) if value is not None]
    return said + "".join(lines)


def _sides(row: RegisterVerdict) -> tuple[tuple[str, bytes | None], ...]:
    return ("logs", row.replayed), ("evidence", row.expected)


def evidence(found: Evidence) -> str:
    """What stands behind the values, and what was only read."""
    rows = [("good", "authenticated", sentence) for sentence in found.authenticated]
    rows += [("calm", "only read", sentence) for sentence in found.read_only]
    rows += [("calm", "identity", f"{name} {value}") for name, value in found.identity]
    rows += [("calm", "claim", f"{name} {value}") for name, value in found.plain]
    return table(("", ""), ([f"<b class={tone}>{kind}</b>", text(sentence)] for tone, kind, sentence in rows))


def handovers(found: Iterable[Handover], platform: str | None) -> str:
    """Where one log goes on with a register that another left."""
    return table(
        ("register", "from", "to", "verdict", "evidence"),
        (
            [
                title_of(each.register, platform),
                text(each.source),
                text(each.target),
                f"<b class={_HANDOVERS.get(each.verdict, 'calm')}>{text(each.verdict.replace('_', ' '))}</b>",
                text(each.evidence),
            ]
            for each in found
        ),
    )


def findings(found: Iterable[Finding]) -> str:
    """What was noticed, the worst first; an event's number leads to it."""
    rows = sorted(found, key=lambda each: list(_SEVERITIES).index(each.severity))
    return table(
        ("", "event", "what"),
        (
            [
                f"<b class={_SEVERITIES[each.severity]}>{each.severity}</b>",
                "" if each.event is None else f'<a href="#event-{each.event}">{each.event}</a>',
                f"{text(each.message)} <small>{text(each.code)}</small>",
            ]
            for each in rows
        ),
    )


def difference(found: Difference) -> str:
    """The registers that differ, each with what changed; then those that are equal."""
    parts = []
    for each in found.registers:
        where = "the same digests" if each.extended_alike else f"differs from event {each.first_divergence}"
        rows = (_change(change) for change in each.changes)
        title = f"<h3>{title_of(each.register, found.platform)} {text(where)}</h3>"
        parts.append(title + table(("", "a", "b", "what"), rows))
    names = ", ".join(map(str, found.equal_registers))
    parts.append(f"<p>{'equal: ' + text(names) if names else 'no register is equal'}</p>")
    return "".join(parts)


def _change(change: Change) -> list[object]:
    sides = ["" if number is None else number for number in (change.a, change.b)]
    return [f"<b class={_CHANGES[change.kind]}>{_MARKS[change.kind]}</b>", *sides, text(change.words)]


def _banks(found: Iterable[HashAlg]) -> list[HashAlg]:
    return sorted(dict.fromkeys(found), key=lambda alg: alg.id)


def _value(value: bytes) -> str:
    """A register's value: its first digits, all of them for who selects or copies it."""
    digits = value.hex()
    return f'<code class=value title="{digits}">{digits}</code>'


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table of cells that are HTML; numbers stand to the right."""
    body = []
    for row in rows:
        cells = (f"<td class=n>{cell}" if isinstance(cell, int) else f"<td>{cell}" for cell in row)
        body.append(f"<tr>{''.join(cells)}")
    if not body:
        return ""
    head = "".join(f"<th scope=col>{text(each)}" if str(each) else "<td>" for each in heads)
    top = f"<thead><tr>{head}" if any(map(str, heads)) else ""
    return f"<div class=scroll tabindex=0><table>{top}<tbody>{''.join(body)}</table></div>"
