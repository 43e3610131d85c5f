"""CEL-TLV records from and into the fields of other records of PC Client events, without making events.

Spec: TCG Canonical Event Log Format 1.1, sections 4.2 and 5.1. The construct declarations in `evlog.wire.cel` and the
writer of events are the reference: a record of the same digests as the one before it differs in its fields alone, which
one `struct` call packs (tests/test_packed.py).
"""

from __future__ import annotations

import struct
from io import BytesIO

from evlog import hashing
from evlog.columns import Fields, Packed
from evlog.formats.cel import scan as _scan
from evlog.formats.tcg.packed import FIRST_HANDLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.columns import Columns, Layout
    from evlog.formats.cel.scan import Scan, Shape

__all__ = ["packed", "records"]

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_EVENT = 14  # bytes of pcclient_std beside the data


def packed(found: Scan, columns: Columns, *, counted: bool) -> Packed | None:
    """The records of a log with indices of one type by their fields.

    None unless all are PC Client events on PCRs or CC measurement registers, their types of 4 bytes.
    """
    shapes, space = found.shapes, columns.space
    if space not in ("pcr", "ccmr") or found.types or found.unread or any(each.index not in _CODES for each in shapes):
        return None
    # The event type is the first TLV of the content; its length follows its type.
    backend = hashing.backend(len(columns.buffer))
    widths = backend.words(columns, [shape.content + 6 for shape in shapes], "big")
    if any(width != 4 for width in set(widths)):
        return None
    usual = all((shape.recnum, shape.index) == (4, 4) for shape in shapes)
    return Packed(columns, space, tuple(map(_fields, shapes)), counted, usual)


def _fields(shape: Shape) -> Fields:
    digests = "".join(f"5x{size}s" for _, size in shape.digests)
    return Fields(struct.Struct(f">{shape.recnum + 10}x{_CODES[shape.index]}5x{digests}10xIx4x"), -1, slice(1, -1))


def records(source: Packed) -> bytes | None:
    """The records of a log with numbers that count, and integers, of four bytes; None if not all can be.

    Other registers than PCRs are CC measurement registers.
    """
    out = BytesIO()
    templates: dict[int, tuple[struct.Struct, list[Any]]] = {}
    following: dict[int, int] = {}
    index_type = _scan.PCR if source.space == "pcr" else _scan.CCMR
    for start, stop, number in source.runs():
        layout = source.layouts[number]
        if number not in templates:
            templates[number] = _template(layout, index_type)
        template, given = templates[number]
        pack, slots = template.pack, slice(6, 6 + 2 * len(layout.digests), 2)
        parts: list[bytes] = []
        told, bodies = source.told(start, stop, number)
        for (index, event_type, digests), body in zip(told, bodies, strict=True):
            if index not in following:
                if index >= FIRST_HANDLE:
                    return None
                following[index] = 0
            given[1] = count = following[index]
            following[index] = count + 1
            given[3], given[slots], given[-3] = index, digests, event_type
            given[-1] = length = len(body)
            given[-5] = length + _EVENT
            parts += pack(*given), body
        out.write(b"".join(parts))
    return out.getvalue()


def _template(layout: Layout, index_type: int) -> tuple[struct.Struct, list[Any]]:
    """A struct of a record up to its data, and what to pack into it: the digests from place 6 on, each second one."""
    head = struct.Struct(">BI").pack
    four = head(0, 4)
    listed = sum(5 + alg.size for alg, _ in layout.digests)
    given: list[Any] = [head(_scan.RECNUM, 4), 0, head(index_type, 4), 0, head(_scan.DIGESTS, listed)]
    for alg, _ in layout.digests:
        given += head(alg.id, alg.size), b""
    given += _scan.PCCLIENT, 0, four, 0, 1, 0
    return struct.Struct(f">5sI5sI5s{''.join(f'5s{alg.size}s' for alg, _ in layout.digests)}BI5sIBI"), given
