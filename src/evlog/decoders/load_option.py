"""Load options: what the firmware's boot manager can start.

Spec: UEFI 2.10, section 3.1.3 (EFI_LOAD_OPTION). Optional data belongs to the program that is started: Linux reads it
as its command line, the Windows boot manager keeps its BCD object there, and edk2 marks the options it made itself.
"""

from __future__ import annotations

from evlog.cursor import guid_text
from evlog.decoders import Context, Cursor, Decoded
from evlog.decoders._text import plain_text, utf16, utf16_z
from evlog.decoders.device_path import DevicePath
from evlog.decoders.guid import guid_name

__all__ = ["LoadOption"]

_ACTIVE, _HIDDEN = 0x1, 0x8
_WINDOWS = b"WINDOWS\0"
_BCD_OBJECT = "BCDOBJECT=".encode("utf-16-le")


class LoadOption(Decoded):
    """EFI_LOAD_OPTION: a description, the device path of a program, and data for it.

    ``arguments`` is the optional data as text where it is text, the BCD object of Windows, or the name of the marker.
    """

    attributes: int
    active: bool
    hidden: bool
    description: str
    file_paths: tuple[DevicePath, ...]
    optional_data: bytes
    arguments: str | None
    notes: tuple[str, ...] = ()

    kind = "load_option"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> LoadOption:
        attributes = cursor.u32("attributes")
        stated = cursor.u16("file_path_list_length")
        description, size = utf16_z(cursor.peek(cursor.left))
        cursor.take(size, "description")
        notes = []
        if stated > cursor.left:
            notes.append(f"a file path list of {stated} bytes, {cursor.left} left")
        paths = cursor.sub(min(stated, cursor.left), "file_path_list")
        file_paths = []
        while paths.left:
            file_paths.append(DevicePath.read(paths, context))
        optional_data = cursor.rest()
        return cls(
            attributes,
            bool(attributes & _ACTIVE),
            bool(attributes & _HIDDEN),
            description,
            tuple(file_paths),
            optional_data,
            _arguments(optional_data),
            tuple(notes),
        )

    def describe(self) -> str:
        path = self.file_paths[0] if self.file_paths else None
        target = path.describe() if path else ""
        shown = ", ".join(filter(None, (self.description, target)))
        return shown if self.active else f"{shown} (inactive)"


def _arguments(data: bytes) -> str | None:
    if data.startswith(_WINDOWS):
        at = data.find(_BCD_OBJECT)
        if at >= 0:
            return utf16(data[at:])
    if len(data) == 16:
        return guid_name(guid_text(data))
    return plain_text(data) or None
