"""Verify: right logs match, wrong ones do not, and each explanation is the one that was built into the log."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import (
    SHA1,
    SHA256,
    SHA384,
    Acceptance,
    Demand,
    HashAlg,
    Log,
    Register,
    Registers,
    RegisterSet,
    Verification,
    Verified,
    read_registers,
    verify,
)
from evlog.evidence import Composite
from tests import made, made_evidence
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

OVMF = SAMPLES / "tcg2" / "ovmf.bin"
PCRS = SAMPLES / "tcg2" / "ovmf.pcrs.json"
EV_SEPARATOR, EV_ACTION, EV_EFI_ACTION, EV_NO_ACTION, EV_POST_CODE = 4, 5, 0x80000007, 3, 1
ZEROS = bytes(4)


def pcr(index: int) -> Register:
    return Register("pcr", index)


def log_of(*events: bytes, banks: tuple[str, ...] = ("sha256",)) -> Log:
    return evlog.read(made.header(*banks) + b"".join(events))


def action(index: int, text: bytes, *banks: str) -> bytes:
    return made.event(index, EV_ACTION, text, *(banks or ("sha256",)))


def extended(*data: bytes, start: bytes = bytes(32), hash: str = "sha256") -> bytes:
    """A register by hand: each part hashed and extended."""
    value = start
    for part in data:
        value = hashlib.new(hash, value + hashlib.new(hash, part).digest()).digest()
    return value


def against(log: Log | list[Log], values: dict[tuple[int, HashAlg], bytes], **choices: Any) -> Verification:
    return verify(log, Registers({(pcr(index), alg): value for (index, alg), value in values.items()}), **choices)


def cause(log: Log | list[Log], index: int, value: bytes, alg: HashAlg = SHA256) -> tuple[str, str | None, str]:
    """Verdict, cause and explanation for one register."""
    row = against(log, {(index, alg): value}).get(pcr(index), alg)
    assert row is not None
    return row.verdict, row.cause, row.explanation or ""


# What matches


def test_a_register_without_events_may_stand_at_the_locality_that_the_log_tells() -> None:
    log = log_of(made.event(0, EV_NO_ACTION, b"StartupLocality\0\3", "sha256"), action(7, b"x"))
    values = {(0, SHA256): bytes(31) + b"\3", (1, SHA256): bytes(31) + b"\3", (7, SHA256): extended(b"x")}
    result = against(log, values)
    verdicts = {row.register.number: row.verdict for row in result.registers}
    assert verdicts == {0: "match", 1: "not_logged", 7: "match"}


def test_our_machine_matches_its_tpm() -> None:
    result = verify(evlog.read(OVMF), read_registers(PCRS))
    assert result.ok
    verdicts = {(row.register.number, row.verdict) for row in result.registers}
    assert {index for index, verdict in verdicts if verdict == "match"} == set(range(24)) - {10}
    # IMA extends PCR 10, and its list was not given.
    assert {verdict for index, verdict in verdicts if index == 10} == {"not_logged"}


def test_our_machine_matches_its_quote() -> None:
    folder = SAMPLES / "evidence"
    credentials: dict[str, Any] = {"key": folder / "ovmf-ak.pem", "signature": folder / "ovmf-quote.sig"}
    evidence = read_registers(folder / "ovmf-quote.msg", pcrs=folder / "ovmf-quote.pcrs", **credentials)
    # IMA extends PCR 10, and its list was not given.
    result = verify(evlog.read(OVMF), evidence)
    assert (result.ok, [each.option for each in result.shortfalls]) == (False, ["not_logged:pcr:10"])
    result = verify(evlog.read(OVMF), evidence, Demand(accept=(Acceptance("not_logged", RegisterSet.parse("10")),)))
    assert (result.ok, result.word) == (True, "accepted")
    result = verify(evlog.read(OVMF), evidence, Demand(registers=RegisterSet.parse("0-9")))
    assert (result.ok, result.word) == (True, "replayable")
    assert result.evidence.anchored
    row = result.get(pcr(4), SHA256)
    assert row is not None
    assert (row.verdict, row.events, row.proven) == ("match", 3, 3)
    assert result.get(pcr(4), SHA1).verdict == "not_reported"  # type: ignore[union-attr]


def test_a_failed_signature_is_not_verified_although_all_registers_match() -> None:
    folder = SAMPLES / "evidence"
    evidence = read_registers(
        folder / "ovmf-quote.msg",
        key=made_evidence.pem(made_evidence.rsa_key().public_key()),
        signature=folder / "ovmf-quote.sig",
        pcrs=folder / "ovmf-quote.pcrs",
    )
    result = verify(evlog.read(OVMF), evidence)
    assert not any(row.verdict == "mismatch" for row in result.registers)
    assert not result.ok


def test_registers_without_events_match_at_their_start_values() -> None:
    result = against(
        log_of(action(8, b"x")), {(8, SHA256): extended(b"x"), (9, SHA256): bytes(32), (17, SHA256): b"\xff" * 32}
    )
    assert [row.verdict for row in result.registers] == ["match"] * 3
    assert result.ok


@pytest.mark.parametrize("ones", range(24))
def test_pcr_17_to_22_start_at_ones_and_no_other(ones: int) -> None:
    """TCG PC Client Platform Firmware Profile 1.06, section 3.3.2; PCR 16 and 23 may be reset, to zeros."""
    register = Register("pcr", ones)
    other = pcr(8) if ones != 8 else pcr(9)
    log = log_of(action(other.number, b"x"))
    stated = {(other.number, SHA256): extended(b"x"), (ones, SHA256): b"\xff" * 32}
    row = against(log, stated).get(register, SHA256)
    assert row is not None
    assert row.verdict == ("match" if 17 <= ones <= 22 else "not_logged")


def test_comparing_nothing_is_a_failure() -> None:
    log = log_of(action(8, b"x"))
    for values in ({}, {(9, SHA256): bytes(32)}, {(8, SHA1): bytes(20)}):
        result = against(log, values)
        assert not result.ok
        assert [finding.code for finding in result.findings] == ["nothing_compared"]


def test_a_value_without_a_log_is_its_own_verdict() -> None:
    verdict, cause_, explanation = cause(log_of(action(8, b"x")), 15, extended(b"unknown"))
    assert (verdict, cause_) == ("not_logged", None)
    assert "no log has an event of it" in explanation


def test_a_bank_that_some_events_did_not_extend() -> None:
    log = log_of(action(8, b"x", "sha1", "sha256"), action(8, b"y"), banks=("sha1", "sha256"))
    matching = against(log, {(8, SHA1): extended(b"x", start=bytes(20), hash="sha1")}).get(pcr(8), SHA1)
    assert matching is not None
    assert (matching.verdict, matching.cause) == ("match", "other_banks")
    open_ = against(log, {(8, SHA1): b"\x01" * 20}).get(pcr(8), SHA1)
    assert open_ is not None
    assert (open_.verdict, open_.replayed) == ("incomplete", None)


def test_a_match_that_proves_no_event_compares_nothing() -> None:
    """Whoever takes the digests of a bank out of a log must not get it verified by registers that nothing extended."""
    log = log_of(action(8, b"x", "sha1"), banks=("sha1", "sha256"))
    result = against(log, {(8, SHA256): bytes(32), (9, SHA256): bytes(32)})
    assert not result.ok
    assert [finding.code for finding in result.findings] == ["nothing_compared"]
    assert "no digests of the banks" in result.findings[0].message


def test_a_register_that_the_logs_leave_open_is_not_accounted_for() -> None:
    log = log_of(action(8, b"x", "sha1", "sha256"), action(8, b"y"), action(9, b"z"), banks=("sha1", "sha256"))
    result = against(log, {(9, SHA256): extended(b"z"), (8, SHA1): b"\x01" * 20})
    verdicts = {(row.register.number, row.alg): row.verdict for row in result.registers if row.expected is not None}
    assert verdicts == {(8, SHA1): "incomplete", (9, SHA256): "match"}
    # The log extends PCR 8, and in no bank is it told what it comes to.
    assert [(each.name, each.register) for each in result.shortfalls] == [("incomplete", pcr(8))]
    assert (result.ok, result.complete) == (False, False)
    accepting = verify(log, result.evidence, Demand(accept=(Acceptance("incomplete"),)))
    assert (accepting.ok, accepting.complete, accepting.word) == (True, False, "accepted")


def test_a_bank_that_cannot_be_computed_matches_only_at_its_start() -> None:
    unknown = HashAlg.of(0x7F01, 24)
    log = log_of(action(8, b"x"))
    for value, verdict, complete in ((bytes(24), "match", True), (bytes(23) + b"\1", "incomplete", False)):
        result = against(log, {(8, SHA256): extended(b"x"), (9, unknown): value})
        row = result.get(pcr(9), unknown)
        assert row is not None
        assert (row.verdict, row.proven) == (verdict, 0)
        assert result.complete == complete


def test_pcr_17_without_events_may_have_been_reset_by_a_launch() -> None:
    """PFP 1.06, section 3.3.2: ones until a dynamic launch, which resets PCR 17 to 22 to zeros."""
    assert cause(log_of(action(8, b"x")), 17, bytes(32))[0] == "match"
    assert cause(log_of(action(8, b"x")), 17, bytes(31) + b"\1")[0] == "not_logged"


def test_any_of_the_logs_may_tell_the_locality() -> None:
    logs = [
        log_of(action(8, b"x")),
        log_of(made.event(0, EV_NO_ACTION, b"StartupLocality\0\3", "sha256"), action(7, b"y")),
    ]
    assert cause(logs, 0, bytes(31) + b"\3")[0] == "match"


def test_one_entry_of_another_bank_is_an_event_of_the_register() -> None:
    """IMA lists hold one bank; the kernel extends the others too, so that a value that follows from no rule differs."""
    entry = evlog.Event(0, pcr(10), (evlog.Digest(SHA1, bytes([1]) * 20),), evlog.ImaEvent("ima-ng", b"entry"))
    log = Log("ima-binary", (entry,), algorithms=(SHA1,))
    row = against(log, {(10, SHA256): b"\x11" * 32}).get(pcr(10), SHA256)
    assert row is not None
    assert (row.verdict, row.events) == ("mismatch", 1)


# Explanations, each built into a log


def test_a_prefix() -> None:
    log = log_of(action(8, b"one"), action(8, b"two"), action(8, b"three"))
    verdict, cause_, explanation = cause(log, 8, extended(b"one"))
    assert (verdict, cause_) == ("mismatch", "prefix")
    assert "after event 1 (EV_ACTION): 2 later events, from event 2 (EV_ACTION) on, are not in it" in explanation
    row = against(log, {(8, SHA256): extended(b"one")}).get(pcr(8), SHA256)
    assert row is not None
    assert (row.events, row.proven) == (3, 1)


def test_nothing_was_extended() -> None:
    verdict, cause_, explanation = cause(log_of(action(8, b"one")), 8, bytes(32))
    assert (verdict, cause_) == ("mismatch", "prefix")
    assert "its one event in the log was not extended" in explanation


def test_another_locality() -> None:
    log = log_of(made.event(0, EV_POST_CODE, b"POST CODE", "sha256"))
    value = extended(b"POST CODE", start=bytes(31) + b"\3")
    verdict, cause_, explanation = cause(log, 0, value)
    assert (verdict, cause_) == ("mismatch", "startup_locality")
    assert "locality 3, the log says 0" in explanation


@pytest.mark.parametrize(
    "missing",
    [
        (b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success"),
        (b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Failure"),
        (b"Exit Boot Services Invocation",),
    ],
)
def test_missing_exit_boot_services(missing: tuple[bytes, ...]) -> None:
    log = log_of(made.event(5, EV_SEPARATOR, ZEROS, "sha256"))
    verdict, cause_, explanation = cause(log, 5, extended(ZEROS, *missing))
    assert (verdict, cause_) == ("mismatch", "missing_exit_boot_services")
    assert all(text.decode() in explanation for text in missing)


def test_a_log_that_ends_before_the_boot_phases() -> None:
    log = log_of(action(11, b"unified kernel"))
    verdict, cause_, explanation = cause(log, 11, extended(b"unified kernel", b"sysinit", b"ready"))
    assert (verdict, cause_) == ("mismatch", "missing_boot_phases")
    assert "sysinit, ready" in explanation


def test_a_doubled_separator() -> None:
    separator = made.event(1, EV_SEPARATOR, ZEROS, "sha256")
    log = log_of(action(1, b"x"), separator, separator, action(1, b"y"))
    verdict, cause_, explanation = cause(log, 1, extended(b"x", ZEROS, b"y"))
    assert (verdict, cause_) == ("mismatch", "doubled_separator")
    assert "doubles event 2 (EV_SEPARATOR)" in explanation
    assert "without event 3" in explanation


def test_a_missing_separator() -> None:
    log = log_of(action(1, b"x"), action(1, b"y"))
    assert cause(log, 1, extended(b"x", b"y", ZEROS))[:2] == ("mismatch", "missing_separator")
    assert cause(log, 1, extended(b"x", ZEROS, b"y"))[:2] == ("mismatch", "missing_separator")


def test_a_capped_bank() -> None:
    log = log_of(action(8, b"x", "sha1", "sha256"), banks=("sha1", "sha256"))
    sha1 = hashlib.sha1(extended(b"x", start=bytes(20), hash="sha1") + bytes(20)).digest()
    result = against(log, {(8, SHA1): sha1, (8, SHA256): extended(b"x")})
    row = result.get(pcr(8), SHA1)
    assert row is not None
    assert (row.verdict, row.cause) == ("mismatch", "capped_bank")
    assert "the register's sha256 bank matches" in (row.explanation or "")
    assert not result.ok


def test_a_wrong_digest() -> None:
    log = log_of(action(8, b"x"), made.event(8, EV_ACTION, b"y", "sha256", hashed=b"other"))
    verdict, cause_, explanation = cause(log, 8, extended(b"x", b"y"))
    assert (verdict, cause_) == ("mismatch", "wrong_digest")
    assert "the digest of event 2 (EV_ACTION) is wrong" in explanation


def test_an_event_on_another_register() -> None:
    log = log_of(action(8, b"x"), action(9, b"strayed"), action(8, b"y"))
    verdict, cause_, explanation = cause(log, 8, extended(b"x", b"strayed", b"y"))
    assert (verdict, cause_) == ("mismatch", "other_register")
    assert "event 2 (EV_ACTION), which the log has on pcr:9 PCR[9]" in explanation


def test_an_event_that_did_not_happen() -> None:
    log = log_of(action(8, b"x"), action(8, b"invented"), action(8, b"y"))
    verdict, cause_, explanation = cause(log, 8, extended(b"x", b"y"))
    assert (verdict, cause_) == ("mismatch", "not_extended")
    assert "without event 2" in explanation


def test_events_in_another_order() -> None:
    log = log_of(action(8, b"x"), action(8, b"y"))
    assert cause(log, 8, extended(b"y", b"x"))[:2] == ("mismatch", "order")


def test_logs_in_another_order() -> None:
    first, second = log_of(action(8, b"a"), action(8, b"b")), log_of(action(8, b"c"), action(8, b"d"))
    verdict, cause_, explanation = cause(
        [second.replace(name="two"), first.replace(name="one")], 8, extended(b"a", b"b", b"c", b"d")
    )
    assert (verdict, cause_) == ("mismatch", "order_of_logs")
    assert "one, two" in explanation


def test_what_nothing_explains_says_so_and_guesses_nothing() -> None:
    log = log_of(action(8, b"x"), made.event(8, EV_ACTION, b"y", "sha256", hashed=b"other"))
    verdict, cause_, explanation = cause(log, 8, extended(b"something else"))
    assert (verdict, cause_) == ("mismatch", "unexplained")
    assert "the digest of event 2 (EV_ACTION) is not the hash of its data" in explanation


def test_damage_is_named() -> None:
    whole = made.header("sha256") + action(8, b"x") + action(8, b"y")
    log = evlog.read(whole[:-5])
    assert log.failed
    _, _, explanation = cause(log, 8, extended(b"x", b"y"))
    assert "the log is damaged" in explanation


def test_explanations_of_long_logs_end() -> None:
    log = log_of(*(action(8, b"%d" % number) for number in range(3000)))
    verdict, cause_, _ = cause(log, 8, bytes(31) + b"\1")
    assert (verdict, cause_) == ("mismatch", "not_explained")


# What is proven of events


def test_an_explanation_stays_readable_whatever_the_log_repeats() -> None:
    log = log_of(*[made.event(0, EV_SEPARATOR, ZEROS, "sha256")] * 1000)
    row = against(log, {(0, SHA256): b"\x11" * 32}, explain=4_000_000).get(pcr(0), SHA256)
    assert row is not None
    assert (row.verdict, row.cause) == ("mismatch", "unexplained")
    explanation = row.explanation or ""
    assert "event 2 (EV_SEPARATOR), event 3 (EV_SEPARATOR)" in explanation
    assert "991 more come after event 1 (EV_SEPARATOR)" in explanation
    assert len(explanation) < 1000


def test_an_event_is_not_proven_by_a_digest_that_was_not_extended() -> None:
    value = hashlib.sha256(b"what was run").digest()
    digests = b"".join(b"\x0b\0" + each for each in (value, hashlib.sha256(b"harmless").digest()))
    event = struct.pack("<III", 4, EV_ACTION, 2) + digests + struct.pack("<I", 8) + b"harmless"
    result = against(log_of(event), {(4, SHA256): extended(b"what was run")})
    assert result.ok
    assert result.logs[0].standing(1) == "digest_only"


def test_what_a_separator_says_besides_its_value_is_not_proven() -> None:
    """The digest of a separator of an error is of the number 1, whatever stands in the event (PFP 1.06, 10.4.1)."""
    failed = made.event(7, EV_SEPARATOR, b"what failed", "sha256", hashed=b"\1\0\0\0")
    result = against(log_of(failed), {(7, SHA256): extended(b"\1\0\0\0")})
    assert result.ok
    assert result.logs[0].standing(1) == "digest_only"


def test_an_event_is_proven_only_by_a_bank_that_was_compared() -> None:
    """Its SHA-1 digest is the hash of the data; the SHA-256 digest, which was compared, is of something else."""
    digests = struct.pack("<H", 4) + hashlib.sha1(b"harmless").digest()
    digests += struct.pack("<H", 0x0B) + hashlib.sha256(b"what was run").digest()
    event = struct.pack("<III", 4, EV_ACTION, 2) + digests + struct.pack("<I", 8) + b"harmless"
    log = log_of(event, banks=("sha1", "sha256"))
    result = against(log, {(4, SHA256): extended(b"what was run")})
    assert result.logs[0].standing(1) == "digest_only"
    sha1 = extended(b"harmless", start=bytes(20), hash="sha1")
    assert against(log, {(4, SHA1): sha1}).logs[0].standing(1) == "proven"


def test_an_event_without_the_bank_is_not_proven_by_it() -> None:
    log = log_of(action(8, b"x", "sha1", "sha256"), action(8, b"y"), banks=("sha1", "sha256"))
    result = against(log, {(8, SHA1): extended(b"x", start=bytes(20), hash="sha1")})
    assert [standing for _, standing in result.logs[0].standings()] == ["informative", "proven", "claimed"]


def test_an_event_on_what_is_no_register_is_informative() -> None:
    result = against(log_of(action(8, b"x"), action(0x01C40200, b"x")), {(8, SHA256): extended(b"x")})
    assert [standing for _, standing in result.logs[0].standings()] == ["informative", "proven", "informative"]


def test_standing_of_events() -> None:
    log = log_of(
        action(8, b"proven"),
        made.event(8, EV_POST_CODE, b"\0" * 16, "sha256", hashed=b"firmware that is not in the log"),
        action(9, b"not compared"),
    )
    value = extended(b"proven", b"firmware that is not in the log")
    (verified,) = against(log, {(8, SHA256): value}).logs
    assert [standing for _, standing in verified.standings()] == ["informative", "proven", "digest_only", "claimed"]
    (wrong,) = against(log, {(8, SHA256): bytes(31) + b"\1"}).logs
    assert {standing for _, standing in wrong.standings()} == {"informative", "claimed"}


def test_only_the_prefix_is_proven() -> None:
    log = log_of(action(8, b"one"), action(8, b"two"))
    (verified,) = against(log, {(8, SHA256): extended(b"one")}).logs
    assert [standing for _, standing in verified.standings()] == ["informative", "proven", "claimed"]


def test_nobody_else_makes_a_verified_log() -> None:
    log = log_of(action(8, b"x"))
    with pytest.raises(TypeError):
        Verified(log, 0, log, {}, seal=object())


# A signed digest without the values


def test_a_pcr_digest_alone() -> None:
    log = log_of(action(0, b"x"), action(2, b"y"))
    values = [extended(b"x"), bytes(32), extended(b"y")]
    message = made_evidence.tpm_quote(values)
    key = made_evidence.ec_key("ak")
    credentials: dict[str, Any] = {
        "key": made_evidence.pem(key.public_key()),
        "signature": made_evidence.ecdsa_signature(message, key),
    }
    result = verify(log, read_registers(message, **credentials))
    # The others of the firmware's registers are not in the quote.
    assert {each.register for each in result.shortfalls} == set(map(pcr, range(3, 8)))
    result = verify(log, read_registers(message, **credentials), Demand(registers=RegisterSet.parse("0-2")))
    assert result.ok
    assert [row.verdict for row in result.registers] == ["match"] * 3
    other = made_evidence.tpm_quote([extended(b"z"), *values[1:]])
    failed = verify(log, read_registers(other))
    assert not failed.ok
    assert "composite_mismatch" in [finding.code for finding in failed.findings]
    earlier = made_evidence.tpm_quote([bytes(32), *values[1:]])
    (row,) = (row for row in verify(log, read_registers(earlier)).registers if row.register == pcr(0))
    assert (row.verdict, row.cause) == ("mismatch", "prefix")


def test_a_pcr_digest_over_a_register_that_the_log_does_not_tell() -> None:
    """PCR 8 has an event without a SHA-1 digest: nobody can say whether the quote is of these logs."""
    log = log_of(action(7, b"x", "sha1", "sha256"), action(8, b"y"), banks=("sha1", "sha256"))
    values = [bytes(20)] * 7 + [extended(b"x", start=bytes(20), hash="sha1"), bytes(20)]
    result = verify(log, read_registers(made_evidence.tpm_quote(values, alg=4)))
    assert not result.ok
    assert "composite_mismatch" in [finding.code for finding in result.findings]


def test_a_signed_digest_beside_register_values() -> None:
    """Both count: values that match do not make good for a digest that does not, nor are they put aside by it."""
    log = log_of(action(0, b"x"), action(2, b"y"))
    values = [extended(b"x"), bytes(32), extended(b"y")]
    selection = tuple((pcr(index), SHA256) for index in range(3))
    stated = Registers({(pcr(0), SHA256): values[0]})
    for digest, ok in ((hashlib.sha256(b"".join(values)).digest(), True), (bytes(32), False)):
        result = verify(log, evlog.Evidence("made", stated, composite=Composite(SHA256, selection, digest)))
        assert result.ok == ok
        assert [row.verdict for row in result.registers] == (["match"] * 3 if ok else ["match", "not_reported"])


def test_a_pcr_digest_over_registers_without_events() -> None:
    """PCR 17 is ones until a dynamic launch (PFP 1.06, section 3.3.2)."""
    values = [extended(b"x"), *[bytes(32)] * 16, b"\xff" * 32]
    result = verify(log_of(action(0, b"x")), read_registers(made_evidence.tpm_quote(values)))
    assert result.ok
    assert {row.verdict for row in result.registers} == {"match"}


def test_a_pcr_digest_of_a_bank_that_the_list_does_not_record() -> None:
    """A kernel extends SHA-256 with the hash of an entry's data, and the list may be ahead of the quote."""
    entries = [b"one", b"two"]
    events = tuple(
        evlog.Event(number, pcr(10), (evlog.Digest(SHA1, hashlib.sha1(data).digest()),), evlog.ImaEvent("ima-ng", data))
        for number, data in enumerate(entries)
    )
    log = Log("ima-binary", events, algorithms=(SHA1,))
    for count, why in ((2, "hash"), (1, "ahead")):
        digest = hashlib.sha256(extended(*entries[:count])).digest()
        composite = Composite(SHA256, ((pcr(10), SHA256),), digest)
        row = verify(log, evlog.Evidence("made", Registers({}), composite=composite)).get(pcr(10), SHA256)
        assert row is not None
        assert (row.verdict, row.cause, row.proven) == ("match", why, count)


