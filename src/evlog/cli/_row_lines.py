"""The lines of a long log's PC Client events, out of its records; without colour, as nothing tells of warnings then."""

from __future__ import annotations

from evlog.checking.late import checks_of
from evlog.cli._event_lines import LEAST, NOTHING, EventLines, Frame, count, cut
from evlog.cli._packed_rows import PackedRows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.late import LateChecks
    from evlog.cli._page import Part
    from evlog.columns import Packed
    from evlog.model import Log

__all__ = ["RowLines"]


class RowLines(EventLines):
    """As `EventLines`; no event is made but one of each kind, and those of which their record does not tell all."""

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies, frame: Frame, packed: Packed) -> None:
        super().__init__(log, checks, bodies, frame)
        self._rows = PackedRows(log, packed)

    def of(self, numbers: Sequence[int]) -> Iterator[tuple[Part, ...]]:
        rows, marks, counts, verdict_of = self._rows, self.marks, self.counts, self.verdict_of
        checked, width = checks_of(self.checks, numbers), self.frame.page.width
        for (number, key, _, end, _, data), checks in zip(rows.rows(numbers), checked, strict=True):
            kind = rows.kind(key, number)
            if kind.reader is None:
                yield from super().of((number,))
                continue
            found = verdict_of(checks) or None
            if kind.text is None:
                register = self.frame.names[kind.event.register].ljust(self.frame.widths[0])
                kind.text = f" {register} {self.type_of(kind.event)} "
            start = f"{number:>4} {marks[found]}{kind.text}"
            what = rows.decoded(kind, number, data, end, self.bodies).summary
            room = max(width - len(start), LEAST)
            count(counts, kind.event.register, found if kind.measured else NOTHING)
            yield (start + cut(what, room),)
