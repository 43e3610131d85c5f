"""The partition table of the disk that is booted from: UEFI_GPT_DATA.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.2.7; UEFI 2.10, section 5.3. Source: edk2
DxeTpm2MeasureBootLib.c: the header, the number of used entries, and these, in table order.
"""

from __future__ import annotations

import struct

from evlog.contents.event_types import EV_EFI_GPT_EVENT
from evlog.errors import ParseError
from evlog.predicting.measured import bytes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.predicting.draft import Draft
    from evlog.predicting.files import Files

__all__ = ["data_of", "predict"]

_HEADER = struct.Struct("<8sIIII4Q16sQIII")
RULE = "UEFI_GPT_DATA: header, number of used entries, used entries"
_SECTORS = (512, 4096)


def data_of(disk: bytes) -> bytes:
    """UEFI_GPT_DATA of the first sectors of a disk. Raises ParseError if there is no table in them."""
    sector = next((size for size in _SECTORS if disk[size : size + 8] == b"EFI PART"), None)
    if sector is None:
        raise ParseError("no GPT: EFI PART expected in the second sector", offset=min(512, len(disk)), where="gpt")
    if len(disk) - sector < _HEADER.size:
        raise ParseError(f"a GPT header of {_HEADER.size} bytes, {len(disk) - sector} left", offset=sector, where="gpt")
    fields = _HEADER.unpack_from(disk, sector)
    first, count, size = fields[10], fields[11], fields[12]
    at = first * sector
    if size < 128 or at + count * size > len(disk):
        message = f"{count} entries of {size} bytes at {at}, the file has {len(disk)}"
        raise ParseError(message, offset=sector + 72, where="gpt")
    entries = (disk[n : n + size] for n in range(at, at + count * size, size))
    used = [entry for entry in entries if entry[:16].strip(b"\0")]
    return disk[sector : sector + _HEADER.size] + len(used).to_bytes(8, "little") + b"".join(used)


def predict(draft: Draft, files: Files) -> None:
    """The event of the disk whose old table explains it."""
    if "gpt" not in files.now:
        return
    steps = draft.find(5, EV_EFI_GPT_EVENT)
    new = data_of(files.now["gpt"])
    old = bytes_of(data_of(files.was["gpt"])) if "gpt" in files.was else None
    same = [step for step in steps if draft.explained(step, bytes_of(new), "gpt", RULE)]
    found = [step for step in steps if old is not None and draft.explained(step, old, "gpt", RULE)]
    if not found and not same:
        draft.lose_pcrs((5,), "gpt", "no event of a partition table is explained by the old one")
        return
    files.place("gpt")
    for step in found:
        draft.change(step, bytes_of(new), "gpt", RULE, new)
