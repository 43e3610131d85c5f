"""Logs into tables: columns of a batch, which become Arrow once it is full.

Rows of ``events`` are places in a list of the distinct events of the batch: a fleet has few, and their cells are
taken there by Arrow, a million at a time.
"""

from __future__ import annotations

from array import array
from hashlib import sha256, sha512

from evlog.registers import UNKNOWN_REGISTER
from evlog.tables.arrays import columns_of, ids_of, numbers_of, table_of
from evlog.tables.events import CELLS, Reader
from evlog.tables.replayed import RegisterRows
from evlog.tables.schema import arrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    import pyarrow as pa

    from evlog.model import Finding, Log
    from evlog.replaying.folded import Folded
    from evlog.replaying.replay import Replay
    from evlog.tables.events import EventRow
    from evlog.tables.evidence import Judged
    from evlog.tables.replayed import Cells

__all__ = ["Batch", "log_id", "sighting_id"]

_ROLES = {
    **dict.fromkeys(("tcg2", "ccel", "tcg1", "coreboot"), "firmware"),
    **dict.fromkeys(("ima-binary", "ima-ascii"), "ima"),
    "text": "text",
}
_FLAGS = {True: "ok", False: "differs"}
_ID = 32


def log_id(data: bytes, log: Log | None = None, plain: bytes | None = None) -> bytes:
    """The id of a log: SHA-256 of its own bytes.

    Where they do not say which register they extend, a reader was told, and the same bytes of another register are
    another log: then it is of both, by a hash of its own, so that no bytes have the id that others have with a word.
    ``plain`` is the id of the bytes alone, where it is known.
    """
    told = _told(log) if log is not None else ""
    return sha512(b"\0".join((told.encode(), data))).digest()[:_ID] if told else plain or sha256(data).digest()


def _told(log: Log) -> str:
    """What a reader of lines without an index, or of an IMA list, was told of its registers; "" if nothing."""
    header = log.header
    if log.format == "text":
        registers = log.registers
        untold = (header is not None and header.get("index")) or len(registers) != 1 or UNKNOWN_REGISTER in registers
        return "" if untold else " ".join(map(str, (*registers, *log.algorithms)))
    if _ROLES.get(log.format) != "ima" or header is None:
        return ""
    return str(header.get("told_register") or header.get("space") or "")


def sighting_id(log: bytes, machine: str | None, boot: str | None, collected_at: int | None) -> bytes:
    """The id of a log that was seen on a machine: of all that tells it from another. The time is in microseconds."""
    parts = (log, _text(machine), _text(boot), b"" if collected_at is None else b"%d" % collected_at)
    return sha256(b"\0".join(parts)).digest()


def _text(name: str | None) -> bytes:
    return (name or "").encode("utf-8", "surrogateescape")


