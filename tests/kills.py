"""Appends to a TPM that are killed at random moments, perhaps while another program extends the same register.

Afterwards the log must lead to the register's value, and hold every line that was acknowledged. The test suite has a
few of them; by hand (minutes): ``python -m tests.kills 1000``, and ``--foreign``.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import evlog
from evlog.live import open_device
from evlog.live.append import append
from evlog.registers import Register

if TYPE_CHECKING:
    from tests.swtpm import Swtpm

PCR = Register("pcr", 16)
_AT_ONCE = 10  # kills, after which the log is compared with the register


class Told(NamedTuple):
    """How many there were: kills, lines that were acknowledged, lines in doubt, statements of the value."""

    kills: int
    acknowledged: int
    doubts: int
    syncs: int


def many(software: Swtpm, folder: Path, count: int, *, foreign: bool = False, seed: int = 0) -> Told:
    """So many kills; raises AssertionError for a log that does not hold what it has to."""
    rng = random.Random(seed)
    log = folder / "killed.log"
    started = time.monotonic()
    append(open_device(software.target), str(PCR), ["the beginning"], log=log)
    # A kill falls into the first append, its recovery of the one before, or some later one.
    spread = 2 * (time.monotonic() - started)
    safe: list[int] = []
    first = 0
    for begun in range(0, count, _AT_ONCE):
        other = _foreign(software) if foreign else None
        try:
            for number in range(begun, min(begun + _AT_ONCE, count)):
                done = _killed(software.target, log, first, rng.random() * spread, rng, after_one=number % 2 == 0)
                safe += done
                # The one after may be in the log too, without having been acknowledged.
                first = max([first - 1, *done]) + 2
        finally:
            if other is not None:
                # With the tool that it may have started: nobody may extend after the end.
                os.killpg(other.pid, signal.SIGKILL)
                other.wait()
        append(open_device(software.target), str(PCR), [f"the end after {begun}"], log=log)
        value = open_device(software.target).read([PCR]).values[PCR, evlog.SHA256]
        assert evlog.replay(evlog.read(log, register=PCR))[PCR, evlog.SHA256] == value, "the log does not lead there"
    lines = log.read_text().splitlines()
    stored = [line for line in lines if line.startswith("line ")]
    doubtful = [line for line in lines if line.startswith("# in doubt: line ")]
    assert len(stored) == len(set(stored)), "a line is there twice"
    missing = {f"line {number}" for number in safe} - {
        *stored,
        *(line.removeprefix("# in doubt: ") for line in doubtful),
    }
    assert not missing, f"acknowledged, and not there: {sorted(missing)}"
    return Told(count, len(safe), len(doubtful), sum(line.startswith("SYNC") for line in lines))


def _killed(target: str, log: Path, first: int, delay: float, rng: random.Random, *, after_one: bool) -> list[int]:
    """A program that appends line after line, killed at some moment; the numbers that it said were safe."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            os.setpgid(0, 0)
            for number in range(first, first + 10000):
                append(open_device(target), str(PCR), [f"line {number}"], log=log)
                os.write(writer, b"%d\n" % number)
        finally:
            os._exit(1)
    os.close(writer)
    head = os.read(reader, 1) if after_one else b""
    time.sleep(delay)
    # Alone, or with the tool that it may have started, as a service is stopped.
    try:
        (os.killpg if rng.random() < 0.5 else os.kill)(child, signal.SIGKILL)
    except ProcessLookupError:  # before it had a group of its own
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(reader, "rb") as said:
        return [int(number) for number in (head + said.read()).split(b"\n")[:-1]]


def _foreign(software: Swtpm) -> subprocess.Popen[bytes]:
    """Somebody else, who extends the register now and then."""
    digest = "ab" * 32
    script = f"while :; do tpm2_pcrextend --tcti {software.tcti} 16:sha256={digest} >/dev/null 2>&1; sleep 0.2; done"
    return subprocess.Popen(["sh", "-c", script], start_new_session=True)


def _by_hand(words: list[str]) -> None:
    from tests.swtpm import running

    count = int(next((word for word in words if word.isdecimal()), "1000"))
    with running() as software, tempfile.TemporaryDirectory() as folder:
        os.environ["EVLOG_RUN"] = os.path.join(folder, "run")
        started = time.monotonic()
        told = many(software, Path(folder), count, foreign="--foreign" in words, seed=int(started))
        print(
            *(f"{name} {value}" for name, value in told._asdict().items()),
            f"{time.monotonic() - started:.0f} s",
            sep=", ",
        )


if __name__ == "__main__":
    _by_hand(sys.argv[1:])
