"""What is demanded and what counts: each part of docs/verify.md by itself, on evidence that is made of words."""

from __future__ import annotations

import datetime
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
    Evidence,
    HashAlg,
    Log,
    Register,
    Registers,
    RegisterSet,
    Verification,
    verify,
)
from evlog.errors import UsageError
from evlog.evidence import Composite, Credentials, Weakness
from evlog.verifying.demand import ACCEPTABLE
from evlog.verifying.required import away
from evlog.verifying.verdict import RegisterVerdict
from tests import made

EV_ACTION = 5
KEY = Credentials(key=b"a key")
SIZES = {SHA1: 20, SHA256: 32, SHA384: 48}


def pcr(index: int) -> Register:
    return Register("pcr", index)


def only(text: str) -> RegisterSet:
    return RegisterSet.parse(text)


def extended(data: bytes = b"x", alg: HashAlg = SHA256) -> bytes:
    """A register of one event, by hand."""
    digest = hashlib.new(alg.name, data).digest()
    return hashlib.new(alg.name, bytes(SIZES[alg]) + digest).digest()


def log_of(*indices: int, banks: tuple[str, ...] = ("sha256",), space: str = "pcr") -> Log:
    """One event on each of the registers."""
    records = [made.event(index, EV_ACTION, b"x", *banks) for index in indices]
    return evlog.read(made.header(*banks, register=0 if space == "pcr" else 1) + b"".join(records))


def states(values: dict[Any, bytes], **members: Any) -> Evidence:
    """Evidence that states PCRs by number, or other registers, in SHA-256 or the bank beside the number."""
    table = {}
    for key, value in values.items():
        name, alg = key if isinstance(key, tuple) else (key, SHA256)
        table[name if isinstance(name, Register) else pcr(name), alg] = value
    given = {"source": "tpm-quote", "platform": "tpm", **members}
    registers = Registers(table)
    if given.get("anchor"):
        given = {"covered": tuple(registers), "credentials": KEY, **given}
    return Evidence(registers=registers, **given)


def signed(values: dict[Any, bytes], **members: Any) -> Evidence:
    return states(values, **{"anchor": "key", **members})


def file(values: dict[Any, bytes], **members: Any) -> Evidence:
    return states(values, **{"source": "register-file", "platform": None, **members})


def lacks(result: Verification) -> list[str]:
    """The shortfalls as options, or as registers if nothing makes them good."""
    return [each.option or str(each.register) for each in result.shortfalls]


FIRMWARE = dict.fromkeys(range(8), extended())


# Which registers have to count


def test_what_a_key_stands_behind_has_to_be_accounted_for() -> None:
    """Else whoever edits the log takes out what he does not like."""
    log = log_of(*range(8))
    assert lacks(verify(log, signed(FIRMWARE))) == []
    assert lacks(verify(log, signed({**FIRMWARE, 11: extended()}))) == ["not_logged:pcr:11"]
    assert lacks(verify(log, signed({**FIRMWARE, 11: bytes(32), 17: b"\xff" * 32, 18: bytes(32)}))) == []
    assert lacks(verify(log, file({**FIRMWARE, 11: extended()}))) == []
    assert lacks(verify(log, file({**FIRMWARE, 11: extended()}), Demand(strict=True))) == ["not_logged:pcr:11"]


def test_a_bank_that_nobody_extended_does_not_hide_one_that_somebody_did() -> None:
    """Whoever may extend a register may extend one bank of it, and leave the event out of the log."""
    log = log_of(*range(8))
    values: dict[Any, bytes] = {**FIRMWARE, 11: extended(), (11, SHA384): bytes(48), (11, SHA1): bytes(20)}
    assert lacks(verify(log, signed(values))) == ["not_logged:pcr:11"]
    assert lacks(verify(log, file(values), Demand(registers=only("11")))) == ["not_logged:pcr:11"]
    assert lacks(verify(log, file(values), Demand(registers=only("11"), banks=(SHA384,)))) == []
    # A log of one bank speaks of the register all the same.
    both: dict[Any, bytes] = {**FIRMWARE, (0, SHA384): extended(alg=SHA384)}
    assert lacks(verify(log, signed(both))) == []


