"""JSON documents: each text, list of numbers, list of objects and object in one is a place where a log may stand.

Spec: RFC 8259, RFC 6901 (the paths). A value is handed on as it is written, never written again, so that the bytes of a
log that is JSON itself come back as they were. No tree is made of a document: it is passed over once, and what
may be a log is noted.
"""

from __future__ import annotations

import re
from json import decoder

from evlog._record import Record
from evlog.intake import letters
from evlog.intake.budget import BudgetError
from evlog.intake.places import SHORTEST, Layer, Place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from evlog.intake.budget import Budget

__all__ = ["is_document", "numbers", "places"]

#: A text from behind its first quote, and where it ends: what `json` itself reads them with. ValueError without an end.
scanstring: Callable[[str, int, bool], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_TEXT = "JSON (text)"
#: Values of a document, but for the numbers of a list of bytes: each takes a microsecond.
_MAX_VALUES = 1 << 21
_MAX_NESTING = 512
_BYTES = r"\[[\s,]*[0-9][\s,0-9]*\]"
#: What comes next: the opening of a text, a list of numbers, what has nothing in it or numbers in a row, a bracket.
_NEXT = re.compile(
    r"[\s,:]*(?:(?P<text>\")|(?P<bytes>"
    + _BYTES
    + r")|(?P<plain>\[\s*\]|\{\s*\}|-?[0-9][-+0-9.eE,\s]*|true|false|null)"
    r"|(?P<open>[\[{])|(?P<close>[\]}]))"
)
_REST = re.compile(r"[\s]*")
_LEADING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[\[{][^\0]")


class _Found(Record):
    """A value that may be a log: where it stands in the text, and the way there."""

    start: int
    end: int
    kind: str
    way: Any


class _Open:
    """A list or an object that is not closed yet.

    ``way`` is how one gets there, ``at`` where it is noted, ``count`` the values in it so far, ``name`` that of the
    member whose value comes next; ``deep`` says whether a value in it has values, ``of_objects`` whether the first is
    an object.
    """

    __slots__ = ("at", "count", "deep", "is_list", "name", "of_objects", "start", "way")

    def __init__(self, start: int, way: Any, at: int, *, is_list: bool) -> None:
        self.start = start
        self.way = way
        self.at = at
        self.is_list = is_list
        self.count = 0
        self.name: str | None = None
        self.deep = self.of_objects = False


def is_document(data: bytes) -> bool:
    """Whether the bytes begin as a JSON document with something in it does."""
    return _LEADING.match(data, 0, 4096) is not None


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """What may be a log in a document, outer values first, in its order; nothing for what is no JSON.

    Raises BudgetError for a document of more values than anybody's evidence has.
    """
    if not is_document(data):
        return
    # What is no UTF-8 stays what it is.
    text = data.decode("utf-8-sig", "surrogateescape")
    for found in _values(text):
        yield Place(_pointer(found.way), _layers(text, found, budget), found.start, found.end)


def _layers(text: str, found: _Found, budget: Budget) -> Iterator[Layer]:
    if found.kind == "text":
        value = _bytes(scanstring(text, found.start + 1, False)[0])
        budget.spend(len(value))
        spelled = False
        for layer in letters.layers(value, budget):
            spelled = True
            yield layer.replace(name=f"JSON ({layer.name})")
        yield Layer(_TEXT, value, whole=spelled)
        return
    value = _bytes(text[found.start : found.end])
    budget.look(len(value))
    if found.kind == "bytes":
        written = numbers(value)
        if written is not None:
            yield Layer("JSON (numbers)", written)
    else:
        yield Layer("JSON", value, whole=True, value=True)


def numbers(written: bytes) -> bytes | None:
    """The bytes that a JSON list of numbers writes, one each; None if there are none, or others."""
    import json

    try:
        return bytes(json.loads(written))
    except (ValueError, OverflowError):
        return None


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _values(text: str) -> list[_Found]:
    """The values of a document that may be a log, in the order in which they begin; none if it is no document.

    The outermost value is not among them, unless it is a list of numbers: whoever asks has asked for it.
    """
    found: list[_Found | None] = []
    opened: list[_Open] = []
    position = values = 0
    while True:
        match = _NEXT.match(text, position)
        if match is None:
            return []
        kind = match.lastgroup or ""
        start, position = match.span(kind)
        values += 1
        if values > _MAX_VALUES:
            raise BudgetError(f"more than {_MAX_VALUES} values in a JSON document")
        if kind == "close":
            if not opened or (text[start] == "]") != opened[-1].is_list:
                return []
            _close(opened, position, found)
        else:
            if kind == "text":
                try:
                    name, position = scanstring(text, position, False)
                except ValueError:
                    return []
                if opened and not opened[-1].is_list and opened[-1].name is None:
                    opened[-1].name = name
                    continue
            if not _enter(text[start], kind, start, position, opened, found):
                return []
            if kind == "plain" and opened and position - start > 1:
                # Numbers in a row are many values.
                opened[-1].count += max(len(text[start:position].replace(",", " ").split()) - 1, 0)
        if not opened:
            break
    return [] if _REST.fullmatch(text, position) is None else [each for each in found if each is not None]


def _enter(letter: str, kind: str, start: int, end: int, opened: list[_Open], found: list[_Found | None]) -> bool:
    """Note a value that begins with a letter. Returns whether it may stand there."""
    way = None
    if opened:
        around = opened[-1]
        if not around.is_list and around.name is None:
            return False
        way = (around.way, around.count if around.is_list else around.name)
        around.of_objects = around.of_objects or (not around.count and letter == "{")
        around.deep = around.deep or kind in ("open", "bytes")
        around.count += 1
        around.name = None
    if kind == "open":
        opened.append(_Open(start, way, len(found), is_list=letter == "["))
        found.append(None)
    elif kind in ("text", "bytes") and end - start >= SHORTEST:
        found.append(_Found(start, end, kind, way))
    return len(opened) <= _MAX_NESTING


def _close(opened: list[_Open], end: int, found: list[_Found | None]) -> None:
    """Note what was opened last, if it may be a log.

    That is a list of objects, or an object: but of the objects in a list, of which there may be thousands, only those
    with more than plain members.
    """
    closed = opened.pop()
    plain = not closed.of_objects if closed.is_list else bool(opened) and opened[-1].is_list and not closed.deep
    if opened and not plain and end - closed.start >= SHORTEST:
        found[closed.at] = _Found(closed.start, end, "value", closed.way)


def _pointer(way: Any) -> str:
    """The path of a value, by its way: that of the value around it, and its name or number there."""
    parts = []
    while way is not None:
        way, name = way
        parts.append(step(name))
    return "".join(reversed(parts))
