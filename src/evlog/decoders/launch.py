"""Events of measured launches: Intel TXT and Boot Guard, AMD Secure Launch, Arm DRTM.

Sources: Intel TXT Software Development Guide, appendix F (event types of the TXT heap's log); the AMD and Arm numbers
come from tools, no real log of them is known. What the digest
covers is outside the log; the body is the launcher's own.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text

__all__ = ["LaunchEvent"]


@decodes()
class LaunchEvent(Decoded):
    """A launch event's body, as text where it is one."""

    text: str | None
    data: bytes

    kind = "launch_event"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> LaunchEvent:
        data = cursor.rest()
        return cls(ascii_text(data) if is_text(data) else None, data)

    def describe(self) -> str:
        if self.text is not None:
            return self.text
        return f"{len(self.data)} bytes: {self.data[:16].hex()}" if self.data else "no data"
