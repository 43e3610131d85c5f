"""Quotes and reports: what is called authenticated was, and nothing else is."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes

import evlog
from evlog import SHA256, SHA384, SHA512, Evidence, Register, read_registers
from tests import made_evidence as made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OURS = SAMPLES / "evidence"
NONCE = b"evlog-nonce"
PCR0 = Register("pcr", 0)
MRTD, RTMRS = b"\xaa" * 48, [bytes([index]) * 48 for index in range(1, 5)]


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def quoted(**changes: Any) -> Evidence:
    """The quote of our own machine, with some of its credentials changed."""
    credentials = {"key": OURS / "ovmf-ak.pem", "signature": OURS / "ovmf-quote.sig", "pcrs": OURS / "ovmf-quote.pcrs"}
    return read_registers(OURS / "ovmf-quote.msg", **{**credentials, "nonce": NONCE, **changes})


# TPM quotes


def test_a_genuine_quote_is_anchored() -> None:
    evidence = quoted()
    assert evidence.source == "tpm-quote"
    assert evidence.anchored
    assert len(evidence.registers) == 15
    assert evidence.registers[PCR0, SHA256].hex().startswith("05e9edf27f2cc722")
    assert any("RSASSA with sha256" in sentence for sentence in evidence.authenticated)
    assert "the nonce is the given one" in evidence.authenticated


@pytest.mark.parametrize("pcrs", ["ovmf-pcrread.yaml", "../tcg2/ovmf.pcrs.json"])
def test_pcr_values_may_come_from_any_source(pcrs: str) -> None:
    evidence = quoted(pcrs=OURS / pcrs)
    assert evidence.registers.values == quoted().registers.values
    assert any("not quoted, and were left out" in sentence for sentence in evidence.read_only)


def test_bare_values_are_in_the_order_of_the_selection() -> None:
    bare = b"".join(quoted().registers.values.values())
    assert quoted(pcrs=bare).registers.values == quoted().registers.values


def test_without_a_key_nothing_is_authenticated() -> None:
    for missing in ({"key": None}, {"key": None, "signature": None}):
        evidence = quoted(**missing)
        assert not evidence.anchored
        assert evidence.covered == ()
        assert evidence.authenticated == ()
        assert codes(evidence) == []
    # A key that is given and has nothing to check is a failure.
    unsigned = quoted(signature=None, kind="tpm-quote")
    assert (unsigned.anchored, unsigned.authenticated, codes(unsigned)) == (False, (), ["credential_unused"])


def test_a_forged_signature_fails() -> None:
    signature = bytearray((OURS / "ovmf-quote.sig").read_bytes())
    signature[-1] ^= 1
    evidence = quoted(signature=bytes(signature))
    assert codes(evidence) == ["signature_invalid"]
    assert not evidence.anchored
    assert evidence.authenticated == ()


def test_another_key_fails() -> None:
    for key in (made.pem(made.rsa_key().public_key()), made.pem(made.ec_key("other").public_key())):
        assert codes(quoted(key=key)) == ["signature_invalid"]


def test_a_changed_quote_fails_wherever_it_is_changed() -> None:
    message = (OURS / "ovmf-quote.msg").read_bytes()
    for at in range(6, len(message)):
        changed = bytearray(message)
        changed[at] ^= 0x40
        try:
            evidence = read_registers(
                bytes(changed),
                key=OURS / "ovmf-ak.pem",
                signature=OURS / "ovmf-quote.sig",
                pcrs=OURS / "ovmf-quote.pcrs",
            )
        except evlog.EvlogError:
            continue
        assert not evidence.anchored
        assert "signature_invalid" in codes(evidence)


def test_changed_values_do_not_give_the_digest() -> None:
    values = {**quoted().registers.values, (PCR0, SHA256): bytes(32)}
    bare = b"".join(values.values())
    evidence = quoted(pcrs=bare)
    assert codes(evidence) == ["pcr_digest_mismatch"]
    assert not evidence.anchored


def test_a_quoted_register_without_a_value_fails() -> None:
    assert codes(quoted(pcrs=b'{"sha256": {"0": "' + b"00" * 32 + b'"}}')) == ["pcr_values_incomplete"]


def test_another_nonce_fails() -> None:
    assert codes(quoted(nonce=b"another nonce")) == ["nonce_mismatch"]
    assert any(NONCE.hex() in sentence for sentence in quoted(nonce=None).read_only)


@pytest.mark.parametrize("part", [NONCE[:8], NONCE[:-1], NONCE + b"\0"])
def test_part_of_the_nonce_is_another_nonce(part: bytes) -> None:
    """Qualifying data has a length of its own (TPM2B_DATA): no zeros follow it, and nothing is no nonce."""
    evidence = quoted(nonce=part)
    assert codes(evidence) == ["nonce_mismatch"]
    assert not evidence.anchored


def test_a_signed_quote_of_nothing_anchors_nothing() -> None:
    message, key = made.tpm_quote([]), made.ec_key("ak")
    signature = made.ecdsa_signature(message, key)
    evidence = read_registers(message, key=made.pem(key.public_key()), signature=signature, nonce=b"the nonce")
    assert codes(evidence) == ["credential_unused"]
    assert any("signed by the given key" in sentence for sentence in evidence.authenticated)
    assert not evidence.anchored


def test_a_quote_without_values_has_its_digest() -> None:
    evidence = quoted(pcrs=None)
    assert len(evidence.registers) == 0
    assert evidence.composite is not None
    assert evidence.composite.selection[14] == (Register("pcr", 14), SHA256)


@pytest.mark.parametrize("form", ["pem", "tpm"])
@pytest.mark.parametrize("scheme", ["ecdsa", "pss"])
def test_other_schemes_and_forms_of_keys(form: str, scheme: str) -> None:
    values = [bytes([index]) * 32 for index in range(8)]
    message = made.tpm_quote(values)
    public: Any = made.ec_key("ak").public_key() if scheme == "ecdsa" else made.rsa_key().public_key()
    signature = made.ecdsa_signature(message, made.ec_key("ak")) if scheme == "ecdsa" else made.pss_signature(message)
    key = made.pem(public) if form == "pem" else made.tpm2b_public(public)
    evidence = read_registers(message, key=key, signature=signature, pcrs=b"".join(values), nonce=b"the nonce")
    assert evidence.anchored
    assert evidence.registers[Register("pcr", 7), SHA256] == values[7]
    forged = bytearray(signature)
    forged[-1] ^= 1
    assert codes(read_registers(message, key=key, signature=bytes(forged))) == ["signature_invalid"]


def test_bare_values_have_the_size_of_their_bank() -> None:
    values = [bytes([index + 1]) * 48 for index in range(3)]
    message = made.tpm_quote(values, alg=0x000C)
    evidence = read_registers(message, pcrs=b"".join(values))
    assert [evidence.registers[Register("pcr", index), SHA384] for index in range(3)] == values
    assert evidence.findings == ()


@pytest.mark.parametrize(("alg", "name", "holds"), [(0x0027, "sha3_256", True), (0x000C, "sha384", False)])
def test_the_pcr_digest_is_made_with_the_hash_of_the_signature(alg: int, name: str, holds: bool) -> None:
    """TPM 2.0 part 3, section 18.4 (TPM2_Quote): the hash of the signing scheme, not any of that size."""
    values = [bytes(32)]
    message = made.tpm_quote(values, digest=name if holds else "sha256")
    hash = {"sha3_256": hashes.SHA3_256(), "sha384": hashes.SHA384()}[name]
    raw = made.raw_signature(made.ec_key("ak"), message, hash)
    signature = struct.pack(">HHH", 0x0018, alg, 32) + raw[:32] + struct.pack(">H", 32) + raw[32:]
    key = made.pem(made.ec_key("ak").public_key())
    if holds:
        assert read_registers(message, key=key, signature=signature, pcrs=values[0]).anchored
    else:
        with pytest.raises(evlog.ParseError, match="a PCR digest of 32 bytes"):
            read_registers(message, key=key, signature=signature, pcrs=values[0])


def test_what_a_tpm_signs_besides_quotes_is_none() -> None:
    """TPMI_ST_ATTEST: 0x8017 is a certified key, which states no PCR; and a quote ends where it ends."""
    message = made.tpm_quote([bytes(32)])
    for other in (b"\xff\x54\x43\x47\x80\x17" + message[6:], b"\xff\x54\x43\x48" + message[4:], message[:-1]):
        with pytest.raises(evlog.ParseError):
            read_registers(len(other).to_bytes(2, "big") + other, kind="tpm-quote")
    with pytest.raises(evlog.ParseError, match="1 bytes after the quote"):
        read_registers(message + b"\0")


def test_a_quote_in_a_tpm2b_and_in_base64() -> None:
    import base64

    message = (OURS / "ovmf-quote.msg").read_bytes()
    for wrapped in (len(message).to_bytes(2, "big") + message, base64.b64encode(message)):
        assert read_registers(wrapped).composite == quoted(pcrs=None).composite


# Intel TDX


@pytest.mark.parametrize("version", [4, 5])
def test_a_td_quote_is_anchored_by_the_root(version: int) -> None:
    quote = made.td_quote(made.td_body(MRTD, RTMRS, b"asked-for"), version=version)
    evidence = read_registers(quote, kind="tdx-quote", root=made.pem_of(made.intel()[-1]), nonce=b"asked-for")
    assert evidence.source == "tdx-quote"
    assert evidence.anchored
    assert evidence.platform == "tdx"
    assert evidence.static == (Register("ccmr", 0),)
    assert evidence.registers[Register("ccmr", 0), SHA384] == MRTD
    assert [evidence.registers[Register("ccmr", index), SHA384] for index in range(1, 5)] == RTMRS
    assert dict(evidence.claims)["mrconfigid"] == b"\x11" * 48
    assert "REPORTDATA is the given nonce" in evidence.authenticated
    assert "the PCK certificate leads to the given root: Root CA <- Platform CA <- PCK" in evidence.authenticated


def test_a_td_quote_without_a_root_is_not_anchored() -> None:
    evidence = read_registers(made.td_quote(made.td_body(MRTD, RTMRS, b"asked-for")), nonce=b"asked-for")
    assert not evidence.anchored
    assert not evidence.failed
    assert len(evidence.authenticated) == 3
    assert "REPORTDATA is the given nonce" in evidence.read_only


def test_a_td_quote_under_another_root_fails() -> None:
    other = made.certificate("Root CA", made.ec_key("other root"), "Root CA", made.ec_key("other root"), ca=True)
    evidence = read_registers(made.td_quote(made.td_body(MRTD, RTMRS, b"")), kind="tdx-quote", root=made.pem_of(other))
    assert codes(evidence) == ["chain_invalid"]


@pytest.mark.parametrize(("at", "code"), [(100, "signature_invalid"), (48 + 328, "signature_invalid")])
def test_a_changed_td_quote_fails(at: int, code: str) -> None:
    quote = bytearray(made.td_quote(made.td_body(MRTD, RTMRS, b"")))
    quote[at] ^= 1
    evidence = read_registers(bytes(quote), kind="tdx-quote", root=made.pem_of(made.intel()[-1]))
    assert codes(evidence) == [code]
    assert evidence.authenticated == ()


def test_each_link_of_a_td_quote_is_checked() -> None:
    quote = made.td_quote(made.td_body(MRTD, RTMRS, b""))
    signed = 48 + 584 + 4
    links = {signed + 128 + 6 + 320: "qe_report_unbound", signed + 128 + 6 + 10: "qe_report_unsigned"}
    for at, code in links.items():
        changed = bytearray(quote)
        changed[at] ^= 1
        assert codes(read_registers(bytes(changed))) == [code]


def test_the_rest_of_the_enclave_s_report_data_is_zeros() -> None:
    """Intel TDX DCAP quoting library API, A.3.9: the hash of the attestation key, and 32 zeros."""
    quote = made.td_quote(made.td_body(MRTD, RTMRS, b""), rest=bytes(31) + b"\1")
    assert codes(read_registers(quote)) == ["qe_report_unbound"]


@pytest.mark.parametrize("flaw", ["early", "no constraints", "no certificates"])
def test_a_certificate_that_may_not_issue_yet_or_at_all(flaw: str) -> None:
    """RFC 5280, section 6.1: dates (6.1.3), BasicConstraints (6.1.4 k) and KeyUsage (6.1.4 n)."""
    ways: dict[str, dict[str, Any]] = {
        "early": {"ca": True, "start": made.NOW + made.DAY / 2},
        "no constraints": {"ca": None},
        "no certificates": {"ca": True, "signs": False},
    }
    pck, middle, root = made.intel()
    names = "Platform CA", made.ec_key("middle"), "Root CA", made.ec_key("root")
    body = made.td_body(MRTD, RTMRS, b"")
    for choices, sound in ((ways[flaw], False), ({"ca": True, "signs": True}, True)):
        chain = made.pem_of(pck, made.certificate(*names, **choices), root)
        evidence = read_registers(made.td_quote(body, chain=chain), kind="tdx-quote", root=made.pem_of(root))
        assert codes(evidence) == ([] if sound else ["chain_invalid"])
        assert evidence.anchored == sound
    assert middle.subject == pck.issuer


@pytest.mark.parametrize("flaw", ["expired", "no ca", "path"])
def test_flawed_chains_fail(flaw: str) -> None:
    pck, middle, root = made.intel()
    if flaw == "expired":
        ended = {"start": made.NOW - 3 * made.DAY, "end": made.NOW - made.DAY}
        pck = made.certificate("PCK", made.ec_key("pck"), "Platform CA", made.ec_key("middle"), **ended)  # type: ignore[arg-type]
    elif flaw == "no ca":
        middle = made.certificate("Platform CA", made.ec_key("middle"), "Root CA", made.ec_key("root"))
    else:
        key = made.ec_key("more")
        more = made.certificate("More", key, "Platform CA", made.ec_key("middle"), ca=True)
        pck = made.certificate("PCK", made.ec_key("pck"), "More", key)
        middle = made.certificate(
            "Platform CA", made.ec_key("middle"), "Root CA", made.ec_key("root"), ca=True, path_length=0
        )
        quote = made.td_quote(made.td_body(MRTD, RTMRS, b""), chain=made.pem_of(pck, more, middle, root))
        assert codes(read_registers(quote, kind="tdx-quote", root=made.pem_of(root))) == ["chain_invalid"]
        return
    quote = made.td_quote(made.td_body(MRTD, RTMRS, b""), chain=made.pem_of(pck, middle, root))
    assert codes(read_registers(quote, kind="tdx-quote", root=made.pem_of(root))) == ["chain_invalid"]


def test_a_tdreport_is_only_read() -> None:
    evidence = read_registers(made.td_report(MRTD, RTMRS, b"asked-for"), nonce=b"asked-for")
    assert evidence.source == "tdx-report"
    assert not evidence.anchored
    assert evidence.authenticated == ()
    assert evidence.registers[Register("ccmr", 3), SHA384] == RTMRS[2]
    changed = bytearray(made.td_report(MRTD, RTMRS))
    changed[730] ^= 1
    assert codes(read_registers(bytes(changed))) == ["report_inconsistent"]


# AMD SEV-SNP


def test_an_snp_report_is_anchored_by_its_key() -> None:
    vcek, ask, ark = made.amd()
    report = made.snp_report(b"\x55" * 48, b"asked-for", b"host")
    given: dict[str, Any] = {"key": made.pem_of(vcek), "root": made.pem_of(ask, ark)}
    evidence = read_registers(report, kind="snp-report", nonce=b"asked-for", **given)
    assert evidence.anchored
    assert evidence.static == (Register("mr", "MEASUREMENT"),)
    assert evidence.registers[Register("mr", "MEASUREMENT"), SHA384] == b"\x55" * 48
    assert dict(evidence.claims)["host_data"] == b"host".ljust(32, b"\0")
    assert "the key's certificate leads to the given root: ARK <- SEV <- VCEK" in evidence.authenticated


def test_an_snp_report_without_its_key_is_only_read() -> None:
    evidence = read_registers(made.snp_report(b"\x55" * 48))
    assert not evidence.anchored
    assert evidence.authenticated == ()


def test_an_snp_report_under_another_root_fails() -> None:
    vcek, ask, _ = made.amd()
    key = made.ec_key("other ark", "SECP384R1")
    other = made.certificate("ARK", key, "ARK", key, ca=True)
    report = made.snp_report(b"\x55" * 48)
    for root in (made.pem_of(ask, other), made.pem_of(other)):
        evidence = read_registers(report, kind="snp-report", key=made.pem_of(vcek), root=root)
        assert codes(evidence) == ["chain_invalid"]
        assert not evidence.anchored


def test_a_changed_snp_report_fails() -> None:
    report = bytearray(made.snp_report(b"\x55" * 48))
    report[0x90] ^= 1
    assert codes(read_registers(bytes(report), kind="snp-report", key=made.pem_of(made.amd()[0]))) == [
        "signature_invalid"
    ]


def test_a_guest_that_may_be_debugged_says_so() -> None:
    """TDATTRIBUTES bit 0 (Intel TDX module ABI), guest policy bit 19 (SEV-SNP firmware ABI, table 9)."""
    body = made.td_body(MRTD, RTMRS, b"")
    report, snp = bytearray(made.td_report(MRTD, RTMRS)), bytearray(made.snp_report(b"\x55" * 48))
    plain = [made.td_quote(body), bytes(report), bytes(snp)]
    report[512] |= 1
    snp[0x08 + 2] |= 1 << 3
    debugged = [made.td_quote(body[:120] + b"\1" + body[121:]), bytes(report), bytes(snp)]
    for data, expected in [*((data, False) for data in plain), *((data, True) for data in debugged)]:
        told = [sentence for sentence in read_registers(data).read_only if "debugged by its host" in sentence]
        assert bool(told) is expected


# Arm CCA


@pytest.mark.parametrize("cose_key", [False, True])
def test_a_cca_token_is_anchored_by_the_platform_key(cose_key: bool) -> None:
    rems = [bytes([index]) * 64 for index in range(4)]
    token = made.cca_token(b"\x99" * 64, rems, b"asked-for", cose_key=cose_key)
    key = made.pem(made.ec_key("platform", "SECP384R1").public_key())
    evidence = read_registers(token, kind="cca-token", key=key, nonce=b"asked-for")
    assert evidence.anchored
    assert evidence.platform == "cca"
    assert evidence.registers[Register("ccmr", 0), SHA512] == b"\x99" * 64
    assert evidence.registers[Register("ccmr", 4), SHA512] == rems[3]
    unanchored = read_registers(token)
    assert not unanchored.anchored
    assert len(unanchored.authenticated) == 2
    wrong = made.pem(made.ec_key("another", "SECP384R1").public_key())
    assert codes(read_registers(token, kind="cca-token", key=wrong)) == ["signature_invalid"]


def test_a_platform_token_of_another_realm_binds_nothing() -> None:
    """Arm RMM, A7.2.3: the platform token's challenge is the hash of the realm's key; else any platform's would do."""
    key = made.pem(made.ec_key("platform", "SECP384R1").public_key())
    token = made.cca_token(b"\x99" * 64, [bytes(64)] * 4, named=b"another key")
    evidence = read_registers(token, kind="cca-token", key=key)
    assert codes(evidence) == ["platform_token_unbound"]
    assert not evidence.anchored


