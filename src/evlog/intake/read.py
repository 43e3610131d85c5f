"""Read a log from a path, a file or bytes, whatever it is wrapped in; and write one.

The only verbs besides `evlog.convert` that know the registry of rooms.
"""

from __future__ import annotations

import os

from evlog import hashing
from evlog.errors import SourceError, UnknownFormatError, UsageError
from evlog.formats import CERTAIN, LIKELY, NO, Detection, detect, room
from evlog.model import Finding
from evlog.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from evlog.model import Log

    Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

__all__ = ["load", "read", "read_mapped", "write"]

_LARGE = 1 << 24  # bytes


def read(source: Source, *, format: str | None = None, strict: bool = False, **choices: Any) -> Log:
    """Read a log.

    ``source`` is a path, bytes, or a binary file that is read to its end; a folder is a tree of registers
    (`evlog.tree`), whose logs are read as one. Without ``format`` the content decides (`evlog.detect`); base64, hex,
    gzip, zstd and JSON evidence around a log are taken off, with a finding that says so.
    The other keyword arguments are those of `evlog.options.Options`: ``platform``, ``space``, ``register``,
    ``dialect`` and so on.

    Damage ends the log where it stands: the events before it are returned with an ``error`` finding that has the
    offset. ``strict=True`` raises ParseError instead, and for any warning of the reader.
    Raises SourceError for a file that is absent or unreadable, ParseError for bytes that are no log.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if os.path.isdir(path):
            from evlog.intake.tree_log import read_tree

            return read_tree(path, format, Options(name=path, strict=strict, **choices))
        if os.path.basename(path) == "event_log":
            from evlog.intake.tree_log import read_member

            return read_member(path, format, Options(name=path, strict=strict, **choices))
    data, name = load(source)
    return read_bytes(data, format, Options(name=name, strict=strict, sticky=_sticky(name), **choices))


def read_mapped(path: str, *, format: str | None = None, strict: bool = False, **choices: Any) -> Log:
    """As `read` of a path, for a process that ends soon: a large firmware log is not copied into memory.

    Memory that nobody had before costs more than reading and replaying a log, most of all in a virtual machine.
    """
    if format in (None, "tcg2") and _is_large(path) and hashing.native(_LARGE) is not None:
        from evlog.intake.mapping import mapped

        data = mapped(path, _LARGE)
        options = Options(name=path, strict=strict, sticky=_sticky(path), **choices)
        # Other rooms want more of a buffer than a map can do.
        if data is not None and room("tcg2").sniff(data, options).confidence == CERTAIN:
            return room("tcg2").read(data, options)
    return read(path, format=format, strict=strict, **choices)


def _is_large(path: str) -> bool:
    try:
        return os.stat(path).st_size >= _LARGE and os.path.isfile(path) and os.path.basename(path) != "event_log"
    except (OSError, ValueError):
        return False


def read_bytes(data: bytes, format: str | None, options: Options) -> Log:
    """Read a log from bytes; see `read`."""
    data, found, wrapping = identify(data, options, format)
    log = room(found.format).read(data, options)
    notes = []
    if wrapping:
        message = f"the log is wrapped in {', then '.join(wrapping)}; offsets count in the log"
        notes.append(Finding("wrapped", "note", message))
    if found.confidence < LIKELY:
        notes.append(Finding("format_uncertain", "warning", f"read as {found}"))
    return log.replace(findings=(*notes, *log.findings)) if notes else log


def _sticky(name: str) -> bool:
    """Whether the file of this name has the sticky bit."""
    try:
        return bool(name) and bool(os.stat(name).st_mode & 0o1000) and not os.path.isdir(name)
    except (OSError, ValueError):
        return False


def identify(data: bytes, options: Options, format: str | None = None) -> tuple[bytes, Detection, tuple[str, ...]]:
    """The log in the bytes, its format, and the wrappings that were taken off it, outermost first.

    A ``format`` that is given stands even where its room does not know the bytes, unless it knows what they wrap.
    """
    try:
        return data, _detect(data, options, format), ()
    except UnknownFormatError:
        from evlog.intake.unwrap import unwrap

        for inner, wrapping in unwrap(data):
            try:
                return inner, _detect(inner, options, format), wrapping
            except UnknownFormatError:
                continue
        if format is not None:
            return data, Detection(format, CERTAIN, "given"), ()
        raise


def _detect(data: bytes, options: Options, format: str | None) -> Detection:
    if format is None:
        return detect(data, options)
    if room(format).sniff(data, options).confidence == NO:
        raise UnknownFormatError(f"not {format}", offset=0)
    return Detection(format, CERTAIN, "given")


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
    except UsageError:
        raise
    except OSError as error:
        raise SourceError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise SourceError(f"not a path: {name!r}") from error


def _content(file: BinaryIO) -> bytes:
    """Everything in a file: by the native module if there is much, which halves the time."""
    size = os.fstat(file.fileno()).st_size
    # A pipe has no size, and what was taken out of it cannot be put back.
    native = hashing.native(size) if size else None
    if native is not None and hasattr(native, "read_file"):  # which it is only where files have descriptors
        data: bytes | None = native.read_file(file.fileno())
        if data is not None:
            return data
        file.seek(0)
    return file.read()


def write(log: Log, *, format: str | None = None, **choices: Any) -> bytes:
    """The bytes of a log in its own format, or in ``format`` if its events fit there as they are.

    Raises WriteError for what the format cannot hold; `evlog.convert` adapts a log first and names the losses.
    """
    return room(format or log.format).write(log, Options(**choices))
