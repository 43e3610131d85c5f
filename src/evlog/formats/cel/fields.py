"""Content types as CBOR or JSON values.

Spec: TCG Canonical Event Log Format 1.1, section 5.2. Departures accepted unless strict: aliases of names, names where
CBOR has numbers, several items of management in a list.
"""

from __future__ import annotations

from evlog.contents._celtype import CelType, Fields, Items, Octets, Text, Uint
from evlog.formats.cel.dialect import what
from evlog.formats.cel.scan import MAX_DIGESTS
from evlog.formats.cel.types import TYPE_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from evlog.formats.cel.dialect import Dialect, Key
    from evlog.formats.cel.record import Notes

__all__ = ["decoder_of", "encoder", "fields_decoder", "spelled"]


def decoder_of(shape: Any, dialect: Dialect, notes: Notes) -> Callable[[Any], Any]:
    """A function from a CBOR or JSON value to the value of the shape, which raises ValueError saying what is wrong."""
    if isinstance(shape, Uint):
        return _uint_decoder(shape)
    if isinstance(shape, Text):
        return _text
    if isinstance(shape, Octets):
        return dialect.octets
    if isinstance(shape, Fields):
        return fields_decoder(shape, dialect, notes, tuple)
    return _items_decoder(shape, dialect, notes)


def _uint_decoder(shape: Uint) -> Callable[[Any], int]:
    last = (1 << shape.bits) - 1
    named = {name.upper(): number for number, name in shape.names.items()} | dict(shape.aliases)

    def decode(value: Any) -> int:
        number = value
        if value.__class__ is str:
            number = named.get(value)
            if number is None and named:
                number = _number_of(value, named)
        if number.__class__ is not int or not 0 <= number <= last:
            raise ValueError(f"a number of {shape.bits} bits was expected, not {what(value)}")
        return int(number)

    return decode


def _number_of(text: str, named: Mapping[str, int]) -> int:
    """A name in another case, or a number as text, which is what pcrlock writes of a type that it does not know."""
    found = named.get(text.upper())
    if found is None:
        base = 16 if text[:2] in ("0x", "0X") else 10
        digits = text[2:] if base == 16 else text
        if not digits.isalnum() or not digits.isascii():
            raise ValueError(f"unknown name {text[:40]!r}")
        try:
            found = int(digits, base)
        except ValueError:
            raise ValueError(f"unknown name {text[:40]!r}") from None
    return found


def _text(value: Any) -> str:
    if value.__class__ is not str:
        raise ValueError(f"text was expected, not {what(value)}")
    return str(value)


def fields_decoder(
    shape: Fields, dialect: Dialect, notes: Notes, build: Callable[[list[Any]], Any]
) -> Callable[[Any], Any]:
    """A function from a map to what ``build`` makes of the values of its fields."""
    names = [name for name, _ in shape.fields]
    rows: list[tuple[Key, Callable[[Any], Any]]] = [
        (name if dialect.by_name else number, decoder_of(atom, dialect, notes))
        for number, (name, atom) in enumerate(shape.fields)
    ]
    keys = [key for key, _ in rows]

    count = len(rows)

    def decode(value: Any) -> Any:
        if value.__class__ is not dict:
            raise ValueError(f"a map of {' and '.join(names)} was expected, not {what(value)}")
        try:
            found = [read(value[key]) for key, read in rows]
        except KeyError:
            return decode(renamed(value))
        if len(value) != count:
            notes.unknown(value.keys() - set(keys))
        return build(found)

    def renamed(value: Any) -> dict[Key, Any]:
        """The value with names in place of aliases, or numbers in place of names."""
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
        number: None if inner is None else decoder_of(inner, dialect, notes)
        for number, (_, inner) in shape.choices.items()
    }
    type_key: Key = "type" if dialect.by_name else 0
    data_key: Key = "data" if dialect.by_name else 1

    def item(value: Any) -> tuple[int, Any]:
        if value.__class__ is not dict:
            raise ValueError(f"a map of type and data was expected, not {what(value)}")
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


def spelled(dialect: Dialect, type: Key) -> Key:
    if not dialect.by_name or isinstance(type, str):
        return type
    return next((name for name, number in TYPE_NAMES.items() if number == type), type)


def encoder(dialect: Dialect, type: CelType) -> Callable[[Any], Any]:
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
