"""CEL-JSON records of PC Client events, read into columns and written from the fields of others.

Spec: TCG Canonical Event Log Format 1.1, section 5.2. The reader and the writer of events in `evlog.formats.cel.json`
are the reference (tests/test_json_rows.py). A log is read here only if all of it is an array of such records on PCRs
(`evlog.formats.json_rows`); anything else is for the reference to read, and to remark on.
"""

from __future__ import annotations

import re
from io import BytesIO

from evlog.algorithms import HashAlg
from evlog.contents.pcclient import PCClientEvent
from evlog.formats import json_rows
from evlog.formats.cel.fields import decoder_of
from evlog.formats.cel.scan import MAX_DIGEST_SIZE
from evlog.formats.cel.types import TYPE_NAMES, written
from evlog.formats.tcg.packed import FIRST_HANDLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.columns import Packed
    from evlog.formats.cel.dialect import Dialect
    from evlog.formats.cel.record import Notes
    from evlog.formats.json_rows import Rows

__all__ = ["records", "rows"]

_PCCLIENT = "pcclient_std"
_OPENING = re.compile(rb"[ \t\n\r]*\[[ \t\n\r]*")
_CLOSING = re.compile(rb"[ \t\n\r]*\][ \t\n\r]*\Z")
_ROLES = {
    ("recnum",): "recnum",
    ("pcr",): "index",
    ("digests", "*", "hashAlg"): "algorithm",
    ("digests", "*", "digest"): "digest",
    ("content_type",): "kind",
    ("content", "event_type"): "type",
    ("content", "event_data"): "data",
}
_NEEDED = frozenset(("recnum", "index", "kind", "type", "data"))


def _event_type() -> Any:
    """What an event type is declared to be."""
    declared: Any = written(PCClientEvent)
    return declared.shape.fields[0][1]


def rows(data: bytes, dialect: Dialect, notes: Notes) -> Rows | None:
    """The records of a log, if nothing is to be said of how they are spelled; None if they are for the reference."""
    opening = _OPENING.match(data)
    if opening is None:
        return None

    def algorithm(name: str, size: int) -> HashAlg | None:
        number = dialect.algorithm(name)
        if not 0 <= number <= 0xFFFF or not 0 < size <= MAX_DIGEST_SIZE:
            return None
        alg = HashAlg.of(number, size)
        return None if alg.known and alg != HashAlg.of(alg.id) else alg

    members = json_rows.Members(
        _ROLES,
        _NEEDED,
        lambda kind: TYPE_NAMES.get(kind.lower()) == TYPE_NAMES[_PCCLIENT],
        algorithm,
        decoder_of(_event_type(), dialect, notes),
    )
    found = json_rows.rows(data, opening.end(), members)
    if found is None or _CLOSING.match(data, found.end) is None:
        return None
    return found


def records(source: Packed, dialect: Dialect) -> bytes | None:
    """A log on PCRs as an array of records, with numbers that count; None if not all can be."""
    names = _event_type().names
    out = BytesIO()
    out.write(b"[")
    heads: dict[int, dict[int, bytes]] = {}
    kinds: dict[int, bytes] = {}
    following: dict[int, int] = {}
    for start, stop, number in source.runs():
        layout = source.layouts[number]
        if not layout.digests:
            return None
        opening, *others = [_opening(alg, dialect) for alg, _ in layout.digests]
        known = heads.setdefault(number, {})
        given = [b'%b\n{"recnum":' % (b"," if start else b""), b"", b"", b""]
        for other in others:
            given += b'"},' + other, b""
        given += b"", b"", b'"}}'
        slots = slice(3, 3 + 2 * len(layout.digests), 2)
        parts: list[bytes] = []
        for (index, event_type), digests, body in json_rows.digits(source, start, stop, number):
            if index not in known:
                if index >= FIRST_HANDLE:
                    return None
                known[index] = b',"pcr":%d,"digests":[%b' % (index, opening)
                following.setdefault(index, 0)
            if event_type not in kinds:
                name = names.get(event_type)
                told = b'"%b"' % name.encode() if name is not None else b"%d" % event_type
                kinds[event_type] = b'"}],"content_type":"%b","content":{"event_type":%b,"event_data":"' % (
                    _PCCLIENT.encode(),
                    told,
                )
            count = following[index]
            following[index] = count + 1
            given[1] = b"%d" % count
            given[2] = known[index]
            given[slots] = digests
            given[-3] = kinds[event_type]
            given[-2] = body
            parts += given
            given[0] = b',\n{"recnum":'
        out.write(b"".join(parts))
    out.write(b"\n]\n")
    return out.getvalue()


def _opening(alg: HashAlg, dialect: Dialect) -> bytes:
    """What stands before a digest."""
    return b'{"%b":"%b","%b":"' % tuple(
        str(each).encode() for each in (dialect.hash_alg, dialect.spell_algorithm(alg), dialect.digest)
    )
