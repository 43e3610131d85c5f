"""Why a register does not have the value that the log leads to: deviations tried by computing them, none guessed.

A hypothesis is a generator of candidates: edits of the register's trail, each with the sentence that it would be. A
candidate whose value is the register's is the explanation; a hypothesis that fits nothing is silent. They stand in a
table, the most telling first, and work on an allowance of hashes, so that a hostile log costs a second, not a day.

Sources: spec/tcg2.md sections 10.1 (Q4, Q10) and 11; go-attestation's and go-eventlog's retries.
"""

from __future__ import annotations

from itertools import permutations

from evlog import hashing
from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.registers import Register
from evlog.verbs import _stated
from evlog.verbs.check import check_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evlog.model import Event, Log
    from evlog.verbs._trail import Trail

__all__ = ["Allowance", "Case", "Explanation", "explain", "name_event"]

EV_SEPARATOR = 0x00000004
_PCR0 = Register("pcr", 0)

# The strings that firmware measures when the OS leaves boot services (PFP 1.06 section 10.4.4).
_INVOCATION = b"Exit Boot Services Invocation"
_SUCCESS = b"Exit Boot Services Returned with Success"
_FAILURE = b"Exit Boot Services Returned with Failure"
_EXITS = (
    (_INVOCATION, _SUCCESS),
    (_INVOCATION,),
    (_SUCCESS,),
    (_INVOCATION, _FAILURE),
    (_INVOCATION, _FAILURE, _SUCCESS),
    (_INVOCATION, _FAILURE, _INVOCATION, _SUCCESS),
)
_EXIT_REGISTERS = (Register("pcr", 5), Register("ccmr", 2))
# What systemd-pcrphase measures, in the order of a boot.
_PHASES = (b"enter-initrd", b"leave-initrd", b"sysinit", b"ready", b"shutdown", b"final")
_PHASE_REGISTERS = (Register("pcr", 11), Register("ccmr", 3))
_SEPARATORS = (bytes(4), b"\xff" * 4, b"\x01\0\0\0", b"WBCL")
# Beyond this a trail is an IMA list's, and edits in its middle are not tried.
_LONG = 4096


class Allowance:
    """Hashes that may still be computed for explanations."""

    __slots__ = ("left",)

    def __init__(self, left: int = 400_000) -> None:
        self.left = left


class Case(Record):
    """A register whose value is not the one that its trail leads to.

    ``values`` are the register's values along the trail, the start first.
    """

    logs: Sequence[Log]
    trail: Trail
    values: list[bytes]
    observed: bytes
    platform: str | None

    def hash(self, data: bytes) -> bytes:
        """The hash of some data in the case's bank."""
        return hashing.digest(self.trail.alg, data)

    def event(self, step: int) -> Event:
        """The event of a step of the trail."""
        log, row = self.trail.places[step]
        found: Event = self.logs[log].events[row]
        return found

    def name(self, step: int) -> str:
        """The event of a step of the trail, for a sentence."""
        log, row = self.trail.places[step]
        return name_event(self.logs, log, row)

    def label(self, register: Register) -> str:
        """A register for a sentence, by id and label."""
        return f"{register} {register.label(self.platform)}"


class Candidate(Record):
    """An edit: ``skip`` digests at ``at`` give way to ``insert``; and the sentence if that is what happened."""

    code: str
    at: int
    skip: int
    insert: tuple[bytes, ...]
    sentence: str
    start: bytes | None = None


class Explanation(Record):
    """A stable code, a sentence, and how many of the trail's first events the register's value proves.

    ``ahead`` says that the others are of a kind that is logged before it is extended: no contradiction.
    """

    code: str
    sentence: str
    proven: int = 0
    ahead: bool = False


