"""JSON documents, value by value, with the bytes at which each stands.

Spec: RFC 8259. A document that is cut or damaged yields what is before the damage, and then the error.
"""

from __future__ import annotations

import re

from evlog.errors import ParseError, TruncatedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator
    from typing import Any, NoReturn

    #: The member's name ("" in a list), the value, and the bytes where it starts and ends.
    Item = tuple[str, Any, int, int]

__all__ = ["Document"]

_SPACE = re.compile(r"[ \t\n\r]*")


class Document:
    """A JSON text. Raises ParseError for bytes that are no UTF-8."""

    def __init__(self, data: bytes) -> None:
        try:
            self._text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("not UTF-8", offset=error.start) from None
        self._first = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        self._ascii = self._text.isascii()
        self._counted = 0, self._first
        from json import JSONDecoder

        decoder: Any = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
        self._scan = decoder.scan_once

    def items(self, lists: Collection[str] = ()) -> Iterator[Item]:
        """The values of the outermost list or object; those of a member named in ``lists`` one by one, if it is a list.

        Raises ParseError for what is no JSON, with the byte at which it ends to be.
        """
        position = self._space(0)
        if self._text[position : position + 1] == "[":
            position = yield from self._list("", position + 1)
        elif self._text[position : position + 1] == "{":
            position = yield from self._object(position + 1, lists)
        else:
            self._fail("a list or an object was expected", position)
        if self._space(position) < len(self._text):
            self._fail("something follows the document", self._space(position))

    def _list(self, name: str, position: int) -> Generator[Item, None, int]:
        position = self._space(position)
        while self._text[position : position + 1] != "]":
            value, after = self._value(position)
            yield name, value, self._byte(position), self._byte(after)
            position = self._following(after, "]")
        return position + 1

    def _object(self, position: int, lists: Collection[str]) -> Generator[Item, None, int]:
        seen = set()
        position = self._space(position)
        while self._text[position : position + 1] != "}":
            if self._text[position : position + 1] != '"':
                self._fail("a name was expected", position)
            name, after = self._value(position)
            if name in seen:
                self._fail("a member stands twice", position)
            seen.add(name)
            after = self._space(after)
            if self._text[after : after + 1] != ":":
                self._fail("a colon was expected", after)
            after = self._space(after + 1)
            if name in lists and self._text[after : after + 1] == "[":
                position = yield from self._list(name, after + 1)
            else:
                value, position = self._value(after)
                yield name, value, self._byte(after), self._byte(position)
            position = self._following(position, "}")
        return position + 1

    def _following(self, position: int, end: str) -> int:
        """The place after the comma behind a value, or that of the end."""
        position = self._space(position)
        letter = self._text[position : position + 1]
        if letter == end:
            return position
        if letter != ",":
            self._fail("a comma or the end was expected", position)
        position = self._space(position + 1)
        if self._text[position : position + 1] == end:
            self._fail("a comma before the end", position)
        return position

    def _value(self, position: int) -> tuple[Any, int]:
        try:
            value, after = self._scan(self._text, position)
            return value, after
        except StopIteration as error:
            self._fail("a value was expected", error.value)
        except RecursionError:
            self._fail("nested too deeply", position)
        except ValueError as error:
            place = getattr(error, "pos", None)
            message = str(getattr(error, "msg", "a number of too many digits")).lower()
            cut = "unterminated" in message
            self._fail(message, len(self._text) if cut else place or position)

    def _fail(self, message: str, position: int) -> NoReturn:
        cut = position >= len(self._text)
        kind = TruncatedError if cut else ParseError
        raise kind(f"{'truncated' if cut else 'not'} JSON: {message}", offset=self._byte(position))

    def _space(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        return found.end() if found is not None else position

    def _byte(self, position: int) -> int:
        """The byte of a character. Positions grow, so that what was counted is not counted again."""
        if self._ascii:
            return position + self._first
        character, byte = self._counted
        if position < character:
            return self._first + len(self._text[:position].encode("utf-8", "surrogatepass"))
        self._counted = position, byte + len(self._text[character:position].encode("utf-8", "surrogatepass"))
        return self._counted[1]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        from json import JSONDecodeError

        raise JSONDecodeError("a member stands twice", "", 0)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
