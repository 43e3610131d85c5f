"""The one process that writes to a lake: its lock, its commits, and what a run that was killed left behind."""

from __future__ import annotations

import os
import time

from evlog.errors import SourceError
from evlog.tables.lake import COMMITS, Commit, commits, refuse_odd_name
from evlog.tables.schema import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO

__all__ = ["Writer", "settle"]

# Seconds for which a file that was replaced stays, for readers who hold the list.
_GRACE = 600


class Writer:
    """Holds the lake until `close`. ``commits`` are those that count, by batch.

    Raises SourceError where another process holds it, or it cannot be written; UsageError for an odd path.
    """

    def __init__(self, lake: str) -> None:
        refuse_odd_name(lake)
        self.lake = lake
        try:
            for folder in (COMMITS, *TABLES):
                os.makedirs(os.path.join(lake, folder), exist_ok=True)
            self._lock: IO[bytes] | None = open(os.path.join(lake, "_lock"), "ab")  # noqa: SIM115
        except OSError as error:
            raise SourceError(f"{lake}: {(error.strerror or str(error)).lower()}") from None
        if not _locked(self._lock):
            self._lock.close()
            raise SourceError(f"{lake}: another process writes to it")
        try:
            self.commits: dict[str, Commit] = {commit.batch: commit for commit in commits(lake)}
            self._sweep()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def path(self, name: str) -> str:
        """Where a part is."""
        return os.path.join(self.lake, *name.split("/"))

    def commit(
        self,
        batch: str,
        inputs: Iterable[bytes],
        parts: Mapping[str, Iterable[str]],
        replaces: Iterable[Commit] = (),
    ) -> Commit:
        """Make a batch count, in place of those that it replaces. Its parts are on the disk already."""
        replaced = tuple(replaces)
        named = {name for names in parts.values() for name in names}
        was = {name for commit in replaced for names in commit.parts.values() for name in names}
        older = {name for commit in replaced for name in commit.dropped if os.path.exists(self.path(name))}
        dropped = older | (was - named)
        known = (each for commit in replaced for each in commit.inputs)
        commit = Commit(
            batch,
            tuple(dict.fromkeys((*known, *(each.hex() for each in inputs)))),
            {table: tuple(names) for table, names in parts.items()},
            tuple(commit.batch for commit in replaced),
            tuple(sorted(dropped)),
            int(time.time()),
        )
        import json

        path = os.path.join(self.lake, COMMITS, f"{batch}.json")
        with open(f"{path}.tmp", "w", encoding="utf-8") as file:
            json.dump(commit.to_json(), file)
        settle(f"{path}.tmp", path)
        for each in replaced:
            del self.commits[each.batch]
            _remove(os.path.join(self.lake, COMMITS, f"{each.batch}.json"))
        self.commits[batch] = commit
        return commit

    def _sweep(self) -> None:
        """Remove what no commit names: a killed run's parts, and what was replaced long enough ago."""
        counts = {name for commit in self.commits.values() for names in commit.parts.values() for name in names}
        now = int(time.time())
        recent = {name for commit in self.commits.values() if now - commit.time < _GRACE for name in commit.dropped}
        for table in TABLES:
            for name in os.listdir(os.path.join(self.lake, table)):
                whole = f"{table}/{name}"
                if name.startswith("part-") and whole not in counts and whole not in recent:
                    _remove(os.path.join(self.lake, table, name))
        for name in os.listdir(os.path.join(self.lake, COMMITS)):
            if name.endswith(".tmp") or (name.endswith(".json") and name[: -len(".json")] not in self.commits):
                _remove(os.path.join(self.lake, COMMITS, name))


def settle(made: str, path: str) -> None:
    """Put a file that was written in its place, and see both onto the disk."""
    descriptor = os.open(made, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(made, path)
    if hasattr(os, "O_DIRECTORY"):  # which a folder can be opened with, where that is needed
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def _locked(file: IO[bytes]) -> bool:
    """Whether this process holds the file now."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
