"""The S-CRTM's version, the platform's settings, and what processors beside the host's say.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.4.1 and 10.4.6. The version is UCS-2 text or a GUID;
HP writes a name and a structure of its own, others ASCII text. Platform flags and non-host information are the
vendor's: known are those of OVMF (since 2025.05 also the files that QEMU hands it), of Intel's TME and CSME, and of
Google's virtual firmware.
"""

from __future__ import annotations

from evlog.decoders import Context, Cursor, Decoded, NotKnownError, decodes
from evlog.decoders._text import ascii_text, is_text, plain_text
from evlog.decoders.guid import guid_name

__all__ = ["CsmeEvent", "FirmwareVersion", "GceNonHostInfo", "PlatformConfig", "QemuFile"]


@decodes()
class FirmwareVersion(Decoded):
    """The version of the S-CRTM as text or as a GUID; a vendor's structure may follow the text."""

    text: str | None
    guid: str | None
    vendor_data: bytes = b""

    kind = "s_crtm_version"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> FirmwareVersion:
        data = cursor.peek(cursor.left)
        text = plain_text(data)
        if text is not None:
            cursor.rest()
            return cls(text.strip(), None)
        if len(data) == 16:
            return cls(None, cursor.guid("guid"))
        name = data.partition(b"\0")[0]
        if len(name) >= 2 and is_text(name):
            vendor_data = data[len(name) :]
            cursor.rest()
            return cls(name.decode("ascii"), None, vendor_data)
        raise cursor.error(f"{len(data)} bytes that are neither text nor a GUID")

    def describe(self) -> str:
        if self.guid is not None:
            return guid_name(self.guid) or self.guid
        return self.text or "no version"


@decodes()
class PlatformConfig(Decoded):
    """A setting of the platform: its name, and its value where the event holds that too."""

    name: str
    value: bytes

    kind = "platform_config"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> PlatformConfig:
        data = cursor.peek(cursor.left)
        text = plain_text(data)
        if text:
            cursor.rest()
            return cls(text, b"")
        name = data.partition(b"\0")[0]
        if len(name) < 3 or not is_text(name):
            raise cursor.error("not a named setting; what else it may be the platform defines", kind=NotKnownError)
        value = data[len(name) + 1 :]
        cursor.rest()
        return cls(name.decode("ascii"), value)

    def describe(self) -> str:
        if not self.value.strip(b"\0"):
            return self.name
        return f"{self.name}: {self.value[:16].hex()}{'…' if len(self.value) > 16 else ''}"


_QEMU = b"QEMU FW CFG\0"
_QEMU_NAME = 56


@decodes(prefix=_QEMU)
class QemuFile(Decoded):
    """A file that QEMU handed to OVMF (fw_cfg), such as ``bootorder``: its name; the digest is of its content.

    The name has 56 bytes, of which NULs fill what it leaves; before 2025.05 it ended with one NUL.
    """

    name: str
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "qemu_file"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> QemuFile:
        cursor.take(len(_QEMU), "signature")
        room = cursor.left
        name, end, padding = cursor.peek(room).partition(b"\0")
        if not is_text(name):
            raise cursor.error("a file without a name, or with one that is no text", "name")
        cursor.rest()
        notes = () if end or room == _QEMU_NAME else ("the file's name does not end",)
        if padding.strip(b"\0"):
            return cls(name.decode("ascii"), (f"{len(padding)} bytes after the file's name",), padding)
        return cls(name.decode("ascii"), notes)

    def describe(self) -> str:
        return f"QEMU file {self.name}"


#: Memory encryption of a Google virtual machine, by the number in its event.
GCE_TECHNOLOGIES = {0: "none", 1: "AMD SEV", 2: "AMD SEV-ES", 3: "Intel TDX", 4: "AMD SEV-SNP"}


@decodes(prefix=b"GCE NonHostInfo\0")
class GceNonHostInfo(Decoded):
    """What encrypts the memory of a Google Cloud virtual machine."""

    technology: int
    name: str
    reserved: bytes

    kind = "gce_non_host_info"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> GceNonHostInfo:
        cursor.take(16, "signature")
        technology = cursor.u8("technology")
        return cls(technology, GCE_TECHNOLOGIES.get(technology, f"technology {technology}"), cursor.rest())

    def describe(self) -> str:
        return f"Google VM, memory encryption: {self.name}"


@decodes(prefix=b"IntelCSxE")
class CsmeEvent(Decoded):
    """A measurement by Intel's management engine (CSME): its signature, and a structure that Intel does not publish."""

    signature: str
    data: bytes

    kind = "csme_event"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> CsmeEvent:
        start = cursor.peek(20)
        signature = b"IntelCSxEInfoEvent" if start.startswith(b"IntelCSxEInfoEvent") else start[:16]
        cursor.take(len(signature), "signature")
        return cls(ascii_text(signature), cursor.rest())

    def describe(self) -> str:
        return f"Intel CSME: {self.signature}, {len(self.data)} bytes"
