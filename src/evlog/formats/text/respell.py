"""Furniture of the room text: the lines of other logs in columns, spelled as this room does, without making events."""

from __future__ import annotations

from array import array
from io import BytesIO
from itertools import accumulate
from operator import add, sub

from evlog.formats.text.events import Lines, TextEvents
from evlog.formats.text.scan import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog import columns
    from evlog.formats.text.dialects import Dialect

__all__ = ["respelled_lines"]

_WITH_LF = (1).__add__
# Lines that are spelled at a time.
_RUN = 1 << 12


def respelled_lines(source: columns.Lines, reading: object, dialect: Dialect, name: str) -> TextEvents | None:
    """The lines of one register, each from its first byte and with LF, in the dialect that they were read in.

    ``reading`` is how (`TextEvents`). None for lines of another dialect, for some that it may not want, for those with
    an index before them, and for those whose register has another hash.
    """
    if not isinstance(reading, tuple) or source.spans is None:
        return None
    spoken, index, pairs = reading
    if (spoken, index) != (dialect.id, None) or dialect.words:
        return None
    starts, stops = source.spans
    data, offsets = source.buffer[: source.end], source.offsets
    if not _is_plain(source, dialect):
        out = BytesIO()
        for first in range(0, len(source), _RUN):
            spans = zip(starts[first : first + _RUN], stops[first : first + _RUN], strict=True)
            out.write(b"".join([data[start:stop] + b"\n" for start, stop in spans]))
        data = out.getvalue()
        lengths = array("Q", map(sub, stops, starts))
        offsets = array("Q", accumulate(map(_WITH_LF, lengths), initial=0))
        offsets.pop()
        stops = array("Q", map(add, offsets, lengths))
    rows = Rows(offsets, offsets, stops, source.registers, source.statements, source.names)
    return TextEvents(Lines(data, rows, dialect, None), pairs, name)


def _is_plain(source: columns.Lines, dialect: Dialect) -> bool:
    """Whether all lines are spelled as this room does."""
    assert source.spans is not None
    data, offsets, (starts, stops) = source.buffer, source.offsets, source.spans
    if not offsets or starts != offsets or data[source.end - 1 : source.end] != b"\n" or stops[-1] + 1 != source.end:
        return False
    if dialect.edges and data.find(b"\r", 0, source.end) >= 0:
        return False
    # Each line has an end, and so at least one byte that is not covered.
    return sum(stops) - sum(starts) + len(offsets) == source.end
