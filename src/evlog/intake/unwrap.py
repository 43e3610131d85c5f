"""Bytes out of their wrappings: base64, hex, gzip, zstd, tables of the firmware, and strings of JSON documents.

Nothing tells that bytes are wrapped but that they are nothing else; so each layer that may be one is taken off, within
bounds (`evlog.intake.budget`), until somebody knows what is inside.
"""

from __future__ import annotations

import base64
import binascii
import io

from evlog._record import Record
from evlog.errors import ParseError, UsageError
from evlog.intake.budget import BudgetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Protocol, TypeVar

    from evlog.intake.budget import Budget

    T = TypeVar("T")

    class Unpacker(Protocol):
        """What zlib and zstandard call a decompression object."""

        @property
        def eof(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, /) -> bytes: ...


__all__ = ["Wrapped", "unwrap"]

_MAX_DEPTH = 3
#: Characters of the shortest record in hex or base64.
_SHORTEST = 42
#: Values of a JSON document: each takes some 60 bytes of memory, and may have two in the document.
_MAX_VALUES = 1 << 20
#: Compressed bytes taken at a time; zstd makes at most 128 KiB of 4.
_PIECE = 512
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_= \t\r\n")
_TEXT = "JSON (text)"
#: Characters of a member's name that a path shows.
_NAME = 64


class Wrapped(Record):
    """What came out of wrappings.

    ``wrapping``  their names, outermost first
    ``path``      where it stood in JSON documents, as a JSON pointer (RFC 6901); names of members are made printable
                  and cut; "" outside of any
    """

    data: bytes
    wrapping: tuple[str, ...] = ()
    path: str = ""


def unwrap(data: bytes, known: Callable[[Wrapped], T | None], budget: Budget) -> Iterator[tuple[Wrapped, T]]:
    """Whatever the bytes wrap that is ``known``, which says what it is; such a thing is not looked into further.

    Bytes are one thing, only a JSON document can hold several: these come in its order.
    Raises ParseError for a compressed stream that is damaged, and for one that unpacks to more than the budget.
    """
    return _known_in(Wrapped(data), known, budget, 0)


def _known_in(
    outer: Wrapped, known: Callable[[Wrapped], T | None], budget: Budget, depth: int
) -> Iterator[tuple[Wrapped, T]]:
    if depth == _MAX_DEPTH:
        return
    for path, layers in _places(outer.data, budget):
        try:
            for name, inner in layers:
                wrapped = Wrapped(inner, (*outer.wrapping, name), outer.path + path)
                budget.tried()
                what = known(wrapped)
                if what is not None:
                    yield wrapped, what
                    break
                # Of a text all that it may be has been tried by now, unless it is a document itself.
                if name == _TEXT and not _is_json(inner):
                    continue
                deeper = list(_known_in(wrapped, known, budget, depth + 1))
                if deeper:
                    yield from deeper
                    break
        except BudgetError:
            raise
        except ParseError:
            # Among the strings of a JSON document, one that merely looks packed must not hide the next.
            if not path:
                raise


def _places(data: bytes, budget: Budget) -> Iterator[tuple[str, Iterable[tuple[str, bytes]]]]:
    """The bytes, or each string of a document with its path; and the layers that may be taken off, one or the other."""
    if _is_json(data):
        for path, text in _json_strings(data):
            yield path, _string_layers(text.encode("utf-8", "replace"), budget)
    else:
        yield "", _layers(data, budget)


def _is_json(data: bytes) -> bool:
    return data[:256].lstrip()[:1] in (b"{", b"[")


def _string_layers(text: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    budget.spend(len(text))
    for name, inner in _text_layers(text, budget):
        yield f"JSON ({name})", inner
    yield _TEXT, text


def _layers(data: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    if data.startswith(_GZIP):
        yield "gzip", _gunzip(data, budget)
    elif data.startswith(_ZSTD):
        yield "zstd", _unzstd(data, budget)
    else:
        yield from _tables(data)
        yield from _text_layers(data, budget)


def _tables(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What the firmware hands over in a configuration table that has a log in it.

    EFI_TCG2_FINAL_EVENTS_TABLE: u64 version, u64 number of events, events. Linux's own copy of the log
    (linux_efi_tpm_eventlog): u32 size, u32 bytes of the final events in it, u8 version, log.
    """
    if data[:8] == b"\1\0\0\0\0\0\0\0" and 0 < int.from_bytes(data[8:16], "little") < len(data):
        yield "an EFI final events table", data[16:]
    if len(data) > 9 and data[8] in (1, 2) and int.from_bytes(data[:4], "little") == len(data) - 9:
        yield "Linux's event log table", data[9:]


def _text_layers(text: bytes, budget: Budget) -> Iterator[tuple[str, bytes]]:
    # The first bytes decide cheaply.
    head = text[:_SHORTEST]
    if len(text) < _SHORTEST:
        return
    if _HEX.issuperset(head) and not text.translate(None, bytes(_HEX)):
        budget.spend(len(text) // 2)
        try:
            yield "hex", bytes.fromhex(text.decode("ascii"))
        except ValueError:
            pass
    elif _BASE64.issuperset(head) and not text.translate(None, bytes(_BASE64)):
        budget.spend(len(text) // 4 * 3)
        compact = text.translate(bytes.maketrans(b"-_", b"+/"), b" \t\r\n").rstrip(b"=")
        try:
            yield "base64", base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
        except binascii.Error:
            pass


def _json_strings(data: bytes) -> Iterator[tuple[str, str]]:
    """Each string of a document that may be a log, with its path: also those of members that have the same name."""
    if sum(map(data.count, (b",", b"[", b"{", b":"))) > _MAX_VALUES:
        return
    import json

    try:
        pending: list[tuple[Any, Any]] = [((), json.loads(data, object_pairs_hook=_Members))]
    except (ValueError, RecursionError):
        return
    while pending:
        place, value = pending.pop()
        if isinstance(value, str):
            if len(value) >= _SHORTEST:
                yield _pointer(place), value
        elif isinstance(value, _Members):
            pending += [((place, name), inner) for name, inner in reversed(value)]
        elif isinstance(value, list):
            pending += [((place, at), value[at]) for at in reversed(range(len(value)))]


class _Members(list[tuple[str, "Any"]]):
    """The members of a JSON object, all of them."""


def _pointer(place: Any) -> str:
    """The path of a value, whose place is that of the value around it and its name or number there."""
    parts = []
    while place:
        place, name = place
        text = str(name).replace("~", "~0").replace("/", "~1")
        parts.append(text[:_NAME].encode("unicode_escape").decode("ascii") if not text.isprintable() else text[:_NAME])
    return "".join(f"/{part}" for part in reversed(parts))


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
