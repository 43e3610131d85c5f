"""What is under way, told on stderr: only where that is a terminal, and only of what takes longer than a second.

A line that a timer's signal draws, and that goes before anything else is printed: with a bar where it is known how much
there is to do (`evlog.cli._common.under_way`), else with the seconds that have passed. No thread, and nothing imported
that costs: most commands are over before it is seen.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps, which would import enum at each start
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Bar", "begin"]

_AFTER = 1.0  # seconds until it is seen
_EVERY = 0.2
_WIDTH = 24
_ERASE = b"\r\x1b[K"
_TURNS = "|/-\\"


def begin() -> Bar | None:
    """A bar, if stderr is a terminal that can draw one and this platform has the timer."""
    try:
        if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            return None
        return Bar(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        # No such timer, no file behind stderr, or not the main thread.
        return None


class Bar:
    """Begins at once, and ends with `end`."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._step, self._done, self._total = "", 0, 0
        self._begun = time.monotonic()
        self._ticks = 0
        self._drawn = self._silent = self._skip = self._soon = self._rated = False
        self._before: Any = _signal.signal(_signal.SIGALRM, self._tick)
        _signal.setitimer(_signal.ITIMER_REAL, _AFTER, _EVERY)

    def step(self, what: str, total: int = 0, *, soon: bool = False) -> None:
        """What is done from now on, and how much there is of it, if that is known; "" for nothing that is to be told.

        What is known to take long is drawn ``soon``, whenever some of it is done.
        """
        self._step, self._done, self._total, self._soon = what, 0, total, soon

    def rated(self) -> None:
        """Say also how many are done in a second: for what takes minutes."""
        self._rated = True

    def advance(self, count: int) -> None:
        """So much more of it is done."""
        self._done += count
        if self._soon:
            self._draw()

    def hush(self, *, stdout: bool) -> None:
        """Something else is about to be printed: on stderr, or on stdout, where more follows if it is a terminal."""
        if stdout and (sys.stdout is None or not sys.stdout.isatty()):
            return
        self._silent |= stdout
        self._skip = True
        self._erase()

    def end(self) -> None:
        """No more is drawn, and nothing is left of what was."""
        _signal.setitimer(_signal.ITIMER_REAL, 0)
        _signal.signal(_signal.SIGALRM, self._before)
        self._erase()

    def _erase(self) -> None:
        if self._drawn:
            self._drawn = False
            self._write(_ERASE)

    def _tick(self, *_: object) -> None:
        if self._silent or self._skip or not self._step:
            # What is being printed has its line to itself.
            self._skip = False
            return
        self._draw()

    def _draw(self) -> None:
        if self._silent:
            return
        self._ticks += 1
        self._drawn = True
        self._write(_ERASE + self._line().encode("utf-8", "backslashreplace"))

    def _line(self) -> str:
        try:
            columns = os.get_terminal_size(self._to).columns or 80
        except OSError:
            columns = 80
        seconds = int(time.monotonic() - self._begun)
        if self._total:
            share = min(self._done / self._total, 1)
            full = int(share * _WIDTH)
            state = f"[{'#' * full}{' ' * (_WIDTH - full)}] {self._done}/{self._total}"
            if self._rated:
                state += f", {self._done / max(time.monotonic() - self._begun, 0.001):.0f}/s"
        else:
            state = f"{_TURNS[self._ticks % len(_TURNS)]} {seconds} s"
        return f"{self._step} {state}"[: columns - 1]

    def _write(self, data: bytes) -> None:
        # Past Python's stream, which may be in the midst of a line.
        try:
            os.write(self._to, data)
        except OSError:
            self._silent = True
