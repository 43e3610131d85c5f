"""Write the samples whose event data is peculiar: what tells what it is, or that it is not what it should be.

The bytes come from the layouts of the specifications (UEFI 2.10, sections 3.1.3, 10.3 and 32.4.1; TCG PC Client
Platform Firmware Profile 1.06, section 10.2) and of the producers (systemd's stub, OVMF), packed here with `struct` and
never by evlog. Run ``python -m samples.make_event_data`` to write them again; a test holds the files equal to what this
makes.
"""

from __future__ import annotations

import datetime
import struct
import uuid
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from samples.make import SEPARATOR, SHA1, SHA256, SHA384, SIZES, agile, boot2, digest, event2

EV_SEPARATOR, EV_PLATFORM_CONFIG_FLAGS, EV_IPL = 4, 10, 13
EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_BOOT, EV_EFI_BOOT_SERVICES_APPLICATION = range(0x80000001, 0x80000004)
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
MICROSOFT = "77fa9abd-0359-4d32-bd60-28f4e78f784b"
END = b"\x7f\xff\x04\0"


def event_of(index: int, kind: int, data: bytes, covered: bytes, algs: tuple[int, ...] = (SHA1, SHA256)) -> bytes:
    """A record whose digests are of something else than its data."""
    digests = b"".join(struct.pack("<H", alg) + digest(alg, covered) for alg in algs)
    assert len(digests) == sum(2 + SIZES[alg] for alg in algs)
    return struct.pack("<III", index, kind, len(algs)) + digests + struct.pack("<I", len(data)) + data


def section(name: str, content: bytes, register: int = 11) -> bytes:
    """What systemd's stub measures of a section: the name, then the content, both with the name as data."""
    data = f"{name}\0".encode("utf-16-le")
    return event_of(register, EV_IPL, data, name.encode() + b"\0") + event_of(register, EV_IPL, data, content)


def qemu_file(name: bytes, content: bytes) -> bytes:
    """What OVMF measures of a file that QEMU handed to it, on the measurement register of PCR 1."""
    return event_of(1, EV_PLATFORM_CONFIG_FLAGS, b"QEMU FW CFG\0" + name, content, (SHA384,))


def variable(vendor: str, name: str, data: bytes) -> bytes:
    """UEFI_VARIABLE_DATA."""
    head = uuid.UUID(vendor).bytes_le + struct.pack("<QQ", len(name), len(data))
    return head + name.encode("utf-16-le") + data


def image(path: bytes) -> bytes:
    """UEFI_IMAGE_LOAD_EVENT."""
    return struct.pack("<QQQQ", 0x7E000000, 0x20000, 0, len(path)) + path


def file_path(name: str) -> bytes:
    """A device path node that names a file."""
    text = f"{name}\0".encode("utf-16-le")
    return struct.pack("<BBH", 4, 4, 4 + len(text)) + text


def certificate() -> bytes:
    """A certificate, the same in each run."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A sample's signing key")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7)
    builder = builder.not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2036, 1, 1))
    return builder.sign(key, None).public_bytes(Encoding.DER)


def samples() -> dict[str, bytes]:
    """Every sample of this script by its path in this folder."""
    owner = uuid.UUID(MICROSOFT).bytes_le
    linux = ".linux\0".encode("utf-16-le")
    path = file_path("\\EFI\\systemd\\systemd-bootx64.efi")
    odd = (
        event2(1, EV_EFI_VARIABLE_BOOT, variable(GLOBAL, "BootOrder", b"\0\0\1\0\2")),
        event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, image(path + END + b"\0\0\0\0"), b"an image"),
        event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, image(path + END)[:24], b"another image"),
        event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, b"", b"one more image"),
    )
    return {
        "tcg2/uki-sections.bin": agile(
            boot2(),
            section(".linux", b"a kernel"),
            section(".cmdline", b""),
            section(".profile", b"ID=main"),
            section(".profile", b"ID=factory-reset"),
            event_of(12, EV_IPL, linux, b"measured by something else"),
            event2(12, EV_IPL, linux),
            section(".initrd", b"")[: len(section(".initrd", b"")) // 2],
        ),
        "tcg2/event-data-odd.bin": agile(boot2(), *odd),
        "tcg2/separators-padded.bin": agile(
            *(event_of(pcr, EV_SEPARATOR, SEPARATOR.ljust(50, b"\0"), SEPARATOR) for pcr in range(6)),
            event2(6, EV_SEPARATOR, b"\xff\xff\xff\xff".ljust(50, b"\0")),
            event2(7, EV_SEPARATOR, b"\1\0\0\0".ljust(50, b"\0")),
        ),
        "tcg2/db-one-signature.bin": agile(
            event2(7, EV_EFI_VARIABLE_DRIVER_CONFIG, variable(GLOBAL, "SecureBoot", b"\1")),
            event2(7, EV_EFI_VARIABLE_DRIVER_CONFIG, variable(GLOBAL, "PK", owner + certificate())),
            event2(7, EV_EFI_VARIABLE_DRIVER_CONFIG, variable(IMAGE_SECURITY, "dbx", owner + digest(SHA256, b"bad"))),
            boot2(),
        ),
        "ccel/qemu-files.bin": agile(
            qemu_file(b"bootorder".ljust(56, b"\0"), b"/pci@i0cf8/scsi@3\n"),
            qemu_file(b"etc/tpm/log".ljust(56, b"\0"), bytes(16)),
            qemu_file(b"opt/org.example/" + b"a" * 40, b"56 letters, without a NUL"),
            qemu_file(b"BootMenu\0", b"\1\0"),
            event2(1, EV_SEPARATOR, SEPARATOR, (SHA384,)),
            algs=(SHA384,),
            index=1,
        ),
    }


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for name, data in samples().items():
        (here / name).write_bytes(data)


if __name__ == "__main__":
    main()
