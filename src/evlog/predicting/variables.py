"""UEFI variables in the log: UEFI_VARIABLE_DATA, and the value that a file or the log tells.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.8. Source: edk2 Tcg2Dxe.c, MeasureVariable.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError
from evlog.predicting import signature_lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.files import Files

__all__ = ["GLOBAL", "IMAGE_SECURITY", "SHIM", "Variable", "read", "written"]

GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
IMAGE_SECURITY = bytes.fromhex("cbb219d73a3d9645a3bcdad00e67656f")
SHIM = bytes.fromhex("50ab5d6046e00043abb63dd810dd8b23")
# efivarfs shows the attributes before the value.
_ATTRIBUTES = 4


class Variable(Record):
    """A variable: namespace, name and value."""

    vendor: bytes
    name: str
    data: bytes

    def to_bytes(self) -> bytes:
        """UEFI_VARIABLE_DATA."""
        name = self.name.encode("utf-16-le", "surrogatepass")
        sizes = (len(name) // 2).to_bytes(8, "little") + len(self.data).to_bytes(8, "little")
        return self.vendor + sizes + name + self.data


def read(data: bytes) -> Variable | None:
    """The variable that is all of an event's data, or None."""
    if len(data) < 32:
        return None
    length, size = int.from_bytes(data[16:24], "little"), int.from_bytes(data[24:32], "little")
    if 32 + 2 * length + size != len(data):
        return None
    name = data[32 : 32 + 2 * length].decode("utf-16-le", "surrogatepass")
    return Variable(data[:16], name, data[32 + 2 * length :])


def written(files: Files, name: str, old: bytes | None) -> tuple[str, bytes] | None:
    """The place that writes a variable, and its new value; None if nothing does.

    Raises ParseError for an append that cannot be, or to a value that nobody knows.
    """
    place = f"efivar:{name}"
    if place in files.now:
        data = files.now[place]
        if len(data) < _ATTRIBUTES:
            raise ParseError(f"a variable of {len(data)} bytes, four of attributes expected", offset=0, where=name)
        return place, data[_ATTRIBUTES:]
    place = f"var:{name}"
    if place in files.now:
        return place, signature_lists.payload(files.now[place])
    place = f"var:{name}+"
    if place in files.now:
        if old is None:
            raise ParseError("appended to a value that is not known", where=name)
        return place, signature_lists.appended(old, signature_lists.payload(files.now[place]))
    return None


def was(files: Files, name: str) -> bytes | None:
    """The value before the update, as a file tells it."""
    data = files.was.get(f"efivar:{name}")
    if data is not None and len(data) >= _ATTRIBUTES:
        return data[_ATTRIBUTES:]
    data = files.was.get(f"var:{name}")
    return signature_lists.payload(data) if data is not None else None