def name_event(logs: Sequence[Log], log: int, row: int) -> str:
    """``event 16 (EV_SEPARATOR)``, with the log's name if there are several."""
    content = logs[log].events[row].content
    kind = content.event_type_name if isinstance(content, PCClientEvent) else content.kind
    where = f" of {logs[log].name or f'log {log + 1}'}" if len(logs) > 1 else ""
    return f"event {row}{where} ({kind})"


def explain(case: Case, allowance: Allowance) -> Explanation | None:
    """The first explanation that computes to the observed value, or None."""
    for deviation in _stated.deviations(case.logs, case.trail.register, case.trail.alg):
        if len(deviation.digests) > allowance.left:
            break
        allowance.left -= len(deviation.digests)
        if hashing.backend().fold(case.trail.alg, deviation.start, deviation.digests) == case.observed:
            return Explanation(deviation.code, deviation.sentence)
    if case.observed in case.values[:-1]:
        return _prefix(case, len(case.values) - 1 - case.values[::-1].index(case.observed))
    for hypothesis in HYPOTHESES:
        for candidate in hypothesis(case):
            cost = len(candidate.insert) + len(case.trail) - candidate.at - candidate.skip
            if cost > allowance.left:
                break
            allowance.left -= cost
            if _value(case, candidate) == case.observed:
                return Explanation(candidate.code, candidate.sentence)
    return None


def _value(case: Case, candidate: Candidate) -> bytes:
    fold, trail = hashing.backend().fold, case.trail
    value = case.values[candidate.at] if candidate.start is None else candidate.start
    value = fold(trail.alg, value, candidate.insert)
    return fold(trail.alg, value, trail.digests[candidate.at + candidate.skip :])


def _prefix(case: Case, steps: int) -> Explanation:
    """The register has a value that the trail passes through."""
    total = len(case.trail)
    if steps == 0:
        sentence = f"the register still has its start value: none of the {total} events of the log was extended"
        return Explanation("prefix", sentence)
    first, last = case.name(steps), case.name(steps - 1)
    later = f"{total - steps} later events, from {first} on, are" if total - steps > 1 else f"{first} is"
    sentence = f"the register has the value after {last}: {later} not in it"
    if all(case.event(step).content.logged_first for step in range(steps, total)):
        return Explanation("ahead", f"{sentence} yet, as such events are logged first", steps, ahead=True)
    return Explanation("prefix", sentence, steps)


def _tail(case: Case, code: str, data: Sequence[bytes], sentence: str) -> Iterator[Candidate]:
    """Something more at the end of the trail, or at the end of one log's part of it."""
    insert = tuple(case.hash(each) for each in data)
    for at in _ends(case):
        yield Candidate(code, at, 0, insert, sentence)


def _ends(case: Case) -> list[int]:
    """The end of the trail, and the places where one log's part of it ends."""
    places = case.trail.places
    inner = [step for step in range(1, len(places)) if places[step][0] != places[step - 1][0]]
    return [len(places), *inner]


def exit_boot_services(case: Case) -> Iterator[Candidate]:
    """ExitBootServices events that a kernel before 5.3, or Windows, did not get into the log (Q4)."""
    if case.trail.register in _EXIT_REGISTERS:
        for data in _EXITS:
            said = " and ".join(repr(each.decode()) for each in data)
            what = "ExitBootServices event" if len(data) == 1 else f"{len(data)} ExitBootServices events"
            sentence = f"the value follows with the {what} that the log lacks: {said}"
            yield from _tail(case, "missing_exit_boot_services", data, sentence)


def startup_locality(case: Case) -> Iterator[Candidate]:
    """PCR 0 started at another locality than the log says."""
    if case.trail.register == _PCR0:
        size, said = case.trail.alg.size, case.trail.start[-1]
        for last in (0, 3, 4):
            start = bytes(size - 1) + bytes((last,))
            if start != case.trail.start:
                sentence = f"the value follows if the TPM was started at locality {last}, the log says {said}"
                yield Candidate("startup_locality", 0, 0, (), sentence, start)


