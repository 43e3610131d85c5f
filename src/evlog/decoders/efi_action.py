"""Actions: a line of text, which is what the digest covers.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.4.1 (EV_ACTION, EV_EFI_ACTION) and 10.4.4 (strings).
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import action_text

__all__ = ["Action"]


@decodes()
class Action(Decoded):
    """Something that the platform did. Vendors add strings of their own to the profile's."""

    text: str

    kind = "action"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Action:
        found = action_text(cursor.data[cursor.at : cursor.end])
        if found is None:
            raise cursor.error("an action without text")
        cursor.rest()
        return cls(found)

    def describe(self) -> str:
        return self.text
