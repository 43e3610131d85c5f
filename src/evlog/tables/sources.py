"""What there is to read: files, folders, archives, Parquet files with logs in a column; one by one, in a fixed order.

Nothing is read here but names, sizes and times, and what stands in archives. A link is followed only where it stays in
its source: whoever fills a folder of the fleet must not choose what else is read.
"""

from __future__ import annotations

import os
from fnmatch import fnmatch
from hashlib import sha256

from evlog._record import Record
from evlog.tables.patterns import Place, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["LARGEST", "NO_NAMES", "Input", "Names", "Unreadable", "inputs", "seen"]

#: Bytes of the largest log that is read: an IMA list of a million entries has 161 million.
LARGEST = 1 << 28
_TAR = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".tar.bz2")
_ARCHIVES = (*_TAR, ".zip", ".parquet")


class Input(Record):
    """Something to read: a file, or bytes out of an archive, with the names that the caller's patterns give it.

    ``identity`` tells it from all others and from what it was before, by its name, size and time. ``collected_at`` is
    in microseconds since 1970. ``folder`` is where evidence beside it is looked for, on this machine; ``beside`` has
    the files that stand in the archive with it, by their path there.
    """

    source: str
    identity: bytes
    place: Place
    machine: str | None
    boot: str | None
    collected_at: int | None
    size: int
    path: str | None = None
    data: bytes | None = None
    folder: str | None = None
    beside: Mapping[str, bytes] | None = None


class Unreadable(Record):
    """What cannot be read now, and why; it is tried again in the next run."""

    source: str
    reason: str


class Names(Record):
    """How logs are called: patterns of machine and boot, and which files of a folder or an archive are logs at all.

    ``evidence`` are patterns of files that are none, because they are evidence beside logs.
    """

    machine: str | None = None
    boot: str | None = None
    only: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether a file of this name is to be read: what is evidence is not."""
        if any(fnmatch(name, each) for each in self.evidence):
            return False
        return not self.only or any(fnmatch(name, each) for each in self.only)

    def machine_of(self, place: Place) -> str | None:
        """The machine's name: by default its folder, or where there is none the file's name."""
        fields = place.fields()
        return fields["dir"] or fields["stem"] if self.machine is None else fill(self.machine, fields)

    def boot_of(self, place: Place) -> str | None:
        """The boot's name; None unless the caller says."""
        return fill(self.boot, place.fields()) if self.boot is not None else None


#: Machines by their folders, and every file a log.
NO_NAMES = Names()


def inputs(sources: Sequence[str], names: Names) -> Iterator[Input | Unreadable]:
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


def seen(sources: Sequence[str], names: Names) -> int:
    """About how many files there are, for a bar: an archive counts as one."""
    count = 0
    for source in sources:
        for _, _, files in os.walk(source):
            count += sum(map(names.wants, files))
        count += not os.path.isdir(source)
    return count


def _folder(source: str, names: Names) -> Iterator[Input | Unreadable]:
    from evlog.tree import is_tree

    closed: list[Unreadable] = []

    def refused(error: OSError) -> None:
        closed.append(Unreadable(str(error.filename), (error.strerror or str(error)).lower()))

    home = os.path.realpath(source)
    for folder, folders, files in os.walk(source, onerror=refused):
        relative = os.path.relpath(folder, source).replace(os.sep, "/")
        relative = "" if relative == "." else relative
        if relative and is_tree(folder):
            folders.clear()
            yield _tree(folder, folder, names, relative)
            continue
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.lower().endswith(_ARCHIVES) or names.wants(name):
                yield from _file(path, path, names, relative, home)
    yield from closed


def _file(source: str, path: str, names: Names, folder: str, home: str | None) -> Iterator[Input | Unreadable]:
    """A file, or what is in it if it is an archive of logs. ``home`` is the folder that was given as a source."""
    name = os.path.basename(path)
    try:
        found = os.stat(path)
        if home is not None and os.path.islink(path) and not _is_within(os.path.realpath(path), home):
            yield Unreadable(source, "a link that leads out of its folder, which is not followed")
            return
        if not os.path.isfile(path):
            yield Unreadable(source, "neither a file nor a folder")
            return
        if found.st_size > LARGEST:
            yield Unreadable(source, f"{found.st_size} bytes, at most {LARGEST} are read")
            return
    except OSError as error:
        yield Unreadable(source, (error.strerror or str(error)).lower())
        return
    identity = identity_of(source, found.st_size, found.st_mtime_ns)
    if name.lower().endswith(_ARCHIVES):
        from evlog.tables import archives

        if not archives.is_capture(path):
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


def _tree(source: str, path: str, names: Names, folder: str) -> Input:
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


def identity_of(*parts: object) -> bytes:
    """A short hash of what tells an input from another."""
    return sha256("\0".join(map(str, parts)).encode("utf-8", "surrogateescape")).digest()[:16]


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
