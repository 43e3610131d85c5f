"""TCG records from and into the fields of other records of PC Client events, without making events.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.2.1 and 10.2.2. The construct declarations in
`evlog.wire.tcg` are the reference: a record of the same digests as the one before it differs in its fields alone, which
one `struct` call packs (tests/test_packed.py).
"""

from __future__ import annotations

import struct
from io import BytesIO

from evlog.columns import Fields, Packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from evlog.columns import Columns, Layout

__all__ = ["FIRST_HANDLE", "packed", "records"]

#: From here on a register's index may be an NV handle, or stand for no register.
FIRST_HANDLE = 0x01000000
_RECORD1 = 32  # bytes of a TCG_PCR_EVENT up to its data


def packed(columns: Columns) -> Packed | None:
    """Little-endian records of a log by their fields; None where some layout is not that of either form."""
    if columns.names is not None:
        return None
    fields = []
    for number, layout in enumerate(columns.layouts):
        form = "<II20s4x" if number == 0 else f"<II4x{''.join(f'2x{alg.size}s' for alg, _ in layout.digests)}4x"
        record = struct.Struct(form)
        if record.size != layout.body:
            return None
        fields.append(Fields(record, 1, slice(2, None)))
    return Packed(columns, columns.space, tuple(fields))


def records(source: Packed, first: int, sizes: Mapping[int, int], header: bytes) -> bytes | None:
    """The rows from ``first`` on as TCG_PCR_EVENT2 behind a header, digests of these sizes by TPM_ALG_ID.

    None if not all can be.
    """
    out = BytesIO()
    out.write(header)
    templates: dict[int, tuple[struct.Struct, list[Any]]] = {}
    for start, stop, number in source.runs():
        if stop <= first:
            continue
        layout = source.layouts[number]
        if number not in templates:
            if any(sizes.get(alg.id) != alg.size for alg, _ in layout.digests):
                return None
            templates[number] = _template(layout)
        template, given = templates[number]
        pack, slots = template.pack, slice(4, 4 + 2 * len(layout.digests), 2)
        parts: list[bytes] = []
        told, bodies = source.told(max(start, first), stop, number)
        for (index, event_type, digests), body in zip(told, bodies, strict=True):
            if index >= FIRST_HANDLE:
                return None
            given[0], given[1], given[slots], given[-1] = index, event_type, digests, len(body)
            parts += pack(*given), body
        out.write(b"".join(parts))
    return out.getvalue()


def _template(layout: Layout) -> tuple[struct.Struct, list[Any]]:
    """A struct of a record up to its data, and what to pack into it: the digests from place 4 on, each second one."""
    given: list[Any] = [0, 0, len(layout.digests)]
    for alg, _ in layout.digests:
        given += alg.id.to_bytes(2, "little"), b""
    return struct.Struct(f"<III{''.join(f'2s{alg.size}s' for alg, _ in layout.digests)}I"), [*given, 0]
