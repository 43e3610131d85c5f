"""Furniture of tcg2 and ccel: records without a header before them, as the EFI final events table has them.

Spec: TCG EFI Protocol 2.0, section 7 (EFI_TCG2_FINAL_EVENTS_TABLE); UEFI 2.10, section 38 (EFI_CC_FINAL_EVENTS_TABLE).
The table goes on where the log was fetched, so that its records are TCG_PCR_EVENT2 from the first on; the sizes of
their digests are those of the algorithms.
"""

from __future__ import annotations

import struct

from evlog.algorithms import ALGORITHMS
from evlog.formats.tcg.first_record import plausible

__all__ = ["are_records", "record_of"]

_HEAD = struct.Struct("<III")
_BANKS = 8  # no TPM has more at a time


def are_records(data: bytes) -> bool:
    """Whether two TCG_PCR_EVENT2 in a row, or the only one there is, could be nothing else."""
    first = record_of(data, 0)
    if first is None:
        return False
    following = first[-1]
    rest = data[following : following + 8]
    return rest in (b"", bytes(8), b"\xff" * 8) or record_of(data, following) is not None


def record_of(data: bytes, at: int) -> tuple[int, int, tuple[int, ...], int] | None:
    """Register, event type, algorithms and the end of the record at an offset, or None if there is none."""
    if len(data) < at + _HEAD.size:
        return None
    register, event_type, count = _HEAD.unpack_from(data, at)
    if not 1 <= count <= _BANKS:
        return None
    here = at + _HEAD.size
    algorithms = []
    for _ in range(count):
        known = ALGORITHMS.get(int.from_bytes(data[here : here + 2], "little"))
        if known is None:
            return None
        algorithms.append(known.id)
        here += 2 + known.size
    size = int.from_bytes(data[here : here + 4], "little")
    end = here + 4 + size
    if not plausible(register, event_type, size) or end > len(data):
        return None
    return register, event_type, tuple(algorithms), end
