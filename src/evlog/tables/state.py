"""What stands in a lake, as its writer knows it; and a batch on its way into it."""

from __future__ import annotations

from evlog._record import Record
from evlog.tables.ids import IdSet
from evlog.tables.work import write_part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    import pyarrow as pa

    from evlog.tables.lake import Commit
    from evlog.tables.work import Result
    from evlog.tables.writer import Writer

__all__ = ["State"]

_ID = 32
_INPUT = 16
# The word of a verdict on evidence that two machines had, and the code of the finding.
_SHARED, _CODE = "shared", "quote_shared"


class _Shown(Record):
    """A sighting whose evidence another machine had as well, and whether it was verified until now."""

    log: bytes
    sighting: bytes
    was_ok: bool


class State:
    """The ids of logs, bodies, sightings and inputs that a lake has, and whose evidence it has seen."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.inputs = IdSet(_INPUT, (bytes.fromhex(each) for commit in self._commits for each in commit.inputs))
        self.logs, self.bodies, self.sightings = IdSet(_ID), IdSet(_ID), IdSet(_ID)
        #: The machine of each piece of signed evidence, and which of these more than one machine had.
        self.machines: dict[bytes, str | None] = {}
        self.shared: set[bytes] = set()
        for rows in self._read("logs", ["log", "sighting", "machine", "evidence_id"]):
            self.logs.update(rows["log"].to_pylist())
            self.sightings.update(rows["sighting"].to_pylist())
            pairs = zip(rows["evidence_id"].to_pylist(), rows["machine"].to_pylist(), strict=True)
            self._saw((id, machine) for id, machine in pairs if id is not None)
        for rows in self._read("bodies", ["body"]):
            self.bodies.update(rows["body"].to_pylist())

    @property
    def _commits(self) -> Iterable[Commit]:
        return self.writer.commits.values()

    def _read(self, table: str, columns: list[str]) -> Iterator[pa.Table]:
        import pyarrow.parquet as pq

        for commit in self._commits:
            for name in commit.parts.get(table, ()):
                with pq.ParquetFile(self.writer.path(name)) as file:
                    yield file.read(columns=columns)

    def _saw(self, evidence: Iterable[tuple[bytes, str | None]]) -> None:
        """Note whose evidence was seen."""
        for id, machine in evidence:
            if self.machines.setdefault(id, machine) != machine:
                self.shared.add(id)

    def commit(self, result: Result) -> tuple[int, int]:
        """Make a batch count, without what another one brought meanwhile.

        Returns how many of its sightings, and of those before it, are verified no more: their evidence is shared.
        """
        parts = _by_table(result.parts)
        self._without(parts, "events", "log", self.logs, result.logs)
        self._without(parts, "findings", "log", self.logs, result.logs, only_of_logs=True)
        self._without(parts, "bodies", "body", self.bodies, result.bodies)
        for table in ("logs", "registers", "findings"):
            self._without(parts, table, "sighting", self.sightings, result.sightings)
        new = [each for each in result.evidence if each[2] not in self.sightings]
        self._saw((id, machine) for id, machine, _, _ in new)
        shared = {id for id, _, _, _ in new} & self.shared
        found: list[_Shown] = []
        replaced = self._unverified(parts, result.batch, shared, found) if shared else ()
        own = set(result.sightings)
        fallen = [each.sighting in own for each in found if each.was_ok]
        self.writer.commit(result.batch, result.inputs, parts, replaced)
        self.inputs.update(result.inputs)
        self.logs.update(result.logs)
        self.bodies.update(result.bodies)
        self.sightings.update(result.sightings)
        return sum(fallen), len(fallen) - sum(fallen)

    def _without(
        self,
        parts: dict[str, list[str]],
        table: str,
        column: str,
        known: IdSet,
        brought: Iterable[bytes],
        *,
        only_of_logs: bool = False,
    ) -> None:
        """Take rows out of parts whose id stands in the lake already."""
        twice = [id for id in brought if id in known]
        if not twice:
            return
        import pyarrow as pa
        import pyarrow.compute as pc

        def kept(rows: pa.Table) -> pa.Table:
            ids = rows[column].cast(pa.binary())
            gone = pc.is_in(ids, value_set=pa.array(twice, pa.binary()))
            if only_of_logs:
                gone = pc.and_(gone, pc.is_null(rows["sighting"]))
            return rows.filter(pc.invert(gone))

        parts[table] = [name for name in (self._rewritten(each, kept) for each in parts.get(table, ())) if name]

    def _rewritten(self, name: str, change: Callable[[pa.Table], pa.Table]) -> str | None:
        """A part with some of its rows changed, under a new name; None if none are left, its own if all are."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.writer.path(name)) as file:
            rows = file.read()
        changed = change(rows)
        if changed.equals(rows):
            return name
        if not changed.num_rows:
            return None
        new = f"{name.removesuffix('.parquet')}x.parquet"
        write_part(self.writer.path(new), changed)
        return new

    def _unverified(
        self, parts: dict[str, list[str]], batch: str, shared: set[bytes], found: list[_Shown]
    ) -> tuple[Commit, ...]:
        """Evidence that two machines had verifies neither: mark all sightings of it, those of earlier batches too.

        Returns the commits that the batch stands for besides its own: their parts are among its own now.
        """

        def marked(rows: pa.Table) -> pa.Table:
            return _marked(rows, shared, found)

        parts["logs"] = [name for name in (self._rewritten(each, marked) for each in parts.get("logs", ())) if name]
        replaced = []
        for commit in list(self._commits):
            own = {table: list(names) for table, names in commit.parts.items()}
            changed = [self._rewritten(name, marked) or name for name in own.get("logs", ())]
            if changed == own.get("logs", []):
                continue
            own["logs"] = changed
            for table, names in own.items():
                parts.setdefault(table, []).extend(names)
            replaced.append(commit)
        name = f"findings/part-{batch}-q.parquet"
        write_part(self.writer.path(name), _findings(found))
        parts.setdefault("findings", []).append(name)
        return tuple(replaced)


def _by_table(parts: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, name in parts:
        found.setdefault(table, []).append(name)
    return found


def _marked(rows: pa.Table, shared: set[bytes], found: list[_Shown]) -> pa.Table:
    """Rows of ``logs``, of which those with shared evidence are verified no more; ``found`` takes the new ones."""
    ids = rows["evidence_id"].to_pylist()
    places = {place for place, id in enumerate(ids) if id in shared}
    words = rows["word"].to_pylist()
    fresh = [place for place in places if words[place] != _SHARED]
    if not fresh:
        return rows
    for place in fresh:
        row = rows.slice(place, 1).to_pylist()[0]
        found.append(_Shown(row["log"], row["sighting"], row["verdict"] == "ok"))
    changes: Mapping[str, Any] = {"verdict": "differs", "authenticated": False, "word": _SHARED}
    for column, value in changes.items():
        cells = rows[column].to_pylist()
        for place in fresh:
            cells[place] = value
        at = rows.schema.get_field_index(column)
        rows = rows.set_column(at, rows.schema.field(at), _column(cells, rows.schema.field(at).type))
    return rows


def _column(cells: list[Any], type: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(type):
        return pa.array(cells, type.value_type).dictionary_encode().cast(type)
    return pa.array(cells, type)


def _findings(found: list[_Shown]) -> pa.Table:
    from evlog.model import Finding
    from evlog.tables.rows import Batch

    batch = Batch()
    message = "the evidence was handed in for more than one machine: it verifies none of them"
    for each in found:
        batch.add_findings(each.log, (Finding(_CODE, "warning", message),), each.sighting)
    return batch.tables()["findings"]
