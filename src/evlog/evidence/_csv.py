"""The structures of Hygon CSV: attestation reports and certificates. Furniture of `evlog.evidence.csv_report`.

Source: csv-rs (api/guest/types.rs, certs/csv/cert, certs/ca/cert) and rats-tls (csv.h); little-endian.

A report of firmware before API 1.4 (version 1) is 180 bytes that are signed, usage, algorithm, and ``anonce``, all
but that masked with ``anonce`` repeated, then the signature. One since (version 2) is 1024 signed bytes with five
registers, without a mask, then the signature. Behind either: the PEK's certificate and the chip's serial number, masked
likewise, 32 bytes and an HMAC, and padding to a page.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = [
    "AUTHORITY_SIZE",
    "CERTIFICATE_SIZE",
    "PAGE",
    "Certificate",
    "Report",
    "authority",
    "certificate",
    "of_members",
    "report",
]

PAGE = 4096
CERTIFICATE_SIZE, AUTHORITY_SIZE = 2084, 832
_SIGNED = (180, 1024)
_SIGNATURE, _COMPONENT = 144, 72
_HEAD = 192
_TRAILER = CERTIFICATE_SIZE + 64 + 32 + 32
_PEK, _CEK, _HSK, _HRK = 0x1002, 0x1004, 0x13, 0
_SM2_SIGN, _SM2_CURVE = 4, 3
_RTMR_AT, _RTMR_COUNT = 208, 5
_BODY, _CERTIFICATE_SIGNATURES = 1044, (1044, 1564)
_AUTHORITY_BODY = 576
_MOST_ID = 254
#: Where the signed fields of a report stand, in either version.
_FIELDS = {
    "user_pubkey_digest": slice(0, 32),
    "vm_id": slice(32, 48),
    "vm_version": slice(48, 64),
    "report_data": slice(64, 128),
    "mnonce": slice(128, 144),
    "measure": slice(144, 176),
    "policy": slice(176, 180),
}


class Certificate(Record):
    """A certificate: its key and identifier, what is signed of it, and signatures as (usage of the signer, r, s)."""

    usage: int
    key: tuple[int, int]
    signer: bytes
    body: bytes
    signatures: tuple[tuple[int, int, int], ...]


class Report(Record):
    """A report without its mask: ``fields`` by name, the registers of version 2, what is signed, and its signer."""

    version: int
    fields: Mapping[str, bytes]
    rtmrs: tuple[bytes, ...]
    build: int | None
    signed: bytes
    r: int
    s: int
    pek: Certificate
    serial: bytes


def report(data: bytes) -> Report | None:
    """The report in these bytes; None if they are none: nothing but usages and algorithms tells."""
    for version, signed in enumerate(_SIGNED, 1):
        size = (_HEAD if version == 1 else signed) + _SIGNATURE
        if len(data) < size + _TRAILER:
            continue
        mask = data[188:192] if version == 1 else bytes(4)
        if _masked(data[180:188], mask) != _words(_PEK, _SM2_SIGN):
            continue
        pek = certificate(_masked(data[size : size + CERTIFICATE_SIZE], mask))
        if pek is not None and pek.usage == _PEK:
            serial = _masked(data[size + CERTIFICATE_SIZE : size + CERTIFICATE_SIZE + 64], mask)
            return _of(version, data[:size], mask, pek, serial)
    return None


def _of(version: int, data: bytes, mask: bytes, pek: Certificate, serial: bytes) -> Report:
    signed = _SIGNED[version - 1]
    at = _HEAD if version == 1 else signed
    rtmrs = [data[start : start + 32] for start in range(_RTMR_AT, _RTMR_AT + 32 * _RTMR_COUNT, 32)]
    return Report(
        version,
        {name: _masked(data[place], mask) for name, place in _FIELDS.items()},
        tuple(rtmrs) if version == 2 else (),
        int.from_bytes(data[188:192], "little") if version == 2 else None,
        data[:signed],
        *_pair(data, at),
        pek,
        serial.rstrip(b"\0"),
    )


def of_members(found: Mapping[str, Any], pek: Any, serial: Any) -> Report:
    """The report of version 1 that JSON tells member by member, as CoCo's attester of that time wrote it.

    Raises ParseError naming a member that is missing or of another size.
    """
    body = found.get("body")
    if not isinstance(body, dict):
        raise ParseError("an object was expected", offset=0, where="attestation_report.body")
    parts = [_array(body, name, place.stop - place.start) for name, place in _FIELDS.items() if name != "policy"]
    numbers = [_word(body, "policy"), *(_word(found, name) for name in ("sig_usage", "sig_algo", "anonce"))]
    data = b"".join((*parts, *numbers, _signature(found.get("sig"))))
    signer = certificate(_certificate(pek))
    if signer is None:
        raise ParseError("no certificate of a key of SM2", offset=0, where="cert_chain.pek")
    number = bytes(serial) if _is_bytes(serial) else b""
    return _of(1, data, data[188:192], signer, number)


def certificate(data: bytes) -> Certificate | None:
    """A certificate of a CSV key (PEK, CEK) with a key of SM2; None for other bytes."""
    if len(data) < CERTIFICATE_SIZE or data[:4] != _words(1) or data[16:20] != _words(_SM2_CURVE):
        return None
    size = int.from_bytes(data[164:166], "little")
    if size > _MOST_ID:
        return None
    signatures = []
    for at in _CERTIFICATE_SIGNATURES:
        usage, algorithm = (int.from_bytes(data[at + place : at + place + 4], "little") for place in (0, 4))
        if algorithm == _SM2_SIGN:
            signatures.append((usage, *_pair(data, at + 8)))
    return Certificate(
        int.from_bytes(data[8:12], "little"), _pair(data, 20), data[166 : 166 + size], data[:_BODY], tuple(signatures)
    )


def authority(data: bytes) -> Certificate | None:
    """A certificate of Hygon's own (HRK, HSK); None for other bytes."""
    if len(data) < AUTHORITY_SIZE or data[:4] != _words(1) or data[64:68] != _words(_SM2_CURVE):
        return None
    usage, size = int.from_bytes(data[36:40], "little"), int.from_bytes(data[212:214], "little")
    if usage not in (_HRK, _HSK) or size > _MOST_ID:
        return None
    signature = (_HRK, *_pair(data, _AUTHORITY_BODY))
    return Certificate(usage, _pair(data, 68), data[214 : 214 + size], data[:_AUTHORITY_BODY], (signature,))


