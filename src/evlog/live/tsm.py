"""The kernel's measurement files: a flat folder, ``rtmr3:sha384``, where a write extends.

Source: Linux 6.16, drivers/virt/coco/guest/tsm-mr.c, Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest.
What the files' names and modes say is in `evlog.tree`. The file system is asked whether it is the kernel's, and not
the path: containers mount sysfs elsewhere. Anywhere else the files are plain, and a new value is computed here.

A write that is longer than the register extends it by its first bytes, and then fails. So one write of exactly the
register's size is made, what it returns is compared, and nothing is ever written again.
"""

from __future__ import annotations

import errno
import os

from evlog import hashing, tree
from evlog.errors import NotDoneError, SourceError, UsageError
from evlog.intake.outputs import open_plain, replace, source_error
from evlog.live import kernel
from evlog.live.device import Device, Member
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evlog.algorithms import HashAlg

__all__ = ["Files", "Tsm"]

_MOST = 4096
_TRIES = 4
#: Errors before anything was extended; after any other, an interrupt or a back end's, only the value can tell.
_REFUSALS = frozenset((errno.EACCES, errno.EPERM, errno.EINVAL, errno.EFBIG, errno.ENOENT, errno.EROFS, errno.ENXIO))


class Files:
    """The calls by which a folder's files are used, and nothing else: tests put a kernel's register here."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder. Raises OSError."""
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_file() and entry.name[:1] != ".")

    def size(self, path: str) -> tuple[int, bool]:
        """The size of a file, and whether its mode lets anybody write. Raises OSError."""
        there = os.stat(path)
        return there.st_size, bool(there.st_mode & 0o222)

    def read(self, path: str) -> bytes:
        """The content, from a descriptor of its own: one that was read to its end stays there. Raises OSError."""
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(handle, _MOST)
        finally:
            os.close(handle)

    def write(self, path: str, data: bytes) -> int:
        """One write; what it returned. Raises OSError."""
        handle = open_plain(path, os.O_WRONLY)
        try:
            return kernel.write_once(handle, data)
        finally:
            os.close(handle)

    def in_kernel(self, path: str) -> bool:
        """Whether a write extends."""
        return kernel.in_kernel(path)


class Tsm(Device):
    """A folder of measurement files."""

    id = "tsm"

    def __init__(self, folder: str, files: Files | None = None) -> None:
        self.folder = os.path.realpath(folder)
        self.name = folder
        self.identity = f"tsm:{self.folder}"
        self.files = files or Files()

    def members(self) -> tuple[Member, ...]:
        """A member for each file. Raises SourceError for a folder that cannot be read."""
        try:
            found = [self._member(name) for name in self.files.names(self.folder)]
        except OSError as error:
            raise source_error(self.name, error) from error
        return tuple(sorted(found, key=lambda member: (member.register.sort_key, member.name)))

    def _member(self, name: str) -> Member:
        size, writable = self.files.size(os.path.join(self.folder, name))
        alg = tree.flat_bank(name)
        plain = name.partition(":")[0]
        banks = (alg,) if alg is not None else ()
        return Member(tree.register_named(plain), name, banks, tree.flat_kind(plain, writable=writable), size)

    def read(self, only: Iterable[Register] | None = None) -> Registers:
        """The values, the same twice. Raises SourceError for one that cannot be read or has another size.

        The kernel reads a register anew only after a write to one of these files: what was extended by another road may
        be missing until then.
        """
        wanted = None if only is None else frozenset(only)
        members = [m for m in self.members() if m.banks and (wanted is None or m.register in wanted)]
        last = None
        for _ in range(_TRIES):
            now = {(member.register, member.banks[0]): self._value(member) for member in members}
            if now == last:
                return Registers(now, self.name)
            last = now
        raise SourceError(f"{self.name}: the registers move faster than they can be read")

    def _value(self, member: Member) -> bytes:
        path = os.path.join(self.folder, member.name)
        try:
            value = self.files.read(path)
        except OSError as error:
            raise source_error(path, error) from error
        if len(value) != member.banks[0].size:
            raise SourceError(f"{path}: {len(value)} bytes, a value of {member.banks[0]} has {member.banks[0].size}")
        return value

    def extend(self, register: Register, digests: Mapping[HashAlg, bytes]) -> None:
        """Extend the file of each bank that is given: each is a register of its own. See `Device.extend`."""
        for alg, digest in digests.items():
            member = self.member(register, alg)
            if member.kind != "extensible":
                raise UsageError(f"{os.path.join(self.name, member.name)}: this register takes no extension from here")
            if not len(digest) == member.size == alg.size:
                raise UsageError(f"{member.name}: {len(digest)} bytes, a register of {member.size} was expected")
            self._extend(os.path.join(self.folder, member.name), member, digest)

    def member(self, register: Register, alg: HashAlg) -> Member:
        """The member of a register in a bank. Raises UsageError if there is none."""
        for member in self.members():
            if member.register == register and member.banks == (alg,):
                return member
        raise UsageError(f"{self.name}: no {register} in {alg} there")

    def _extend(self, path: str, member: Member, digest: bytes) -> None:
        try:
            if not self.files.in_kernel(path):
                value = hashing.backend().fold(member.banks[0], self._value(member), [digest])
                replace(path, value, lasting=True)
                return
            written = self.files.write(path, digest)
        except OSError as error:
            told = source_error(path, error)
            raise (NotDoneError(str(told)) if error.errno in _REFUSALS else told) from error
        if written != len(digest):
            raise SourceError(f"{path}: {written} bytes were taken of {len(digest)}")

    def aliases(self) -> tuple[tuple[str, ...], ...]:
        """Names that seem to be one register: values of a size that are the same, and not where registers start."""
        same: dict[bytes, list[str]] = {}
        for member in self.members():
            if member.banks and member.kind != "static":
                same.setdefault(self._value(member), []).append(member.name)
        return tuple(tuple(names) for value, names in same.items() if len(names) > 1 and any(value))

    def boot(self) -> str:
        """The kernel's id of this boot."""
        return kernel.boot_id()