def test_a_challenge_that_nobody_signed_for_is_only_read() -> None:
    evidence = read_registers(made.cca_token(b"\x99" * 64, [bytes(64)] * 4, b"asked-for"), nonce=b"asked-for")
    assert "the challenge is the given nonce" in evidence.read_only
    assert not any("nonce" in sentence for sentence in evidence.authenticated)


def test_measurements_of_a_realm_have_the_size_of_their_hash() -> None:
    for size in (63, 65, 0):
        with pytest.raises(evlog.ParseError, match="sha512 values have 64 bytes"):
            read_registers(made.cca_token(b"\x99" * 64, [bytes(64), bytes(size)]))


def test_a_changed_cca_token_fails() -> None:
    token = made.cca_token(b"\x99" * 64, [bytes(64)] * 4)
    at = token.index(b"\x99" * 64)
    changed = token[:at] + b"\x98" + token[at + 1 :]
    assert codes(read_registers(changed)) == ["signature_invalid"]


# AWS Nitro


def test_a_nitro_document_is_anchored_by_the_root() -> None:
    pcrs = {0: b"\x01" * 48, 16: b"\x02" * 48}
    given: dict[str, Any] = {"kind": "nitro-enclave", "root": made.pem_of(made.aws()[-1])}
    evidence = read_registers(made.nitro(pcrs, b"asked-for"), nonce=b"asked-for", **given)
    assert evidence.anchored
    assert evidence.registers[PCR0, SHA384] == pcrs[0]
    assert evidence.static == (PCR0,)
    assert "the nonce is the given one" in evidence.authenticated
    assert codes(read_registers(made.nitro(pcrs), nonce=b"asked-for")) == ["nonce_mismatch"]


