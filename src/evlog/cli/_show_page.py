"""`evlog show` for people: a line or a tree for each event, a line for each register, then what is odd."""

from __future__ import annotations

from evlog.checking.bodies import Bodies
from evlog.cli import _common
from evlog.cli._page import Page
from evlog.cli._selection import VERDICTS, verdict
from evlog.contents._printable import printable
from evlog.contents.event_types import name_of
from evlog.decoders import Context, decode, to_json
from evlog.decoders.describe import short_type, summary
from evlog.report.outline import outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.decoders import Decoded
    from evlog.model import Event, Finding, Log
    from evlog.registers import Register

__all__ = ["show"]

_STYLES = {"matches": "green", "mismatch": "bold red", "not_checkable": "dim", None: "dim"}
_MARKS = {"matches": "✓", "mismatch": "✗", "not_checkable": "·", None: " "}
_ASCII_MARKS = {"matches": "+", "mismatch": "!", "not_checkable": ".", None: " "}
_SEVERITIES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_TYPE_WIDTH = 22
_LONGEST = 400  # characters of a value in a tree: certificates' names fit, certificates do not


def show(log: Log, checks: Checks, chosen: list[int], *, tree: bool) -> None:
    """Print the chosen events of a log."""
    page = Page()
    marks = _MARKS if page.unicode else _ASCII_MARKS
    page.line((heading(log), "bold"))
    context = Context.of(log)
    bodies = Bodies()
    names: dict[Register, str] = {}
    widest = 0
    counts: dict[Register, dict[str | None, int]] = {}
    # Events may be many, and made when asked for: none is kept.
    for number, event in _each(log, chosen):
        register = event.register
        row = counts.get(register)
        if row is None:
            row, names[register] = counts.setdefault(register, {}), _name(register, log)
        found = verdict(checks[number])
        row[found] = row.get(found, 0) + 1
        widest = max(widest, len(short_type(event)))
    widths = max(map(len, names.values()), default=0), min(_TYPE_WIDTH, widest)
    warned = {finding.event for finding in checks.findings if finding.severity == "warning"}
    for number, event in _each(log, chosen):
        decoded = decode(event, context)
        bodies.look(event, decoded)
        if tree:
            _tree(page, marks, names[event.register], event, checks[number], decoded)
        else:
            columns = (names[event.register].ljust(widths[0]), _cut(short_type(event), widths[1]).ljust(widths[1]))
            _line(page, marks, columns, event, checks[number], decoded, number in warned)
    _registers(page, marks, log, counts, names)
    _findings(page, (*checks.findings, *bodies.findings()), chosen)


def _each(log: Log, chosen: list[int]) -> Iterator[tuple[int, Event]]:
    """The chosen events and their numbers."""
    if len(chosen) == len(log.events):
        return zip(chosen, log.events, strict=True)
    return ((number, log.events[number]) for number in chosen)


def heading(log: Log) -> str:
    """What the log is."""
    banks = ", ".join(map(str, log.algorithms)) or "no bank"
    platform = f", {log.platform}" if log.platform else ""
    return f"{log.format}{platform}: {_common.events(len(log.events))}, {banks}"


def _name(register: Register, log: Log) -> str:
    """A register's id, and its name on the platform where that is not the same again."""
    label = register.label(log.platform)
    return str(register) if label == register.label() else f"{register} {label}"


def _cut(text: str, width: int) -> str:
    """The text in at most so many columns; wide characters take two."""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    from unicodedata import combining, east_asian_width

    columns = 0
    for at, character in enumerate(text):
        columns += 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        if columns > width:
            return _cut(text[: max(at - 1, 0)], width - 1) + "…"
    return text


def _line(
    page: Page,
    marks: dict[str | None, str],
    columns: tuple[str, str],
    event: Event,
    checks: tuple[DigestCheck, ...],
    decoded: Decoded | None,
    warned: bool,
) -> None:
    register, kind = columns
    found = verdict(checks)
    style = "yellow" if warned else "" if event.measured else "dim"
    start = f"{event.number:>4} "
    used = len(start) + 1 + len(register) + 2 + len(kind) + 1
    what = _cut(summary(event, decoded), max(page.width - used, 12))
    page.line(
        (start, "dim"),
        (marks[found], _STYLES[found]),
        (f" {register} ", style or "cyan"),
        (kind + " ", style or "blue"),
        (what, style),
    )


