"""The files of one register, changed so that nobody ever finds half a change.

A folder has ``digest``, ``hash_algo`` and ``event_log``, as the kernel RFC has them, and ``.journal``: what the last
change is, written before it is made. A change happens at the moment when the value in ``digest`` becomes the new one,
and at no other. Before it, what the journal says is void; after it, the journal holds whatever the log still lacks.
So whoever comes next, after a kill at any moment, can tell and finish (`Store.recover`); and a reader sees what will
be there then (`settled_log`). All of it happens under a lock on the folder.

A ``digest`` in the kernel's file system is the register: what is written to it is extended. Any other is a plain file,
whose value is computed here.
"""

from __future__ import annotations

import os

from evlog import hashing
from evlog._record import Record
from evlog.errors import UsageError
from evlog.intake.files import load
from evlog.intake.outputs import clear, open_plain, read_plain, replace, source_error
from evlog.tree import DIGEST, LOG, member_of_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from evlog.algorithms import HashAlg

__all__ = ["Change", "Store", "settled_log"]

JOURNAL = ".journal"
_MAGIC = b"evlog-append/1"


class Change(Record):
    """A change of a register and its log.

    ``size`` bytes of log stand before it, ``old`` is the register's value then; ``data`` is what the log gains and
    ``new`` the value that it leads to. ``synced`` tells whether the log before led to ``old``.
    """

    size: int
    old: bytes
    new: bytes
    synced: bool
    data: bytes

    def __bytes__(self) -> bytes:
        fields = (_MAGIC.decode(), self.size, self.old.hex(), self.new.hex(), int(self.synced), len(self.data))
        return " ".join(map(str, fields)).encode() + b"\n" + self.data

    @staticmethod
    def parse(text: bytes) -> Change | None:
        """The change that a journal holds, or None for anything that is none."""
        head, _, data = text.partition(b"\n")
        fields = head.split(b" ")
        if len(fields) != 6 or fields[0] != _MAGIC:
            return None
        try:
            size, length = int(fields[1]), int(fields[5])
            old, new = (bytes.fromhex(field.decode("ascii")) for field in fields[2:4])
        except ValueError:
            return None
        return Change(size, old, new, fields[4] == b"1", data) if length == len(data) else None

    def settle(self, value: bytes, log: bytes) -> bytes:
        """What the log is, given the register's value and what of the log is in the file."""
        rest = log[self.size :]
        if len(log) < self.size or not self.data.startswith(rest):
            return log  # somebody else has written, or the journal is of another log
        before = log[: self.size]
        if value == self.new:
            return before + self.data
        # Extended further by others, once the log has any of it; else it may not have happened at all.
        return before + self.data if rest and value != self.old else before


def settled_log(path: str) -> bytes:
    """The bytes of a log file; of a register's, without what is half written and with what the journal still has."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.lexists(os.path.join(folder, JOURNAL)):
        return load(path)[0]
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        log = load(path)[0]
        member = member_of_log(path)
        change = Change.parse(read_plain(os.path.join(folder, JOURNAL)))
        if change is None or member is None or member.value is None:
            return log
        return change.settle(member.value, log)
    except OSError as error:
        raise source_error(path, error) from error
    finally:
        os.close(handle)


class Store:
    """One register's folder, locked as long as the store is open.

    Its files are the folder's own: a link or a pipe in the place of one is refused, and nothing is written anywhere.
    Raises SourceError for what is absent or cannot be written, UsageError for a folder that is no register.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.digest = os.path.join(os.path.realpath(folder), DIGEST)
        self.in_kernel = _in_kernel(self.digest)
        self._journal = os.path.join(folder, JOURNAL)
        self._lock = self._log = -1

    def __enter__(self) -> Store:
        import fcntl

        member = member_of_log(os.path.join(self.folder, LOG))
        if member is None or member.alg is None or member.value is None:
            raise UsageError(f"{self.folder}: no register with a digest and a hash_algo that fit each other")
        self.alg: HashAlg = member.alg
        try:
            self._lock = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if not self.in_kernel:
                clear(self.digest)
            clear(self._journal)
            self._log = open_plain(os.path.join(self.folder, LOG), os.O_RDWR | os.O_CREAT)
            self.synced = self._recover()
        except OSError as error:
            self.__exit__(None, None, None)
            raise source_error(self.folder, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in (self._log, self._lock):
            if handle >= 0:
                os.close(handle)
        self._lock = self._log = -1

    @property
    def value(self) -> bytes:
        """The register's value."""
        value = read_plain(self.digest)
        if len(value) != self.alg.size:
            raise UsageError(f"{self.digest}: {len(value)} bytes, a {self.alg} register has {self.alg.size}")
        return value

    @property
    def size(self) -> int:
        """The length of the log in bytes."""
        return os.fstat(self._log).st_size

    @property
    def lead(self) -> bytes:
        """What goes before a write: a blank line, unless the log is empty; an end for a last line without one."""
        size = self.size
        if not size:
            return b""
        return b"\n" if os.pread(self._log, 1, size - 1) == b"\n" else b"\n\n"

    def _recover(self) -> bool:
        """Finish or undo the last change; whether the log then leads to the register's value."""
        change = Change.parse(read_plain(self._journal)) if os.path.lexists(self._journal) else None
        size, value = self.size, self.value
        if change is None or not change.size <= size <= change.size + len(change.data):
            return False
        rest = os.pread(self._log, len(change.data) + 1, change.size)
        if not change.data.startswith(rest):
            return False
        happened = value == change.new or (bool(rest) and value != change.old)
        if happened and len(rest) < len(change.data):
            self._write(change)
        elif not happened and rest:
            os.ftruncate(self._log, change.size)
        if value == change.new:
            return True
        return change.synced and not happened and value == change.old

    def make(self, data: bytes, digests: list[bytes]) -> None:
        """Extend the register by the digests and add the bytes to the log: both, or neither.

        In the kernel's file system one digest at a time must do. Raises SourceError if the disk or the log is full; if
        by then the kernel has been told, the journal keeps the bytes for the next change.
        """
        value = self.value
        new = hashing.backend().fold(self.alg, value, digests)
        change = Change(self.size, value, new, self.synced, data)
        try:
            replace(self._journal, bytes(change), lasting=True)
            self._extend(change, digests)
            try:
                self._write(change)
            except OSError:
                os.ftruncate(self._log, change.size)
                self._take_back(change)
                raise
        except OSError as error:
            self._lose_track()
            raise source_error(self.folder, error) from error
        self.synced = not digests or self.value == new

    def _lose_track(self) -> None:
        """After a failure: what holds now, if that much can be said."""
        try:
            self.synced = self._recover()
        except OSError:
            self.synced = False

    def _extend(self, change: Change, digests: list[bytes]) -> None:
        if not self.in_kernel:
            if change.new != change.old:
                replace(self.digest, change.new, lasting=True)
            return
        for digest in digests:
            handle = open_plain(self.digest, os.O_WRONLY)
            try:
                os.write(handle, digest)
            finally:
                os.close(handle)

    def _take_back(self, change: Change) -> None:
        """Undo an extension that the log has no room for; not the kernel's, which is for ever."""
        if not self.in_kernel and change.new != change.old:
            replace(self.digest, change.old, lasting=True)

    def _write(self, change: Change) -> None:
        position, rest = change.size, memoryview(change.data)
        while rest:
            written = os.pwrite(self._log, rest, position)
            position, rest = position + written, rest[written:]
        os.fsync(self._log)


def _in_kernel(path: str) -> bool:
    """Whether a file is one of the kernel's, and so a register itself."""
    return path.startswith("/sys/")
