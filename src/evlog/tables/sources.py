"""What there is to read: files, folders, archives, Parquet files with logs in a column; one by one, in a fixed order.

Nothing is read here but names, sizes and times, and what stands in archives. A link is followed only where it stays in
its source: whoever fills a folder of the fleet must not choose what else is read.
"""

from __future__ import annotations

import os
from stat import S_ISREG

from evlog.tables import archives
from evlog.tables.inputs import LARGEST, Input, Unreadable, identity_of
from evlog.tables.lake import is_lake
from evlog.tables.patterns import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.tables.inputs import FleetNames

__all__ = ["inputs", "seen"]


def inputs(sources: Sequence[str], names: FleetNames) -> Iterator[Input | Unreadable]:
    """Everything that the sources hold, in the order of their names."""
    for source in sources:
        if not os.path.isdir(source):
            yield from _file(source, source, names, "", None)
            continue
        from evlog.tree import is_tree

        if is_tree(source):
            yield _tree(source, source, names, "")
            continue
        yield from _folder(source, names)


def seen(sources: Sequence[str], names: FleetNames) -> int:
    """About how many files there are, for a bar: an archive counts as one."""
    count = 0
    for source in sources:
        for _, _, files in os.walk(source):
            count += sum(map(names.wants, files))
        count += not os.path.isdir(source)
    return count


def _folder(source: str, names: FleetNames) -> Iterator[Input | Unreadable]:
    from evlog.tree import is_tree, may_hold

    closed: list[Unreadable] = []

    def refused(error: OSError) -> None:
        closed.append(Unreadable(str(error.filename), (error.strerror or str(error)).lower()))

    home = os.path.realpath(source)
    for folder, folders, files in os.walk(source, onerror=refused):
        if folders and is_lake(folder):
            # A lake beside the logs is no source of logs.
            folders.clear()
            continue
        relative = folder[len(source) :].strip(os.sep).replace(os.sep, "/")
        # Most folders are of a machine, with a log and perhaps evidence beside it.
        if relative and (folders or may_hold(files)) and is_tree(folder):
            folders.clear()
            yield _tree(folder, folder, names, relative)
            continue
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.lower().endswith(archives.ARCHIVES) or names.wants(name):
                yield from _file(path, path, names, relative, home)
    yield from closed


def _file(source: str, path: str, names: FleetNames, folder: str, home: str | None) -> Iterator[Input | Unreadable]:
    """A file, or what is in it if it is an archive of logs. ``home`` is the folder that was given as a source."""
    name = os.path.basename(path)
    try:
        found = os.stat(path)
        if home is not None and os.path.islink(path) and not _is_within(os.path.realpath(path), home):
            yield Unreadable(source, "a link that leads out of its folder, which is not followed")
            return
        if not S_ISREG(found.st_mode):
            yield Unreadable(source, "neither a file nor a folder")
            return
        if found.st_size > LARGEST:
            yield Unreadable(source, f"{found.st_size} bytes, at most {LARGEST} are read")
            return
    except OSError as error:
        yield Unreadable(source, (error.strerror or str(error)).lower())
        return
    identity = identity_of(source, found.st_size, found.st_mtime_ns)
    if name.lower().endswith(archives.ARCHIVES) and not archives.is_capture(path):
        # What is in an archive of a folder lies as if the archive were a folder.
        inside = "/".join(filter(None, (folder, name.partition(".")[0]))) if home is not None else ""
        yield from archives.inputs(path, names, inside, identity)
        return
    place = Place(folder, name)
    yield Input(
        source,
        identity,
        place,
        names.machine_of(place),
        names.boot_of(place),
        found.st_mtime_ns // 1000,
        found.st_size,
        path=path,
        folder=os.path.dirname(path) or ".",
    )


def _tree(source: str, path: str, names: FleetNames, folder: str) -> Input:
    """A tree of registers, which is one log: its folder is its name."""
    newest = 0
    for each, _, files in os.walk(path):
        for name in files:
            try:
                newest = max(newest, os.lstat(os.path.join(each, name)).st_mtime_ns)
            except OSError:
                continue
    parent, _, name = folder.rpartition("/")
    place = Place(parent, name or os.path.basename(os.path.abspath(path)))
    return Input(
        source,
        identity_of(source, 0, newest),
        place,
        names.machine_of(place),
        names.boot_of(place),
        newest // 1000 or None,
        0,
        path=path,
        folder=os.path.dirname(path) or ".",
    )


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
