"""`evlog verify` for people: the answer, a row for each register with its banks as columns, then every reason once.

What is longer than a line is wrapped and indented: text of a log or a file's name never begins a line.
"""

from __future__ import annotations

from evlog.cli import _common
from evlog.cli._page import Page, title_of
from evlog.registers import RegisterSet
from evlog.verifying.verdict import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.algorithms import HashAlg
    from evlog.registers import Register
    from evlog.verifying.verify import RegisterVerdict, Verification

__all__ = ["show", "standings"]

#: The worst first: a register's word is that of its worst bank.
_ORDER = ("mismatch", "incomplete", "not_logged", "static", "match", "not_reported")
_STYLES = {"match": "green", "mismatch": "bold red", "not_reported": "dim", "static": "green"}
_MARKS = {"match": "✓", "mismatch": "✗", "static": "✓", "not_reported": " ", "not_logged": "-"}
_ASCII_MARKS = {"match": "+", "mismatch": "!", "static": "+", "not_reported": " ", "not_logged": "-"}
_SEVERITIES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_STANDINGS = {"proven": "green", "claimed": "yellow", "digest_only": "", "informative": "dim"}


def show(result: Verification, line: str, *, values: bool, page: Page) -> None:
    """Print the verdict ``line`` and what it rests on; ``values`` are printed where they are asked for."""
    page.paragraph("", line, "bold green" if result.ok else "bold red", 2)
    banks = list(dict.fromkeys(row.alg for row in result.registers))
    table: dict[Register, dict[HashAlg, RegisterVerdict]] = {}
    for row in result.registers:
        table.setdefault(row.register, {})[row.alg] = row
    idle = {register for register, cells in table.items() if all(map(_idle, cells.values()))}
    silent = {register for register, cells in table.items() if _silent(cells.values())}
    told = {register: cells for register, cells in table.items() if register not in idle | silent}
    if told:
        _table(page, result, told, banks, values)
    for registers, what in ((idle, "without events, at the start value"), (silent, "in the logs only, not judged")):
        if registers:
            page.paragraph((f"  {what}: ", "dim"), str(RegisterSet.of(registers)), "dim", 4)
    _reasons(page, {register: cells for register, cells in table.items() if register not in idle})
    _behind(page, result)


def _idle(row: RegisterVerdict) -> bool:
    return not row.events and row.verdict == "match"


def _silent(rows: Iterable[RegisterVerdict]) -> bool:
    return all(row.verdict == "not_reported" and not row.demanded for row in rows)


def _table(
    page: Page,
    result: Verification,
    table: dict[Register, dict[HashAlg, RegisterVerdict]],
    banks: list[HashAlg],
    values: bool,
) -> None:
    marks = _MARKS if page.unicode else _ASCII_MARKS
    names = {register: title_of(register, result.platform) for register in table}
    width = max(len("register"), *map(len, names.values()))
    heads = "".join(f" {alg!s:^7}" for alg in banks)
    page.line("")
    page.line((f"  {'register':{width}} events{heads}".rstrip(), "bold"))
    for register, cells in table.items():
        worst = min((row.verdict for row in cells.values()), key=_ORDER.index)
        events = max(row.events for row in cells.values())
        said = [
            (
                f"    {marks.get(cells[alg].verdict, '?') if alg in cells else ' '}   ",
                _style(cells[alg]) if alg in cells else "",
            )
            for alg in banks
        ]
        style = "cyan" if any(row.demanded for row in cells.values()) else "dim"
        page.line(
            (f"  {names[register]:{width}}", style),
            f" {events or '-':>6}",
            *said,
            (f"  {worst.replace('_', ' ')}", _STYLES.get(worst, "yellow")),
        )
        for row in cells.values() if values else ():
            _values(page, row)


def _style(row: RegisterVerdict) -> str:
    return _STYLES.get(row.verdict, "yellow")


def _values(page: Page, row: RegisterVerdict) -> None:
    sides = [("replayed", row.replayed), ("expected", row.expected)]
    if row.replayed == row.expected:
        sides = [("", row.replayed)]
    for name, value in sides:
        if value is not None:
            page.line((f"    {row.alg!s:8}{name:9}" if name else f"    {row.alg!s:8}", "dim"), value.hex())


def _reasons(page: Page, table: dict[Register, dict[HashAlg, RegisterVerdict]]) -> None:
    """Each explanation once, with the registers and banks that it is of."""
    reasons: dict[str, dict[Register, list[RegisterVerdict]]] = {}
    for register, cells in table.items():
        for row in told(cells.values()):
            reasons.setdefault(row.explanation or "", {}).setdefault(register, []).append(row)
    if reasons:
        page.line("")
    for explanation, registers in reasons.items():
        banks = {alg for rows in registers.values() for alg in (row.alg for row in rows)}
        every = all(_of_all(table[register], rows) for register, rows in registers.items())
        of = "" if every else f" ({', '.join(str(alg) for alg in sorted(banks, key=lambda alg: alg.id))})"
        page.paragraph((f"  {RegisterSet.of(registers)}{of}: ", "cyan"), explanation, "", 4)


def _of_all(cells: dict[HashAlg, RegisterVerdict], explained: list[RegisterVerdict]) -> bool:
    """Whether an explanation of some banks of a register is all that is said of it."""
    others = [row for row in cells.values() if row not in explained]
    return all(row.cause == "not_explained" for row in others)


def _behind(page: Page, result: Verification) -> None:
    """What stands behind the values, what was noticed, and what is missing."""
    page.line("")
    evidence = result.evidence
    for title, sentences, style in (
        ("authenticated", evidence.authenticated, "green"),
        ("only read", evidence.read_only, "yellow"),
    ):
        for sentence in sentences:
            page.paragraph((f"  {title}: ", style), sentence, "", 4)
    for finding in evidence.findings:
        page.paragraph((f"  {finding.severity}: ", _SEVERITIES[finding.severity]), finding.message, "", 4)
    for each in result.shortfalls:
        where = f"{each.register}: " if each.register is not None else ""
        page.paragraph(("  falls short: ", "bold red"), f"{where}{each.sentence}", "", 4)
        if each.option:
            # To be copied: it stands by itself, and is not wrapped.
            page.line(f"    (--accept {_quoted(each.option)})")


def _quoted(option: str) -> str:
    """An option as a shell takes it: a register's name is whatever a log says."""
    if option.replace(":", "").replace("_", "").isalnum() and option.isascii():
        return option
    from shlex import quote

    return quote(option)


def standings(result: Verification, page: Page) -> None:
    """One line an event: how far it is proven, and what it is."""
    from evlog.decoders import Context, decode
    from evlog.decoders.describe import short_type, summary

    page.line("")
    for verified in result.logs:
        if len(result.logs) > 1:
            page.line((_common.shown(verified.log.name), "bold"))
        context = Context.of(verified.log)
        for event, standing in verified.standings():
            style = _STANDINGS.get(standing, "")
            what = f"{short_type(event)} {summary(event, decode(event, context))}"
            start = f"  {event.number:>4}  {event.register!s:7} "
            kept = what if len(what) <= page.width - len(start) - 13 else what[: page.width - len(start) - 14] + "…"
            page.line(
                start, (f"{standing:12} ", style), (kept, "dim" if standing in ("claimed", "informative") else "")
            )
