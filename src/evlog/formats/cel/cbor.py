"""CEL-CBOR: records as CBOR maps with numbers for keys.

Spec: TCG Canonical Event Log Format 1.1, section 5.2; RFC 8949, section 4.2.1 (deterministic encoding). A log is an
array. Departures accepted unless strict: a CBOR sequence or one bare record; other encodings than the deterministic
one; names for keys; the tags 24 (encoded CBOR) and 55799 (self-described CBOR) around the log or a record.
Extensions: a content type that CBOR does not define is the bytes of its TLV; key 108 for the index of a CC measurement
register, as go-eventlog's TLV has it.
"""

from __future__ import annotations

from evlog._paused import CollectorPaused
from evlog._record import partial
from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.as_read import as_read
from evlog.formats.cel import cbor_rows
from evlog.formats.cel import record as _record
from evlog.formats.cel.dialect import Dialect, refused
from evlog.formats.cel.item import Head, array_head, departure, head, item_end, member
from evlog.formats.cel.reader import Reader
from evlog.formats.cel.tags import ENCODED, record_head, unwrapped
from evlog.formats.cel.writer import Writer
from evlog.model import Header, Origin, Span
from evlog.options import NO_OPTIONS
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

    from evlog.model import Event, Log, Loss
    from evlog.options import Options

ID = "cel-cbor"
TITLE = "TCG Canonical Event Log, CBOR"

_ENCODING = _record.Encoding(ID, 0xFFFFFFFF, False, 0xFFFF, "cbor", False, "pcr")
_UINT, _ARRAY, _MAP, _TAG = 0, 4, 5, 6
# Records that are encoded again at a time, to see that they are encoded as they should be.
_TOGETHER = 256
_NAMES = {"recnum": 0, "pcr": 1, "nv_index": 2, "digests": 3, "content_type": 9, "content": 10, "ccmr": 108}
_DIGEST_NAMES = {"hashAlg": 0, "digest": 1}
_CONTENT_KEYS = (b"\x0a", b"\x67content")
_KEYS = tuple(bytes([0x60 | len(name)]) + name.encode() for name in _NAMES)
_SELF_DESCRIPTION = b"\xd9\xd9\xf7"
_IN_ORDER = ([0, 1, 3, 9, 10], [0, 2, 3, 9, 10], [0, 3, 9, 10, 108])


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a map that starts with a record number, alone or in an array; likely of one that goes by names."""
    try:
        position = unwrapped(data)[0]
        outer = head(data, position)
        inner = record_head(data, outer.end if outer.major == _ARRAY else position)
        key = head(data, inner.end)
    except ParseError:
        return NO_MATCH
    if inner.major != _MAP or (inner.argument is not None and not 3 <= inner.argument <= 8):
        return NO_MATCH
    shape = "an array of maps" if outer.major == _ARRAY else "maps"
    number = key.argument if key.major == _UINT else None
    if number == 0:
        return Match(CERTAIN, f"{shape} that start with a record number")
    if number in _NAMES.values() or data.startswith(_KEYS, inner.end):
        return Match(LIKELY, f"{shape} that start with another member of a record")
    return NO_MATCH


def _octets(value: Any) -> bytes:
    if value.__class__ is not bytes:
        raise ValueError("a byte string was expected")
    return bytes(value)


def _algorithm(value: str | int) -> int:
    if isinstance(value, int):
        return value
    try:
        return HashAlg.named(value[:40]).id
    except EvlogError as error:
        raise ValueError(str(error)) from None


class _Opaque:
    """Contents that nobody knows: bytes as they are, anything else as it was encoded in the record at hand."""

    def __init__(self) -> None:
        self.item = b""

    def __call__(self, value: Any) -> tuple[bytes, str]:
        if value.__class__ is bytes:
            return bytes(value), ""
        return member(self.item, _CONTENT_KEYS) or b"", "cbor"


class _Raw:
    """An encoded item in place of its value."""

    def __init__(self, item: bytes) -> None:
        self.item = item


def _spell_opaque(data: bytes, syntax: str) -> Any:
    if not syntax:
        return data
    try:
        whole = item_end(data, 0) == len(data)
    except ParseError:
        whole = False
    if not whole:
        raise WriteError("an opaque content that is not one CBOR item")
    return _Raw(data)


_DIALECT = Dialect(
    recnum=0,
    pcr=1,
    indices={1: "pcr", 2: "nv", 108: "ccmr"},
    digests=3,
    hash_alg=0,
    digest=1,
    content_type=9,
    content=10,
    by_name=False,
    kind=bytes,
    plain_octets=bytes,
    octets=_octets,
    spell_octets=bytes,
    algorithm=_algorithm,
    spell_algorithm=lambda alg: alg.id,
    opaque=lambda value: (bytes(value), ""),
    spell_opaque=_spell_opaque,
)


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if not one record can be read."""
    notes = _record.Notes(options)
    found = _in_rows(data, notes)
    if found is not None:
        events_in_rows = found.events(ID, options.name)
        rest = _record.indices(map(events_in_rows.__getitem__, range(1, len(events_in_rows))))
        space = _record.pcr_space(events_in_rows[0], rest, options)
        if space == "ccmr":
            found = found.of_ccmrs
            events_in_rows = found.events(ID, options.name)
        if space == found.packed.space:
            return _record.finish(ID, events_in_rows, notes, options, algorithms=found.algorithms)
        notes = _record.Notes(options)
    items = _Items(data, notes)
    opaque = _Opaque()
    reader = Reader(_DIALECT.replace(opaque=opaque), notes)
    events: list[Event] = []
    start = end = items.start
    try:
        with CollectorPaused():
            for value, start, after, shortest in items.records():
                opaque.item = item = data[start:after]
                plain = shortest and _in_order(value)
                members, departs = (value, False) if plain else _examined(value, item, start, opaque, notes)
                origin = Origin(options.name, ID, Span(start, after - start))
                events.append(reader.event(members, len(events), origin, item if departs else None))
                end = after
    except ParseError as error:
        located = error if items.stopped else error.within(f"events[{len(events)}]", start)
        notes.stop(located, len(events))
        items.end = end
    notes.numbered(events)
    return _record.finish(
        ID,
        _record.respaced(tuple(events), options),
        notes,
        options,
        header=items.header(len(events), reader.mr_key),
        trailing=data[items.end :],
    )


