"""The bytes of a source, whole: a path, bytes, or a binary file."""

from __future__ import annotations

import os
from stat import S_ISCHR

from evlog import hashing
from evlog.errors import SourceError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

__all__ = ["CAPTURES", "beginning", "load", "named"]

#: How a capture begins, bare or compressed, and little else: whoever sees another beginning need not look for one.
CAPTURES = (b"ma", b"\x1f\x8b", b"\x28\xb5")

#: Bytes of a device, such as a terminal, that are taken to be a file.
_MOST_OF_DEVICE = 64 << 20


def load(source: Source) -> tuple[bytes, str]:
    """The bytes of a source and its name ("" for bytes). Pseudo files report size 0, so it is read to the end."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), ""
    if hasattr(source, "read"):
        name = str(getattr(source, "name", ""))
        try:
            data = source.read()
        except OSError as error:
            raise SourceError(f"{name}: {(error.strerror or str(error)).lower()}") from error
        if not isinstance(data, bytes):
            raise UsageError(f"{name}: a binary file is needed, opened with mode 'rb'")
        return data, name
    name = os.fspath(source)
    try:
        with open(name, "rb") as file:
            return _content(file), name
    except (SourceError, UsageError):
        raise
    except OSError as error:
        raise SourceError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise SourceError(f"not a path: {name!r}") from error


def beginning(source: Source, size: int) -> bytes:
    """The first bytes of a source, which stays as it was; none of a pipe, a folder or what cannot be opened."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:size])
    try:
        if isinstance(source, (str, os.PathLike)):
            if not os.path.isfile(source):
                return b""
            with open(source, "rb") as file:
                return file.read(size)
        at = source.tell()
        found = source.read(size)
        source.seek(at)
    except (OSError, ValueError):
        return b""
    return found


def named(source: Source) -> str:
    """What a source is called in an error."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "the input"
    return str(getattr(source, "name", "the input")) if hasattr(source, "read") else os.fspath(source)


def _content(file: BinaryIO) -> bytes:
    """Everything in a file: by the native module if there is much, which halves the time."""
    status = os.fstat(file.fileno())
    if S_ISCHR(status.st_mode):
        return _of_device(file)
    size = status.st_size
    # A pipe has no size, and what was taken out of it cannot be put back.
    native = hashing.native(size) if size else None
    if native is not None and hasattr(native, "read_file"):  # which it is only where files have descriptors
        data: bytes | None = native.read_file(file.fileno())
        if data is not None:
            return data
        file.seek(0)
    return file.read()


def _of_device(file: BinaryIO) -> bytes:
    """What a device gives until it ends, which not all do: /dev/zero would fill the memory."""
    data = file.read(_MOST_OF_DEVICE + 1)
    if len(data) > _MOST_OF_DEVICE:
        raise SourceError(f"{file.name}: a device of more than {_MOST_OF_DEVICE >> 20} MiB, which may have no end")
    return data
