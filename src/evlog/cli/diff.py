"""What differs between two logs: register by register, event by event, in words.

Two boots of one machine, or two machines. Registers come with the first event where they part; only the order within
a register counts. Side by side on a terminal. Exit code 1 if anything differs.
"""

from __future__ import annotations

import sys

from evlog.cli import _common, _keep
from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from evlog.comparing.diff import Change, Difference, RegisterDifference
    from evlog.model import Log

_MARKS = {"changed": "~", "added": "+", "removed": "-"}
_COLOURS = {"changed": "yellow", "added": "green", "removed": "red"}


EXAMPLES = (
    "evlog diff yesterday.bin today.bin",
    "evlog diff A B --register pcr:7",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="A")
    parser.add_argument("b", metavar="B", help="the log to compare it with")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.diff/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.comparing.diff import diff

    keep = _keep.of(args)
    a, b = logs = [_common.open_log(args, source) for source in _common.checked(args.log, args.b)]
    _common.need_list(args, logs)
    if keep.banks is not None:
        a, b = (log.replace(algorithms=tuple(filter(keep.has_bank, log.algorithms))) for log in logs)
    whole = diff(a, b, platform=args.platform)
    result = _kept(whole, keep)
    if args.json:
        _common.print_json(document(result))
    elif sys.stdout.isatty():
        print_side_by_side(result, a, b)
    else:
        print_plain(result)
    for log in logs:
        _common.report(keep.findings(log.findings, log), log.name)
    there = (*(each.register for each in whole.registers), *whole.equal_registers)
    _common.say_absent(keep.absent(there, (alg for log in logs for alg in log.algorithms), whole.platform))
    return int(not result.equal or a.failed or b.failed)


def _kept(result: Difference, keep: _keep.Keep) -> Difference:
    return result.replace(
        registers=tuple(each for each in result.registers if keep.has(each.register, result.platform)),
        equal_registers=tuple(each for each in result.equal_registers if keep.has(each, result.platform)),
    )


def document(result: Difference) -> dict[str, Any]:
    """The result as ``evlog.diff/1``."""
    return {
        "schema": "evlog.diff/1",
        "equal": result.equal,
        "registers": [
            {
                "register": str(each.register),
                "label": each.register.label(result.platform),
                "first_divergence": each.first_divergence,
                "changes": [
                    {
                        "kind": change.kind,
                        "a": change.a,
                        "b": change.b,
                        "what": list(change.what),
                        "words": change.words,
                    }
                    for change in each.changes
                ],
            }
            for each in result.registers
        ],
    }


def _title(each: RegisterDifference, platform: str | None) -> str:
    name = f"{each.register} {each.register.label(platform)}"
    if each.extended_alike:
        return f"{name}: the same digests, other contents"
    return f"{name}: differs from event {each.first_divergence}"


def _equal(result: Difference) -> str:
    names = ", ".join(map(str, result.equal_registers))
    return f"equal: {names}" if names else "no register is equal"


def print_plain(result: Difference) -> None:
    """A line for each change, marked ~ + or -."""
    for each in result.registers:
        _common.put(_title(each, result.platform))
        for change in each.changes:
            _common.put(f"  {_MARKS[change.kind]} {_numbers(change):11} {change.words}")
    _common.put(_equal(result))


def _numbers(change: Change) -> str:
    a = "" if change.a is None else str(change.a)
    b = "" if change.b is None else str(change.b)
    return f"{a:>4} | {b:<4}"


def print_side_by_side(result: Difference, a: Log, b: Log) -> None:
    """A table for each register that differs: an event of both logs in a row, and below it what became of it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for each in result.registers:
        table = Table(box=None, pad_edge=False, expand=True, title_justify="left")
        table.title = Text(printable(_title(each, result.platform)))
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
        console.print(table)
        console.print()
    console.print(Text(printable(_equal(result))))


def _side(number: int | None, line: str) -> str:
    return "" if number is None else f"{number} {line}"
