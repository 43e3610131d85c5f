"""The command: open, call, render. Each command is one file with a docstring, ``EXAMPLES``,
``arguments(parser)`` and ``run(args)``.

Rules of the room:

1. Nothing else prints or exits. A command decides nothing that the library does not decide for whoever calls it.
2. What only rendering or parsing of arguments needs (rich, argparse, json) is imported where it is needed.
3. Text that comes out of a log is printed as text: no escape sequence of it reaches a terminal.

Exit codes: 0 fine, 1 the answer is no (mismatch, difference, refused loss, part of the input unreadable), 2 usage,
3 unreadable input. Data goes to stdout, notes to stderr.
"""

from __future__ import annotations

import atexit
import gc
import sys

from evlog._record import import_module
from evlog.cli import _common
from evlog.cli._plain import Plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

__all__ = ["COMMANDS", "main"]

#: Commands in the order in which people meet them, with their first line of help.
COMMANDS = {
    "show": "what is in a log, one line an event",
    "replay": "the register values that logs add up to",
    "verify": "whether logs lead to the register values of a quote or a file",
    "diff": "what differs between two logs, register by register, in words",
    "report": "a page about logs, to be looked at in a browser",
    "table": "the logs of a fleet as tables of Parquet files, in a folder",
    "query": "questions about a fleet, by a name or in SQL",
    "predict": "the registers of the next boot, from its files and the last log",
    "merge": "the logs of one machine as one, with every hand-over between them",
    "convert": "the same log in another format, losses named, registers proven",
    "policy": "rules learned from good boots, and whether a boot keeps them",
    "export": "reference values for other verifiers, from the logs of good boots",
    "split": "a log for each register, as a tree of registers or as files",
    "capture": "a machine's logs, registers and quotes as one archive",
    "append": "lines to the log of a register, which is extended",
    "formats": "the formats that evlog reads and writes",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    # A command lives shortly and makes no cycles worth collecting: the collector would only walk a million events.
    gc.disable()
    # Nor when the interpreter ends, which it does with a last collection.
    atexit.register(gc.freeze)
    if sys.stdout is None:
        _common.say("stdout is closed")
        return 3
    # A name in a log may have letters that the terminal lacks.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _finished(arguments)
    finally:
        # What a full stderr did not take is forgotten, and changes no exit code.
        if sys.stderr is not None:
            try:
                sys.stderr.flush()
            except OSError:
                _common.abandon(sys.stderr)
    return code


def _finished(arguments: list[str]) -> int:
    """The exit code, when all that was printed has been taken."""
    try:
        try:
            code = _command(arguments) if arguments and arguments[0] in COMMANDS else _top(arguments)
        except SystemExit as argparse_is_done:
            code = int(argparse_is_done.code or 0)
        sys.stdout.flush()
    except BrokenPipeError:
        _common.abandon(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Files that are read and written have their SourceError: this is stdout.
        _common.abandon(sys.stdout)
        _common.say(f"stdout: {(error.strerror or str(error)).lower()}")
        return 3
    return code


def _command(arguments: list[str]) -> int:
    name = arguments.pop(0)
    command = import_module(f"evlog.cli.{name}")
    plain = Plain()
    command.arguments(plain)
    args: Any = plain.parse(arguments)
    if args is None:
        from evlog.cli._parser import command_parser

        args = command_parser(name, command).parse_args(arguments)
    from evlog.errors import ConversionError, EvlogError, UsageError, WriteError

    try:
        code: int = _waited(command, args)
    except EvlogError as error:
        _common.say(str(error))
        if isinstance(error, UsageError):
            return 2
        return 1 if isinstance(error, (ConversionError, WriteError)) else 3
    except MemoryError:
        code = 3
    else:
        return code
    # Out here nothing is held any more of what there was too much of.
    _common.say("not enough memory for this input")
    return code


def _waited(command: ModuleType, args: Any) -> int:
    """Run a command, and tell whom has to wait that it is under way."""
    if sys.stderr is None or not sys.stderr.isatty():
        return int(command.run(args))
    from evlog.cli import _bar

    _common.bar = bar = _bar.begin()
    try:
        return int(command.run(args))
    finally:
        _common.bar = None
        if bar is not None:
            bar.end()


def _top(arguments: list[str]) -> int:
    from evlog.cli._parser import top_parser

    if arguments[:1] == ["help"]:
        return _help(arguments[1:])
    top = top_parser(COMMANDS)
    args, unknown = top.parse_known_args(arguments)
    if args.version:
        from evlog import __version__, hashing

        print(f"evlog {__version__} ({hashing.best().NAME} backend)")
        return 0
    if args.command is None and not unknown:
        top.print_help()
        return 0
    if args.command in (None, *COMMANDS):
        top.error(f"unrecognized arguments: {' '.join(unknown)}")
    return _unknown(args.command)


def _help(names: list[str]) -> int:
    """The help of all, or of one command; ``evlog help`` and no options."""
    from evlog.cli._parser import command_parser, top_parser

    if len(names) > 1 or names[:1] in (["-h"], ["--help"]):
        names = []
    if names and names[0] not in COMMANDS:
        return _unknown(names[0])
    parser = command_parser(names[0], import_module(f"evlog.cli.{names[0]}")) if names else top_parser(COMMANDS)
    parser.print_help()
    return 0


def _unknown(name: str) -> int:
    """There is no such command: which may have been meant, and which there are."""
    from evlog.cli._parser import closest

    meant = closest(name, COMMANDS)
    _common.say(f"no command {name!r}; there are {', '.join(COMMANDS)}")
    _common.say(f"did you mean {meant}?" if meant else "'evlog --help' tells what each is for")
    return 2
