"""Records and contents as maps: what CEL-CBOR and CEL-JSON have in common.

Spec: TCG Canonical Event Log Format 1.1, section 5.2: one CDDL for both, whose labels are numbers in CBOR and names in
JSON. A `Dialect` is the difference between the two.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents._celtype import TYPE_NAMES, CelType, Fields, Items, Octets, Text, Uint, declared, written
from evlog.contents.opaque import Opaque
from evlog.errors import ParseError, WriteError
from evlog.formats.cel._record import no_place
from evlog.formats.cel._scan import MAX_DIGEST_SIZE, MAX_DIGESTS
from evlog.model import Digest, Event, Origin
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from evlog.formats.cel._record import Encoding, Notes
    from evlog.model import Content

    Key = int | str

__all__ = ["Dialect", "Reader", "Writer", "refused"]

#: RTMR[0] is measurement register 1 of a CCEL.
FIRST_RTMR = 1

_LAST_RECNUM = (1 << 64) - 1
_LAST_INDEX = (1 << 32) - 1


class Dialect(Record):
    """How an encoding spells what is in a record.

    The keys are those of a record's members; ``indices`` maps the keys of a register to its space. ``octets`` and
    ``algorithm`` read bytes and an algorithm or raise ValueError, ``spell_octets`` and ``spell_algorithm`` write them.
    ``opaque`` gives the bytes, and their syntax, of a content that nobody knows; ``spell_opaque`` is its inverse.
    ``by_name`` is True if fields go by their names and numbers that have names by those.
    """

    recnum: Key
    indices: Mapping[Key, str]
    digests: Key
    hash_alg: Key
    digest: Key
    content_type: Key
    content: Key
    by_name: bool
    octets: Callable[[Any], bytes]
    spell_octets: Callable[[bytes], Any]
    algorithm: Callable[[Any], int]
    spell_algorithm: Callable[[HashAlg], Any]
    opaque: Callable[[Any], tuple[bytes, str]]
    spell_opaque: Callable[[bytes, str], Any]


def refused(message: str, where: str = "") -> ParseError:
    """A ParseError about a record, at its offset."""
    return ParseError(message, offset=0, where=where)


def uint(value: Any, last: int, where: str) -> int:
    """An unsigned integer, which True is not."""
    if type(value) is not int:
        raise refused(f"a number was expected, not {_what(value)}", where)
    if not 0 <= value <= last:
        raise refused(f"a number from 0 to {last} was expected", where)
    return int(value)


def _what(value: Any) -> str:
    """The kind of a value, for messages."""
    names = {dict: "a map", list: "a list", str: "text", bytes: "bytes", type(None): "nothing", float: "a fraction"}
    return names.get(type(value), type(value).__name__)


class Reader:
    """Makes events from maps, and remarks on them."""

    def __init__(self, dialect: Dialect, format: str, name: str, notes: Notes) -> None:
        self._dialect = dialect
        self._format = format
        self._name = name
        self._notes = notes
        self._registers: dict[tuple[str, int], Register] = {}
        self._algorithms: dict[tuple[Any, int], tuple[HashAlg, bool]] = {}
        self._decoders: dict[Key, Callable[[Any], Content]] = {}
        #: How the log spells CC measurement registers, if it has any under a key of their own.
        self.mr_key: str | None = None
        self._known = frozenset(
            (dialect.recnum, *dialect.indices, dialect.digests, dialect.content_type, dialect.content)
        )

    def event(self, members: Any, row: int, origin: Origin, wire: bytes | None = None) -> Event:
        """The event of a record. Raises ParseError, whose offset counts from the record's start."""
        dialect, notes, offset = self._dialect, self._notes, origin.span.offset
        if type(members) is not dict:
            raise refused(f"a record is a map, not {_what(members)}")
        recnum = members.get(dialect.recnum)
        if recnum is not None:
            recnum = uint(recnum, _LAST_RECNUM, "recnum")
        elif notes.strict:
            raise refused("a record without a record number", "recnum")
        register = self._register(members)
        digests, remarkable = self._digests(members.get(dialect.digests))
        content = self._content(members, row, offset)
        event = Event(row, register, digests, content, recnum, origin, wire)
        if len(members) != 5 and not self._known.issuperset(members):
            notes.unknown(members.keys() - self._known, row, offset)
        if remarkable:
            notes.digests(digests, row, offset)
        elif not digests and event.measured:
            notes.no_digests(row, offset)
        if register.space == "nv":
            notes.register(register, row, offset)
        return event

    def _register(self, members: dict[Any, Any]) -> Register:
        found = [key for key in self._dialect.indices if key in members]
        if len(found) != 1:
            wanted = " or ".join(map(str, self._dialect.indices))
            raise refused(f"{len(found)} registers in a record, one of {wanted} was expected", "index")
        index = uint(members[found[0]], _LAST_INDEX, str(found[0]))
        space = self._dialect.indices[found[0]]
        register = self._registers.get((space, index))
        if register is None:
            # systemd counts the registers of TDX as TDX does.
            register = Register("ccmr", index + FIRST_RTMR) if space == "rtmr" else Register(space, index)
            self._registers[space, index] = register
            if register.space == "ccmr":
                self.mr_key = "rtmr" if space == "rtmr" else "type108"
        return register

    def _digests(self, rows: Any) -> tuple[tuple[Digest, ...], bool]:
        """The digests of a record, and whether there is something to say about them."""
        dialect, algorithms = self._dialect, self._algorithms
        if rows is None and not self._notes.strict:
            return (), False
        if type(rows) is not list:
            raise refused(f"a list of digests was expected, not {_what(rows)}", "digests")
        if len(rows) > MAX_DIGESTS:
            raise refused(f"{len(rows)} digests in a record, at most {MAX_DIGESTS} can be", "digests")
        alg_key, digest_key, octets = dialect.hash_alg, dialect.digest, dialect.octets
        digests = []
        seen: list[int] = []
        remarkable = False
        for number, row in enumerate(rows):
            try:
                if row.__class__ is not dict:
                    raise ValueError(f"a map was expected, not {_what(row)}")
                name = row[alg_key]
                value = octets(row[digest_key])
                alg, odd = algorithms.get((name, len(value))) or self._algorithm(name, len(value))
            except KeyError as error:
                raise refused(f"a digest without {error}", f"digests[{number}]") from None
            except (TypeError, ValueError) as error:
                raise refused(str(error), f"digests[{number}]") from None
            remarkable = remarkable or odd or alg.id in seen
            seen.append(alg.id)
            digests.append(Digest(alg, value))
        return tuple(digests), remarkable

    def _algorithm(self, name: Any, size: int) -> tuple[HashAlg, bool]:
        """An algorithm for digests of this size, and whether it has another."""
        number = self._dialect.algorithm(name)
        if not 0 <= number <= 0xFFFF:
            raise ValueError(f"algorithm {number} has more than 16 bits")
        if not 0 < size <= MAX_DIGEST_SIZE:
            raise ValueError(f"a digest of {size} bytes, 1 to {MAX_DIGEST_SIZE} can be")
        alg = HashAlg.of(number, size)
        found = self._algorithms[name, size] = alg, alg.known and alg != HashAlg.of(number)
        return found

    def _content(self, members: dict[Any, Any], row: int, offset: int) -> Content:
        dialect = self._dialect
        type = members.get(dialect.content_type)
        value = members.get(dialect.content)
        decoder = self._decoders.get(type) if type.__class__ in (str, int) else None
        if decoder is None:
            if type is None:
                return self._untyped(value)
            decoder = self._decoder(type)
        try:
            return decoder(value)
        except ValueError as error:
            number = _type_number(type)
            self._notes.bad_content(str(type)[:40], error, row, offset)
            return Opaque(str(type) if number is None else number, *dialect.opaque(value))

    def _untyped(self, value: Any) -> Content:
        """A record without a content type: early systemd's, told by its string, or one that nobody named."""
        if self._notes.strict:
            raise refused("a record without a content type", "content_type")
        if type(value) is dict and "string" in value:
            return self._decoder("systemd")(value)
        data, syntax = self._dialect.opaque(value) if value is not None else (b"", "json")
        return Opaque("", data, syntax)

    def _decoder(self, type: Any) -> Callable[[Any], Content]:
        """A function from the content's value to the content."""
        number = _type_number(type)
        dialect = self._dialect
        if type.__class__ is bool or (number is None and type.__class__ is not str):
            raise refused(f"a content type is a number or a name, not {_what(type)}", "content_type")
        if number is not None and not 0 <= number <= _LAST_INDEX:
            raise refused(f"content type {number} has more than 32 bits", "content_type")
        found = self._known_decoder(number) if number is not None else None
        if found is None:
            name = number if number is not None else type
            found = lambda value: Opaque(name, *dialect.opaque(value))  # noqa: E731
        # A log may name types without end.
        if len(self._decoders) < 256:
            self._decoders[type] = found
        return found

    def _known_decoder(self, number: int) -> Callable[[Any], Content] | None:
        known = declared(number)
        if known is None:
            return None
        kind, dialect = known[0], self._dialect
        type = written(kind)
        # Another number of the same kind has fields of its own in TLV, but one name and one form in JSON.
        if type is None or (type.number != number and not dialect.by_name):
            return None
        written_number = type.number
        read = _decoder_of(type.shape, dialect, self._notes)
        if isinstance(type.shape, Octets) and type.shape.members and dialect.by_name:
            from_members: Callable[[Any], Content] = kind.from_members  # type: ignore[attr-defined]
            return lambda value: (
                from_members(value) if value.__class__ is dict else kind.from_cel(written_number, read(value))
            )
        return lambda value: kind.from_cel(written_number, read(value))


