"""Azure: the hardware report vouches for the TPM's key, link by link."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

import evlog
from evlog import SHA256, SHA384, Evidence, Register, read_registers
from tests import made_evidence as made

NONCE = b"the nonce"
VALUES = [bytes([index]) * 32 for index in range(24)]
QUOTE = made.tpm_quote(VALUES)
MEASUREMENT = b"\x55" * 48
VCEK, ASK, ARK = made.amd()
ROOT = made.pem_of(ASK, ARK)


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def runtime(keys: Any = None) -> bytes:
    named = [made.jwk(made.rsa_key().public_key())] if keys is None else keys
    other = made.jwk(made.rsa_key().public_key(), "HCLEkPub")
    return json.dumps({"keys": [*named, other], "vm-configuration": {"secure-boot": True}, "user-data": ""}).encode()


def document(*, data: bytes | None = None, bound: bytes | None = None, **changes: Any) -> bytes:
    """The evidence of a guest on SEV-SNP: report, certificate and quote, as attestation agents write it."""
    data = runtime() if data is None else data
    report_data = hashlib.sha256(data).digest() if bound is None else bound
    options = {name: changes.pop(name) for name in ("vmpl", "policy") if name in changes}
    report = made.hcl_report(made.snp_report(MEASUREMENT, report_data, **options), data, kind=2)
    signature = made.pss_signature(QUOTE)
    members: dict[str, Any] = {
        "quote": {"message": list(QUOTE), "signature": list(signature), "pcrs": [list(value) for value in VALUES]},
        "report": base64.urlsafe_b64encode(report).decode().rstrip("="),
        "vcek": made.pem_of(VCEK).decode(),
    }
    return json.dumps({**members, **changes}).encode()


def judged(data: bytes, **options: Any) -> Evidence:
    return read_registers(data, **{"kind": "hcl-vtpm", "root": ROOT, "nonce": NONCE, **options})


def test_the_report_s_root_stands_behind_the_tpm_s_registers() -> None:
    evidence = judged(document())
    assert (evidence.source, codes(evidence), evidence.weaknesses) == ("hcl-vtpm", [], ())
    assert (evidence.anchor, evidence.fresh, evidence.root_name) == ("root", True, "ARK")
    assert evidence.registers[Register("pcr", 23), SHA256] == VALUES[23]
    assert evidence.static == (Register("mr", "MEASUREMENT"),)
    assert (Register("pcr", 0), SHA256) in evidence.covered
    assert evidence.states("measurement", MEASUREMENT.hex()) is True
    given = judged(document(vcek=None), key=made.pem_of(VCEK))
    assert (given.anchor, codes(given)) == ("key", [])


def test_without_a_root_it_is_only_read() -> None:
    evidence = read_registers(document(), nonce=NONCE)
    assert (evidence.source, evidence.anchor, evidence.fresh, codes(evidence)) == ("hcl-vtpm", None, False, [])
    assert len(evidence.registers) == 25


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bound": hashlib.sha256(b"other").digest()}, "runtime_unbound"),
        ({"bound": hashlib.sha256(runtime()).digest() + b"\1"}, "runtime_unbound"),
        ({"bound": b""}, "runtime_unbound"),
        ({"data": runtime([])}, "ak_unfit"),
        ({"data": runtime([made.jwk(made.rsa_key().public_key())] * 2)}, "ak_unfit"),
        ({"vmpl": 1}, "hcl_vmpl"),
    ],
)
def test_each_link_is_checked(changes: dict[str, Any], code: str) -> None:
    evidence = judged(document(**changes))
    assert code in codes(evidence)
    assert (evidence.anchor, evidence.covered, evidence.fresh) == (None, (), False)


def test_a_guest_that_may_be_debugged_may_be_accepted_by_name_only() -> None:
    evidence = judged(document(policy=1 << 19))
    assert [weakness.accept for weakness in evidence.weaknesses] == ["debug"]


def test_the_quote_of_another_tpm_fails() -> None:
    other = made.ec_key("another")
    quote = {"message": QUOTE.hex(), "signature": made.ecdsa_signature(QUOTE, other).hex()}
    assert codes(judged(document(quote=quote))) == ["signature_invalid"]
    unsigned = judged(document(quote={"message": QUOTE.hex()}))
    assert (unsigned.anchor, codes(unsigned)) == (None, ["credential_unused"])


def test_the_nonce_is_the_quote_s() -> None:
    assert codes(judged(document(), nonce=b"another nonce")) == ["nonce_mismatch"]


def test_a_key_beside_the_quote_does_not_stand_in_for_the_report_s() -> None:
    own = made.ec_key("own")
    quote = {"message": QUOTE.hex(), "signature": made.ecdsa_signature(QUOTE, own).hex()}
    evidence = judged(document(quote=quote, ak=made.pem(own.public_key()).decode()))
    assert codes(evidence) == ["signature_invalid"]


def test_without_a_key_of_the_report_s_no_other_counts() -> None:
    """A machine without hardware support, or a report whose key cannot be used: the caller's key is no way in."""
    own = made.ec_key("own")
    quote = {"message": QUOTE.hex(), "signature": made.ecdsa_signature(QUOTE, own).hex()}
    key = made.pem(own.public_key())
    for kind in (2, 3, 4):
        report = made.hcl_report(bytes(1184), runtime([]), kind=kind).hex()
        data = json.dumps({"quote": quote, "report": report, "ak": key.decode()}).encode()
        for signature in (None, made.ecdsa_signature(QUOTE, own)):
            evidence = read_registers(data, kind="hcl-vtpm", key=key, nonce=NONCE, signature=signature)
            assert evidence.failed
            assert (evidence.anchor, evidence.covered, evidence.fresh) == (None, (), False)


