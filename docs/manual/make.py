"""Makes the man pages and the completions of shells from the parsers of the command: ``python docs/manual/make.py``.

They lie beside this file, go into the wheel, and a test holds them to the parsers. Needs the extra ``[dev]``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from evlog.cli import COMMANDS
from evlog.cli._parser import command_parser, top_parser

HERE = Path(__file__).parent
#: Words for arguments whose values are names of files.
_FILES = frozenset({"LOG", "FILE", "OUT", "A", "B", "TARGET", "SOURCE"})


def made() -> dict[str, str]:
    """The files by their names, relative to this folder."""
    files = {f"man1/{name}.1": text for name, text in man_pages()}
    parser = whole()
    files["completion/evlog.bash"] = shtab.complete(parser, shell="bash")
    files["completion/_evlog"] = shtab.complete(parser, shell="zsh")
    files["completion/evlog.fish"] = "\n".join(fish()) + "\n"
    return {name: "\n".join(map(str.rstrip, text.splitlines())) + "\n" for name, text in files.items()}


def parsers() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Each command, what it is, and its parser."""
    for name, line in COMMANDS.items():
        yield name, line, command_parser(name, import_module(f"evlog.cli.{name}"))


def whole() -> argparse.ArgumentParser:
    """One parser of all commands."""
    top = argparse.ArgumentParser(prog="evlog")
    top.add_argument("-v", "-V", "--version", action="store_true", help="print the version and the hash backend")
    commands = top.add_subparsers(dest="command")
    for name, line in COMMANDS.items():
        parser = commands.add_parser(name, help=line)
        import_module(f"evlog.cli.{name}").arguments(parser)
        for action in parser._actions:
            if str(action.metavar).strip("[].") in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return top


def man_pages() -> Iterator[tuple[str, str]]:
    """A page of the command, and one of each of its commands."""
    yield "evlog", _page(top_parser(COMMANDS), "event logs of measured machines")
    for name, line, parser in parsers():
        yield f"evlog-{name}", _page(parser, line)


def _page(parser: argparse.ArgumentParser, line: str) -> str:
    data = {"project_name": "evlog", "description": line, "manual_title": "evlog", "date": " "}
    epilog, parser.epilog = parser.epilog or "", None
    title = parser.prog.upper()
    text = str(Manpage(parser, _data=data)).replace(f".TH {title}", f".TH {title}".replace("H EVLOG ", r"H EVLOG\-"), 1)
    # Lines that stand as they are, which the library would fill.
    sections = []
    for part in epilog.split("\n\n"):
        title, colon, body = part.partition(":\n")
        if colon:
            sections.append(f".SH {title.upper()}\n.nf\n{_roff(body)}\n.fi\n")
    return text + "".join(sections)


def _roff(text: str) -> str:
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line[:1] in "'." else line for line in lines)


def fish() -> Iterator[str]:
    """Completions for fish, which shtab does not make."""
    yield "complete -c evlog -n __fish_use_subcommand -f"
    for name, line, parser in parsers():
        yield f"complete -c evlog -n __fish_use_subcommand -a {name} -d {_quoted(line)}"
        for action in parser._actions:
            words = " ".join(_option(option) for option in action.option_strings)
            if not words:
                continue
            value = "" if action.nargs == 0 else " -r" if str(action.metavar) in _FILES else " -x"
            among = f" -a {_quoted(' '.join(map(str, action.choices)))}" if action.choices else ""
            said = f" -d {_quoted(action.help or '')}"
            yield f"complete -c evlog -n '__fish_seen_subcommand_from {name}' {words}{value}{among}{said}"


def _option(option: str) -> str:
    return f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def main() -> int:
    for name, text in made().items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
