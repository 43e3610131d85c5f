"""The events of a long log of PC Client events, out of its records: none is made but one of each kind.

What an event is read as hangs on its type, its register, the digests that it has, and its data. So all that is to be
said of an event but its numbers, its digests and its data is said once for each kind of them.
"""

from __future__ import annotations

from evlog.contents.event_types import LAUNCH_MARKERS
from evlog.contents.pcclient import PCClientEvent
from evlog.decoders import Context, Decoded, decode, is_sound, reader_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from evlog.checking.bodies import Bodies
    from evlog.columns import Packed
    from evlog.decoders import Reader
    from evlog.model import Event, Log

    #: A register's index, an event type, and the number of a digest layout.
    Key: TypeAlias = tuple[int, int, int]

__all__ = ["Kind", "PackedRows", "packed_in_place"]

#: Kinds that are kept: only a hostile log has so many.
_KINDS = 1 << 10


class Kind:
    """Events of one type, on one register, with digests of the same algorithms: the first of them, and their reader.

    ``reader`` is None if more than that tells what such an event is. ``text`` is for whoever prints them.
    """

    __slots__ = ("event", "measured", "reader", "text")

    def __init__(self, event: Event, reader: Reader | None) -> None:
        self.event = event
        self.measured = event.measured
        self.reader = reader
        self.text: str | None = None


def packed_in_place(log: Log) -> Packed | None:
    """The records of a log, if its events were read where these stand, as bytes."""
    packed = log.packed
    return packed if packed is not None and packed.placed and not packed.columns.spelled else None


class PackedRows:
    """The rows of a log by their fields."""

    def __init__(self, log: Log, packed: Packed) -> None:
        self._log, self._packed = log, packed
        self.context = Context.of(log)
        self._kinds: dict[Key, Kind] = {}

    def rows(self, numbers: Iterable[int]) -> Iterator[tuple[int, Key, int, int, Sequence[bytes], bytes]]:
        """Of each number the kind's key, where the record begins and ends, its digests, and its data."""
        columns = self._packed.columns
        data, offsets, layout_of = columns.buffer, columns.offsets, columns.layout_of
        last = len(offsets) - 1
        shapes = [(each.record.unpack_from, each.record.size, each.type, each.digests) for each in self._packed.fields]
        for number in numbers:
            offset = offsets[number]
            end = offsets[number + 1] if number < last else columns.end
            layout = layout_of[number] if layout_of is not None else 0
            unpack, size, kind, digests = shapes[layout]
            told = unpack(data, offset)
            yield number, (told[0], told[kind], layout), offset, end, told[digests], data[offset + size : end]

    def kind(self, key: Key, number: int) -> Kind:
        """The kind of a row."""
        found = self._kinds.get(key)
        if found is None:
            event = self._log.events[number]
            if len(self._kinds) >= _KINDS:
                self._kinds.clear()
            found = self._kinds[key] = Kind(event, self._reader(key[1], event))
        return found

    def _reader(self, event_type: int, event: Event) -> Reader | None:
        # By its digests such an event is measured or not.
        if event_type in LAUNCH_MARKERS or not isinstance(event.content, PCClientEvent):
            return None
        try:
            return reader_of(event_type, event.register, self.context)
        except Exception:  # what its file is worth is told of each event
            return None

    def decoded(self, kind: Kind, number: int, data: bytes, end: int, bodies: Bodies) -> Decoded:
        """The data of a row decoded, which ends there in the file; what is odd in it is collected."""
        assert kind.reader is not None
        found = kind.reader.decode(data, end - len(data))
        if type(found).placed is not Decoded.placed:
            found = decode(self._log.events[number], self.context) or found
        if not is_sound(found):
            bodies.look(self._log.events[number], found)
        return found
