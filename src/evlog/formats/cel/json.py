"""CEL-JSON: records as JSON objects, bytes as hex.

Spec: TCG Canonical Event Log Format 1.1, section 5.2; RFC 8259, RFC 7464 (JSON text sequences). A log is an array.
Departures accepted unless strict: one object, JSON text sequences, objects one after the other; records without a
number, digests or a content type; event types in any case, as numbers or as text of numbers; content types as numbers;
`rtmr` in place of `pcr`; libcel's and tpm2-tss' names of fields; commas before a closing bracket and comments.
"""

from __future__ import annotations

import re

from evlog._paused import CollectorPaused
from evlog._record import cache
from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError, TruncatedError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, POSSIBLE, Match
from evlog.formats.cel import record as _record
from evlog.formats.cel.dialect import Dialect
from evlog.formats.cel.reader import Reader
from evlog.formats.cel.writer import Writer
from evlog.model import Header, Origin, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, NoReturn

    from evlog.model import Event, Log, Loss
    from evlog.options import Options

ID = "cel-json"
TITLE = "TCG Canonical Event Log, JSON"

_ENCODING = _record.Encoding(ID, 0xFFFFFFFF, True, 0xFFFF, "json", True, "pcr")
_RS = "\x1e"
_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*(,)?[ \t\n\r]*")
_BETWEEN = re.compile("[ \t\n\r\x1e]*")
_MEMBERS = rb"recnum|pcr|nv_index|digests|content_type|content|rtmr|ccmr"
_MEMBER = re.compile(rb'(?:\xef\xbb\xbf)?[\x1e\s]*(\[)?\s*\{\s*"(' + _MEMBERS + rb')"')
_EMPTY = re.compile(rb"\s*\[\s*\]\s*")
# What json-c forgives, and libcel's samples ask of it. Strings are passed over, to the end if need be: a pattern that
# could fail at a quote would be tried again at every other.
_FORGIVEN = re.compile(r'"(?:[^"\\]+|\\.|\\\Z)*(?:"|\Z)|(,)(?=\s*[}\]])|(//[^\n]*)', re.DOTALL)


def sniff(data: bytes, options: Options) -> Match:
    """Certain of objects with record numbers; likely of objects that start with another member of a record."""
    head = data[:4096]
    found = _MEMBER.match(head)
    if found is None:
        return Match(POSSIBLE, "an empty array") if len(data) < 4096 and _EMPTY.fullmatch(data) else NO_MATCH
    shape = "an array of objects" if found[1] else "objects"
    if b'"recnum"' in head:
        return Match(CERTAIN, f"{shape} with record numbers")
    return Match(LIKELY, f"{shape} that start with the member {found[2].decode()}")


def _octets(value: Any) -> bytes:
    if value.__class__ is not str:
        raise ValueError("hex was expected")
    try:
        found = bytes.fromhex(value)
    except ValueError:
        found = b""
    # fromhex passes over blanks.
    if len(found) * 2 != len(value):
        raise ValueError(f"no hex: {len(value)} characters")
    return found


def _algorithm(value: str | int) -> int:
    if isinstance(value, int):
        return value
    try:
        return HashAlg.named(value[:40]).id
    except EvlogError as error:
        raise ValueError(str(error)) from None


def _spell_algorithm(alg: HashAlg) -> str:
    return alg.name if alg.known else f"0x{alg.id:04X}"


def _opaque(value: Any) -> tuple[bytes, str]:
    """A content that nobody knows: bytes if it is hex, else its JSON, compact."""
    if value.__class__ is str:
        try:
            return _octets(value), ""
        except ValueError:
            pass
    return _compact()(value).encode(), "json"


def _spell_opaque(data: bytes, syntax: str) -> Any:
    if not syntax:
        return data.hex()
    from json import loads

    return loads(data) if data else None


@cache
def _compact() -> Callable[[Any], str]:
    """An encoder without blanks."""
    from json import JSONEncoder

    return JSONEncoder(separators=(",", ":")).encode


_DIALECT = Dialect(
    recnum="recnum",
    pcr="pcr",
    indices={"pcr": "pcr", "nv_index": "nv", "rtmr": "rtmr", "ccmr": "ccmr", "nvIndex": "nv", "nvindex": "nv"},
    digests="digests",
    hash_alg="hashAlg",
    digest="digest",
    content_type="content_type",
    content="content",
    by_name=True,
    kind=str,
    plain_octets=bytes.fromhex,
    octets=_octets,
    spell_octets=bytes.hex,
    algorithm=_algorithm,
    spell_algorithm=_spell_algorithm,
    opaque=_opaque,
    spell_opaque=_spell_opaque,
)


