"""The folder where what is extended is locked, and where journals of registers are that have no folder of their own.

It is evlog's own: whoever else could write there could hold a lock, or tell of a change that never was. It goes with
the boot, as the registers do (``/run``).
"""

from __future__ import annotations

import os
import stat

from evlog.errors import SourceError
from evlog.intake.outputs import open_plain, source_error

__all__ = ["lock", "place"]

_ENV = "EVLOG_RUN"


def folder() -> str:
    """The folder, which is made if it is not there.

    ``EVLOG_RUN`` names it; else it is ``/run/evlog`` of root and ``$XDG_RUNTIME_DIR/evlog`` of anybody else. Raises
    SourceError where there is none, and for one that others may write to.
    """
    if not hasattr(os, "geteuid"):
        raise SourceError("registers of devices are extended on Unix only")
    user = os.geteuid()
    path = os.environ.get(_ENV, "")
    if not path:
        base = "/run" if user == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
        if not base:
            raise SourceError(f"no folder for locks and journals: neither {_ENV} nor XDG_RUNTIME_DIR is set")
        path = os.path.join(base, "evlog")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        there = os.lstat(path)
    except OSError as error:
        raise source_error(path, error) from error
    if not stat.S_ISDIR(there.st_mode) or there.st_uid != user or there.st_mode & 0o022:
        raise SourceError(f"{path}: a folder of one's own was expected, which nobody else may write to")
    return path


def place(what: str, identity: str, ending: str) -> str:
    """The path of a file in the folder, the same for the same thing: named by what it is, and a digest of which."""
    from evlog import hashing
    from evlog.algorithms import SHA256

    digest = hashing.digest(SHA256, identity.encode("utf-8", "surrogateescape")).hex()[:24]
    plain = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in what)[:40]
    return os.path.join(folder(), f"{plain}.{digest}.{ending}")


def lock(path: str) -> int:
    """Wait for the lock of a file of evlog's own, and take it; the descriptor that holds it. Raises OSError."""
    import fcntl

    handle = open_plain(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except BaseException:
        os.close(handle)
        raise
    return handle
