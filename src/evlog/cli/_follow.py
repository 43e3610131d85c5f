"""`evlog show --live --follow`: a line for each event that is measured from now on, and for each register that moves
without one.
"""

from __future__ import annotations

import sys

from evlog.cli import _common
from evlog.cli._page import Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evlog.cli._keep import Keep
    from evlog.intake.sources import LogSource
    from evlog.live.follow import Follower
    from evlog.registers import Registers

__all__ = ["run"]

_SECONDS = 0.5  # between two looks


def run(args: argparse.Namespace, keep: Keep) -> int:
    """Follow until somebody interrupts it. Returns the exit code."""
    from evlog.errors import SourceError
    from evlog.live.follow import Follower

    follower = Follower(lambda: _sources(args), lambda: _registers(args))
    try:
        if not follower.counts and _registers(args) is None:
            raise SourceError("; ".join(follower.problems) or "this machine shows neither a log nor a register")
        for path, count in follower.counts.items():
            _common.say(f"following {path}, {_common.events(count)} so far")
        _loop(follower, keep, Page(args.color))
    except KeyboardInterrupt:
        return 0
    finally:
        follower.close()
    return 0


def _loop(follower: Follower, keep: Keep, page: Page) -> None:
    import time

    from evlog.decoders.describe import describe
    from evlog.live.follow import Seen

    said = 0
    while True:
        for each in follower.look():
            if isinstance(each, Seen):
                if keep.has(each.event.register):
                    name = each.path.rpartition("/")[2]
                    page.line((f"{name} {each.event.number:>4} ", "dim"), describe(each.event))
            elif keep.has(each.register):
                moved = f"{each.register} moved, and no log says by what: {each.alg} {each.value.hex()}"
                page.line((moved, "bold red"))
        _common.say_all(follower.problems[said:])
        said = len(follower.problems)
        sys.stdout.flush()
        time.sleep(_SECONDS)


def _sources(args: argparse.Namespace) -> Sequence[LogSource]:
    from evlog.intake.sources import chosen_device, log_sources

    found = log_sources(args.sysroot or "/")
    tpms = [each.member.split("/")[1] for each in found if each.kind == "firmware" and not each.problem]
    own = chosen_device(tpms, args.member)
    return [each for each in found if each.kind != "firmware" or each.member.split("/")[1] == own]


def _registers(args: argparse.Namespace) -> Registers | None:
    from evlog.errors import SourceError, UsageError
    from evlog.intake.machine import read_machine

    try:
        return read_machine(args.sysroot or "/", args.member).registers
    except UsageError:
        raise
    except SourceError:
        return None
