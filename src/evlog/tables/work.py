"""What one process does of an ingest: reads inputs into rows, writes the parts of a batch, says what it wrote.

A worker commits nothing and knows of the lake only what it was told: the ids that stand there already, so that a log
that was seen before costs a sighting and no more.
"""

from __future__ import annotations

import os

from evlog import hashing
from evlog._record import Record
from evlog.tables.evidence import NO_EVIDENCE, NOT_JUDGED, FleetEvidence, Judged
from evlog.tables.ids import IdSet
from evlog.tables.reading import FIRMWARE, Read, Reading, ReadLog
from evlog.tables.replayed import extended_in, kept, registers_of
from evlog.tables.rows import Batch, sighting_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from evlog.model import Log
    from evlog.replaying.folded import Folded
    from evlog.replaying.replay import Replay
    from evlog.tables.inputs import Input
    from evlog.tables.replayed import Cells

__all__ = ["Result", "Setting", "Task", "Worker"]

# Events of a part: an IMA list has as many as a hundred boot logs.
_MOST_EVENTS = 200_000
# Logs and verdicts that are kept, for machines that are alike.
_KEPT = 1024
# Logs that are replayed side by side, and bytes of them.
_SOME, _HELD = 64, 1 << 23
_COMPRESSION = "zstd"


class Setting(Record):
    """What all tasks have in common. ``choices`` settle how logs are read (`evlog.options.Options`)."""

    lake: str
    wanted: FleetEvidence = NO_EVIDENCE
    bodies: bool = True
    format: str | None = None
    choices: tuple[tuple[str, Any], ...] = ()


class Task(Record):
    """A batch: its name, and groups of inputs that are of one boot each."""

    batch: str
    groups: tuple[tuple[Input, ...], ...]


