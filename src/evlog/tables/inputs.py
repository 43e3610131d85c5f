"""Something to read, and what the caller's patterns call it."""

from __future__ import annotations

from fnmatch import fnmatch
from hashlib import sha256

from evlog._record import Record
from evlog.tables.patterns import fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from evlog.tables.patterns import Place

__all__ = ["LARGEST", "NO_NAMES", "FleetNames", "Input", "Unreadable", "identity_of"]

#: Bytes of the largest log that is read: an IMA list of a million entries has 161 million.
LARGEST = 1 << 28


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


class FleetNames(Record):
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
NO_NAMES = FleetNames()


def identity_of(*parts: object) -> bytes:
    """A short hash of what tells an input from another."""
    return sha256("\0".join(map(str, parts)).encode("utf-8", "surrogateescape")).digest()[:16]
