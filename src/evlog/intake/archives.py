"""Archives: tar and zip. Nothing of them is written anywhere, no link is followed, and names are only shown.

Spec: POSIX.1-2017, pax, "ustar Interchange Format" and its extended headers; GNU tar's long names; APPNOTE.TXT for zip.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError
from evlog.intake.places import Layer, Place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipFile, ZipInfo

    from evlog.intake.budget import Budget

__all__ = ["FILES", "Entry", "places", "tar_entries"]

_BLOCK = 512
_PIECE = 1 << 16
_ZIP = b"PK\x03\x04"
#: What a tar's header says of what follows it: a file's bytes; a name for the next file, GNU's and pax's.
FILES, _GNU_NAME, _PAX = b"\0" + b"07", b"L", b"x"


class Entry(Record):
    """A record of a tar: its name as it stands there, its kind, where its header and its bytes begin, and how many."""

    name: bytes
    kind: bytes
    at: int
    start: int
    size: int


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The files in an archive, each by its name. Raises ParseError for one that is cut."""
    if data.startswith(_ZIP):
        yield from _zip(data, budget)
    elif data[257:262] == b"ustar":
        yield from _tar(data, budget)


def _place(name: str, layer: Iterator[Layer], at: int) -> Place:
    steps = [step(each) for each in name.split("/") if each not in ("", ".")]
    return Place("".join(steps) or "/", layer, at, at + 1)


def _tar(data: bytes, budget: Budget) -> Iterator[Place]:
    number = 0
    for entry in tar_entries(data):
        if entry.kind in FILES:
            number += 1
            name = entry.name.decode("utf-8", "replace")
            yield _place(name, _part(data, entry.start, entry.size, budget), number)


def tar_entries(data: bytes) -> Iterator[Entry]:
    """What stands in a tar, one after the other, each under the name that a record before it may give.

    Records that only name what follows are none of them. Raises ParseError for one that is cut or no header.
    """
    position = 0
    long_name = None
    while position + _BLOCK <= len(data):
        header = data[position : position + _BLOCK]
        if not any(header):
            return
        size = _number(header[124:136])
        kind = header[156:157]
        start = position + _BLOCK
        if size is None or size < 0 or not _sums_up(header):
            raise ParseError("a tar archive: no header where one was expected", offset=position)
        if size > len(data) - start:
            raise ParseError(f"a tar archive: {size} bytes of a file, {len(data) - start} present", offset=position)
        body = data[start : start + size] if kind in (_GNU_NAME, _PAX) else b""
        if kind == _GNU_NAME:
            long_name = body.rstrip(b"\0")
        elif kind == _PAX:
            long_name = _pax_path(body) or long_name
        else:
            prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
            name = header[:100].partition(b"\0")[0]
            name = long_name if long_name is not None else prefix + b"/" * bool(prefix) + name
            yield Entry(name, kind, position, start, size)
            long_name = None
        position = start + -(-size // _BLOCK) * _BLOCK


def _part(data: bytes, start: int, size: int, budget: Budget) -> Iterator[Layer]:
    if size:
        budget.spend(size)
        yield Layer("tar", data[start : start + size])


def _number(field: bytes) -> int | None:
    """A number in octal, or in binary if its first bit says so."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else None
    text = field.strip(b" \0")
    try:
        return int(text, 8) if text else 0
    except ValueError:
        return None


def _sums_up(header: bytes) -> bool:
    stated = _number(header[148:156])
    return stated == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _pax_path(body: bytes) -> bytes | None:
    """The name in an extended header, whose records are ``LENGTH NAME=VALUE`` and a line's end."""
    found = None
    position = 0
    while position < len(body):
        digits = body[position : position + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        if length <= len(digits):
            break
        name, _, value = body[position + len(digits) + 1 : position + length].partition(b"=")
        if name == b"path":
            found = value.removesuffix(b"\n")
        position += length
    return found


def _zip(data: bytes, budget: Budget) -> Iterator[Place]:
    import io
    from zipfile import BadZipFile, ZipFile

    try:
        archive = ZipFile(io.BytesIO(data))
        members = archive.infolist()
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ParseError("a zip archive that cannot be read", offset=0) from error
    for number, info in enumerate(members):
        if not info.is_dir():
            yield _place(info.filename, _unzipped(archive, info, budget), number)


def _unzipped(archive: ZipFile, info: ZipInfo, budget: Budget) -> Iterator[Layer]:
    import struct
    import zlib
    from zipfile import BadZipFile

    made = bytearray()
    try:
        with archive.open(info) as file:
            while piece := file.read(_PIECE):
                budget.spend(len(piece))
                made += piece
    except ParseError:
        raise
    # A file with a password is a RuntimeError, and a method that Python has not is one too.
    except (BadZipFile, zlib.error, struct.error, ValueError, OSError, EOFError, RuntimeError) as error:
        raise ParseError("a zip archive: a file in it cannot be unpacked", offset=0) from error
    if made:
        yield Layer("zip", bytes(made))
