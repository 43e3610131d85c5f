"""Textual logs whose register has another value than they lead to: deviations of what they state of themselves.

Spec: kernel RFC "tsm: Unified Measurement Register ABI" (who may write SYNC, and where ``.EXTEND`` stands); the
attestation agent's restarts (guest-components issue 803 and after). As in `evlog.verifying.explain`, each
candidate is computed, none is guessed.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import ALGORITHMS
from evlog.contents.text import TextLine
from evlog.replaying.anchors import has_lines
from evlog.replaying.replay import replay
from evlog.replaying.trail import Trail, trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register
    from evlog.replaying.anchors import Anchor

__all__ = ["Deviation", "deviations", "proven_steps", "since_last_gap"]

_MOST_ANCHORS = 16
_SHORT = 512  # steps of a log that is tried with one event more at every place


class Deviation(Record):
    """A value that the register would have, the sentence for it, and its stable code."""

    code: str
    sentence: str
    start: bytes
    digests: Sequence[bytes]


def since_last_gap(steps: Trail, handovers: Sequence[Anchor]) -> Trail:
    """The part of a trail after the last anchor that moves the register, from the value that it states.

    ``.EXTEND`` comments at the end of a log, which replay heeds, are steps like events.
    """
    base, start = (0, -1), steps.start
    told: list[tuple[tuple[int, int], bytes]] = []
    for each in _moving(steps.register, steps.alg, handovers):
        if each.explained and each.place[1] in each.explained:
            told += [
                ((each.place[0], number), digest) for number, digest in zip(each.explained, each.told, strict=True)
            ]
        else:
            base, start, told = each.place, each.value, []
    kept = [pair for pair in zip(steps.places, steps.digests, strict=True) if pair[0] >= base]
    kept = sorted(kept + told) if told else kept
    missing = [place for place in steps.missing if place >= base]
    places, digests = [place for place, _ in kept], [digest for _, digest in kept]
    return steps.replace(start=start, places=places, digests=digests, missing=missing)


def proven_steps(steps: Trail, proven_from: tuple[int, int]) -> int:
    """How many events a matching value proves, if it proves none before a place."""
    return sum(place >= proven_from for place in steps.places)


def _moving(register: Register, alg: HashAlg, handovers: Sequence[Anchor]) -> list[Anchor]:
    return [h for h in handovers if (h.register, h.alg) == (register, alg) and h.value != h.running]


def deviations(logs: Sequence[Log], register: Register, alg: HashAlg) -> Iterator[Deviation]:
    """What may have happened instead of what the logs say, the most telling first."""
    if not any(map(has_lines, logs)):
        return
    told = replay(logs, banks=[alg])
    row = next((row for row in told if (row.register, row.alg) == (register, alg)), None)
    if row is None or row.anchoring is None:
        return
    reset = b"\xff" * alg.size if register.space == "pcr" and 17 <= register.number <= 22 else bytes(alg.size)
    steps = trail(logs, register, alg, row.start)
    yield from _forged(logs, steps, told.handovers, reset)
    yield from _not_extended(steps, told.handovers)
    rest = since_last_gap(steps, told.handovers)
    yield from _other_bytes(logs, rest)
    yield from _restarted(logs, rest)


def _forged(logs: Sequence[Log], steps: Trail, handovers: Sequence[Anchor], reset: bytes) -> Iterator[Deviation]:
    """SYNC and INIT lines that an application wrote: ordinary lines, whatever value they state.

    Which of them the register's value depends on is decided by the last one that is taken at its word.
    """
    anchors = [h for h in _moving(steps.register, steps.alg, handovers) if h.place in set(steps.places)]
    if not anchors:
        return
    # Nobody is believed, or nobody after one of the last.
    for anchor in (None, *reversed(anchors[-1 - _MOST_ANCHORS : -1])):
        later = [h for h in anchors if anchor is None or h.place > anchor.place]
        lines = ", ".join(_line(logs, h.place) for h in later[:4]) + (" and more" if len(later) > 4 else "")
        be = "is" if len(later) == 1 else "are"
        sentence = f"{lines} {be} an application's own: the value follows if nothing is believed that {be} stated there"
        start, base = (reset, (0, -1)) if anchor is None else (anchor.value, anchor.place)
        yield Deviation("forged_sync", sentence, start, _digests_from(steps, base))


def _digests_from(steps: Trail, base: tuple[int, int]) -> list[bytes]:
    return [digest for place, digest in zip(steps.places, steps.digests, strict=True) if place >= base]


def _not_extended(steps: Trail, handovers: Sequence[Anchor]) -> Iterator[Deviation]:
    """``.EXTEND`` comments at the end, and the extensions failed or are invented."""
    told = _moving(steps.register, steps.alg, handovers)
    if told and told[-1].place[1] in told[-1].explained:
        sentence = "the value follows without the .EXTEND comments at the end: those extensions did not happen"
        yield Deviation("extend_not_made", sentence, told[-1].running, ())


def _other_bytes(logs: Sequence[Log], steps: Trail) -> Iterator[Deviation]:
    """Lines of which other bytes were hashed than the dialect says."""
    events = [logs[log].events[row] for log, row in steps.places]
    lines = [event.content.line for event in events if isinstance(event.content, TextLine)]
    if len(lines) != len(events) or not lines:
        return
    of = _line_hash(events[0], steps.alg)
    if of is None:
        return
    if all(line.endswith(b"\r") for line in lines):
        sentence = "the value follows without the CR at the end of each line: the log's line ends were changed"
        yield Deviation("carriage_return", sentence, steps.start, _hashed([line[:-1] for line in lines], of, steps.alg))
    lower = [_canonical(event.content) for event in events]
    if lower != lines:
        sentence = "the value follows with INIT and SYNC in lower case, as agents hash them"
        yield Deviation("letter_case", sentence, steps.start, _hashed(lower, of, steps.alg))
    comments = _with_comments(logs, steps)
    if comments is not None:
        sentence = "the value follows if lines that start with # are events: the log is in another dialect"
        yield Deviation("comments_are_events", sentence, steps.start, _hashed(comments, of, steps.alg))


def _line_hash(event: Event, alg: HashAlg) -> HashAlg | None:
    """The hash whose digest of the event's line is the one extended."""
    content, recorded = event.content, event.digest(alg)
    for other in (alg, *ALGORITHMS.values()):
        if not isinstance(content, TextLine) or not hashing.backend().computable(other):
            continue
        if hashing.fit(hashing.digest(other, content.line), alg.size) == recorded:
            return other
    return None