def _type_number(type: Any) -> int | None:
    """The number of a content type by its name in any case, or itself; None for a name that is not known."""
    if type.__class__ is int:
        return int(type)
    return TYPE_NAMES.get(type.lower()) if type.__class__ is str else None


def _decoder_of(shape: Any, dialect: Dialect, notes: Notes) -> Callable[[Any], Any]:
    """A function from a CBOR or JSON value to the value of the shape, which raises ValueError saying what is wrong."""
    if isinstance(shape, Uint):
        return _uint_decoder(shape)
    if isinstance(shape, Text):
        return _text
    if isinstance(shape, Octets):
        return dialect.octets
    if isinstance(shape, Fields):
        return _fields_decoder(shape, dialect, notes)
    return _items_decoder(shape, dialect, notes)


def _uint_decoder(shape: Uint) -> Callable[[Any], int]:
    last = (1 << shape.bits) - 1
    named = {name.upper(): number for number, name in shape.names.items()} | dict(shape.aliases)

    def decode(value: Any) -> int:
        if value.__class__ is str and shape.names:
            found = named.get(value)
            if found is None:
                found = named.get(value.upper())
            if found is None:
                try:
                    # pcrlock writes types that it does not know as decimal text.
                    found = int(value, 16) if value[:2].lower() == "0x" else int(value)
                except ValueError:
                    raise ValueError(f"unknown name {value[:40]!r}") from None
            value = found
        if value.__class__ is not int or not 0 <= value <= last:
            raise ValueError(f"a number of {shape.bits} bits was expected, not {_what(value)}")
        return int(value)

    return decode


