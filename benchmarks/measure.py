"""What a piece of work costs, and the medians of several that take turns.

A rival is called and says what it spent. Whole commands are started by a small Python, since Linux counts the memory
of whoever starts a process as that process's until it has a program of its own. Pieces of work without a start-up are
run by `inside.py`, in a process of their own too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE = Path(__file__).resolve().parent


def environment(backend: str) -> dict[str, str]:
    return {**os.environ, "EVLOG_BACKEND": backend}


def _has_accel() -> bool:
    """Whether the accelerator is here, and fits this evlog."""
    ask = [sys.executable, "-c", "from evlog import hashing; hashing.best()"]
    return subprocess.run(ask, env=environment("accel"), capture_output=True, check=False).returncode == 0


#: Backends, the fastest first.
BACKENDS = ("accel", "python") if _has_accel() else ("python",)
#: What the fastest backend's rival is called, and that of Python alone if there is another.
EVLOG, PYTHON = "evlog", "evlog (python)"
#: Seconds that are enough for the turns of a work.
ENOUGH = 40

#: Starts a command, reads so many of its lines if not all, and prints what it spent with all of its own children.
_LAUNCH = """
import json, os, subprocess, sys, time
lines, given, *words = sys.argv[1:]
began = time.perf_counter()
job = subprocess.Popen(
    words, stdin=open(given or os.devnull, "rb"),
    stdout=subprocess.PIPE if int(lines) else subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
for _ in range(int(lines)):
    job.stdout.readline()
if job.stdout:
    job.stdout.close()
_, status, used = os.wait4(job.pid, 0)
took = time.perf_counter() - began
print(json.dumps([
    used.ru_utime + used.ru_stime, used.ru_stime, took, used.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)
]))
"""


class Spent(NamedTuple):
    """Processor seconds, those of them in the kernel, wall seconds, and the most bytes of memory (0: not known)."""

    cpu: float
    system: float
    wall: float
    peak: int = 0

    def times(self, factor: float) -> Spent:
        return Spent(self.cpu * factor, self.system * factor, self.wall * factor, self.peak)


if TYPE_CHECKING:
    Rival = Callable[[], Spent]
    Rivals = dict[str, Rival]


class FailedError(Exception):
    """A command ended with another exit code than was expected."""


def evlog(*words: object) -> list[str]:
    """``evlog`` as it is installed beside this Python; as a module where PYTHONPATH says which evlog is meant."""
    installed = Path(sys.executable).with_name("evlog")
    there = installed.exists() and "PYTHONPATH" not in os.environ
    return [*([str(installed)] if there else [sys.executable, "-m", "evlog"]), *map(str, words)]


def command(
    words: Iterable[object],
    env: dict[str, str] | None = None,
    *,
    lines: int = 0,
    given: Path | None = None,
    code: int = 0,
) -> Rival:
    """A whole process, of which only so many lines are read, if any; ``given`` is its standard input."""
    line = [str(word) for word in words]
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(lines), str(given or ""), *line]

    def run() -> Spent:
        said = subprocess.run(launch, capture_output=True, check=True, env=env)
        cpu, system, wall, peak, ended = json.loads(said.stdout)
        if ended != code:
            raise FailedError(f"{' '.join(line)}: ended with {ended}")
        return Spent(cpu, system, wall, peak)

    return run


def commands(*words: object, code: int = 0, lines: int = 0, given: Path | None = None, python: bool = True) -> Rivals:
    """The same evlog command by each backend."""
    return {
        name: command(evlog(*words), environment(backend), code=code, lines=lines, given=given)
        for name, backend in _backends(python)
    }


def piece(*words: object, backend: str = BACKENDS[0]) -> Rival:
    """A piece of work that `inside.py` knows, its own start-up left out."""
    return lambda: Spent(*asked(*words, backend=backend))


def asked(*words: object, backend: str = BACKENDS[0]) -> Any:
    """What `inside.py` prints."""
    line = [sys.executable, str(HERE / "inside.py"), *map(str, words)]
    ran = subprocess.run(line, capture_output=True, env=environment(backend), check=False)
    if ran.returncode:
        raise FailedError(f"{' '.join(line[1:])}: {ran.stderr.decode(errors='replace').strip()[-300:]}")
    return json.loads(ran.stdout)


def pieces(*words: object, python: bool = True) -> Rivals:
    """The same piece of work by each backend."""
    return {name: piece(*words, backend=backend) for name, backend in _backends(python)}


def bare(name: str, *words: object) -> Rivals:
    """A piece of work without evlog (`bare.py`), under a name."""
    return {name: piece(*words, backend="python")}


def _backends(python: bool) -> list[tuple[str, str]]:
    return list(zip((EVLOG, PYTHON), BACKENDS[: 1 + python], strict=False))


def size_of(*paths: Path) -> int:
    """Bytes of files, and of the files in folders; those that are not there have none."""
    found = (path for given in paths for path in (given, *given.rglob("*")))
    return sum(path.stat().st_size for path in found if path.is_file())


def medians(rivals: Rivals, runs: int, failed: Callable[[str, str], None]) -> dict[str, Spent]:
    """What each spends: the medians of so many turns.

    Before the turns each runs once that does not count: memory that a virtual machine has given back to its host in
    the meantime would cost whoever comes first more than the work. Without any turn that first one is what counts.
    After `ENOUGH` seconds no turn begins but the first that counts. A rival of evlog that fails is left out, and said.
    """
    until = time.monotonic() + ENOUGH
    turns: dict[str, list[Spent]] = {name: [] for name in rivals}
    for turn in range(runs + 1):
        if turn > 1 and time.monotonic() > until:
            break
        for name in list(turns):
            try:
                spent = rivals[name]()
            except FailedError as error:
                if name in (EVLOG, PYTHON):
                    raise
                failed(name, str(error))
                del turns[name]
                continue
            if turn or not runs:
                turns[name].append(spent)
    return {name: _median(column) for name, column in turns.items()}


def _median(column: list[Spent]) -> Spent:
    cpu, system, wall, peak = zip(*column, strict=True)
    middle = statistics.median
    return Spent(middle(cpu), middle(system), middle(wall), int(middle(peak)))
