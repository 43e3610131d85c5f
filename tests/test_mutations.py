"""Whatever is changed in an accepted log, or in its evidence, is noticed: never ok with the same events proven.

What may be ok is an IMA list that is ahead of its register, and then what was changed is claimed only. EVLOG_MUTATIONS
is how many examples each mutation gets; with more than the few of the suite, long logs are among them.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import evlog
from evlog import SHA256, Demand, Digest, EvlogError, Register, Registers
from evlog.registers import RegisterSet
from evlog.replaying.start import reset_value
from tests import made_evidence as made
from tests.conftest import SAMPLES, SHARED
from tests.fuzz.honest import NONCE, pairs
from tests.logs import SAMPLE_LOGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evlog import Event, Evidence, Log, Verification

Place = tuple[int, int]

FEW = 20
EXAMPLES = int(os.environ.get("EVLOG_MUTATIONS", FEW))
LONG = 600  # events
# A sample does not get smaller; looking for smaller choices among it takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
#: Rules that take a part of the data (docs/verify.md): of what stands beside it nothing is proven.
PARTS = {"variable_data", "command", "tag_data"}


@dataclass(frozen=True)
class Case:
    """What is accepted: logs under a demand. ``values`` are those of a quote that was made of them."""

    name: str
    logs: tuple[Log, ...]
    evidence: Evidence
    demand: Demand
    values: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return self.name

    def verified(self, *logs: Log) -> Verification:
        return evlog.verify(logs, self.evidence, self.demand)

    @cached_property
    def verification(self) -> Verification:
        return self.verified(*self.logs)

    @cached_property
    def proven(self) -> list[Place]:
        """Places of the events that the values of demanded registers stand behind: (log, number)."""
        demanded = {row.register for row in self.verification.registers if row.demanded}
        return [
            (log, number)
            for (log, number), standing in standings(self.verification)
            if standing in ("proven", "digest_only") and demanded & _names(self.logs[log].events[number])
        ]

    @cached_property
    def registers(self) -> dict[Register, list[Place]]:
        """The proven events of each register."""
        found: dict[Register, list[Place]] = {}
        for log, number in self.proven:
            found.setdefault(self.logs[log].events[number].register, []).append((log, number))
        return found


def standings(verification: Verification) -> Iterator[tuple[Place, str]]:
    for index, each in enumerate(verification.logs):
        for number, (_, standing) in enumerate(each.standings()):
            yield (index, number), standing


# What is accepted


@cache
def accepted() -> tuple[Case, ...]:
    found = [case for case in _every() if sum(len(log.events) for log in case.logs) <= LONG or EXAMPLES > FEW]
    assert all(case.verification.ok for case in found)
    # A textual log may have nothing but comments that tell of extensions.
    return tuple(case for case in found if case.proven)


def _every() -> Iterator[Case]:
    for pair in pairs():
        log = evlog.read(pair.log)
        yield from _under_some_demand(pair.name, (log,), pair.read())
    for name in ("tcg2/ovmf.bin", "tcg2/secure-boot.bin", "tcg2/uki.bin", "tcg2/dynamic-launch.bin", "tcg2/sha3.bin"):
        yield from _quoted(name)
    for format, path in SAMPLE_LOGS:
        log = evlog.read(path)
        yield from _under_some_demand(f"{format}/{path.name}, replayed", (log,), evlog.replay(log).registers())
    yield _ahead()
    for values in sorted((SHARED / "vm").glob("*/pcrs.json")):
        yield from _machine(values.parent)


def _under_some_demand(name: str, logs: tuple[Log, ...], given_: Evidence | Registers) -> Iterator[Case]:
    """As it is, or of those registers alone that the logs account for."""
    verification = evlog.verify(logs, given_)
    evidence = verification.evidence
    if verification.ok:
        yield Case(name, logs, evidence, verification.demand)
        return
    whole = {row.register for row in verification.registers if row.events}
    whole -= {row.register for row in verification.registers if not row.whole}
    if whole:
        demand = Demand(registers=RegisterSet.parse(",".join(sorted(map(str, whole)))))
        if evlog.verify(logs, evidence, demand).ok:
            yield Case(f"{name}, some registers", logs, evidence, demand)


def _quoted(name: str) -> Iterator[Case]:
    """A log with a quote of what it leads to, with the values beside it and without."""
    log = evlog.read(SAMPLES / name)
    replayed = evlog.replay(log).registers().values
    keys = [(Register("pcr", number), SHA256) for number in range(24)]
    values = tuple(replayed.get(key, reset_value(*key)) for key in keys)
    for given_ in (b"".join(values), None):
        yield from _under_some_demand(name, (log,), quote_of(values, given_))
    case = next(iter(_under_some_demand(name, (log,), quote_of(values, b"".join(values)))))
    yield replace(case, name=f"{name}, values", values=values)


def quote_of(values: Sequence[bytes], given_: bytes | None) -> Evidence:
    """A quote of the first PCRs by a key that the verifier knows."""
    key = made.ec_key("attestation key")
    message = made.tpm_quote(list(values), nonce=NONCE)
    signature = made.ecdsa_signature(message, key)
    return evlog.read_registers(
        message, key=made.pem(key.public_key()), signature=signature, pcrs=given_, nonce=NONCE, kind="tpm-quote"
    )


def _ahead() -> Case:
    """A list with three entries that its register does not have yet."""
    log = evlog.read(SAMPLES / "ima-binary" / "sha256.bin")
    pcr10 = Register("pcr", 10)
    short = evlog.replay(log.replace(events=tuple(log.events)[:-3]))
    evidence = evlog.verify(log, Registers({(pcr10, SHA256): short[pcr10, SHA256]})).evidence
    case = Case("ahead", (log,), evidence, Demand())
    assert case.proven == [(0, number) for number in range(len(log.events) - 3)]
    return case


def _machine(folder: Path) -> Iterator[Case]:
    logs = [evlog.read(folder / name) for name in _LOGS if (folder / name).exists()]
    yield from _under_some_demand(folder.name, tuple(logs), evlog.read_registers(folder / "pcrs.json"))
    for quote in sorted(folder.glob("quote/*.msg")):
        given_ = {"key": quote.parent / "ak.pub", "signature": quote.with_suffix(".sig")}
        for more in ({"pcrs": quote.with_suffix(".pcrs")}, {}):
            evidence = evlog.read_registers(quote, **given_, **more)  # type: ignore[arg-type]
            yield from _under_some_demand(f"{folder.name}, {quote.stem}", tuple(logs), evidence)


_LOGS = ("binary_bios_measurements", "ima-binary_runtime_measurements", "tpm2-measure.log")


# Mutations of events: each gives the events of a log, and the numbers of those that are no longer what they were


def another_digest(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """A byte of a digest in a bank that the evidence states."""
    events = list(case.logs[log].events)
    event = events[number]
    compared = {
        row.alg for row in case.verification.registers if row.expected is not None and row.register in _names(event)
    }
    choice = draw(st.sampled_from([at for at, digest in enumerate(event.digests) if digest.alg in compared] or [-1]))
    assume(choice >= 0)
    digest = event.digests[choice]
    value = _flipped(draw, digest.value)
    digests = (*event.digests[:choice], Digest(digest.alg, value), *event.digests[choice + 1 :])
    events[number] = event.replace(digests=digests, wire=None)
    return Changed(events, [number])


def dropped(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """An event is not there."""
    events = list(case.logs[log].events)
    del events[number]
    return Changed(events, [])


def added(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """One more, such as there is already or with another digest."""
    events = list(case.logs[log].events)
    event = events[number]
    if draw(st.booleans()) and event.digests:
        digests = tuple(Digest(digest.alg, _flipped(draw, digest.value)) for digest in event.digests)
        event = event.replace(digests=digests)
    at = draw(st.integers(1, len(events)))
    events.insert(at, event.replace(wire=None))
    return Changed(events, [at])


def swapped(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """Two of one register whose digests differ."""
    events = list(case.logs[log].events)
    others = [place for place in case.proven if place[0] == log and _differ(events[number], events[place[1]])]
    assume(others)
    other = draw(st.sampled_from(others))[1]
    events[number], events[other] = events[other], events[number]
    return Changed(events, [number, other])


def moved(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """To another register."""
    events = list(case.logs[log].events)
    register = events[number].register
    assume(register.space != "mr")
    elsewhere = draw(st.sampled_from([each for each in range(1, 24) if each != register.index]))
    events[number] = events[number].replace(register=register.replace(index=elsewhere), wire=None)
    return Changed(events, [number])


def undigested(draw: Callable[..., Any], case: Case, log: int, number: int) -> Changed:
    """Without its digest in a bank that the evidence states; an IMA list has its data, which says the same."""
    assume(isinstance(case.logs[log].events[number].content, evlog.PCClientEvent))
    changed = another_digest(draw, case, log, number)
    event, before = changed.events[number], case.logs[log].events[number]
    kept = tuple(digest for digest in event.digests if digest in before.digests)
    banks = {digest.alg for digest in before.digests} - {digest.alg for digest in kept}
    others = [case.logs[each].events[at] for each, at in case.registers[event.register] if (each, at) != (log, number)]
    # A bank that the register has in no event is one that the log does not have.
    assume(any(digest.alg in banks for other in others for digest in other.digests))
    changed.events[number] = event.replace(digests=kept)
    return changed


class Changed(NamedTuple):
    events: list[Event]
    touched: list[int]


MUTATIONS = (another_digest, dropped, added, swapped, moved, undigested)


def _names(event: Event) -> set[Register]:
    return {event.register, *(Register("ccmr", 1 + n) for n in range(4) if event.register == Register("rtmr", n))}


def _flipped(draw: Callable[..., Any], value: bytes) -> bytes:
    at = draw(st.integers(0, len(value) - 1))
    return value[:at] + bytes([value[at] ^ draw(st.integers(1, 255))]) + value[at + 1 :]


def _differ(a: Event, b: Event) -> bool:
    return a.register == b.register and a.digests != b.digests


def _with(log: Log, events: Sequence[Event]) -> Log:
    """The log with other events: read again from what is written of it, where its format holds them."""
    numbered = tuple(event.replace(number=number) for number, event in enumerate(events))
    changed = log.replace(events=numbered)
    try:
        back = evlog.read(evlog.write(changed), format=log.format)
    except EvlogError:
        return changed
    return back.replace(name=log.name) if tuple(back.events) == numbered else changed


def _place(draw: Callable[..., Any], case: Case) -> Place:
    # Most events of a long list are alike: registers are as likely as each other.
    register = draw(st.sampled_from(sorted(case.registers, key=lambda register: register.sort_key)))
    found: Place = draw(st.sampled_from(case.registers[register]))
    return found


def _identity(events: Iterator[Event]) -> Counter[tuple[Register, tuple[Digest, ...]]]:
    return Counter((event.register, event.digests) for event in events)


def _proven_events(verification: Verification) -> Iterator[Event]:
    for each in verification.logs:
        for event, standing in each.standings():
            if standing in ("proven", "digest_only"):
                yield event


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@settings(max_examples=EXAMPLES, phases=PHASES)
@given(data=st.data())
def test_a_changed_event_is_noticed(mutation: Callable[..., Changed], data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(accepted()), label="case")
    log, number = _place(data.draw, case)
    changed = mutation(data.draw, case, log, number)
    logs = list(case.logs)
    logs[log] = _with(logs[log], changed.events)
    verification = case.verified(*logs)
    if not verification.ok:
        return
    register = case.logs[log].events[number].register
    if not changed.touched and len(case.registers[register]) == 1:
        assert_may_be_gone(case, register, verification)
        return
    standing = dict(standings(verification))
    assert any(row.cause == "ahead" for row in verification.registers if row.register == register), "ok"
    assert changed.touched, "ok without the event"
    assert {standing[log, each] for each in changed.touched} <= {"claimed"}
    assert _identity(_proven_events(verification)) <= _identity(_proven_events(case.verification))


@settings(max_examples=EXAMPLES, phases=PHASES)
@given(data=st.data())
def test_a_register_that_is_gone_from_the_log_is_noticed(data: st.DataObject) -> None:
    """But by what is not signed, of a register that firmware need not extend: then it is not complete."""
    case = data.draw(st.sampled_from(accepted()), label="case")
    log, number = _place(data.draw, case)
    register = case.logs[log].events[number].register
    logs = [_with(each, [event for event in each.events if event.register != register]) for each in case.logs]
    verification = case.verified(*logs)
    if verification.ok:
        assert_may_be_gone(case, register, verification)


def assert_may_be_gone(case: Case, register: Register, verification: Verification) -> None:
    assert not case.evidence.anchored
    assert case.demand.registers is None
    assert register not in [Register("pcr", index) for index in range(8)]
    assert not verification.complete


@settings(max_examples=3 * EXAMPLES, phases=PHASES)
@given(data=st.data())
def test_a_changed_byte_of_a_record_is_noticed(data: st.DataObject) -> None:
    """What the file says of a proven event, other than its type and what its rule leaves out, proves another."""
    case = data.draw(st.sampled_from(accepted()), label="case")
    log, number = _place(data.draw, case)
    event = case.logs[log].events[number]
    written, origin = _written(case.logs[log]), event.origin
    # A document of ours may hold what another log had, with its places there.
    assume(written is not None and origin is not None and origin.span.offset + origin.span.length <= len(written))
    assert written is not None
    assert origin is not None
    at = origin.span.offset + data.draw(st.integers(0, origin.span.length - 1))
    changed = bytearray(written)
    changed[at] ^= data.draw(st.integers(1, 255))
    logs = list(case.logs)
    try:
        logs[log] = evlog.read(bytes(changed), format=logs[log].format)
    except EvlogError:
        return
    verification = case.verified(*logs)
    if not verification.ok:
        return
    before = {_said(event) for event in _proven_alone(case.verification)}
    for event in _proven_alone(verification):
        assert _said(event) in before or _is_of_a_part(event), f"{event} is proven"


def _written(log: Log) -> bytes | None:
    try:
        return evlog.write(log)
    except EvlogError:
        return None


def _proven_alone(verification: Verification) -> Iterator[Event]:
    for each in verification.logs:
        yield from (event for event, standing in each.standings() if standing == "proven")


def _said(event: Event) -> tuple[Register, object]:
    """The register and what is said under the digest, of each kind: not a type, nor a template's name or a boot id."""
    content = event.content
    for name in ("data", "string", "line"):
        if hasattr(content, name):
            return event.register, getattr(content, name)
    return event.register, content