# Platforms


def td_log(*events: tuple[int, bytes]) -> Log:
    records = (made.event(index, EV_ACTION, data, "sha384") for index, data in events)
    return evlog.read(made.header("sha384", register=1) + b"".join(records))


def test_a_td_quote_against_its_log() -> None:
    log = td_log((1, b"firmware"), (3, b"kernel"))
    rtmrs = [extended(b"firmware", start=bytes(48), hash="sha384"), bytes(48)]
    rtmrs += [extended(b"kernel", start=bytes(48), hash="sha384"), b"\x04" * 48]
    evidence = read_registers(made_evidence.td_quote(made_evidence.td_body(b"\xaa" * 48, rtmrs, b"")))
    result = verify(log, evidence)
    verdicts = {str(row.register): row.verdict for row in result.registers}
    assert verdicts == {
        "ccmr:0": "static",
        "ccmr:1": "match",
        "ccmr:2": "match",
        "ccmr:3": "match",
        "ccmr:4": "not_logged",
    }
    assert result.ok


def test_the_build_time_register_is_static_in_a_table_too() -> None:
    """UEFI 2.10, section 38.4.1: MRTD and its like are CC measurement register 0, which nothing extends."""
    value = extended(b"kernel", start=bytes(48), hash="sha384")
    table = Registers({(Register("ccmr", 0), SHA384): b"\xaa" * 48, (Register("ccmr", 3), SHA384): value})
    result = verify(td_log((3, b"kernel")), table)
    assert [row.verdict for row in result.registers] == ["static", "match"]