def test_a_nitro_document_under_another_root_fails() -> None:
    key = made.ec_key("other aws root", "SECP384R1")
    other = made.certificate("aws root", key, "aws root", key, ca=True, start=made.NOW - 400 * made.DAY)
    evidence = read_registers(made.nitro({0: b"\x01" * 48}), kind="nitro-enclave", root=made.pem_of(other))
    assert codes(evidence) == ["chain_invalid"]
    assert not evidence.anchored


def test_the_nonce_of_a_document_that_no_root_stands_above_is_only_read() -> None:
    evidence = read_registers(made.nitro({0: b"\x01" * 48}, b"asked-for"), nonce=b"asked-for")
    assert any("nonce" in sentence for sentence in evidence.read_only)
    assert not any("nonce" in sentence for sentence in evidence.authenticated)


@pytest.mark.parametrize("algorithm", [-7, -36, -8, None, [-35], "ES384", {-35: -35}])
def test_a_signature_by_another_algorithm_is_none(algorithm: Any) -> None:
    """RFC 9052, section 3.1: alg is an integer or text; ES384 is -35, and the signature is of that one."""
    assert codes(read_registers(made.nitro({0: b"\x01" * 48}, algorithm=algorithm))) == ["signature_invalid"]


def test_the_parts_of_a_signature_have_their_size() -> None:
    """RFC 9053, section 2.1: r and s of 48 bytes each; one spelling, so that a document has one hash."""
    parts = cbor2.loads(made.nitro({0: b"\x01" * 48}))
    r, s = parts[3][:48], parts[3][48:]
    assert codes(read_registers(cbor2.dumps([*parts[:3], r + s]))) == []
    for signature in (r + b"\0" + s, r + s + b"\0", b"\0" + r + s, r, b""):
        assert codes(read_registers(cbor2.dumps([*parts[:3], signature]))) == ["signature_invalid"]


