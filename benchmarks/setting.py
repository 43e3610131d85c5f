"""What the works of one run share: sizes, made logs, the peers and floors that are here, and start-up."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import peers
from goals import FLOOR
from made import SECURE_BOOT, write
from measure import EVLOG, HERE, PYTHON, FailedError, Spent, asked, command, commands, evlog, medians

if TYPE_CHECKING:
    from pathlib import Path

    from measure import Rivals

#: Rivals that are evlog's commands.
STARTED = (EVLOG, PYTHON)
#: Seconds that a small work is repeated for in a turn.
_TURN = 0.2


class Work(NamedTuple):
    """Rivals that do the same, and what their figures are of.

    ``units`` is how many events, logs or lines there are in one; ``paths`` are the log and what is written, which
    memory is counted beyond; what starting evlog costs is taken off the commands ``started``.
    """

    rivals: Rivals
    units: float = 1
    paths: tuple[Path, ...] = ()
    started: tuple[str, ...] = ()


class Setting:
    """Sizes, a folder for logs, and what is installed."""

    def __init__(self, folder: Path, events: int, logs: int, runs: int, *, floors: bool, log: Path | None) -> None:
        self.folder, self.events, self.logs, self.runs = folder, events, logs, runs
        #: Seconds that a small work is repeated for in a turn: less where so few events are asked for.
        self.turn = _TURN * min(events / 100_000, 1)
        #: For what goes through every event: a tenth.
        self.tenth = max(events // 10, 10)
        self.peers = peers.found()
        self._cargo = shutil.which("cargo") if floors else None
        self._own = log
        self._values: dict[tuple[Path, tuple[str, ...]], Path] = {}
        self._start: dict[str, Spent] = {}

    def log(self, format: str, events: int | None = None) -> Path:
        """A made log; it is written when it is first asked for."""
        count = self.events if events is None else events
        path = self.folder / f"{format}-{count}"
        if not path.exists():
            write(format, path, count)
        return path

    def converted(self, format: str, events: int) -> Path:
        """The made TCG2 log in another format, as evlog writes it."""
        path = self.folder / f"{format}-of-{events}"
        if not path.exists():
            command(evlog("convert", self.log("tcg2", events), "--to", format, "-o", path))()
        return path

    @property
    def boot(self) -> Path:
        """The boot log: the one that was given, or a made one of three banks."""
        return self._own or self.log("boot", 0)

    def values(self, log: Path, *banks: str) -> Path:
        """The register values that a log leads to, for the drivers of peers."""
        key = log, banks
        if key not in self._values:
            self._values[key] = self.folder / f"values-{len(self._values)}"
            asked("values", log, self._values[key], *banks)
        return self._values[key]

    def pcrs(self, log: Path) -> Path:
        """The SHA-1 value that an IMA list leads to, as evmctl reads PCRs: all of them."""
        _, index, value = self.values(log, "sha1").read_text().split()
        out = log.with_suffix(".pcrs")
        rows = ((number, value if number == int(index) else "00" * 20) for number in range(24))
        out.write_text("".join(f"PCR-{number:02}: {bytes.fromhex(row).hex(' ').upper()}\n" for number, row in rows))
        return out

    def peer(self, name: str, *words: object) -> Rivals:
        """A peer's whole process, if it is here."""
        return {name: command([self.peers[name], *words])} if name in self.peers else {}

    def peer_loop(self, name: str, log: Path, mode: str, *words: object, times: int) -> Rivals:
        """A peer's driver, which repeats the work and prints what one time spent."""
        if name not in self.peers:
            return {}

        def run() -> Spent:
            line = [self.peers[name], *map(str, (log, times, mode, *words))]
            ran = subprocess.run(line, capture_output=True, text=True, check=False)
            if ran.returncode:
                raise FailedError(ran.stderr.strip()[-200:])
            return Spent(*json.loads(ran.stdout))

        return {name: run}

    def floor(self, count: float, *loops: str) -> Rivals:
        """What so many extends cost over constants, in accel's own kernels: ``sha256:8`` is eight registers' turn.

        ``sha256:digests`` are digests of 60 bytes. Nothing is here without cargo.
        """
        return {FLOOR: partial(self._kernels, count, *loops)} if self._cargo else {}

    def _kernels(self, count: float, *loops: str) -> Spent:
        line = [str(self._cargo), "run", "--quiet", "--release", "--example", "floors", "--", *loops]
        ran = subprocess.run(line, cwd=HERE.parent / "accel" / "core", capture_output=True, check=True, text=True)
        seconds = count * sum(map(float, ran.stdout.split())) / 1e9
        return Spent(seconds, 0, seconds)

    @property
    def has_floors(self) -> bool:
        return self._cargo is not None

    def start(self, rival: str) -> Spent:
        """What starting evlog costs, by the backend of a rival: a small log is replayed."""
        if not self._start:
            self._start = medians(commands("replay", SECURE_BOOT), max(self.runs, 3), _raise)
        return self._start[rival if rival in self._start else EVLOG]


def _raise(name: str, why: str) -> None:
    raise FailedError(f"{name}: {why}")