def _tree(
    page: Page,
    marks: dict[str | None, str],
    register: str,
    event: Event,
    checks: tuple[DigestCheck, ...],
    decoded: Decoded | None,
) -> None:
    """All that is known of an event, indented."""
    content = event.content
    kind = name_of(content)
    place = f"  at {event.origin.span.offset:#x}, {event.origin.span.length} bytes" if event.origin else ""
    page.line("")
    page.line((f"{event.number:>4} ", "dim"), (f"{register}  ", "cyan"), (kind, "bold blue"), (place, "dim"))
    if event.recnum is not None:
        page.line(("     record number ", "dim"), str(event.recnum))
    mark = content.mark(event)
    for at, digest in enumerate(event.digests):
        found = checks[at] if at < len(checks) else None
        name = found.verdict if found else None
        rule = found.rule or mark or found.verdict.replace("_", " ") if found else "not extended"
        page.line(
            ("     ", ""),
            (marks[name], _STYLES[name]),
            f" {digest.alg!s:8} {digest.value.hex()} ",
            (rule.replace("_", " "), _STYLES[name]),
        )
    members = to_json(decoded or content.decoded) or content.to_json()
    head = decoded.kind if decoded is not None else content.kind
    page.line(("     " + head.replace("_", " ") + "  ", "bold"), _cut(summary(event, decoded), _LONGEST))
    for depth, key, value in outline(members, 1):
        start = "     " + "  " * depth + key.replace("_", " ") + ":"
        text = printable(value)
        if len(text) > _LONGEST:
            text = f"{_cut(text, max(page.width - len(start) - 20, 20))} ({len(text)} characters)"
        page.line((start, "dim"), f" {text}" if text else "")


def _registers(
    page: Page,
    marks: dict[str | None, str],
    log: Log,
    counts: dict[Register, dict[str | None, int]],
    names: dict[Register, str],
) -> None:
    """For each register how many events it has, how their digests stand, and what it replays to in one bank."""
    from evlog.replaying.replay import replay

    if not counts:
        return
    values = replay(log)
    banks = {row.alg for row in values if row.value is not None}
    bank = next((alg for alg in reversed(log.algorithms) if alg in banks and alg.size <= 32), None)
    bank = bank or next((alg for alg in log.algorithms if alg in banks), None)
    told = {row.register: row.value for row in values if row.alg == bank}
    width = max(len("register"), *(len(names[register]) for register in counts))
    page.line("")
    heads = "".join(f"{marks[name]:>6}" for name in VERDICTS)
    page.line((f"{'register':{width}} events{heads}  {f'replayed {bank}' if bank else ''}".rstrip(), "bold"))
    room = page.width - width - 7 - 18 - 2
    for register in sorted(counts, key=lambda each: each.sort_key):
        row = counts[register]
        value = told.get(register)
        numbers = tuple(
            (f"{row.get(name, 0) or '-':>6}", _STYLES[name] if row.get(name) else "dim") for name in VERDICTS
        )
        shown = _cut(value.hex(), room) if value is not None else ""
        page.line((f"{names[register]:{width}}", "cyan"), f" {sum(row.values()):>6}", *numbers, ("  " + shown).rstrip())


def _findings(page: Page, findings: Iterable[Finding], chosen: Iterable[int]) -> None:
    """What was found, of the chosen events and of the log as a whole."""
    numbers = set(chosen)
    found = [each for each in findings if each.event is None or each.event in numbers]
    if not found:
        return
    page.line("")
    for each in sorted(found, key=lambda finding: finding.severity == "note"):
        # A finding of several events names them itself.
        where = "" if each.event is None or "(events " in each.message else f"event {each.event}: "
        page.paragraph((f"{each.severity + ':':9}", _SEVERITIES[each.severity]), f"{where}{each.message}")