def read(data: bytes, options: Options) -> Log:
    """Read a log; see `evlog.read`. Raises ParseError if not one record can be read."""
    from evlog.formats.cel import json_rows

    notes = _record.Notes(options)
    rows = json_rows.rows(data, _DIALECT, notes)
    if rows is not None and rows.recnums is not None:
        counted = notes.recnums(rows.recnums, rows.indices, rows.offsets)
        in_rows = rows.events(options.name, ID, counted=counted)
        rest = _record.indices(map(in_rows.__getitem__, range(1, len(in_rows))))
        space = _record.pcr_space(in_rows[0], rest, options)
        if space == "ccmr":
            # They stand as PCRs do.
            rows = rows.replace(space=space)
            in_rows = rows.events(options.name, ID, counted=counted)
        if space == rows.space:
            return _record.finish(ID, in_rows, notes, options, algorithms=rows.algorithms)
        notes = _record.Notes(options)
    text = _Text(data, notes)
    reader = Reader(_DIALECT, notes)
    events: list[Event] = []
    start = 0
    try:
        with CollectorPaused():
            for members, start, end in text.records():
                origin = Origin(options.name, ID, Span(start, end - start))
                events.append(reader.event(_renamed(members), len(events), origin))
    except ParseError as error:
        located = error if text.stopped else error.within(f"events[{len(events)}]", start)
        notes.stop(located, len(events))
        last = events[-1].origin
        text.end = last.span.offset + last.span.length if last is not None else 0
    notes.numbered(events)
    choices = [("framing", text.framing)] if text.framing != "array" else []
    choices += [("mr_key", reader.mr_key)] if reader.mr_key is not None else []
    return _record.finish(
        ID,
        _record.respaced(tuple(events), options),
        notes,
        options,
        header=Header(ID, tuple(choices)) if choices else None,
        trailing=data[text.end :],
    )


def _renamed(members: Any) -> Any:
    """tpm2-tss up to 4.0 called content type and content otherwise."""
    if members.__class__ is dict and "sub_event" in members and "content" not in members:
        members["content"] = members.pop("sub_event")
        members["content_type"] = members.pop("type", None)
    return members


