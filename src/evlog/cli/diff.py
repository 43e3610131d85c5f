"""What differs between two logs: register by register, event by event, in words.

Two boots of one machine, or two machines. Registers come with the first event where they part, and with their values;
only the order within a register counts. What no register covers, such as the address of an image, is no difference.
Side by side on a terminal. Exit code 1 if anything differs.
"""

from __future__ import annotations

import sys

from evlog.cli import _common, _keep
from evlog.cli._page import Page, title_of
from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from evlog.comparing.diff import Change, Difference, RegisterDifference
    from evlog.model import Log

_MARKS = {"changed": "~", "added": "+", "removed": "-"}
_COLOURS = {"changed": "yellow", "added": "green", "removed": "red"}
_INDENT = 16  # a SHA-256 behind it fills a line


EXAMPLES = (
    "evlog diff yesterday.bin today.bin",
    "evlog diff A B --register pcr:7",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="A")
    parser.add_argument("b", metavar="B", help="the log to compare it with")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.diff/1)")
    _common.color_argument(parser)


def run(args: argparse.Namespace) -> int:
    from evlog.comparing.diff import diff

    keep = _keep.of(args)
    a, b = logs = [_common.open_whole(args, source) for source in _common.checked(args.log, args.b)]
    _common.need_list(args, logs)
    if keep.banks is not None:
        a, b = (log.replace(algorithms=tuple(filter(keep.has_bank, log.algorithms))) for log in logs)
    _common.under_way("comparing")
    whole = diff(a, b, platform=args.platform)
    result = _kept(whole, keep)
    if args.json:
        from evlog.report.documents.difference import document

        _common.print_json(document(result))
    else:
        page = Page(args.color)
        if sys.stdout.isatty():
            print_side_by_side(result, a, b, page, every=keep.banks is not None)
        else:
            print_plain(result, page, every=keep.banks is not None)
    for log in logs:
        _common.report(keep.findings(log.findings, log), log.name)
    there = (*(each.register for each in whole.registers), *whole.equal_registers)
    _common.say_absent(keep.absent(there, (alg for log in logs for alg in log.algorithms), whole.platform))
    return int(not result.equal or a.failed or b.failed)


def _kept(result: Difference, keep: _keep.Keep) -> Difference:
    return result.replace(
        registers=tuple(each for each in result.registers if keep.has(each.register, result.platform)),
        equal_registers=tuple(each for each in result.equal_registers if keep.has(each, result.platform)),
        moved=tuple(each for each in result.moved if keep.has(each.register, result.platform)),
    )


def _title(each: RegisterDifference, platform: str | None) -> str:
    name = title_of(each.register, platform).strip()
    if each.extended_alike:
        return f"{name}: the same digests, other contents"
    return f"{name}: differs from event {each.first_divergence}"


def _values(each: RegisterDifference, every: bool) -> Iterator[tuple[str, str, str]]:
    """The banks that are told, and the register's value on either side: where none was asked for, the strongest."""
    if each.extended_alike:
        return
    rows = {alg: values for alg, *values in each.values}
    told = list(rows) if every else [alg for alg in (_common.telling_bank(rows),) if alg is not None]
    for alg in told:
        was, now = (value.hex() if value is not None else "no value" for value in rows[alg])
        yield alg.name, was, now


def _digests(change: Change, every: bool) -> Iterator[tuple[str, str, str]]:
    """What was measured on either side, where nothing else tells it."""
    if change.covered or not change.digests:
        return
    from evlog.algorithms import HashAlg

    rows = {HashAlg.named(alg): (was.hex(), now.hex()) for alg, was, now in change.digests}
    for alg in rows if every else (_common.telling_bank(rows),):
        if alg is not None and rows[alg][0] != rows[alg][1]:
            yield alg.name, *rows[alg]


def _equal(result: Difference) -> str:
    names = ", ".join(map(str, result.equal_registers))
    return f"equal: {names}" if names else "no register is equal"


def _sides(page: Page, rows: Iterable[tuple[str, str, str]]) -> None:
    """A line for each side's value."""
    for name, was, now in rows:
        page.line((f"{name:>{_INDENT - 3}}   ", "dim"), was)
        page.line((f"{'became':>{_INDENT - 3}}   ", "dim"), now)


def _end(page: Page, result: Difference) -> None:
    page.paragraph("", _equal(result), "green" if result.equal else "", 2)
    for note in result.notes:
        page.paragraph(("note: ", "dim"), note)


def print_plain(result: Difference, page: Page, *, every: bool = False) -> None:
    """A line for each change, marked ~ + or -; ``every`` bank's values, or the strongest's."""
    for each in result.registers:
        page.line((_title(each, result.platform), "bold"))
        _sides(page, _values(each, every))
        for change in each.changes:
            start = f"  {_MARKS[change.kind]} {_numbers(change):11} "
            page.line((start, _COLOURS[change.kind]), change.words)
            _sides(page, _digests(change, every))
    _end(page, result)


def _numbers(change: Change) -> str:
    a = "" if change.a is None else str(change.a)
    b = "" if change.b is None else str(change.b)
    return f"{a:>4} | {b:<4}"


def print_side_by_side(result: Difference, a: Log, b: Log, page: Page, *, every: bool = False) -> None:
    """A table for each register that differs: an event of both logs in a row, and below it what became of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, no_color=not page.coloured, width=page.width)
    for each in result.registers:
        page.line((_title(each, result.platform), "bold"))
        _sides(page, _values(each, every))
        table = Table(box=None, pad_edge=False, expand=True, show_header=each is result.registers[0])
        table.add_column(Text(printable(a.name or "A"), style="bold"), ratio=1)
        table.add_column("", no_wrap=True)
        table.add_column(Text(printable(b.name or "B"), style="bold"), ratio=1)
        for change in each.changes:
            colour = _COLOURS[change.kind]
            sides = [printable(_side(change.a, change.was)), printable(_side(change.b, change.now))]
            mark = Text(_MARKS[change.kind], style=colour)
            table.add_row(Text(sides[0], style=colour), mark, Text(sides[1], style=colour))
            if change.was == change.now:
                table.add_row("", "", Text(printable(change.words.rpartition(": ")[2]), style="dim"))
            for name, was, now in _digests(change, every):
                digests = (Text(f"{name} {side}", "dim", no_wrap=True, overflow="ellipsis") for side in (was, now))
                table.add_row(next(digests), "", next(digests))
        console.print(table)
        page.line("")
    _end(page, result)


def _side(number: int | None, line: str) -> str:
    return "" if number is None else f"{number} {line}"
