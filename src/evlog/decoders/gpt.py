"""The GUID partition table of the disk that was booted from.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.7 (UEFI_GPT_DATA); UEFI 2.10, section 5.3.
EV_EFI_GPT_EVENT2 has the same structure with the disk's and the partitions' own GUIDs set to zero.
Departure: firmware of TPM 1.2's days has been seen to pad the header to its natural alignment.
"""

from __future__ import annotations

import struct

from evlog._record import Record
from evlog.cursor import guid_text
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import utf16
from evlog.decoders.guid import PARTITION_TYPES

__all__ = ["Gpt", "GptPartition"]

_HEADER = struct.Struct("<8sIIII4Q16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
# The padding of a header to its natural alignment, and the count.
_PADDED = 4 + 8


class GptPartition(Record):
    """A partition entry. ``last_lba`` belongs to the partition."""

    type_guid: str
    type_name: str | None
    unique_guid: str
    first_lba: int
    last_lba: int
    attributes: int
    name: str


@decodes()
class Gpt(Decoded):
    """UEFI_GPT_DATA: the table's header and the partitions that are in use."""

    revision: int
    header_size: int
    header_crc32: int
    my_lba: int
    alternate_lba: int
    first_usable_lba: int
    last_usable_lba: int
    disk_guid: str
    partition_entry_lba: int
    number_of_partition_entries: int
    size_of_partition_entry: int
    partition_entry_array_crc32: int
    partitions: tuple[GptPartition, ...]
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "gpt"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Gpt:
        if cursor.peek(8) != b"EFI PART":
            raise cursor.error("no GPT header: EFI PART expected", "signature")
        header = _HEADER.unpack(cursor.take(_HEADER.size, "efi_partition_header"))
        stride = header[12]
        if stride < _ENTRY.size:
            raise cursor.error(f"partition entries of {stride} bytes, at least 128 expected", "size_of_partition_entry")

        def partitions(cursor: Cursor, uintn: int) -> tuple[GptPartition, ...]:
            count = cursor.uintn(uintn, "number_of_partitions")
            if count > cursor.left // stride:
                raise cursor.error(f"{count} partitions do not fit in {cursor.left} bytes", "number_of_partitions")
            return tuple(_partition(cursor.take(stride, "partitions")) for _ in range(count))

        notes: tuple[str, ...] = ()
        if (cursor.left - _PADDED) % stride == 0 and not cursor.peek(4).strip(b"\0"):
            cursor.take(4, "padding")
            notes = ("the header is padded to 96 bytes",)
        _, revision, header_size, crc, _, my, alternate, first, last, disk, entries, number, _, array_crc = header
        return cls(
            revision,
            header_size,
            crc,
            my,
            alternate,
            first,
            last,
            guid_text(disk),
            entries,
            number,
            stride,
            array_crc,
            context.by_uintn(cursor, partitions),
            notes,
        )

    def describe(self) -> str:
        names = ", ".join(part.name.strip() or part.type_name or "unnamed" for part in self.partitions)
        return f"{names or 'no partitions'} on disk {self.disk_guid}"


def _partition(entry: bytes) -> GptPartition:
    type_guid, unique, first, last, attributes, name = _ENTRY.unpack_from(entry)
    type_text = guid_text(type_guid)
    return GptPartition(
        type_text,
        PARTITION_TYPES.get(type_text),
        guid_text(unique),
        first,
        last,
        attributes,
        utf16(name),
    )
