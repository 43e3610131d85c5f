"""What a row of ``events`` says of an event, made once for a record that many logs share."""

from __future__ import annotations

from hashlib import sha256
from itertools import count

from evlog.algorithms import HashAlg
from evlog.checking.known import Known, KnownRecord
from evlog.comparing.describe import Describer
from evlog.decoders import Context, Decoded, decode
from evlog.tables.schema import BANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from typing import Any

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.model import Event, Log

__all__ = ["CELLS", "EventRow", "Reader"]

#: The columns of ``events`` that the event itself tells, wherever it stands: see `EventRow.cells`.
CELLS = (
    *("register", "measured", "type", "kind", "name", "summary"),
    *BANKS,
    *("other_digests", "digest_check", "rule", "body", "body_bytes"),
)
_BODY, _NAME, _KIND = CELLS.index("body"), CELLS.index("name"), CELLS.index("kind")
# Headers that are kept: no number stands for two.
_TOLD = 256
# Of several verdicts on one event the worst is told.
_WORST = ("mismatch", "matches", "not_checkable")
_COLUMN_OF = {(name, HashAlg.named(name).size): place for place, name in enumerate(BANKS)}


class EventRow:
    """The cells of an event, in the order of `CELLS`, and its data. ``batch`` and ``at`` are its place in a batch."""

    __slots__ = ("at", "batch", "cells", "data")

    def __init__(self, cells: tuple[Any, ...], data: bytes | None) -> None:
        self.cells, self.data = cells, data
        self.batch: object = None
        self.at = 0

    @property
    def body(self) -> bytes | None:
        """The id of its data."""
        found: bytes | None = self.cells[_BODY]
        return found

    @property
    def about(self) -> tuple[str | None, str | None]:
        """What its data was decoded as, and its name."""
        return self.cells[_KIND], self.cells[_NAME]


class Reader:
    """Reads logs into rows. What it met is kept, within bounds, for the logs that follow."""

    def __init__(self) -> None:
        self._known = Known()
        self._told: dict[Hashable, int] = {}
        self._numbers = count()

    def rows(self, log: Log) -> tuple[list[EventRow], Checks]:
        """A row for each event, and the checks of the log."""
        records = self._known.records(log)
        if records is None:
            from evlog.checking.check import check

            checks = check(log)
            return _unshared(log, checks), checks
        context = Context.of(log)
        # What else tells what a record says, as a number: it is asked for with every record.
        told = (context.uintn, context.vendor_info, context.platform)
        key = self._told.get(told)
        if key is None:
            if len(self._told) >= _TOLD:
                self._told.clear()
            key = self._told[told] = next(self._numbers)
        describer: Describer | None = None
        rows = []
        before: KnownRecord | None = None
        for place, record in enumerate(records):
            row = record.notes.get(key)
            if row is None:
                describer = describer or Describer(log, context)
                row = _noted(record, before, key, log.events[place], describer)
            rows.append(row)
            before = record
        return rows, self._known.check(log, records)


def _noted(
    record: KnownRecord, before: KnownRecord | None, key: Hashable, event: Event, describer: Describer
) -> EventRow:
    """The row of a record, which is noted there. Of some events the one before it tells what they are."""
    placed = (key, id(before))
    row: EventRow | None = record.notes.get(placed)
    if row is None:
        row = _row(event, record.checks, describer)
        decoded = decode(event, describer.context.replace(events=()))
        alone = decoded is None or type(decoded).placed is Decoded.placed
        record.notes[key if alone else placed] = row
    return row


def _unshared(log: Log, checks: Checks) -> list[EventRow]:
    describer = Describer(log)
    made: list[EventRow] = []
    for place, twin in enumerate(log.twins):
        made.append(made[twin] if twin != place else _row(log.events[place], checks[place], describer))
    return made


def _row(event: Event, checks: Sequence[DigestCheck], describer: Describer) -> EventRow:
    described = describer.describe(event)
    banks: list[bytes | None] = [None] * len(BANKS)
    others = []
    for digest in event.digests:
        column = _COLUMN_OF.get((digest.alg.name, len(digest.value)))
        if column is None or banks[column] is not None:
            others.append({"alg": str(digest.alg), "value": digest.value})
        else:
            banks[column] = digest.value
    verdicts = {check.verdict: check for check in reversed(checks)}
    worst = next((verdicts[verdict] for verdict in _WORST if verdict in verdicts), None)
    data = getattr(event.content, "data", None)
    data = data if isinstance(data, bytes) else getattr(event.content, "line", None)
    cells = (
        str(event.register),
        event.measured,
        described.type,
        described.kind,
        described.name or None,
        described.words,
        *banks,
        others or None,
        worst.verdict if worst is not None else None,
        worst.rule if worst is not None else None,
        sha256(data).digest() if data is not None else None,
        len(data) if data is not None else None,
    )
    return EventRow(cells, data)
