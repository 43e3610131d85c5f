"""EV_COMPACT_HASH: four bytes of Windows (PCR 11), or text of firmware (Dell, PCR 6).

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text

__all__ = ["CompactHash"]


@decodes()
class CompactHash(Decoded):
    """What was hashed, in short: a number or a text, the other is None."""

    value: int | None
    text: str | None

    kind = "compact_hash"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> CompactHash:
        data = cursor.peek(cursor.left)
        if is_text(data):
            cursor.rest()
            return cls(None, ascii_text(data))
        return cls(cursor.u32("value"), None)

    def describe(self) -> str:
        return self.text if self.text is not None else f"{self.value:#010x}"
