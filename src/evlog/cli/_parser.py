"""The argument parsers of the command, built when an option, the help or an error needs them."""

from __future__ import annotations

import argparse
import os
import re
import sys

from evlog.cli._common import abandon
from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from _typeshed import SupportsWrite

__all__ = ["closest", "command_parser", "top_parser"]


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

    #: A command line that is right.
    example = ""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Options may stand anywhere, also between logs."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown and not any(word.startswith("-") and word != "-" for word in unknown):
            return self.parse_intermixed_args(args)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """The same words on every Python."""
        if action.choices is not None and value not in action.choices:
            there = ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {there})")

    def error(self, message: str) -> NoReturn:
        """Two lines: what is wrong, and what may have been meant.

        The message repeats words of the command line, where a name of a file may be anything.
        """
        self._print_message(f"{self.prog}: {printable(message)}\n{printable(self._hint(message))}\n", sys.stderr)
        sys.exit(2)

    def _hint(self, message: str) -> str:
        _, unrecognized, rest = message.partition("unrecognized arguments: ")
        options = [word.partition("=")[0] for word in rest.split() if word.startswith("-")] if unrecognized else []
        known: Iterable[str] = self._option_string_actions
        if not unrecognized:
            wrong = re.match(r"argument ([^:]+): invalid choice: '(.*?)'", message)
            name = wrong[1].split("/")[-1] if wrong else ""
            if wrong and name in self._option_string_actions:
                options, known = [wrong[2]], self._option_string_actions[name].choices or ()
        for option in options:
            meant = closest(option, known)
            if meant:
                return f"did you mean {meant}? '{self.prog} --help' tells all options"
        example = f"for example: {self.example}; " if self.example else f"usage: {self.usage}; "
        return f"{example}'{self.prog} --help' tells more"

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


def closest(word: str, known: Iterable[str]) -> str | None:
    """The one of what is known that the word is most like, if it is like any."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), 1)), None)


def command_parser(name: str, command: ModuleType) -> argparse.ArgumentParser:
    """The parser of one command, described by its module's docstring and its ``EXAMPLES``."""
    made = _Parser(
        prog=f"evlog {name}",
        description=command.__doc__,
        epilog="\n".join(("examples:", *(f"  {line}" for line in command.EXAMPLES))) + f"\n\n{_EXIT_CODES}",
        formatter_class=_Formatter,
    )
    made.example = command.EXAMPLES[0]
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
        epilog=f"commands:\n{listing}\n\nevlog help COMMAND tells more of each.\n\n{_EXIT_CODES}",
        formatter_class=_Formatter,
    )
    top.add_argument("-v", "-V", "--version", action="store_true", help="print the version and the hash backend")
    top.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    return top
