"""What decoders return: values that say what they are, on one line and as JSON."""

from __future__ import annotations

from operator import attrgetter

from evlog._record import Record
from evlog.contents._printable import printable
from evlog.decoders._text import ascii_text, is_text
from evlog.errors import ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from typing_extensions import Self

    from evlog.cursor import Cursor
    from evlog.decoders._context import Context
    from evlog.model import Event

__all__ = ["Decoded", "NotKnownError", "Raw", "forks_of", "is_sound", "to_json", "told_of"]


class Decoded(Record):
    """A decoded structure. ``kind`` is its name in JSON.

    Fields are int, str, bool, bytes, None, further records, and tuples of these. A class with a field ``trailing:
    bytes = b""`` gets there the bytes that follow the structure; for any other class such bytes are an error.
    ``_hidden`` names fields that JSON leaves out, because others say the same.
    """

    kind: ClassVar[str] = ""
    _hidden: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Self:
        """Read the structure. Raises ParseError."""
        raise ParseError(f"a {cls.kind} is never the whole body of an event")

    def placed(self, event: Event, context: Context) -> Decoded:
        """The same with what the event's digests and its place in the log tell, where the body does not tell all."""
        return self

    def unplaced(self) -> Decoded:
        """The same without where in memory something lay, which two boots of a machine need not have in common."""
        return self

    @property
    def summary(self) -> str:
        """What matters to a person, on one line that is safe to print."""
        return printable(self.describe())

    def describe(self) -> str:
        """The text of `summary`, which may hold any character."""
        return self.kind.replace("_", " ")


class NotKnownError(ParseError):
    """A body that is nothing which its decoder knows, and nothing says that it ought to be: it is not damaged."""


class Raw(Decoded):
    """Bytes that no decoder understood, and why.

    ``damaged`` is whether they ought to be a structure that they are not.
    """

    reason: str
    data: bytes
    damaged: bool = False

    kind = "raw"
    _hidden = ("damaged",)

    @classmethod
    def after(cls, error: Exception, data: bytes) -> Raw:
        """The bytes that a decoder gave up on."""
        if isinstance(error, ParseError):
            return cls(str(error), data, not isinstance(error, NotKnownError))
        # A fault of the decoder, or of its file, must not cost the log.
        return cls(f"decoder failed: {type(error).__name__}: {error}", data, damaged=True)

    def describe(self) -> str:
        if is_text(self.data):
            return ascii_text(self.data)
        if not self.data:
            return "empty"
        return f"{len(self.data)} bytes: {self.data[:16].hex()}{'…' if len(self.data) > 16 else ''}"


def to_json(decoded: Record | None) -> dict[str, Any] | None:
    """A decoded value as JSON: ``kind``, if it has one, and its fields; bytes are lower-case hex, tuples lists."""
    if decoded is None:
        return None
    members: dict[str, Any] = _members(decoded)
    return members


def _members(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_members(item) for item in value]
    if isinstance(value, Record):
        members = {field: _members(getattr(value, field)) for field in told_of(kind)}
        return {"kind": value.kind, **members} if isinstance(value, Decoded) else members
    return value


def told_of(cls: type[Record]) -> tuple[str, ...]:
    """The fields that JSON has."""
    found = _told.get(cls)
    if found is None:
        hidden = getattr(cls, "_hidden", ())
        found = _told[cls] = tuple(field for field in cls._fields if field not in hidden)
    return found


def forks_of(cls: type[Record]) -> tuple[str, ...]:
    """The fields that may hold more than a scalar, by their annotations: records, tuples, notes."""
    found = _forks.get(cls)
    if found is None:
        kinds: dict[str, object] = {}
        for base in reversed(cls.__mro__):
            kinds.update(vars(base).get("__annotations__", {}))
        found = _forks[cls] = tuple(field for field in cls._fields if not _is_scalar(kinds.get(field)))
    return found


def _is_scalar(annotation: object) -> bool:
    return isinstance(annotation, str) and _SCALARS.issuperset(map(str.strip, annotation.split("|")))


def is_sound(record: Record) -> bool:
    """Whether nothing in a value is `Raw`, and no notes say anything."""
    values_of, noted = _fork_values.get(type(record)) or _fork(type(record))
    for value in values_of(record):
        if value is None:
            continue
        if isinstance(value, Record):
            if not is_sound(value):
                return False
        elif isinstance(value, tuple):
            for each in value:
                if isinstance(each, Record) and not is_sound(each):
                    return False
    return not (isinstance(record, Raw) or (noted and record.notes))  # type: ignore[attr-defined]


def _fork(cls: type[Record]) -> tuple[Callable[[Any], tuple[Any, ...]], bool]:
    """What takes the values of `forks_of` out of a record; and whether notes are among them."""
    names = forks_of(cls)
    many = attrgetter(*names) if len(names) > 1 else None
    found = many or (lambda value: tuple([getattr(value, name) for name in names])), "notes" in names
    _fork_values[cls] = found
    return found


_PLAIN = frozenset((str, int, bool, type(None)))
_SCALARS = frozenset(("str", "int", "bool", "bytes", "None"))
# By class, of which there is a fixed number.
_told: dict[type[Record], tuple[str, ...]] = {}
_forks: dict[type[Record], tuple[str, ...]] = {}
_fork_values: dict[type[Record], tuple[Callable[[Any], tuple[Any, ...]], bool]] = {}