def _in_rows(data: bytes, notes: _record.Notes) -> cbor_rows.Rows | None:
    """The records in columns, if nothing is to be said of their encoding: see `evlog.formats.cel.cbor_rows`."""
    try:
        outer = head(data, 0)
    except ParseError:
        return None
    if outer.major != _ARRAY or outer.argument is None or not outer.shortest or not outer.argument:
        return None
    return cbor_rows.rows(data, outer.end, outer.argument, notes.recnums)


class _Items:
    """The CBOR items of a log, which are its records.

    ``end`` is the byte after the log, ``stopped`` whether an error came from the encoding and not from a record.
    """

    def __init__(self, data: bytes, notes: _record.Notes) -> None:
        self._data = data
        self._notes = notes
        self.start, self._limit, self._tags = unwrapped(data) if data else (0, 0, ())
        self._framing = "sequence"
        self._stated = 0
        self._head = b""
        self._count = 0
        self.end = self.start
        self.stopped = False

    def records(self) -> Iterator[tuple[Any, int, int, bool]]:
        """Each record, the bytes where it starts and ends, and whether it is encoded as short as can be."""
        data, notes = self._data, self._notes
        if self._tags:
            notes.once("cbor_tag", "warning" if notes.strict else "note", f"a log in tag {self._tags[0]}", None, 0)
        outer = head(data, self.start) if data else None
        if outer is not None and outer.major == _ARRAY:
            # Until its break is met.
            self._framing = "array" if outer.argument is not None else "unended"
            self._stated = outer.argument or 0
            if outer.argument is not None and not outer.shortest:
                message = "not the deterministic encoding: a length longer than it need be"
                notes.once("not_deterministic", "warning" if notes.strict else "note", message, None, self.start)
                self._head = data[self.start : outer.end]
            yield from self._array(outer)
        elif outer is None or outer.major == _MAP or (outer.major == _TAG and outer.argument == ENCODED):
            yield from self._decoded(self.start, None)
            self._framing = "sequence" if self._count != 1 else "record"
        else:
            self._fail(ParseError("an array or a map was expected", offset=self.start))
        if notes.strict and self._framing != "array":
            self._fail(ParseError(f"the log is not an array of known length ({self._framing})", offset=0))
        if self.end < len(data):
            left = len(data) - self.end
            notes.add("trailing_bytes", "warning", f"{left} bytes after the end of the log", None, self.end)

    def _array(self, outer: Head) -> Iterator[tuple[Any, int, int, bool]]:
        if outer.argument is not None and outer.argument > self._limit - outer.end:
            # Records that are there are read all the same.
            message = f"truncated CBOR: {outer.argument} records stated, {self._limit - outer.end} bytes present"
            self._notes.add("truncated_record", "error", message, None, self.start)
        yield from self._decoded(outer.end, outer.argument if outer.argument is not None else -1)

    def _decoded(self, position: int, count: int | None) -> Iterator[tuple[Any, int, int, bool]]:
        """So many items from ``position``; up to a break if ``count`` is -1, to the end if it is None."""
        import io

        from cbor2 import CBORDecoder

        data = self._data
        file = io.BytesIO(data if self._limit == len(data) else data[: self._limit])
        file.seek(position)
        decode, tell = CBORDecoder(file).decode, file.tell
        values: list[Any] = []
        bounds = [position]
        error: ParseError | None = None
        while error is None:
            more = self._count + len(values) != count if count is not None else position < self._limit
            if count == -1 and data[position : position + 1] == b"\xff":
                more = False
            if not more or len(values) == _TOGETHER:
                yield from self._examined(values, bounds)
                values, bounds = [], [position]
            if not more:
                break
            try:
                values.append(decode())
            except Exception as refusal:  # whatever a semantic tag raises on bytes that somebody chose
                error = _wrong(data[: self._limit], position, refusal)
                break
            position = tell()
            bounds.append(position)
        if error is not None:
            yield from self._examined(values, bounds)
            self._fail(error)
        self.end = position
        if count == -1:
            self.end += 1
            self._framing = "indefinite"

    def _examined(self, values: list[Any], bounds: list[int]) -> Iterator[tuple[Any, int, int, bool]]:
        """The items with what `records` says of them: encoding many at once is what makes it cheap to look."""
        data = self._data
        together = _same(values, array_head(len(values)) + data[bounds[0] : bounds[-1]])
        for value, start, end in zip(values, bounds, bounds[1:], strict=False):
            self._count += 1
            yield value, start, end, together or _same(value, data[start:end])

    def _fail(self, error: ParseError) -> NoReturn:
        self.stopped = True
        raise error.within(f"events[{self._count}]")

    def header(self, read: int, mr_key: str | None) -> Header | None:
        """What the writer would choose otherwise."""
        options: list[tuple[str, str | int | bytes]] = []
        if self._framing != "array":
            options.append(("framing", self._framing))
        elif self._stated != read:
            options.append(("stated", self._stated))
        if self._head:
            options.append(("head", self._head))
        if self._tags:
            options.append(("tags", " ".join(map(str, self._tags))))
        if mr_key is not None:
            options.append(("mr_key", mr_key))
        return Header(ID, tuple(options)) if options else None


