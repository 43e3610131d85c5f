"""Bodies that are text or nothing known: what the platform, its firmware or its option ROMs define.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1. The profile says which component measures such an
event, and seldom what its body is; most firmware writes a line of text.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, NotKnownError, decodes
from evlog.decoders._text import plain_text

__all__ = ["Text", "text"]


class Text(Decoded):
    """Text, without the NULs that end it."""

    text: str

    kind = "text"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Text:
        found = plain_text(cursor.peek(cursor.left))
        if found is None:
            raise cursor.error("not text; what else it may be the platform defines", kind=NotKnownError)
        cursor.rest()
        return cls(found)

    def describe(self) -> str:
        return self.text or "empty"


@decodes()
def text(cursor: Cursor, context: Context) -> Text:
    """The body as text, unless a family knows better."""
    return Text.read(cursor, context)
