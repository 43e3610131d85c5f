"""Records that many logs share, checked once: for who checks the logs of a fleet one after the other.

The logs of one firmware have most of their records in common, byte for byte. Where a room reads records of the same
bytes and layout as the same event, wherever they stand (`evlog.model.LazyEvents.reading`), that event, its type and
the verdicts on its digests are the same in each log, and are kept here; what a log is as a whole is judged anew.
"""

from __future__ import annotations

from array import array
from hashlib import sha256

from evlog.checking.aspects import aspect_of
from evlog.checking.digest_check import check_event
from evlog.checking.facts import ListedFacts
from evlog.checking.row import Row
from evlog.contents.pcclient import PCClientEvent
from evlog.model import LazyEvents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from typing import Any

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.columns import Columns
    from evlog.model import Event, Log

__all__ = ["Known", "KnownRecord"]

# Longer records are known by their hash; and how many bytes of records are kept before all are forgotten.
_SHORT = 512
_MOST = 1 << 26
# What an entry costs besides its bytes.
_ENTRY = 2048
# Logs whose findings are kept, for those that look alike.
_LOGS = 1024


class KnownRecord:
    """A record that was met: an event that reads so, of whatever number, and what its digests come to.

    ``notes`` are for whoever asks: what else such an event comes to, by a key of theirs.
    """

    __slots__ = ("aspect", "checks", "content", "doubtful", "event", "notes", "row")

    def __init__(self, event: Event, content: PCClientEvent, aspects: dict[Hashable, int], reading: Hashable) -> None:
        self.event = event
        self.content = content
        self.checks: tuple[DigestCheck, ...] = check_event(event)
        self.notes: dict[Hashable, Any] = {}
        #: It as an event of the number that it had last: of most logs it has the same.
        self.row = Row.of(event, content.event_type, content.data, self.checks, event.number)
        #: Whether a digest is not of the event's data.
        self.doubtful = event.measured and any(check.verdict != "matches" for check in self.checks)
        seen = aspect_of(self.row)
        #: A number that records have in common which the checks of a log do not tell from one another.
        self.aspect = aspects.setdefault((reading, seen) if seen is not None else self, len(aspects))


class Known:
    """What is known of records, up to ``most`` bytes of them: then it begins anew."""

    def __init__(self, most: int = _MOST) -> None:
        self._most, self._held = most, 0
        self._tables: dict[Hashable, dict[bytes, KnownRecord]] = {}
        self._aspects: dict[Hashable, int] = {}
        #: What logs came to, by the aspects of their records and the registers that these extend.
        self._judged: dict[Hashable, Checks] = {}

    def records(self, log: Log) -> list[KnownRecord] | None:
        """Of each event its record; None for a log whose records alone do not tell its events."""
        events, columns = log.events, log.columns
        if columns is None or not columns.are_pcclient:
            return None
        if not isinstance(events, LazyEvents) or events.reading is None:
            return None
        if self._held > self._most:
            self._held = 0
            self._tables.clear()
            self._aspects.clear()
            self._judged.clear()
        readings = [(events.reading, layout) for layout in columns.layouts]
        tables = [self._tables.setdefault(reading, {}) for reading in readings]
        layout_of, data = columns.layout_of, columns.buffer
        found: list[KnownRecord] = []
        add = found.append
        offsets = columns.offsets
        begin = offsets[0]
        for row in range(len(offsets)):
            end = offsets[row + 1] if row + 1 < len(offsets) else columns.end
            key = data[begin:end]
            begin = end
            if len(key) > _SHORT:
                key = sha256(key).digest()
            layout = 0 if layout_of is None else layout_of[row]
            record = tables[layout].get(key)
            if record is None:
                event = events[row]
                content = event.content
                assert isinstance(content, PCClientEvent)
                record = tables[layout][key] = KnownRecord(event, content, self._aspects, readings[layout])
                self._held += _ENTRY + len(content.data)
            add(record)
        return found

    def check(self, log: Log, records: Sequence[KnownRecord] | None = None) -> Checks:
        """As `evlog.check`; ``records`` are the log's, where they were asked for already."""
        from evlog.checking.check import Checks, check, judged

        records = self.records(log) if records is None else records
        columns = log.columns
        if records is None or columns is None:
            return check(log)
        seen = tuple([record.aspect for record in records]), columns.registers.tobytes()
        checks = [record.checks for record in records]
        found = self._judged.get(seen)
        if found is None:
            found = judged(checks, _facts(columns, records))
            if len(self._judged) >= _LOGS:
                self._judged.clear()
            self._judged[seen] = Checks((), found.findings, found.conventions)
        return Checks(checks, found.findings, found.conventions)


def _facts(columns: Columns, records: Sequence[KnownRecord]) -> ListedFacts:
    """The facts of a log whose records are known."""
    rows: list[Row] = []
    doubtful: list[Row] = []
    for place, record in enumerate(records):
        row = record.row
        if row.number != place:
            row = record.row = Row.of(row.event, row.type, row.data, row.checks, place)
        rows.append(row)
        if record.doubtful:
            doubtful.append(row)
    return ListedFacts(columns, array("I", [row.type for row in rows]), rows, doubtful)
