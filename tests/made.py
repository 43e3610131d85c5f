"""TCG2 logs made by hand, record by record: what no sample has. Written with struct, not with evlog."""

from __future__ import annotations

import hashlib
import struct

BANKS = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C}
GUID = bytes(range(16))


def header(*banks: str, vendor: bytes = b"", uintn: int = 2, register: int = 0) -> bytes:
    """A Spec ID Event03 record that declares the banks."""
    sizes = b"".join(struct.pack("<HH", BANKS[bank], hashlib.new(bank).digest_size) for bank in banks)
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, uintn, len(banks)) + sizes
    data += bytes((len(vendor),)) + vendor
    return struct.pack("<II20sI", register, 3, bytes(20), len(data)) + data


def event(register: int, event_type: int, data: bytes, *banks: str, hashed: bytes | None = None) -> bytes:
    """A TCG_PCR_EVENT2 whose digests are of ``hashed``, or else of the data, or zeros for EV_NO_ACTION."""
    covered = data if hashed is None else hashed
    digests = b""
    for bank in banks:
        value = hashlib.new(bank, covered).digest()
        digests += struct.pack("<H", BANKS[bank]) + (bytes(len(value)) if event_type == 3 and hashed is None else value)
    return struct.pack("<III", register, event_type, len(banks)) + digests + struct.pack("<I", len(data)) + data


def sha1_event(register: int, event_type: int, data: bytes) -> bytes:
    """A TCG_PCR_EVENT of TPM 1.2."""
    return struct.pack("<II20sI", register, event_type, hashlib.sha1(data).digest(), len(data)) + data


def variable(name: str, data: bytes, guid: bytes = GUID) -> bytes:
    """A UEFI_VARIABLE_DATA."""
    text = name.encode("utf-16-le")
    return guid + struct.pack("<QQ", len(text) // 2, len(data)) + text + data


def signature_list(size: int, *signatures: bytes, header: bytes = b"") -> bytes:
    """An EFI_SIGNATURE_LIST of signatures with their owners."""
    length = 28 + len(header) + sum(map(len, signatures))
    return GUID + struct.pack("<III", length, len(header), size) + header + b"".join(signatures)


def load_option(attributes: int, description: str, path: bytes, optional: bytes = b"") -> bytes:
    """An EFI_LOAD_OPTION."""
    return struct.pack("<IH", attributes, len(path)) + (description + "\0").encode("utf-16-le") + path + optional
