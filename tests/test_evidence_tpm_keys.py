"""Keys of TPM quotes: what may attest, what anchors, and what merely checks a signature."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes

import evlog
from evlog import SHA256, Evidence, Register, read_registers
from tests import made_evidence as made

NONCE = b"the nonce"
VALUES = [bytes([index]) * 32 for index in range(8)]
QUOTE = made.tpm_quote(VALUES)
AK = made.ec_key("ak")
SIGNATURE = made.ecdsa_signature(QUOTE, AK)
CA = made.ec_key("tpm ca")
ROOT = made.certificate("TPM root", CA, "TPM root", CA, ca=True)
EKU = ("2.23.133.8.3",)


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def checked(key: bytes, **options: Any) -> Evidence:
    return read_registers(QUOTE, key=key, signature=SIGNATURE, nonce=NONCE, **options)


def ak_certificate(**options: Any) -> Any:
    return made.certificate("", AK, "TPM root", CA, **{"usage": "digital_signature", "purposes": EKU, **options})


@pytest.mark.parametrize("key", [b"", b"root:x:0:0:root", b"-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_key_is_said_to_be_the_given_one(key: bytes) -> None:
    with pytest.raises(evlog.ParseError, match="the given key: "):
        checked(key)


# TPM2B_PUBLIC


def test_the_public_area_of_an_attestation_key() -> None:
    area = made.tpm2b_public(AK.public_key())
    evidence = checked(area)
    assert (evidence.anchor, codes(evidence)) == ("key", [])
    name = "000b" + hashlib.sha256(area[2:]).hexdigest()
    assert evidence.identity == (("AK name", name),)
    assert evidence.states("AK name", name) is True
    assert checked(area[2:]).identity == evidence.identity, "TPMT_PUBLIC is the same key"


@pytest.mark.parametrize(
    ("attributes", "word"),
    [(0x00050070, "fixedTPM"), (0x00040072, "restricted"), (0x00010072, "signatures"), (0x00030072, "signatures")],
)
def test_a_public_area_that_may_sign_anything_is_refused(attributes: int, word: str) -> None:
    evidence = checked(made.tpm2b_public(AK.public_key(), attributes=attributes))
    assert (evidence.anchor, codes(evidence)) == (None, ["key_unfit"])
    assert word in evidence.findings[0].message


def test_bytes_behind_a_tpm2b() -> None:
    evidence = checked(made.tpm2b_public(AK.public_key()) + b"\0\0")
    assert (evidence.anchor, codes(evidence)) == ("key", ["trailing_bytes"])
    wrapped = struct.pack(">H", len(QUOTE)) + QUOTE
    for data, expected in ((wrapped, []), (wrapped + b"\1", ["trailing_bytes"])):
        told = read_registers(data, key=made.pem(AK.public_key()), signature=SIGNATURE)
        assert (told.anchor, codes(told)) == ("key", expected)


@pytest.mark.parametrize("curve", [0x0000, 0x0001, 0x0002, 0x0010, 0x0020, 0xFFFF])
def test_curves_that_are_not_computed_are_refused_in_a_sentence(curve: int) -> None:
    with pytest.raises(evlog.ParseError, match=r"curve|point"):
        checked(made.tpm2b_public(AK.public_key(), curve=curve))


def test_a_key_on_p_224() -> None:
    key = made.ec_key("p224", "SECP224R1")
    numbers = key.public_key().public_numbers()
    body = struct.pack(">HHIH", 0x23, 0x000B, 0x00050072, 0) + struct.pack(">HHHHH", 0x10, 0x18, 0x0B, 0x0002, 0x10)
    for number in (numbers.x, numbers.y):
        body += struct.pack(">H", 28) + number.to_bytes(28, "big")
    raw = made.raw_signature(key, QUOTE, hashes.SHA256(), 28)
    signature = struct.pack(">HHH", 0x18, 0x0B, 28) + raw[:28] + struct.pack(">H", 28) + raw[28:]
    evidence = read_registers(QUOTE, key=struct.pack(">H", len(body)) + body, signature=signature)
    assert evidence.anchor == "key"


@pytest.mark.parametrize("data", [b"\0", b"\0\1", b"\0\x23", b"\0\x80" + bytes(20), b"\xff" * 40, b"nothing"])
def test_what_is_no_key_is_an_error(data: bytes) -> None:
    with pytest.raises(evlog.ParseError):
        checked(data)


# Signatures and quotes


def test_a_signature_over_sha1_proves_nothing() -> None:
    quote = made.tpm_quote(VALUES, digest="sha1")
    raw = made.raw_signature(AK, quote, hashes.SHA1())
    signature = struct.pack(">HHH", 0x18, 0x04, 32) + raw[:32] + struct.pack(">H", 32) + raw[32:]
    evidence = read_registers(quote, key=made.pem(AK.public_key()), signature=signature)
    assert (evidence.anchor, codes(evidence)) == (None, ["signature_weak"])


def test_zeros_behind_the_nonce_are_another_nonce() -> None:
    """Qualifying data and a document's nonce have a length of their own; only REPORTDATA is filled up."""
    longer = made.tpm_quote(VALUES, nonce=NONCE + b"\0")
    assert codes(read_registers(longer, nonce=NONCE)) == ["nonce_mismatch"]
    assert codes(read_registers(longer, nonce=NONCE + b"\0")) == []
    assert codes(read_registers(made.nitro({0: b"\1" * 48}, NONCE + b"\0"), nonce=NONCE)) == ["nonce_mismatch"]


