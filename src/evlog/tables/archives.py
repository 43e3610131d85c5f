"""Archives of many logs: tar (also compressed), zip, and Parquet files with the bytes of a log in each row.

They are read as a stream, a folder of the archive at a time, so that memory does not grow with them; what a compressed
archive unpacks to is bounded for each member, not in all. Nothing is written anywhere, and links in them are not
followed. A capture is an archive too, and one machine's: its first member says so.
"""

from __future__ import annotations

import json
from fnmatch import fnmatch

from evlog.intake.captures import MANIFEST, MOST_MANIFEST, SCHEMA
from evlog.tables.inputs import LARGEST, Input, Unreadable, identity_of
from evlog.tables.patterns import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    from evlog.tables.inputs import FleetNames

__all__ = ["ARCHIVES", "COLUMNS", "inputs", "is_capture"]

#: What archives of logs are called.
TAR = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".tar.bz2")
ARCHIVES = (*TAR, ".zip", ".parquet")

# Bytes of a folder of an archive that are held, so that a log finds its evidence there.
_HELD = 1 << 25
#: The columns of a Parquet file of logs: the first two it must have.
COLUMNS = ("path", "content", "machine", "boot", "collected_at")
_ROWS = 64


def is_capture(path: str) -> bool:
    """Whether the archive is what `evlog capture` wrote: one machine, not a folder of many."""
    if not path.lower().endswith(TAR):
        return False
    try:
        with open(path, "rb") as source, _stream(source, path) as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST or first.size > MOST_MANIFEST:
                return False
            file = archive.extractfile(first)
            document = json.load(file) if file is not None else None
    except _damage():
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def inputs(path: str, names: FleetNames, folder: str, identity: bytes) -> Iterator[Input | Unreadable]:
    """What stands in an archive. ``folder`` goes before the folders in it; ``identity`` is that of the archive."""
    if path.lower().endswith(".parquet"):
        yield from _parquet(path, names, folder, identity)
        return
    members = _zip(path) if path.lower().endswith(".zip") else _tar(path)
    held: list[tuple[str, bytes, int | None]] = []
    size, current = 0, None
    for member in members:
        if isinstance(member, Unreadable):
            yield member
            continue
        inside = member[0].rpartition("/")[0]
        if inside != current or size > _HELD:
            yield from _released(path, held, names, folder, identity)
            held, size, current = [], 0, inside
        held.append(member)
        size += len(member[1])
    yield from _released(path, held, names, folder, identity)


def _released(
    path: str, held: list[tuple[str, bytes, int | None]], names: FleetNames, folder: str, identity: bytes
) -> Iterator[Input]:
    """The logs in a folder of an archive, each with the files beside it that may be its evidence."""
    known = {name.rpartition("/")[2]: None for name, _, _ in held}
    evidence = {each for each in known for pattern in names.evidence if fnmatch(each, pattern)}
    beside = {name: data for name, data, _ in held if name.rpartition("/")[2] in evidence}
    for name, data, when in held:
        inside, _, base = name.rpartition("/")
        if name in beside or not names.wants(base):
            continue
        place = Place("/".join(filter(None, (folder, inside))), base)
        yield Input(
            f"{path}!{name}",
            identity_of(identity.hex(), name, len(data), when),
            place,
            names.machine_of(place),
            names.boot_of(place),
            when,
            len(data),
            data=data,
            folder=inside,
            beside=beside,
        )


def _clean(name: str) -> str:
    """A member's name without steps that lead elsewhere."""
    return "/".join(step for step in name.replace("\\", "/").split("/") if step not in ("", ".", ".."))


def _tar(path: str) -> Iterator[tuple[str, bytes, int | None] | Unreadable]:
    try:
        with open(path, "rb") as file, _stream(file, path) as archive:
            for member in archive:
                if not member.isfile():
                    continue
                name = _clean(member.name)
                if member.size > LARGEST:
                    yield Unreadable(f"{path}!{name}", f"{member.size} bytes, at most {LARGEST} are read")
                    continue
                data = archive.extractfile(member)
                yield name, data.read() if data is not None else b"", int(member.mtime * 1_000_000)
    except _damage() as error:
        yield Unreadable(path, f"an archive that cannot be read to its end ({_reason(error)})")


