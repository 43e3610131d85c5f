"""What may have happened instead of what the logs say: one generator for each, tried in the order of the table.

First what textual logs state of themselves is doubted (`evlog.verifying.stated`), then what any log says.

Sources: TCG PC Client Platform Firmware Profile 1.06, sections 3.3 and 10.4; what go-attestation and go-eventlog retry;
logs of machines that do such things.
"""

from __future__ import annotations

from itertools import permutations

from evlog import hashing
from evlog.registers import CC_SPACES, PCR0, Register
from evlog.replaying.start import reset_value
from evlog.replaying.trail import trail
from evlog.verifying.allowance import LONG
from evlog.verifying.case import Candidate, Case, is_separator
from evlog.verifying.stated import comments_not_made, forged_statement, other_bytes, restarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["DECIDING", "HYPOTHESES"]

# Entries of a list that is tried on another register than its own.
_MOST_ENTRIES = 100_000

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


def _tail(case: Case, code: str, data: Sequence[bytes], say: Callable[[], str]) -> Iterator[Candidate]:
    """Something more at the end of the trail, or at the end of one log's part of it."""
    insert = tuple(case.hash(each) for each in data)
    for at in _ends(case):
        yield Candidate(code, at, 0, insert, say)


def _ends(case: Case) -> list[int]:
    """The end of the trail, and the places where one log's part of it ends."""
    places = case.trail.places
    if len(case.logs) == 1:
        return [len(places)]
    case.spend(len(places))
    inner = [step for step in range(1, len(places)) if places[step][0] != places[step - 1][0]]
    return [len(places), *inner]


def prefix(case: Case) -> Iterator[Candidate]:
    """The register has a value that the trail passes through."""
    if case.observed not in case.values[:-1]:
        return
    total = len(case.trail)
    steps = total - case.values[::-1].index(case.observed)
    later = total - steps
    if steps == 0:
        none = "its one event in the log was not" if total == 1 else f"none of the {total} events of the log was"
        say = case.saying("the register still has its start value: {} extended", none)
        yield Candidate("prefix", 0, later, (), say)
        return
    which = f"{later} later events, from {{1}} on, are" if later > 1 else "{1} is"
    sentence = f"the register has the value after {{0}}: {which} not in it"
    # The value has to prove an entry of the list: of one that never went to this register the same could be said.
    if all(case.peek(step).content.logged_first for step in range(steps - 1, total)):
        say = case.saying(f"{sentence} yet, as such events are logged first", steps - 1, steps)
        yield Candidate("ahead", steps, later, (), say, proven=steps, ahead=True)
    else:
        yield Candidate("prefix", steps, later, (), case.saying(sentence, steps - 1, steps), proven=steps)


def violations(case: Case) -> Iterator[Candidate]:
    """An IMA list's violations, for which the kernel extends ones: another agent may have taken the list's zeros."""
    trail, size = case.trail, case.trail.alg.size
    ones, zeros = b"\xff" * size, bytes(size)
    if ones not in trail.digests:
        return
    marked = [
        step
        for step in range(len(trail))
        if trail.digests[step] == ones and case.peek(step).content.mark(case.peek(step))
    ]
    if not marked:
        return
    count = "the violation" if len(marked) == 1 else f"the {len(marked)} violations"
    first, among = marked[0], frozenset(marked)
    tail = range(first, len(trail))
    recorded = tuple(zeros if step in among else trail.digests[step] for step in tail)
    say = case.saying("the value follows if {} extended the zeros that the list records", count)
    yield Candidate("violations", first, len(tail), recorded, say, proven=len(trail))
    without = tuple(trail.digests[step] for step in tail if step not in among)
    say = case.saying("the value follows if {} extended nothing", count)
    yield Candidate("violations", first, len(tail), without, say, proven=len(trail) - len(marked))


def ima_elsewhere(case: Case) -> Iterator[Candidate]:
    """An IMA list that names a PCR, and extended a register of the confidential guest that it ran in."""
    register, alg = case.trail.register, case.trail.alg
    if register.space not in CC_SPACES:
        return
    for log in case.logs:
        if not log.rules or len(log.events) > _MOST_ENTRIES or any(each.space != "pcr" for each in log.extended):
            continue
        case.spend(len(log.events))
        trails = [trail((log,), each, alg, case.values[-1], log.rules[:1]) for each in log.extended]
        if any(each.missing for each in trails):
            continue
        entries = sorted(
            (place, digest, each.register.index == register.index)
            for each in trails
            for place, digest in zip(each.places, each.digests, strict=True)
        )
        counted = [digest for _, digest, counts in entries if counts]
        for digests, what, how in (
            ([digest for _, digest, _ in entries], "this register instead of a PCR", f"--ima-register {register}"),
            (counted, "the measurement register that its column counts", f"--space {register.space}"),
        ):
            case.spend(len(digests))
            values = hashing.trace(alg, case.values[-1], digests) if digests else []
            if case.observed in values:
                count = values.index(case.observed) + 1
                some = f"the {count}" if count == len(digests) else f"the first {count} of the {len(digests)}"
                name = f" of {log.name}" if log.name else ""
                say = case.saying("a guess: the value follows if {} entries{} extended {} ({})", some, name, what, how)
                yield Candidate("ima_register", len(case.trail), 0, tuple(digests[:count]), say)


