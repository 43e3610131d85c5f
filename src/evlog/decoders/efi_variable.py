"""UEFI variables: Secure Boot's state and keys, boot options, and the authorities that images were verified with.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.8 (UEFI_VARIABLE_DATA); UEFI 2.10, section 3.3 (global
variables) and 32.6 (image security database); shim's MokVars and SBAT.
Departures: old versions of shim append six bytes to an authority's event (the last is not hashed) and log its
certificate without an owner; a data length may exceed the event; the lengths were UINTN in the TPM 1.2 profile.
"""

from __future__ import annotations

import struct

from evlog.decoders import NO_CONTEXT, Context, Cursor, Decoded, Raw, decodes
from evlog.decoders._text import ascii_text, plain_text, utf16
from evlog.decoders.guid import guid_name
from evlog.decoders.load_option import LoadOption
from evlog.decoders.plain import Text
from evlog.decoders.signature_db import authority, database
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    _Reader = Callable[[Cursor, Context], Decoded]
    _ValueReader = Callable[[str, str, Cursor, Context], Decoded]

__all__ = ["BootOrder", "EfiVariable", "Flag", "Number", "SbatLevel", "Unset"]

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
DEVICE_SECURITY = "b9c2b4f4-bf5f-462d-8adf-c5c70ac35dad"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"


class Unset(Decoded):
    """A variable that is empty or does not exist, which firmware measures alike."""

    kind = "unset"

    def describe(self) -> str:
        return "not set"


class Flag(Decoded):
    """A byte that switches something: 0 or 1, but any other value stands as it is."""

    value: int

    kind = "flag"

    def describe(self) -> str:
        return {0: "off", 1: "on"}.get(self.value, f"{self.value:#x}")


class Number(Decoded):
    """A little-endian integer."""

    value: int

    kind = "number"

    def describe(self) -> str:
        return str(self.value)


class BootOrder(Decoded):
    """Numbers of load options in the order they are tried: N is the variable BootNNNN, in hexadecimal."""

    options: tuple[int, ...]

    kind = "boot_order"

    def describe(self) -> str:
        return ", ".join(f"{option:04X}" for option in self.options)


class SbatLevel(Decoded):
    """The least generation of each component that shim still starts, and the date of the list."""

    date: str
    components: tuple[tuple[str, str], ...]
    text: str

    kind = "sbat_level"

    def describe(self) -> str:
        shown = ", ".join(f"{name} {generation}" for name, generation in self.components)
        return f"{self.date}: {shown}" if shown else self.date


#: The namespace, and the lengths of name and data.
_HEAD = struct.Struct("<16xQQ")


class EfiVariable(Decoded):
    """UEFI_VARIABLE_DATA: a variable's namespace and name, and its value decoded. ``data`` is the value's bytes."""

    vendor: str
    vendor_name: str | None
    name: str
    value: Decoded
    data: bytes
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "efi_variable"
    _hidden = ("data",)

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> EfiVariable:
        """Read a variable that holds what its name says."""
        return _variable(cursor, context, _value)

    def describe(self) -> str:
        return f"{self.name}: {self.value.describe()}"


@decodes()
def variable(cursor: Cursor, context: Context) -> EfiVariable:
    """A variable with its whole value."""
    return EfiVariable.read(cursor, context)


@decodes()
def variable_authority(cursor: Cursor, context: Context) -> EfiVariable:
    """The one signature of a database that verified an image, or a variable of shim's."""
    return _variable(cursor, context, _authority)


def _variable(cursor: Cursor, context: Context, value: _ValueReader) -> EfiVariable:
    fitting = _fitting(cursor)
    vendor = cursor.guid("variable_name")
    name, data, notes = fitting or NO_CONTEXT.by_uintn(cursor, _body, _cut_body)
    if fitting:
        cursor.at = cursor.end
    return EfiVariable(vendor, guid_name(vendor), name, value(vendor, name, data.fork(), context), data.rest(), notes)


def _fitting(cursor: Cursor) -> tuple[str, Cursor, tuple[str, ...]] | None:
    """What `_body` gives of a variable that is as long as its lengths of eight bytes say, as nearly all are."""
    at, end = cursor.at, cursor.end
    # Who notes what is read wants each field read.
    if end - at < _HEAD.size or type(cursor) is not Cursor:
        return None
    length, size = _HEAD.unpack_from(cursor.data, at)
    start = at + _HEAD.size
    if start + 2 * length + size != end:
        return None
    name = utf16(cursor.data[start : start + 2 * length])
    where = f"{cursor.where}.variable_data" if cursor.where else "variable_data"
    return name, Cursor(cursor.data, cursor.base, at=end - size, end=end, where=where, big=cursor.big), ()


