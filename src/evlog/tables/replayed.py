"""The rows of ``registers`` that a log has, whichever way it was replayed, in columns from the first."""

from __future__ import annotations

from operator import itemgetter

from evlog.replaying.folded import Folded
from evlog.tables.arrays import coded, ids_of, worded
from evlog.tables.schema import arrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    import pyarrow as pa

    from evlog.replaying.replay import Replay
    from evlog.tables.evidence import Judged

    #: A sequence for each column of ``registers`` but the first: what logs have in common is the same object.
    Cells = Sequence[Sequence[Any]]

__all__ = ["RegisterRows", "extended_in", "kept", "registers_of"]

# The note of a course that has what its rows of ``registers`` have in common.
_NAMED = "evlog.tables"


class RegisterRows:
    """The rows of ``registers`` of many sightings."""

    def __init__(self) -> None:
        self._added: list[tuple[bytes, Cells]] = []

    def add(self, sighting: bytes, cells: Cells) -> None:
        """The rows of a sighting, as `registers_of` makes them."""
        self._added.append((sighting, cells))

    def table(self) -> pa.Table:
        """All of them, sorted as the files are: of each register and bank together, by sighting."""
        import pyarrow as pa
        import pyarrow.compute as pc

        schema = arrow("registers")
        added = sorted(self._added, key=itemgetter(0))
        arrays = [ids_of(sighting * len(cells[0]) for sighting, cells in added)]
        order = pa.array([0] * len(arrays[0]), pa.int64())
        for at, field in enumerate(list(schema)[1:]):
            parts = [cells[at] for _, cells in added]
            if pa.types.is_dictionary(field.type):
                places, words = coded(parts)
                arrays.append(worded(field.type, places, words))
                if field.name in ("register", "bank"):
                    ranks = {word: rank for rank, word in enumerate(sorted(words))}
                    rank = pa.array([ranks[word] for word in words], pa.int64()).take(places)
                    order = pc.add(pc.multiply(order, len(words)), rank)
            else:
                arrays.append(pa.array([cell for part in parts for cell in part], field.type))
        return pa.Table.from_arrays(arrays, schema=schema).take(pc.array_sort_indices(order))


def registers_of(replayed: Replay | Folded, judged: Judged | None = None) -> Cells:
    """The rows of ``registers`` that a log has, with or without evidence, but for the sighting: in columns."""
    names, banks, values, statuses, reasons, counts = _columns(replayed)
    if judged is None or judged.ok is None:
        nothing = _nothing(len(names))
        return names, banks, values, nothing, nothing, statuses, reasons, counts
    known = dict(zip(zip(names, banks, strict=True), zip(statuses, reasons, strict=True), strict=True))
    about = [known.get(each[:2], (None, None)) for each in judged.registers]
    columns = list(zip(*judged.registers, strict=True)) or [()] * 6
    return (*columns[:5], [status for status, _ in about], [reason for _, reason in about], columns[5])


def extended_in(replayed: Replay | Folded) -> set[str]:
    """The registers that a log extends, as the table calls them."""
    return set(_columns(replayed)[0])


def kept(cells: Cells, registers: Iterable[str], *, but: bool = False) -> Cells:
    """The rows of these registers, or those of all others."""
    wanted = frozenset(registers)
    places = [at for at, name in enumerate(cells[0]) if (name in wanted) is not but]
    return [[column[at] for at in places] for column in cells]


_NOTHING: list[tuple[None, ...]] = [()]


def _nothing(count: int) -> tuple[None, ...]:
    """So many times nothing: one object of it."""
    while len(_NOTHING) <= count:
        _NOTHING.append((None,) * len(_NOTHING))
    return _NOTHING[count]


def _columns(replayed: Replay | Folded) -> Sequence[Sequence[Any]]:
    """Register, bank, value, whether that is complete, why replay starts where it does, events."""
    if not isinstance(replayed, Folded):
        rows = {(str(row.register), str(row.alg)): row for row in replayed.rows}
        told = [(*key, row.value, row.status, row.start_reason, row.events) for key, row in rows.items()]
        return list(zip(*told, strict=True)) or [()] * 6
    course, values, counts = replayed.course, replayed.values, replayed.counts
    known = course.notes.get(_NAMED)
    if known is None:
        rows_ = [(str(register), str(alg), "complete", reason) for register, alg, _, _, reason in course.rows]
        places = [(alg, index) for _, alg, index, _, _ in course.rows]
        known = course.notes[_NAMED] = places, *(list(zip(*rows_, strict=True)) or [()] * 4)
    places, names, banks, statuses, reasons = known
    events = [counts[index] for _, index in places]
    if replayed.complete:
        return names, banks, [values[alg][index] for alg, index in places], statuses, reasons, events
    lacking = [index in replayed.lacking[alg] for alg, index in places]
    found = [None if lacks else values[alg][index] for lacks, (alg, index) in zip(lacking, places, strict=True)]
    statuses = ["incomplete" if lacks else "complete" for lacks in lacking]
    return names, banks, found, statuses, reasons, events
