"""One round of a capture: registers, quotes, logs, registers again, in the order in which they prove the most.

The kernel puts an entry on IMA's list and extends the register then, so that a list that is read after a register holds
what leads to it. Registers and quotes first, logs after; registers again tell whether anything moved.
"""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import EvlogError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.intake.sources import LogSource
    from evlog.live import Quote
    from evlog.live.machine import Shown
    from evlog.live.report import Report
    from evlog.registers import Registers

__all__ = ["Gathered", "Taken", "gather", "read_whole"]

_PIECE = 1 << 20


class Taken(Record):
    """A log as it was read: its bytes, the mode of its file, and when it was begun and done (UTC, seconds)."""

    source: LogSource
    data: bytes
    mode: int
    began: float
    ended: float


class Gathered(Record):
    """What one round found; ``problems`` are sentences about what there is and could not be had."""

    before: dict[str, Registers]
    quotes: dict[str, Quote]
    report: Report | None
    logs: tuple[Taken, ...]
    after: dict[str, Registers]
    problems: tuple[str, ...]

    @property
    def consistent(self) -> bool:
        """Whether nothing moved, and what was quoted is what was read."""
        quoted = all(
            self.before[name].get(*key) in (None, value)
            for name, quote in self.quotes.items()
            if name in self.before
            for key, value in quote.registers.values.items()
        )
        return quoted and self.before == self.after


def gather(
    sources: Sequence[LogSource], shown: Sequence[Shown], *, nonce: bytes | None, ak: int | None, report: bool
) -> Gathered:
    """One round.

    A ``nonce`` asks for quotes of every TPM that can be asked, by the key at ``ak`` if that is given, ``report`` for a
    guest's report too.
    """
    problems: list[str] = []
    before = _registers(shown, problems)
    quotes: dict[str, Quote] = {}
    told = None
    if nonce is not None:
        for each in shown:
            quote = getattr(each.device, "quote", None)
            if quote is None:
                continue
            try:
                quotes[each.name] = quote(nonce, ak=ak)
            except EvlogError as error:
                problems.append(f"no quote of {each.name}: {error}")
        if report:
            from evlog.live.report import report as ask

            try:
                told = ask(nonce)
            except EvlogError as error:
                problems.append(f"no report: {error}")
    logs = []
    for source in sources:
        try:
            logs.append(read_whole(source))
        except OSError as error:
            problems.append(f"{source.path}: {(error.strerror or str(error)).lower()}")
    return Gathered(before, quotes, told, tuple(logs), _registers(shown, problems), tuple(dict.fromkeys(problems)))


def _registers(shown: Sequence[Shown], problems: list[str]) -> dict[str, Registers]:
    found = {}
    for each in shown:
        try:
            found[each.name] = each.read()
        except EvlogError as error:
            problems.append(f"the registers of {each.name}: {error}")
    return found


def read_whole(source: LogSource) -> Taken:
    """A log from one descriptor, to its end: pseudo files have no size, or another. Raises OSError."""
    import time

    handle = os.open(source.file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        mode = os.fstat(handle).st_mode & 0o7777
        began = time.time()
        pieces = []
        while piece := os.read(handle, _PIECE):
            pieces.append(piece)
        return Taken(source, b"".join(pieces), mode, began, time.time())
    finally:
        os.close(handle)
