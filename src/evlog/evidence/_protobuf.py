"""Protocol buffers without their schema, in bytes and as text: as much as attestations use, within bounds.

Spec: protobuf.dev, "Encoding" (wire types 0, 1, 2 and 5; groups are of no message here) and "Text Format Language".
"""

from __future__ import annotations

import re

from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["fields", "text"]

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_MAX_DEPTH = 8
_TOKEN = re.compile(
    rb"""[ \t\r\n,;]*(?:\#[^\n]*\n[ \t\r\n]*)*(?:(?P<name>[A-Za-z_][A-Za-z_0-9]*)[ \t]*:?
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<number>-?[0-9][0-9A-Za-z.]*)|(?P<brace>[{}<>]))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def fields(data: bytes, where: str) -> dict[int, list[Any]]:
    """The fields of a message by number, each with its values: bytes or an integer.

    Raises ParseError for what is no message to its last byte.
    """
    found: dict[int, list[Any]] = {}
    at = 0
    while at < len(data):
        start = at
        key, at = _varint(data, at, where)
        number, wire = key >> 3, key & 7
        value: Any
        if wire == _VARINT:
            value, at = _varint(data, at, where)
        elif wire in (_I64, _LEN, _I32):
            size = 8 if wire == _I64 else 4
            if wire == _LEN:
                size, at = _varint(data, at, where)
            if size > len(data) - at:
                raise ParseError(f"{size} bytes, {len(data) - at} left", offset=at, where=where)
            value, at = data[at : at + size], at + size
        else:
            raise ParseError(f"wire type {wire}", offset=start, where=where)
        if not number:
            raise ParseError("a field without a number", offset=start, where=where)
        found.setdefault(number, []).append(value)
    return found


def _varint(data: bytes, at: int, where: str) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST_VARINT):
        if at + place >= len(data):
            raise ParseError("a number is cut", offset=at, where=where)
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ParseError(f"a number of more than {_LONGEST_VARINT} bytes", offset=at, where=where)


def text(data: bytes, where: str) -> dict[str, list[Any]]:
    """A message as text by name, each field with its values: bytes, an integer, a word, or a message.

    Raises ParseError for what is none.
    """
    message: dict[str, list[Any]] = {}
    stack, name, last, at = [message], "", None, 0
    end = len(data.rstrip())
    while at < end:
        token = _TOKEN.match(data, at)
        if token is None:
            raise ParseError("no text of a message", offset=at, where=where)
        at = token.end()
        kind, said = token.lastgroup, token[token.lastgroup or 0]
        if kind == "brace":
            if said in b"{<":
                if not name or len(stack) > _MAX_DEPTH:
                    raise ParseError("a message without a name, or too deep", offset=at, where=where)
                inner: dict[str, list[Any]] = {}
                stack[-1].setdefault(name, []).append(inner)
                stack.append(inner)
            elif len(stack) == 1 or name:
                raise ParseError("a message ends where none does", offset=at, where=where)
            else:
                stack.pop()
            name, last = "", None
        elif kind == "string":
            piece = _ESCAPE.sub(_unescaped, said[1:-1])
            if name:
                last = stack[-1].setdefault(name, [])
                last.append([piece])
            elif last is not None:
                # Strings one after another are one.
                last[-1].append(piece)
            else:
                raise ParseError("a string without a name", offset=at, where=where)
            name = ""
        else:
            word = said.decode("ascii")
            if not name and kind == "name":
                name = word
            elif name:
                stack[-1].setdefault(name, []).append(_integer(word) if kind == "number" else word)
                name = ""
            else:
                raise ParseError("a value without a name", offset=at, where=where)
            last = None
    if len(stack) > 1 or name:
        raise ParseError("the text of a message is cut", offset=end, where=where)
    return _joined(message)


def _integer(word: str) -> int | str:
    try:
        return int(word[:24], 0)
    except ValueError:
        return word


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes((int(found[1], 16),))
    if found[2] is not None:
        return bytes((int(found[2], 8) & 0xFF,))
    return _LETTERS.get(found[3], found[3])


def _joined(message: dict[str, list[Any]]) -> dict[str, list[Any]]:
    def one(value: Any) -> Any:
        return _joined(value) if isinstance(value, dict) else b"".join(value) if isinstance(value, list) else value

    return {name: [one(value) for value in values] for name, values in message.items()}
