"""The JSON of a long log's PC Client events, out of its records: a text for each kind of them, with holes."""

from __future__ import annotations

import json

from evlog.checking.late import checks_of
from evlog.cli._event_texts import EventTexts, checks_json
from evlog.cli._packed_rows import Kind, PackedRows, Shared
from evlog.decoders.json_text import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.columns import Packed
    from evlog.model import Log

__all__ = ["RowTexts"]

#: Stands where events of a kind differ: no member is this text, as those that come from a log can be printed.
_HOLE = "\0"


class RowTexts(EventTexts):
    """As `EventTexts`; no event is made but one of each kind, and those of which their record does not tell all."""

    def __init__(self, log: Log, checks: Checks | LateChecks, bodies: Bodies, packed: Packed) -> None:
        super().__init__(log, checks, bodies)
        self._rows = PackedRows(log, packed)
        self._shared = Shared(_text_of_checks)

    def of(self, numbers: Sequence[int]) -> list[str]:
        rows, texts, of_checks = self._rows, list[str](), self._shared
        checked = checks_of(self.checks, numbers)
        for (number, key, start, end, digests, data), checks in zip(rows.rows(numbers), checked, strict=True):
            kind = rows.kind(key, number)
            if kind.text is None:
                kind.text = self._text(kind)
            if not kind.text:
                texts += super().of((number,))
                continue
            decoded = json_text(rows.decoded(kind, number, data, end, self.bodies))
            values = [digest.hex() for digest in digests]
            texts.append(kind.text % (number, start, end - start, *values, data.hex(), decoded, of_checks(checks)))
        return texts

    def _text(self, kind: Kind) -> str:
        """The object of an event of a kind, with holes for what they differ in; nothing if that is not all."""
        event = kind.event
        if kind.reader is None or event.recnum is not None or event.wire is not None:
            return ""
        [members] = self.members((event,))
        members.update(number=_HOLE, offset=_HOLE, length=_HOLE, decoded=_HOLE, checks=_HOLE)
        for digest in members["digests"]:
            digest["digest"] = _HOLE
        members["content"]["data"] = _HOLE
        text = json.dumps(members).replace("%", "%%")
        # Bytes are in quotes.
        pieces = text.split(json.dumps(_HOLE))
        digests = len(event.digests)
        if len(pieces) != digests + 7:
            return ""
        holes = ("%s", "%s", "%s", *('"%s"',) * (digests + 1), "%s", "%s", "")
        return "".join(piece + hole for piece, hole in zip(pieces, holes, strict=True))


def _text_of_checks(checks: tuple[DigestCheck, ...]) -> str:
    return json.dumps(checks_json(checks))