def test_hardware_names_are_the_same_registers(tmp_path: Path) -> None:
    log = td_log((3, b"kernel"))
    (tmp_path / "rtmr2:sha384").write_bytes(extended(b"kernel", start=bytes(48), hash="sha384"))
    result = verify(log, read_registers(tmp_path))
    row = result.get(Register("ccmr", 3), SHA384)
    assert row is not None
    assert row.verdict == "match"


def test_an_ima_list_on_tdx_names_the_register_by_its_hardware_index() -> None:
    ccel = td_log((1, b"firmware"), (3, b"kernel"))
    kernel = extended(b"kernel", start=bytes(48), hash="sha384")
    digest = hashlib.sha384(b"entry").digest()
    entry = evlog.Event(0, pcr(2), (evlog.Digest(SHA384, digest),), evlog.ImaEvent("ima-ng", b"entry"))
    ima = Log("ima-binary", (entry,), algorithms=(SHA384,))
    value = hashlib.sha384(kernel + digest).digest()
    registers = Registers({(Register("rtmr", 2), SHA384): value})
    result = verify([ccel, ima], registers)
    row = result.get(Register("ccmr", 3), SHA384)
    assert row is not None
    assert (row.verdict, row.events) == ("match", 2)


def test_a_virtual_tpm_beside_a_td_keeps_its_pcrs() -> None:
    ccel, vtpm = td_log((1, b"firmware")), log_of(action(2, b"x"))
    result = verify([ccel, vtpm], Registers({(pcr(2), SHA256): extended(b"x")}))
    assert result.get(pcr(2), SHA256).verdict == "match"  # type: ignore[union-attr]


