"""Which kind of evidence a key or a root is for: the verifier says it, and bytes of another kind do not pass."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA256, Evidence, Register, read_registers
from evlog.errors import UsageError
from evlog.evidence import KINDS, SOURCES, Credentials, _makers, _sm2, source
from tests import made_evidence as made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

OURS = SAMPLES / "evidence"
TABLE = SAMPLES / "tcg2" / "ovmf.pcrs.json"
NONCE = b"the nonce"
VALUES = [bytes([index]) * 32 for index in range(8)]
QUOTE = made.tpm_quote(VALUES)
AK = made.ec_key("ak")
SIGNED: dict[str, Any] = {"key": made.pem(AK.public_key()), "signature": made.ecdsa_signature(QUOTE, AK)}
ROOT = made.pem_of(made.intel()[-1])


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def others() -> dict[str, bytes]:
    """Evidence of each kind that somebody signs, whole in itself."""
    return {
        "tpm-quote": QUOTE,
        "tdx-quote": made.td_quote(made.td_body(b"\xaa" * 48, [bytes(48)] * 4, NONCE)),
        "tdx-report": made.td_report(b"\xaa" * 48, [bytes(48)] * 4, NONCE),
        "snp-report": made.snp_report(b"\x55" * 48, NONCE),
        "cca-token": made.cca_token(b"\x99" * 64, [bytes(64)] * 4, NONCE),
        "nitro-enclave": made.nitro({0: b"\x77" * 48}, NONCE),
        "nitro-tpm": made.nitro({0: b"\x77" * 48}, NONCE, member="nitrotpm_pcrs"),
        "hcl-vtpm": made.hcl_report(made.snp_report(b"\x55" * 48), b"{}", kind=2),
        "register-file": TABLE.read_bytes(),
        **({"csv-report": made.csv_report(b"\x5a" * 32, NONCE)} if _sm2.computable() else {}),
    }


def test_every_source_reads_kinds_that_exist() -> None:
    read = {kind for id in SOURCES for kind in source(id).KINDS}
    assert read == set(KINDS)
    assert {read_registers(data).source for data in others().values()} | {"csv-report"} == read


@pytest.mark.parametrize("pinned", [kind for kind in KINDS if kind != "register-file"])
def test_a_key_of_one_kind_is_not_used_for_another(pinned: str) -> None:
    """A restricted TPM key signs any bytes that are no attestation: those of a token, say."""
    for kind, data in others().items():
        if kind == pinned:
            continue
        evidence = read_registers(data, kind=pinned, key=SIGNED["key"], nonce=NONCE)
        assert (evidence.source, codes(evidence)[-1]) == (kind, "kind_mismatch")
        assert (evidence.anchor, evidence.covered, evidence.fresh) == (None, (), False)
        assert kind in evidence.findings[-1].message
        assert pinned in evidence.findings[-1].message


def test_a_platform_token_signed_by_the_tpm_s_key() -> None:
    import cbor2

    token = cbor2.loads(made.cca_token(b"\x99" * 64, [bytes(64)] * 4, NONCE))
    realm = cbor2.loads(token.value[44241])
    stated = cbor2.loads(realm.value[2])[44237]
    import hashlib

    platform = cbor2.dumps({10: hashlib.sha256(stated).digest(), 2395: 0x3000})
    signed = made.sign1(platform, made.ec_key("tpm", "SECP384R1"))
    forged = cbor2.dumps(cbor2.CBORTag(399, {44234: cbor2.dumps(signed), 44241: token.value[44241]}))
    key = made.pem(made.ec_key("tpm", "SECP384R1").public_key())
    assert read_registers(forged, kind="cca-token", key=key, nonce=NONCE).anchor == "key"
    mistaken = read_registers(forged, kind="tpm-quote", key=key, nonce=NONCE)
    assert codes(mistaken) == ["kind_mismatch"]
    assert not any("given" in sentence for sentence in mistaken.authenticated), "the key was not used at all"
    assert codes(read_registers(forged, key=key, nonce=NONCE, signature=SIGNED["signature"])) == ["kind_mismatch"]
    with pytest.raises(UsageError, match="kind"):
        read_registers(forged, key=key, nonce=NONCE)


@pytest.mark.parametrize("names", ["key", "root", "key and root"])
def test_a_key_or_a_root_alone_does_not_say_its_kind(names: str) -> None:
    given: dict[str, Any] = {name: {"key": SIGNED["key"], "root": ROOT}[name] for name in names.split(" and ")}
    for data in others().values():
        with pytest.raises(UsageError, match="kind"):
            read_registers(data, **given)


def test_a_signature_says_that_it_is_a_quote() -> None:
    evidence = read_registers(QUOTE, **SIGNED, nonce=NONCE)
    assert (evidence.pinned, evidence.anchor, evidence.fresh) == ("signature", "key", True)
    assert read_registers(QUOTE).pinned is None


def test_a_root_whose_maker_is_known_says_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    from evlog.evidence._certificates import fingerprint

    monkeypatch.setitem(_makers.ROOTS, fingerprint(made.intel()[-1]), _makers.Maker("a maker", "tdx-quote"))
    evidence = read_registers(others()["tdx-quote"], root=ROOT, nonce=NONCE)
    assert (evidence.pinned, evidence.anchor, evidence.root_name) == ("root", "root", "Root CA")
    assert evidence.authenticated[0].startswith("the given root is a maker")
    assert codes(read_registers(others()["snp-report"], root=ROOT)) == ["kind_mismatch"]
    # Roots of two kinds say neither.
    monkeypatch.setitem(_makers.ROOTS, fingerprint(made.amd()[-1]), _makers.Maker("another", "snp-report"))
    with pytest.raises(UsageError, match="kind"):
        read_registers(others()["tdx-quote"], root=ROOT + made.pem_of(made.amd()[-1]))


def test_the_roots_that_are_known() -> None:
    """SHA-256 of the DER, as the makers' documentation and key servers have them."""
    kinds = {maker.kind for maker in _makers.ROOTS.values()}
    assert kinds == {"tdx-quote", "snp-report", "nitro-enclave"}
    assert all(len(bytes.fromhex(each)) == 32 for each in _makers.ROOTS)


