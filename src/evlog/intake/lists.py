"""Bytes written one by one: ``0x00, 0x11``, ``00-11``, ``[69 66]``, ``\\x00\\x11``, or the array of a source text."""

from __future__ import annotations

import re

from evlog.intake.places import SHORTEST, Layer, Place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evlog.intake.budget import Budget

__all__ = ["places"]

#: Characters that are taken at a time: each byte is an object for a while.
_PIECE = 1 << 16
_FEW = 8
_SEPARATOR = re.compile(rb"[\s,]")
#: How each way to write bytes begins, what it is called, and what reads a piece of it.
_BEGINNINGS = (
    (re.compile(rb"0[xX][0-9A-Fa-f]{1,2}(?:[\s,]+0[xX][0-9A-Fa-f]{1,2}){3}"), "0x"),
    (re.compile(rb"[0-9A-Fa-f]{2}(?:\s*[-:]\s*[0-9A-Fa-f]{2}){3}"), "pairs"),
    (re.compile(rb"[0-9]{1,3}(?:[\s,]+[0-9]{1,3}){3}"), "numbers"),
    (re.compile(rb"\\x[0-9A-Fa-f]{2}"), "escapes"),
)
_NAMES = {
    "0x": "a list of 0x numbers",
    "pairs": "pairs of letters",
    "numbers": "a list of numbers",
    "escapes": "\\x escapes",
}
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_BRACES = re.compile(rb"\{([^{}]*)\}")
_LENGTH = re.compile(rb"_len(?:gth)?\s*=\s*(0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,10})\s*;")
_QUOTED = re.compile(rb"""\s*b?["']\\x""")
_LITERAL = re.compile(rb"""b?(["'])(.*)\1;?""", re.DOTALL)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"\n": b""}
_CONTROL = bytes(range(9)) + bytes(range(14, 32))


def places(text: bytes, budget: Budget) -> Iterator[Place]:
    """What a text of bytes one by one writes: all of it, or each list between braces by its number, from 1."""
    head = text[:4096]
    if len(text) < SHORTEST or head.translate(None, _CONTROL) != head:
        return
    if b"{" in text and _HAS_0X.search(text) is not None:
        yield from _arrays(text, budget)
        return
    stripped = text.strip().removeprefix(b"[").removesuffix(b"]").strip()
    if _QUOTED.match(head) is not None:
        # The strings of C, one behind the other, are one.
        stripped = stripped.removeprefix(b"b").removesuffix(b";")
        stripped = stripped.translate(None, b"\"'") if b'\\"' not in stripped else stripped
    data = _read(stripped, budget)
    if data is not None:
        yield Place("", [Layer(f"{data[0]}, {len(data[1])} bytes", data[1])])
        return
    literal = _LITERAL.fullmatch(text.strip())
    if literal is not None and b"\\x" in literal[2]:
        budget.spend(len(text))
        written = _ESCAPE.sub(_unescaped, literal[2])
        yield Place("", [Layer(f"a text with escapes, {len(written)} bytes", written)])


_HAS_0X = re.compile(rb"0[xX][0-9A-Fa-f]{1,2}\s*,")


def _arrays(text: bytes, budget: Budget) -> Iterator[Place]:
    """The arrays of a source text."""
    budget.spend(len(text))
    plain = _COMMENT.sub(b" ", text)
    found = []
    for braces in _BRACES.finditer(plain):
        data = _read(braces[1].strip(), budget)
        if data is not None:
            found.append((braces, data[1]))
    for number, (braces, written) in enumerate(found, 1):
        behind = plain[braces.end() : found[number][0].start() if number < len(found) else len(plain)]
        length = _LENGTH.search(behind)
        notes: tuple[str, ...] = ()
        if length is not None and int(length[1], 0 if length[1][:2].lower() == b"0x" else 10) != len(written):
            notes = (f"the length beside the array is not that of its {len(written)} bytes",)
        layer = Layer(f"a C array, {len(written)} bytes", written, notes)
        yield Place(step(number) if len(found) > 1 else "", [layer], *braces.span())


def _read(text: bytes, budget: Budget) -> tuple[str, bytes] | None:
    """The bytes of a list, and how it is written; None if it is no list from its first to its last letter."""
    kind = next((kind for begins, kind in _BEGINNINGS if begins.match(text) is not None), None)
    if kind is None:
        return None
    if kind == "escapes":
        text = text.translate(None, b" \t\r\n\"'")
        if text.count(b"\\x") * 4 != len(text):
            return None
        kind, text, name = "pairs", text[2:].replace(b"\\x", b"-"), _NAMES[kind]
    else:
        name = _NAMES[kind]
    written = bytearray()
    for piece in _pieces(text):
        try:
            made = _READERS[kind](piece)
        except ValueError:
            return None
        budget.spend(len(made))
        written += made
    return name, bytes(written)


def _pieces(text: bytes) -> Iterator[bytes]:
    """The text in pieces that end between two bytes."""
    position = 0
    while position < len(text):
        end = position + _PIECE
        cut = _CUT.search(text, end) if end < len(text) else None
        stop = cut.start() if cut is not None else len(text)
        yield text[position:stop]
        position = stop + 1


_CUT = re.compile(rb"[\s,:-]")


def _prefixed(piece: bytes) -> bytes:
    tokens = piece.replace(b",", b" ").split()
    if any(each[:2] not in (b"0x", b"0X") for each in tokens):
        raise ValueError("not 0x")
    return bytes(int(each, 16) for each in tokens)


def _pairs(piece: bytes) -> bytes:
    tokens = piece.translate(bytes.maketrans(b"-:", b"  ")).split()
    if any(len(each) != 2 for each in tokens):
        raise ValueError("not two letters")
    return bytes.fromhex(b"".join(tokens).decode("ascii"))


def _numbers(piece: bytes) -> bytes:
    tokens = piece.replace(b",", b" ").split()
    if any(len(each) > 3 or not each.isdigit() for each in tokens):
        raise ValueError("not up to 255")
    return bytes(map(int, tokens))


_READERS: dict[str, Callable[[bytes], bytes]] = {"0x": _prefixed, "pairs": _pairs, "numbers": _numbers}


def _unescaped(match: re.Match[bytes]) -> bytes:
    """What an escape of C or Python stands for."""
    if match[1] is not None:
        return bytes.fromhex(match[1].decode())
    if match[2] is not None:
        return bytes([int(match[2], 8) & 0xFF])
    return _LETTERS.get(match[3], match[3])