def skipped(case: Case) -> Iterator[Candidate]:
    """The first entries of a list were not extended: what extends the register was loaded later than IMA."""
    if case.trail.register.space not in CC_SPACES:
        return
    places = case.trail.places
    first = next((step for step in range(len(case.digests)) if case.event(step).content.logged_first), len(places))
    for step in range(first + 1, len(case.digests)):
        if places[step][0] != places[first][0]:
            break
        count = step - first
        entries = "first entry" if count == 1 else f"first {count} entries"
        say = case.saying(
            "the value follows without the {} of the list, up to {}: what extends the register was loaded later",
            entries,
            step - 1,
        )
        yield Candidate("skipped", first, count, (), say)


def exit_boot_services(case: Case) -> Iterator[Candidate]:
    """ExitBootServices events that a kernel before 5.3, or Windows, did not get into the log (Q4)."""
    if case.trail.register in _EXIT_REGISTERS:
        for data in _EXITS:
            said = " and ".join(repr(each.decode()) for each in data)
            what = "ExitBootServices event" if len(data) == 1 else f"{len(data)} ExitBootServices events"
            say = case.saying("the value follows with the {} that the log lacks: {}", what, said)
            yield from _tail(case, "missing_exit_boot_services", data, say)


def startup_locality(case: Case) -> Iterator[Candidate]:
    """PCR 0 started at another locality than the log says."""
    if case.trail.register == PCR0:
        size, said = case.trail.alg.size, case.trail.start[-1]
        for last in (0, 3, 4):
            start = bytes(size - 1) + bytes((last,))
            if start != case.trail.start:
                sentence = f"the value follows if the TPM was started at locality {last}, the log says {said}"
                yield Candidate("startup_locality", 0, 0, (), case.saying(sentence), start)


def dynamic_start(case: Case) -> Iterator[Candidate]:
    """PCR 17 to 22 start at ones, and at zeros after a dynamic launch."""
    register, alg = case.trail.register, case.trail.alg
    reset, zeros = reset_value(register, alg), bytes(alg.size)
    if reset != zeros:
        for start, what in ((zeros, "zeros, as after a dynamic launch"), (reset, "ones, as without a dynamic launch")):
            if start != case.trail.start:
                say = case.saying("the value follows if the register started at {}", what)
                yield Candidate("dynamic_launch", 0, 0, (), say, start)


def capped_bank(case: Case) -> Iterator[Candidate]:
    """An OS extends what it does not use with zeros, so that nothing can be faked in it later."""
    zeros = (bytes(case.trail.alg.size),)
    sentence = (
        f"the {case.trail.alg} bank was extended once more, with a digest of zeros, which the log does not record: "
        "what an operating system does to a bank that it does not use"
    )
    for at in _ends(case):
        yield Candidate("capped_bank", at, 0, zeros, case.saying(sentence))


def boot_phases(case: Case) -> Iterator[Candidate]:
    """Phases that systemd measured after the log ended; they are in its own log."""
    if case.trail.register in _PHASE_REGISTERS:
        for first in range(len(_PHASES)):
            for last in range(first, len(_PHASES)):
                data = _PHASES[first : last + 1]
                said = ", ".join(each.decode() for each in data)
                sentence = f"the log ends before systemd's boot phases: the value follows with {said}"
                yield from _tail(case, "missing_boot_phases", data, case.saying(sentence))


def separator_after(case: Case) -> Iterator[Candidate]:
    """A separator that the log lacks at its end."""
    for data in _SEPARATORS:
        sentence = f"the value follows with a separator ({data.hex()}) at the end, which the log lacks"
        yield from _tail(case, "missing_separator", (data,), case.saying(sentence))


def doubled(case: Case) -> Iterator[Candidate]:
    """An event that the log has twice and the register once."""
    seen: dict[bytes, int] = {}
    for step, digest in enumerate(case.digests):
        first = seen.setdefault(digest, step)
        # Of several in a row it is the same which one is left out.
        if first != step and (first == step - 1 or case.digests[step - 1] != digest):
            code = "doubled_separator" if is_separator(case.event(step)) else "doubled_event"
            say = case.saying("the log doubles {}: the value follows without {}", first, step)
            yield Candidate(code, step, 1, (), say)
    once = tuple(dict.fromkeys(case.digests))
    if len(once) + 1 < len(case.digests):
        sentence = f"the log doubles {len(case.trail) - len(once)} events: the value follows with each of them once"
        yield Candidate("doubled_event", 0, len(case.trail), once, case.saying(sentence))