# The command


def test_the_command_verifies() -> None:
    ran = run("verify", str(OVMF), "--registers", str(PCRS))
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("the logs agree with values that are not authenticated: 36 match")
    assert "only read: the register values are those of a file" in ran.out


def test_the_command_verifies_a_quote() -> None:
    folder = SAMPLES / "evidence"
    arguments = ["--quote", folder / "ovmf-quote.msg", "--signature", folder / "ovmf-quote.sig"]
    arguments += [
        "--key",
        folder / "ovmf-ak.pem",
        "--pcrs",
        folder / "ovmf-quote.pcrs",
        "--nonce",
        "65766c6f672d6e6f6e6365",
    ]
    ran = run("verify", str(OVMF), *map(str, arguments))
    assert ran.code == 1
    assert "(--accept not_logged:pcr:10)" in ran.out
    ran = run("verify", str(OVMF), *map(str, arguments), "--require", "0-9")
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("verified: 9 match")
    assert "authenticated: the nonce is the given one" in ran.out
    wrong = run("verify", str(OVMF), *map(str, arguments[:-1]), "0102030405060708")
    assert wrong.code == 1
    assert wrong.out.splitlines()[0].startswith("NOT VERIFIED")


def test_the_command_says_why_not(tmp_path: Path) -> None:
    values = json.loads(PCRS.read_text())
    values["sha256"]["4"] = "00" * 32
    registers = tmp_path / "registers.json"
    registers.write_text(json.dumps(values))
    ran = run("verify", str(OVMF), "--registers", str(registers), "--json", "--events")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["schema"] == "evlog.verify/1"
    assert document["ok"] is False
    (row,) = (row for row in document["registers"] if row["verdict"] == "mismatch")
    assert (row["register"], row["label"], row["alg"], row["expected"]) == ("pcr:4", "PCR[4]", "sha256", "00" * 32)
    assert row["cause"] == "prefix"
    standings = {event["standing"] for event in document["events"]}
    assert standings == {"informative", "proven", "digest_only"}