@pytest.mark.parametrize("credentials", [KEY, Credentials(root=b"a root")])
def test_with_a_key_or_a_root_the_firmware_s_registers_count_in_any_case(credentials: Credentials) -> None:
    few = {index: extended() for index in (0, 1)}
    result = verify(log_of(0, 1), signed(few, credentials=credentials))
    assert lacks(result) == [f"not_reported:pcr:{index}" for index in range(2, 8)]
    assert lacks(verify(log_of(0, 1), states(few))) == []
    for platform, first in (("tdx", 1), ("cca", 1), ("csv", 1)):
        values = {(Register("ccmr", 3), SHA384): extended(alg=SHA384)}
        guest = signed(values, source="tdx-quote", platform=platform, credentials=credentials)
        told = lacks(verify(log_of(3, banks=("sha384",), space="ccmr"), guest))
        assert told == [f"not_reported:ccmr:{index}" for index in (first, first + 1)]
    nothing = signed({}, credentials=credentials)
    assert lacks(verify(log_of(8), nothing))[:8] == [f"not_reported:pcr:{index}" for index in range(8)]


def test_what_never_changes_is_demanded_of_nobody_who_did_not_ask() -> None:
    mrtd = Register("ccmr", 0)
    values = {(Register("ccmr", index), SHA384): extended(alg=SHA384) for index in (1, 2)}
    guest = signed({**values, (mrtd, SHA384): b"\xaa" * 48}, source="tdx-quote", platform="tdx", static=(mrtd,))
    log = log_of(1, 2, banks=("sha384",), space="ccmr")
    assert lacks(verify(log, guest)) == []
    assert lacks(verify(log, guest, Demand(strict=True))) == []


def test_values_that_the_verifier_named_himself_count_where_firmware_extended_them() -> None:
    values = {7: extended(), 8: extended(), 9: extended()}
    assert lacks(verify(log_of(8), file(values))) == ["not_logged:pcr:7"]
    beside = Credentials(pcrs=evlog.evidence.Material(b"values"))
    assert lacks(verify(log_of(8), states(values, credentials=beside))) == ["not_logged:pcr:7"]
    assert lacks(verify(log_of(8), states(values))) == []


def test_pcr_16_and_23_prove_nothing_unless_they_are_asked_for() -> None:
    """Anybody may reset them (PFP 1.06, section 2.3.4); those of an enclave are its own (AWS: PCR 16 to 31)."""
    for index in (16, 23):
        log, differing = log_of(8, index), {8: extended(), index: extended(b"y")}
        assert lacks(verify(log, file(differing))) == []
        assert lacks(verify(log, file(differing), Demand(strict=True))) == [f"pcr:{index}"]
        assert lacks(verify(log, file(differing), Demand(registers=only(f"8,{index}")))) == [f"pcr:{index}"]
        assert lacks(verify(log, signed(differing, platform="nitro"))) == [f"pcr:{index}"]
    assert lacks(verify(log_of(8, 15), file({8: extended(), 15: extended(b"y")}))) == ["pcr:15"]


def test_the_registers_that_are_named_and_no_others() -> None:
    log, values = log_of(8, 9), {8: extended(), 9: extended(b"y"), 11: extended()}
    assert lacks(verify(log, signed(values), Demand(registers=only("8")))) == []
    assert lacks(verify(log, signed(values), Demand(registers=only("8-9")))) == ["pcr:9"]
    assert lacks(verify(log, signed(values), Demand(registers=only("8,10")))) == ["not_reported:pcr:10"]
    both = Demand(registers=only("8"), strict=True)
    assert lacks(verify(log, signed(values), both)) == ["pcr:9", "not_logged:pcr:11"]


def test_a_selection_narrows_what_nobody_named() -> None:
    log, values = log_of(8, 9), {8: extended(), 9: extended(b"y")}
    assert lacks(verify(log, file(values), Demand(keep=only("8")))) == []
    named = verify(log, file(values), Demand(registers=only("8-9"), keep=only("8")))
    assert lacks(named) == ["pcr:9"], "not what is demanded"
    assert {row.register for row in named.registers} == {pcr(8), pcr(9)}
    nothing = verify(log, file(values), Demand(keep=only("12")))
    assert not nothing.ok
    assert "nothing is demanded" in nothing.shortfalls[0].sentence


