"""The events of logs for the page: a row of each, and what is shown of it when somebody looks.

Rows are JSON that the script reads at once; details are JSON of their own, a line each, and read when they are asked
for. Numbers stand for what many rows share.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.checking.check import check
from evlog.contents._printable import printable
from evlog.contents.pcclient import PCClientEvent
from evlog.decoders import Context, to_json
from evlog.decoders.describe import summary
from evlog.decoders.layout import layout
from evlog.report.html.escape import data as _data
from evlog.report.outline import outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.checking.digest_check import DigestCheck
    from evlog.decoders.layout import Field
    from evlog.model import Event, Log
    from evlog.report.html.answer import Answer

__all__ = ["VERDICTS", "Row", "rows"]

VERDICTS = ("mismatch", "matches", "not_checkable")
#: Characters of details, of all events together; an event beyond it has its row and its digests.
MOST_DETAILS = 8 << 20
#: Bytes of one event's data, lines of what they say, and fields.
_MOST_DATA, _MOST_LINES = 1 << 14, 400
_MOST_TEXT = 300


class Row(Record):
    """An event, the place of its log, the worst verdict of its digests, how far it is proven, and its words."""

    log: int
    event: Event
    verdict: str | None
    standing: str | None
    kind: str
    summary: str
    detail: str


def rows(logs: Sequence[Log], answer: Answer) -> Iterator[Row]:
    """The events of all logs that the page speaks of, in the order given."""
    left, verification = MOST_DETAILS, answer.verification
    for place, log in enumerate(logs):
        context, checks = Context.of(log), check(log)
        standings = None if verification is None else verification.logs[place]
        for number, event in enumerate(log.events):
            if not answer.has(event.register):
                continue
            decoded, fields = layout(event, context)
            content = event.content
            kind = content.event_type_name if isinstance(content, PCClientEvent) else content.kind
            words = summary(event, decoded)
            members = to_json(decoded or content.decoded) or content.to_json()
            found = checks[number]
            detail = _detail(event, found, answer.banks, members if left > 0 else {}, fields if left > 0 else ())
            left -= len(detail)
            standing = None if standings is None else standings.standing(number)
            yield Row(place, event, _worst(found), standing, kind, words, detail)


def _worst(checks: Sequence[DigestCheck]) -> str | None:
    found = {each.verdict for each in checks}
    return next((name for name in VERDICTS if name in found), None)


def _detail(
    event: Event,
    checks: Sequence[DigestCheck],
    banks: Collection[HashAlg] | None,
    members: dict[str, Any],
    fields: Sequence[Field],
) -> str:
    """All that is told of one event, on one line."""
    digests = []
    for at, digest in enumerate(event.digests):
        if banks is not None and digest.alg not in banks:
            continue
        found = checks[at] if at < len(checks) else None
        rule = (found.rule or found.verdict).replace("_", " ") if found is not None else "not extended"
        digests.append([str(digest.alg), digest.value.hex(), _worst((found,)) if found is not None else None, rule])
    told: dict[str, Any] = {"d": digests}
    span = event.origin.span if event.origin is not None else None
    if span is not None:
        told["p"] = [span.offset, span.length]
    body = getattr(event.content, "data", None)
    if isinstance(body, bytes) and members:
        from base64 import b64encode

        told["b"] = b64encode(body[:_MOST_DATA]).decode()
        told["n"] = len(body)
        told["f"] = [[each.path, each.at, each.size] for each in fields[:_MOST_LINES]]
    if members:
        told["t"] = _lines(members, fields)
    return _data(told)


def _lines(members: dict[str, Any], fields: Sequence[Field]) -> list[list[Any]]:
    """What the event says, with the bytes that say it where a field of that name was read."""
    named: dict[str, list[Field]] = {}
    for field in fields:
        named.setdefault(field.path.rpartition(".")[2].partition("[")[0], []).append(field)
    lines: list[list[Any]] = []
    for depth, key, text in outline(members):
        if len(lines) == _MOST_LINES:
            lines.append([depth, "and more", ""])
            break
        shown = printable(text)
        line: list[Any] = [
            depth,
            printable(key.replace("_", " ")),
            shown[:_MOST_TEXT] + "…" * (len(shown) > _MOST_TEXT),
        ]
        found = named.get(key)
        if found:
            field = found.pop(0)
            line += [field.at, field.size]
        lines.append(line)
    return lines
