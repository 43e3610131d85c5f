"""The rows of ``registers`` that a log has, whichever way it was replayed."""

from __future__ import annotations

from operator import attrgetter, itemgetter

from evlog.tables.arrays import ids_of, words_of
from evlog.tables.schema import arrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import pyarrow as pa

    from evlog.replaying.folded import Folded
    from evlog.replaying.replay import Replay
    from evlog.tables.evidence import Judged

    #: Register, bank, value, whether that is complete, why replay starts where it does, events.
    Row = tuple[str, str, bytes | None, str, str, int]

__all__ = ["RegisterRows", "extended_in", "registers_of"]

# The note of a course that has what its rows of ``registers`` have in common.
_NAMED = "evlog.tables"


class RegisterRows:
    """The rows of ``registers`` of many sightings."""

    def __init__(self) -> None:
        self._added: list[tuple[bytes, Sequence[tuple[Any, ...]]]] = []

    def add(self, sighting: bytes, rows: Sequence[tuple[Any, ...]]) -> None:
        """The rows of a sighting, as `registers_of` makes them."""
        self._added.append((sighting, rows))

    def table(self) -> pa.Table:
        """All of them, sorted as the files are: of each register and bank together, by sighting."""
        import pyarrow as pa

        self._added.sort(key=itemgetter(0))
        together: dict[tuple[str, str], list[tuple[bytes, tuple[Any, ...]]]] = {}
        for sighting, rows in self._added:
            for row in rows:
                together.setdefault(row[:2], []).append((sighting, row))
        sorted_ = [pair for key in sorted(together) for pair in together[key]]
        schema = arrow("registers")
        arrays = [ids_of(sighting for sighting, _ in sorted_)]
        for at, field in enumerate(list(schema)[1:]):
            cells = [row[at] for _, row in sorted_]
            worded = pa.types.is_dictionary(field.type)
            arrays.append(words_of(field.type, cells) if worded else pa.array(cells, field.type))
        return pa.Table.from_arrays(arrays, schema=schema)


def registers_of(replayed: Replay | Folded, judged: Judged | None = None) -> list[tuple[Any, ...]]:
    """The rows of ``registers`` that a log has, with or without evidence, but for the sighting before each."""
    rows = _rows(replayed)
    if judged is None or judged.ok is None:
        return [(name, bank, value, None, None, *about) for name, bank, value, *about in rows]
    known = {(name, bank): (status, reason) for name, bank, _, status, reason, _ in rows}
    made = []
    for register, bank, value, stated, verdict, events in judged.registers:
        status, reason = known.get((register, bank), (None, None))
        made.append((register, bank, value, stated, verdict, status, reason, events))
    return made


def extended_in(replayed: Replay | Folded) -> set[str]:
    """The registers that a log extends, as the table calls them."""
    return {name for name, *_ in _rows(replayed)}


def _rows(replayed: Replay | Folded) -> Sequence[Row]:
    from evlog.replaying.folded import Folded

    if not isinstance(replayed, Folded):
        rows = {(str(row.register), str(row.alg)): row for row in replayed.rows}
        return [(*key, *_told(row)) for key, row in rows.items()]
    course, values, counts = replayed.course, replayed.values, replayed.counts
    named = course.notes.get(_NAMED)
    if named is None:
        named = [(str(register), str(alg), alg, index, reason) for register, alg, index, _, reason in course.rows]
        course.notes[_NAMED] = named
    if replayed.complete:
        return [
            (name, bank, values[alg][index], "complete", reason, counts[index])
            for name, bank, alg, index, reason in named
        ]
    return [
        (name, bank, None, "incomplete", reason, counts[index])
        if index in replayed.lacking[alg]
        else (name, bank, values[alg][index], "complete", reason, counts[index])
        for name, bank, alg, index, reason in named
    ]


_told = attrgetter("value", "status", "start_reason", "events")
