"""Furniture of tcg2 and ccel: records without a header before them, as the EFI final events table has them.

Spec: TCG EFI Protocol 2.0, section 7 (EFI_TCG2_FINAL_EVENTS_TABLE); UEFI 2.10, section 38 (EFI_CC_FINAL_EVENTS_TABLE).
The table goes on where the log was fetched, so that its records are TCG_PCR_EVENT2 from the first on; the sizes of
their digests are those of the algorithms.
"""

from __future__ import annotations

import struct

from evlog.algorithms import ALGORITHMS
from evlog.formats.tcg.first_record import plausible

__all__ = ["are_records"]

_HEAD = struct.Struct("<III")
_BANKS = 8  # no TPM has more at a time


def are_records(data: bytes) -> bool:
    """Whether two TCG_PCR_EVENT2 in a row, or the only one there is, could be nothing else."""
    following = _record(data, 0)
    if following is None:
        return False
    rest = data[following : following + 8]
    return rest in (b"", bytes(8), b"\xff" * 8) or _record(data, following) is not None


def _record(data: bytes, at: int) -> int | None:
    """The end of the record at an offset, or None if there is none."""
    if len(data) < at + _HEAD.size:
        return None
    register, event_type, count = _HEAD.unpack_from(data, at)
    if not 1 <= count <= _BANKS:
        return None
    here = at + _HEAD.size
    for _ in range(count):
        known = ALGORITHMS.get(int.from_bytes(data[here : here + 2], "little"))
        if known is None:
            return None
        here += 2 + known.size
    size = int.from_bytes(data[here : here + 4], "little")
    end = here + 4 + size
    return end if plausible(register, event_type, size) and end <= len(data) else None