def test_registers_are_demanded_by_any_of_their_names() -> None:
    log = log_of(3, banks=("sha384",), space="ccmr")
    values = {(Register("ccmr", 3), SHA384): extended(b"y", SHA384)}
    guest = states(values, source="tdx-quote", platform="tdx")
    for name in ("rtmr2", "ccmr:3"):
        result = verify(log, guest, Demand(registers=only(name)))
        assert lacks(result) == ["ccmr:3"]


@pytest.mark.parametrize(
    ("index", "value", "moved"),
    [
        (8, bytes(32), False),
        (8, bytes(31) + b"\1", True),
        (8, b"\xff" * 32, True),
        (17, b"\xff" * 32, False),
        (17, bytes(32), False),
        (23, b"\xff" * 32, True),
        (0, bytes(31) + b"\3", False),
        (0, bytes(31) + b"\4", False),
        (0, bytes(31) + b"\1", True),
        (0, b"\1" + bytes(30) + b"\3", True),
        (1, bytes(31) + b"\3", True),
    ],
)
def test_values_that_a_register_starts_at(index: int, value: bytes, moved: bool) -> None:
    """PFP 1.06, section 3.3.2: zeros; PCR 17 to 22 ones; PCR 0 the locality, or 4 after an H-CRTM."""
    assert away(pcr(index), SHA256, value) is moved


# What counts


def test_a_register_matches_in_some_bank_and_differs_in_none() -> None:
    log = log_of(8, banks=("sha1", "sha256", "sha384"))
    good = {(8, SHA256): extended(), (8, SHA1): extended(alg=SHA1)}
    assert verify(log, signed(good), Demand(registers=only("8"))).ok
    bad = {**good, (8, SHA384): extended(b"y", SHA384)}
    assert lacks(verify(log, signed(bad), Demand(registers=only("8")))) == ["pcr:8"]
    assert verify(log, signed(bad), Demand(registers=only("8"), banks=(SHA256,))).ok
    assert lacks(verify(log, signed(bad), Demand(registers=only("8"), banks=(SHA384,)))) == ["pcr:8"]
    unstated = verify(log, signed({(8, SHA256): extended()}), Demand(registers=only("8"), banks=(SHA384,)))
    assert lacks(unstated) == ["not_reported:pcr:8"]


def test_a_bank_that_is_not_kept_is_no_part_of_the_answer() -> None:
    log = log_of(8, banks=("sha1", "sha256"))
    values = {(8, SHA256): extended(), (8, SHA1): extended(b"y", SHA1)}
    found = verify(log, states(values), Demand(banks=(SHA256,)))
    assert [(row.alg, row.verdict) for row in found.registers] == [(SHA256, "match")]
    assert found.ok


@pytest.mark.parametrize(
    "demand",
    [
        Demand(banks=(SHA384,), accept=(Acceptance("not_reported"),)),
        Demand(registers=only("9"), keep=only("9"), accept=(Acceptance("not_reported"),)),
    ],
    ids=["another bank", "another register"],
)
def test_accepting_everything_compares_nothing(demand: Demand) -> None:
    found = verify(log_of(8, banks=("sha256", "sha384")), signed({(8, SHA256): extended()}), demand)
    assert not found.shortfalls
    assert [finding.code for finding in found.findings] == ["nothing_compared"]
    assert not found.ok


def test_sha1_alone_is_no_proof_unless_it_is_asked_for() -> None:
    log, values = log_of(8, banks=("sha1",)), {(8, SHA1): extended(alg=SHA1)}
    assert lacks(verify(log, signed(values), Demand(registers=only("8")))) == ["pcr:8"]
    assert verify(log, signed(values), Demand(registers=only("8"), banks=(SHA1,))).ok
    assert verify(log, states(values), Demand(registers=only("8"))).ok


def test_a_bank_that_lost_digests_is_not_made_good_by_another() -> None:
    records = made.event(8, EV_ACTION, b"x", "sha1", "sha256") + made.event(8, EV_ACTION, b"y", "sha1")
    log = evlog.read(made.header("sha1", "sha256") + records)
    sha1 = hashlib.sha1(extended(alg=SHA1) + hashlib.sha1(b"y").digest()).digest()
    values = {(8, SHA1): sha1, (8, SHA256): extended(b"other")}
    assert lacks(verify(log, states(values))) == ["incomplete:pcr:8"]
    assert verify(log, states(values), Demand(banks=(SHA1,))).ok
    # Where the bank stands at what the others come to, it was extended by those alone, and not by all.
    assert lacks(verify(log, states({(8, SHA256): extended()}))) == ["incomplete:pcr:8"]