def _pair(data: bytes, at: int) -> tuple[int, int]:
    """Two numbers of 72 bytes."""
    x = int.from_bytes(data[at : at + _COMPONENT], "little")
    return x, int.from_bytes(data[at + _COMPONENT : at + 2 * _COMPONENT], "little")


def _masked(data: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)) if any(mask) else data


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 256 for each in value)


def _array(around: Mapping[str, Any], name: str, size: int) -> bytes:
    value = around.get(name)
    if not _is_bytes(value) or value is None or len(value) != size:
        raise ParseError(f"{size} numbers up to 255 were expected", offset=0, where=name)
    return bytes(value)


def _number(around: Mapping[str, Any], name: str, bits: int) -> bytes:
    value = around.get(name)
    if type(value) is not int or not 0 <= value < 1 << bits:
        raise ParseError(f"a number of {bits} bits was expected", offset=0, where=name)
    return value.to_bytes(bits // 8, "little")


def _word(around: Mapping[str, Any], name: str) -> bytes:
    return _number(around, name, 32)


def _object(around: Any, name: str) -> dict[str, Any]:
    found = around.get(name) if isinstance(around, dict) else None
    if not isinstance(found, dict):
        raise ParseError("an object was expected", offset=0, where=name)
    return found


def _signature(found: Any) -> bytes:
    if not isinstance(found, dict):
        raise ParseError("an object was expected", offset=0, where="sig")
    return _array(found, "r", _COMPONENT) + _array(found, "s", _COMPONENT)


def _certificate(found: Any) -> bytes:
    """The bytes of a certificate that JSON tells member by member."""
    body = _object(found, "body")
    data = _object(body, "data")
    firmware, pubkey = _object(data, "firmware"), _object(data, "pubkey")
    key = _object(pubkey, "key")
    signatures = found.get("sigs")
    if not isinstance(signatures, list) or len(signatures) != 2:
        raise ParseError("two signatures were expected", offset=0, where="sigs")
    made = [
        _word(body, "ver"),
        *(_number(firmware, name, 8) for name in ("major", "minor")),
        _number(data, "reserved1", 16),
        *(_word(pubkey, name) for name in ("usage", "algo")),
        _word(key, "g"),
        *(_array(key, name, _COMPONENT) for name in "xy"),
        _number(data, "uid_size", 16),
        _array(data, "user_id", _MOST_ID),
        _array(data, "sid", 16),
        _array(data, "reserved2", 608),
    ]
    for each in signatures:
        made += [_word(each, "usage"), _word(each, "algo")] if isinstance(each, dict) else []
        made += [_signature(_object(each, "signature")), _array(each, "_reserved", 368)]
    return b"".join(made)
