"""A lake on disk: Parquet files of the five tables, and commits that say which of them count.

    LAKE/{logs,events,registers,findings,bodies}/part-BATCH.parquet
    LAKE/_commits/BATCH.json          what a batch read, and the files that hold it
    LAKE/_lock                        held by the one process that writes

A commit is a file that is renamed into its place when all parts that it names are on the disk: before that nothing of
the batch counts, after it all of it does. A commit may replace others (a compaction does, or what has to be said of a
row that stands already): what those name counts no more, but for what the new one names again. So a reader never has
to look into a part to know whether it counts, and whoever was killed leaves nothing but files that no commit names.
"""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import SourceError, UsageError
from evlog.tables.schema import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["COMMITS", "Commit", "commits", "files", "is_lake", "refuse_odd_name"]

#: The folder of commits, and what each says of itself.
COMMITS, SCHEMA = "_commits", "evlog.lake/1"
# How often a reader looks again because a commit was replaced while it read.
_TRIES = 8


class Commit(Record):
    """A batch that counts.

    ``batch`` names it. ``inputs`` are what it read, by a short hash of name, size and time. ``parts`` are its files by
    table, relative to the lake. ``replaces`` are the batches that it stands for. ``dropped`` are files of those that
    count no more, and ``time`` (seconds since 1970) says since when, so that readers who hold the list may finish.
    """

    batch: str
    inputs: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]
    replaces: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    time: int = 0

    def to_json(self) -> dict[str, Any]:
        """The commit as its file has it."""
        parts = {table: list(names) for table, names in self.parts.items()}
        return {
            "schema": SCHEMA,
            "batch": self.batch,
            "time": self.time,
            "parts": parts,
            "replaces": list(self.replaces),
            "dropped": list(self.dropped),
            "inputs": list(self.inputs),
        }


def is_lake(path: str) -> bool:
    """Whether the folder is a lake: it has a folder of commits."""
    return os.path.isdir(os.path.join(path, COMMITS))


def refuse_odd_name(lake: str) -> None:
    """Raise UsageError for a path that is no UTF-8: neither pyarrow nor DuckDB opens a file there."""
    try:
        lake.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{lake}: the path of a lake has to be UTF-8") from None


def commits(lake: str) -> tuple[Commit, ...]:
    """The commits that count, in the order of their names; none for a lake that is new.

    Raises SourceError for a folder that is no lake or cannot be read, ParseError for a commit that evlog did not write,
    UsageError for one of a version that this evlog does not know.
    """
    refuse_odd_name(lake)
    for _ in range(_TRIES):
        found = _listed(lake)
        if found is not None:
            replaced = {batch for commit in found for batch in commit.replaces}
            return tuple(commit for commit in found if commit.batch not in replaced)
    raise SourceError(f"{lake}: its commits change all the time")


def files(lake: str) -> dict[str, tuple[str, ...]]:
    """The Parquet files that count, by table, as paths; a table without any has none. Raises as `commits` does.

    A file counts if a commit names it and no later one replaced that. Their schema is `evlog.tables.schema`'s, or an
    older one that lacks the newest columns: read them by name (``union_by_name``).
    """
    found: dict[str, list[str]] = {table: [] for table in TABLES}
    for commit in commits(lake):
        for table, names in commit.parts.items():
            if table in found:
                found[table] += (os.path.join(lake, *name.split("/")) for name in names)
    return {table: tuple(paths) for table, paths in found.items()}


def _listed(lake: str) -> list[Commit] | None:
    """Every commit there is, or None if one went away meanwhile."""
    folder = os.path.join(lake, COMMITS)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except FileNotFoundError:
        raise SourceError(f"{lake}: no lake of evlog table (it has no {COMMITS})") from None
    except OSError as error:
        raise SourceError(f"{lake}: {(error.strerror or str(error)).lower()}") from None
    found = []
    for name in names:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError(f"{lake}: {name}: {(error.strerror or str(error)).lower()}") from None
        found.append(_read(data, f"{lake}: {name}"))
    return found


def _read(data: bytes, name: str) -> Commit:
    """A commit of its file. A path that leads out of the lake makes it none of evlog's."""
    import json

    from evlog.errors import ParseError

    try:
        document = json.loads(data)
        schema = document["schema"]
        if schema != SCHEMA and isinstance(schema, str) and schema.startswith("evlog.lake/"):
            raise UsageError(f"{name}: {schema}, and this evlog reads {SCHEMA}")
        parts = {str(table): tuple(map(_inside, names)) for table, names in document["parts"].items()}
        return Commit(
            str(document["batch"]),
            tuple(map(str, document["inputs"])),
            parts,
            tuple(map(str, document["replaces"])),
            tuple(map(_inside, document["dropped"])),
            int(document["time"]),
        )
    except UsageError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise ParseError(f"{name}: not a commit of evlog table") from None


def _inside(name: str) -> str:
    """The path of a part: a table's folder and a file in it. Raises ValueError for any other."""
    folder, slash, file = name.partition("/")
    if (
        not (file.isascii() and file.isprintable())
        or not slash
        or folder not in TABLES
        or "/" in file
        or os.sep in file
        or not file.endswith(".parquet")
    ):
        raise ValueError(name)
    return name
