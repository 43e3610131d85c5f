"""Compressed streams: gzip and zstd."""

from __future__ import annotations

import io

from evlog.errors import ParseError, UsageError
from evlog.intake.places import Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from evlog.intake.budget import Budget

    class Unpacker(Protocol):
        """What zlib and zstandard call a decompression object."""

        @property
        def eof(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, /) -> bytes: ...


__all__ = ["head", "places"]

#: Compressed bytes taken at a time; zstd makes at most 128 KiB of 4.
_PIECE = 512
#: Compressed bytes that the first block of anything is in.
_HEAD = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """What a compressed stream unpacks to. Raises ParseError for one that is damaged."""
    if data.startswith((_GZIP, _ZSTD)):
        yield Place("", _layers(data, budget))


def head(data: bytes, size: int) -> bytes:
    """The first bytes of what a compressed stream unpacks to, as far as that can be said; none for other bytes."""
    try:
        if data.startswith(_GZIP):
            import zlib

            return zlib.decompressobj(wbits=31).decompress(data[:_HEAD], size)
        if data.startswith(_ZSTD):
            import zstandard

            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data[:_HEAD])) as stream:
                return stream.read(size)
    except Exception:  # of zlib and of a package that may be absent: whoever unpacks all of it says what is wrong
        return b""
    return b""


def _layers(data: bytes, budget: Budget) -> Iterator[Layer]:
    if data.startswith(_GZIP):
        yield Layer("gzip", _gunzip(data, budget))
    else:
        yield Layer("zstd", _unzstd(data, budget))


def _gunzip(data: bytes, budget: Budget) -> bytes:
    import zlib

    return _unpack("gzip", data, _GZIP, lambda: zlib.decompressobj(wbits=31), zlib.error, budget)


def _unzstd(data: bytes, budget: Budget) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UsageError("a zstd stream: install zstandard to read it, or unpack it first") from error
    return _unpack("zstd", data, _ZSTD, zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError, budget)


def _unpack(
    name: str,
    data: bytes,
    magic: bytes,
    start: Callable[[], Unpacker],
    failure: type[Exception],
    budget: Budget,
) -> bytes:
    """All streams in ``data``, one after the other, as ``cat`` joins them."""
    unpacked = io.BytesIO()
    position = 0
    while data.startswith(magic, position):
        stream = start()
        while not stream.eof:
            piece = data[position : position + _PIECE]
            if not piece:
                raise ParseError(f"{name} stream is cut", offset=len(data))
            try:
                made = stream.decompress(piece)
            except failure as error:
                raise ParseError(f"{name} stream: {error}", offset=position) from error
            budget.spend(len(made))
            unpacked.write(made)
            position += len(piece) - len(stream.unused_data)
    if data[position:].strip(b"\0"):
        raise ParseError(f"{len(data) - position} bytes after the {name} stream", offset=position)
    return unpacked.getvalue()
