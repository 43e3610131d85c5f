"""A folder of measurement files as the kernel's tsm-mr has it, in memory: what a write, a read and a refresh do.

Source: Linux, drivers/virt/coco/guest/tsm-mr.c and samples/tsm-mr, and what they were seen to do: a shorter write is
refused, a longer one extends by its first bytes and tells how many it took, a failed refresh fails the reads of what is
live, and two names may be one register.
"""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

from evlog.live.tsm import Files, Tsm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Name, mode, whether it is live, bytes, and which register it is another name of: the TDX guest's, and the sample's.
TDX = {f"rtmr{index}:sha384": (0o644, True, 48, "") for index in range(4)} | {
    "mrtd:sha384": (0o444, False, 48, ""),
    "mrconfigid": (0o444, False, 48, ""),
    "mrowner": (0o444, False, 48, ""),
    "mrownerconfig": (0o444, False, 48, ""),
}
SAMPLE = {
    "static_mr:sha384": (0o444, False, 48, ""),
    "config_mr": (0o444, False, 64, ""),
    "rtmr0:sha256": (0o444, True, 32, ""),
    "rtmr1:sha384": (0o644, True, 48, ""),
    "rtmr_crypto_agile:sha256": (0o644, True, 32, ""),
    "rtmr_crypto_agile:sha384": (0o644, True, 48, "rtmr1:sha384"),
    "report_digest:sha512": (0o444, True, 64, ""),
}


class KernelFiles(Files):
    """The files of a device. ``before`` is called with what is about to be done: it may extend, or raise."""

    def __init__(self, attributes: dict[str, tuple[int, bool, int, str]] = TDX) -> None:
        self.attributes = attributes
        self.values = {name: bytes(size) for name, (_, _, size, _) in attributes.items()}
        self.extended: list[tuple[str, bytes]] = []
        self.writes: list[tuple[str, int]] = []
        self.before: Callable[[str], None] = lambda what: None
        self.refresh_fails = False

    def _real(self, path: str) -> str:
        name = os.path.basename(path)
        if name not in self.attributes:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self.attributes[name][3] or name

    def names(self, folder: str) -> list[str]:
        return sorted(self.attributes)

    def size(self, path: str) -> tuple[int, bool]:
        self._real(path)
        mode, _, size, _ = self.attributes[os.path.basename(path)]
        return size, bool(mode & 0o222)

    def read(self, path: str) -> bytes:
        self.before("read")
        name = self._real(path)
        if self.refresh_fails and self.attributes[name][1]:
            raise OSError(errno.EIO, "Input/output error", path)
        return self.values[name]

    def write(self, path: str, data: bytes) -> int:
        self.writes.append((os.path.basename(path), len(data)))
        self.before("write")
        name = self._real(path)
        mode, _, size, _ = self.attributes[os.path.basename(path)]
        if not mode & 0o222:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        if len(data) < size:
            raise OSError(errno.EINVAL, "Invalid argument", path)
        self.extend(name, data[:size])
        self.after()
        return size

    def after(self) -> None:
        """Called when a write has had its effect and has not returned."""

    def extend(self, name: str, digest: bytes) -> None:
        """Extend by whatever road."""
        name = self.attributes[name][3] or name
        self.extended.append((name, digest))
        alg = name.partition(":")[2]
        self.values[name] = hashlib.new(alg, self.values[name] + digest).digest()

    def in_kernel(self, path: str) -> bool:
        return True


def device(folder: Path, files: KernelFiles) -> Tsm:
    """The device whose files these are; the folder is only its name."""
    return Tsm(str(folder), files)
