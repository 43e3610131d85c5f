"""Ask a lake of `evlog table` about a fleet, by a name or in SQL.

LAKE is what evlog table wrote. QUESTION is one SELECT of DuckDB's SQL over the tables logs, events, registers,
findings and bodies, and the views latest (each machine's last logs) and seen (every sighting with its events), or one
of these names:

  groups      machines by the value of a register, the most first
  outliers    by which events each smaller group differs from the largest
  timeline    when each value of a register was seen first and last
  rare        events that few machines have
  unverified  machines whose last logs are not what their registers say

A question only reads, and only the lake. A log that was cut between two events looks like one that ends there: only
register values tell (register_verdict), so ask for them beside whatever a log lacks.
"""

from __future__ import annotations

import sys

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from typing import Any

    from evlog.tables.answer import Answer
    from evlog.tables.asked import Asked
    from evlog.tables.reader import Reader

_FORMATS = ("table", "csv", "json", "jsonl", "parquet", "arrow")
_BINARY = ("parquet", "arrow")
# Rows of a page for a browser.
_PAGE = 10_000

EXAMPLES = (
    "evlog query LAKE groups --register pcr:7",
    "evlog query LAKE outliers --register pcr:4 --html outliers.html",
    "evlog query LAKE timeline --events --since 2026-11-17",
    "evlog query LAKE \"SELECT machine FROM latest WHERE verdict = 'differs'\"",
    "evlog query LAKE 'SELECT machine FROM seen WHERE name = $n' --param n=dbx",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lake", metavar="LAKE", help="the folder that evlog table wrote")
    parser.add_argument("question", metavar="QUESTION", help="a name, or one SELECT; - reads it from stdin")
    group = parser.add_argument_group("questions by name")
    text = "registers to keep: pcr:7, 0-7,11, RTMR[2], mr:NAME"
    group.add_argument("--register", action="append", metavar="REGISTER", help=text)
    group.add_argument("--bank", metavar="ALG", help="the bank to ask, else the strongest that most machines have")
    group.add_argument("--most", type=int, metavar="N", help="rare: that N machines have at most (2)")
    group.add_argument("--groups", type=int, metavar="N", help="outliers: of N groups of a register at most (100)")
    group.add_argument("--events", action="store_true", help="timeline: of events' digests, not of registers' values")
    group.add_argument("--since", metavar="DATE", help="timeline: what was seen first since then (2026-11-17)")
    text = "unverified: also where the values agree but no key or root stands behind them"
    group.add_argument("--authenticated", action="store_true", help=text)
    group = parser.add_argument_group("SQL")
    text = "a value for $NAME in the SELECT, as text"
    group.add_argument("--param", action="append", metavar="NAME=VALUE", help=text)
    group = parser.add_argument_group("answer")
    group.add_argument(
        "--format", choices=_FORMATS, metavar="FORMAT", help=f"{', '.join(_FORMATS)}; else by the name of -o"
    )
    group.add_argument("--json", action="store_true", help="print one JSON object (evlog.query/1)")
    group.add_argument("-o", "--output", metavar="FILE", help="where the answer goes; - (the default) is stdout")
    group.add_argument("--html", metavar="FILE", help="the answer as a page for a browser")
    group.add_argument("--fail-if-any", action="store_true", help="exit code 1 if there is any row")
    group.add_argument("-v", "--verbose", action="store_true", help="whole digests in the table")
    _common.color_argument(group)
    group = parser.add_argument_group("limits")
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="stop the question after so long")
    group.add_argument("--memory", metavar="SIZE", help="what it may use of memory (1GB); it goes on on disk")
    group.add_argument("--threads", type=int, metavar="N", help="how many processors it may use (all)")


def run(args: argparse.Namespace) -> int:
    from evlog.tables.reader import MEMORY, Reader

    _checked(args)
    _common.under_way("asking the lake")
    with Reader(args.lake, memory=args.memory or MEMORY, threads=args.threads, timeout=args.timeout) as reader:
        rows = _Counted(_answer(args, reader))
        if args.html:
            _html(args, rows)
        else:
            _deliver(args, rows, reader)
    _common.say_all(rows.answer.notes)
    return int(bool(args.fail_if_any and rows.count))


def _checked(args: argparse.Namespace) -> None:
    """Raise UsageError for options that contradict each other, or cannot be."""
    from evlog.errors import UsageError

    if args.json and args.format not in (None, "json"):
        raise UsageError(f"--json and --format {args.format} are two formats")
    if args.html and (args.output or args.format or args.json):
        raise UsageError("--html is an answer of its own: leave out -o, --format and --json")
    for name in ("timeout", "threads", "most", "groups"):
        value = getattr(args, name)
        if value is not None and not 0 < value < 1 << 31:
            raise UsageError(f"--{name} {value:g}: a number above 0 was expected")


