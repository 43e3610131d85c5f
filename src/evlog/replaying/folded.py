"""Logs of which the columns alone tell the registers, led through them side by side: what a fleet has most.

The logs of a fleet extend the same registers in the same banks from the same values. What follows from that is made
once, as a `Course`; of each log only its values and its numbers of events are its own. Whatever else a log has, which
textual logs, lists and records before a header have, `replay` is for.
"""

from __future__ import annotations

from evlog import hashing
from evlog.columns import Recorded
from evlog.contents.spec_id import preceding
from evlog.replaying.left_out import left_out
from evlog.replaying.start import counts_of, implied_starts, size_of, start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.columns import Columns
    from evlog.hashing.protocols import Job
    from evlog.model import Finding, Log
    from evlog.registers import Register

__all__ = ["Course", "Folded", "fold_each"]

# Courses that are kept: firmware has few.
_MOST = 64
_courses: dict[Hashable, Course] = {}


class Course:
    """What logs have in common that extend the same registers in the same banks from the same values.

    ``rows`` are the registers in their banks, in the order of `Replay.rows`, each with its index in the columns, the
    value that it starts at, and why; ``starts`` the same values by bank and index. ``notes`` are for whoever makes
    something of all such logs alike, by a key of theirs.
    """

    __slots__ = ("banks", "notes", "rows", "starts")

    def __init__(self, rows: Sequence[tuple[Register, HashAlg, int, bytes, str]], banks: Sequence[HashAlg]) -> None:
        self.rows, self.banks = tuple(rows), banks
        self.starts: dict[HashAlg, dict[int, bytes]] = {alg: {} for alg in banks}
        for _, alg, index, start, _ in rows:
            self.starts[alg][index] = start
        self.notes: dict[Hashable, Any] = {}


class Folded:
    """The registers of a log after all its events, by bank and index: what `evlog.replay` makes rows of.

    ``counts`` is how many events extend each register, ``lacking`` the registers in each bank that some event extends
    by nobody knows what, and ``findings`` what a replay has of them.
    """

    __slots__ = ("counts", "course", "findings", "lacking", "values")

    def __init__(self, course: Course, counts: Mapping[int, int], findings: tuple[Finding, ...]) -> None:
        self.course, self.counts, self.findings = course, counts, findings
        self.values = {alg: dict(values) for alg, values in course.starts.items()}
        self.lacking: dict[HashAlg, set[int]] = {}

    @property
    def complete(self) -> bool:
        """Whether every register has a value."""
        return not any(self.lacking.values())


def fold_each(logs: Sequence[Log], wanted: Iterable[HashAlg] | None = None) -> list[Folded | None]:
    """Each log by itself, the hashing of all done side by side; None for one that has more to it.

    ``wanted`` are the banks to replay, all if None.
    """
    banks = None if wanted is None else frozenset(wanted)
    begun = [_begun(log, banks) for log in logs]
    jobs: list[Job] = []
    extended: list[Folded] = []
    size = 0
    for log, each in zip(logs, begun, strict=True):
        columns = log.columns
        if each is not None and columns is not None:
            jobs.append((columns, each.course.banks, each.values))
            extended.append(each)
            size += size_of(log)
    for each, lacking in zip(extended, hashing.backend(size).fold_many(jobs), strict=True):
        each.lacking = lacking
    return begun


def _begun(log: Log, wanted: frozenset[HashAlg] | None) -> Folded | None:
    columns = log.columns
    # Other columns state values, name their registers, or extend by a rule.
    if type(columns) is not Recorded or columns.names is not None or log.start is not None or preceding(log):
        return None
    banks = tuple(dict.fromkeys(log.algorithms if wanted is None else (a for a in log.algorithms if a in wanted)))
    counts = counts_of(log)
    [implied] = implied_starts((log,))
    key = columns.space, banks, tuple(sorted(counts)), tuple(implied.items())
    course = _courses.get(key)
    if course is None:
        computable = hashing.backend(size_of(log)).computable
        if not all(map(computable, banks)):
            return None
        if len(_courses) >= _MOST:
            _courses.clear()
        course = _courses[key] = _course(log, columns, banks, counts, implied)
    return Folded(course, counts, (*log.findings, *left_out(log)))


def _course(
    log: Log,
    columns: Columns,
    banks: Sequence[HashAlg],
    counts: Iterable[int],
    implied: dict[Register, tuple[int, str]],
) -> Course:
    registers = sorted((columns.register(index).sort_key, index, columns.register(index)) for index in counts)
    ordered = sorted(banks, key=lambda alg: alg.id)
    rows = [
        (register, alg, index, *start_of(register, alg, log, None, implied))
        for _, index, register in registers
        for alg in ordered
    ]
    return Course(rows, banks)
