"""A confidential guest's report, by configfs-tsm: what its processor, or its service, says of it about a nonce.

Source: Linux, Documentation/ABI/testing/configfs-tsm-report (6.7, manifest and services 6.10),
drivers/virt/coco/guest/report.c.

A folder is an item: what is written to ``inblob`` is committed when it is closed, and ``outblob`` is made when it is
first read. Whoever may write to the folder may ask for something else in between, so that the item has a name of its
own, the kernel's count of commits is compared, and so is what the report was asked about. The item is removed in any
case; those that a killed process left are too.
"""

from __future__ import annotations

import errno
import os

from evlog._record import Record
from evlog.errors import SourceError, UsageError

__all__ = ["ROOT", "Items", "Report", "report"]

ROOT = "/sys/kernel/config/tsm/report"
_LONGEST = 64  # bytes of inblob
_MOST = 1 << 24  # bytes of outblob (TSM_REPORT_OUTBLOB_MAX)
_PREFIX = "evlog-"
_WORDS = {
    errno.ENXIO: "no provider of reports: this is no confidential guest, or its driver is not loaded",
    errno.EBUSY: "the provider is busy with another report",
    errno.ETIMEDOUT: "the host has no quoting service that answers",
    errno.EIO: "the host has no quoting service that answers",
    errno.ENOENT: "no configfs-tsm here (module tsm_report, configfs mounted)",
    errno.EACCES: "permission denied; root may ask for one",
    errno.EPERM: "permission denied; root may ask for one",
}


class Report(Record):
    """What a provider said about ``nonce``: ``outblob`` is the quote, the report or the token."""

    provider: str
    nonce: bytes
    outblob: bytes
    auxblob: bytes = b""
    manifestblob: bytes = b""


class Items:
    """The calls by which the folder is used, and nothing else: tests put a provider here. All raise OSError."""

    def names(self, folder: str) -> list[str]:
        """The items there are."""
        return os.listdir(folder)

    def make(self, path: str) -> None:
        """A new item."""
        os.mkdir(path, 0o700)

    def remove(self, path: str) -> None:
        """An item and its attributes, which cannot be removed themselves."""
        os.rmdir(path)

    def write(self, path: str, data: bytes) -> int:
        """One write to an attribute, closed behind it; what it returned."""
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            return os.write(handle, data)
        finally:
            os.close(handle)

    def read(self, path: str) -> bytes:
        """All of an attribute, from one descriptor: its size is not known before."""
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            pieces = []
            size = 0
            while piece := os.read(handle, 1 << 20):
                size += len(piece)
                if size > _MOST:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
                pieces.append(piece)
            return b"".join(pieces)
        finally:
            os.close(handle)

    def alive(self, pid: int) -> bool:
        """Whether there is a process of this number."""
        return os.path.exists(f"/proc/{pid}")


def report(nonce: bytes, folder: str = ROOT, items: Items | None = None) -> Report:
    """Ask for a report about a nonce of 1 to 64 bytes, which zeros follow.

    Raises UsageError for another nonce, and SourceError, in words, where there is no report or it is about something
    else.
    """
    if not 0 < len(nonce) <= _LONGEST:
        raise UsageError(f"a nonce of {len(nonce)} bytes, a report takes 1 to {_LONGEST}")
    calls = items or Items()
    asked = nonce.ljust(_LONGEST, b"\0")
    try:
        _clear(calls, folder)
        path = os.path.join(folder, f"{_PREFIX}{os.getpid()}-{os.urandom(8).hex()}")
        calls.make(path)
        try:
            found = _ask(calls, path, asked)
        finally:
            calls.remove(path)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        said = _WORDS.get(error.errno or 0, (error.strerror or str(error)).lower())
        raise SourceError(f"{folder}: {said}") from error
    if asked not in found.outblob:
        raise SourceError(f"{folder}: the report is not about what was asked")
    return found


def _ask(calls: Items, path: str, asked: bytes) -> Report:
    provider = calls.read(os.path.join(path, "provider")).decode("utf-8", "replace").strip()
    before = _generation(calls, path)
    written = calls.write(os.path.join(path, "inblob"), asked)
    if written != len(asked):
        raise SourceError(f"{path}: {written} bytes were taken of {len(asked)}")
    outblob = calls.read(os.path.join(path, "outblob"))
    more = [_optional(calls, os.path.join(path, name)) for name in ("auxblob", "manifestblob")]
    if _generation(calls, path) != before + 1:
        raise SourceError(f"{path}: somebody else asked in between")
    return Report(provider, asked, outblob, *more)


def _generation(calls: Items, path: str) -> int:
    said = calls.read(os.path.join(path, "generation")).strip()
    if not said.isdigit():
        raise SourceError(f"{path}: a generation that is no number")
    return int(said)


def _optional(calls: Items, path: str) -> bytes:
    """What only some providers have."""
    try:
        return calls.read(path)
    except FileNotFoundError:
        return b""


def _clear(calls: Items, folder: str) -> None:
    """Remove the items of processes that are gone."""
    for name in calls.names(folder):
        pid = name.removeprefix(_PREFIX).partition("-")[0]
        if name.startswith(_PREFIX) and pid.isdigit() and len(pid) < 20 and not calls.alive(int(pid)):
            try:
                calls.remove(os.path.join(folder, name))
            except OSError:
                continue  # somebody else's business
