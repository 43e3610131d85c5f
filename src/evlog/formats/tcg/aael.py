"""Furniture of tcg2 and ccel: the entries that CoCo's attestation agent writes since v0.15.

Source: guest-components, attestation-agent/attestation-agent/src/eventlog/tcg2.rs. Its own file is TCG_PCR_EVENT2
records of type EV_EVENT_TAG without any header; in evidence they follow a CCEL that is cut at its end, or a short
header with zeros for a signature, and eight bytes of 0xFF follow them. A digest covers tag, length and line.
"""

from __future__ import annotations

import struct

from evlog.algorithms import ALGORITHMS
from evlog.contents.pcclient import AAEL, EV_EVENT_TAG, EV_NO_ACTION
from evlog.formats.tcg import frame as _tcg
from evlog.registers import LAST_CCMR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.registers import Space

__all__ = ["is_fragment", "scan_fragment", "space_of"]

_ENTRY = struct.Struct("<IIIH")


def is_fragment(data: bytes) -> bool:
    """Whether the bytes start with an agent's entry, where a log would start with its header."""
    if len(data) < _ENTRY.size:
        return False
    _, event_type, count, first = _ENTRY.unpack_from(data)
    known = ALGORITHMS.get(first)
    if event_type != EV_EVENT_TAG or count != 1 or known is None:
        return False
    at = _ENTRY.size + known.size + 4
    return data[at : at + 4] == AAEL


def scan_fragment(data: bytes, space: Space) -> _tcg.Scan:
    """Columns of records without a header before them."""
    scan = _tcg.scan2(data, 0, (), space)
    columns = scan.columns
    columns = columns.replace(
        offsets=columns.offsets[1:],
        registers=columns.registers[1:],
        layout_of=columns.layout_of[1:] if columns.layout_of is not None else None,
        notable=tuple(row - 1 for row in columns.notable),
    )
    return _tcg.Scan(columns, scan.stop)


def space_of(scan: _tcg.Scan) -> Space:
    """What the indices count: measurement registers, unless one is beyond them, as the PCR of a virtual TPM is."""
    columns = scan.columns
    for row, offset in enumerate(columns.offsets):
        index, event_type = struct.unpack_from("<II", columns.buffer, offset)
        header = columns.layout_of is not None and columns.layout_of[row] == 0
        if index > LAST_CCMR and event_type != EV_NO_ACTION and not header:
            return "pcr"
    return "ccmr"