def test_strictness_wants_every_register_accounted_for() -> None:
    """The TPM's PCR 10 was extended by IMA, of which this log knows nothing; nothing else is amiss."""
    words = ("verify", "samples/tcg1/seabios.bin", "--registers", "samples/tcg1/seabios.pcrs.json")
    assert run(*words).code == 0
    assert run(*words, "--strict").code == 1
    log, registers = evlog.read(SAMPLES / "tcg1/seabios.bin"), evlog.read_registers(SAMPLES / "tcg1/seabios.pcrs.json")
    result = evlog.verify(log, registers)
    assert (result.ok, result.complete) == (True, False)
    logged = {key: value for key, value in registers.registers.values.items() if key[0].index != 10}
    assert evlog.verify(log, Registers(logged, "without PCR 10")).complete


def test_usage_of_the_command() -> None:
    assert run("verify", str(OVMF)).code == 2
    assert run("verify", str(OVMF), "--registers", str(PCRS), "--nonce", "xyz").code == 2
    assert run("verify", str(OVMF), "--registers", "absent.json").code == 3


def test_causes_and_findings_are_documented() -> None:
    import re

    package = SAMPLES.parent / "src" / "evlog"
    verifying = package / "verifying"
    page = (SAMPLES.parent / "docs" / "verify.md").read_text()
    source = "".join((verifying / f"{name}.py").read_text() for name in ("hypotheses", "stated"))
    causes = set(re.findall(r'Candidate\(\s*"([a-z_]+)"', source))
    causes |= set(re.findall(r'_tail\(case, "([a-z_]+)"', source))
    assert len(causes) >= 12
    assert [cause for cause in sorted(causes) if f"`{cause}`" not in page] == []
    findings = (SAMPLES.parent / "docs" / "findings.md").read_text()
    found = set()
    for path in [
        *(package / "evidence").glob("*.py"),
        *(package / f"{name}.py" for name in ("verifying/verify", "merging/merge", "changing/edit")),
    ]:
        found |= set(re.findall(r'(?:account\.fails|Finding)\(\s*"([a-z_]+)"', path.read_text()))
    assert len(found) >= 10
    assert [code for code in sorted(found) if f"`{code}`" not in findings] == []


