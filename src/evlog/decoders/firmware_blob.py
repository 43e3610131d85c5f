"""Firmware blobs: where in memory a piece of firmware was that a digest covers.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.5 (UEFI_PLATFORM_FIRMWARE_BLOB and BLOB2).
Departures: POST codes and S-CRTM contents carry a blob or a line of text; a description may have no NUL.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, plain_text
from evlog.decoders.plain import Text

__all__ = ["FirmwareBlob", "FirmwareBlob2"]

_BLOB = 16


class FirmwareBlob(Decoded):
    """UEFI_PLATFORM_FIRMWARE_BLOB: physical address and length in bytes. The digest covers what was there."""

    base: int
    length: int
    trailing: bytes = b""

    kind = "firmware_blob"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> FirmwareBlob:
        return cls(cursor.u64("base"), cursor.u64("length"))

    def unplaced(self) -> FirmwareBlob:
        return self.replace(base=0)

    def describe(self) -> str:
        return f"{_size(self.length)} at {self.base:#x}"


@decodes()
class FirmwareBlob2(Decoded):
    """UEFI_PLATFORM_FIRMWARE_BLOB2: a firmware blob with a description, such as the name of a firmware volume."""

    description: str
    base: int
    length: int
    trailing: bytes = b""

    kind = "firmware_blob2"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> FirmwareBlob2:
        size = cursor.u8("description_size")
        description = ascii_text(cursor.take(size, "description"))
        return cls(description, cursor.u64("base"), cursor.u64("length"))

    def unplaced(self) -> FirmwareBlob2:
        return self.replace(base=0)

    def describe(self) -> str:
        return f"{self.description}: {_size(self.length)} at {self.base:#x}"


@decodes()
def blob_or_text(cursor: Cursor, context: Context) -> Decoded:
    """A blob with or without description, or a line of text such as ``ACPI DATA``."""
    data = cursor.peek(cursor.left)
    text = plain_text(data)
    if text is not None:
        cursor.rest()
        return Text(text)
    if data and len(data) == 1 + data[0] + _BLOB:
        return FirmwareBlob2.read(cursor, context)
    return FirmwareBlob.read(cursor, context)


def _size(length: int) -> str:
    for unit, shift in (("MiB", 20), ("KiB", 10)):
        if length and length % (1 << shift) == 0:
            return f"{length >> shift} {unit}"
    return f"{length} bytes"
