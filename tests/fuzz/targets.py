"""What is fuzzed: a function for each part of the public interface, of an input's choices and parts."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import evlog
from evlog.checking.bodies import Bodies
from evlog.errors import EvlogError
from evlog.evidence import KINDS
from evlog.formats import FORMATS, room, writer, writes
from evlog.formats.text.dialects import DIALECTS
from evlog.options import Options
from evlog.registers import PLATFORMS
from evlog.report import tpm2_yaml
from evlog.verifying.demand import ACCEPTABLE
from tests.fuzz.honest import pairs
from tests.fuzz.inputs import Choices, parts_of
from tests.logs import SAMPLE_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog import Verification

#: Formats with several spellings: what is written reads as what was read, and need not be the same bytes.
SPELLED = {"cel-json", "cel-cbor", "evlog-json"}

_FORMATS = (None, None, None, *FORMATS)
_PLATFORMS = (None, None, *PLATFORMS)
_SPACES = (None, None, "pcr", "ccmr", "rtmr", "rem")
_REGISTERS = (None, None, "pcr:0", "pcr:16", "ccmr:0", "ccmr:3", "rtmr:2", "rem:1", "mr:own", "nv:0x1c10131", "pcr:255")
_DIALECTS = (None, None, *DIALECTS)
_INDEXES = (None, None, None, "none", *(f"{space}{how}" for space in _SPACES[2:] for how in ("", "-hashed")))
_HASHES = (None, None, "sha1", "sha256", "sha384", "sha512", "sm3_256", "sha3_384")
_CREDENTIALS = ("key", "signature", "pcrs", "root", "nonce")
_DEMANDS = (
    evlog.Demand(),
    evlog.Demand(authenticated=True),
    evlog.Demand(strict=True),
    evlog.Demand(banks=(evlog.SHA256, evlog.SHA384)),
    evlog.Demand(accept=tuple(evlog.Acceptance(name) for name in ACCEPTABLE)),
)
_EVENTS = 512  # looked at one by one; the rest of a log is more of the same


class BrokenError(AssertionError):
    """A promise of the library that an input showed not to hold."""


def reading(choices: Choices) -> dict[str, Any]:
    """The keyword arguments of `evlog.read`."""
    register = choices.of(_REGISTERS)
    return {
        "format": choices.of(_FORMATS),
        "strict": choices.of((False, False, False, True)),
        "platform": choices.of(_PLATFORMS),
        "space": choices.of(_SPACES),
        "register": None if register is None else evlog.Register.parse(register),
        "dialect": choices.of(_DIALECTS),
        "index": choices.of(_INDEXES),
        "hash": choices.of(_HASHES),
        "mr_hash": choices.of(_HASHES),
    }


def read(choices: Choices, data: bytes) -> None:
    """Read, look at each event, and write."""
    asked = reading(choices)
    log = evlog.read(data, **asked)
    repr(log)
    for event in islice(log.events, _EVENTS):
        repr(event)
        assert event.content.summary is not None
        event.content.to_json()
    if not writes(log.format):
        return
    options = Options(**{key: value for key, value in asked.items() if key not in ("format", "strict")})
    written = writer(log.format).write(log, options)
    wrapped = any(finding.code == "wrapped" for finding in log.findings)
    if log.format not in SPELLED and not wrapped and written != data:
        raise BrokenError(f"{log.format}: written otherwise than it was read")
    again = room(log.format).read(written, options)
    if again != (log.replace(findings=again.findings) if wrapped else log):
        raise BrokenError(f"{log.format}: what was written reads as another log")


def check(choices: Choices, data: bytes) -> None:
    """Check, decode, and the report for other tools."""
    log = evlog.read(data, **reading(choices))
    checks = evlog.check(log)
    for event, verdicts in islice(zip(log.events, checks, strict=True), _EVENTS):
        assert len(verdicts) == (len(event.digests) if event.measured else 0)
    context = evlog.Context.of(log)
    bodies = Bodies()
    for event in islice(log.events, _EVENTS):
        decoded = evlog.decode(event, context)
        bodies.look(event, decoded)
        reason = getattr(decoded, "reason", "")
        if reason.startswith("decoder failed"):
            raise BrokenError(reason)
        repr(decoded)
    assert len(bodies.findings()) <= len(log.events)
    for _ in tpm2_yaml.lines(log, choices.of((1, 2))):
        pass


def replay(choices: Choices, data: bytes) -> None:
    """Replay, and the same with rules of banks; where a register had a value."""
    log = evlog.read(data, **reading(choices))
    replayed = evlog.replay(log)
    registers = replayed.registers()
    evlog.rules_by_bank(evlog.bank_rules(log, registers))
    evlog.boot_aggregate(log, registers)
    for row in islice(replayed.rows, 4):
        found = evlog.find_prefix(log, row.register, row.alg, row.value or b"")
        if found is None and row.value is not None and row.stated is None:
            raise BrokenError("the value at the end is not one that the log leads to")
    made = evlog.replay(log.replace(events=tuple(log.events)))
    if (made.rows, made.handovers) != (replayed.rows, replayed.handovers):
        raise BrokenError("events one by one lead to other values than columns of them")


def convert(choices: Choices, data: bytes) -> None:
    """To any format, and back as it is read."""
    log = evlog.read(data, **reading(choices))
    to = choices.of(tuple(FORMATS))
    done = evlog.convert(
        log,
        to,
        allow_changed=choices.of((False, False, True)),
        dialect=choices.of(_DIALECTS),
        index=choices.of(_INDEXES),
        digests_only=choices.of((False, True)),
        encapsulate=choices.of((None, None, "action", "tag")),
        profile=choices.of((None, None, "u32", "minimal", "google")),
        mr_key=choices.of((None, None, "pcr", "type108", "rtmr")),
        hash=choices.of(_HASHES),
    )
    if not done.registers_preserved and not done.changed:
        raise BrokenError("registers are not preserved, and none is named")


def merge(choices: Choices, a: bytes, b: bytes) -> None:
    """Two logs as one."""
    logs = [evlog.read(part, **reading(choices)) for part in (a, b)]
    merged = evlog.merge(logs, platform=choices.of(_PLATFORMS))
    evlog.write(merged.log)


def diff(choices: Choices, a: bytes, b: bytes) -> None:
    """Two boots, and each beside itself."""
    asked = reading(choices)
    one = evlog.read(a, **asked)
    evlog.diff(one, evlog.read(b, **asked), platform=choices.of(_PLATFORMS))
    if not evlog.diff(one, one).equal:
        raise BrokenError("a log differs from itself")


def split(choices: Choices, data: bytes) -> None:
    """One log for each register, and some of their events."""
    log = evlog.read(data, **reading(choices))
    parts = evlog.split(log)
    parts.files()
    parts.tree()


def registers(choices: Choices, *given: bytes) -> None:
    """Register values of every kind, with and without each credential."""
    evidence, *others = given
    kind = choices.of((None, None, None, *KINDS))
    names = [name for name in _CREDENTIALS if choices.of((True, True, False))]
    held: dict[str, Any] = dict(zip(_CREDENTIALS, others, strict=True))
    found = evlog.read_registers(evidence, kind=kind, **{name: held[name] for name in names})
    if found.anchored and not {"key", "root"} & set(names):
        raise BrokenError("anchored by nothing that was given")


def verify_log(choices: Choices, data: bytes) -> None:
    """Any log against honest evidence: nothing is proven but what the honest log has."""
    asked = reading(choices)
    pair = choices.of(pairs())
    verified = evlog.verify(evlog.read(data, **asked), pair.read(), choices.of(_DEMANDS))
    _read_through(verified)
    for each in verified.logs:
        for event, standing in each.standings():
            digests, contents = _honest()
            # A bank may prove data by its hash, whatever digest is recorded of another one.
            known = not digests.isdisjoint(event.digests) or event.content in contents
            if standing in ("proven", "digest_only") and not known:
                raise BrokenError(f"an event is {standing} that no honest log has")


@cache
def _honest() -> tuple[frozenset[evlog.Digest], frozenset[evlog.Content]]:
    """The digests, and the contents, of the machines that the register values are of; each keeps several logs."""
    events = [event for _, path in SAMPLE_LOGS for event in evlog.read(path).events]
    digests = frozenset(digest for event in events for digest in event.digests)
    return digests, frozenset(event.content for event in events)


def verify_evidence(choices: Choices, data: bytes) -> None:
    """Any evidence in an honest one's place: what is anchored is what was signed."""
    pair = choices.of(pairs())
    evidence = pair.read(data)
    if pair.credentials and evidence.anchored and not evidence.failed:
        signed = pair.read().registers.values
        if any(signed.get(key) != evidence.registers.values.get(key) for key in evidence.covered):
            raise BrokenError("anchored, and states what nobody signed")
    _read_through(evlog.verify(evlog.read(pair.log), evidence, choices.of(_DEMANDS)))


def _read_through(verification: Verification) -> None:
    assert verification.ok in (True, False)
    repr(verification)


class Target(NamedTuple):
    """A function and how many parts its inputs have."""

    run: Callable[..., None]
    parts: int = 1


TARGETS: dict[str, Target] = {
    "read": Target(read),
    "check": Target(check),
    "replay": Target(replay),
    "convert": Target(convert),
    "merge": Target(merge, 2),
    "diff": Target(diff, 2),
    "split": Target(split),
    "registers": Target(registers, 6),
    "verify_log": Target(verify_log),
    "verify_evidence": Target(verify_evidence),
}


def run(name: str, data: bytes) -> bool:
    """Run an input through its target; True for a result, False for an error of evlog's own."""
    target = TARGETS[name]
    try:
        target.run(Choices(data), *parts_of(data, target.parts))
    except EvlogError:
        return False
    return True