def recomputed(case: Case) -> Iterator[Candidate]:
    """Recorded digests that are not the hash of the event's data, while the register has that hash."""
    right: dict[int, bytes] = {}
    for step, recorded in enumerate(case.digests):
        event = case.event(step)
        for _, covered, *_ in case.candidates(event):
            if covered is None:
                continue
            digest = case.hash(covered)
            if digest == recorded:
                right.pop(step, None)
                break
            right.setdefault(step, digest)
    for step, digest in right.items():
        say = case.saying("the digest of {} is wrong: the value follows with the hash of its data", step)
        yield Candidate("wrong_digest", step, 1, (digest,), say)
    if len(right) > 1:
        digests = tuple(right.get(step, digest) for step, digest in enumerate(case.trail.digests))
        sentence = f"the digests of {len(right)} events are wrong: the value follows with the hashes of their data"
        yield Candidate("wrong_digest", 0, len(digests), digests, case.saying(sentence))


def elsewhere(case: Case) -> Iterator[Candidate]:
    """An event that the log has on another register."""
    trail = case.trail
    if case.long:
        return
    places = trail.places
    step = 0
    for index, log in enumerate(case.logs):
        if len(log.events) > LONG:
            continue
        for row in range(len(log.events)):
            case.spend(1)
            register, digest = case.dossier.recorded((index, row), trail.alg)
            while step < len(places) and places[step] < (index, row):
                step += 1
            if register is None or register == trail.register or digest is None:
                continue
            say = case.saying(
                "the value follows if {}, which the log has on {}, was extended into this register",
                (index, row),
                register,
            )
            yield Candidate("other_register", step, 0, (digest,), say)


def left_out(case: Case) -> Iterator[Candidate]:
    """An event of the log that was not extended."""
    for step, digest in enumerate(case.digests):
        # Of several in a row it is the same which one is left out.
        if not step or case.digests[step - 1] != digest:
            yield Candidate("not_extended", step, 1, (), case.saying("the value follows without {}", step))
    zeros = bytes(case.trail.alg.size)
    kept = tuple(digest for digest in case.digests if digest != zeros)
    if len(kept) + 1 < len(case.digests):
        say = case.saying("the value follows without the events whose digest is all zeros")
        yield Candidate("not_extended", 0, len(case.trail), kept, say)


def separator_within(case: Case) -> Iterator[Candidate]:
    """A separator that the log lacks somewhere."""
    for data in _SEPARATORS[:2]:
        digest = case.hash(data)
        for step in range(len(case.digests)):
            if not step or case.digests[step - 1] != digest:
                say = case.saying(
                    "the value follows with a separator ({}) before {}, which the log lacks", data.hex(), step
                )
                yield Candidate("missing_separator", step, 0, (digest,), say)


def swapped(case: Case) -> Iterator[Candidate]:
    """Two neighbours in the other order."""
    digests = case.digests
    for step in range(len(digests) - 1):
        if digests[step] != digests[step + 1]:
            say = case.saying("the value follows if {} came before {}", step + 1, step)
            yield Candidate("order", step, 2, (digests[step + 1], digests[step]), say)


def logs_in_order(case: Case) -> Iterator[Candidate]:
    """The logs in another order than the one given."""
    if len(case.logs) < 2:
        return
    case.spend(len(case.trail))
    parts: dict[int, list[bytes]] = {}
    for (log, _), digest in zip(case.trail.places, case.trail.digests, strict=True):
        parts.setdefault(log, []).append(digest)
    if not 2 <= len(parts) <= 4:
        return
    for order in list(permutations(parts))[1:]:
        said = ", ".join(case.logs[log].name or f"log {log + 1}" for log in order)
        insert = tuple(digest for log in order for digest in parts[log])
        say = case.saying("the value follows if the logs stand in this order: {}", said)
        yield Candidate("order_of_logs", 0, len(case.trail), insert, say)


#: Those that decide on the verdict itself, each in one pass over the trail: no allowance is too small for them.
DECIDING = frozenset((prefix, violations, dynamic_start))

HYPOTHESES: tuple[Callable[[Case], Iterator[Candidate]], ...] = (
    forged_statement,
    comments_not_made,
    other_bytes,
    restarted,
    prefix,
    violations,
    ima_elsewhere,
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
    skipped,
)
