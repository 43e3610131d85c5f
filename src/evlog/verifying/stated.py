"""Textual logs whose register has another value than they lead to: hypotheses that doubt what they state of themselves.

Spec: kernel RFC "tsm: Unified Measurement Register ABI" (who may write SYNC, and where ``.EXTEND`` stands); the
attestation agent's restarts (guest-components issue 803 and after). They stand first in the table of
`evlog.verifying.hypotheses`: what a log states is the first to be doubted.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import ALGORITHMS
from evlog.contents.text import TextLine
from evlog.replaying.start import launched, reset_value
from evlog.verifying.allowance import cost_of
from evlog.verifying.case import Candidate, Case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register
    from evlog.replaying.statements import Statement
    from evlog.replaying.trail import Trail

__all__ = ["comments_not_made", "forged_statement", "other_bytes", "proven_steps", "restarted", "since_last_gap"]

_MOST_STATEMENTS = 16
_SHORT = 512  # steps of a log that is tried with one event more at every place


def since_last_gap(steps: Trail, statements: Sequence[Statement]) -> Trail:
    """The part of a trail after the last of its statements that moves the register, from the value that it gives.

    ``.EXTEND`` comments at the end of a log, which replay heeds, are steps like events.
    """
    base, start = (0, -1), steps.start
    commented: list[tuple[tuple[int, int], bytes]] = []
    for each in _moving(statements):
        if _at_end(each):
            places = [(each.place[0], number) for number in each.explained]
            commented += zip(places, each.digests, strict=True)
        else:
            base, start, commented = each.place, each.value, []
    kept = [pair for pair in zip(steps.places, steps.digests, strict=True) if pair[0] >= base]
    kept = sorted(kept + commented) if commented else kept
    missing = [place for place in steps.missing if place >= base]
    places, digests = [place for place, _ in kept], [digest for _, digest in kept]
    return steps.replace(start=start, places=places, digests=digests, missing=missing)


def proven_steps(steps: Trail, proven_from: tuple[int, int]) -> int:
    """How many events a matching value proves, if it proves none before a place."""
    return sum(place >= proven_from for place in steps.places)


def _moving(statements: Sequence[Statement]) -> list[Statement]:
    return [each for each in statements if each.value != each.running]


def _at_end(statement: Statement) -> bool:
    """Whether it is comments at the end of a log, which give their digests and are confirmed by nothing."""
    return bool(statement.digests)


def forged_statement(case: Case) -> Iterator[Candidate]:
    """SYNC and INIT lines that an application wrote: ordinary lines, whatever value they state.

    Which of them the register's value depends on is decided by the last one that is taken at its word.
    """
    moving = _moving(case.statements)
    if not moving:
        return
    # The whole trail: the case has the part of it after the last of these.
    case.spend(len(case.statements))
    whole = case.dossier.trail(case.trail.register, case.trail.alg, case.trail.start)
    places = set(whole.places)
    moving = [each for each in moving if each.place in places]
    if not moving:
        return
    # Nobody is believed, or nobody after one of the last.
    for believed in (None, *reversed(moving[-1 - _MOST_STATEMENTS : -1])):
        later = [each for each in moving if believed is None or each.place > believed.place]
        lines = ", ".join(_line(case.logs, each.place) for each in later[:4]) + (" and more" if len(later) > 4 else "")
        be = "is" if len(later) == 1 else "are"
        sentence = "{} {} an application's own: the value follows if nothing is believed that {} stated there"
        say = case.saying(sentence, lines, be, be)
        if believed is None:
            start = reset_value(case.trail.register, case.trail.alg, launch=launched(case.logs))
            base = 0, -1
        else:
            start, base = believed.value, believed.place
        pairs = zip(whole.places, whole.digests, strict=True)
        digests = tuple(digest for place, digest in pairs if place >= base)
        yield Candidate("forged_sync", 0, len(case.trail), digests, say, start)


def comments_not_made(case: Case) -> Iterator[Candidate]:
    """``.EXTEND`` comments at the end, and the extensions failed or are invented."""
    moving = _moving(case.statements)
    if moving and _at_end(moving[-1]):
        sentence = "the value follows without the .EXTEND comments at the end: those extensions did not happen"
        yield Candidate("extend_not_made", 0, len(case.trail), (), case.saying(sentence), moving[-1].running)


def other_bytes(case: Case) -> Iterator[Candidate]:
    """Lines of which other bytes were hashed than the dialect says."""
    if not case.statements:
        return
    events = [case.event(step) for step in range(len(case.trail))]
    lines = [event.content.line for event in events if isinstance(event.content, TextLine)]
    if len(lines) != len(events) or not lines:
        return
    alg = case.trail.alg
    of = _line_hash(events[0], alg)
    if of is None:
        return

    def hashed(code: str, lines: list[bytes], sentence: str) -> Candidate:
        case.spend(sum(map(cost_of, lines)))
        digests = tuple(hashing.pad_or_cut(digest, alg.size) for digest in hashing.backend().digests(of, lines))
        return Candidate(code, 0, len(case.trail), digests, case.saying(sentence))

    if all(line.endswith(b"\r") for line in lines):
        sentence = "the value follows without the CR at the end of each line: the log's line ends were changed"
        yield hashed("carriage_return", [line[:-1] for line in lines], sentence)
    lower = [_canonical(event.content) for event in events]
    if lower != lines:
        yield hashed("letter_case", lower, "the value follows with INIT and SYNC in lower case, as agents hash them")
    comments = _with_comments(case)
    if comments is not None:
        sentence = "the value follows if lines that start with # are events: the log is in another dialect"
        yield hashed("comments_are_events", comments, sentence)


def _line_hash(event: Event, alg: HashAlg) -> HashAlg | None:
    """The hash whose digest of the event's line is the one extended."""
    content, recorded = event.content, event.digest(alg)
    for other in (alg, *ALGORITHMS.values()):
        if not isinstance(content, TextLine) or not hashing.backend().computable(other):
            continue
        if hashing.pad_or_cut(hashing.digest(other, content.line), alg.size) == recorded:
            return other
    return None


