"""Where a register is, with its log and its journal: in a folder of its own, or on a device with its log elsewhere."""

from __future__ import annotations

import os

from evlog._record import Record
from evlog.errors import UsageError
from evlog.intake.journal import JOURNAL
from evlog.intake.outputs import clear, read_plain, replace
from evlog.live import kernel, runtime, tree
from evlog.tree import DIGEST, LOG, member_of_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from evlog.algorithms import HashAlg
    from evlog.live.device import Device, Member

    class Site(Protocol):
        """A register, its log and its journal.

        ``name`` is what a person calls it; ``banks`` are the hashes of its values, in the order in which they stand
        one after the other; ``alg`` is that of the log. ``log`` and ``journal`` are paths, ``mode`` that of a new
        journal, ``place`` what it says of which log it is about. ``lasting`` tells that an extension cannot be taken
        back.
        """

        name: str
        banks: tuple[HashAlg, ...]
        alg: HashAlg
        log: str
        journal: str
        place: str
        mode: int
        lasting: bool

        def lock(self) -> int:
            """Lock the register; what to close for others to go on. Raises OSError, UsageError for no register."""
            ...

        def lock_log(self, path: str) -> int:
            """Lock a log in the same way; -1 where the register's lock is the log's. Raises OSError."""
            ...

        def value(self) -> bytes:
            """The value in each bank, one after the other. Raises OSError."""
            ...

        def extend(self, old: bytes, digests: list[tuple[bytes, ...]]) -> None:
            """Extend by the digests, each once, in each bank. Raises OSError."""
            ...

        def take_back(self, old: bytes) -> None:
            """Undo an extension, where that can be. Raises OSError."""
            ...


__all__ = ["DeviceSite", "FolderSite", "Place"]


class Place(Record):
    """What a journal says of which log it is about: the device's boot, the banks of the values, the log's path."""

    boot: str
    banks: str
    log: str

    def __str__(self) -> str:
        return "\n".join((self.boot, self.banks, self.log))

    @staticmethod
    def parse(text: str) -> Place:
        boot, banks, log = [*text.split("\n", 2), "", "", ""][:3]
        return Place(boot, banks, log)


class FolderSite:
    """A register with a folder: ``digest``, ``hash_algo``, ``event_log``, and beside them ``.journal``.

    Its files are the folder's own: a link or a pipe in the place of one is refused, and nothing is written anywhere.
    """

    place = ""
    mode = 0o666

    def __init__(self, folder: str) -> None:
        self.name = folder
        self.digest = os.path.join(os.path.realpath(folder), DIGEST)
        self.log = os.path.join(folder, LOG)
        self.journal = os.path.join(folder, JOURNAL)
        self.lasting = kernel.in_kernel(self.digest)

    def lock(self) -> int:
        import fcntl

        member = member_of_log(self.log)
        if member is None or member.alg is None or member.value is None:
            raise UsageError(f"{self.name}: no register with a digest and a hash_algo that fit each other")
        self.alg = member.alg
        self.banks: tuple[HashAlg, ...] = (member.alg,)
        handle = os.open(self.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not self.lasting:
                clear(self.digest)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def lock_log(self, path: str) -> int:
        return -1

    def value(self) -> bytes:
        value = read_plain(self.digest)
        if len(value) != self.alg.size:
            raise UsageError(f"{self.digest}: {len(value)} bytes, a {self.alg} register has {self.alg.size}")
        return value

    def extend(self, old: bytes, digests: list[tuple[bytes, ...]]) -> None:
        tree.extend_file(self.digest, self.alg, old, [digest for (digest,) in digests])

    def take_back(self, old: bytes) -> None:
        if not self.lasting:
            replace(self.digest, old, lasting=True)


class DeviceSite:
    """A register of a device, whose log is a file that the caller names.

    The lock is the register's, so that writers of two logs meet, and another is the log's. Both, and the journal, are
    in evlog's own folder (`runtime`).
    """

    mode = 0o600
    lasting = True

    def __init__(self, device: Device, member: Member, alg: HashAlg, log: str) -> None:
        self.device = device
        self.member = member
        self.alg = alg
        self.banks = member.banks
        self.name = f"{device.name}: {member.name}"
        self.log = os.path.join(os.path.realpath(os.path.dirname(log) or os.path.curdir), os.path.basename(log))
        self._what = f"{device.id}-{member.name}"
        self._key = f"{device.identity}\0{member.name}"
        self.journal = runtime.place(self._what, self._key, "journal")
        self.place = ""

    def lock(self) -> int:
        handle = runtime.lock(runtime.place(self._what, self._key, "lock"))
        # A tool that was started to extend may outlive us: until it has ended, nobody else may look.
        os.set_inheritable(handle, True)
        try:
            # Asked under the lock, as every value is.
            self.place = str(Place(self.device.boot(), ",".join(map(str, self.banks)), self.log))
        except BaseException:
            os.close(handle)
            raise
        return handle

    def lock_log(self, path: str) -> int:
        return runtime.lock(runtime.place("log", path, "lock"))

    def value(self) -> bytes:
        values = self.device.read((self.member.register,))
        return b"".join(values[self.member.register, alg] for alg in self.banks)

    def extend(self, old: bytes, digests: list[tuple[bytes, ...]]) -> None:
        for each in digests:
            self.device.extend(self.member.register, dict(zip(self.banks, each, strict=True)))

    def take_back(self, old: bytes) -> None:
        """What was extended stays extended."""