def _text(value: Any) -> str:
    if value.__class__ is not str:
        raise ValueError(f"text was expected, not {_what(value)}")
    return str(value)


def _fields_decoder(shape: Fields, dialect: Dialect, notes: Notes) -> Callable[[Any], Any]:
    names = [name for name, _ in shape.fields]
    rows: list[tuple[Key, Callable[[Any], Any]]] = [
        (name if dialect.by_name else number, _decoder_of(atom, dialect, notes))
        for number, (name, atom) in enumerate(shape.fields)
    ]
    keys = [key for key, _ in rows]

    def decode(value: Any) -> tuple[Any, ...]:
        try:
            found = tuple([read(value[key]) for key, read in rows])
        except (KeyError, TypeError):
            return decode(renamed(value))
        if len(value) != len(rows):
            notes.unknown(value.keys() - set(keys))
        return found

    def renamed(value: Any) -> dict[Key, Any]:
        """The value with names in place of aliases, or numbers in place of names."""
        if value.__class__ is not dict:
            raise ValueError(f"a map of {' and '.join(names)} was expected, not {_what(value)}")
        found: dict[Key, Any] = {}
        for key, each in value.items():
            name = shape.aliases.get(key, key) if key.__class__ is str else key
            found[name if name in keys else keys[names.index(name)] if name in names else name] = each
        missing = [name for key, name in zip(keys, names, strict=True) if key not in found]
        if missing or notes.strict or len(found) != len(value):
            raise ValueError(f"member {missing[0]} is missing" if missing else "members under other names")
        return found

    return decode