def _canonical(content: object) -> bytes:
    assert isinstance(content, TextLine)
    return content.line[:4] + content.line[4:].lower() if content.stated is not None else content.line


def _with_comments(case: Case) -> list[bytes] | None:
    """The lines of the register from the trail's start on, with its comments; None if it has none."""
    found = []
    comments = 0
    register, first = case.trail.register, case.trail.places[0]
    for index, log in enumerate(case.logs):
        lines: dict[int, tuple[bytes, bool] | None] = {}
        case.spend(len(log.events))
        for row, twin in enumerate(log.twins if index >= first[0] else ()):
            if twin not in lines:
                lines[twin] = _told(log.events[twin], register)
            line = lines[twin]
            if line is not None and (index, row) >= first:
                found.append(line[0])
                comments += not line[1]
    return found if comments else None


def _told(event: Event, register: Register) -> tuple[bytes, bool] | None:
    """The line of an event, and whether it is hashed; None for a blank one, and on another register."""
    content = event.content
    if event.register != register or not isinstance(content, TextLine) or content.role == "blank":
        return None
    return content.line, event.measured


def restarted(case: Case) -> Iterator[Candidate]:
    """An attestation agent of v0.11 to v0.14 that restarted extended its first event once more."""
    steps = case.trail
    if not case.statements or not steps.digests or len(steps) > _SHORT:
        return
    contents = [case.event(step).content for step in range(len(steps))]
    if not all(isinstance(content, TextLine) for content in contents):
        return
    records = [step for step, content in enumerate(contents) if getattr(content, "role", None) == "record"]
    what, digest = ("the first event", steps.digests[records[0]]) if records else ("INIT", steps.digests[0])
    for at in range(1, len(steps) + 1):
        where = f"before {_line(case.logs, steps.places[at])}" if at < len(steps) else "at the end"
        sentence = "the value follows if {} was extended once more {}, as an agent does that restarts"
        yield Candidate("restart", at, 0, (digest,), case.saying(sentence, what, where))


def _line(logs: Sequence[Log], place: tuple[int, int]) -> str:
    where = f" of {logs[place[0]].name or f'log {place[0] + 1}'}" if len(logs) > 1 else ""
    return f"line {place[1] + 1}{where}"