def _body(cursor: Cursor, uintn: int, cut: bool = False) -> tuple[str, Cursor, tuple[str, ...]]:
    """Name, data, and a note if the data is cut by the end of the event."""
    length = cursor.uintn(uintn, "unicode_name_length")
    size = cursor.uintn(uintn, "variable_data_length")
    name = utf16(cursor.take(2 * length, "unicode_name"))
    notes = (f"{size} bytes of data announced, {cursor.left} present",) if cut else ()
    return name, cursor.sub(cursor.left if cut else size, "variable_data"), notes


def _cut_body(cursor: Cursor, uintn: int) -> tuple[str, Cursor, tuple[str, ...]]:
    return _body(cursor, uintn, cut=True)


def _value(vendor: str, name: str, cursor: Cursor, context: Context) -> Decoded:
    """The value of a variable by its name; what is not as it should be stays raw, with the reason."""
    if not cursor.left:
        return Unset()
    read = _reader(vendor, name)
    data = cursor.peek(cursor.left)
    if read is None:
        text = plain_text(data)
        return Raw(f"no decoder for the variable {name}", data) if text is None else Text(text)
    return _try(read, cursor, context)


def _authority(vendor: str, name: str, cursor: Cursor, context: Context) -> Decoded:
    """The value in an authority's event: a signature, but for a few variables of shim's."""
    read = _reader(vendor, name)
    if not cursor.left or read in (_flag, _sbat_level):
        return _value(vendor, name, cursor, context)
    return _try(authority, cursor, context)


def _try(read: _Reader, cursor: Cursor, context: Context) -> Decoded:
    data = cursor.peek(cursor.left)
    try:
        decoded = read(cursor, context)
        if cursor.left:
            raise cursor.error(f"{cursor.left} bytes after the {decoded.kind.replace('_', ' ')}")
    except ParseError as error:
        return Raw.after(error, data)
    return decoded


def _flag(cursor: Cursor, context: Context) -> Flag:
    return Flag(cursor.u8("flag"))


def _number(cursor: Cursor, context: Context) -> Number:
    if cursor.left > 8:
        raise cursor.error(f"an integer of {cursor.left} bytes")
    return Number(int.from_bytes(cursor.rest(), "little"))


def _options(cursor: Cursor, context: Context) -> BootOrder:
    return BootOrder(tuple(cursor.u16("option") for _ in range((cursor.left + 1) // 2)))


def _sbat_level(cursor: Cursor, context: Context) -> SbatLevel:
    text = ascii_text(cursor.rest())
    first, *rows = [row.split(",") for row in text.split("\n") if row] or [[""]]
    return SbatLevel(first[2] if len(first) > 2 else "", tuple((row[0], ",".join(row[1:])) for row in rows), text)


_FLAGS = {
    GLOBAL: ("SecureBoot", "SetupMode", "AuditMode", "DeployedMode", "VendorKeys", "devAuthBoot"),
    SHIM: (
        "MokListTrusted",
        "MokListTrustedRT",
        "MokSBState",
        "MokSBStateRT",
        "MokDBState",
        "MokIgnoreDB",
        "MokPolicy",
    ),
}
_DATABASES = {
    GLOBAL: ("PK", "KEK", "PKDefault", "KEKDefault", "dbDefault", "dbxDefault", "dbtDefault", "dbrDefault"),
    IMAGE_SECURITY: ("db", "dbx", "dbt", "dbr"),
    DEVICE_SECURITY: ("devdb",),
    SHIM: ("MokList", "MokListRT", "MokListX", "MokListXRT", "vendor_db"),
}
_READERS: dict[tuple[str, str], _Reader] = {
    **{(vendor, name): _flag for vendor, names in _FLAGS.items() for name in names},
    **{(vendor, name): database for vendor, names in _DATABASES.items() for name in names},
    **{(GLOBAL, name): _options for name in ("BootOrder", "DriverOrder", "SysPrepOrder", "BootNext", "BootCurrent")},
    **{(GLOBAL, name): _number for name in ("Timeout", "OsIndications", "OsIndicationsSupported")},
    **{(SHIM, name): _sbat_level for name in ("SbatLevel", "SbatLevelRT")},
}
_DIGITS = frozenset("0123456789ABCDEFabcdef")
_LOAD_OPTIONS = ("Boot", "Driver", "SysPrep", "PlatformRecovery")


def _reader(vendor: str, name: str) -> _Reader | None:
    if vendor == GLOBAL and name[:-4] in _LOAD_OPTIONS and _DIGITS.issuperset(name[-4:]):
        return LoadOption.read
    return _READERS.get((vendor, name))