def _items_decoder(shape: Items, dialect: Dialect, notes: Notes) -> Callable[[Any], Any]:
    named = {name: number for number, (name, _) in shape.choices.items()}
    readers = {
        number: None if inner is None else _decoder_of(inner, dialect, notes)
        for number, (_, inner) in shape.choices.items()
    }
    type_key: Key = "type" if dialect.by_name else 0
    data_key: Key = "data" if dialect.by_name else 1

    def item(value: Any) -> tuple[int, Any]:
        if value.__class__ is not dict:
            raise ValueError(f"a map of type and data was expected, not {_what(value)}")
        if value and not dialect.by_name and not notes.strict and all(key.__class__ is str for key in value):
            value = {{"type": 0, "data": 1}.get(key, key): each for key, each in value.items()}
        number = value.get(type_key)
        if number.__class__ is str:
            number = named.get(number.lower(), number)
        if number.__class__ is int and not notes.strict:
            number = shape.aliases.get(number, number)
        if number.__class__ not in (int, str) or number not in readers:
            raise ValueError(f"unknown item type {str(number)[:40]}")
        if value.keys() - {type_key, data_key}:
            raise ValueError("an item has more members than type and data")
        read = readers[number]
        if (read is None) == (data_key in value):
            raise ValueError(f"{shape.choices[number][0]} {'without' if read else 'with'} data")
        return number, read(value[data_key]) if read is not None else None

    def decode(value: Any) -> tuple[tuple[int, Any], ...]:
        items = value if value.__class__ is list else [value]
        if not items or len(items) > MAX_DIGESTS or (notes.strict and value.__class__ is list):
            raise ValueError(f"{len(items)} items where there is one")
        return tuple([item(each) for each in items])

    return decode


