"""Arm virtCCA: a realm's token without a platform's, whose key is for the caller to know."""

from __future__ import annotations

import base64
import json

import pytest

from evlog import SHA256, Evidence, ParseError, Register, read_registers
from tests import made_evidence as made

NONCE = b"the nonce"
RIM, REMS = b"\x99" * 32, [bytes([index]) * 32 for index in range(1, 5)]
TOKEN = made.virtcca_token(RIM, REMS, NONCE)
KEY = made.pem(made.rsa_key().public_key())
DEVICE, ROOT = made.device()


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def document(token: bytes = TOKEN, device: bytes | None = None) -> bytes:
    """The evidence as an attestation agent of virtCCA writes it."""
    members = {"vcca_token": base64.b64encode(token).decode(), "logs": []}
    if device is not None:
        members["dev_cert"] = base64.b64encode(device).decode()
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "data",
    [
        TOKEN,
        made.virtcca_token(RIM, REMS, NONCE, twice=False),
        made.virtcca_token(RIM, REMS, NONCE, wrapped=False),
        document(),
        json.dumps({"vcca_token": list(TOKEN)}).encode(),
    ],
    ids=["twice", "once", "realm", "document", "numbers"],
)
def test_a_token_alone_is_whole_and_no_more(data: bytes) -> None:
    evidence = read_registers(data)
    expected = {(Register("ccmr", at), SHA256): value for at, value in enumerate((RIM, *REMS))}
    assert (evidence.source, evidence.platform, codes(evidence)) == ("cca-token", "cca", [])
    assert evidence.registers.values == expected
    assert evidence.static == (Register("ccmr", 0),)
    assert evidence.authenticated == ("the realm token is whole: it is signed by the key that it carries",)
    assert (evidence.anchor, evidence.covered, evidence.fresh) == (None, (), False)
    assert any("no platform token" in sentence for sentence in evidence.read_only)


def test_a_key_that_the_caller_knows() -> None:
    for key in (KEY, made.pem_of(DEVICE)):
        evidence = read_registers(TOKEN, kind="cca-token", key=key, nonce=NONCE)
        assert (codes(evidence), evidence.anchor, evidence.fresh) == ([], "key", True)
        assert len(evidence.covered) == 5
    other = made.pem(made.ec_key("somebody", "SECP384R1").public_key())
    evidence = read_registers(TOKEN, kind="cca-token", key=other, nonce=NONCE)
    assert (codes(evidence), evidence.anchor) == (["signature_invalid"], None)


def test_a_platform_s_key_does_not_stand_behind_a_realm_without_a_platform() -> None:
    """Whoever leaves the platform's token out has a key of his own."""
    platform = made.pem(made.ec_key("platform", "SECP384R1").public_key())
    evidence = read_registers(TOKEN, kind="cca-token", key=platform)
    assert (codes(evidence), evidence.covered) == (["signature_invalid"], ())


def test_the_device_certificate_counts_through_the_root() -> None:
    data = document(device=made.der_of(DEVICE))
    root = made.pem_of(ROOT)
    evidence = read_registers(data, kind="cca-token", root=root, nonce=NONCE)
    assert (codes(evidence), evidence.anchor, evidence.root_name) == ([], "root", "device root")
    assert [name for name, _ in evidence.identity] == ["device certificate"]
    alone = read_registers(data)
    assert alone.anchor is None
    assert any("certificate beside it is of that key: device" in sentence for sentence in alone.read_only)
    elsewhere = read_registers(data, kind="cca-token", root=made.pem_of(made.intel()[-1]))
    assert (codes(elsewhere), elsewhere.anchor) == (["chain_invalid"], None)


def test_a_certificate_of_another_key_vouches_for_nothing() -> None:
    other = made.certificate("other", made.ec_key("other"), "device root", made.ec_key("device root"))
    for device in (made.der_of(other), b"no certificate"):
        evidence = read_registers(document(device=device), kind="cca-token", root=made.pem_of(ROOT))
        assert (codes(evidence), evidence.anchor) == (["credential_unused"], None)


def test_a_token_that_was_changed_fails() -> None:
    for at in (30, 200, 600, 850, len(TOKEN) - 5):
        changed = bytearray(TOKEN)
        changed[at] ^= 1
        try:
            evidence = read_registers(bytes(changed))
        except ParseError:
            continue
        assert evidence.failed
        assert evidence.authenticated == ()
