"""Long textual logs as PC Client events in columns, so that a format can write their lines without making events.

What a format makes of lines it says of a few of them (`Writer.adapt`): the first of each register, and all that are not
spelled as is usual. Of the others it is the columns that are written (`Writer.rewrite`), and what is read back tells.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import chain, compress, count, islice, repeat

from evlog import hashing
from evlog._record import Record
from evlog.changing.encapsulate import heeds, left_behind
from evlog.changing.losses import untold
from evlog.columns import NOT_EXTENDED, Layout, Lines, Packed, rows_of
from evlog.contents.pcclient import EV_ACTION
from evlog.errors import EvlogError
from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.columns import Told
    from evlog.formats import Writer
    from evlog.model import Event, Log, Loss
    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["Carried", "carried"]

# Lines that are spelled otherwise than is usual, each of which is looked at.
_FEW = 1 << 12
_LF = 0x0A


class PackedLines(Packed):
    """Lines in columns, all of which are measured into one bank, as EV_ACTION: the data is the line."""

    @property
    def layouts(self) -> tuple[Layout, ...]:
        return (Layout(((self._lines.banks[0], 0),)),)

    @property
    def _lines(self) -> Lines:
        assert isinstance(self.columns, Lines)
        return self.columns

    def told(self, start: int, stop: int, layout: int) -> tuple[Iterator[Told], Sequence[bytes]]:
        columns, data = self._lines, self._lines.buffer
        assert columns.covered is not None
        starts, stops = columns.covered
        bodies = [data[begin:end] for begin, end in zip(starts[start:stop], stops[start:stop], strict=True)]
        digests = hashing.backend().digests(columns.banks[0], bodies)
        numbers = [register.number for register in columns.names]
        indices = map(numbers.__getitem__, columns.registers[start:stop])
        return zip(indices, repeat(EV_ACTION), zip(digests)), bodies  # one type for all


class Carried(Record):
    """Lines on the registers that a format has for them: a log with the places of all that they say.

    ``losses`` are those of the lines that are left behind, ``told`` those that the format tells of the others.
    ``some`` are the rows of the lines that it was asked about, ``adapted`` what it made of them.
    """

    log: Log
    losses: Sequence[Loss]
    told: Sequence[Loss]
    some: Sequence[int]
    source: Log
    adapted: Log

    def untold(self, to: str, back: Log, added: int, options: Options) -> Sequence[Loss] | None:
        """The losses that the format has not told, those of the container; None if there are others."""
        events = [back.events[added + row] for row in self.some]
        read = back.replace(events=(*back.events[:added], *events))
        found = untold(self.source, to, self.adapted, read, self.told, options)
        return found if all(loss.event is None for loss in found) else None


def carried(log: Log, to: str, target: Writer, options: Options, *, allow_changed: bool) -> Carried | None:
    """The lines of a log for a format of PC Client events; None where that takes events."""
    columns = log.columns
    if not isinstance(columns, Lines) or not columns.silent or columns.covered is None or options.encapsulate == "tag":
        return None
    used = sorted(columns.indices)
    banks = {columns.banks[index] for index in used}
    if len(banks) != 1 or heeds(log, to, allow_changed=allow_changed):
        return None
    (bank,) = banks
    measured = _measured(columns)
    odd = list(islice(_odd(columns), _FEW + 1))
    if len(odd) > _FEW:
        return None
    rows = sorted({*columns.first_rows.values(), *_usual(columns, odd), *odd})
    source = log.replace(events=tuple(log.events[row] for row in rows))
    try:
        adapted, told = target.adapt(source, options)
    except EvlogError:
        return None  # whose refusal has to tell of the first event that it is of
    made = [event for event in adapted.events if event.number >= 0]
    unusual = {log.events[row].number for row in odd}
    if [event.number for event in made] != [event.number for event in source.events]:
        return None
    if any(loss.event is not None and loss.event not in unusual for loss in told):
        return None
    names = dict(zip((columns.registers[row] for row in rows), (event.register for event in made), strict=True))
    if any(event.register != names[columns.registers[row]] for row, event in zip(rows, made, strict=True)):
        return None
    spaces = {register.space for register in names.values()}
    if len(spaces) != 1 or len(set(names.values())) != len(names) or "mr" in spaces:
        return None
    packed = PackedLines(_part(columns, measured, names, bank), spaces.pop(), ())
    events = _events(log, packed, measured)
    some = rows if isinstance(measured, range) else [bisect_left(measured, row) for row in rows]
    return Carried(log.replace(events=events), left_behind(log, to), told, some, source, adapted)


def _measured(columns: Lines) -> Sequence[int]:
    """The rows of lines that are measured."""
    if NOT_EXTENDED not in columns.registers:
        return range(len(columns))
    return array("Q", compress(count(), map(NOT_EXTENDED.__ne__, columns.registers)))


def _odd(columns: Lines) -> Iterator[int]:
    """The rows of measured lines that are not a line from its first byte to its LF."""
    assert columns.covered is not None
    data, registers = columns.buffer, columns.registers
    following = chain(islice(columns.offsets, 1, None), (columns.end,))
    rows = zip(columns.offsets, *columns.covered, following)  # noqa: B905  # none has no line
    for row, (offset, start, stop, after) in enumerate(rows):
        if (start != offset or stop + 1 != after or data[stop] != _LF) and registers[row] != NOT_EXTENDED:
            yield row


def _usual(columns: Lines, odd: Sequence[int]) -> Iterator[int]:
    """The first row of each register whose first row is odd, but for rows that are."""
    known = frozenset(odd)
    for index, first in columns.first_rows.items():
        if first in known:
            yield from islice((row for row in rows_of(columns.registers, index, first) if row not in known), 1)


def _part(columns: Lines, measured: Sequence[int], names: Mapping[int, Register], bank: HashAlg) -> Lines:
    """The measured lines, on registers of other names."""
    if isinstance(measured, range) and len(names) == len(columns.names):
        return columns.replace(names=tuple(names[index] for index in sorted(names)))
    assert columns.covered is not None
    place_of = {index: place for place, index in enumerate(names)}
    offsets, starts, stops = (
        array("Q", map(column.__getitem__, measured)) for column in (columns.offsets, *columns.covered)
    )
    data = columns.buffer

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        if alg != bank:
            return [None] * (stop - start)
        spans = zip(starts[start:stop], stops[start:stop], strict=True)
        return hashing.backend().digests(bank, [data[begin:end] for begin, end in spans])

    return columns.replace(
        offsets=offsets,
        registers=array("I", (place_of[columns.registers[row]] for row in measured)),
        names=tuple(names.values()),
        banks=(bank,) * len(names),
        statements=(),
        covered=(starts, stops),
        compute=extensions,
    )


def _events(log: Log, packed: PackedLines, measured: Sequence[int]) -> LazyEvents:
    columns = packed.columns

    def make(row: int) -> Event:
        event: Event = log.events[measured[row]]
        return event.replace(register=columns.register(columns.registers[row]))

    return LazyEvents(columns, make, packed=lambda: packed)