def _wrong(data: bytes, position: int, error: Exception) -> ParseError:
    """What is wrong with an item that cbor2 refuses: where exactly, if it is not one; else what cbor2 says."""
    try:
        item_end(data, position)
    except ParseError as found:
        return found
    message = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return ParseError(f"not CBOR that can be read: {message}", offset=position)


def _in_order(value: Any) -> bool:
    """Whether the members of a record, its digests and its content stand in order."""
    if value.__class__ is not dict or [*value] not in _IN_ORDER or value[3].__class__ is not list:
        return False
    for digest in value[3]:
        if digest.__class__ is not dict or [*digest] != [0, 1]:
            return False
    content = value[10]
    if content.__class__ is not dict:
        return content.__class__ is bytes
    return [*content] == [0, 1] and content[1].__class__ is not dict


def _same(value: Any, item: bytes) -> bool:
    """Whether the value is encoded as cbor2 would encode it: as short as can be."""
    from cbor2 import dumps

    try:
        return bool(dumps(value) == item)
    except Exception:  # a value from a semantic tag that cbor2 does not write
        return False


def _examined(value: Any, item: bytes, offset: int, opaque: _Opaque, notes: _record.Notes) -> tuple[Any, bool]:
    """The members of a record that is not plainly as it should be, and whether it departs from the encoding.

    Raises ParseError, whose offset counts from the record's start.
    """
    from cbor2 import CBORTag

    severity = "warning" if notes.strict else "note"
    found = departure(item, 0)
    if found is not None:
        what, where = found
        notes.once("not_deterministic", severity, f"not the deterministic encoding: {what}", None, offset + where)
    if isinstance(value, CBORTag) and value.tag == ENCODED and value.value.__class__ is bytes:
        opaque.item = value.value
        value = _record_in(opaque.item)
    if value.__class__ is dict and any(key.__class__ is str for key in value):
        notes.once("text_keys", severity, "names where CBOR has numbers for keys", None, offset)
        return _numbered(value), True
    return value, found is not None


