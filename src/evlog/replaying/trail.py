"""The digests that extend one register in one bank, in order, with the events that they belong to."""

from __future__ import annotations

from itertools import islice

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.registers import Register
from evlog.replaying.rows import RUN, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.model import Log

__all__ = ["Trail", "trail"]


class Trail(Record):
    """What happened to a register in one bank.

    ``places`` are (index of the log, number of the event) and stand beside ``digests``; ``missing`` are the places of
    events that extend the register, but of which the log does not tell with what. ``start`` is its value before all.
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
        value = self.start
        yield value
        pending = iter(self.digests)
        while run := list(islice(pending, RUN)):
            values = hashing.trace(self.alg, value, run)
            yield from values
            value = values[-1]


def trail(logs: Sequence[Log], register: Register, alg: HashAlg, start: bytes, rules: tuple[str, ...] = ()) -> Trail:
    """The trail of a register through the logs, in the order given; ``rules`` as in `evlog.replay`."""
    made = Trail(register, alg, start, [], [], [])
    for index, log in enumerate(logs):
        for numbers, digests in runs(log, register, alg, rules):
            for number, digest in zip(numbers, digests, strict=True):
                if digest is None:
                    made.missing.append((index, number))
                elif digest:
                    made.places.append((index, number))
                    made.digests.append(digest)
    return made