class Writer:
    """Makes maps of events."""

    def __init__(self, dialect: Dialect, encoding: Encoding, mr_key: str) -> None:
        self._dialect = dialect
        self._encoding = encoding
        keys = {space: key for key, space in reversed(list(dialect.indices.items()))}
        ccmr = {"type108": "ccmr", "rtmr": "rtmr" if "rtmr" in keys else "pcr"}.get(mr_key, "pcr")
        self._keys = {"pcr": keys["pcr"], "nv": keys["nv"], "ccmr": keys[ccmr], "rtmr": keys["pcr"], "rem": keys["pcr"]}
        self._shift = FIRST_RTMR if ccmr == "rtmr" else 0
        self._algorithms: dict[HashAlg, Any] = {}
        self._encoders: dict[type[Content], tuple[Key, Callable[[Any], Any]]] = {}

    def members(self, event: Event) -> dict[Any, Any]:
        """The record of an event. Raises WriteError for what the encoding does not hold."""
        dialect = self._dialect
        register = event.register
        key = self._keys.get(register.space)
        if key is None:
            raise WriteError(no_place(register), event=event.number)
        alg_key, digest_key, spell = dialect.hash_alg, dialect.digest, dialect.spell_octets
        algorithms = self._algorithms
        for digest in event.digests:
            if digest.alg not in algorithms:
                algorithms[digest.alg] = dialect.spell_algorithm(digest.alg)
        members: dict[Any, Any] = {} if event.recnum is None else {dialect.recnum: event.recnum}
        members[key] = register.index
        if self._shift and register.space == "ccmr":
            members[key] = register.number - self._shift
        members[dialect.digests] = [
            {alg_key: algorithms[digest.alg], digest_key: spell(digest.value)} for digest in event.digests
        ]
        try:
            type, value = self._content(event.content)
        except WriteError as error:
            raise WriteError(str(error), event=event.number) from error
        if type != "":
            members[dialect.content_type] = type
        if value is not None:
            members[dialect.content] = value
        if key.__class__ is int and key > dialect.content:  # type: ignore[operator]
            # Keys in order are what makes the encoding deterministic.
            members[key] = members.pop(key)
        return members

    def _content(self, content: Content) -> tuple[Key, Any]:
        """The content type and the content."""
        found = self._encoders.get(content.__class__)
        if found is not None:
            return found[0], found[1](content)
        type = written(content.__class__)
        if type is not None:
            self._encoders[content.__class__] = _spelled(self._dialect, type.number), _encoder(self._dialect, type)
            return self._content(content)
        if not isinstance(content, Opaque):
            raise WriteError(f"a {content.kind} record has no place in a CEL")
        unnumbered = content.type.__class__ is str and not self._encoding.named
        if content.syntax not in ("", self._encoding.syntax) or unnumbered:
            format, what = self._encoding.format, content.syntax or "bytes"
            raise WriteError(f"{format} does not hold {what} of content type {content.type!r}")
        return _spelled(self._dialect, content.type), self._dialect.spell_opaque(content.data, content.syntax)


def _spelled(dialect: Dialect, type: Key) -> Key:
    if not dialect.by_name or isinstance(type, str):
        return type
    return next((name for name, number in TYPE_NAMES.items() if number == type), type)


def _encoder(dialect: Dialect, type: CelType) -> Callable[[Any], Any]:
    """A function from a content to a CBOR or JSON value."""
    write = _encoder_of(type.shape, dialect)
    if isinstance(type.shape, Octets) and type.shape.members and dialect.by_name:
        return lambda content: _text_or(content.to_members(), lambda: write(content.to_cel()))
    return lambda content: write(content.to_cel())


def _text_or(members: dict[str, Any], spell: Callable[[], Any]) -> Any:
    """systemd's object, or the form of the specification if there is nothing but the string."""
    return spell() if members.keys() == {"string"} else members


def _encoder_of(shape: Any, dialect: Dialect) -> Callable[[Any], Any]:
    """A function from the value of the shape to a CBOR or JSON value."""
    if isinstance(shape, Uint):
        names = shape.names if dialect.by_name else {}
        return lambda value: names.get(value, value)
    if isinstance(shape, Text):
        return str
    if isinstance(shape, Octets):
        return dialect.spell_octets
    if isinstance(shape, Fields):
        rows = [
            (name if dialect.by_name else number, _encoder_of(atom, dialect))
            for number, (name, atom) in enumerate(shape.fields)
        ]
        return lambda value: {key: write(each) for (key, write), each in zip(rows, value, strict=True)}
    return _items_encoder(shape, dialect)


def _items_encoder(shape: Items, dialect: Dialect) -> Callable[[Any], Any]:
    writers = {
        number: None if inner is None else _encoder_of(inner, dialect) for number, (_, inner) in shape.choices.items()
    }

    def item(number: int, value: Any) -> dict[Key, Any]:
        write = writers[number]
        if dialect.by_name:
            members: dict[Key, Any] = {"type": shape.choices[number][0]}
            return members if write is None else {**members, "data": write(value)}
        return {0: number} if write is None else {0: number, 1: write(value)}

    def encode(items: tuple[tuple[int, Any], ...]) -> Any:
        written = [item(*each) for each in items]
        return written[0] if len(written) == 1 else written

    return encode