def _damage() -> tuple[type[Exception], ...]:
    """What reading a tar raises, whatever it is packed by."""
    import lzma
    import tarfile
    import zlib

    import zstandard

    return (
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        zstandard.ZstdError,
        OSError,
        EOFError,
        ValueError,
        RecursionError,
    )


def _stream(file: IO[bytes], path: str) -> Any:
    import tarfile

    if not path.lower().endswith("zst"):
        return tarfile.open(fileobj=file, mode="r|*")
    import zstandard

    return tarfile.open(fileobj=zstandard.ZstdDecompressor().stream_reader(file), mode="r|")


def _zip(path: str) -> Iterator[tuple[str, bytes, int | None] | Unreadable]:
    import zlib
    from zipfile import BadZipFile, ZipFile

    damage = (BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)
    try:
        with ZipFile(path) as archive:
            members = sorted(archive.infolist(), key=lambda info: _clean(info.filename).rpartition("/")[::2])
            for info in members:
                if info.is_dir():
                    continue
                name = _clean(info.filename)
                if info.file_size > LARGEST:
                    yield Unreadable(f"{path}!{name}", f"{info.file_size} bytes, at most {LARGEST} are read")
                    continue
                try:
                    with archive.open(info) as file:
                        data = file.read(LARGEST + 1)
                except damage as error:
                    yield Unreadable(f"{path}!{name}", f"cannot be unpacked ({_reason(error)})")
                    continue
                yield name, data, _dos_time(info.date_time)
    except damage as error:
        yield Unreadable(path, f"an archive that cannot be read ({_reason(error)})")


def _dos_time(parts: tuple[int, int, int, int, int, int]) -> int | None:
    """The time of a zip's member, which has no zone: taken as UTC, for want of one."""
    from datetime import datetime, timezone

    try:
        return int(datetime(*parts, tzinfo=timezone.utc).timestamp()) * 1_000_000
    except ValueError:
        return None


def _parquet(path: str, names: FleetNames, folder: str, identity: bytes) -> Iterator[Input | Unreadable]:
    """Rows of ``path`` and ``content``, with ``machine``, ``boot`` and ``collected_at`` where the file has them."""
    from evlog.tables.schema import missing

    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing(error) from None
    try:
        with pq.ParquetFile(path) as file:
            there = [name for name in COLUMNS if name in file.schema_arrow.names]
            if there[:2] != list(COLUMNS[:2]):
                yield Unreadable(path, "a Parquet file without the columns path and content")
                return
            for batch in file.iter_batches(batch_size=_ROWS, columns=there):
                for row in batch.to_pylist():
                    yield _row(path, row, names, folder, identity)
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Unreadable(path, f"a Parquet file that cannot be read ({_reason(error)})")


def _row(path: str, row: dict[str, Any], names: FleetNames, folder: str, identity: bytes) -> Input | Unreadable:
    given, content = row["path"], row["content"]
    if not isinstance(given, str) or not isinstance(content, bytes):
        return Unreadable(path, "a row whose path is no text, or whose content is no bytes")
    name = _clean(given)
    inside, _, base = name.rpartition("/")
    place = Place("/".join(filter(None, (folder, inside))), base)
    collected = _microseconds(row.get("collected_at"))
    machine, boot = row.get("machine"), row.get("boot")
    return Input(
        f"{path}!{given}",
        identity_of(identity.hex(), given, len(content), collected, machine, boot),
        place,
        str(machine) if machine is not None else names.machine_of(place),
        str(boot) if boot is not None else names.boot_of(place),
        collected,
        len(content),
        data=content,
    )


def _microseconds(when: object) -> int | None:
    """A time of a row since 1970; UTC unless it has a zone. None for what is no time."""
    from datetime import datetime, timedelta, timezone

    if not isinstance(when, datetime):
        return None
    known = when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
    return (known - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower().partition("\n")[0][:120]
