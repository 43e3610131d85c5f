"""Hygon CSV reports: what they state, whose signature they have, and how that leads to a root."""

from __future__ import annotations

import json
from functools import cache

import pytest

import evlog
from evlog import Evidence, Register, read_registers
from evlog.algorithms import SM3_256
from evlog.evidence import _sm2
from tests import made_evidence as made

MEASURE = b"\x5a" * 32
RTMRS = tuple(bytes([index]) * 32 for index in range(1, 5))
NONCE = b"the nonce"
MEASUREMENT = Register("mr", "MEASUREMENT")

pytestmark = pytest.mark.skipif(not _sm2.computable(), reason="SM3 cannot be computed here")


@cache
def report(version: int, *, chain: bool = False, policy: int = 9) -> bytes:
    rtmrs = RTMRS if version == 2 else None
    return made.csv_report(MEASURE, NONCE, rtmrs=rtmrs, chain=chain, policy=policy)


@cache
def root() -> bytes:
    return made.csv_certificate("HRK", "HRK")


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def test_the_check_of_sm2_is_that_of_the_standard() -> None:
    """GM/T 0003.5-2012, annex A: the signature over the recommended curve."""
    key = (
        0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
        0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
    )
    r = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
    s = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
    signer, message = b"1234567812345678", b"message digest"
    assert _sm2.holds(key, signer, message, r, s)
    assert not _sm2.holds(key, signer, b"another digest", r, s)
    assert not _sm2.holds(key, b"somebody else", message, r, s)
    assert not _sm2.holds(key, signer, message, r, s + 1)
    assert not _sm2.holds(key, signer, message, 0, s)
    assert not _sm2.holds(key, signer, message, r, _sm2._N - r)
    assert not _sm2.holds((key[0], key[1] ^ 1), signer, message, r, s)


def test_version_1_states_the_launch_measurement_under_its_mask() -> None:
    evidence = read_registers(report(1))
    assert (evidence.source, evidence.platform, codes(evidence)) == ("csv-report", "csv", [])
    assert evidence.registers.values == {(MEASUREMENT, SM3_256): MEASURE}
    assert evidence.static == (MEASUREMENT,)
    assert evidence.states("report_data", NONCE.ljust(64, b"\0").hex()) is True
    assert evidence.states("policy", "9") is True
    assert any("not signed" in sentence for sentence in evidence.read_only)
    assert evidence.anchor is None


def test_version_2_states_the_registers_of_a_log() -> None:
    evidence = read_registers(report(2))
    expected = {(Register("ccmr", at), SM3_256): value for at, value in enumerate((MEASURE, *RTMRS))}
    assert evidence.registers.values == expected
    assert (evidence.static, evidence.platform) == ((Register("ccmr", 0),), "csv")
    assert evidence.authenticated == (
        "the report is signed by the platform's key (PEK), which it carries (SM2 with SM3)",
    )


@pytest.mark.parametrize("version", [1, 2])
def test_it_leads_to_the_root_that_is_given(version: int) -> None:
    """HSK and CEK behind the report, or behind the root."""
    behind = made.csv_certificate("HSK", "HRK") + made.csv_certificate("CEK", "HSK")
    for data, given in ((report(version, chain=True), root()), (report(version), root() + behind)):
        evidence = read_registers(data, kind="csv-report", root=given, nonce=NONCE)
        assert (codes(evidence), evidence.anchor, evidence.fresh) == ([], "root", True)
        assert evidence.root_name == "HRK"
        assert [name for name, _ in evidence.identity] == ["CEK"]
    alone = read_registers(report(version), kind="csv-report", root=root(), nonce=NONCE)
    assert (codes(alone), alone.anchor, alone.fresh) == (["credential_unused"], None, False)


def test_another_root_is_no_root() -> None:
    other = bytearray(root())
    other[68] ^= 1
    evidence = read_registers(report(2, chain=True), kind="csv-report", root=bytes(other))
    assert (codes(evidence), evidence.anchor) == (["chain_invalid"], None)
    with pytest.raises(evlog.ParseError, match="Hygon"):
        read_registers(report(2, chain=True), kind="csv-report", root=made.pem_of(made.intel()[-1]))


