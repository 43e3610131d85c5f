"""Many logs: section 5. Processor time of a command for all of them, of a loop in the library, and of the peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made import boots, fleet
from measure import Spent, command, commands, piece
from setting import Setting, Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from measure import Rivals

#: What is shared out: a peer that needs a process for each log gets so many of them, and takes that many times less.
_SOME = 50
#: The library's loop beside the command.
LOOP = "loop"


def _home(setting: Setting, name: str, make: Callable[[Path, int], None]) -> Path:
    home = setting.folder / name
    if not home.exists():
        home.mkdir()
        make(home, setting.logs)
    return home


def _tpm2(setting: Setting, home: Path) -> Rivals:
    """tpm2_eventlog in a process for each log, as it takes one."""
    if "tpm2_eventlog" not in setting.peers:
        return {}
    paths = sorted(home.iterdir())[:_SOME]
    line = ["sh", "-c", 'tool=$1; shift; for log; do "$tool" "$log"; done', "sh", setting.peers["tpm2_eventlog"]]
    run = command([*line, *paths])
    return {"tpm2_eventlog": lambda: run().times(setting.logs / len(paths))}


def _go(setting: Setting, log: Path, *banks: str) -> Rivals:
    """The same log again and again, in a process: as fast as it gets."""
    times = max(2, min(setting.logs, 1000))
    loops = setting.peer_loop("go-eventlog", log, "verify", setting.values(log, *banks), times=times)
    return {name: _all(run, setting.logs) for name, run in loops.items()}


def _all(run: Callable[[], Spent], logs: int) -> Callable[[], Spent]:
    return lambda: run().times(logs)


def work_of(
    name: str, make: Callable[[Path, int], None], banks: tuple[str, ...], extends: int
) -> Callable[[Setting], Work]:
    def work(setting: Setting) -> Work:
        home = _home(setting, name, make)
        first = sorted(home.iterdir())[0]
        rivals = {
            **commands("replay", home),
            LOOP: piece("each", home),
            **_go(setting, first, *(bank for bank in banks if bank != "sha512")),
            **_tpm2(setting, home),
            **setting.floor(setting.logs * extends, *(f"{bank}:24" for bank in banks)),
        }
        return Work(rivals, setting.logs)

    return work


WORKS: dict[str, Callable[[Setting], Work]] = {
    "many": work_of("many", fleet, ("sha256", "sha384"), 186),
    "booted": work_of("booted", boots, ("sha1", "sha256", "sha384", "sha512"), 52),
}
