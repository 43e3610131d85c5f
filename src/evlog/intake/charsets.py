"""Text in UTF-16, as Windows' shells redirect it, and behind a byte order mark."""

from __future__ import annotations

import re

from evlog.intake.places import Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["places"]

_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF8 = b"\xef\xbb\xbf"
_LETTER = rb"[\t\n\r\x1e\x20-\x7e]"
#: Letters of ASCII and every second byte zero, for as long as a record is.
_UNMARKED = {
    "utf-16-le": re.compile(rb"(?:" + _LETTER + rb"\0){16}"),
    "utf-16-be": re.compile(rb"(?:\0" + _LETTER + rb"){16}"),
}


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The text in UTF-8. Where each of its lines ends with CR LF, as those shells have it, LF ends them."""
    if data.startswith(_UTF8):
        budget.spend(len(data))
        yield Place("", [Layer("a byte order mark", data[3:])])
        return
    encoding, start = _MARKS.get(data[:2]), 2
    if encoding is None:
        encoding, start = next((each for each, known in _UNMARKED.items() if known.match(data)), None), 0
    if encoding is None:
        return
    budget.spend(2 * len(data))
    try:
        text = data[start:].decode(encoding).encode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        return
    lines = text.count(b"\n")
    if lines and text.count(b"\r\n") == lines:
        yield Place("", [Layer("UTF-16 with CR LF", text.replace(b"\r\n", b"\n"))])
    yield Place("", [Layer("UTF-16", text)])