def test_intel_s_root_is_the_one_in_real_quotes(corpus: Path) -> None:
    quote = (corpus / "confidential-containers__trustee__tdx_quote_6.dat").read_bytes()
    chain = quote[quote.index(b"-----BEGIN") :].rstrip(b"\0")
    root = b"-----BEGIN" + chain.split(b"-----BEGIN")[-1]
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    evidence = read_registers(quote, root=root, at=when)
    assert (evidence.pinned, evidence.anchor, codes(evidence)) == ("root", "root", [])
    assert evidence.weaknesses == ()
    assert "the quoting enclave is Intel's (MRSIGNER, ISVPRODID, attributes)" in evidence.authenticated
    assert [name for name, _ in evidence.identity] == ["PPID"]
    assert len(evidence.covered) == 5
    later = datetime.datetime(2050, 1, 1, tzinfo=datetime.timezone.utc)
    assert codes(read_registers(quote, root=root, at=later)) == ["chain_invalid"]


def test_a_debug_td_of_the_field(corpus: Path) -> None:
    evidence = read_registers((corpus / "confidential-containers__trustee__tdx_quote_4.dat").read_bytes())
    assert [weakness.accept for weakness in evidence.weaknesses] == ["debug"]


def test_an_enclave_and_a_nitro_tpm_are_two_kinds() -> None:
    root = made.pem_of(made.aws()[-1])
    documents = {kind: others()[kind] for kind in ("nitro-enclave", "nitro-tpm")}
    for kind, data in documents.items():
        evidence = read_registers(data, kind=kind, root=root, nonce=NONCE)
        assert (evidence.source, evidence.anchor, evidence.fresh, codes(evidence)) == (kind, "root", True, [])
        assert evidence.static == ((Register("pcr", 0),) if kind == "nitro-enclave" else ())
        (other,) = documents.keys() - {kind}
        assert codes(read_registers(data, kind=other, root=root, nonce=NONCE)) == ["kind_mismatch"]
    import cbor2

    both = cbor2.loads(documents["nitro-enclave"])
    payload = {**cbor2.loads(both[2]), "nitrotpm_pcrs": {}}
    forged = cbor2.dumps(made.sign1(cbor2.dumps(payload), made.ec_key("enclave", "SECP384R1"), tag=False))
    with pytest.raises(evlog.ParseError, match="NitroTPM"):
        read_registers(forged)


