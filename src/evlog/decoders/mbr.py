"""EV_IPL_PARTITION_DATA: the partition table of a master boot record.

Spec: TCG PC Client Implementation Specification for Conventional BIOS 1.21, section 11.3.3. BIOSes log the table with
the disk signature before it (72 bytes from 0x1B8 of the sector), or the 64 bytes of the four entries.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, is_text

__all__ = ["MbrPartition", "MbrPartitionTable", "PartitionText"]


class MbrPartition(Record):
    """One entry: whether it is the active one, its type byte, first sector and number of sectors."""

    active: bool
    type: int
    first_sector: int
    sectors: int


class MbrPartitionTable(Decoded):
    """The four partitions of a master boot record; ``disk_signature`` is None where it was not logged."""

    disk_signature: int | None
    partitions: tuple[MbrPartition, ...]
    trailing: bytes = b""

    kind = "mbr_partition_table"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> MbrPartitionTable:
        signature = None
        if cursor.left >= 70:
            signature = cursor.u32("disk_signature")
            cursor.take(2, "reserved")
        partitions = []
        for number in range(4):
            entry = cursor.sub(16, f"partitions[{number}]")
            status = entry.u8("status")
            entry.take(3, "first_chs")
            kind = entry.u8("type")
            entry.take(3, "last_chs")
            partitions.append(MbrPartition(status == 0x80, kind, entry.u32("first_sector"), entry.u32("sectors")))
        return cls(signature, tuple(partitions))

    def describe(self) -> str:
        used = [f"{number}: type {p.type:02x}" for number, p in enumerate(self.partitions, 1) if p.sectors]
        return f"MBR partitions {', '.join(used) or 'none'}"


class PartitionText(Decoded):
    """A name in place of the table, as some firmware logs it."""

    text: str

    kind = "partition_text"

    def describe(self) -> str:
        return self.text


@decodes()
def partition_data(cursor: Cursor, context: Context) -> Decoded:
    """The table, or a text that only names it."""
    if is_text(cursor.peek(cursor.left)):
        return PartitionText(ascii_text(cursor.rest()))
    return MbrPartitionTable.read(cursor, context)
