"""Which bytes of an event's body each field was read from: what a page lights up.

The decoders are not asked: a cursor that takes notes is put into their hands. A field's name is the one that an error
would tell, its path from the structure's outside.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.cursor import Cursor
from evlog.decoders import NO_CONTEXT, Context, decode_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.decoders import Decoded
    from evlog.model import Event

__all__ = ["Field", "layout"]

_REST = "rest"
#: A length or a tag is read in so many bytes before what it is of, under the same name.
_PIECE = 4


class Field(Record):
    """A field: its path, such as ``variable_data.list_size``, and its place in the event's body, in bytes."""

    path: str
    at: int
    size: int

    @property
    def end(self) -> int:
        """The place after its last byte."""
        return self.at + self.size


_NOTHING = Field("", 0, 0)


def layout(event: Event, context: Context = NO_CONTEXT) -> tuple[Decoded | None, tuple[Field, ...]]:
    """The body of an event decoded, as `evlog.decoders.decode` does, and its fields in the order of their bytes.

    A field inside of another follows it. Of bytes that were read more than once, to try what they are, the last reading
    counts. Fields of no bytes are left out.
    """
    noted: list[Field] = []
    decoded = decode_by(event, context, lambda data, base: _Noting(data, base, noted=noted))
    return decoded, tuple(_settled(noted))


class _Noting(Cursor):
    """A cursor that notes what is read."""

    __slots__ = ("_noted",)

    def __init__(
        self,
        data: bytes,
        base: int = 0,
        *,
        at: int = 0,
        end: int | None = None,
        where: str = "",
        big: bool = False,
        noted: list[Field],
    ) -> None:
        super().__init__(data, base, at=at, end=end, where=where, big=big)
        self._noted = noted

    def rest(self) -> bytes:
        at, size = self.at, self.left
        self._noted.append(Field(self._path(_REST), at, size))
        return super().rest()

    def _advance(self, size: int, field: str) -> int:
        at = super()._advance(size, field)
        self._noted.append(Field(self._path(field), at, size))
        return at

    def _over(self, at: int, end: int, where: str) -> Cursor:
        return _Noting(self.data, self.base, at=at, end=end, where=where, big=self.big, noted=self._noted)


def _settled(noted: list[Field]) -> list[Field]:
    """The fields without those that were read again, and with the pieces of one field as one."""
    kept: list[Field] = []
    for field in noted:
        last = kept[-1] if kept else _NOTHING
        if not field.size or (_is_rest(field) and last.end > field.at):
            continue
        if last.path == field.path and last.end == field.at and last.size <= _PIECE:
            kept[-1] = last.replace(size=last.size + field.size)
            continue
        while kept and kept[-1].end > field.at and not _within(field, kept[-1]):
            kept.pop()
        kept.append(field)
    return kept


def _is_rest(field: Field) -> bool:
    return field.path.rpartition(".")[2] == _REST


def _within(field: Field, outer: Field) -> bool:
    """Whether a field is a part of another, and not the same bytes read as something else."""
    alike = (field.at, field.size) == (outer.at, outer.size)
    beside = field.path.rpartition(".")[0] == outer.path.rpartition(".")[0]
    return outer.at <= field.at and field.end <= outer.end and not (alike and beside)
