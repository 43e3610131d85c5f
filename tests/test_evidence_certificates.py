"""Certificates that evidence hangs on: each flaw of a chain fails, and its honest twin does not."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from evlog import Evidence, read_registers
from evlog.evidence import _makers
from evlog.evidence._certificates import fingerprint
from tests import made_evidence as made

if TYPE_CHECKING:
    from pathlib import Path

NONCE = b"the nonce"
BODY = made.td_body(b"\xaa" * 48, [bytes(48)] * 4, NONCE)
ROOT = made.pem_of(made.intel()[-1])
#: Intel SGX PCK certificate specification, appendix: SEQUENCE of (identifier, value); PPID and FMSPC.
PPID = bytes(range(16))


def tlv(tag: int, *parts: bytes) -> bytes:
    whole = b"".join(parts)
    return bytes((tag, len(whole))) + whole


def oid(*arcs: int) -> bytes:
    body = bytes((40 * arcs[0] + arcs[1],))
    for arc in arcs[2:]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        body += bytes(reversed(groups))
    return tlv(6, body)


SGX = (1, 2, 840, 113741, 1, 13, 1)
EXTENSION = tlv(
    0x30,
    tlv(0x30, oid(*SGX, 1), tlv(4, PPID)),
    tlv(0x30, oid(*SGX, 4), tlv(4, b"\x50\x80\x6f\0\0\0")),
)


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def leaf(name: str = "Intel SGX PCK Certificate", **options: Any) -> bytes:
    pck = made.certificate(name, made.ec_key("pck"), "Platform CA", made.ec_key("middle"), **options)
    return made.pem_of(pck, *made.intel()[1:])


def under_root(chain: bytes, *, root: bytes = ROOT, **options: Any) -> Evidence:
    given = {"kind": "tdx-quote", "root": root, "nonce": NONCE}
    return read_registers(made.td_quote(BODY, chain=chain), **{**given, **options})


FLAWS: dict[str, Any] = {
    "for other than signatures": {"usage": "key_encipherment"},
    "a CA": {"ca": True},
    "a critical extension that nobody knows": {"extensions": {"1.2.3.4": b"\5\0"}, "critical": True},
    "not yet valid": {"start": made.NOW + made.DAY, "end": made.NOW + 2 * made.DAY},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_of_the_leaf_fails(flaw: str) -> None:
    assert codes(under_root(leaf(**FLAWS[flaw]))) == ["chain_invalid"]


@pytest.mark.parametrize(
    "options",
    [{}, {"usage": "digital_signature"}, {"extensions": {"1.2.3.4": b"\5\0"}}, {"start": made.NOW - 2 * made.DAY}],
)
def test_a_leaf_without_flaws_is_fine(options: dict[str, Any]) -> None:
    evidence = under_root(leaf(**options))
    assert (codes(evidence), evidence.anchor, evidence.root_name, evidence.fresh) == ([], "root", "Root CA", True)


def test_the_time_is_the_caller_s() -> None:
    early = made.NOW - 3 * made.DAY
    assert codes(under_root(leaf(), at=early)) == ["chain_invalid"]
    assert codes(under_root(leaf(), at=made.NOW + datetime.timedelta(hours=1))) == []


def test_certificates_of_hours_are_held_to_their_document_s_time_or_the_caller_s() -> None:
    """Those of a Nitro document have expired when it is read: its own time stands in for them, unless one is given."""
    document, root = made.nitro({0: b"\1" * 48}, NONCE), made.pem_of(made.aws()[-1])
    own = read_registers(document, kind="nitro-enclave", root=root)
    assert (codes(own), own.anchor) == ([], "root")
    assert codes(read_registers(document, kind="nitro-enclave", root=root, at=made.NOW)) == ["chain_invalid"]
    then = made.NOW - 365 * made.DAY
    assert codes(read_registers(document, kind="nitro-enclave", root=root, at=then)) == []


@pytest.mark.parametrize(
    "options",
    [{"usage": "digital_signature"}, {"extensions": {"1.2.3.4": b"\5\0"}, "critical": True}],
    ids=["usage", "critical"],
)
def test_a_flaw_of_the_middle_fails(options: dict[str, Any]) -> None:
    middle = made.certificate("Platform CA", made.ec_key("middle"), "Root CA", made.ec_key("root"), ca=True, **options)
    chain = made.pem_of(made.intel()[0], middle, made.intel()[2])
    assert codes(under_root(chain)) == ["chain_invalid"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="cryptography makes no certificate over SHA-1 any more")
def test_a_certificate_signed_over_sha1_fails(tmp_path: Path) -> None:
    for name in ("pck", "middle"):
        (tmp_path / f"{name}.key").write_bytes(made.private_pem(made.ec_key(name)))
    (tmp_path / "middle.pem").write_bytes(made.pem_of(made.intel()[1]))
    run("req", "-new", "-key", "pck.key", "-subj", "/CN=PCK", "-out", "csr", at=tmp_path)
    for hash, expected in (("-sha256", []), ("-sha1", ["chain_invalid"])):
        signing = ("x509", "-req", "-in", "csr", "-CA", "middle.pem", "-CAkey", "middle.key", "-days", "1")
        run(*signing, "-set_serial", "1", hash, "-out", "pck.pem", at=tmp_path)
        chain = (tmp_path / "pck.pem").read_bytes() + made.pem_of(*made.intel()[1:])
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
        assert codes(under_root(chain, at=later)) == expected


def run(*arguments: str, at: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=at, check=True, capture_output=True)


def test_a_root_in_the_evidence_is_worth_nothing() -> None:
    key = made.ec_key("somebody")
    own = made.certificate("Root CA", key, "Root CA", key, ca=True)
    middle = made.certificate("Platform CA", made.ec_key("middle"), "Root CA", key, ca=True)
    chain = made.pem_of(made.intel()[0], middle, own)
    assert codes(under_root(chain)) == ["chain_invalid"]
    assert codes(under_root(chain, root=made.pem_of(own))) == []


def test_certificates_in_any_order_and_others_between() -> None:
    pck, middle, root = made.intel()
    other = made.certificate("Other", made.ec_key("else"), "Other", made.ec_key("else"), ca=True)
    assert codes(under_root(made.pem_of(pck, other, root, middle))) == []
    assert codes(under_root(made.pem_of(pck), root=made.pem_of(middle, root))) == []


# Under Intel's own root


@pytest.fixture
def intel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our root stands for Intel's."""
    monkeypatch.setitem(_makers.ROOTS, fingerprint(made.intel()[-1]), _makers.INTEL)