# What is given and not used


@pytest.mark.parametrize(
    ("kind", "unused"),
    [
        ("tpm-quote", ["root"]),
        ("tdx-quote", ["key", "signature", "pcrs"]),
        ("tdx-report", ["key", "signature", "pcrs", "root"]),
        ("snp-report", ["signature", "pcrs", "root"]),
        ("cca-token", ["signature", "pcrs", "root"]),
        ("nitro-enclave", ["key", "signature", "pcrs"]),
        ("nitro-tpm", ["key", "signature", "pcrs"]),
        ("register-file", ["key", "signature", "pcrs", "nonce", "root"]),
    ],
)
def test_whatever_there_is_no_use_for_fails_by_name(kind: str, unused: list[str]) -> None:
    keys = {"snp-report": made.ec_key("vcek", "SECP384R1"), "cca-token": made.ec_key("platform", "SECP384R1")}
    given: dict[str, Any] = {**SIGNED, "nonce": NONCE, "pcrs": TABLE}
    given["key"] = made.pem(keys[kind].public_key()) if kind in keys else SIGNED["key"]
    roots = {"tdx-quote": made.intel(), "nitro-enclave": made.aws(), "nitro-tpm": made.aws()}
    given["root"] = made.pem_of(roots.get(kind, made.intel())[-1])
    if kind == "tpm-quote":
        given["pcrs"] = b"".join(VALUES)
    evidence = read_registers(others()[kind], kind=kind, **given)
    assert codes(evidence) == ["credential_unused"]
    assert evidence.findings[0].message.endswith(f": {', '.join(unused)}")
    assert not evidence.anchored
    # The same without what is too much is fine, but for evidence that nobody signs.
    fitting = {name: value for name, value in given.items() if name not in unused}
    assert codes(read_registers(others()[kind], kind=kind, **fitting)) == []


def test_a_nonce_has_no_place_in_a_folder_of_registers(tmp_path: Path) -> None:
    for name in ("mrtd", "rtmr3"):
        (tmp_path / f"{name}:sha384").write_bytes(b"\x33" * 48)
    for name in ("mrconfigid", "user_data"):
        (tmp_path / name).write_bytes(NONCE.ljust(48, b"\0"))
    assert not read_registers(tmp_path).failed
    evidence = read_registers(tmp_path, nonce=NONCE)
    assert codes(evidence) == ["credential_unused"]
    assert "nonce" in evidence.findings[0].message


def test_an_unsigned_table_does_not_pass_for_a_quote() -> None:
    log = evlog.read(SAMPLES / "tcg2" / "ovmf.bin")
    assert evlog.verify(log, read_registers(TABLE)).ok
    evidence = read_registers(TABLE, **SIGNED, nonce=NONCE)
    assert codes(evidence) == ["kind_mismatch"]
    assert not evlog.verify(log, evidence).ok
    with pytest.raises(UsageError, match="--registers"):
        read_registers(TABLE, quote=True)
    with pytest.raises(UsageError, match="--registers"):
        read_registers(OURS / "ovmf-pcrread.yaml", quote=True)
    assert read_registers(QUOTE, quote=True).source == "tpm-quote"


@pytest.mark.parametrize("nonce", [b"", bytes(8), bytes(64), b"1234567"])
def test_a_nonce_that_anybody_can_guess_is_refused(nonce: bytes) -> None:
    with pytest.raises(UsageError, match="nonce"):
        read_registers(QUOTE, nonce=nonce)
    assert read_registers(QUOTE, nonce=b"12345678") is not None