# Real machines


def test_our_machines_in_every_bank(vm: Path) -> None:
    for pcrs in sorted(vm.glob("*/pcrs.json")):
        home = pcrs.parent
        logs = [home / "binary_bios_measurements", home / "tpm2-measure.log", home / "ima-binary_runtime_measurements"]
        result = verify([evlog.read(path) for path in logs if path.exists()], read_registers(pcrs))
        assert result.ok, home.name
        assert {row.verdict for row in result.registers} == {"match"}, home.name


def test_quotes_of_our_machines_with_and_without_values(vm: Path) -> None:
    for folder in sorted(vm.glob("*/quote")):
        names = ("binary_bios_measurements", "ima-binary_runtime_measurements")
        logs = [evlog.read(folder.parent / name) for name in names]
        for alg in ("sha1", "sha256", "sha384", "sha512"):
            for pcrs in (folder / f"quote-{alg}.pcrs", None):
                evidence = read_registers(
                    folder / f"quote-{alg}.msg", key=folder / "ak.pub", signature=folder / f"quote-{alg}.sig", pcrs=pcrs
                )
                bank = HashAlg.named(alg)
                result = verify(logs, evidence, Demand(banks=(bank,)))
                assert result.ok
                assert evidence.anchored
                # Nobody said that SHA-1 is enough.
                assert verify(logs, evidence).ok == (alg != "sha1")
                row = result.get(pcr(10), bank)
                assert row is not None
                assert row.verdict == "match"


