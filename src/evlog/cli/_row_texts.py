"""The JSON of a long log's PC Client events, out of its records."""

from __future__ import annotations

from evlog.checking.late import checks_of
from evlog.cli._event_texts import EventTexts
from evlog.cli._packed_rows import PackedRows
from evlog.decoders.json_text import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.late import LateChecks
    from evlog.columns import Packed
    from evlog.model import Log

__all__ = ["RowTexts"]


class RowTexts(EventTexts):
    """As `EventTexts`; no event is made but one of each kind, and those of which their record does not tell all."""

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies, packed: Packed) -> None:
        super().__init__(log, checks, bodies)
        self._rows = PackedRows(log, packed)

    def of(self, numbers: Sequence[int]) -> list[str]:
        rows, texts, text_of = self._rows, list[str](), self.text_of
        checked = checks_of(self.checks, numbers)
        for (number, key, start, end, digests, data), checks in zip(rows.rows(numbers), checked, strict=True):
            kind = rows.kind(key, number)
            if kind.text is None:
                event = kind.event
                # Neither is among the fields that there are.
                told = kind.reader is not None and event.recnum is None and event.wire is None
                kind.text = self.template(event) if told else ""
            if not kind.text:
                texts += super().of((number,))
                continue
            decoded = json_text(rows.decoded(kind, number, data, end, self.bodies))
            members = kind.text % (number, start, end - start, *[digest.hex() for digest in digests], data.hex())
            texts.append(f'{members}, "decoded": {decoded}, "checks": {text_of(checks)}}}')
        return texts
