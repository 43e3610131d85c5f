"""Readers of event bodies: for each event type and register the decoders that claim it, and the bodies met last.

Machines that are alike have bodies that are: of the same bytes, read the same way, one value is made. What is kept is
bounded, and is only what no place in a file stands in: neither damage nor notes.
"""

from __future__ import annotations

from itertools import count

from evlog.cursor import Cursor
from evlog.decoders import _registry
from evlog.decoders._decoded import Raw, is_sound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.decoders._context import Context
    from evlog.decoders._decoded import Decoded
    from evlog.registers import Register

__all__ = ["Reader", "forget", "read_whole", "reader_of"]

#: Readers that are kept; a log has a few.
_READERS = 1 << 10


class Met:
    """What was made of bodies, by reader: of some bytes of bodies, and then it begins anew."""

    most = 1 << 20
    #: What one costs besides its bytes.
    entry = 256

    def __init__(self) -> None:
        self._held = 0
        self.values: dict[tuple[int, bytes], Decoded] = {}

    def keep(self, number: int, data: bytes, decoded: Decoded) -> None:
        """Keep what the reader of this number made of a body."""
        self._held += self.entry + len(data)
        if self._held > self.most:
            self.forget()
            self._held = self.entry + len(data)
        self.values[number, data] = decoded

    def forget(self) -> None:
        """Begin anew."""
        self.values.clear()
        self._held = 0


_met = Met()
_numbers = count()


class Reader:
    """Reads the bodies of events of one type on one register, of logs with one context."""

    __slots__ = ("_claims", "_context", "_number", "_type")

    def __init__(self, event_type: int, register: Register, context: Context) -> None:
        self._claims = _registry.claims_of(event_type, register, context.platform)
        # What the log's other events tell is for `Decoded.placed`.
        self._context = context.replace(events=()) if context.events else context
        self._type = event_type
        self._number = next(_numbers)

    def met(self, data: bytes) -> Decoded | None:
        """What was made of the same body, if that is still known."""
        return _met.values.get((self._number, data))

    def decode(self, data: bytes, base: int) -> Decoded:
        """What `evlog.decoders.decode` makes of a body, but for `Decoded.placed`. ``base`` is its place in the file."""
        found = _met.values.get((self._number, data))
        if found is not None:
            return found
        try:
            return self.read(data, base)
        except Exception as error:
            return Raw.after(error, data)

    def read(self, data: bytes, base: int, cursor: Callable[[bytes, int], Cursor] = Cursor) -> Decoded:
        """The same, whether it was met or not. Raises ParseError, and whatever a faulty decoder raises."""
        for claim in self._claims:
            if data.startswith(claim.prefix):
                break
        else:
            return Raw(_unclaimed(self._type), data)
        decoded = read_whole(claim.read, cursor(data, base), self._context)
        if not claim.own and is_sound(decoded):
            _met.keep(self._number, data, decoded)
        return decoded


def reader_of(event_type: int, register: Register, context: Context) -> Reader:
    """The reader for events of a type on a register. Raises whatever the file of a decoder raises when imported."""
    readers = _registry.readers
    key = event_type, register, context.uintn, context.vendor_info, context.platform
    found = readers.get(key)
    if found is None:
        found = Reader(event_type, register, context)
        if len(readers) >= _READERS:
            readers.clear()
        readers[key] = found
    return found


def forget() -> None:
    """Forget all bodies that were met."""
    _met.forget()


def read_whole(read: Callable[[Cursor, Context], Decoded], cursor: Cursor, context: Context) -> Decoded:
    """Read a whole body: what the decoder leaves over becomes ``trailing``, or is an error."""
    decoded = read(cursor, context)
    if cursor.left:
        if "trailing" not in type(decoded)._fields:
            raise cursor.error(f"{cursor.left} bytes after the {decoded.kind.replace('_', ' ')}")
        return decoded.replace(trailing=cursor.rest())
    return decoded


def _unclaimed(event_type: int) -> str:
    from evlog.contents.event_types import EVENT_TYPES

    name = EVENT_TYPES.get(event_type)
    return f"no decoder for this {name}" if name else f"unknown event type {event_type:#010x}"
