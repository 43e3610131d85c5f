"""Separators: the end of a phase, in each of its registers.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.2.2 (error) and 10.4.1 (EV_SEPARATOR).
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text

__all__ = ["Separator"]


@decodes()
class Separator(Decoded):
    """``value`` is the body as an integer where it has four bytes, ``text`` the body of another form.

    After an error the digest is that of the value 1 and the body says what went wrong; so a body does not prove that
    there was none (see `evlog.check`).
    """

    value: int | None
    text: str | None
    data: bytes

    kind = "separator"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Separator:
        data = cursor.rest()
        value = int.from_bytes(data, "little") if len(data) == 4 else None
        return cls(value, ascii_text(data) if is_text(data) else None, data)

    @property
    def error(self) -> bool:
        """Whether the body is that of an error separator."""
        return self.value == 1

    def describe(self) -> str:
        if self.error:
            return "separator: error"
        if self.text is not None:
            return f"separator: {self.text}"
        if self.value in (0, 0xFFFFFFFF):
            return "separator" if self.value == 0 else "separator (0xffffffff)"
        return f"separator: {self.data[:16].hex() or 'empty'}"
