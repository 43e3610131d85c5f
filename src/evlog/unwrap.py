"""What people wrap logs in: gzip, zstd, base64, hex, and JSON evidence that holds a log as text.

Decompression is bounded, so that a bomb ends in an error; nothing is trusted about keys of the JSON: any string in it
that decodes to a log is one (spec/tcg2.md section 1, C7 to C9).
"""

from __future__ import annotations

import base64
import binascii

from evlog.errors import ParseError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unwrap"]

#: A log of a million records has 161 MB; nobody packs more than this.
MAX_UNPACKED = 1 << 30
_MAX_DEPTH = 3
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
        for innermost, names in unwrap(inner, depth + 1):
            yield innermost, (name, *names)


def _layers(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(_GZIP):
        yield "gzip", _gunzip(data)
    elif data.startswith(_ZSTD):
        yield "zstd", _unzstd(data)
    elif data[:256].lstrip()[:1] in (b"{", b"["):
        for text in _json_strings(data):
            for name, inner in _text_layers(text.encode("utf-8", "replace")):
                yield f"JSON ({name})", inner
    else:
        yield from _text_layers(data)


def _text_layers(text: bytes) -> Iterator[tuple[str, bytes]]:
    # The first bytes decide cheaply; 64 is less than the shortest record in hex.
    head = text[:64]
    if len(text) < 64:
        return
    if _HEX.issuperset(head) and not text.translate(None, bytes(_HEX)):
        try:
            yield "hex", bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass
    elif _BASE64.issuperset(head) and not text.translate(None, bytes(_BASE64)):
        compact = text.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n").rstrip(b"=")
        try:
            yield "base64", base64.b64decode(compact + b"=" * (-len(compact) % 4))
        except binascii.Error:
            pass


def _json_strings(data: bytes) -> Iterator[str]:
    import json

    try:
        pending = [json.loads(data)]
    except (ValueError, RecursionError):
        return
    while pending:
        value = pending.pop(0)
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _gunzip(data: bytes) -> bytes:
    import zlib

    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, MAX_UNPACKED)
    except zlib.error as error:
        raise ParseError(f"gzip stream: {error}", offset=0) from error
    if not unpacker.eof:
        what = "is cut" if not unpacker.unconsumed_tail else f"unpacks to over {MAX_UNPACKED} bytes"
        raise ParseError(f"gzip stream {what}", offset=0)
    return unpacked


def _unzstd(data: bytes) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UsageError("a zstd stream: install zstandard to read it, or unpack it first") from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            unpacked = reader.read(MAX_UNPACKED + 1)
    except zstandard.ZstdError as error:
        raise ParseError(f"zstd stream: {error}", offset=0) from error
    if len(unpacked) > MAX_UNPACKED:
        raise ParseError(f"zstd stream unpacks to over {MAX_UNPACKED} bytes", offset=0)
    return bytes(unpacked)
