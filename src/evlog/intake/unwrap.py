"""What people wrap logs in: gzip, zstd, base64, hex, JSON evidence that holds a log as text, and tables of firmware.

Decompression is bounded, so that a bomb ends in an error; nothing is trusted about keys of the JSON: any string in it
that decodes to a log is one (evidence of go-attestation, CoCo and Azure each name theirs).
"""

from __future__ import annotations

import base64
import binascii
from itertools import islice

from evlog.errors import ParseError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    class Unpacker(Protocol):
        """What zlib and zstandard call a decompression object."""

        @property
        def eof(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, /) -> bytes: ...


__all__ = ["unwrap"]

#: A log of a million records has 161 MB; nobody packs more than this.
MAX_UNPACKED = 1 << 28
_MAX_DEPTH = 3
#: No evidence has as many strings that are as long as the shortest record in hex or base64.
MAX_STRINGS = 4096
_SHORTEST = 42
#: Compressed bytes taken at a time; zstd makes at most 128 KiB of 4.
_PIECE = 4096
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \t\r\n")


def unwrap(data: bytes, depth: int = 0) -> Iterator[tuple[bytes, tuple[str, ...]]]:
    """Each thing that the bytes may be a wrapping of, with the names of the wrappings, outermost first.

    Raises ParseError for a compressed stream that is damaged or unpacks to more than `MAX_UNPACKED`.
    """
    if depth == _MAX_DEPTH:
        return
    for name, inner in _layers(data):
        yield inner, (name,)
        try:
            for innermost, names in unwrap(inner, depth + 1):
                yield innermost, (name, *names)
        except ParseError:
            # Among the strings of a JSON document, one that merely looks packed must not hide the next.
            if not name.startswith("JSON"):
                raise


def _layers(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(_GZIP):
        yield "gzip", _gunzip(data)
    elif data.startswith(_ZSTD):
        yield "zstd", _unzstd(data)
    elif data[:256].lstrip()[:1] in (b"{", b"["):
        for text in islice(_json_strings(data), MAX_STRINGS):
            for name, inner in _text_layers(text.encode("utf-8", "replace")):
                yield f"JSON ({name})", inner
    else:
        yield from _tables(data)
        yield from _text_layers(data)


def _tables(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What the firmware hands over in a configuration table that has a log in it.

    EFI_TCG2_FINAL_EVENTS_TABLE: u64 version, u64 number of events, events. Linux's own copy of the log
    (linux_efi_tpm_eventlog): u32 size, u32 bytes of the final events in it, u8 version, log.
    """
    if data[:8] == b"\1\0\0\0\0\0\0\0" and 0 < int.from_bytes(data[8:16], "little") < len(data):
        yield "an EFI final events table", data[16:]
    if len(data) > 9 and data[8] in (1, 2) and int.from_bytes(data[:4], "little") == len(data) - 9:
        yield "Linux's event log table", data[9:]


def _text_layers(text: bytes) -> Iterator[tuple[str, bytes]]:
    # The first bytes decide cheaply.
    head = text[:_SHORTEST]
    if len(text) < _SHORTEST:
        return
    if _HEX.issuperset(head) and not text.translate(None, bytes(_HEX)):
        try:
            yield "hex", bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass
    elif _BASE64.issuperset(head) and not text.translate(None, bytes(_BASE64)):
        compact = text.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n").rstrip(b"=")
        try:
            yield "base64", base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
        except binascii.Error:
            pass


def _json_strings(data: bytes) -> Iterator[str]:
    import json

    try:
        pending = [json.loads(data)]
    except (ValueError, RecursionError):
        return
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            if len(value) >= _SHORTEST:
                yield value
        elif isinstance(value, dict):
            pending += reversed(value.values())
        elif isinstance(value, list):
            pending += reversed(value)


def _gunzip(data: bytes) -> bytes:
    import zlib

    return _unpack("gzip", data, _GZIP, lambda: zlib.decompressobj(wbits=31), zlib.error)


def _unzstd(data: bytes) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UsageError("a zstd stream: install zstandard to read it, or unpack it first") from error
    return _unpack("zstd", data, _ZSTD, zstandard.ZstdDecompressor().decompressobj, zstandard.ZstdError)


def _unpack(name: str, data: bytes, magic: bytes, start: Callable[[], Unpacker], failure: type[Exception]) -> bytes:
    """All streams in ``data``, one after the other, as ``cat`` joins them."""
    parts: list[bytes] = []
    unpacked, position = 0, 0
    while data.startswith(magic, position):
        stream = start()
        while not stream.eof:
            piece = data[position : position + _PIECE]
            if not piece:
                raise ParseError(f"{name} stream is cut", offset=len(data))
            try:
                parts.append(stream.decompress(piece))
            except failure as error:
                raise ParseError(f"{name} stream: {error}", offset=position) from error
            unpacked += len(parts[-1])
            if unpacked > MAX_UNPACKED:
                raise ParseError(f"{name} stream unpacks to over {MAX_UNPACKED} bytes", offset=position)
            position += len(piece) - len(stream.unused_data)
    if data[position:].strip(b"\0"):
        raise ParseError(f"{len(data) - position} bytes after the {name} stream", offset=position)
    return b"".join(parts)
