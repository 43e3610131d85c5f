"""Files and folders put where somebody may have been before: whole or not at all, and never through a trap.

In a folder that others write to, whatever stands there may be theirs: a link where a temporary file was to be, a pipe
that nobody reads. So a temporary has a name that nobody can tell beforehand and is made by us or not at all; what has
a name already is opened without following a link, and without waiting.
"""

from __future__ import annotations

import errno
import os
import stat

from evlog.errors import SourceError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "clear",
    "open_plain",
    "read_plain",
    "replace",
    "source_error",
    "sync_folder",
    "write_file",
    "write_folder",
    "write_private",
]

_CLOEXEC = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC
_LINKS = 40  # that lead to each other, as in Linux
_SUFFIX = ".new"


def write_file(path: str, data: bytes | Iterable[bytes]) -> None:
    """Write the file that a user named. It is there whole or not at all; pipes and devices are written to as they are.

    What is written may come in pieces, which are made as they are written; if making one fails, nothing was written.

    A link stays, and what it leads to is written. Who may read what was there, and whose it is, stays too.
    Raises SourceError.
    """
    try:
        place = _destination(path)
        if _is_special(place) or os.path.islink(place):
            _feed(place, data)
        else:
            replace(place, data)
    except OSError as error:
        raise source_error(path, error) from error


def write_private(path: str, data: bytes) -> None:
    """As `write_file`, for what nobody else may read: the file is its owner's alone, whatever was there before."""
    try:
        place = _destination(path)
        if _is_special(place) or os.path.islink(place):
            _feed(place, data)
        else:
            replace(place, data, private=True)
    except OSError as error:
        raise source_error(path, error) from error


def write_folder(path: str, files: Mapping[str, bytes]) -> None:
    """Write a folder of files (by paths with slashes), which is there whole or not at all.

    It must not exist, or be empty. Raises UsageError if there is something already, and SourceError.
    """
    try:
        place = _destination(path.rstrip(os.path.sep) or path)
        there = os.lstat(place) if os.path.lexists(place) else None
        if there is not None and (not stat.S_ISDIR(there.st_mode) or os.listdir(place)):
            raise UsageError(f"{path}: exists, and is no empty folder")
        os.makedirs(os.path.dirname(place) or os.path.curdir, exist_ok=True)
        beside = _beside(place)
        os.mkdir(beside)
        try:
            # As long as it is being filled it is nobody else's business.
            mode = stat.S_IMODE(os.stat(beside).st_mode if there is None else there.st_mode)
            os.chmod(beside, 0o700)
            for name, data in files.items():
                inner = os.path.join(beside, *name.split("/"))
                os.makedirs(os.path.dirname(inner), exist_ok=True)
                with open(os.open(inner, _NEW, 0o666), "wb") as file:
                    file.write(data)
            os.chmod(beside, mode)
            os.rename(beside, place)
        except BaseException:
            import shutil

            shutil.rmtree(beside, ignore_errors=True)
            raise
    except OSError as error:
        error.filename = path
        raise source_error(path, error) from error


def _destination(path: str) -> str:
    """Where what is written to a path ends up: the path, or what the user's own link leads to.

    A link of the kernel's to a file that is open stays as it is. Raises OSError for a link that somebody else put into
    a folder that all may write to, which Linux does not follow either (fs.protected_symlinks).
    """
    for _ in range(_LINKS):
        if not os.path.islink(path):
            return path
        link, folder = os.lstat(path), os.stat(os.path.dirname(path) or os.path.curdir)
        shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
        if shared and hasattr(os, "geteuid") and link.st_uid not in (os.geteuid(), folder.st_uid):
            raise PermissionError(errno.EACCES, "A link that somebody else put there", path)
        target = os.readlink(path)
        if target.startswith("/proc/") or os.path.abspath(path).startswith(("/proc/", "/dev/fd/")):
            return path  # /dev/stdout and its like
        path = os.path.join(os.path.dirname(path), target)
    raise OSError(errno.ELOOP, "Too many levels of symbolic links", path)