# What was asked for


@pytest.mark.parametrize("nonce", [b"asked-fo", b"asked-for ", b"asked-for\0\0!", b"asked-for".ljust(65, b"\0")])
@pytest.mark.parametrize("name", ["td quote", "td report", "snp", "cca", "nitro"])
def test_the_nonce_is_the_one_that_was_asked_for(name: str, nonce: bytes) -> None:
    """Not a part of it, and not nothing; zeros fill REPORTDATA up, a document's nonce has its own length."""
    ways: dict[str, Callable[[bytes], bytes]] = {
        "td quote": lambda data: made.td_quote(made.td_body(MRTD, RTMRS, data)),
        "td report": lambda data: made.td_report(MRTD, RTMRS, data),
        "snp": lambda data: made.snp_report(b"\x55" * 48, data),
        "cca": lambda data: made.cca_token(b"\x99" * 64, [bytes(64)] * 4, data),
        "nitro": lambda data: made.nitro({0: b"\x01" * 48}, data),
    }
    whole = ways[name]
    assert "nonce_mismatch" in codes(read_registers(whole(b"asked-for"), nonce=nonce))
    assert codes(read_registers(whole(b"asked-for"), nonce=b"asked-for")) == []


def test_the_registers_of_a_nitro_tpm_are_no_constants() -> None:
    evidence = read_registers(made.nitro({4: b"\x01" * 48}, member="nitrotpm_pcrs"))
    assert evidence.static == ()
    assert evidence.registers[Register("pcr", 4), SHA384] == b"\x01" * 48