def test_the_report_alone() -> None:
    data = runtime()
    report = made.hcl_report(made.snp_report(MEASUREMENT, hashlib.sha256(data).digest()), data, kind=2)
    for padded in (report, report.ljust(2600, b"\0")):
        evidence = read_registers(padded)
        assert (evidence.source, codes(evidence), evidence.platform) == ("hcl-vtpm", [], "snp")
        assert list(evidence.registers) == [(Register("mr", "MEASUREMENT"), SHA384)]
    assert any("SEV-SNP" in sentence for sentence in evidence.read_only)


def test_on_tdx_the_td_quote_vouches() -> None:
    data = runtime()
    bound = hashlib.sha256(data).digest()
    rtmrs = [bytes([index]) * 48 for index in range(4)]
    report = made.hcl_report(made.td_report(b"\xaa" * 48, rtmrs, bound), data, kind=4)
    quote = made.td_quote(made.td_body(b"\xaa" * 48, rtmrs, bound))
    members = {
        "tpm_quote": {
            "message": QUOTE.hex(),
            "signature": made.pss_signature(QUOTE).hex(),
            "pcrs": [v.hex() for v in VALUES],
        },
        "hcl_report": report.hex(),
        "td_quote": quote.hex(),
    }
    root = made.pem_of(made.intel()[-1])
    evidence = judged(json.dumps(members).encode(), root=root)
    assert (codes(evidence), evidence.anchor, evidence.fresh) == ([], "root", True)
    assert evidence.states("MRTD", "aa" * 48) is True
    assert len(evidence.registers) == 25, "the RTMRs are the paravisor's, and no log's"
    other = made.td_quote(made.td_body(b"\xab" * 48, rtmrs, bound))
    assert codes(judged(json.dumps({**members, "td_quote": other.hex()}).encode(), root=root)) == [
        "report_inconsistent"
    ]
    alone = read_registers(report)
    assert (alone.platform, len(alone.registers), alone.anchor) == ("tdx", 5, None)


def test_damage_is_an_error_or_evidence() -> None:
    whole = base64.urlsafe_b64decode(json.loads(document())["report"] + "==")
    for size in range(0, len(whole), 37):
        try:
            read_registers(whole[:size])
        except evlog.EvlogError:
            continue
    for at in range(0, len(whole), 23):
        changed = bytearray(whole)
        changed[at] ^= 0xFF
        try:
            read_registers(bytes(changed))
        except evlog.EvlogError:
            continue