def _hashed(lines: list[bytes], of: HashAlg, alg: HashAlg) -> list[bytes]:
    return [hashing.fit(digest, alg.size) for digest in hashing.backend().digests(of, lines)]


def _canonical(content: object) -> bytes:
    assert isinstance(content, TextLine)
    return content.line[:4] + content.line[4:].lower() if content.stated is not None else content.line


def _with_comments(logs: Sequence[Log], steps: Trail) -> list[bytes] | None:
    """The lines of the register from the trail's start on, with its comments; None if it has none."""
    found = []
    comments = 0
    for index, log in enumerate(logs):
        for row, event in enumerate(log.events if index >= steps.places[0][0] else ()):
            content = event.content
            if event.register != steps.register or (index, row) < steps.places[0] or not isinstance(content, TextLine):
                continue
            if event.measured or content.role != "blank":
                comments += not event.measured
                found.append(content.line)
    return found if comments else None


def _restarted(logs: Sequence[Log], steps: Trail) -> Iterator[Deviation]:
    """An attestation agent of v0.11 to v0.14 that restarted extended its first event once more."""
    if not steps.digests or len(steps) > _SHORT:
        return
    events = [logs[log].events[row].content for log, row in steps.places]
    if not all(isinstance(content, TextLine) for content in events):
        return
    for code, what, digest in _repeated(steps, events):
        for at in range(1, len(steps) + 1):
            where = f"before {_line(logs, steps.places[at])}" if at < len(steps) else "at the end"
            sentence = f"the value follows if {what} was extended once more {where}, as an agent does that restarts"
            digests = [*steps.digests[:at], digest, *steps.digests[at:]]
            yield Deviation(code, sentence, steps.start, digests)


def _repeated(steps: Trail, events: Sequence[object]) -> Iterator[tuple[str, str, bytes]]:
    records = [
        step for step, content in enumerate(events) if isinstance(content, TextLine) and content.role == "record"
    ]
    if records:
        yield "restart", "the first event", steps.digests[records[0]]
    else:
        yield "restart", "INIT", steps.digests[0]


def _line(logs: Sequence[Log], place: tuple[int, int]) -> str:
    where = f" of {logs[place[0]].name or f'log {place[0] + 1}'}" if len(logs) > 1 else ""
    return f"line {place[1] + 1}{where}"
