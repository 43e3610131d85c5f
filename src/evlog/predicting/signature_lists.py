"""Signature databases as variables hold them, and what a write makes of them.

Spec: UEFI 2.10, sections 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2) and 32.4.1 (EFI_SIGNATURE_LIST). Source: edk2
SecurityPkg/Library/AuthVariableLib, FilterSignatureList: of what is appended, the signatures that are there already
are dropped; lists are not merged.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.errors import ParseError

__all__ = ["SHA256", "X509", "X509_SHA256", "SignatureList", "appended", "payload", "read"]

_HEAD = struct.Struct("<16sIII")
_OWNER = 16
X509 = bytes.fromhex("a159c0a5e494a74a87b5ab155c2bf072")
SHA256 = bytes.fromhex("2616c4c14c509240aca941f936934328")
#: Certificates by the hash of what is signed in them, with a time.
X509_SHA256 = bytes.fromhex("92a4d23bc0967940b420fcf98ef103ed")
_PKCS7_TYPE = 0x0EF1


class SignatureList(Record):
    """A list: its type, the header behind its sizes, and its signatures, each the owner's GUID and what it trusts."""

    type: bytes
    header: bytes
    size: int
    signatures: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        body = self.header + b"".join(self.signatures)
        return _HEAD.pack(self.type, _HEAD.size + len(body), len(self.header), self.size) + body


def read(data: bytes) -> tuple[SignatureList, ...]:
    """The lists of a database. Raises ParseError for lists that do not add up."""
    found = []
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise ParseError(f"a signature list of 28 bytes, {len(data) - at} left", offset=at, where="signature_list")
        kind, total, header, size = _HEAD.unpack_from(data, at)
        body = total - _HEAD.size - header
        if not 0 <= body <= len(data) - at - _HEAD.size - header or size < _OWNER or body % size:
            message = f"a list of {total} bytes with signatures of {size}, {len(data) - at} left"
            raise ParseError(message, offset=at, where="signature_list")
        first = at + _HEAD.size + header
        signatures = tuple(data[n : n + size] for n in range(first, at + total, size))
        found.append(SignatureList(kind, data[at + _HEAD.size : first], size, signatures))
        at += total
    return tuple(found)


def payload(data: bytes) -> bytes:
    """What a write leaves in the variable: without the authentication header, if the file has one."""
    if len(data) >= 24 and data[22:24] == _PKCS7_TYPE.to_bytes(2, "little"):
        length = int.from_bytes(data[16:20], "little")
        if 8 <= length <= len(data) - 16:
            return data[16 + length :]
    return data


def appended(old: bytes, new: bytes) -> bytes:
    """The database after an append write. Raises ParseError for either that is none."""
    there = {(each.type, signature) for each in read(old) for signature in each.signatures}
    added = b""
    for each in read(new):
        left = tuple(s for s in each.signatures if (each.type, s) not in there)
        if left:
            added += each.replace(signatures=left).to_bytes()
    return old + added
