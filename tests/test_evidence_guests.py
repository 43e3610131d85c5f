"""Confidential guests: what takes trust away, what has to agree with what, and which machine it is."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from evlog import Evidence, read_registers
from evlog.evidence import _makers
from evlog.evidence._certificates import fingerprint
from tests import made_evidence as made

NONCE = b"the nonce"
MRTD, RTMRS = b"\xaa" * 48, [bytes(48)] * 4


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def accepts(evidence: Evidence) -> list[str]:
    return [weakness.accept for weakness in evidence.weaknesses]


# Intel TDX


def td(changes: dict[int, bytes], *, report_data: bytes = NONCE) -> list[Evidence]:
    """A TD quote and a TDREPORT with bytes changed, at their places in the quote's body."""
    body = bytearray(made.td_body(MRTD, RTMRS, report_data))
    places = {64: 328, 120: 512}  # MRSIGNERSEAM, ATTRIBUTES
    report = bytearray(made.td_report(MRTD, RTMRS, report_data))
    for at, data in changes.items():
        body[at : at + len(data)] = data
        report[places[at] : places[at] + len(data)] = data
    import hashlib

    report[32:80] = hashlib.sha384(report[256:495]).digest()
    report[80:128] = hashlib.sha384(report[512:1024]).digest()
    root = made.pem_of(made.intel()[-1])
    quote = read_registers(made.td_quote(bytes(body)), kind="tdx-quote", root=root, nonce=NONCE)
    return [quote, read_registers(bytes(report), nonce=NONCE)]


@pytest.mark.parametrize(
    ("changes", "accept"),
    [
        ({}, []),
        ({120: b"\x01"}, ["debug"]),
        ({120: b"\x10"}, ["debug"]),
        ({120: b"\0\0\0\x10"}, []),
        ({64: b"\x01"}, ["debug"]),
        ({64: b"\x01", 120: b"\x01"}, ["debug", "debug"]),
    ],
    ids=["plain", "debug", "profiled", "sept_ve_disable", "another module", "both"],
)
def test_what_takes_trust_from_a_td(changes: dict[int, bytes], accept: list[str]) -> None:
    for evidence in td(changes):
        assert (codes(evidence), accepts(evidence)) == ([], accept)


def test_a_td_that_may_move_or_is_served_says_so() -> None:
    for evidence in td({120: b"\0\0\0\x20"}):
        assert accepts(evidence) == []
        assert any("MIGRATABLE" in sentence for sentence in evidence.read_only)
    body = made.td_body(MRTD, RTMRS, NONCE) + bytes(16) + b"\x01" * 48
    quote = bytearray(made.td_quote(body, version=5))
    quote[48:50] = struct.pack("<H", 3)
    served = read_registers(bytes(quote))
    assert dict(served.claims)["mrservicetd"] == b"\x01" * 48
    assert any("service TDs" in sentence for sentence in served.read_only)


@pytest.mark.parametrize(
    ("report_data", "fails"),
    [
        (NONCE, False),
        (NONCE.ljust(64, b"\0"), False),
        (NONCE + b"\0\0\1", True),
        (NONCE[:-1], True),
        (b"\0" + NONCE, True),
    ],
)
def test_report_data_is_the_nonce_and_zeros(report_data: bytes, fails: bool) -> None:
    for evidence in td({}, report_data=report_data):
        assert (codes(evidence) == ["nonce_mismatch"]) is fails
    assert td({}, report_data=NONCE)[0].fresh
    assert not td({}, report_data=NONCE)[1].fresh, "nobody signed the TDREPORT"


@pytest.mark.parametrize(("trailing", "expected"), [(bytes(3000), []), (bytes(5) + b"\1", ["trailing_bytes"])])
def test_bytes_behind_a_td_quote(trailing: bytes, expected: list[str]) -> None:
    evidence = read_registers(made.td_quote(made.td_body(MRTD, RTMRS, NONCE)) + trailing)
    assert codes(evidence) == expected
    assert not evidence.failed


# AMD SEV-SNP

