"""Lines on stdout: in colour on a terminal or on request, through rich; plain anywhere else, or if NO_COLOR says so."""

from __future__ import annotations

import os
import sys
from itertools import islice

from evlog.cli import _common
from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from evlog.registers import Register

    #: Text, or text and its style.
    Part = str | tuple[str, str]

__all__ = ["Page", "title_of", "wrapped"]

_NARROWEST = 80
# Lines that are printed at once.
_SOME = 256


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of so many characters, but for words that are longer."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def title_of(register: Register, platform: str | None) -> str:
    """A register's id, its name on the platform where that is not the same again, and what a PCR is for."""
    label = register.label(platform)
    return " ".join(filter(None, (f"{register!s:6}", "" if label == register.label() else label, register.purpose)))


def _coloured(color: str) -> bool:
    """Whether to print in colour: as --color says, else as NO_COLOR or FORCE_COLOR does, else on a terminal."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


class Page:
    """Where a command prints for people.

    ``width`` is what a line may fill, 80 at least: what COLUMNS says, the terminal's columns, or 80. ``unicode`` tells
    whether marks beyond ASCII can be printed; text that cannot be is escaped.
    """

    def __init__(self, color: str = "auto") -> None:
        self.width = _NARROWEST
        self.unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self._console: Console | None = None
        columns = os.environ.get("COLUMNS", "")
        if columns.isdigit():
            self.width = max(_NARROWEST, int(columns[:6]))
        if sys.stdout.isatty():
            try:
                if not columns.isdigit():
                    self.width = max(_NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns)
            except OSError:
                pass
        self.coloured = _coloured(color)
        if self.coloured:
            from rich.console import Console

            if sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb", "unknown"):
                self._console = Console(highlight=False, soft_wrap=True, no_color=False, force_terminal=True)
            else:
                # Into a pipe: what any terminal understands.
                self._console = Console(
                    highlight=False, soft_wrap=True, no_color=False, force_terminal=True, color_system="standard"
                )

    def paragraph(self, start: Part, text: str, style: str = "", indent: int | None = None) -> None:
        """Text behind a start, wrapped at words; further lines are indented, so that none passes for a first one."""
        first = start if isinstance(start, str) else start[0]
        indent = max(len(first) if indent is None else indent, 2)
        head, *rest = wrapped(printable(text), self.width - len(first))
        self.line(start, (head, style))
        for line in wrapped(" ".join(rest), self.width - indent) if rest else ():
            self.line(" " * indent, (line, style))

    def settled(self, *parts: Part) -> tuple[Part, ...]:
        """Parts of a line that is printed often, as few as can be."""
        return ("".join(part if isinstance(part, str) else part[0] for part in parts),) if not self._console else parts

    def lines(self, rows: Iterable[tuple[Part, ...]]) -> None:
        """Print lines, of which there may be many."""
        if self._console is not None:
            for parts in rows:
                self.line(*parts)
            return
        texts = map(self._plain, rows)
        while some := list(islice(texts, _SOME)):
            _common.hush()
            print("\n".join(some))
            _common.done(len(some))

    def _plain(self, parts: tuple[Part, ...]) -> str:
        text = printable("".join([part if part.__class__ is str else part[0] for part in parts]))
        return text if self.unicode else text.replace("…", "~").encode("ascii", "backslashreplace").decode()

    def line(self, *parts: Part) -> None:
        """Print one line made of its parts, with what a terminal would act upon escaped."""
        _common.hush()
        if self._console is None:
            print(self._plain(parts))
            return
        parts = tuple(printable(p) if isinstance(p, str) else (printable(p[0]), p[1]) for p in parts)
        from rich.text import Text

        self._console.print(Text.assemble(*parts), soft_wrap=True)