def test_pcr_0_and_17_at_their_start_prove_nothing() -> None:
    for index, value in ((0, bytes(32)), (17, b"\xff" * 32)):
        result = verify(log_of(8), states({8: extended(), index: value}), Demand(registers=only(f"8,{index}")))
        assert lacks(result) == [f"not_logged:pcr:{index}"]
    idle = verify(log_of(8), states({8: extended(), 9: bytes(32)}), Demand(registers=only("8-9")))
    assert idle.ok


def test_what_never_changes_counts_by_the_value_that_is_expected() -> None:
    log = log_of(3, banks=("sha384",), space="ccmr")
    mrtd = Register("ccmr", 0)
    values = {(mrtd, SHA384): b"\xaa" * 48, (Register("ccmr", 3), SHA384): extended(alg=SHA384)}
    guest = states(values, source="tdx-quote", platform="tdx", static=(mrtd,), claims=(("xfam", b"\7"),))
    demand = Demand(registers=only("ccmr:0,ccmr:3"))
    assert lacks(verify(log, guest, demand)) == ["ccmr:0"]
    assert verify(log, guest, demand.replace(expect=(("mrtd", "aa" * 48),))).ok
    assert lacks(verify(log, guest, demand.replace(expect=(("xfam", "07"),)))) == ["ccmr:0"]
    image = {(index, SHA384): bytes([index + 1]) * 48 for index in range(2)}
    enclave = states(image, source="nitro-enclave", platform="nitro", static=(pcr(0), pcr(1)))
    for expect, open_ in (({"pcr1": "02" * 48}, ["pcr:0"]), ({"pcr1": "02" * 48, "pcr0": "01" * 48}, [])):
        result = verify(log_of(8), enclave, Demand(registers=only("0-1"), expect=tuple(expect.items())))
        assert lacks(result) == open_


@pytest.mark.parametrize(
    ("members", "whole", "shortfall"),
    [
        ({"events": 2, "proven": 2}, True, ""),
        ({"events": 2, "proven": 1}, False, "incomplete"),
        ({"events": 2, "proven": 1, "cause": "ahead"}, True, ""),
        ({"events": 2, "proven": 2, "cause": "gap"}, False, "gap"),
        ({"events": 2, "proven": 2, "cause": "unanchored"}, False, "unanchored"),
        ({"events": 2, "proven": 2, "cause": "stated_start"}, False, "stated_start"),
        ({"events": 2, "proven": 2, "cause": "explained_gap"}, True, ""),
        ({}, True, ""),
        ({"register": pcr(0)}, False, "not_logged"),
        ({"register": pcr(17)}, False, "not_logged"),
        ({"verdict": "mismatch", "events": 2, "proven": 1}, False, ""),
        ({"verdict": "not_logged"}, False, "not_logged"),
        ({"verdict": "incomplete"}, False, "incomplete"),
        ({"verdict": "not_reported", "events": 2}, False, "not_reported"),
        ({"verdict": "static"}, False, ""),
    ],
)
def test_the_whole_of_a_register(members: dict[str, Any], whole: bool, shortfall: str) -> None:
    row = RegisterVerdict(**{"register": pcr(8), "alg": SHA256, "verdict": "match", **members})
    assert (row.whole, row.shortfall) == (whole, shortfall)


def test_whether_the_logs_tell_how_every_value_came_about() -> None:
    records = made.event(8, EV_ACTION, b"x", "sha1", "sha256") + made.event(8, EV_ACTION, b"y", "sha256")
    log = evlog.read(made.header("sha1", "sha256") + records)
    for value, complete in ((bytes(20), True), (b"\1" * 20, False)):
        result = verify(log, states({(8, SHA1): value}))
        assert (lacks(result), result.complete) == (["incomplete:pcr:8"], complete)
    for value, complete in ((bytes(32), True), (extended(), False)):
        assert verify(log_of(8), states({8: extended(), 9: value})).complete == complete
    assert verify(log_of(8, 9), states({8: extended()})).complete, "nobody states what PCR 9 is"