class Batch:
    """The rows of some logs. `tables` are they in Arrow, in the order that `evlog.tables.schema` says.

    ``reader`` keeps what it met from batch to batch. ``bodies`` is whether event data is kept; ``known_bodies`` are ids
    of bodies that stand elsewhere already, and those of this batch are added to it.
    """

    def __init__(self, reader: Reader | None = None, *, bodies: bool = True, known_bodies: Any = None) -> None:
        self._reader = reader or Reader()
        self._with_bodies = bodies
        self._known_bodies = set[bytes]() if known_bodies is None else known_bodies
        self._cells: list[tuple[Any, ...]] = []
        #: Of each log with events: its id, the place of each event in `_cells`, its offset and length in the log.
        self._events: list[tuple[bytes, array[int], array[int], array[int]]] = []
        self._logs: list[tuple[Any, ...]] = []
        self._registers = RegisterRows()
        self._findings: list[tuple[Any, ...]] = []
        self._bodies: list[tuple[Any, ...]] = []
        #: How many rows ``events`` will have, and the ids of what was added.
        self.events = 0
        self.new_bodies: list[bytes] = []

    # What a distinct log has

    def add_log(self, id: bytes, log: Log, replayed: Replay | Folded | None = None) -> None:
        """The events and findings of a log that was not added before."""
        rows, checks = self._reader.rows(log)
        places = array("i", [row.at if row.batch is self else self._placed(row) for row in rows])
        offsets, lengths = _spans(log)
        self._events.append((id, places, offsets, lengths))
        self.events += len(places)
        found = (*log.findings, *checks.findings, *(replayed.findings if replayed is not None else ()))
        self.add_findings(id, dict.fromkeys(found))

    def add_findings(self, id: bytes, findings: Iterable[Finding], sighting: bytes | None = None) -> None:
        """Findings of a log, or of one sighting of it."""
        for each in findings:
            self._findings.append((id, each.code, each.severity, each.message, each.event, each.offset, sighting))

    def _placed(self, row: EventRow) -> int:
        row.batch, row.at = self, len(self._cells)
        self._cells.append(row.cells)
        body = row.body
        if self._with_bodies and body is not None and row.data is not None and body not in self._known_bodies:
            self._known_bodies.add(body)
            self.new_bodies.append(body)
            self._bodies.append((body, len(row.data), *row.about, row.data))
        return row.at

    # What a sighting has

    def add_sighting(
        self,
        sighting: bytes,
        id: bytes,
        *,
        source: str,
        size: int,
        machine: str | None = None,
        boot: str | None = None,
        collected_at: int | None = None,
        log: Log | None = None,
        judged: Judged | None = None,
    ) -> None:
        """A log that was seen. ``log`` is None for what is no log; ``collected_at`` is in microseconds since 1970."""
        verdict: tuple[Any, ...] = (None, None, None, None)
        word = None
        if judged is not None:
            flag = None if judged.ok is None else _FLAGS[judged.ok]
            verdict, word = (flag, judged.authenticated, judged.kind, judged.id), judged.word
        self._logs.append(
            (
                *(sighting, id, machine, boot, collected_at, source),
                log.format if log is not None else None,
                log.platform if log is not None else None,
                list(map(str, log.algorithms)) if log is not None else None,
                size,
                len(log.events) if log is not None else None,
                log is None or log.failed,
                *verdict,
                _ROLES.get(log.format, "other") if log is not None else None,
                collected_at // 86_400_000_000 if collected_at is not None else None,
                word,
            )
        )

    def add_registers(self, sighting: bytes, cells: Cells) -> None:
        """Rows of ``registers``, as `evlog.tables.replayed.registers_of` makes them, but for the sighting."""
        self._registers.add(sighting, cells)

    @property
    def rows(self) -> int:
        """How many rows ``logs`` will have."""
        return len(self._logs)

    # Arrow

    def tables(self) -> dict[str, pa.Table]:
        """The tables by name; without ``bodies`` if these are not kept."""
        made = {
            "logs": table_of("logs", self._logs),
            "events": self._event_table(),
            "registers": self._registers.table(),
            "findings": table_of("findings", self._findings),
        }
        if self._with_bodies:
            made["bodies"] = table_of("bodies", self._bodies)
        return made

    def _event_table(self) -> pa.Table:
        import pyarrow as pa

        schema = arrow("events")
        self._events.sort(key=lambda each: each[0])
        distinct = columns_of([schema.field(name) for name in CELLS], self._cells)
        places = numbers_of(pa.int32(), (each[1] for each in self._events))
        cells = {name: column.take(places) for name, column in zip(CELLS, distinct, strict=True)}
        cells["log"] = ids_of(id * len(each) for id, each, _, _ in self._events)
        cells["number"] = numbers_of(pa.int32(), (array("i", range(len(each))) for _, each, _, _ in self._events))
        cells["offset"] = numbers_of(pa.int64(), (each[2] for each in self._events), absent=-1)
        cells["length"] = numbers_of(pa.int32(), (each[3] for each in self._events), absent=-1)
        return pa.Table.from_arrays([cells[name] for name in schema.names], schema=schema)


def _spans(log: Log) -> tuple[array[int], array[int]]:
    """Where each record stands in the log, and how long it is; -1 where nobody says."""
    columns = log.columns
    if columns is not None and len(columns) == len(log.events):
        return array("q", columns.starts), array("i", columns.lengths)
    spans = [event.origin.span if event.origin is not None else None for event in log.events]
    offsets = array("q", [span.offset if span is not None else -1 for span in spans])
    return offsets, array("i", [span.length if span is not None else -1 for span in spans])
