"""Logs and evidence side by side: verdicts that a forged or an odd log must not get, and the honest twin of each."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

import evlog
from evlog import (
    SHA1,
    SHA256,
    SHA384,
    Acceptance,
    Demand,
    Log,
    Register,
    Registers,
    Verification,
    verify,
)
from evlog.verifying.verdict import RegisterVerdict
from evlog.verifying.whole import of_another_boot
from tests import made

EV_ACTION, EV_NO_ACTION = 5, 3
MRTD = Register("ccmr", 0)


def pcr(index: int) -> Register:
    return Register("pcr", index)


def chain(*data: bytes, start: bytes = bytes(32), name: str = "sha256") -> bytes:
    """A register by hand: each part hashed and extended."""
    for part in data:
        start = hashlib.new(name, start + hashlib.new(name, part).digest()).digest()
    return start


def log_of(*events: tuple[int, bytes], banks: tuple[str, ...] = ("sha256",), register: int = 0) -> Log:
    records = (made.event(index, EV_ACTION, data, *banks) for index, data in events)
    return evlog.read(made.header(*banks, register=register) + b"".join(records))


def judged(log: Log | list[Log], values: dict[Any, bytes], demand: Demand | None = None) -> Verification:
    table = {(key if isinstance(key, tuple) else (pcr(key), SHA256)): value for key, value in values.items()}
    return verify(log, Registers(table), demand or Demand())


def row(result: Verification, register: Register | int, alg: Any = SHA256) -> RegisterVerdict:
    found = result.get(pcr(register) if isinstance(register, int) else register, alg)
    assert found is not None
    return found


# Registers that never change


@pytest.mark.parametrize("stated", [True, False])
def test_an_event_on_what_never_changes_is_a_contradiction(stated: bool) -> None:
    """UEFI 2.10, section 38.4.1: nothing extends measurement register 0, whoever logs that something did."""
    kernel = chain(b"kernel", start=bytes(48), name="sha384")
    values = {(Register("ccmr", 3), SHA384): kernel, **({(MRTD, SHA384): b"\xaa" * 48} if stated else {})}
    honest = log_of((3, b"kernel"), banks=("sha384",), register=1)
    assert judged(honest, values).ok
    forged = log_of((3, b"kernel"), (0, b"firmware"), banks=("sha384",), register=1)
    result = judged(forged, values)
    found = row(result, MRTD, SHA384)
    assert (found.verdict, found.cause, found.events, result.ok) == ("mismatch", "static", 1, False)
    assert result.logs[0].standing(2) == "informative"


# Start values


@pytest.mark.parametrize("index", [0, 8])
def test_a_start_that_only_the_input_states_is_a_claim(index: int) -> None:
    """Whoever hands in the log could state whatever leads to the value."""
    start = bytes(31) + b"\7"
    log = log_of((index, b"x")).replace(start=Registers({(pcr(index), SHA256): start}))
    values = {index: chain(b"x", start=start)}
    result = judged(log, values)
    assert (row(result, index).verdict, row(result, index).cause) == ("match", "stated_start")
    assert ([each.option for each in result.shortfalls], result.ok) == ([f"stated_start:pcr:{index}"], False)
    assert judged(log, values, Demand(accept=(Acceptance("stated_start"),))).word == "accepted"


@pytest.mark.parametrize(("index", "start"), [(8, bytes(32)), (17, b"\xff" * 32)])
def test_a_start_that_is_the_platform_s_own_is_no_claim(index: int, start: bytes) -> None:
    log = log_of((index, b"x")).replace(start=Registers({(pcr(index), SHA256): start}))
    result = judged(log, {index: chain(b"x", start=start)})
    assert (row(result, index).cause, result.ok) == (None, True)


def test_a_start_that_the_locality_tells_is_no_claim() -> None:
    start = bytes(31) + b"\3"
    told = made.event(0, EV_NO_ACTION, b"StartupLocality\0\3", "sha256")
    log = evlog.read(made.header("sha256") + told + made.event(0, EV_ACTION, b"x", "sha256"))
    result = judged(log.replace(start=Registers({(pcr(0), SHA256): start})), {0: chain(b"x", start=start)})
    assert (row(result, 0).cause, result.ok) == (None, True)


@pytest.mark.parametrize("index", range(17, 23))
def test_a_launch_that_no_log_shows_is_told_by_the_value_of_17_to_19_only(index: int) -> None:
    """A start that only the value picks: of PCR 20 to 22 an operating system may reset some while it runs."""
    result = judged(log_of((index, b"x")), {index: chain(b"x")})
    found = row(result, index)
    assert found.cause == "dynamic_launch"
    assert (found.verdict, found.proven, result.ok) == (("match", 1, True) if index < 20 else ("mismatch", 0, False))
    assert result.logs[0].standing(1) == ("proven" if index < 20 else "claimed")


# Banks


def test_the_events_that_others_have_are_counted() -> None:
    log = log_of((8, b"x"), (8, b"y"), banks=("sha1",))
    result = judged(log, {8: b"\1" * 32})
    assert (row(result, 8).verdict, row(result, 8).cause, row(result, 8).events) == ("incomplete", "no_bank", 2)
    assert [each.option for each in result.shortfalls] == ["incomplete:pcr:8"]
    still = judged(log, {8: bytes(32)})
    assert (row(still, 8).verdict, row(still, 8).proven, still.ok) == ("match", 0, False)


def test_a_prefix_is_ahead_on_the_register_of_ima_only() -> None:
    entries = [evlog.ImaEvent("ima-ng", bytes([number])) for number in range(3)]
    digests = [bytes([number]) * 32 for number in range(1, 4)]
    value = hashlib.sha256(bytes(32) + digests[0]).digest()
    for index, verdict, ok in ((10, "match", True), (11, "mismatch", False)):
        events = tuple(
            evlog.Event(number, pcr(index), (evlog.Digest(SHA256, digest),), content)
            for number, (digest, content) in enumerate(zip(digests, entries, strict=True))
        )
        result = judged(Log("cel-json", events, algorithms=(SHA256,)), {index: value})
        found = row(result, index)
        assert (found.verdict, found.proven, result.ok) == (verdict, 1, ok)
        assert [result.logs[0].standing(number) for number in range(3)] == ["digest_only", "claimed", "claimed"]


def test_a_list_that_is_ahead_proves_its_first_entry_at_least() -> None:
    entry = evlog.Event(0, pcr(10), (evlog.Digest(SHA256, bytes([1]) * 32),), evlog.ImaEvent("ima-ng", b"entry"))
    log = Log("ima-binary", (entry,), algorithms=(SHA256,))
    result = judged(log, {10: bytes(32)})
    assert (row(result, 10).verdict, row(result, 10).proven, result.ok) == ("mismatch", 0, False)


def test_a_log_without_events_is_no_log_of_a_value() -> None:
    result = judged(evlog.read(made.header("sha256")), {8: b"\1" * 32})
    assert (row(result, 8).verdict, result.ok) == ("not_logged", False)


# Causes of the whole


def twice(*data: bytes) -> bytes:
    """What a register comes to that was not reset between two boots which measure the same."""
    return chain(*data, start=chain(*data))


def test_registers_that_were_not_reset() -> None:
    """PFP 1.06, section 3.3: a reset of the platform resets them; else the values hold two boots."""
    log = log_of((0, b"a"), (4, b"b"), (16, b"d"), (7, b"c"))
    values = {0: twice(b"a"), 4: twice(b"b"), 7: twice(b"c")}
    result = judged(log, values)
    assert {found.cause for found in result.registers if found.expected} == {"not_reset"}
    assert "not_reset" in [finding.code for finding in result.findings]
    assert not result.ok
    # What can be reset while the platform runs tells nothing of it.
    reset = judged(log, {**values, 16: chain(b"d")})
    assert row(reset, 0).cause == "not_reset"
    for odd in (chain(b"c"), b"\1" * 32):
        one = judged(log, {**values, 7: odd})
        assert "not_reset" not in [finding.code for finding in one.findings]
        assert row(one, 0).cause != "not_reset"


def verdicts(matching: tuple[int, ...], differing: tuple[int, ...], cause: str = "unexplained") -> Any:
    rows = [RegisterVerdict(pcr(index), SHA256, "match", events=1, proven=1) for index in matching]
    return [*rows, *(RegisterVerdict(pcr(index), SHA256, "mismatch", cause=cause, events=1) for index in differing)]


def test_the_log_of_another_boot_is_a_remark() -> None:
    """Only where the firmware's own registers say that it is this machine's, and nothing else differs."""
    found = of_another_boot(verdicts((0, 1, 2), (4, 9)))
    assert found is not None
    assert (found.code, found.severity) == ("other_boot", "note")
    assert of_another_boot(verdicts((0, 1), (4, 9))) is None
    assert of_another_boot(verdicts((0, 1, 2), ())) is None
    assert of_another_boot(verdicts((0, 1, 2), (4, 7))) is None
    assert of_another_boot(verdicts((0, 1, 2), (4,), "prefix")) is None


# A signed digest


def test_a_pcr_digest_is_over_the_values_in_the_order_of_the_selection() -> None:
    """TPMS_QUOTE_INFO: bank by bank as selected; the log may have run on in any one of the registers."""
    log = log_of((0, b"a"), (0, b"b"), (2, b"c"), banks=("sha1", "sha256"))
    selection = ((pcr(2), SHA256), (pcr(0), SHA256), (pcr(0), SHA1))
    sha1 = chain(b"a", b"b", start=bytes(20), name="sha1")
    for first, ok in ((chain(b"a", b"b"), True), (chain(b"a"), False), (bytes(32), False)):
        digest = hashlib.sha256(chain(b"c") + first + sha1).digest()
        composite = evlog.evidence.Composite(SHA256, selection, digest)
        result = verify(log, evlog.Evidence("tpm-quote", Registers({}), composite=composite))
        assert "composite_mismatch" not in [finding.code for finding in result.findings]
        assert row(result, 0).expected == first
        assert result.ok == ok


def test_a_list_is_not_proven_by_its_twin_in_another_bank() -> None:
    """Lists of single banks stand in for each other in a replay; a list of other entries is proven by nothing then."""
    lists = []
    for alg, data in ((SHA256, b"true"), (SHA1, b"something else")):
        digest = evlog.Digest(alg, hashlib.new(alg.name, data).digest())
        entry = evlog.Event(0, pcr(10), (digest,), evlog.ImaEvent("ima-ng", data))
        lists.append(Log("ima-binary", (entry,), algorithms=(alg,), name=alg.name))
    values = {10: chain(b"true")}
    assert judged(lists[0], values).ok
    result = judged(lists, values)
    assert ([each.option for each in result.shortfalls], result.ok) == (["incomplete:pcr:10"], False)


def test_a_stated_start_is_none_the_better_for_events_that_are_lacking() -> None:
    start = b"\7" * 20
    records = made.event(8, EV_ACTION, b"x", "sha1", "sha256") + made.event(8, EV_ACTION, b"y", "sha256")
    log = evlog.read(made.header("sha1", "sha256") + records).replace(start=Registers({(pcr(8), SHA1): start}))
    demand = Demand(accept=(Acceptance("incomplete"),))
    result = judged(log, {(pcr(8), SHA1): chain(b"x", start=start, name="sha1")}, demand)
    assert row(result, 8, SHA1).cause == "stated_start"
    assert ([each.option for each in result.shortfalls], result.ok) == (["stated_start:pcr:8"], False)
