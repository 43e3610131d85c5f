"""What the kernel says of itself and of its files.

Source: statfs(2), include/uapi/linux/magic.h; proc(5), ``/proc/sys/kernel/random/boot_id``.
"""

from __future__ import annotations

import os
import sys

__all__ = ["boot_id", "in_kernel", "write_once"]

_SYSFS = 0x62656572
_BOOT = "/proc/sys/kernel/random/boot_id"
_ROOM = 256  # bytes, more than any struct statfs has


def in_kernel(path: str) -> bool:
    """Whether a path is in sysfs, wherever that is mounted: a file there is no store, but what it stands for."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        statfs = ctypes.CDLL(None, use_errno=True).statfs
    except (OSError, AttributeError):
        return False
    answer = (ctypes.c_byte * _ROOM)()
    if statfs(os.fsencode(path), ctypes.byref(answer)) != 0:
        return False
    # The type comes first, in the kernel's order of bytes: four of them on s390, as long as a pointer elsewhere.
    size = 4 if os.uname().machine.startswith("s390") else ctypes.sizeof(ctypes.c_long)
    return int.from_bytes(bytes(answer)[:size], sys.byteorder) == _SYSFS


def boot_id() -> str:
    """The id of this boot; "" where there is none."""
    try:
        with open(_BOOT, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def write_once(handle: int, data: bytes) -> int:
    """One write(2) and no other, and what it returned. Raises OSError.

    Python writes again after an interrupt (PEP 475), and nobody can tell whether the first had its effect. So signals
    wait until it is over.
    """
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        return os.write(handle, data)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        return os.write(handle, data)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
