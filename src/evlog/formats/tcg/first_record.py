"""Furniture of the TCG rooms: record 0 of a log. Every TCG log starts with a TCG_PCR_EVENT, whatever follows.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.2.1 and 10.4.5.1.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.contents.event_types import EVENT_TYPES

__all__ = ["RECORD1", "RECORD1_SHAPES", "FirstRecord", "first_record", "plausible"]

RECORD1 = 32  # bytes of a TCG_PCR_EVENT before its data
RECORD1_SHAPES = {"little": struct.Struct("<II20sI"), "big": struct.Struct(">II20sI")}
_LAST_PCR = 23


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


def plausible(register: int, event_type: int, size: int) -> bool:
    """Whether a record without a header may be one: a PCR that exists, a known type, at most 1 MiB."""
    index_ok = register <= _LAST_PCR or register == 0xFFFFFFFF
    return index_ok and event_type in EVENT_TYPES and size <= 1 << 20