class _Text:
    """The JSON text of a log, and its records one by one.

    ``framing`` is ``array``, ``record`` for one bare object, ``seq`` for a JSON text sequence, or ``lines``. ``end`` is
    the byte after the log, or after its last record if something follows the log. ``stopped`` is whether an error came
    from the text and not from a record.
    """

    def __init__(self, data: bytes, notes: _record.Notes) -> None:
        self._notes = notes
        try:
            self._text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ParseError("not UTF-8", offset=error.start) from None
        # A character is a byte, unless there are others, or a byte order mark before them all.
        self._ascii = self._text.isascii() and len(self._text) == len(data)
        self._first = len(_BOM) if data.startswith(_BOM) else 0
        self._counted = 0, self._first
        from json import JSONDecoder

        decoder: Any = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
        self._scan = decoder.scan_once
        self.framing = "array"
        self.end = 0
        self.stopped = False

    def records(self) -> Iterator[tuple[Any, int, int]]:
        """Each record with the bytes where it starts and ends."""
        text = self._text
        start = _BETWEEN.match(text).end()  # type: ignore[union-attr]
        opening = text[start : start + 1]
        if opening == "[":
            yield from self._array(start + 1)
        elif opening == "{":
            yield from self._sequence(start)
        else:
            self._fail("an array or an object was expected", start)
        if self._notes.strict and self.framing != "array":
            self._fail(f"the log is not an array ({self.framing})", 0)

    def _array(self, position: int) -> Iterator[tuple[Any, int, int]]:
        scan, byte, between = self._scan, self._byte, _COMMA.match
        last = byte(position)
        position = _space(self._text, position)
        while self._text[position : position + 1] != "]":
            try:
                value, after = scan(self._text, position)
            except (StopIteration, ValueError, RecursionError):
                value, after = self._value(position)
            start, last = byte(position), byte(after)
            yield value, start, last
            comma = between(self._text, after)
            assert comma is not None
            position = comma.end()
            closed = self._text[position : position + 1] == "]"
            if comma[1] is None and not closed:
                self._fail("a comma or the end of the array was expected", position)
            if comma[1] is not None and closed:
                self._not_json(position)
        after = _space(self._text, position + 1)
        self.end = byte(after)
        if after < len(self._text):
            message = f"{len(self._text) - after} characters after the array"
            self._notes.add("trailing_bytes", "warning", message, None, self.end)
            self.end = last

    def _sequence(self, start: int) -> Iterator[tuple[Any, int, int]]:
        text, between = self._text, _BETWEEN.match
        self.framing = "seq" if _RS in text[:start] else "lines"
        position, count = start, 0
        while position < len(text):
            value, after = self._value(position)
            yield value, self._byte(position), self._byte(after)
            count += 1
            position = between(text, after).end()  # type: ignore[union-attr]
        if count == 1 and self.framing == "lines" and text[-1:] != "\n":
            self.framing = "record"
        self.end = self._byte(position)

    def _value(self, position: int) -> tuple[Any, int]:
        """The value at a position and where it ends."""
        try:
            value, after = self._scan(self._text, position)
            return value, after
        except StopIteration as error:
            self._fail("a value was expected", error.value)
        except RecursionError:
            self._fail("nested too deeply", position)
        except ValueError as error:
            place = getattr(error, "pos", None)
            if place is None:
                self._fail(str(error)[:200], position)
            forgiven = None if self._notes.strict else _forgive(self._text)
            if forgiven is not None and forgiven != self._text:
                self._not_json(position)
                self._text = forgiven
                return self._value(position)
            message = str(getattr(error, "msg", error)).lower()
            self._fail(message, place if "unterminated" not in message else len(self._text))

    def _not_json(self, position: int) -> None:
        message = "commas before a closing bracket or comments, which JSON does not have"
        self._notes.once("not_json", "warning", message, None, self._byte(position))

    def _fail(self, message: str, position: int) -> NoReturn:
        self.stopped = True
        cut = position >= len(self._text)
        kind = TruncatedError if cut else ParseError
        raise kind(f"truncated JSON: {message}" if cut else f"not JSON: {message}", offset=self._byte(position))

    def _byte(self, position: int) -> int:
        """The byte of a character. Positions grow, so what was counted is not counted again."""
        if self._ascii:
            return position
        character, byte = self._counted
        if position < character:
            return self._first + len(self._text[:position].encode())
        self._counted = position, byte + len(self._text[character:position].encode())
        return self._counted[1]


def _space(text: str, position: int) -> int:
    """The position after the blanks at a position."""
    found = _SPACE.match(text, position)
    return found.end() if found is not None else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"member {twice[:40]!r} stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _forgive(text: str) -> str:
    """The text with blanks for what json-c forgives: every position stays where it is."""
    return _FORGIVEN.sub(lambda found: " " * len(found[0]) if found[1] or found[2] else found[0], text)


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log CEL-JSON can hold: contents that have a name or a number, or are carried by a PC Client event."""
    return _record.adapt(log, options, _ENCODING)


def write(log: Log, options: Options) -> bytes:
    """The text of a log of CEL records, framed as it was read."""
    header = log.header if log.header is not None and log.header.format == ID else None
    writer = Writer(_DIALECT, _ENCODING, _record.mr_key(_ENCODING, options, header))
    compact = _compact()
    rows = [compact(writer.members(event)) for event in log.events]
    framing = header.get("framing", "array") if header is not None else "array"
    if framing == "array":
        # What follows the last record of a damaged array stands in for its end.
        end = b"" if log.tail else b"\n]\n" if rows else b"]\n"
        return b"[" + ",".join("\n" + row for row in rows).encode() + end + log.tail
    before, after = {"seq": (_RS, "\n"), "lines": ("", "\n")}.get(str(framing), ("", ""))
    text = "".join(before + row + after for row in rows)
    # What follows a damaged record's predecessor begins with the end of its line.
    return (text.removesuffix(after) if log.tail else text).encode() + log.tail


def rewrite(log: Log, options: Options) -> tuple[bytes, int] | None:
    """What `write` makes of what `adapt` takes of a log, where that is all of it: see `evlog.formats`."""
    from evlog.formats.cel import json_rows

    source = _record.rewritable(log, options, _ENCODING)
    records = json_rows.records(source, _DIALECT) if source is not None else None
    return None if records is None else (records, 0)
