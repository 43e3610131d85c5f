"""Many logs, each of a machine of its own: a JSON object for each on its own line, in the order of the arguments.

The logs are shared out among processes, as many as there are processors. A log that cannot be read becomes a line
with the error (``evlog.error/1``), and the next one follows. Each line says ``ok``, ``complete``, ``failed`` and
``exit``, and a last line on stderr counts them.
"""

from __future__ import annotations

import os
import sys

from evlog._record import Record, dumps, import_module
from evlog.cli import _common
from evlog.errors import EvlogError, SourceError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor, Future
    from typing import Any

__all__ = ["arguments", "beside", "run", "wanted"]

# Logs that go to a process at a time: enough that the way there and back does not count.
_SHARE = 32
_USAGE, _UNREADABLE = 2, 3
_ERROR = "evlog.error/1"


class _Said(Record):
    """What is said of some logs: a line of each, its exit code, and the error where there is no answer, else ""."""

    lines: str
    codes: tuple[int, ...]
    errors: tuple[str, ...]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a command that takes many logs."""
    group = parser.add_argument_group("many machines")
    group.add_argument("--each", action="store_true", help="each log is another machine's: JSON Lines, one a log")
    group.add_argument("--only", metavar="NAME", help="in folders, the logs of this name (a pattern: *.bin)")


def wanted(args: argparse.Namespace) -> bool:
    """Whether the logs are to be taken each on its own: on request, and where a folder is given."""
    return bool(args.each) or any(map(_is_folder, args.logs))


def _is_folder(path: str) -> bool:
    """Whether the path is a folder of logs. A tree of registers (`evlog.tree`) is one log."""
    if not os.path.isdir(path):
        return False
    from evlog.tree import is_tree

    return not is_tree(path)


def run(args: argparse.Namespace, command: str) -> int:
    """Run the command on each log. The exit code is that of the worst."""
    if "-" in args.logs:
        raise UsageError("--each reads files: stdin is one log")
    found = [(source, list(_paths(source, args.only))) for source in args.logs]
    if not any(paths for _, paths in found):
        raise SourceError(f"no log in {', '.join(args.logs)}")
    # A folder without a log gets a line that says so: nothing was said of that machine.
    paths = [path for source, inner in found for path in inner or [source]]
    shares = [paths[start : start + _SHARE] for start in range(0, len(paths), _SHARE)]
    worst = 0
    counts = {"ok": 0, "not ok": 0, "unreadable": 0}
    _common.under_way("logs", len(paths), soon=len(paths) > _SHARE)
    held: list[str] = []
    complaint: str | None = None
    for said in _results(command, args, shares):
        for code, error in zip(said.codes, said.errors, strict=True):
            counts["ok" if not code else "unreadable" if error else "not ok"] += 1
        worst = max(worst, *said.codes)
        held.append(said.lines)
        # What makes no sense of any log is no answer about each of them.
        complaint = _complaint(said, complaint)
        if complaint == "":
            _common.hush()
            sys.stdout.write("".join(held))
            held = []
        _common.done(len(said.codes))
    if complaint:
        raise UsageError(complaint)
    _common.say(", ".join(f"{count} {what}" for what, count in counts.items()))
    return worst


def _complaint(said: _Said, before: str | None) -> str:
    """What all logs so far were answered with alike, if it is about the question; "" as soon as one was not."""
    first = said.errors[0] if before is None else before
    alike = all(code == _USAGE and error == first for code, error in zip(said.codes, said.errors, strict=True))
    return first if alike else ""


def beside(args: argparse.Namespace, path: str, names: Iterable[str]) -> argparse.Namespace:
    """The arguments with ``{dir}``, in those of these names, put as the folder of the log."""
    from argparse import Namespace

    folder = os.path.dirname(path) or "."
    given = {name: getattr(args, name) for name in names}
    return Namespace(**{**vars(args), **{name: text and text.replace("{dir}", folder) for name, text in given.items()}})


def _paths(source: str, pattern: str | None) -> Iterator[str]:
    """The file that is given, or those in the folder that is, in order of their names; trees of registers too.

    Links to folders are not followed, and pipes, sockets and devices not opened: they may never end. A folder that
    cannot be listed is there itself.
    """
    from fnmatch import fnmatch

    if not _is_folder(source):
        yield source
        return
    closed: list[str] = []
    for folder, folders, files in os.walk(source, onerror=lambda error: closed.append(str(error.filename))):
        if not _is_folder(folder):
            yield folder
            folders.clear()
            continue
        folders.sort()
        paths = (os.path.join(folder, name) for name in sorted(files) if fnmatch(name, pattern or "*"))
        yield from (path for path in paths if os.path.isfile(path) or not os.path.exists(path))
    yield from closed


def _closed(folder: str) -> str:
    """Why nothing can be said of a folder that stands for a log."""
    try:
        os.listdir(folder)
    except OSError as error:
        return f"{folder}: {(error.strerror or str(error)).lower()}"
    return f"{folder}: no log in it"


def _results(command: str, args: argparse.Namespace, shares: list[list[str]]) -> Iterator[_Said]:
    """What `_work` says of each share, in order."""
    from evlog import hashing

    processes = min(_processors(), len(shares))
    if len(shares) > 1:
        # There is much to do. And what is loaded here need not be loaded by each process, where processes are forked.
        hashing.best()
        import_module(f"evlog.cli.{command}")
    if processes < 2:
        yield from (_work(command, args, share) for share in shares)
        return
    from collections import deque
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    waiting: deque[tuple[list[str], Future[_Said]]] = deque()
    remaining = iter(shares)
    pool: Executor = ProcessPoolExecutor(processes)
    try:
        while True:
            while len(waiting) < 4 * processes and (share := next(remaining, None)):
                waiting.append((share, _submit(pool, command, args, share)))
            if not waiting:
                return
            share, future = waiting.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                # A process died, killed for its memory perhaps: all that was under way is done again, log by log.
                again = [path for share in (share, *(share for share, _ in waiting)) for path in share]
                waiting.clear()
                yield from (_alone(command, args, path) for path in again)
                pool = ProcessPoolExecutor(processes)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _submit(pool: Executor, command: str, args: argparse.Namespace, share: list[str]) -> Future[_Said]:
    """What a share will come to; of a pool that is found broken, that it did."""
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    try:
        return pool.submit(_work, command, args, share)
    except BrokenProcessPool as error:
        broken: Future[_Said] = Future()
        broken.set_exception(error)
        return broken


def _alone(command: str, args: argparse.Namespace, path: str) -> _Said:
    """A log in a process of its own, which it may bring down."""
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    with ProcessPoolExecutor(1) as pool:
        try:
            return pool.submit(_work, command, args, [path]).result()
        except BrokenProcessPool:
            message = "the process that read it died"
            return _Said(_line(_error(path, message)), (_UNREADABLE,), (message,))


def _work(command: str, args: argparse.Namespace, paths: list[str]) -> _Said:
    """What is said of some logs."""
    module = import_module(f"evlog.cli.{command}")
    one: Callable[[argparse.Namespace, str], tuple[dict[str, Any], int]] = module.one
    known = _quick(module, args, paths)
    lines, codes, errors = [], [], []
    for path in paths:
        message = ""
        if path in known:
            line, code = known[path]
            lines.append(line)
            codes.append(code)
            errors.append(message)
            continue
        try:
            if _is_folder(path):
                raise SourceError(_closed(path))
            document, code = one(args, path)
            document = {"schema": document["schema"], "log": path, **document}
        except UsageError as error:
            # It may be this log's fault, whose evidence is no quote: the others have answers.
            message, code = str(error), _USAGE
        except EvlogError as error:
            message, code = str(error), _UNREADABLE
        except Exception as error:
            # A defect of evlog's: it must not cost the other logs.
            message, code = f"internal error: {type(error).__name__}: {error}", _UNREADABLE
        lines.append(_line(_error(path, message, code) if message else document))
        codes.append(code)
        errors.append(message)
    return _Said("".join(lines), tuple(codes), tuple(errors))


def _quick(module: Any, args: argparse.Namespace, paths: list[str]) -> dict[str, tuple[str, int]]:
    """The lines and exit codes of the logs of which a command tells them at once; the others are asked one by one."""
    quick: Callable[[argparse.Namespace, Sequence[str]], dict[str, tuple[str, int]]] | None
    quick = getattr(module, "quick", None)
    try:
        return quick(args, paths) if quick is not None else {}
    except Exception:
        # Whatever it is, it is said of the log that it is about.
        return {}


def _error(path: str, message: str, code: int = _UNREADABLE) -> dict[str, Any]:
    standing = {"ok": False, "complete": False, "failed": True, "exit": code}
    return {"schema": _ERROR, "log": path, **standing, "error": message}


def _line(document: dict[str, Any]) -> str:
    return dumps(document) + "\n"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