def _record_in(item: bytes) -> Any:
    """The record that was encoded once more."""
    from cbor2 import loads

    try:
        if head(item, 0).major != _MAP or item_end(item, 0) != len(item):
            raise ParseError("tag 24 around something else than one record", offset=0)
        departure(item, 0)
        return loads(item)
    except ParseError as error:
        raise refused(error.message) from None
    except Exception as error:  # whatever a semantic tag raises on bytes that somebody chose
        raise refused(_wrong(item, 0, error).message) from None


def _numbered(value: dict[Any, Any]) -> dict[Any, Any]:
    """A record with numbers in place of names. Raises ParseError if a member stands under both."""
    found = {_NAMES.get(key, key) if key.__class__ is str else key: each for key, each in value.items()}
    if len(found) != len(value):
        raise refused("a member stands under its number and its name")
    rows = found.get(3)
    if rows.__class__ is list:
        found[3] = [
            {_DIGEST_NAMES.get(key, key): each for key, each in row.items()} if row.__class__ is dict else row
            for row in rows
        ]
    return found


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log CEL-CBOR can hold: contents that have a number, or are carried by a PC Client event."""
    return _record.adapt(log, options, _ENCODING)


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of CEL records, in the deterministic encoding but for what was read in another."""
    from cbor2 import CBORTag, dumps

    header = log.header if log.header is not None and log.header.format == ID else None
    writer = Writer(_DIALECT, _ENCODING, _record.mr_key(_ENCODING, options, header))
    parts = []
    for event in log.events:
        record = as_read(event, partial(_one, event.register), numbered=True) if options.mr_key is None else None
        parts.append(record or dumps(writer.members(event), default=_write_raw))
    framing = header.get("framing", "array") if header is not None else "array"
    if framing == "array":
        count = max(len(parts), header.get("stated", 0)) if header is not None else len(parts)
        written = header.get("head") if header is not None else None
        kept = isinstance(written, bytes) and head(written, 0).argument == count
        parts.insert(0, written if kept else array_head(count))  # type: ignore[arg-type]
    elif framing in ("indefinite", "unended"):
        parts.insert(0, b"\x9f")
        if framing == "indefinite":
            parts.append(b"\xff")
    body = b"".join(parts)
    for tag in reversed(str(header.get("tags", "")).split()) if header is not None else ():
        body = dumps(CBORTag(ENCODED, body)) if int(tag) == ENCODED else _SELF_DESCRIPTION + body
    return body + log.tail


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a log, where that is all of it: see `evlog.formats`."""
    source = _record.rewritable(log, options, _ENCODING)
    records = cbor_rows.records(source) if source is not None else None
    return None if records is None else (records, 0)


def excerpt(log: Log, rows: Sequence[int]) -> bytes | None:
    """The bytes of some records as a log: see `evlog.formats`."""
    packed = log.packed
    return array_head(len(rows)) + packed.columns.gathered(rows) if packed is not None else None


def _write_raw(encoder: Any, value: Any) -> None:
    encoder.write(value.item)


def _one(register: Register, record: bytes) -> Event | None:
    """The event of one record; what is on a PCR may be on a register that has no index of its own."""
    events = read(record, NO_OPTIONS).events
    if len(events) != 1:
        return None
    event: Event = events[0]
    return (
        event.replace(register=event.register.replace(space=register.space)) if event.register.space == "pcr" else event
    )
