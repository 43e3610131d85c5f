"""The argument parsers of the command, built when an option, the help or an error needs them."""

from __future__ import annotations

import argparse
import os
import sys

from evlog.cli._common import abandon
from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import NoReturn

    from _typeshed import SupportsWrite

__all__ = ["command_parser", "top_parser"]


_EXIT_CODES = """\
exit codes:
  0  fine
  1  the answer is no: a mismatch, a difference, a refused loss, or a part
     of the input could not be read
  2  the question makes no sense
  3  the input cannot be read"""


class _Formatter(argparse.HelpFormatter):
    """Paragraphs are filled, those with an indented line are left as they are.

    argparse asks `shutil` for the width, whose import costs more than reading a boot log.
    """

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdigit() else os.get_terminal_size().columns
        except OSError:
            width = 80
        super().__init__(prog, width=max(width - 2, 40))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip("\n").split("\n\n")
        filled = (p if "\n " in f"\n{p}" else super(_Formatter, self)._fill_text(p, width, indent) for p in paragraphs)
        return "\n\n".join(filled)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """``-o, --output OUT``, as Python 3.13 has it, on every Python."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class _Parser(argparse.ArgumentParser):
    """On every Python, help that stdout does not take is an error, and nothing else changes the exit code."""

    def error(self, message: str) -> NoReturn:
        """The message repeats words of the command line, where a name of a file may be anything."""
        super().error(printable(message))

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        stream = file or sys.stderr
        if not message or stream is None:
            return
        try:
            stream.write(message)
        except OSError:
            if stream is sys.stdout:
                raise
            abandon(sys.stderr)


def command_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command, described by its module's docstring and its ``EXAMPLES``."""
    made = _Parser(
        prog=f"evlog {name}",
        description=command.__doc__,
        epilog="\n".join(("examples:", *(f"  {line}" for line in command.EXAMPLES))) + f"\n\n{_EXIT_CODES}",
        formatter_class=_Formatter,
    )
    command.arguments(made)
    return made


def top_parser(commands: dict[str, str]) -> argparse.ArgumentParser:
    """The parser of ``evlog`` without a command."""
    width = max(map(len, commands))
    listing = "\n".join(f"  {name:{width}}  {line}" for name, line in commands.items())
    top = _Parser(
        prog="evlog",
        usage="evlog [-h] [-v] COMMAND ...",
        description="Read, replay, convert and check the event logs of measured machines.",
        epilog=f"commands:\n{listing}\n\nevlog COMMAND --help tells more of each.\n\n{_EXIT_CODES}",
        formatter_class=_Formatter,
    )
    top.add_argument("-v", "-V", "--version", action="store_true", help="print the version and the hash backend")
    top.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    return top
