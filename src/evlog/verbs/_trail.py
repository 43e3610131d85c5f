"""The digests that extend one register in one bank, in order, with the events that they belong to."""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.columns import Columns
    from evlog.model import Event, Log

__all__ = ["Trail", "trail"]


class Trail(Record):
    """What happened to a register in one bank.

    ``places`` are (index of the log, number of the event) and stand beside ``digests``; ``missing`` are the places of
    events that extend the register but have no digest for the bank. ``start`` is its value before all of them.
    """

    register: Register
    alg: HashAlg
    start: bytes
    places: list[tuple[int, int]]
    digests: list[bytes]
    missing: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.digests)

    def values(self) -> Iterator[bytes]:
        """The register's value before the first event, after it, and so on to the end."""
        fold, alg, value = hashing.backend().fold, self.alg, self.start
        yield value
        for digest in self.digests:
            value = fold(alg, value, (digest,))
            yield value


def trail(logs: Sequence[Log], register: Register, alg: HashAlg, start: bytes) -> Trail:
    """The trail of a register through the logs, in the order given."""
    made = Trail(register, alg, start, [], [], [])
    for index, log in enumerate(logs):
        if log.columns is not None:
            _from_columns(made, index, log.columns)
        else:
            _from_events(made, index, log.events)
    return made


def _from_columns(made: Trail, log: int, columns: Columns) -> None:
    if columns.space != made.register.space or made.register.index not in columns.registers:
        return
    size = made.alg.size
    distances = [layout.distance(made.alg) for layout in columns.layouts]
    layout_of, buffer = columns.layout_of, columns.buffer
    for row, index in enumerate(columns.registers):
        if index == made.register.index:
            distance = distances[layout_of[row] if layout_of is not None else 0]
            if distance is None:
                made.missing.append((log, row))
            else:
                at = columns.offsets[row] + distance
                made.places.append((log, row))
                made.digests.append(buffer[at : at + size])


def _from_events(made: Trail, log: int, events: Sequence[Event]) -> None:
    for row, event in enumerate(events):
        if not event.measured or event.register != made.register:
            continue
        digest = event.content.extension(made.alg, event.digest(made.alg))
        if digest is None:
            made.missing.append((log, row))
        else:
            made.places.append((log, row))
            made.digests.append(digest)