CHIP, TCB = bytes(range(64)), bytes((3, 1, 0, 0, 0, 0, 8, 115))
TURIN = bytes((1, 3, 1, 8, 0, 0, 0, 70))
OID = "1.3.6.1.4.1.3704.1"


def svn(number: int, value: int) -> tuple[str, bytes]:
    """An extension of a VCEK: a DER INTEGER."""
    body = bytes((value,)) if value < 128 else bytes((0, value))
    return f"{OID}.3.{number}", bytes((2, len(body))) + body


MILAN = dict([svn(1, 3), svn(2, 1), svn(3, 8), svn(8, 115)])
VCEK = {**MILAN, f"{OID}.4": CHIP}
VLEK = {**MILAN, f"{OID}.5": b"\x16\x03csp"}


def snp(extensions: dict[str, bytes], **options: Any) -> Evidence:
    _, ask, ark = made.amd()
    leaf = made.certificate(
        "SEV-VCEK", made.ec_key("vcek", "SECP384R1"), "SEV", made.ec_key("ask", "SECP384R1"), extensions=extensions
    )
    report = made.snp_report(b"\x55" * 48, NONCE, **{"tcb": TCB, "chip": CHIP, **options})
    given = {"key": made.pem_of(leaf), "root": made.pem_of(ask, ark), "nonce": NONCE}
    return read_registers(report, kind="snp-report", **given)  # type: ignore[arg-type]


@pytest.fixture
def amd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our root stands for AMD's."""
    monkeypatch.setitem(_makers.ROOTS, fingerprint(made.amd()[-1]), _makers.Maker("AMD ARK", "snp-report"))


@pytest.mark.usefixtures("amd")
def test_a_vcek_is_of_the_report_s_chip_and_tcb() -> None:
    evidence = snp(VCEK)
    assert (codes(evidence), evidence.anchor, evidence.fresh, evidence.weaknesses) == ([], "key", True, ())
    assert evidence.identity == (("CHIP_ID", CHIP.hex()),)
    assert evidence.states("chip_id", f"0x{CHIP.hex().upper()}") is True
    assert evidence.states("chip_id", bytes(64).hex()) is False
    assert evidence.root_name == "ARK"
    assert "the certificate is a VCEK of the report's TCB version and chip" in evidence.authenticated
    assert codes(snp({**VCEK, f"{OID}.4": b"\x04\x40" + CHIP})) == []


@pytest.mark.usefixtures("amd")
@pytest.mark.parametrize(
    ("extensions", "options", "code"),
    [
        (VCEK, {"chip": bytes(63) + b"\1"}, "vcek_chip"),
        (VCEK, {"tcb": bytes((2, *TCB[1:]))}, "vcek_tcb"),
        (VCEK, {"tcb": bytes((*TCB[:7], 116))}, "vcek_tcb"),
        (MILAN, {}, "vcek_unfit"),
        ({f"{OID}.4": CHIP}, {}, "vcek_unfit"),
        ({}, {}, "vcek_unfit"),
        (VLEK, {}, "vcek_unfit"),
        (VCEK, {"flags": 1 << 2}, "vcek_chip"),
    ],
)
def test_a_certificate_of_another_chip_or_tcb(extensions: dict[str, bytes], options: dict[str, Any], code: str) -> None:
    evidence = snp(extensions, **options)
    assert (codes(evidence), evidence.anchor) == ([code], None)


@pytest.mark.usefixtures("amd")
def test_a_vlek_is_of_no_chip() -> None:
    evidence = snp(VLEK, flags=1 << 2)
    assert (codes(evidence), evidence.anchor) == ([], "key")
    assert "the certificate is a VLEK of the report's TCB version" in evidence.authenticated
    assert codes(snp(VLEK, flags=1 << 2, tcb=bytes(8))) == ["vcek_tcb"]


@pytest.mark.usefixtures("amd")
def test_turin_s_chip_is_shorter_and_its_tcb_in_another_order() -> None:
    chip = b"\x11" * 8
    extensions = dict([svn(9, 1), svn(1, 3), svn(2, 1), svn(3, 8), svn(8, 70), (f"{OID}.4", chip)])
    assert codes(snp(extensions, tcb=TURIN, chip=chip.ljust(64, b"\0"))) == []
    assert codes(snp(extensions, tcb=TURIN, chip=b"\x12" * 8 + bytes(56))) == ["vcek_chip"]
    assert codes(snp(extensions, tcb=bytes((1, 3, 1, 9, 0, 0, 0, 70)), chip=chip.ljust(64, b"\0"))) == ["vcek_tcb"]


