"""Text as HTML, and values for the script: nothing that a log says ends an element or begins one."""

from __future__ import annotations

from html import escape

from evlog.contents._printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["data", "text"]


def text(value: object) -> str:
    """Any value as text in an element or an attribute, with what a browser may act upon escaped."""
    return escape(printable(str(value)))


def data(value: Any) -> str:
    """A value as JSON in a script element that does not run. Text is made printable; it is for `textContent` only."""
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c").replace("&", "\\u0026")