def dynamic_start(case: Case) -> Iterator[Candidate]:
    """PCR 17 to 22 start at ones, and at zeros after a dynamic launch."""
    register, size = case.trail.register, case.trail.alg.size
    if register.space == "pcr" and 17 <= register.number <= 22:
        for start, what in ((bytes(size), "zeros, as after a dynamic launch"), (b"\xff" * size, "ones")):
            if start != case.trail.start:
                yield Candidate(
                    "dynamic_launch", 0, 0, (), f"the value follows if the register started at {what}", start
                )


def capped_bank(case: Case) -> Iterator[Candidate]:
    """An OS extends what it does not use with zeros, so that nothing can be faked in it later."""
    zeros = (bytes(case.trail.alg.size),)
    sentence = (
        f"the {case.trail.alg} bank was extended once more, with a digest of zeros, which the log does not record: "
        "what an operating system does to a bank that it does not use"
    )
    for at in _ends(case):
        yield Candidate("capped_bank", at, 0, zeros, sentence)


def boot_phases(case: Case) -> Iterator[Candidate]:
    """Phases that systemd measured after the log ended; they are in its own log."""
    if case.trail.register in _PHASE_REGISTERS:
        for first in range(len(_PHASES)):
            for last in range(first, len(_PHASES)):
                data = _PHASES[first : last + 1]
                said = ", ".join(each.decode() for each in data)
                sentence = f"the log ends before systemd's boot phases: the value follows with {said}"
                yield from _tail(case, "missing_boot_phases", data, sentence)


def separator_after(case: Case) -> Iterator[Candidate]:
    """A separator that the log lacks at its end."""
    for data in _SEPARATORS:
        sentence = f"the value follows with a separator ({data.hex()}) at the end, which the log lacks"
        yield from _tail(case, "missing_separator", (data,), sentence)


def doubled(case: Case) -> Iterator[Candidate]:
    """An event that the log has twice and the register once."""
    seen: dict[bytes, int] = {}
    for step, digest in enumerate(_short(case)):
        first = seen.setdefault(digest, step)
        if first != step:
            code = "doubled_separator" if _is_separator(case.event(step)) else "doubled_event"
            sentence = f"the log doubles {case.name(first)}: the value follows without {case.name(step)}"
            yield Candidate(code, step, 1, (), sentence)
    once = tuple(dict.fromkeys(_short(case)))
    if len(once) + 1 < len(_short(case)):
        sentence = f"the log doubles {len(case.trail) - len(once)} events: the value follows with each of them once"
        yield Candidate("doubled_event", 0, len(case.trail), once, sentence)


def recomputed(case: Case) -> Iterator[Candidate]:
    """Recorded digests that are not the hash of the event's data, while the register has that hash."""
    right: dict[int, bytes] = {}
    for step, recorded in enumerate(_short(case)):
        event = case.event(step)
        for _, covered, *_ in event.content.candidates(event, case.trail.alg):
            if covered is None:
                continue
            digest = case.hash(covered)
            if digest == recorded:
                right.pop(step, None)
                break
            right.setdefault(step, digest)
    for step, digest in right.items():
        sentence = f"the digest of {case.name(step)} is wrong: the value follows with the hash of its data"
        yield Candidate("wrong_digest", step, 1, (digest,), sentence)
    if len(right) > 1:
        digests = tuple(right.get(step, digest) for step, digest in enumerate(case.trail.digests))
        sentence = f"the digests of {len(right)} events are wrong: the value follows with the hashes of their data"
        yield Candidate("wrong_digest", 0, len(digests), digests, sentence)


def elsewhere(case: Case) -> Iterator[Candidate]:
    """An event that the log has on another register."""
    trail = case.trail
    if len(trail) > _LONG:
        return
    places = trail.places
    step = 0
    for index, log in enumerate(case.logs):
        if len(log.events) > _LONG:
            continue
        for row, event in enumerate(log.events):
            while step < len(places) and places[step] < (index, row):
                step += 1
            digest = event.digest(trail.alg)
            if event.register == trail.register or digest is None or not event.measured:
                continue
            what = f"{name_event(case.logs, index, row)}, which the log has on {case.label(event.register)}"
            sentence = f"the value follows if {what}, was extended into this register"
            yield Candidate("other_register", step, 0, (digest,), sentence)