def test_under_an_unknown_root_what_is_stated_is_compared() -> None:
    assert codes(snp({})) == []
    assert "that the certificate is of this chip" in snp({}).unchecked
    assert codes(snp(VCEK, chip=b"\1" * 64)) == ["vcek_chip"]


@pytest.mark.parametrize(
    ("options", "accept", "word"),
    [
        ({"policy": 1 << 19}, ["debug"], "debugged"),
        ({"policy": 1 << 18}, [], "migration agent"),
        ({"policy": 1 << 16 | 1 << 17}, [], ""),
        ({"vmpl": 2}, [], "VMPL 2"),
    ],
)
def test_what_takes_trust_from_an_snp_guest(options: dict[str, Any], accept: list[str], word: str) -> None:
    evidence = snp(VCEK, **options)
    assert (codes(evidence), accepts(evidence)) == ([], accept)
    assert any(word in sentence for sentence in evidence.read_only)
    assert evidence.states("policy", struct.pack("<Q", options.get("policy", 0)).hex()) is True
    assert evidence.states("vmpl", str(options.get("vmpl", 0))) is True


# Arm CCA

PLATFORM = made.pem(made.ec_key("platform", "SECP384R1").public_key())


@pytest.mark.parametrize(
    ("lifecycle", "accept"),
    [(0x3000, []), (0x30FF, []), (0x2FFF, ["debug"]), (0x3100, ["debug"]), (0x4001, ["debug"]), ("x", ["debug"])],
)
def test_a_platform_that_is_not_secured(lifecycle: Any, accept: list[str]) -> None:
    token = made.cca_token(b"\x99" * 64, [bytes(64)] * 4, NONCE, platform={2395: lifecycle})
    evidence = read_registers(token, kind="cca-token", key=PLATFORM, nonce=NONCE)
    assert (codes(evidence), accepts(evidence), evidence.anchor, evidence.fresh) == ([], accept, "key", True)
    assert evidence.identity == (("instance_id", "01" * 33),)


def test_a_platform_that_states_no_lifecycle() -> None:
    token = made.cca_token(b"\x99" * 64, [bytes(64)] * 4, platform={2395: None})
    evidence = read_registers(token)
    assert accepts(evidence) == ["debug"]
    assert "not stated" in evidence.weaknesses[0].sentence


def test_a_critical_header_is_not_understood() -> None:
    import cbor2

    from evlog.evidence import _cbor, _cose

    key = made.ec_key("cose", "SECP384R1")
    for header, expected in (({1: -35}, True), ({1: -35, 2: [99], 99: 1}, False)):
        protected, payload = cbor2.dumps(header), b"payload"
        from cryptography.hazmat.primitives import hashes

        signed = cbor2.dumps(["Signature1", protected, b"", payload])
        parts = [protected, {}, payload, made.raw_signature(key, signed, hashes.SHA384(), 48)]
        message = _cose.sign1(_cbor.loads(cbor2.dumps(parts), "t"), "t")
        assert message.holds(key.public_key()) is expected


# AWS Nitro


def test_an_enclave_in_debug_mode_has_no_image() -> None:
    zeros = {index: bytes(48) for index in range(3)}
    assert accepts(read_registers(made.nitro({**zeros, 3: b"\1" * 48}))) == ["debug"]
    assert accepts(read_registers(made.nitro({**zeros, 2: b"\1" * 48}))) == []
    assert accepts(read_registers(made.nitro(zeros, member="nitrotpm_pcrs"))) == []


def test_a_nitro_document_says_which_machine() -> None:
    evidence = read_registers(made.nitro({0: b"\1" * 48}))
    assert evidence.identity == (("module_id", "i-0123456789abcdef0-enc0123456789abcdef"),)
    assert dict(evidence.plain)["timestamp"].isdigit()
