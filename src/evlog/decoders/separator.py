"""Separators: the end of a phase, in each of its registers.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.2.2 (error) and 10.4.1 (EV_SEPARATOR).
"""

from __future__ import annotations

from evlog.contents import separator
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text

__all__ = ["Separator"]

_VALUE = 4


@decodes()
class Separator(Decoded):
    """``value`` is the body as an integer where it has four bytes or zeros behind them, ``text`` a body that is text.

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
        return cls(separator.value_of(data), ascii_text(data) if is_text(data) else None, data)

    @property
    def error(self) -> bool:
        """Whether the body is that of an error separator."""
        return self.value == separator.ERROR

    def describe(self) -> str:
        padded = f", padded to {len(self.data)} bytes" if len(self.data) > _VALUE else ""
        if self.error:
            return f"separator: error{padded}"
        if self.text is not None:
            return f"separator: {self.text}"
        if self.value in (0, 0xFFFFFFFF):
            return f"separator{padded}" if self.value == 0 else f"separator (0xffffffff){padded}"
        return f"separator: {self.data[:16].hex() or 'empty'}"