def test_a_changed_nitro_document_fails() -> None:
    document = made.nitro({0: b"\x77" * 48})
    at = document.index(b"\x77" * 48)
    changed = document[:at] + b"\x78" + document[at + 1 :]
    assert codes(read_registers(changed)) == ["signature_invalid"]


# Hostile bytes


def _whole() -> dict[str, bytes]:
    return {
        "tpm": (OURS / "ovmf-quote.msg").read_bytes(),
        "pcrs": (OURS / "ovmf-quote.pcrs").read_bytes(),
        "yaml": (OURS / "ovmf-pcrread.yaml").read_bytes()[:400],
        "snp": made.snp_report(b"\x55" * 48),
        "cca": made.cca_token(b"\x99" * 64, [bytes(64)] * 4),
        "nitro": made.nitro({0: b"\x77" * 48}),
        "tdx": made.td_quote(made.td_body(MRTD, RTMRS, b"")),
    }


@pytest.mark.parametrize("name", ["tpm", "pcrs", "yaml", "snp", "cca", "nitro", "tdx"])
def test_cut_anywhere_is_an_error_or_evidence(name: str) -> None:
    data = _whole()[name]
    for size in range(0, len(data), max(1, len(data) // 400)):
        try:
            read_registers(data[:size])
        except evlog.EvlogError:
            continue


@pytest.mark.parametrize("name", ["tpm", "pcrs", "yaml", "snp", "cca", "nitro", "tdx"])
def test_a_changed_byte_is_an_error_or_evidence(name: str) -> None:
    data = _whole()[name]
    for at in range(0, len(data), max(1, len(data) // 400)):
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[at] ^= mask
            try:
                read_registers(bytes(changed))
            except evlog.EvlogError:
                continue


@pytest.mark.parametrize(
    "item",
    [
        b"\x84" * 5000,
        b"\x84\x5f",
        b"\x84\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x84\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd2\x84\xbb\x00\x00\x00\xff\xff\xff\xff\xff",
    ],
)
def test_cbor_that_promises_too_much(item: bytes) -> None:
    with pytest.raises(evlog.ParseError):
        read_registers(item + b"module_id", kind="nitro-enclave")


def test_a_claim_that_stands_twice_is_none() -> None:
    """RFC 8949, section 5.6: a map with a key twice is not valid; two readers would take two values for it."""
    realm = made.cca_token(b"\x99" * 64, [bytes(64)] * 4)
    twice = b"\xd9\x01\x8f\xa3" + realm[4:] + b"\x19\xac\xca\x40"
    with pytest.raises(evlog.ParseError, match="stands twice"):
        read_registers(twice, kind="cca-token")


# Real quotes of other projects


def test_real_td_quotes_hold_together(corpus: Path) -> None:
    quotes = [path for path in corpus.iterdir() if "quote" in path.name and path.read_bytes()[4:8] == b"\x81\0\0\0"]
    assert len(quotes) >= 6
    for path in quotes:
        evidence = read_registers(path)
        assert len(evidence.authenticated) == 3, path.name
        assert not evidence.anchored
        changed = bytearray(path.read_bytes())
        changed[48 + 400] ^= 1
        assert codes(read_registers(bytes(changed))) == ["signature_invalid"]


def test_real_tdreports_hold_together(corpus: Path) -> None:
    for path in corpus.glob("*report*"):
        evidence = read_registers(path)
        assert evidence.source == "tdx-report"
        assert not evidence.failed


def test_quotes_of_our_machines_in_every_bank(vm: Path) -> None:
    for home in sorted(vm.glob("*/quote")):
        for alg in ("sha1", "sha256", "sha384", "sha512"):
            evidence = read_registers(
                home / f"quote-{alg}.msg",
                key=home / "ak.pub",
                signature=home / f"quote-{alg}.sig",
                pcrs=home / f"quote-{alg}.pcrs",
                nonce=NONCE,
            )
            assert evidence.anchored
            read = read_registers(home / "tpm2_pcrread.yaml").registers
            assert all(read[key] == value for key, value in evidence.registers.values.items())


def test_the_digest_of_the_values_is_the_specification() -> None:
    """TPMS_QUOTE_INFO: the hash of the selected PCRs, lowest first."""
    assert quoted(pcrs=None).composite is not None
    joined = b"".join(
        value for _, value in sorted(quoted().registers.values.items(), key=lambda item: item[0][0].number)
    )
    composite = quoted(pcrs=None).composite
    assert composite is not None
    assert hashlib.sha256(joined).digest() == composite.digest