def test_credentials_that_cannot_be_meant() -> None:
    for wrong in ({"kind": "tarot"}, {"kind": "nitro"}, {"at": datetime.datetime(2026, 1, 1)}):
        with pytest.raises(UsageError):
            Credentials(**wrong)


# Claims


def test_claims_are_compared_as_bytes_numbers_and_text() -> None:
    evidence = read_registers(QUOTE)
    for name, value in (
        ("resetCount", "5"),
        ("reset_count", "00000005"),
        ("RESTARTCOUNT", "6"),
        ("firmwareVersion", "7"),
    ):
        assert evidence.states(name, value) is True, name
    assert evidence.states("resetCount", "0x5") is False
    assert evidence.states("resetCount", "6") is False
    assert evidence.states("nothing", "6") is None
    assert evidence.states("extra_data", NONCE.hex().upper()) is True
    document = read_registers(others()["nitro-enclave"])
    assert document.states("module_id", "i-0123456789abcdef0-enc0123456789abcdef") is True
    for name in ("pcr:0", "PCR[0]", "pcr0"):
        assert document.states(name, "77" * 48) is True
        assert document.states(name, "78" * 48) is False
    guest = read_registers(others()["tdx-quote"])
    assert guest.states("mrtd", "aa" * 48) is True
    assert guest.states("rtmr0", "00" * 48) is None, "no register that events extend"
    assert guest.states("attributes", "00" * 8) is True
    report = read_registers(others()["snp-report"])
    assert report.states("MEASUREMENT", "55" * 48) is True
    assert report.states("measurement", "zz") is False


def test_one_document_holds_all_of_a_quote() -> None:
    """What the verifier gives goes before what stands there; a key that stands there anchors nothing."""
    document = {
        "evidence": {"quote": QUOTE.hex(), "sig": SIGNED["signature"].hex(), "ak": made.pem(AK.public_key()).decode()},
        "pcrs": {"sha256": {str(index): value.hex() for index, value in enumerate(VALUES)}},
    }
    data = json.dumps(document).encode()
    alone = read_registers(data)
    assert (alone.source, alone.form, alone.anchor, codes(alone)) == ("tpm-quote", "tpm-document", None, [])
    assert "the quote is signed by the key in the evidence (ECDSA with sha256)" in alone.authenticated
    assert alone.registers[Register("pcr", 7), SHA256] == VALUES[7]
    assert (alone.covered, alone.fresh) == ((), False)
    given = read_registers(data, key=SIGNED["key"], nonce=NONCE)
    assert (given.anchor, given.pinned, given.fresh, len(given.covered)) == ("key", "signature", True, 8)
    other = made.pem(made.ec_key("other").public_key())
    assert codes(read_registers(data, key=other)) == ["signature_invalid"]
    wrong = b"".join(reversed(VALUES))
    assert codes(read_registers(data, key=SIGNED["key"], pcrs=wrong)) == ["pcr_digest_mismatch"]


@pytest.mark.parametrize("form", ["hex", "base64", "numbers", "list", "bytes of a file"])
def test_spellings_in_a_document(form: str) -> None:
    import base64

    spell: Any = {
        "hex": lambda data: data.hex(),
        "base64": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        "numbers": list,
    }.get(form, lambda data: data.hex())
    pcrs: Any = spell(b"".join(VALUES))
    if form == "list":
        pcrs = [value.hex() for value in VALUES]
    elif form == "bytes of a file":
        pcrs = spell(json.dumps({"sha256": {str(index): value.hex() for index, value in enumerate(VALUES)}}).encode())
    document = {"quote": {"message": spell(QUOTE), "signature": spell(SIGNED["signature"]), "pcrs": pcrs}}
    evidence = read_registers(json.dumps(document).encode(), key=SIGNED["key"])
    assert (evidence.anchor, codes(evidence), len(evidence.registers)) == ("key", [], 8)
