"""Merge: the logs of one machine as one, and every place where one log takes a register over from another.

Within a register the order follows evidence where the logs hold some (`evlog.merging.order`), else it is the order
given, and the hand-over says so. Events that two logs both have are kept once. Each event keeps its origin.
Only the order within a register means anything; across registers the logs stand one after the other.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate

from evlog._record import Record
from evlog.algorithms import SHA1, SHA256, SHA384, SHA512, HashAlg
from evlog.columns import Lazy
from evlog.errors import ConversionError, UsageError
from evlog.merging import order as _order
from evlog.merging.assign import assign
from evlog.merging.lines import chained
from evlog.merging.overlap import Overlap, combine_twins, drop_overlaps
from evlog.merging.several import joined
from evlog.model import Event, Finding, LazyEvents, Log, Loss, Origin, Span, banks_of
from evlog.registers import Register, Registers
from evlog.replaying.boot_aggregate import boot_aggregate
from evlog.replaying.naming import platform_of, unite
from evlog.replaying.replay import Replay, replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.merging.order import Placed

__all__ = ["Handover", "Merged", "merge"]

# The bank whose value stands for a hand-over, the first that both sides have.
_TELLING = (SHA256, SHA384, SHA512, SHA1)
_BOOT_AGGREGATE = {"match": "continuous", "mismatch": "gap"}
_NOT_BOUND = {
    "unknown": "the registers that its boot_aggregate binds are not all in the logs",
    "no_bank": "its boot_aggregate is zeros: the kernel had no bank to compute it from",
    "no_registers": "its boot_aggregate is that of registers of zeros: the kernel had no TPM",
}


class Handover(Record):
    """Where one log goes on with a register that another left.

    ``verdict`` is ``continuous`` (the value that the later log states is the one that the earlier leads to),
    ``explained_gap`` (extensions that no event stands for lead there), ``gap`` (it is another) or ``unanchored`` (the
    later log states none). ``value`` is the one stated, or else reached; ``evidence`` says what was compared.
    ``event`` is the number, in the merged log, of the first event after it.
    """

    register: Register
    source: str
    target: str
    verdict: str
    alg: HashAlg | None
    value: bytes | None
    evidence: str
    event: int | None = None


class Merged(Record):
    """One log of all, and how it came about."""

    log: Log
    handovers: tuple[Handover, ...]
    overlaps: tuple[Overlap, ...]
    losses: tuple[Loss, ...] = ()


def merge(logs: Sequence[Log], *, platform: str | None = None) -> Merged:
    """The logs of one machine as one log, which any format that can hold its events can be written from.

    ``platform`` settles what registers are called where no log tells. Raises UsageError for no log at all, and
    ConversionError if the merged log does not replay as its parts do.
    """
    if not logs:
        raise UsageError("nothing to merge")
    platform = platform_of(logs, platform)
    named, notes = assign(unite(logs, platform))
    combined, twins = combine_twins(named)
    rest, repeated = drop_overlaps(combined)
    placed = _order.in_order(rest)
    parts = [each.log for each in placed]
    merged, first = _concatenated(parts, platform)
    replayed = replay(parts)
    _prove(replayed, merged)
    overlaps = (*twins, *repeated)
    findings = [_of(finding, log) for log in logs for finding in log.findings] + notes
    findings += [_noted(each) for each in overlaps]
    return Merged(
        merged.replace(findings=tuple(findings)),
        tuple(_handovers(placed, replayed, first)),
        tuple(each for each in overlaps if each.kind != "differs"),
        tuple(_losses(logs)),
    )


def _noted(overlap: Overlap) -> Finding:
    log, of, count = overlap.log or "a log", overlap.of or "another", overlap.events
    events, have, are = (f"{count} events", "have", "are") if count != 1 else ("1 event", "has", "is")
    if overlap.kind == "differs":
        message = f"{events} of {log} {have} the digests of events of {of} and other data: both logs are kept whole"
        return Finding("same_digests", "warning", message)
    if overlap.kind == "twin":
        message = f"{log} and {of} hold the same {events} in different banks: kept once, with all digests"
    else:
        message = f"{events} of {log} {are} in {of} already: kept once"
    return Finding("overlap", "note", message)


def _of(finding: Finding, log: Log) -> Finding:
    """A finding of one of the logs: its event has another number now, so the sentence says which it was."""
    place = "" if finding.event is None else f"event {finding.event}: "
    name = f"{log.name}: " if log.name else ""
    return finding.replace(event=None, offset=None, message=f"{name}{place}{finding.message}")


class _First(Record):
    """Of one part: the number of its first event in the merged log, and of its first on each register."""

    number: int
    registers: dict[Register, int]


def _concatenated(parts: Sequence[Log], platform: str | None) -> tuple[Log, list[_First]]:
    first: list[_First] = []
    start: dict[tuple[Register, HashAlg], bytes] = {}
    number = 0
    for log in parts:
        for key, value in log.start.values.items() if log.start is not None else ():
            if not any(key[0] in before.registers for before in first):
                start.setdefault(key, value)
        first.append(_First(number, {register: number + row for register, row in _first_rows(log).items()}))
        number += len(log.events)
    whole = Log(
        "evlog-json",
        _Chained(parts),
        algorithms=banks_of(alg for part in parts for alg in part.algorithms),
        start=Registers(start, "log") if start else None,
        platform=platform,
    )
    return whole, first


def _first_rows(log: Log) -> dict[Register, int]:
    """The row of the first event that extends each register."""
    columns, found = log.columns, {}
    if columns is not None:
        return {columns.register(index): row for index, row in columns.first_rows.items()}
    for row, event in enumerate(log.events):
        if event.register not in found and event.replayable:
            found[event.register] = row
    return found


class _Chained(LazyEvents):
    """The events of several logs, one log after the other, numbered anew: made when asked for, as theirs may be."""

    __slots__ = ("_bounds", "_logs")

    def __init__(self, logs: Sequence[Log]) -> None:
        self._logs = logs
        self._bounds = list(accumulate((len(log.events) for log in logs), initial=0))
        Lazy.__init__(self, self._bounds[-1])
        lines = chained([log.columns for log in logs])
        self.columns = lines if lines is not None else joined(logs)
        self.reading = self._twins = self._packed = None
        # Lines do not say which register they are of: those of several are not told by their bytes.
        if lines is not None and len(lines.names) == 1:
            readings = {log.events.reading for log in logs if isinstance(log.events, LazyEvents)}
            self.reading = readings.pop() if len(readings) == 1 else None

    @property
    def twins(self) -> Sequence[int]:
        if self._twins is None:
            twins = array("Q")
            for log, start in zip(self._logs, self._bounds, strict=False):
                twins.extend(map(start.__add__, log.twins))
            self._twins = twins
        return self._twins

    def _make(self, row: int) -> Event:
        place = bisect_right(self._bounds, row) - 1
        log = self._logs[place]
        return _numbered(log.events[row - self._bounds[place]], row, log)

    def __iter__(self) -> Iterator[Event]:
        for log, start in zip(self._logs, self._bounds, strict=False):
            for row, event in enumerate(log.events, start):
                yield _numbered(event, row, log)


def _numbered(event: Event, number: int, log: Log) -> Event:
    # The numbers of records count anew: per register, by whatever format the log is written in.
    return Event(number, event.register, event.digests, event.content, origin=_origin(event, log))


def _origin(event: Event, log: Log) -> Origin:
    if event.origin is None:
        return Origin(log.name, log.format, Span(0, 0))
    return event.origin if event.origin.log else event.origin.replace(log=log.name)


def _losses(logs: Sequence[Log]) -> Iterator[Loss]:
    """What is no event, and so has no place in a merged log."""
    for log in logs:
        if log.trailing:
            yield Loss(None, "trailing", f"{len(log.trailing)} bytes of {log.name or 'a log'} that are no record")


def _prove(replayed: Replay, merged: Log) -> None:
    """The merged log leads to every value that its parts lead to."""
    again = {(row.register, row.alg): row.value for row in replay(merged).rows}
    for row in replayed.rows:
        if row.value is not None and again.get((row.register, row.alg)) not in (row.value, None):
            raise ConversionError(f"the merged log would change {row.register} in {row.alg}")


def _handovers(placed: Sequence[Placed], replayed: Replay, first: Sequence[_First]) -> Iterator[Handover]:
    """Those that textual logs state, those that IMA lists state, and those that nobody states."""
    stated: set[tuple[Register, int]] = set()
    for made in replayed.handovers:
        position, number = made.place
        stated.add((made.register, position))
        evidence = _EVIDENCE[made.verdict]
        if made.silent:
            evidence = placed[position].reason
        elif made.from_ is None and made.verdict == "continuous":
            evidence = "the value stated is the one that the register starts with"
        event = first[position].number + _row(placed[position].log, number)
        yield Handover(made.register, made.from_ or "", made.to, made.verdict, made.alg, made.value, evidence, event)
    before = _Before(placed)
    for position in range(len(placed)):
        for handover in _from_firmware(placed, position, first[position].number, before):
            stated |= {(handover.register, position)} if handover.verdict == "continuous" else set()
            yield handover
    owners: dict[Register, int] = {}
    for position, each in enumerate(placed):
        for register, event in first[position].registers.items():
            if register in owners and (register, position) not in stated:
                alg, value = _value(before(position), register)
                source = placed[owners[register]].log.name
                yield Handover(register, source, each.log.name, "unanchored", alg, value, each.reason, event)
            owners[register] = position


class _Before:
    """The registers before each log, where somebody asks for them: they are replayed once."""

    def __init__(self, placed: Sequence[Placed]) -> None:
        self._logs = [each.log for each in placed]
        self._known = {place: each.before for place, each in enumerate(placed) if each.before is not None}

    def __call__(self, position: int) -> Registers:
        found = self._known.get(position)
        if found is None:
            logs = self._logs
            found = replay(logs[:position], beside=logs[position:]).registers() if position else Registers({})
            self._known[position] = found
        return found


_EVIDENCE = {
    "continuous": "the value stated is the one that the events before lead to",
    "explained_gap": ".EXTEND comments lead to the value stated",
    "gap": "the value stated is not the one that the events before lead to: something is missing between",
    "unanchored": "the value stated is all that is known of what came before",
}


def _row(log: Log, number: int) -> int:
    """The row of the event with this number: another where events before it were dropped."""
    if number < len(log.events) and log.events[number].number == number:
        return number
    # A log's numbers rise, whichever of its events are left.
    row = bisect_left(log.events, number, key=lambda event: event.number)
    return row if row < len(log.events) and log.events[row].number == number else 0


def _from_firmware(placed: Sequence[Placed], position: int, base: int, registers_before: _Before) -> Iterator[Handover]:
    """The hand-over to an IMA list: its boot_aggregate against the registers of the logs before it."""
    log = placed[position].log
    if log.columns is not None and (log.columns.statements is not None or log.columns.typed is not None):
        return  # neither lines nor PC Client events are one
    registers = registers_before(position)
    if not any(register.space == "pcr" for register, _ in registers):
        return  # a platform without PCRs, of which the aggregate is made
    found = boot_aggregate(log, registers)
    if found is None:
        return
    row = _row(log, found.event)
    event = log.events[row]
    if found.verdict == "match":
        assert found.bank is not None
        evidence = f"its boot_aggregate is the hash of PCR 0 to {found.last} of the {found.bank} bank"
    else:
        evidence = _NOT_BOUND.get(found.verdict, "its boot_aggregate is the hash of no bank's registers before it")
    verdict = _BOOT_AGGREGATE.get(found.verdict, "unanchored")
    alg = HashAlg.named(found.algorithm)
    yield Handover(
        event.register, placed[position - 1].log.name, log.name, verdict, alg, found.value, evidence, base + row
    )


def _value(before: Registers, register: Register) -> tuple[HashAlg | None, bytes | None]:
    """The register's value after some logs, in the bank that tells most people something."""
    for alg in _TELLING:
        value = before.get(register, alg)
        if value is not None:
            return alg, value
    return None, None
