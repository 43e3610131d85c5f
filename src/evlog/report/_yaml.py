"""Scalars of a YAML document that every parser reads the same, in the spelling of tpm2_eventlog wherever that holds.

Spec: YAML 1.2.2, sections 5.7 (escapes), 7.3 (flow scalars), 8.1 (block scalars). tpm2_eventlog prints what firmware
wrote as it is; a control character, a quote or a stray byte there makes a document that no parser reads.
"""

from __future__ import annotations

import re

__all__ = ["block", "decoded", "escaped", "hexadecimal", "plain", "quoted", "single"]

#: What a plain scalar may be here: words, which no parser takes for a number, a date, a boolean or null.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.()-]*(?: [A-Za-z0-9_.()-]+)*")
_WORDS = frozenset(("y", "n", "yes", "no", "true", "false", "on", "off", "null"))
#: Hex digits that a parser may take for an integer or a float.
_NUMBER = re.compile(r"[0-9]*|[0-9]+[eE][0-9]+")
#: Characters that may stand in a literal block without changing on the way through a parser.
_LITERAL = re.compile("[\t -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
_BREAKS = re.compile("[\u2028\u2029]")


def quoted(text: str) -> str:
    """A double-quoted scalar."""
    return '"' + "".join(map(_quoted_character, text)) + '"'


def _quoted_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if " " <= character <= "~" or (character >= "\xa0" and _literal(character)):
        return character
    code = ord(character)
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8
        return f"\\x{code & 0xFF:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def single(text: str) -> str:
    """A single-quoted scalar, or a double-quoted one if the text cannot stand in single quotes."""
    return f"'{text}'" if _literal(text) and "'" not in text else quoted(text)


def plain(text: str) -> str:
    """A plain scalar if every parser takes it for this string, else a double-quoted one."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else quoted(text)


def hexadecimal(data: bytes) -> str:
    """Hex digits as a plain scalar, quoted if they look like a number."""
    text = data.hex()
    return quoted(text) if _NUMBER.fullmatch(text) else text


def block(key: str, data: bytes, indent: str) -> list[str]:
    """``key`` with one line of text as a literal block, or quoted if the text cannot stand in one."""
    text = decoded(data)
    if not _literal(text) or text[:1] in (" ", "\t", ""):
        return [f"{indent}{key}: {quoted(text)}"]
    return [f"{indent}{key}: |-", f"{indent}  {text}"]


def escaped(data: bytes) -> list[str]:
    """The lines of a text in tpm2_eventlog's own notation, which is in quotes but is no YAML quoting.

    Some control characters, the apostrophe and the backslash are escaped as in C; other bytes that cannot stand in
    a YAML document become ``\\xNN``.
    """
    lines = data.split(b"\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    return ['"' + "".join(map(_escaped_character, decoded(line))) + '"' for line in lines]


_C_ESCAPES = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    "'": "\\'",
    "\\": "\\\\",
}


def _escaped_character(character: str) -> str:
    if character in _C_ESCAPES:
        return _C_ESCAPES[character]
    if _literal(character):
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))


def _literal(text: str) -> bool:
    return _LITERAL.fullmatch(text) is not None and not _BREAKS.search(text)


def decoded(data: bytes) -> str:
    """UTF-8 text; a byte that is none becomes a lone surrogate, which the functions above write as ``\\xNN``."""
    return data.decode(errors="surrogateescape")