def left_out(case: Case) -> Iterator[Candidate]:
    """An event of the log that was not extended."""
    for step in range(len(_short(case))):
        yield Candidate("not_extended", step, 1, (), f"the value follows without {case.name(step)}")
    zeros = bytes(case.trail.alg.size)
    kept = tuple(digest for digest in _short(case) if digest != zeros)
    if len(kept) + 1 < len(_short(case)):
        sentence = "the value follows without the events whose digest is all zeros"
        yield Candidate("not_extended", 0, len(case.trail), kept, sentence)


def separator_within(case: Case) -> Iterator[Candidate]:
    """A separator that the log lacks somewhere."""
    for data in _SEPARATORS[:2]:
        digest = case.hash(data)
        for step in range(len(_short(case))):
            sentence = (
                f"the value follows with a separator ({data.hex()}) before {case.name(step)}, which the log lacks"
            )
            yield Candidate("missing_separator", step, 0, (digest,), sentence)


def swapped(case: Case) -> Iterator[Candidate]:
    """Two neighbours in the other order."""
    digests = _short(case)
    for step in range(len(digests) - 1):
        sentence = f"the value follows if {case.name(step + 1)} came before {case.name(step)}"
        yield Candidate("order", step, 2, (digests[step + 1], digests[step]), sentence)


def logs_in_order(case: Case) -> Iterator[Candidate]:
    """The logs in another order than the one given."""
    parts: dict[int, list[bytes]] = {}
    for (log, _), digest in zip(case.trail.places, case.trail.digests, strict=True):
        parts.setdefault(log, []).append(digest)
    if not 2 <= len(parts) <= 4:
        return
    for order in list(permutations(parts))[1:]:
        said = ", ".join(case.logs[log].name or f"log {log + 1}" for log in order)
        insert = tuple(digest for log in order for digest in parts[log])
        sentence = f"the value follows if the logs stand in this order: {said}"
        yield Candidate("order_of_logs", 0, len(case.trail), insert, sentence)


def _short(case: Case) -> list[bytes]:
    """The trail's digests; none of one so long that edits in its middle are not tried."""
    return case.trail.digests if len(case.trail) <= _LONG else []


def _is_separator(event: Event) -> bool:
    return isinstance(event.content, PCClientEvent) and event.content.event_type == EV_SEPARATOR


HYPOTHESES: tuple[Callable[[Case], Iterator[Candidate]], ...] = (
    exit_boot_services,
    startup_locality,
    dynamic_start,
    boot_phases,
    capped_bank,
    logs_in_order,
    doubled,
    recomputed,
    separator_after,
    elsewhere,
    left_out,
    swapped,
    separator_within,
)


def remarks(case: Case) -> list[str]:
    """Facts that bear on a mismatch without explaining it: damage, digests that do not fit their data, repetition."""
    found = []
    for log in case.logs:
        for finding in log.findings:
            if finding.severity == "error":
                found.append(f"the log is damaged ({finding.message}), so later events may be missing")
    separators = [step for step in range(len(_short(case))) if _is_separator(case.event(step))]
    for step in separators[1:]:
        found.append(
            f"the log doubles the separator: {case.name(step)} comes after {case.name(separators[0])}, "
            "and the value does not follow without it either"
        )
    wrong = []
    for step in range(len(_short(case))):
        checks = check_event(case.event(step))
        if any(check.alg == case.trail.alg and check.verdict == "mismatch" for check in checks):
            wrong.append(step)
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        found.append(f"the digest of {case.name(wrong[0])}{more} is not the hash of its data")
    return found