def test_an_ima_list_may_be_ahead_of_the_quote(vm: Path) -> None:
    home = vm / "a-ovmf-direct"
    ima = evlog.read(home / "ima-binary_runtime_measurements")
    part = ima.replace(events=ima.events[:40])
    value = evlog.replay(part)[pcr(10), SHA1]
    result = verify(ima, Registers({(pcr(10), SHA1): value}))
    (row,) = result.registers
    assert (row.verdict, row.cause, row.proven, row.events) == ("match", "ahead", 40, 62)
    assert result.logs[0].standing(39) == "proven"
    assert result.logs[0].standing(40) == "claimed"


def test_only_what_is_logged_first_may_be_ahead_of_the_register() -> None:
    """IMA logs an entry before it extends; what else stands behind the register's value contradicts it."""
    entries = [evlog.ImaEvent("ima-ng", bytes([number])) for number in range(2)]
    contents = [*entries, evlog.PCClientEvent(EV_ACTION, b"something else")]
    digests = [bytes([number]) * 32 for number in range(1, 4)]
    events = tuple(
        evlog.Event(number, pcr(10), (evlog.Digest(SHA256, digest),), content)
        for number, (digest, content) in enumerate(zip(digests, contents, strict=True))
    )
    log = Log("cel-json", events, algorithms=(SHA256,))
    value = hashlib.sha256(bytes(32) + digests[0]).digest()
    assert cause(log.replace(events=events[:2]), 10, value)[:2] == ("match", "ahead")
    assert cause(log, 10, value)[:2] == ("mismatch", "prefix")


