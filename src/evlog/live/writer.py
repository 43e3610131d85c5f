"""A register and its log, changed so that nobody ever finds half a change.

A change is written down (`evlog.intake.journal`), made in the register, read back, added to the log. Whoever comes
after a kill reads the register, and can tell:

    the new value                            it has happened: the log gets what it lacks
    any, and the log has some of the change  it has, as the log comes last: the log gets the rest, then SYNC
    the old value                            it has not: the change is void
    another                                  others extended, and perhaps this too: **in doubt**

From the value alone a doubt cannot be settled. What is in doubt must not stand in the log as if it were measured, and
not be lost: it becomes a comment, ``# in doubt: LINE``, and SYNC says where the register stands.
"""

from __future__ import annotations

import os

from evlog import hashing
from evlog.errors import NotDoneError, SourceError, UsageError
from evlog.formats import room
from evlog.intake.journal import Change
from evlog.intake.outputs import clear, open_plain, read_plain, replace, source_error, sync_folder
from evlog.live.sites import Place
from evlog.tree import hash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from evlog.live.sites import Site

__all__ = ["DOUBT", "Writer"]

DOUBT = b"# in doubt: "
_HEAD = 4096  # bytes that tell a binary log: each has a zero in its first record


class Writer:
    """One register and its log, locked as long as the writer is open.

    ``doubts`` is how many lines became comments, ``notes`` are sentences for people. Raises SourceError for what is
    absent or cannot be written, UsageError for what is no register, and for a log that is not textual.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        #: The value that the log leads to, in all banks, if that was the register's.
        self._led: bytes | None = None
        self.doubts = 0
        self.notes: list[str] = []
        self._locks: list[int] = []
        self._log = -1

    def __enter__(self) -> Writer:
        try:
            self._locks.append(self.site.lock())
            clear(self.site.journal)
            change = self._last_change()
            place = None if change is None or change.place == self.site.place else Place.parse(change.place)
            if change is not None and place is not None and place.log != self.site.log:
                self._settle_other(place, change)
            self._locks.append(self.site.lock_log(self.site.log))
            new = not os.path.lexists(self.site.log)
            self._log = open_plain(self.site.log, os.O_RDWR | os.O_CREAT)
            if new:
                sync_folder(self.site.log)
            # Not one byte of a binary log (a tree made of a TCG log has such) may change, and a line would end it.
            if b"\0" in os.pread(self._log, _HEAD, 0):
                raise UsageError(f"{self.site.log}: a binary log, and lines go to a textual one")
            self._led = self._recover()
        except OSError as error:
            self.__exit__(None, None, None)
            raise source_error(self.site.name, error) from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for handle in (self._log, *self._locks):
            if handle >= 0:
                os.close(handle)
        self._locks, self._log = [], -1

    @property
    def synced(self) -> bool:
        """Whether the log led to the register's value when that was last read."""
        return self._led is not None

    @property
    def value(self) -> bytes:
        """The register's value in the log's bank."""
        return self._banks(self.site.value())[self.site.banks.index(self.site.alg)]

    @property
    def statement(self) -> bytes:
        """The line that states the register's value, as it is now."""
        return self._statement(self.site.value())

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

    def make(self, data: bytes, measured: Sequence[bytes]) -> None:
        """Extend the register by the hashes of the measured lines and add the bytes to the log: both, or neither.

        One line at a time, where an extension is for ever. Raises SourceError if it did not happen, or if the log is
        full; if by then the register was extended, the journal keeps the bytes for the next change.
        """
        try:
            old = self.site.value()
            backend = hashing.backend()
            hashes = [backend.digests(alg, measured) for alg in self.site.banks]
            new = b"".join(
                backend.fold(alg, value, digests)
                for alg, value, digests in zip(self.site.banks, self._banks(old), hashes, strict=True)
            )
            # Others may have moved it since it was last read: then the log does not lead there.
            change = Change(self.size, old, new, self._led == old, data, self.site.place)
            self._write_down(change)
            if self._extended(change, list(zip(*hashes, strict=True))):
                self._finish(change)
        except OSError as error:
            self._lose_track()
            raise source_error(self.site.name, error) from error

    def _extended(self, change: Change, digests: list[tuple[bytes, ...]]) -> bool:
        """Extend; whether it happened. Raises OSError if it did not, and not if nobody can tell: that is a doubt."""
        failed: OSError | None = None
        try:
            if change.new != change.old:
                self.site.extend(change.old, digests)
        except OSError as error:
            failed = error
        try:
            value = self.site.value()
        except OSError:
            if failed is not None:
                raise failed from None
            raise
        if failed is None and value == change.old != change.new:
            failed = SourceError(f"{self.site.name}: it took an extension, and stands where it was")
        if failed is not None and value != change.new:
            if value == change.old:
                raise failed
            if isinstance(failed, NotDoneError):
                # It did not happen, and others have moved it: the journal must not look like a doubt.
                os.unlink(self.site.journal)
                raise failed
            self._doubt(self._log, change, value)
            self._led = None
            return False
        self._led = value if value == change.new and self._leads(change) else None
        return True

    def _finish(self, change: Change) -> None:
        """Add to the log what it lacks of a change that has happened."""
        try:
            self._write(self._log, change)
        except OSError:
            os.ftruncate(self._log, change.size)
            if change.new != change.old:
                self.site.take_back(change.old)
            raise

    def _lose_track(self) -> None:
        """After a failure: what holds now, if that much can be said."""
        try:
            self._led = self._recover()
        except OSError:
            self._led = None

    def _last_change(self) -> Change | None:
        """What the journal says, if there is one."""
        return Change.parse(read_plain(self.site.journal)) if os.path.lexists(self.site.journal) else None

    def _write_down(self, change: Change) -> None:
        replace(self.site.journal, bytes(change), lasting=True, mode=self.site.mode)

    def _recover(self) -> bytes | None:
        """Finish or undo the last change of this log; the register's value, if the log then leads to it."""
        change = self._last_change()
        if change is None:
            return None
        if change.place == self.site.place:
            value = self.site.value()
            return value if self._settle(self._log, change, value) else None
        # In another boot the register was another one: no value of now tells anything of then.
        if Place.parse(change.place).log == self.site.log:
            self._settle(self._log, change, None)
        return None

    def _settle_other(self, place: Place, change: Change) -> None:
        """Finish or undo the last change of the register, which was one of another log."""
        own = Place.parse(self.site.place)
        here = (place.boot, place.banks) == (own.boot, own.banks)
        try:
            lock = self.site.lock_log(place.log)
            try:
                log = open_plain(place.log, os.O_RDWR)
                try:
                    self._settle(log, change, self.site.value() if here else None)
                finally:
                    os.close(log)
            finally:
                os.close(lock)
        except OSError as error:
            self.notes.append(f"the log before this one cannot be finished: {source_error(place.log, error)}")

    def _settle(self, log: int, change: Change, value: bytes | None) -> bool:
        """Finish or undo a change of a log; whether it then leads to the value, which is None if nobody knows it."""
        size = os.fstat(log).st_size
        if not change.size <= size <= change.size + len(change.data):
            return False
        rest = os.pread(log, len(change.data) + 1, change.size)
        if not change.data.startswith(rest):
            return False
        if rest or value == change.new:
            if len(rest) < len(change.data):
                self._write(log, change)
            return value == change.new and self._leads(change)
        if value == change.old:
            return change.synced
        self._doubt(log, change, value)
        return False

    def _doubt(self, log: int, change: Change, value: bytes | None) -> None:
        """Put the lines of a change into its log as comments."""
        states = room("text").states
        lines = [line for line in change.data.split(b"\n") if line and not states(line)]
        said = [line if line[:1] == b"#" else DOUBT + line for line in lines]
        self.doubts += sum(line[:1] != b"#" for line in lines)
        lead = b"\n" if change.data[:1] == b"\n" else b""
        now = change.old if value is None else value
        told = change.replace(old=now, new=now, synced=False, data=lead + b"".join(line + b"\n" for line in said))
        self._write_down(told)
        self._write(log, told)

    def _write(self, log: int, change: Change) -> None:
        position, rest = change.size, memoryview(change.data)
        while rest:
            written = os.pwrite(log, rest, position)
            position, rest = position + written, rest[written:]
        os.fsync(log)

    def _leads(self, change: Change) -> bool:
        """Whether a log with the change leads to the value after it.

        It led to the one before, or the change states that: not one that others have moved since it was read.
        """
        return change.synced or change.data.lstrip(b"\n").startswith(self._statement(change.old))

    def _statement(self, value: bytes) -> bytes:
        """The line that states a value of all banks, by that of the log's."""
        bank = self._banks(value)[self.site.banks.index(self.site.alg)]
        return f"SYNC {hash_name(self.site.alg)}/{bank.hex()}".encode()

    def _banks(self, value: bytes) -> list[bytes]:
        """A value of all banks, bank by bank."""
        values = []
        for alg in self.site.banks:
            values.append(value[: alg.size])
            value = value[alg.size :]
        return values