GENUINE: dict[str, Any] = {
    "mrsigner": _makers.TD_QE.mrsigner,
    "attributes": bytes.fromhex("1500000000000000e700000000000000"),
    "prodid": 2,
}


def quoted(chain: bytes | None = None, **options: Any) -> Evidence:
    data = made.td_quote(BODY, chain=leaf(extensions=PCK) if chain is None else chain, **{**GENUINE, **options})
    return read_registers(data, root=ROOT, nonce=NONCE)


PCK = {"1.2.840.113741.1.13.1": EXTENSION}


@pytest.mark.usefixtures("intel")
def test_intel_s_enclave_and_certificate() -> None:
    evidence = quoted()
    assert (codes(evidence), evidence.anchor, evidence.weaknesses) == ([], "root", ())
    assert evidence.identity == (("PPID", PPID.hex()),)
    assert dict(evidence.claims)["fmspc"].hex() == "50806f000000"
    assert evidence.unchecked == ("TCB level", "revocation")


@pytest.mark.usefixtures("intel")
@pytest.mark.parametrize(
    ("changed", "accept", "word"),
    [
        ({"mrsigner": bytes(32)}, ["qe"], "MRSIGNER"),
        ({"prodid": 1}, ["qe"], "ISVPRODID"),
        ({"attributes": bytes.fromhex("0500000000000000e700000000000000")}, ["qe"], "attributes"),
        ({"attributes": bytes.fromhex("1700000000000000e700000000000000")}, ["debug", "qe"], "attributes"),
    ],
)
def test_another_enclave_may_be_accepted_by_name_only(changed: dict[str, Any], accept: list[str], word: str) -> None:
    evidence = quoted(**changed)
    assert [weakness.accept for weakness in evidence.weaknesses] == accept
    assert word in evidence.weaknesses[-1].sentence
    assert all(weakness.sentence in evidence.read_only for weakness in evidence.weaknesses)


@pytest.mark.usefixtures("intel")
@pytest.mark.parametrize("options", [{}, {"name": "Intel SGX TCB Signing", "extensions": PCK}])
def test_a_leaf_that_is_no_pck_certificate(options: dict[str, Any]) -> None:
    assert codes(quoted(leaf(**options))) == ["pck_unfit"]


def test_under_another_root_the_enclave_is_not_checked() -> None:
    evidence = under_root(leaf())
    assert "the quoting enclave's identity" in evidence.unchecked
    assert any(sentence.startswith("not checked here: TCB level") for sentence in evidence.read_only)


def test_a_damaged_extension_is_an_error(intel: None) -> None:
    import evlog

    for size in range(1, len(EXTENSION)):
        try:
            evidence = quoted(leaf(extensions={"1.2.840.113741.1.13.1": EXTENSION[:size]}))
        except evlog.ParseError:
            continue
        assert evidence.failed