def test_what_is_not_signed_by_the_pek_fails() -> None:
    data = bytearray(report(2))
    for at in (100, 144, 208, 400, 1100):
        changed = bytearray(data)
        changed[at] ^= 1
        evidence = read_registers(bytes(changed))
        assert "signature_invalid" in codes(evidence)
    assert codes(read_registers(made.csv_report(MEASURE, rtmrs=RTMRS, signer="CEK"))) == ["signature_invalid"]


def test_a_guest_that_may_be_debugged() -> None:
    assert [each.accept for each in read_registers(report(2, policy=8)).weaknesses] == ["debug"]
    assert read_registers(report(2)).weaknesses == ()


def test_the_serial_number_identifies_nobody() -> None:
    evidence = read_registers(report(2, chain=True), kind="csv-report", root=root())
    assert evidence.states("serial number", "SERIAL0001") is None
    assert any("SERIAL0001; nothing signs it" in sentence for sentence in evidence.read_only)


def test_as_json_with_the_page() -> None:
    wrapped = {"magic": list(b"ATTESTATION_EXT\0"), "flags": 1, "data": list(report(2))}
    document = {"attestation_report": wrapped, "cert_chain": {"pek": {}}, "serial_number": [0]}
    assert read_registers(json.dumps(document).encode()).registers.values == read_registers(report(2)).registers.values


def by_members(data: bytes) -> dict[str, object]:
    """A report of version 1 as CoCo's attester wrote it: fields as they are in the page, the certificate unmasked."""
    import struct

    mask = data[188:192]
    pek = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data[336 : 336 + 2084]))
    places = {
        "user_pubkey_digest": (0, 32),
        "vm_id": (32, 48),
        "vm_version": (48, 64),
        "report_data": (64, 128),
        "mnonce": (128, 144),
        "measure": (144, 176),
    }
    policy, usage, algorithm, anonce = struct.unpack("<4I", data[176:192])
    body: dict[str, object] = {name: list(data[start:end]) for name, (start, end) in places.items()}
    signatures = [
        {
            "usage": int.from_bytes(pek[at : at + 4], "little"),
            "algo": int.from_bytes(pek[at + 4 : at + 8], "little"),
            "signature": {"r": list(pek[at + 8 : at + 80]), "s": list(pek[at + 80 : at + 152])},
            "_reserved": list(pek[at + 152 : at + 520]),
        }
        for at in (1044, 1564)
    ]
    key = {"g": 3, "x": list(pek[20:92]), "y": list(pek[92:164])}
    told = {
        "firmware": {"major": pek[4], "minor": pek[5]},
        "reserved1": 0,
        "pubkey": {"usage": 0x1002, "algo": 4, "key": key},
        "uid_size": pek[164],
        "user_id": list(pek[166:420]),
        "sid": list(pek[420:436]),
        "reserved2": list(pek[436:1044]),
    }
    return {
        "attestation_report": {
            "body": {**body, "policy": policy},
            "sig_usage": usage,
            "sig_algo": algorithm,
            "anonce": anonce,
            "sig": {"r": list(data[192:264]), "s": list(data[264:336])},
        },
        "cert_chain": {"pek": {"body": {"ver": 1, "data": told}, "sigs": signatures}},
        "serial_number": list(b"SERIAL0001".ljust(64, b"\0")),
    }


def test_as_json_member_by_member() -> None:
    document = by_members(report(1))
    evidence = read_registers(json.dumps(document).encode())
    whole = read_registers(report(1))
    assert (evidence.registers.values, evidence.claims) == (whole.registers.values, whole.claims)
    assert evidence.authenticated == whole.authenticated
    told = document["attestation_report"]
    assert isinstance(told, dict)
    del told["body"]["measure"]
    with pytest.raises(evlog.ParseError, match="measure"):
        read_registers(json.dumps(document).encode())


@pytest.mark.parametrize("version", [1, 2])
def test_damage_is_an_error_or_evidence(version: int) -> None:
    whole = report(version)
    for size in range(0, len(whole), 61):
        try:
            read_registers(whole[:size])
        except evlog.EvlogError:
            continue
    for at in range(0, 3600, 53):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        try:
            evidence = read_registers(bytes(changed))
        except evlog.EvlogError:
            continue
        assert evidence.anchor is None
