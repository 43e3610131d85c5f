"""Furniture of the room text: how a log is to be written, as its header, the caller or its lines say."""

from __future__ import annotations

from evlog._record import Record
from evlog.formats.text.dialects import Dialect, dialect_named
from evlog.formats.text.scan import Index
from evlog.model import Header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Event, Log
    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["Style", "respelled", "style_for", "style_of"]


class Style(Record):
    """A dialect, and the register index before lines, if they have one."""

    dialect: Dialect
    index: Index | None = None

    @property
    def header(self) -> Header:
        """The style as a log's header keeps it."""
        options = [("dialect", self.dialect.id)]
        if self.index is not None:
            options.append(("index", str(self.index)))
        return Header("text", tuple(options))

    @staticmethod
    def read(header: Header | None) -> Style | None:
        """The style that a log's header keeps, or None if it is of another format."""
        if header is None or header.format != "text":
            return None
        spelled = header.get("index")
        index = None if spelled is None else Index.parse(spelled) if spelled else Index(None)
        return Style(dialect_named(str(header.get("dialect"))), index)


def style_of(log: Log, options: Options) -> Style:
    """The style in which a log of lines is to be written: what the caller says, then what its header has."""
    own = Style.read(log.header)
    if own is None:
        return style_for(log.events, options)
    dialect = dialect_named(options.dialect) if options.dialect is not None else own.dialect
    if options.index is None and own.index is not None:
        return Style(dialect, own.index)
    columns = log.columns
    registers = columns.names if columns is not None and columns.names is not None else _registers(log.events)
    return Style(dialect, _index(registers, options))


def style_for(events: Sequence[Event], options: Options) -> Style:
    """The style for lines that have none: nelr unless SYNC comes first; an index if there are several registers."""
    dialect = options.dialect
    if dialect is None:
        first = next((event.content for event in events if event.content.kind == "text" and event.measured), None)
        dialect = "tsm-text" if getattr(first, "role", None) == "sync" else "nelr"
    return Style(dialect_named(dialect), _index(_registers(events), options))


def _registers(events: Sequence[Event]) -> tuple[Register, ...]:
    return tuple(dict.fromkeys(event.register for event in events if event.content.kind == "text"))


def _index(registers: tuple[Register, ...], options: Options) -> Index | None:
    if options.index is not None:
        return Index.parse(options.index)
    if len(registers) < 2:
        return None
    spaces = {register.space for register in registers}
    (space,) = spaces if len(spaces) == 1 else (None,)
    return Index(space if space in ("pcr", "ccmr", "rtmr", "rem") else None)


def respelled(wire: bytes, register: Register, old: Index | None, new: Index | None) -> bytes:
    """A line as it stood, with another index before it or none."""
    if old == new:
        return wire
    token = wire.split(None, 1)[0] if wire.split() else b""
    if old is not None and not old.hashed and token and old.register(token) == register:
        wire = wire[wire.index(token) + len(token) :].removeprefix(b" ")
    token = b"" if new is None or new.hashed else new.token(register)
    return token + b" " + wire if token else wire
