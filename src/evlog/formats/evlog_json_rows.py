"""Events of evlog's own JSON that are PC Client events, read into columns and written from the fields of others.

Schema: schemas/evlog.log.schema.json (``evlog.log/1``). The reader and the writer of events in
`evlog.formats.evlog_json` are the reference (tests/test_json_rows.py).
"""

from __future__ import annotations

import json
import re
from io import BytesIO

from evlog.algorithms import HashAlg
from evlog.contents._printable import printable
from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS, event_type_name
from evlog.contents.pcclient import PCClientEvent
from evlog.formats import json_rows
from evlog.formats.tcg.packed import FIRST_HANDLE
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.columns import Packed
    from evlog.formats.json_rows import Rows
    from evlog.model import Event

__all__ = ["rows", "written"]

_OPENING = re.compile(rb'"events"[ \t\n\r]*:[ \t\n\r]*\[')
_BLANK = re.compile(rb"[ \t\n\r]*")
_CLOSING = re.compile(rb"[ \t\n\r]*\]")
_ROLES = {
    ("number",): "passed",
    ("offset",): "offset",
    ("length",): "length",
    ("register",): "register",
    ("label",): "passed",
    ("recnum",): "recnum",
    ("measured",): "passed",
    ("digests", "*", "alg"): "algorithm",
    ("digests", "*", "digest"): "digest",
    ("content", "kind"): "kind",
    ("content", "event_type"): "type",
    ("content", "event_type_name"): "passed",
    ("content", "data"): "data",
    ("origin", "log"): "log",
    ("origin", "format"): "format",
}
_NEEDED = frozenset(("offset", "length", "index", "kind", "type", "data"))


def rows(data: bytes) -> tuple[dict[str, Any], Rows] | None:
    """A document without its events, and these; None if they are for the reference."""
    opening = _OPENING.search(data)
    if opening is None:
        return None
    start: Any = _BLANK.match(data, opening.end())
    members = json_rows.Members(_ROLES, _NEEDED, PCClientEvent.kind.__eq__, _algorithm, _event_type)
    found = json_rows.rows(data, start.end(), members)
    closing = _CLOSING.match(data, found.end) if found is not None else None
    if found is None or closing is None:
        return None
    try:
        # The list is a member of the document itself if nothing else is open where it begins.
        json.loads((data[: opening.start()] + b'"":0}').decode())
        rest = data[: opening.end()] + b"]" + data[closing.end() :]
        document = json.loads(rest.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    document.pop("events")
    return (document, found) if not document.get("digest_sizes") else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Raises ValueError if a member stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _algorithm(name: str, size: int) -> HashAlg | None:
    alg = HashAlg.named(name)
    return HashAlg.of(alg.id, size) if not alg.known or alg.size == size else None


def _event_type(value: Any) -> int:
    if value.__class__ is not int or not 0 <= value <= 0xFFFFFFFF:
        raise ValueError("not a number of 32 bits")
    return int(value)


def written(source: Packed, first: Event, platform: str | None, text: str) -> bytes | None:
    """A document of a log whose first event is ``first``; None if not all events can be.

    ``text`` is the document without events.
    """
    before, _, after = text.partition('\n "events": [],\n')
    out = BytesIO()
    out.write(f'{before}\n "events": ['.encode())
    starts, lengths = source.columns.starts, source.columns.lengths
    following: dict[int, int] = {}
    heads: dict[int, bytes] = {}
    kinds: dict[int, bytes] = {}
    end = _end(first)
    numbered = first.recnum is not None
    for start, stop, number in source.runs():
        algorithms = [alg for alg, _ in source.layouts[number].digests]
        if not algorithms or any(alg.known and alg != HashAlg.of(alg.id) for alg in algorithms):
            return None
        opening, *others = [f'    {{\n     "alg": "{alg}",\n     "digest": "'.encode() for alg in algorithms]
        measured = [b',\n   "measured": %b,\n   "digests": [\n%b' % (each, opening) for each in (b"false", b"true")]
        given = [b"", b"", b"", b"", b""]
        for other in others:
            given += b'"\n    },\n' + other, b""
        given += b"", b"", end
        slots = slice(4, 4 + 2 * len(algorithms), 2)
        parts: list[bytes] = []
        places = zip(range(start, stop), starts[start:stop], lengths[start:stop], strict=True)
        told = json_rows.digits(source, start, stop, number)
        for place, ((index, event_type), digests, body) in zip(places, told, strict=True):
            if index not in heads:
                if index >= FIRST_HANDLE:
                    return None
                heads[index] = _head(Register(source.space, index), platform)
                following[index] = 0
            if event_type not in kinds:
                if event_type in LAUNCH_MARKERS:
                    return None
                kinds[event_type] = _kind(event_type)
            given[0] = b',\n  {\n   "number": %d,\n   "offset": %d,\n   "length": %d' % place
            given[1] = heads[index]
            if numbered:
                count = following[index]
                following[index] = count + 1
                given[2] = b"%d" % count
            else:
                given[2] = b"null"
            given[3] = measured[event_type != EV_NO_ACTION]
            given[slots] = digests
            given[-3] = kinds[event_type]
            given[-2] = body
            parts += given
        if not start:
            parts[0] = parts[0][1:]
        out.write(b"".join(parts))
    out.write(f"\n ],\n{after}\n".encode())
    return out.getvalue()


def _head(register: Register, platform: str | None) -> bytes:
    label = json.dumps(register.label(platform))
    return f',\n   "register": "{register}",\n   "label": {label},\n   "recnum": '.encode()


def _kind(event_type: int) -> bytes:
    name = json.dumps(event_type_name(event_type))
    return (
        '"\n    }\n   ],\n   "content": {\n    "kind": "pcclient",\n'
        f'    "event_type": {event_type},\n    "event_type_name": {name},\n    "data": "'
    ).encode()


def _end(event: Event) -> bytes:
    """What stands behind the data, up to the next event."""
    origin = event.origin
    if origin is None or not origin.log:
        return b'"\n   }\n  }'
    log, format = json.dumps(printable(origin.log)), json.dumps(origin.format)
    return f'"\n   }},\n   "origin": {{\n    "log": {log},\n    "format": {format}\n   }}\n  }}'.encode()
