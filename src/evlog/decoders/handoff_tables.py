"""Hand-off tables: pointers to the tables whose content a digest covers.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.6 (UEFI_HANDOFF_TABLE_POINTERS and POINTERS2).
Departures: EV_TABLE_OF_DEVICES has been seen with the same structure, or with the name of a table (U-Boot's ``dts``).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text, plain_text
from evlog.decoders.guid import guid_name
from evlog.decoders.plain import Text

__all__ = ["HandoffTable", "HandoffTables", "HandoffTables2"]


class HandoffTable(Record):
    """EFI_CONFIGURATION_TABLE: a table's GUID, its name where it is known, its physical address."""

    guid: str
    name: str | None
    address: int


@decodes()
class HandoffTables(Decoded):
    """UEFI_HANDOFF_TABLE_POINTERS."""

    tables: tuple[HandoffTable, ...]
    trailing: bytes = b""

    kind = "handoff_tables"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> HandoffTables:
        return cls(context.by_uintn(cursor, _tables))

    def unplaced(self) -> HandoffTables:
        return self.replace(tables=tuple(table.replace(address=0) for table in self.tables))

    def describe(self) -> str:
        return _names(self.tables)


@decodes()
class HandoffTables2(Decoded):
    """UEFI_HANDOFF_TABLE_POINTERS2: hand-off tables with a description."""

    description: str
    tables: tuple[HandoffTable, ...]
    trailing: bytes = b""

    kind = "handoff_tables2"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> HandoffTables2:
        size = cursor.u8("description_size")
        description = ascii_text(cursor.take(size, "description"))
        return cls(description, context.by_uintn(cursor, _tables))

    def unplaced(self) -> HandoffTables2:
        return self.replace(tables=tuple(table.replace(address=0) for table in self.tables))

    def describe(self) -> str:
        return f"{self.description}: {_names(self.tables)}"


@decodes()
def table_of_devices(cursor: Cursor, context: Context) -> Decoded:
    """Pointers, or a name."""
    text = plain_text(cursor.peek(cursor.left))
    if text is None:
        return HandoffTables.read(cursor, context)
    cursor.rest()
    return Text(text)


def _tables(cursor: Cursor, uintn: int) -> tuple[HandoffTable, ...]:
    count = cursor.uintn(uintn, "number_of_tables")
    if count > cursor.left // (16 + uintn):
        raise cursor.error(f"{count} tables do not fit in {cursor.left} bytes", "number_of_tables")
    tables = []
    for _ in range(count):
        guid = cursor.guid("vendor_guid")
        tables.append(HandoffTable(guid, guid_name(guid), cursor.uintn(uintn, "vendor_table")))
    return tuple(tables)


def _names(tables: tuple[HandoffTable, ...]) -> str:
    return ", ".join(table.name or table.guid for table in tables) or "no tables"
