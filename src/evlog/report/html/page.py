"""The page: the answer first, then registers, hand-overs, differences, what was noticed, and every event.

Without a script it is all there, the first events in a table; with it events are found, filtered and opened, and a
field shows its bytes. A policy inside the page lets nothing out and nothing else run.
"""

from __future__ import annotations

import re

from evlog.replaying.replay import Replay, replay
from evlog.report.html import tables
from evlog.report.html.escape import data, text
from evlog.report.html.events import rows
from evlog.report.html.template import file, filled, policy, section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.model import Log
    from evlog.report.html.answer import Answer

__all__ = ["page"]

#: Events that stand in the page without a script.
PLAIN = 5000
#: Events whose details stand in one element.
_TOGETHER = 256
_FILES = ("page.html", "page.css", "page.js")


def page(logs: Sequence[Log], answer: Answer) -> Iterator[str]:
    """The page in pieces."""
    html, style, script = (file(name) for name in _FILES)
    places = {
        "title": text(", ".join(log.name.rpartition("/")[2] or log.format for log in logs)),
        "policy": policy(style, script),
        "style": style,
        "script": script,
        "answer": _answer(answer),
        "logs": "".join(f"<li>{tables.about(log)}" for log in logs),
        "sections": "".join(_sections(logs, answer)),
    }
    # The events come last, as they are made.
    before, _, after = html.partition("{{events}}")
    yield filled(before, places)
    yield from _events(logs, answer)
    yield filled(after, places)


def _answer(answer: Answer) -> str:
    return f'<p class="answer {answer.tone}" role=status>{text(answer.line)}</p>' if answer.line else ""


def _sections(logs: Sequence[Log], answer: Answer) -> Iterator[str]:
    platform = answer.platform
    if answer.verification is not None:
        yield section("registers", "Registers", tables.verified(answer.verification))
        yield section("evidence", "Evidence", tables.evidence(answer.verification.evidence))
    else:
        yield section(
            "registers", "Registers", tables.replayed(_kept(replay(logs, banks=answer.banks), answer), platform)
        )
    if answer.handovers:
        yield section("handovers", "Hand-overs", tables.handovers(answer.handovers, platform))
    if answer.difference is not None:
        yield section("differences", "Differences", tables.difference(answer.difference))
    yield section("findings", "Findings", tables.findings(answer.findings))


def _kept(result: Replay, answer: Answer) -> Replay:
    return result.replace(rows=tuple(row for row in result.rows if answer.has(row.register)))


def _events(logs: Sequence[Log], answer: Answer) -> Iterator[str]:
    """The table for who has no script, and the rows and details for the script."""
    several = len(logs) > 1
    told: list[list[object]] = []
    details: list[str] = []
    chunks: list[str] = []
    index = _Index()
    yield "<table id=plain><thead><tr><th scope=col>event<th scope=col>register<th scope=col>type<th scope=col>digests"
    yield "<th scope=col>what it says<tbody>"
    for at, row in enumerate(rows(logs, answer)):
        event = row.event
        name = f"{row.log}.{event.number}" if several else str(event.number)
        mark = row.verdict or ("" if event.measured else "not_extended")
        if at < PLAIN:
            cells = (text(event.register), text(row.kind), mark.replace("_", " "), text(row.summary))
            yield f"<tr id=event-{name}><td class=n>{name}" + "".join(f"<td>{cell}" for cell in cells)
        label = tables.title_of(event.register, logs[row.log].platform)
        told.append(
            [
                name,
                index.of("registers", (str(event.register), _plain(label))),
                index.of("types", row.kind),
                index.of("verdicts", mark),
                index.of("standings", row.standing or ""),
                row.summary,
                int(event.measured),
            ]
        )
        details.append(row.detail)
        if len(details) == _TOGETHER:
            chunks.append("\n".join(details))
            details = []
    if details:
        chunks.append("\n".join(details))
    yield "</table>"
    if len(told) > PLAIN:
        yield f"<p id=more>{len(told) - PLAIN} more events are shown by the page's script.</p>"
    model = {**index.tables, "logs": [printable_name(log) for log in logs], "rows": told}
    yield f"<script type=application/json id=model>{data(model)}</script>"
    for chunk in chunks:
        yield f"<script type=application/json class=details>{chunk}</script>"


def printable_name(log: Log) -> str:
    """A log's name for the script, which shows it as text."""
    from evlog.contents._printable import printable

    return printable(log.name or log.format)


def _plain(html: str) -> str:
    from html import unescape

    return unescape(re.sub("<[^>]*>", "", html))


class _Index:
    """Values that many rows share, by the numbers that stand for them."""

    def __init__(self) -> None:
        self.tables: dict[str, list[object]] = {name: [] for name in ("registers", "types", "verdicts", "standings")}
        self._known: dict[tuple[str, object], int] = {}

    def of(self, table: str, value: object) -> int:
        found = self._known.get((table, value))
        if found is None:
            found = self._known[table, value] = len(self.tables[table])
            self.tables[table].append(value)
        return found