class Result(Record):
    """What came of a batch: the inputs that were read, its parts by table, and the ids in them.

    ``evidence`` are signed evidence, each with its machine and sighting; ``unreadable`` are inputs that have to be
    tried again, and why. ``good``, ``odd`` count sightings.
    """

    batch: str
    inputs: tuple[bytes, ...]
    parts: tuple[tuple[str, str], ...]
    logs: tuple[bytes, ...]
    bodies: tuple[bytes, ...]
    sightings: tuple[bytes, ...]
    evidence: tuple[tuple[bytes, str | None, bytes, bytes], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    good: int = 0
    odd: int = 0


class Worker:
    """Does tasks one after the other. ``logs``, ``bodies`` and ``sightings`` are ids that stand in the lake already."""

    def __init__(self, setting: Setting, logs: IdSet, bodies: IdSet, sightings: IdSet) -> None:
        from evlog.tables.events import Reader

        self.setting = setting
        self.logs, self.bodies, self.sightings = logs, bodies, sightings
        # There is much to do, whatever the size of a log.
        hashing.best()
        self.reading = Reading(setting.format, dict(setting.choices))
        self._reader = Reader()
        self._replays: dict[bytes, Replay | Folded] = {}
        self._verdicts: dict[tuple[object, ...], Judged] = {}

    def run(self, task: Task) -> Result:
        """Read the inputs of a task, and write its parts."""
        return _Run(self, task).result()

    def replay(self, logs: Iterable[ReadLog]) -> None:
        """Replay what was not replayed for another machine, side by side."""
        from evlog.replaying.folded import fold_each
        from evlog.replaying.replay import replay_each

        if len(self._replays) >= _KEPT:
            self._replays.clear()
        new = {each.id: each.log for each in logs if each.id not in self._replays}
        folded = fold_each(list(new.values()))
        others = {id: log for (id, log), found in zip(new.items(), folded, strict=True) if found is None}
        self._replays.update((id, found) for id, found in zip(new, folded, strict=True) if found is not None)
        self._replays.update(zip(others, replay_each(list(others.values())), strict=True))

    def replayed(self, id: bytes, log: Log) -> Replay | Folded:
        """The replay of a log."""
        from evlog.replaying.replay import replay

        found = self._replays.get(id)
        return replay(log) if found is None else found

    def judged(self, logs: Sequence[ReadLog], inputs: Sequence[Input]) -> Judged:
        """The logs of a boot against their evidence; the same logs with the same values are judged once."""
        wanted = self.setting.wanted
        if not wanted.given and not any(each.wrapped for each in logs):
            # A document may hold evidence beside its log; other logs have none.
            return NOT_JUDGED
        key = wanted.key_of(inputs)
        if not key:
            return wanted.judge([each.log for each in logs], inputs)
        whole = (*(each.id for each in logs), *key)
        found = self._verdicts.get(whole)
        if found is None:
            if len(self._verdicts) >= _KEPT:
                self._verdicts.clear()
            found = self._verdicts[whole] = wanted.judge([each.log for each in logs], inputs)
        return found


class _Run:
    """One task."""

    def __init__(self, worker: Worker, task: Task) -> None:
        self.worker, self.task = worker, task
        self.batch = self._begun()
        self.inputs: list[bytes] = []
        self.parts: list[tuple[str, str]] = []
        self.logs: list[bytes] = []
        self.bodies: list[bytes] = []
        self.sightings: list[bytes] = []
        self.evidence: list[tuple[bytes, str | None, bytes, bytes]] = []
        self.unreadable: list[tuple[str, str]] = []
        self.good = self.odd = 0
        self._written = 0

    def result(self) -> Result:
        for some in _chunks(self.task.groups):
            found = [self._read(group) for group in some]
            self.worker.replay(log for group in found for _, log in group)
            for group in found:
                for boot in _together(group):
                    try:
                        self._boot(boot)
                    except Exception as error:
                        self._defect(boot[0][0], error)
            if self.batch.events >= _MOST_EVENTS:
                self._write()
        self._write()
        return Result(
            self.task.batch,
            tuple(self.inputs),
            tuple(self.parts),
            tuple(self.logs),
            tuple(self.bodies),
            tuple(self.sightings),
            tuple(self.evidence),
            tuple(self.unreadable),
            self.good,
            self.odd,
        )

    def _begun(self) -> Batch:
        worker = self.worker
        return Batch(worker._reader, bodies=worker.setting.bodies, known_bodies=worker.bodies)

    def _read(self, group: Sequence[Input]) -> list[tuple[Input, ReadLog]]:
        """The logs in the inputs of one boot."""
        found: list[tuple[Input, ReadLog]] = []
        for each in group:
            try:
                read = self.worker.reading.read(each)
                if read.finding is not None:
                    self._no_log(each, read)
                found += ((read.named(each, log), log) for log in read.logs)
            except OSError as error:
                self.unreadable.append((each.source, (error.strerror or str(error)).lower()))
            except MemoryError:
                self.unreadable.append((each.source, "not enough memory to read it"))
            except Exception as error:
                self._defect(each, error)
            else:
                self.inputs.append(each.identity)
        return found

    def _defect(self, input: Input, error: Exception) -> None:
        """A defect of evlog's: it must not cost the other logs."""
        self.unreadable.append((input.source, f"internal error: {type(error).__name__}: {error}"))

    def _boot(self, boot: Sequence[tuple[Input, ReadLog]]) -> None:
        worker = self.worker
        ids = [_sighting(each, log.id) for each, log in boot]
        if all(id in worker.sightings for id in ids):
            return
        judged = worker.judged([log for _, log in boot], [each for each, _ in boot])
        replays = [worker.replayed(log.id, log.log) for _, log in boot]
        rows = _shared_out([registers_of(replayed, judged) for replayed in replays], replays)
        for (each, log), sighting, replayed, own in zip(boot, ids, replays, rows, strict=True):
            if sighting in worker.sightings:
                continue
            if log.id not in worker.logs:
                self.batch.add_log(log.id, log.log, replayed)
                worker.logs.add(log.id)
                self.logs.append(log.id)
            self._seen(each, sighting, log.id, log.size, log=log.log, judged=judged)
            self.batch.add_registers(sighting, own)
            about = (finding for finding in judged.findings if finding not in replayed.findings)
            self.batch.add_findings(log.id, about, sighting)
            fine = not log.log.failed and (judged.ok if judged.ok is not None else not judged.findings)
            self.good, self.odd = self.good + fine, self.odd + (not fine)

    def _no_log(self, input: Input, found: Read) -> None:
        """What is no log: a row that says so."""
        worker = self.worker
        sighting = _sighting(input, found.id)
        if sighting in worker.sightings or found.finding is None:
            return
        if found.id not in worker.logs:
            worker.logs.add(found.id)
            self.logs.append(found.id)
            self.batch.add_findings(found.id, (found.finding,))
        self._seen(input, sighting, found.id, found.size)
        self.odd += 1

    def _seen(
        self,
        input: Input,
        sighting: bytes,
        id: bytes,
        size: int,
        *,
        log: Log | None = None,
        judged: Judged = NOT_JUDGED,
    ) -> None:
        self.worker.sightings.add(sighting)
        self.sightings.append(sighting)
        if judged.id is not None:
            self.evidence.append((judged.id, input.machine, sighting, id))
        self.batch.add_sighting(
            sighting,
            id,
            source=input.source,
            size=size,
            machine=input.machine,
            boot=input.boot,
            collected_at=input.collected_at,
            log=log,
            judged=judged,
        )

    def _write(self) -> None:
        """The rows so far as parts, on the disk."""
        if not self.batch.rows:
            return
        for table, rows in self.batch.tables().items():
            if rows.num_rows:
                name = f"{table}/part-{self.task.batch}-{self._written}.parquet"
                write_part(os.path.join(self.worker.setting.lake, *name.split("/")), rows)
                self.parts.append((table, name))
        self.bodies += self.batch.new_bodies
        self._written += 1
        self.batch = self._begun()


def write_part(path: str, rows: Any) -> None:
    """Write a Parquet file, which is there as a whole and on the disk, or not at all."""
    import pyarrow.parquet as pq

    from evlog.tables.writer import settle

    os.makedirs(os.path.dirname(path), exist_ok=True)
    pq.write_table(rows, f"{path}.tmp", compression=_COMPRESSION)
    settle(f"{path}.tmp", path)


def _sighting(input: Input, id: bytes) -> bytes:
    return sighting_id(id, input.machine, input.boot, input.collected_at)


def _chunks(groups: Iterable[tuple[Input, ...]]) -> Iterator[list[tuple[Input, ...]]]:
    """Groups whose logs are held at a time."""
    some: list[tuple[Input, ...]] = []
    size = 0
    for group in groups:
        some.append(group)
        size += sum(each.size for each in group)
        if len(some) >= _SOME or size >= _HELD:
            yield some
            some, size = [], 0
    if some:
        yield some


def _together(logs: Iterable[tuple[Input, ReadLog]]) -> Iterator[list[tuple[Input, ReadLog]]]:
    """Logs of one boot that are judged together: no two of them extend the same register, firmware's first.

    A log that tells again what another one told (in another format, say) is judged for itself.
    """
    boots: list[tuple[list[tuple[Input, ReadLog]], set[Any]]] = []
    for each in sorted(logs, key=lambda each: each[1].log.format not in FIRMWARE):
        extended = each[1].log.extended
        for together, registers in boots:
            if registers.isdisjoint(extended):
                together.append(each)
                registers.update(extended)
                break
        else:
            boots.append(([each], set(extended)))
    yield from (together for together, _ in boots)


def _shared_out(rows: list[Cells], replays: Sequence[Replay | Folded]) -> list[Cells]:
    """The rows of a boot's logs, each row once: with the log that extends the register, else with the first."""
    if len(rows) < 2:
        return rows
    owned = list(map(extended_in, replays))
    others = set().union(*owned[1:])
    return [kept(rows[0], others, but=True), *map(kept, rows[1:], owned[1:])]
