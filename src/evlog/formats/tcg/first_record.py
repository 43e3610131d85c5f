"""Furniture of the TCG rooms: record 0 of a log, and the Spec ID event in it.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.5.1; TCG EFI Platform Specification 1.22, section 7.4;
Conventional BIOS 1.21, section 11.3.4.1. Every TCG log starts with a TCG_PCR_EVENT, whatever follows.
Departures accepted: vendor info that is cut; 16 zero bytes instead of the signature (CoCo attestation agent).
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.contents.pcclient import EVENT_TYPES
from evlog.errors import ParseError
from evlog.model import Finding

__all__ = ["RECORD1", "RECORD1_SHAPES", "FirstRecord", "SpecId", "first_record", "plausible", "spec_id"]

RECORD1 = 32  # bytes of a TCG_PCR_EVENT before its data
RECORD1_SHAPES = {"little": struct.Struct("<II20sI"), "big": struct.Struct(">II20sI")}
# Bounds beside the fields they bound: no firmware comes near them.
MAX_ALGORITHMS = 64
MAX_DIGEST_SIZE = 128

_U32 = struct.Struct("<I")
_SIGNATURES = {b"Spec ID Event03\0": 3, b"Spec ID Event02\0": 2, b"Spec ID Event00\0": 0}
_LAST_PCR = 23


class SpecId(Record):
    """What the scanner needs of a Spec ID event: its version (0, 2, 3; None for zeros instead of a signature),
    the declared algorithms, and the vendor's bytes."""

    version: int | None
    algorithms: tuple[HashAlg, ...] = ()
    vendor_info: bytes = b""
    findings: tuple[Finding, ...] = ()


class FirstRecord(Record):
    """Record 0, read as a TCG_PCR_EVENT: every TCG log starts with one."""

    register: int
    event_type: int
    digest: bytes
    data: bytes

    @property
    def length(self) -> int:
        return RECORD1 + len(self.data)


def first_record(data: bytes, byteorder: str = "little") -> FirstRecord | None:
    """Record 0, or None if the bytes cannot hold one."""
    if len(data) < RECORD1:
        return None
    register, event_type, digest, size = RECORD1_SHAPES[byteorder].unpack_from(data)
    if size > len(data) - RECORD1:
        return None
    return FirstRecord(register, event_type, digest, data[RECORD1 : RECORD1 + size])


def spec_id(event: bytes) -> SpecId | None:
    """The Spec ID event in the data of record 0, or None if it is not one.

    PFP 1.06 section 10.4.5.1. The bytes before ``numberOfAlgorithms`` are 24, then 4 for each algorithm.
    Raises ParseError for a Spec ID Event03 whose table of algorithms cannot be.
    """
    version = _SIGNATURES.get(event[:16], -1)
    if version in (0, 2):
        return SpecId(version, (SHA1,), event[25 : 25 + event[24]] if len(event) > 24 else b"")
    if version == 3:
        return _spec_id3(event)
    if event[:16] == bytes(16):
        try:
            return _spec_id3(event)
        except ParseError:
            return None
    return None


def _spec_id3(event: bytes) -> SpecId:
    count = _U32.unpack_from(event, 24)[0] if len(event) >= 28 else 0
    if not 1 <= count <= MAX_ALGORITHMS or 28 + 4 * count > len(event):
        message = f"Spec ID event: {count} algorithms declared in {len(event)} bytes, 1 to {MAX_ALGORITHMS} expected"
        raise ParseError(message, offset=RECORD1 + 24, where="events[0].numberOfAlgorithms")
    headless = event[:16] == bytes(16)
    algorithms = []
    findings = []
    for number in range(count):
        alg, size = struct.unpack_from("<HH", event, 28 + 4 * number)
        if not 1 <= size <= MAX_DIGEST_SIZE:
            raise ParseError(
                f"Spec ID event: digests of {size} bytes for algorithm {alg:#06x}, 1 to {MAX_DIGEST_SIZE} expected",
                offset=RECORD1 + 28 + 4 * number,
                where=f"events[0].digestSizes[{number}]",
            )
        known = ALGORITHMS.get(alg)
        if known is not None and known.size != size:
            findings.append(
                Finding(
                    "digest_size",
                    "warning",
                    f"the header gives {known} digests of {size} bytes, they have {known.size}; "
                    "records are read by the header, the bank cannot be replayed",
                    0,
                    RECORD1 + 28 + 4 * number,
                )
            )
        algorithms.append(HashAlg.of(alg, size))
    vendor = event[29 + 4 * count :]
    stated = event[28 + 4 * count] if len(event) > 28 + 4 * count else 0
    if not headless and len(event) != 29 + 4 * count + stated:
        findings.append(
            Finding(
                "vendor_info",
                "warning",
                f"Spec ID event: vendor info of {stated} bytes stated, {len(vendor)} present",
                0,
                RECORD1 + 28 + 4 * count,
            )
        )
    return SpecId(None if headless else 3, tuple(algorithms), vendor, tuple(findings))


def plausible(register: int, event_type: int, size: int) -> bool:
    """Whether a record without a header may be one: a PCR that exists, a known type, at most 1 MiB."""
    index_ok = register <= _LAST_PCR or register == 0xFFFFFFFF
    return index_ok and event_type in EVENT_TYPES and size <= 1 << 20
