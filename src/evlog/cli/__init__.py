"""The command: open, call, render. Each command is one file with ``HELP``, ``arguments(parser)`` and ``run(args)``.

Exit codes: 0 fine, 1 the answer is no (mismatch, difference, refused loss, part of the input unreadable), 2 usage,
3 unreadable input. Data goes to stdout, notes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["COMMANDS", "main", "parser"]

#: Commands in the order in which people meet them, with their first line of help.
COMMANDS = {
    "show": "what is in a log, one line an event",
    "replay": "the register values that logs add up to",
    "convert": "the same log in another format, with losses named and registers proven",
    "formats": "the formats that evlog reads and writes",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if not arguments or arguments[0] not in COMMANDS:
        return _top(arguments)
    command = import_module(f"evlog.cli.{arguments[0]}")
    args = parser(arguments[0], command).parse_args(arguments[1:])
    from evlog.errors import ConversionError, EvlogError, UsageError, WriteError

    try:
        code: int = command.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe has gone; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except EvlogError as error:
        print(f"evlog: {error}", file=sys.stderr)
        if isinstance(error, UsageError):
            return 2
        return 1 if isinstance(error, (ConversionError, WriteError)) else 3
    return code


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """argparse asks `shutil` for the width, whose import costs more than reading a boot log."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdigit() else os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, width=max(width - 2, 40))


def parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """The argument parser of one command. Only the command that runs is built: start-up counts."""
    made = argparse.ArgumentParser(
        prog=f"evlog {name}",
        description=command.__doc__,
        formatter_class=_Formatter,
    )
    command.arguments(made)
    return made


def _top(arguments: list[str]) -> int:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:{width}}  {line}" for name, line in COMMANDS.items())
    top = argparse.ArgumentParser(
        prog="evlog",
        usage="evlog [-h] [--version] COMMAND ...",
        description="Read, replay, convert and check the event logs of measured machines.",
        epilog=f"commands:\n{listing}\n\nevlog COMMAND --help tells more of each.",
        formatter_class=_Formatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and the hash backend")
    top.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    args, _ = top.parse_known_args(arguments)
    if args.version:
        from evlog import __version__, hashing

        print(f"evlog {__version__} ({hashing.backend().NAME} backend)")
        return 0
    if args.command is None:
        top.print_help()
        return 0 if not arguments else 2
    print(f"evlog: no command {args.command!r}; there are {', '.join(COMMANDS)}", file=sys.stderr)
    return 2