# What is accepted


def test_what_is_accepted_is_accepted_where_it_was_said() -> None:
    log, values = log_of(8), {8: extended(), 11: extended(), 12: extended()}
    demand = Demand(registers=only("8,11-12"))
    here = demand.replace(accept=(Acceptance("not_logged", only("11")),))
    result = verify(log, signed(values), here)
    assert (lacks(result), [each.option for each in result.accepted]) == (
        ["not_logged:pcr:12"],
        ["not_logged:pcr:11"],
    )
    everywhere = verify(log, signed(values, fresh=True), demand.replace(accept=(Acceptance("not_logged"),)))
    assert (everywhere.ok, everywhere.word) == (True, "accepted")
    other = verify(log, signed(values), demand.replace(accept=(Acceptance("incomplete"),)))
    assert lacks(other) == ["not_logged:pcr:11", "not_logged:pcr:12"]


def test_what_fails_for_good_is_accepted_by_no_name() -> None:
    every = tuple(Acceptance(name) for name in ACCEPTABLE)
    result = verify(log_of(8), states({8: extended(b"y")}), Demand(accept=every))
    assert lacks(result) == ["pcr:8"]
    with pytest.raises(UsageError):
        Acceptance("")
    with pytest.raises(UsageError):
        Acceptance("mismatch")


def test_a_weakness_of_the_evidence_is_not_accepted_on_registers() -> None:
    weak = states({8: extended()}, weaknesses=(Weakness("debug", "somebody looks in"),))
    assert lacks(verify(log_of(8), weak)) == ["debug"]
    with pytest.raises(UsageError, match="as a whole"):
        Acceptance("debug", only("8"))
    assert lacks(verify(log_of(8), weak, Demand(accept=(Acceptance("qe"),)))) == ["debug"]
    assert verify(log_of(8), weak, Demand(accept=(Acceptance("debug"),))).word == "accepted"


# The evidence


def test_the_kind_that_is_demanded() -> None:
    evidence = states({8: extended()}, credentials=Credentials(kind="tpm-quote"))
    assert verify(log_of(8), evidence, Demand(kind="tpm-quote")).ok
    other = evidence.replace(source="register-file")
    assert not verify(log_of(8), other, Demand(kind="tpm-quote")).ok


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "tpm-quote"),
        ("key", b"key"),
        ("root", b"root"),
        ("nonce", b"12345678"),
        ("at", datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)),
    ],
)
def test_evidence_that_was_read_without_what_is_demanded(name: str, value: Any) -> None:
    demand, evidence = Demand(**{name: value}), states({8: extended()})
    with pytest.raises(UsageError, match=name):
        verify(log_of(8), evidence, demand)
    verify(log_of(8), evidence.replace(credentials=Credentials(**{name: value})), demand)
    others: dict[str, Any] = {"kind": "tdx-quote", "at": datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)}
    wrong: dict[str, Any] = {name: others.get(name, b"another of them")}
    other = Credentials(**wrong)
    with pytest.raises(UsageError, match=name):
        verify(log_of(8), evidence.replace(credentials=other), demand)


def test_what_is_expected_has_to_be_stated_and_so() -> None:
    evidence = states({8: extended()}, claims=(("resetCount", b"\0\0\0\5"),), plain=(("resetCount", "5"),))
    assert verify(log_of(8), evidence, Demand(expect=(("resetCount", "5"),))).ok
    for name, value, word in (("resetCount", "6", "not the one"), ("bootCount", "5", "states none")):
        result = verify(log_of(8), evidence, Demand(expect=(("resetCount", "5"), (name, value))))
        assert word in result.shortfalls[0].sentence


IDENTITY = (("CHIP_ID", "0102"),)
MR = Register("mr", "MEASUREMENT")


def guest(**members: Any) -> Evidence:
    values = {8: extended(), (MR, SHA384): b"\x55" * 48}
    given = {"source": "hcl-vtpm", "static": (MR,), "identity": IDENTITY, "anchor": "root", "fresh": True}
    return signed(values, **{**given, "claims": (("host_data", b"\7"),), **members})