def _answer(args: argparse.Namespace, reader: Reader) -> Answer:
    from evlog.errors import UsageError
    from evlog.tables.questions import ask

    question = sys.stdin.read() if args.question == "-" else args.question
    if question.isidentifier():
        if args.param:
            raise UsageError(f"--param is for SQL, and {question} is a name")
        return ask(reader, question, _asked(args))
    named = ("register", "bank", "most", "groups", "events", "since", "authenticated")
    given = next((name for name in named if getattr(args, name)), None)
    if given is not None:
        raise UsageError(f"--{given} is for questions by name: SQL says it itself (WHERE)")
    return reader.ask(question, dict(map(_parameter, args.param or ())))


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        from evlog.errors import UsageError

        raise UsageError(f"--param {text!r}: NAME=VALUE was expected")
    return name, value


def _asked(args: argparse.Namespace) -> Asked:
    from evlog.algorithms import HashAlg
    from evlog.registers import RegisterSet
    from evlog.tables.asked import Asked

    given = {
        "registers": RegisterSet.parse(*args.register) if args.register else None,
        "bank": HashAlg.named(args.bank) if args.bank else None,
        **{name: getattr(args, name) for name in ("most", "groups", "since", "events", "authenticated")},
    }
    return Asked(**{name: value for name, value in given.items() if value is not None})


class _Counted:
    """An answer whose rows are counted as they are taken."""

    def __init__(self, answer: Answer) -> None:
        self.count = 0
        self.answer = answer
        answer.batches = self._counted(answer.batches)

    def _counted(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self.count += batch.num_rows
            yield batch


def _deliver(args: argparse.Namespace, rows: _Counted, reader: Reader) -> None:
    """The answer in the format that was asked for, to where it was asked to go."""
    from evlog.cli._answers import FORMATS, Guarded, print_outliers, print_table

    chosen = "json" if args.json else args.format or _format_of(args.output) or "table"
    if chosen == "table":
        if args.output not in (None, "-"):
            from evlog.errors import UsageError

            raise UsageError("a table is for reading: --format csv, json, jsonl, parquet or arrow goes to a file")
        from evlog.cli._page import Page

        print_all = print_outliers if args.question == "outliers" else print_table
        print_all(rows.answer, Page(args.color), whole=args.verbose)
        if not rows.count:
            _common.say("no row")
        return
    head = {"schema": "evlog.query/1", "lake": reader.about()}
    pieces: Iterable[bytes] = Guarded(rows.answer) if chosen == "csv" else FORMATS[chosen](rows.answer, head)
    _send(args.output or "-", pieces, binary=chosen in _BINARY)
    if isinstance(pieces, Guarded) and pieces.guarded:
        cells = f"{pieces.guarded} cell{'s' * (pieces.guarded != 1)}"
        _common.say(f"{cells} that a spreadsheet may take for a formula: an apostrophe stands before it")


def _format_of(path: str | None) -> str | None:
    """The format that a file is named for, if it is named for one."""
    end = (path or "").rpartition(".")[2].lower()
    return end if end in _FORMATS and end != "table" else None


def _send(path: str, pieces: Iterable[bytes], *, binary: bool) -> None:
    from evlog.errors import UsageError
    from evlog.intake.outputs import write_file

    if path != "-":
        write_file(path, pieces)
        return
    if binary and sys.stdout.isatty():
        raise UsageError("stdout is a terminal, and this is no text: name a file (-o FILE)")
    _common.hush()
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()


def _html(args: argparse.Namespace, rows: _Counted) -> None:
    from itertools import islice

    from evlog.intake.outputs import write_file
    from evlog.report.html.sheet import sheet
    from evlog.tables.answer import cell

    every = rows.answer.rows()
    shown = [[each if isinstance(each, (bytes, int)) else cell(each) for each in row] for row in islice(every, _PAGE)]
    more = sum(1 for _ in every)
    note = f"{more} more rows are not on this page" if more else ""
    about = [f"{args.lake}: {rows.count} row{'s' * (rows.count != 1)}"]
    title = args.question if args.question.isidentifier() else "A question in SQL"
    about += [] if args.question.isidentifier() else [args.question]
    pieces = (part.encode("utf-8", "backslashreplace") for part in sheet(title, about, rows.answer.names, shown, note))
    write_file(args.html, pieces)
    _common.say(f"{rows.count} row{'s' * (rows.count != 1)} on a page: {args.html}")
