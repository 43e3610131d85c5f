"""Events that extend nothing.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.5.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes

__all__ = ["StartupLocality"]


@decodes("EV_NO_ACTION", prefix=b"StartupLocality\0")
class StartupLocality(Decoded):
    """From which locality TPM2_Startup was sent: the start value of PCR 0. 4 says that an H-CRTM event came first."""

    locality: int

    kind = "startup_locality"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> StartupLocality:
        cursor.take(16, "signature")
        locality = cls(cursor.u8("locality"))
        if cursor.peek(cursor.left).strip(b"\0"):
            raise cursor.error("bytes other than zero after the locality")
        # coreboot pads every event to a fixed size.
        cursor.rest()
        return locality

    def describe(self) -> str:
        return f"startup locality {self.locality}"