def test_a_changed_ima_list_matches_in_no_bank(vm: Path) -> None:
    home = vm / "a-ovmf-direct"
    data = bytearray((home / "ima-binary_runtime_measurements").read_bytes())
    data[-3] ^= 1  # a letter of the last file's name
    values = read_registers(home / "pcrs.json").registers
    for alg in (SHA256, SHA384):
        result = verify(evlog.read(bytes(data)), Registers({(pcr(10), alg): values[pcr(10), alg]}))
        row = result.get(pcr(10), alg)
        assert row is not None
        # SHA-384 was extended with the recorded SHA-1 digest, which does not see the change; SHA-256 with a hash.
        assert row.verdict == ("match" if alg == SHA384 else "mismatch")


def _expected(corpus: Path) -> list[tuple[str, dict[str, Any]]]:
    table = json.loads((corpus / "EXPECTED.json").read_text())
    return [(name, row) for name, row in table.items() if row["replays"] is not None and row["format"] != "coco-text"]


def test_public_logs_are_judged_as_their_sources_say(corpus: Path) -> None:
    for name, row in _expected(corpus):
        evidence = read_registers(json.dumps(row["registers"]).encode())
        log = evlog.read(corpus / name)
        # Some of them state fewer registers than the log extends.
        logged = {value.register for value in evlog.replay(log).rows}
        compared = sorted({str(register) for register, _ in evidence.registers if register in logged})
        result = verify(log, evidence, Demand(registers=RegisterSet.parse(*compared)))
        mismatches = [each for each in result.registers if each.verdict == "mismatch"]
        assert bool(mismatches) != row["replays"], name
        assert result.ok == row["replays"], name
        assert any(each.verdict == "match" and each.events for each in result.registers), name


def test_known_negatives_have_the_right_sentence(corpus: Path) -> None:
    rows = dict(_expected(corpus))

    def verdicts(name: str) -> Verification:
        return verify(evlog.read(corpus / name), read_registers(json.dumps(rows[name]["registers"]).encode()))

    for name in rows:
        if "SUPERMICRO" in name:
            wrong = [row for row in verdicts(name).registers if row.verdict == "mismatch"]
            assert [(str(row.register), row.alg, row.cause) for row in wrong] == [
                (f"pcr:{index}", SHA1, "capped_bank") for index in range(8)
            ]
            assert all("the register's sha256 bank matches" in (row.explanation or "") for row in wrong)
        if "dupe-separator" in name:
            first, second = (verdicts(name).get(Register("ccmr", index), SHA384) for index in (1, 2))
            assert first is not None
            assert second is not None
            assert "doubles the separator: event 16" in (first.explanation or "")
            assert (second.cause, "event 16 (EV_SEPARATOR)" in (second.explanation or "")) == ("other_register", True)
    ended = verdicts("immune-gmbh__guard-oss__hahuri-invalid-eventlog.values.json.eventlog0.bin")
    row = ended.get(pcr(11), SHA256)
    assert row is not None
    assert (row.verdict, row.cause) == ("mismatch", "unexplained")
    assert "something that no given log records extended the register" in (row.explanation or "")


def test_confidential_guests_against_their_quotes(corpus: Path) -> None:
    pairs = {
        "google__go-eventlog__cos-113-intel-tdx.bin": "google__go-tdx-guest__cos-113-tdx-quote.dat",
        "lunal-dev__attestation-rs__tdx_ccel_live.bin": "lunal-dev__attestation-rs__tdx_tdreport_live.bin",
    }
    for log, evidence in pairs.items():
        result = verify(evlog.read(corpus / log), read_registers(corpus / evidence))
        assert result.ok
        assert [row.verdict for row in result.registers] == ["static", "match", "match", "match", "match"]