def authenticated(evidence: Evidence, **expect: str) -> list[str]:
    demand = Demand(registers=only("8"), authenticated=True, expect=tuple(expect.items()))
    return [each.option or each.sentence[:25] for each in verify(log_of(8), evidence, demand).shortfalls]


ROOTED, UNKNOWN = "a root proves the make of ", "nobody says which firmware"


def test_authenticated_evidence_is_of_a_known_machine_fresh_and_of_known_firmware() -> None:
    known = {"chip_id": "0102", "measurement": "55" * 48}
    assert authenticated(guest(), **known) == []
    assert authenticated(guest()) == [ROOTED[:25], UNKNOWN[:25]]
    assert authenticated(guest(anchor="key")) == [UNKNOWN[:25]], "a key is one machine's"
    assert authenticated(guest(fresh=False), **known) == ["replay"]
    assert authenticated(guest(anchor=None, fresh=False), **known)[0].startswith("no given key or root")
    assert authenticated(guest(static=(), anchor="key")) == []


def test_a_claim_is_neither_a_machine_nor_its_firmware() -> None:
    """Whoever has any genuine machine chooses its host data; what identifies is what the maker put there."""
    assert authenticated(guest(), host_data="07") == [ROOTED[:25], UNKNOWN[:25]]
    assert authenticated(guest(), chip_id="0102") == [UNKNOWN[:25]]
    assert authenticated(guest(), measurement="55" * 48) == [ROOTED[:25]]
    result = verify(log_of(8), guest(), Demand(registers=only("8"), expect=(("host_data", "07"),)))
    assert (result.identified, result.firmware_identified) == (False, False)
    assert authenticated(guest(plain=(("vmpl", "0"),)), vmpl="0") == [ROOTED[:25], UNKNOWN[:25]]
    assert verify(log_of(8), signed({8: extended()})).firmware_identified, "nothing in it is fixed at the start"


def test_the_words() -> None:
    demand = Demand(registers=only("8"))

    def word(evidence: Evidence, demand: Demand = demand) -> str:
        return verify(log_of(8), evidence, demand).word

    assert word(states({8: extended()})) == "read"
    assert word(signed({8: extended()})) == "replayable"
    assert word(signed({8: extended()}, fresh=True)) == "verified"
    assert word(signed({8: extended(b"y")}, fresh=True)) == "no"
    failed = (evlog.Finding("nonce_mismatch", "error", "another"),)
    assert word(signed({8: extended()}, fresh=True, findings=failed)) == "no"


def test_only_what_the_signature_covers_counts() -> None:
    both = {8: extended(), 9: extended()}
    evidence = signed(both, covered=((pcr(8), SHA256),))
    result = verify(log_of(8, 9), evidence, Demand(registers=only("8-9")))
    assert lacks(result) == ["not_reported:pcr:9"]
    assert verify(log_of(8, 9), states(both), Demand(registers=only("8-9"))).ok


def test_a_check_of_the_evidence_that_fails_is_never_ok() -> None:
    """Whatever the registers say, and though nothing that is demanded of them is missing."""
    for findings in ((), (evlog.Finding("signature_invalid", "error", "not the key's"),)):
        result = verify(log_of(8), states({8: extended()}, findings=findings), Demand(registers=only("8")))
        assert (result.shortfalls, result.ok) == ((), not findings)


def test_a_signed_digest_that_the_logs_do_not_give_is_never_ok() -> None:
    """The registers that are stated beside it match, and no other is demanded."""
    quoted = ((pcr(9), SHA256),)
    for value in (bytes(32), extended()):
        composite = Composite(SHA256, quoted, hashlib.sha256(value).digest())
        result = verify(log_of(8), states({8: extended()}, composite=composite), Demand(registers=only("8")))
        assert (result.shortfalls, result.ok) == ((), value == bytes(32))


def test_a_log_of_other_banks_beside_a_td_is_a_virtual_tpm_s() -> None:
    """A TD's registers have SHA-384: a log of PCRs in SHA-256 is not of them."""
    ccel = log_of(1, banks=("sha384",), space="ccmr").replace(platform="tdx")
    assert {str(row.register) for row in evlog.replay([ccel, log_of(2)]).rows} == {"ccmr:1", "pcr:2"}
