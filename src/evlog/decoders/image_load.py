"""Images that the firmware started: applications, boot loaders, drivers and option ROMs.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.3 (UEFI_IMAGE_LOAD_EVENT). The digest is the image's
Authenticode hash and covers nothing of this.
Departures: shim logs neither address nor path, with stray bytes after; a path's length may exceed the event.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders.device_path import DevicePath

__all__ = ["ImageLoad"]


@decodes()
class ImageLoad(Decoded):
    """UEFI_IMAGE_LOAD_EVENT: where in memory the image was, where it was linked to, and where it came from."""

    image_location_in_memory: int
    image_length_in_memory: int
    image_link_time_address: int
    device_path: DevicePath
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "image_load"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> ImageLoad:
        def load(cursor: Cursor, uintn: int, cut: bool = False) -> ImageLoad:
            location = cursor.u64("image_location_in_memory")
            length = cursor.uintn(uintn, "image_length_in_memory")
            link_address = cursor.uintn(uintn, "image_link_time_address")
            size = cursor.uintn(uintn, "length_of_device_path")
            notes = (f"a device path of {size} bytes announced, {cursor.left} present",) if cut else ()
            path = cursor.sub(cursor.left if cut else size, "device_path")
            return cls(location, length, link_address, DevicePath.whole(path, context), notes)

        return context.by_uintn(cursor, load, lambda cursor, uintn: load(cursor, uintn, cut=True))

    def unplaced(self) -> ImageLoad:
        return self.replace(image_location_in_memory=0, image_link_time_address=0)

    def describe(self) -> str:
        if self.device_path.nodes:
            return self.device_path.describe()
        if not self.image_length_in_memory:
            return "no device path"
        return f"{self.image_length_in_memory} bytes at {self.image_location_in_memory:#x}"
