"""A tree of registers: the folders of the kernel's proposed interface, the kernel's own or a copy of them.

Source: as `evlog.tree`, which says what a folder is. In the kernel's file system a write to ``digest`` extends;
anywhere else the file is plain, and the new value is computed here.
"""

from __future__ import annotations

import os

from evlog import hashing, tree
from evlog.errors import SourceError, UsageError
from evlog.intake.outputs import open_plain, replace
from evlog.live import kernel
from evlog.live.device import Device, Member
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evlog.algorithms import HashAlg

__all__ = ["Tree"]


class Tree(Device):
    """A tree of registers. Raises UsageError for what is no folder."""

    id = "tree"

    def __init__(self, path: str) -> None:
        if not os.path.isdir(path):
            raise UsageError(f"{path}: no folder; a tree of registers, a measurements folder or tpm: was expected")
        self.path = path
        self.name = path
        self.identity = f"tree:{os.path.realpath(path)}"

    def members(self) -> tuple[Member, ...]:
        """A member for each register, with all its banks."""
        found: dict[tuple[str, Register], list[tree.Member]] = {}
        for each in tree.members(self.path):
            found.setdefault((each.name, each.register), []).append(each)
        rows = []
        for (name, register), same in found.items():
            banks = tuple(dict.fromkeys(each.alg for each in same if each.alg is not None))
            rows.append(Member(register, name, banks, same[0].kind, banks[0].size if banks else 0))
        return tuple(rows)

    def read(self, only: Iterable[Register] | None = None) -> Registers:
        """The values, as far as the folders have them."""
        wanted = None if only is None else frozenset(only)
        values = tree.values(self.path).values
        return Registers({key: v for key, v in values.items() if wanted is None or key[0] in wanted}, self.path)

    def extend(self, register: Register, digests: Mapping[HashAlg, bytes]) -> None:
        """Extend a register by its folder's file; its log is not written: `append` does both. See `Device.extend`."""
        for alg, digest in digests.items():
            value = self.read((register,)).get(register, alg)
            if value is None:
                raise UsageError(f"{self.path}: no {register} in {alg} there")
            if len(digest) != alg.size:
                raise UsageError(f"{len(digest)} bytes, a {alg} digest has {alg.size}")
            extend_file(self._file(register, alg), alg, value, [digest])

    def _file(self, register: Register, alg: HashAlg) -> str:
        for member in tree.members(self.path):
            if member.register == register:
                if member.kind != "extensible":
                    break
                for path in (member.name, os.path.join(member.name, tree.hash_name(alg))):
                    digest = os.path.join(self.path, path, tree.DIGEST)
                    if os.path.isfile(digest):
                        return digest
        raise UsageError(f"{self.path}: {register} takes no extension from here")

    def boot(self) -> str:
        """The kernel's id of this boot."""
        return kernel.boot_id()


def extend_file(path: str, alg: HashAlg, value: bytes, digests: list[bytes]) -> None:
    """Extend the register whose ``digest`` file a path is: in the kernel one by one, else to the value they lead to.

    Raises OSError, and SourceError for a write of which the kernel took another part than the whole.
    """
    if not kernel.in_kernel(path):
        new = hashing.backend().fold(alg, value, digests)
        if new != value:
            replace(path, new, lasting=True)
        return
    for digest in digests:
        handle = open_plain(path, os.O_WRONLY)
        try:
            written = kernel.write_once(handle, digest)
        finally:
            os.close(handle)
        if written != len(digest):
            raise SourceError(f"{path}: {written} bytes were taken of {len(digest)}")
