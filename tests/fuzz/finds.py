"""A find: an input that breaks the invariant, known by its traceback, so that each is kept once."""

from __future__ import annotations

import hashlib
import os
import signal
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import evlog
from tests.fuzz.targets import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FOUND = Path(__file__).parent / "found"

# A shared machine that has much to do is several times as slow as it is alone.
SECONDS = 20.0 if "CI" in os.environ else 2.0
MEMORY = 512 << 20
_UNPACKED = 5  # times as much for what may be compressed
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"H4sI", b"KLUv")
_HOME = str(Path(evlog.__file__).parent)
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Find(NamedTuple):
    """What went wrong, and ``key``: of one cause, as far as a traceback tells."""

    key: str
    story: str


class _TooLong(BaseException):
    """Raised where an input is, when it has had four times its time."""


def tried(target: str, data: bytes, watch_memory: bool = False) -> Find | None:
    """Run an input through its target; what it finds, if it does."""
    much = _UNPACKED if any(magic in data for magic in _PACKED) else 1
    slow: list[str] = []

    def ring(number: int, frame: FrameType | None) -> None:
        slow.append("".join(traceback.format_stack(frame)[-12:]))
        if len(slow) > 3:
            raise _TooLong

    before = peak() if watch_memory else 0
    previous = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS * much, SECONDS * much)
    began = time.process_time()
    try:
        run(target, data)
    except _TooLong:
        pass
    except Exception as error:
        return _of(target, error)
    finally:
        took = time.process_time() - began
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)
    if took > SECONDS * much:
        where = slow[0] if slow else ""
        return _find(target, f"slow {_place(where)}", f"{took:.1f} s of processor time for {len(data)} bytes\n{where}")
    if watch_memory and peak() - before > MEMORY * much:
        return _find(target, "memory", f"{(peak() - before) >> 20} MiB for {len(data)} bytes")
    return None


def _of(target: str, error: Exception) -> Find:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_HOME)] or frames
    where = "; ".join(f"{Path(frame.filename).name}:{frame.name}:{frame.line}" for frame in own[-2:])
    said = str(error) if type(error).__name__ == "BrokenError" else ""
    return _find(
        target if said else "", f"{type(error).__name__} {said} {where}", "".join(traceback.format_exception(error))
    )


def _place(stack: str) -> str:
    """The innermost line of ours in a stack, without its number."""
    lines = [line.split(",") for line in stack.splitlines() if line.lstrip().startswith("File") and _HOME in line]
    return lines[-1][0] + lines[-1][-1] if lines else ""


def _find(target: str, key: str, story: str) -> Find:
    return Find(hashlib.sha256(f"{target} {key}".encode()).hexdigest()[:10], story)


def peak() -> int:
    """The most memory that the process had since this was last asked, in bytes; 0 where the system does not tell."""
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        _CLEAR.write_text("5")
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) << 10


def shrunk(data: bytes, same: Callable[[bytes], bool], seconds: float = 10) -> bytes:
    """A shorter input that still is the same, by leaving out pieces."""
    until, size = time.monotonic() + seconds, len(data) // 2
    while size and time.monotonic() < until:
        at = 0
        while at < len(data) and time.monotonic() < until:
            less = data[:at] + data[at + size :]
            if same(less):
                data = less
            else:
                at += size
        size //= 2
    return data


def keep(folder: Path, target: str, data: bytes, find: Find) -> Path:
    """Write a find's input, and its story beside it."""
    (folder / target).mkdir(parents=True, exist_ok=True)
    path = folder / target / find.key
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(find.story)
    return path


def kept(folder: Path = FOUND) -> list[tuple[str, Path]]:
    """The inputs in a folder of finds, each with its target."""
    found = sorted(path for path in folder.glob("*/*") if path.is_file() and path.suffix != ".txt")
    return [(path.parent.name, path) for path in found]