def replace(
    path: str, data: bytes | Iterable[bytes], *, lasting: bool = False, mode: int = 0o666, private: bool = False
) -> None:
    """The new content of a plain file, or a new file (of a mode): there whole or not at all.

    A link of that name is replaced itself. ``lasting`` has it on the disk before it is seen, and its name there before
    this returns; what is ``private`` only its owner may read. Raises OSError.
    """
    there = os.lstat(path) if os.path.lexists(path) else None
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
    plain = there is not None and stat.S_ISREG(there.st_mode)
    beside = _beside(path)
    try:
        with open(os.open(beside, _NEW, 0o600 if plain or private else mode), "wb") as file:
            try:
                if there is not None and plain and not private:
                    _as_before(file.fileno(), there)
                file.writelines((data,) if isinstance(data, bytes) else data)
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
                os.replace(beside, path)
            except BaseException:
                os.unlink(beside)
                raise
        if lasting:
            sync_folder(path)
    except OSError as error:
        error.filename = path
        raise


def sync_folder(path: str) -> None:
    """Have the name of a file on the disk, as its content is. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # where a folder cannot be opened
    handle = os.open(os.path.dirname(path) or os.path.curdir, os.O_RDONLY | os.O_DIRECTORY | _CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def clear(path: str) -> None:
    """Remove what `replace` left beside a path when it was killed. Nobody may be replacing it."""
    folder, name = os.path.split(path)
    start = _prefix(name)
    for other in os.listdir(folder or os.path.curdir):
        if other.startswith(start) and other.endswith(_SUFFIX) and len(other) == len(start) + 16 + len(_SUFFIX):
            os.unlink(os.path.join(folder, other))


def open_plain(path: str, flags: int, mode: int = 0o644) -> int:
    """Open a plain file that is no link, without waiting for anybody. Raises OSError for anything else."""
    try:
        handle = os.open(path, flags | _NOFOLLOW | _NONBLOCK | _CLOEXEC, mode)
    except OSError as error:
        if os.path.islink(path):
            raise OSError(error.errno, "A link, where a file of its own was expected", path) from error
        if _is_special(path):
            raise OSError(error.errno, "No plain file", path) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "No plain file", path)
    return handle


def read_plain(path: str) -> bytes:
    """The content of a plain file that is no link. Raises OSError for anything else."""
    with open(open_plain(path, os.O_RDONLY), "rb") as file:
        return file.read()


def source_error(path: str, error: OSError) -> SourceError:
    """What the system says of a path, as evlog says it."""
    if isinstance(error, SourceError):
        return error
    return SourceError(f"{error.filename or path}: {(error.strerror or str(error)).lower()}")


def _beside(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f"{_prefix(name)}{os.urandom(8).hex()}{_SUFFIX}")


def _prefix(name: str) -> str:
    """How the temporaries of a file's name begin; a name may be as long as names can be."""
    return f".{name.lstrip('.')[:60]}."


def _as_before(handle: int, there: os.stat_result) -> None:
    """Give the new file the mode of the old one, and its owner and group as far as we may."""
    mode = stat.S_IMODE(there.st_mode)
    if hasattr(os, "fchown"):
        for uid, gid in ((there.st_uid, there.st_gid), (-1, there.st_gid)):
            try:
                os.fchown(handle, uid, gid)
                break
            except PermissionError:
                # What runs with another's rights must not become ours.
                mode &= 0o1777
    if hasattr(os, "fchmod"):
        os.fchmod(handle, mode)


def _is_special(path: str) -> bool:
    """Whether there is something that is neither a plain file nor a folder: a pipe, a device, a socket."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _feed(path: str, data: bytes | Iterable[bytes]) -> None:
    """Write to a pipe or device. A pipe that nobody reads is an error, and not waited for."""
    try:
        handle = os.open(path, os.O_WRONLY | _NONBLOCK | _CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            raise OSError(errno.ENXIO, "A pipe that nobody reads", path) from error
        raise
    os.set_blocking(handle, True)
    with open(handle, "wb") as file:
        file.writelines((data,) if isinstance(data, bytes) else data)
