"""The JSON text of a dstack log, event by event, with all that stands around each.

Source: Dstack-TEE/dstack, cc-eventlog/src/tdx.rs (an array), runtime_events.rs (lines).
"""

from __future__ import annotations

import re

from evlog._record import cache
from evlog.errors import ParseError, TruncatedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, NoReturn

__all__ = ["BLANK", "Text"]

BLANK = " \t\n\r"
_SPACE = re.compile(f"[{BLANK}]*")


class Text:
    """The JSON text of a log, event by event: an array, or ``lines`` of objects.

    ``chunk`` is all of the text that belongs to the event that came last, blanks and brackets included, and ``plain``
    is it without what every writer adds; ``end`` is where it ends, and ``rest`` how much follows a closed array.
    """

    def __init__(self, text: str) -> None:
        self._scan = _scanner()
        self._text = text
        self._ascii = text.isascii()
        self._counted = 0, 0
        self._first = _space(text, int(text.startswith("\ufeff")))
        self.lines = text.startswith("{", self._first)
        self.chunk = self.plain = ""
        self.end = self.rest = 0

    def events(self) -> Iterator[tuple[Any, int, int]]:
        """The value of each event, and the characters at which it starts and ends."""
        if self.lines:
            return self._lines()
        if not self._text.startswith("[", self._first):
            self._fail("an array of events, or lines of them, was expected", self._first)
        return self._array()

    def _array(self) -> Iterator[tuple[Any, int, int]]:
        text, chunk, position, closed = self._text, 0, self._first + 1, False
        while not closed:
            start = _space(text, position)
            value, end = self.value(start)
            after = _space(text, end)
            comma = text.startswith(",", after)
            closed = text.startswith("]", after)
            self.end = after if comma else _space(text, after + 1) if closed else end
            self.rest = len(text) - self.end if closed else 0
            self.chunk = text[chunk : self.end]
            self.plain = self.chunk if chunk else self.chunk.removeprefix("[")
            if closed and not self.rest:
                self.plain = self.plain.removesuffix("]")
            yield value, start, end
            if not comma and not closed:
                self._fail("a comma or the end of the array was expected", after)
            chunk = position = after + 1

    def _lines(self) -> Iterator[tuple[Any, int, int]]:
        text, chunk, start = self._text, 0, self._first
        while start < len(text):
            value, end = self.value(start)
            following = _space(text, end)
            ended = following == len(text) or "\n" in text[end:following]
            self.end = following if ended else end
            self.chunk = text[chunk : self.end]
            self.plain = self.chunk[:-1] if self.chunk.endswith("}\n") else ""
            yield value, start, end
            if not ended:
                self._fail("the end of the line was expected", following)
            chunk = start = following

    def value(self, position: int) -> tuple[Any, int]:
        """The value at a position and where it ends. Raises ParseError."""
        try:
            value, after = self._scan(self._text, position)
            return value, after
        except StopIteration as error:
            self._fail("a value was expected", error.value)
        except RecursionError:
            self._fail("nested too deeply", position)
        except ValueError as error:
            place = getattr(error, "pos", None)
            if place is None:
                self._fail(str(error) if isinstance(error, _NoJSONError) else "a number too long", position)
            message = str(getattr(error, "msg", error)).lower().removesuffix(" starting at")
            self._fail(message, len(self._text) if "unterminated" in message else place)

    def _fail(self, message: str, position: int) -> NoReturn:
        cut = position >= len(self._text)
        kind = TruncatedError if cut else ParseError
        raise kind(f"truncated JSON: {message}" if cut else f"not JSON: {message}", offset=self.byte(position))

    def byte(self, position: int) -> int:
        """The byte of a character. Positions grow, so what was counted is not counted again."""
        if self._ascii:
            return position
        character, byte = self._counted
        if position < character:
            return len(self._text[:position].encode())
        self._counted = position, byte + len(self._text[character:position].encode())
        return self._counted[1]


@cache
def _scanner() -> Callable[[str, int], tuple[Any, int]]:
    from json import JSONDecoder

    decoder: Any = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


class _NoJSONError(ValueError):
    """What JSON has not, or a log cannot mean."""


def _space(text: str, position: int) -> int:
    """The position after the blanks at a position."""
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NoJSONError("a member stands twice")
    return found


def _no_constant(name: str) -> None:
    raise _NoJSONError(f"{name} is no JSON")