def test_values_beyond_the_quote_are_noted_and_not_stated() -> None:
    """Whoever keeps all 24 values beside a quote of eight is not to fail, and the others are not to count."""
    table = {"sha256": {str(index): (bytes([index]) * 32).hex() for index in range(24)}}
    evidence = checked(made.pem(AK.public_key()), pcrs=json.dumps(table).encode())
    assert codes(evidence) == []
    assert set(evidence.registers) == set(evidence.covered) == {(Register("pcr", index), SHA256) for index in range(8)}
    assert "16 of the given PCR values are not quoted, and were left out" in evidence.read_only


def test_the_digest_covers_registers_that_nobody_states() -> None:
    evidence = checked(made.pem(AK.public_key()))
    assert evidence.composite is not None
    assert (len(evidence.registers), evidence.covered) == (0, evidence.composite.selection)


# Certificates


def test_a_certificate_given_as_a_key_has_dates() -> None:
    old = {"start": made.NOW - 3 * made.DAY, "end": made.NOW - 2 * made.DAY}
    for options, expected in ((old, ["key_unfit"]), ({"ca": True}, ["key_unfit"]), ({}, [])):
        certificate = made.certificate("AK", AK, "TPM root", CA, **options)
        assert codes(checked(made.pem_of(certificate))) == expected
    expired = made.certificate("AK", AK, "TPM root", CA, **old)  # type: ignore[arg-type]
    then = made.NOW - 2.5 * made.DAY
    assert codes(checked(made.pem_of(expired), at=then)) == []


def test_a_certificate_given_as_a_key_is_held_to_the_root() -> None:
    key = made.pem_of(ak_certificate())
    evidence = checked(key, root=made.pem_of(ROOT))
    assert (evidence.anchor, evidence.root_name, codes(evidence)) == ("key", "TPM root", [])
    other = made.certificate("TPM root", made.ec_key("x"), "TPM root", made.ec_key("x"), ca=True)
    assert codes(checked(key, root=made.pem_of(other))) == ["chain_invalid"]
    assert codes(checked(made.pem(AK.public_key()), root=made.pem_of(ROOT))) == ["credential_unused"]


def document(**members: Any) -> bytes:
    return json.dumps({"quote": QUOTE.hex(), "signature": SIGNATURE.hex(), **members}).encode()


def test_a_certificate_in_the_evidence_anchors_through_the_root_only() -> None:
    data = document(ak_cert=made.pem_of(ak_certificate()).decode())
    alone = read_registers(data, nonce=NONCE)
    assert (alone.anchor, alone.fresh, codes(alone)) == (None, False, [])
    rooted = read_registers(data, root=made.pem_of(ROOT), nonce=NONCE)
    assert (rooted.anchor, rooted.fresh, rooted.root_name, codes(rooted)) == ("root", True, "TPM root", [])
    assert [name for name, _ in rooted.identity] == ["AK certificate"]
    chained = document(ak_cert=[made.der_of(each).hex() for each in (ak_certificate(), ROOT)])
    assert read_registers(chained, root=made.pem_of(ROOT)).anchor == "root"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"purposes": ()}, "ak_unfit"),
        ({"purposes": ("1.3.6.1.5.5.7.3.2",)}, "ak_unfit"),
        ({"usage": None}, "ak_unfit"),
        ({"usage": "key_encipherment"}, "chain_invalid"),
        ({"ca": True}, "chain_invalid"),
    ],
)
def test_a_certificate_that_is_not_an_attestation_key_s(options: dict[str, Any], code: str) -> None:
    """Any certificate under the same root, of a web server say, must not stand for a TPM."""
    data = document(ak_cert=made.pem_of(ak_certificate(**options)).decode())
    evidence = read_registers(data, root=made.pem_of(ROOT), nonce=NONCE)
    assert (evidence.anchor, codes(evidence)) == (None, [code])


def test_a_key_in_the_evidence_anchors_nothing_under_a_root_either() -> None:
    data = document(ak=made.pem(AK.public_key()).decode())
    assert codes(read_registers(data, root=made.pem_of(ROOT))) == ["credential_unused"]


def test_a_key_in_the_evidence_that_cannot_be_read_is_only_told() -> None:
    evidence = read_registers(document(ak="0102030405"))
    assert (evidence.anchor, codes(evidence)) == (None, [])
    assert "the key in the evidence cannot be read" in evidence.read_only
