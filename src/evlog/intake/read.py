"""Read a log from a path, a file or bytes, whatever it is wrapped in; and write one.

The only verbs besides `evlog.convert` that know the registry of rooms.
"""

from __future__ import annotations

import os
from stat import S_ISREG, S_ISVTX

from evlog import hashing
from evlog.errors import ParseError, SourceError, UnknownFormatError
from evlog.formats import CERTAIN, FORMATS, detect, room, writer
from evlog.intake.files import CAPTURES, load, named
from evlog.intake.identify import read_each, read_one
from evlog.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from evlog.intake.files import Source
    from evlog.model import Log
    from evlog.options import Choices
    from evlog.registers import Register, Space

__all__ = ["read", "read_alone", "read_logs", "read_mapped", "write"]

_LARGE = 1 << 24  # bytes
#: Formats whose rooms take a map for bytes, in the order of `FORMATS`: others want more of a buffer than it can do.
_MAPPED = ("tcg2", "ima-binary", "ima-ascii")


def read(
    source: Source,
    *,
    format: str | None = None,
    strict: bool = False,
    platform: str | None = None,
    space: Space | None = None,
    register: Register | None = None,
    dialect: str | None = None,
    index: str | None = None,
    hash: str | None = None,
    mr_hash: str | None = None,
    ima_register: Register | None = None,
    member: str | None = None,
) -> Log:
    """Read a log.

    ``source`` is a path, bytes, or a binary file that is read to its end; a folder is a tree of registers
    (`evlog.tree`), whose logs are read as one. Without ``format`` the content decides (`evlog.detect`); whatever is
    around a log (documents, archives, dumps and other letters, gzip, zstd) is taken off, with a finding that says so;
    of several logs ``member`` chooses one by its path, such as ``/evidence/eventlog``. Of a capture (`evlog.capture`)
    each log is a member.
    The other keyword arguments settle what the bytes do not, as `evlog.options.Options` says of each.

    Damage ends the log where it stands: the events before it are returned with an ``error`` finding that has the
    offset. ``strict=True`` raises ParseError instead, and for any warning of the reader.
    Raises SourceError for a file that is absent, unreadable or too large for the memory there is, ParseError for bytes
    that are no log, or several.
    """
    choices: Choices = {
        "platform": platform,
        "space": space,
        "register": register,
        "dialect": dialect,
        "index": index,
        "hash": hash,
        "mr_hash": mr_hash,
        "ima_register": ima_register,
        "member": member,
    }
    return _read(source, read_one, format, strict, choices)[0]


def read_logs(
    source: Source, *, format: str | None = None, strict: bool = False, **choices: Unpack[Choices]
) -> list[Log]:
    """As `read`, for who takes the logs of one machine together: also all that a document or a capture holds.

    Raises ParseError if two in a document extend the same register, or a capture is damaged.
    """
    return _read(source, read_each, format, strict, choices)


def _read(
    source: Source,
    reader: Callable[[bytes, str | None, Options], list[Log]],
    format: str | None,
    strict: bool,
    choices: Choices,
) -> list[Log]:
    try:
        log = _folder(source, format, strict, choices)
        if log is not None:
            return [log]
        data, name = load(source)
        options = Options(name=name, strict=strict, sticky=_sticky(name), **choices)
        if data[:2] in CAPTURES:
            found = _captured(data, format, options, one=reader is read_one)
            if found:
                return found
        return reader(data, format, options)
    except MemoryError:
        pass
    # Out here nothing is held any more of what there was too much of.
    raise SourceError(f"{named(source)}: not enough memory to read it")


def _captured(data: bytes, format: str | None, options: Options, *, one: bool) -> list[Log]:
    """The logs of a capture; none if it is something else."""
    from evlog.intake.captures import captured_logs, opened, whole

    capture = opened(data, options.name)
    logs = captured_logs(whole(capture), options, format) if capture is not None else []
    if one and len(logs) > 1:
        names = ", ".join(log.name.removeprefix(f"{options.name}/") for log in logs)
        raise ParseError(f"the capture holds {len(logs)} logs, {names}; say which (--member PATH)")
    return logs


def _folder(source: Source, format: str | None, strict: bool, choices: Choices) -> Log | None:
    """The log of a tree of registers, or of one of its members; None for any other source."""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if os.path.isdir(path):
            from evlog.intake.tree_log import read_tree

            return read_tree(path, format, Options(name=path, strict=strict, **choices))
        if os.path.basename(path) == "event_log":
            from evlog.intake.tree_log import read_member

            return read_member(path, format, Options(name=path, strict=strict, **choices))
    return None


def read_mapped(path: str, *, format: str | None = None, strict: bool = False, **choices: Unpack[Choices]) -> list[Log]:
    """As `read_logs` of a path, for a process that ends soon: a large firmware log or IMA list is not copied.

    Memory that nobody had before costs more than reading and replaying a log, most of all in a virtual machine.
    """
    may_be = format in (None, *_MAPPED) and choices.get("member") is None
    if may_be and _is_large(path) and hashing.native(_LARGE) is not None:
        from evlog.intake.mapping import mapped

        data = mapped(path, _LARGE)
        options = Options(name=path, strict=strict, sticky=_sticky(path), **choices)
        found = _certainly(data, format, options) if data is not None else None
        if data is not None and found is not None:
            return [room(found).read(data, options)]
    return read_logs(path, format=format, strict=strict, **choices)


def read_alone(path: str, options: Options, most: int) -> Log | None:
    """The log that a file of at most so many bytes is, nothing around it: for who reads one after the other.

    ``options`` settle how it is read. None for whatever else there is, of which `read` says what it is. May raise what
    `read` raises.
    """
    if os.path.basename(path) == "event_log" or options.member is not None:
        return None
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not S_ISREG(status.st_mode) or not 0 < status.st_size <= most:
            return None
        data = file.read(status.st_size + 1)
    if len(data) != status.st_size or data[:2] in CAPTURES:
        return None
    options = options.replace(name=path, sticky=bool(status.st_mode & S_ISVTX))
    try:
        detection = detect(data, options)
    except UnknownFormatError:
        return None
    return room(detection.format).read(data, options) if detection.confidence == CERTAIN else None


def _certainly(data: bytes, format: str | None, options: Options) -> str | None:
    """The format of a map, if it is one of `_MAPPED` and its room is certain; rooms are asked as `detect` asks them."""
    for each in FORMATS:
        if format in (None, each) and room(each).sniff(data, options).confidence == CERTAIN:
            return each if each in _MAPPED else None
        if each == _MAPPED[-1]:
            break
    return None


def _is_large(path: str) -> bool:
    try:
        return os.stat(path).st_size >= _LARGE and os.path.isfile(path) and os.path.basename(path) != "event_log"
    except (OSError, ValueError):
        return False


def _sticky(name: str) -> bool:
    """Whether the file of this name has the sticky bit."""
    try:
        return bool(name) and bool(os.stat(name).st_mode & S_ISVTX) and not os.path.isdir(name)
    except (OSError, ValueError):
        return False


def write(log: Log, *, format: str | None = None, **choices: Unpack[Choices]) -> bytes:
    """The bytes of a log in its own format, or in ``format`` if its events fit there as they are.

    Raises WriteError for what the format cannot hold; `evlog.convert` adapts a log first and names the losses.
    """
    return writer(format or log.format).write(log, Options(**choices))
