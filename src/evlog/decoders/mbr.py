"""The partition table in a master boot record, as conventional BIOSes measure it.

Spec: TCG PC Client Implementation Specification for Conventional BIOS 1.21, section 3.2.3 (EV_IPL_PARTITION_DATA):
the bytes from 0x1B8 on, which are a disk signature, four entries and 55 AA.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import plain_text
from evlog.decoders.plain import Text

__all__ = ["MbrPartition", "MbrPartitionTable"]

_ENTRY = struct.Struct("<B3xB3xII")
_TABLE = 72


class MbrPartition(Record):
    """An entry that is in use. ``status`` 0x80 is bootable."""

    status: int
    type: int
    first_lba: int
    sectors: int


class MbrPartitionTable(Decoded):
    """The disk's signature and its partitions."""

    disk_signature: int
    partitions: tuple[MbrPartition, ...]

    kind = "mbr_partition_table"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> MbrPartitionTable:
        signature = cursor.u32("disk_signature")
        cursor.u16("reserved")
        entries = [MbrPartition(*cursor.unpack(_ENTRY, "partition")) for _ in range(4)]
        if cursor.u16("boot_signature") != 0xAA55:
            raise cursor.error("no 55 AA after the partition table", "boot_signature")
        return cls(signature, tuple(entry for entry in entries if entry.type))

    def describe(self) -> str:
        types = ", ".join(f"{entry.type:#04x}" for entry in self.partitions)
        return f"MBR {self.disk_signature:08x}: partitions {types or 'none'}"


@decodes("EV_IPL_PARTITION_DATA")
def partition_data(cursor: Cursor, context: Context) -> Decoded:
    """A partition table, or a name for it."""
    text = plain_text(cursor.peek(cursor.left))
    if text is None or cursor.left == _TABLE:
        return MbrPartitionTable.read(cursor, context)
    cursor.rest()
    return Text(text)
