"""Large files in memory without a copy of them, where nobody can change them meanwhile.

What is mapped changes with the file, and a file that is cut ends the process with SIGBUS. So a file is mapped only
under a read lease (Linux, fcntl(2), F_SETLEASE): there is none while somebody has the file open for writing, and who
wants to do so then waits until this process is done with it, for /proc/sys/fs/lease-break-time seconds at most.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["mapped"]


def mapped(path: str, least: int) -> bytes | None:
    """A regular file of at least so many bytes as a buffer; None where it is to be read.

    It can be sliced, searched and unpacked as `bytes`, and has not their other methods. For a process that ends soon.
    """
    try:
        import fcntl
        import mmap
        import signal

        with open(path, "rb") as file:
            # The signal of somebody who waits is one that is ignored: the default one would end the process.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            if os.fstat(file.fileno()).st_size < least:
                return None
            # The map has a descriptor of its own, which keeps the lease.
            found: Any = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
            return found  # type: ignore[no-any-return]
    except (OSError, ImportError, AttributeError, ValueError):
        return None