def _is_of_a_part(event: Event) -> bool:
    """Whether a digest is the hash of the end of the data, and some rule takes that: tried, not looked up."""
    content = event.content
    data = content.data if isinstance(content, evlog.PCClientEvent) else b""
    for check, digest in zip(evlog.check(_only(event))[0], event.digests, strict=True):
        if check.rule in PARTS:
            ends = {data, data[:-1], data.rstrip(b"\0")}
            parts = (end[start:] for end in ends for start in range(1, len(end)))
            return any(hashlib.new(digest.alg.name, part).digest() == digest.value for part in parts)
    return False


def _only(event: Event) -> Log:
    return evlog.Log("evlog-json", (event.replace(number=0),))


@settings(max_examples=EXAMPLES, phases=PHASES)
@given(data=st.data())
def test_a_quote_of_fewer_registers_proves_less(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from([case for case in accepted() if case.values]), label="case")
    last = max(register.number for register in case.registers)
    fewer = case.values[: data.draw(st.integers(1, last))]
    given_ = data.draw(st.sampled_from([b"".join(fewer), b"".join(case.values), None]))
    verification = evlog.verify(case.logs, quote_of(fewer, given_), case.demand)
    assert not verification.ok
    assert all(event.register.number < len(fewer) for event in _proven_events(verification))
