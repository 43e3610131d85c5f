"""A fleet's logs into a lake: inputs in batches, by as many processes as there are, committed in the order of inputs.

Only this process commits, and in that order, so that a run that was killed has done a beginning of what there was to
do. What another batch brought meanwhile (a log, a body, a sighting that two processes met) is taken out of a part
before it counts.
"""

from __future__ import annotations

import os
import secrets
import time

from evlog._record import Record
from evlog.errors import SourceError
from evlog.tables.evidence import NO_EVIDENCE, FleetEvidence
from evlog.tables.inputs import NO_NAMES, FleetNames, Input, Unreadable
from evlog.tables.pool import Pool
from evlog.tables.sources import inputs
from evlog.tables.state import State
from evlog.tables.work import Setting, Task
from evlog.tables.writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from evlog.tables.work import Result

__all__ = ["Ingested", "ingest"]

# Bytes of logs in a batch: files, and what has to be carried to another process.
_BATCH, _CARRIED = 1 << 25, 1 << 23
# A file has more to it than its bytes, however few these are.
_LEAST = 1 << 12
#: Logs of one boot that are judged together; more are no boot's.
_MOST_OF_A_BOOT = 16


class Ingested(Record):
    """What an ingest came to: sightings that are good and odd, and what could not be read, each with a reason.

    ``known`` counts inputs that were read in an earlier run. A sighting is odd if its log is damaged or none at all, if
    it differs from its evidence, or if that is missing.
    """

    good: int
    odd: int
    known: int
    unreadable: tuple[tuple[str, str], ...]


def ingest(
    lake: str,
    sources: Sequence[str],
    names: FleetNames = NO_NAMES,
    *,
    wanted: FleetEvidence = NO_EVIDENCE,
    bodies: bool = True,
    format: str | None = None,
    rehash: bool = False,
    jobs: int | None = None,
    progress: Callable[[int], None] | None = None,
    **choices: Any,
) -> Ingested:
    """Read sources into a lake, which is made if it is not there.

    ``sources`` are files, folders and archives; ``names`` says what logs are called and which files are logs;
    ``wanted`` where their evidence is, and what is demanded of it. Inputs of an earlier run are left out, by name, size
    and time, or with ``rehash`` by what is in them. ``jobs`` is the number of processes (None: one a processor).
    ``progress`` is told how many inputs more are done. ``choices`` settle how logs are read (`evlog.read`).

    Broken input never ends the run: it is a row of ``logs`` with ``failed``, and a finding. Raises SourceError where
    another process writes to the lake or it cannot be written, UsageError for what makes no sense, and for pyarrow that
    is not installed.
    """
    from evlog.tables.schema import arrow

    arrow("logs")  # which says what is missing
    homes = tuple(source for source in sources if os.path.isdir(source))
    wanted = wanted.replace(homes=homes)
    wanted.check()
    missing = [source for source in sources if not os.path.lexists(source)]
    if missing:
        raise SourceError(f"{missing[0]}: no such file or directory")
    names = names.replace(evidence=(*names.evidence, *wanted.names))
    setting = Setting(lake, wanted, bodies, format, tuple(sorted(choices.items())))
    writer = Writer(lake)
    try:
        run = _Run(writer, setting, progress or (lambda count: None), rehash=rehash)
        return run.all(inputs(sources, names), jobs)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{lake}: {(error.strerror or str(error)).lower()}") from None
    finally:
        writer.close()


class _Run:
    def __init__(self, writer: Writer, setting: Setting, progress: Callable[[int], None], *, rehash: bool) -> None:
        self.setting, self.progress, self.rehash = setting, progress, rehash
        self.state = State(writer)
        self.good = self.odd = self.known = 0
        self.unreadable: list[tuple[str, str]] = []

    def all(self, found: Iterable[Input | Unreadable], jobs: int | None) -> Ingested:
        with Pool(self.setting, self.state, jobs) as pool:
            for task, result in pool.results(self._tasks(found)):
                self._settle(task, result)
        return Ingested(self.good, self.odd, self.known, tuple(self.unreadable))

    def _settle(self, task: Task, result: Result) -> None:
        fallen, before = self.state.commit(result)
        self.good += result.good - fallen
        self.odd += result.odd + fallen + before
        self.unreadable += result.unreadable
        self.progress(sum(map(len, task.groups)))

    def _tasks(self, found: Iterable[Input | Unreadable]) -> Iterator[Task]:
        groups: list[tuple[Input, ...]] = []
        size, most = 0, _BATCH
        for group in _groups(self._new(found)):
            groups.append(group)
            size += sum(max(each.size, _LEAST) for each in group)
            if any(each.data is not None for each in group):
                most = _CARRIED
            if size >= most:
                yield Task(_name(), tuple(groups))
                groups, size, most = [], 0, _BATCH
        if groups:
            yield Task(_name(), tuple(groups))

    def _new(self, found: Iterable[Input | Unreadable]) -> Iterator[Input]:
        """The inputs that no earlier run read."""
        for each in found:
            if isinstance(each, Unreadable):
                self.unreadable.append((each.source, each.reason))
                self.progress(1)
            elif not self.rehash and each.identity in self.state.inputs:
                self.known += 1
                self.progress(1)
            else:
                yield each


def _groups(found: Iterable[Input]) -> Iterator[tuple[Input, ...]]:
    """Inputs of one boot, which stand together in one folder."""
    group: list[Input] = []
    current = None
    for each in found:
        key = (each.folder, each.place.folder, each.machine, each.boot)
        if group and (key != current or len(group) == _MOST_OF_A_BOOT):
            yield tuple(group)
            group = []
        current = key
        group.append(each)
    if group:
        yield tuple(group)


def _name() -> str:
    """A batch's name: in the order of time, and nobody else's."""
    return f"{time.time_ns():016x}-{secrets.token_hex(4)}"
