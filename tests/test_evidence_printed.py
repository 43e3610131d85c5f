"""Quotes as other tools print them, and attestations of go-tpm-tools: their signatures are checked all the same."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA1, SHA256, Evidence, ParseError, Register, read_registers
from evlog.evidence import _protobuf
from tests import made_evidence as made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

OURS = SAMPLES / "evidence"
PRINTED = OURS / "swtpm-print.yaml"
STDOUT = OURS / "swtpm-quote.txt"
SIGNATURE = OURS / "swtpm-quote.sig"
AK = OURS / "swtpm-ak.tpmpub"
FAPI = OURS / "fapi-quote.json"
NONCE = bytes.fromhex("00112233445566778899aabb")
FAPI_NONCE = b"evlog-nonce-1234"


def codes(evidence: Evidence) -> list[str]:
    return [finding.code for finding in evidence.findings]


def test_a_printed_quote_is_the_one_that_was_signed() -> None:
    """tpm2_print leaves nothing out: what is made again of it has the signature of a real TPM's emulation."""
    evidence = read_registers(PRINTED, signature=SIGNATURE, key=AK, pcrs=OURS / "swtpm-quote.pcrs", nonce=NONCE)
    assert (evidence.source, evidence.form, codes(evidence)) == ("tpm-quote", "tpm-printed", [])
    assert (evidence.anchor, evidence.fresh) == ("key", True)
    assert [(register.index, alg) for register, alg in evidence.registers] == [
        (0, SHA256),
        (1, SHA256),
        (7, SHA256),
        (0, SHA1),
    ]


def test_the_firmware_s_version_either_way_round() -> None:
    text = PRINTED.read_text()
    turned = text.replace("3636160023101920", "2019102300163636")
    assert turned != text
    evidence = read_registers(turned.encode(), signature=SIGNATURE, key=AK, nonce=NONCE)
    assert (codes(evidence), evidence.anchor) == ([], "key")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("clock: 1732", "clock: 1733"),
        ("resetCount: 1", "resetCount: 2"),
        ("830000", "030000"),
        ("hash: 4", "hash: 12"),
        ("extraData: 0011", "extraData: 0012"),
        ("3636160023101920", "3636160023101921"),
    ],
)
def test_a_printed_quote_that_was_changed_is_not_signed(old: str, new: str) -> None:
    text = PRINTED.read_text()
    assert old in text
    evidence = read_registers(text.replace(old, new, 1).encode(), signature=SIGNATURE, key=AK)
    assert "signature_invalid" in codes(evidence)
    assert evidence.anchor is None


def test_what_a_print_lacks_is_named() -> None:
    text = PRINTED.read_text()
    for line in ("qualifiedSigner", "clock", "firmwareVersion", "pcrDigest", "sizeofSelect"):
        lines = [each for each in text.splitlines() if not each.strip().startswith(line + ":")]
        if line == "sizeofSelect":
            assert read_registers("\n".join(lines).encode()).composite is not None
            continue
        with pytest.raises(ParseError, match=line):
            read_registers("\n".join(lines).encode())
    with pytest.raises(ParseError, match="pcrSelect"):
        read_registers(text.replace("pcrSelect: 830000\n", "").encode())


def test_what_tpm2_quote_prints_has_signature_and_values() -> None:
    evidence = read_registers(STDOUT, key=AK, nonce=NONCE)
    assert (codes(evidence), evidence.anchor, evidence.fresh) == ([], "key", True)
    assert len(evidence.registers) == 4
    unsigned = read_registers(STDOUT)
    assert (unsigned.anchor, codes(unsigned), len(unsigned.registers)) == (None, [], 4)
    changed = STDOUT.read_text().replace("0xCD73", "0xCD74").encode()
    assert codes(read_registers(changed)) == ["pcr_digest_mismatch"]
    assert read_registers(OURS / "swtpm-quote.pcrs").registers.values == unsigned.registers.values


def test_fapi_s_quote_info() -> None:
    key, signature = OURS / "fapi-ak.pem", OURS / "fapi-quote.sig"
    evidence = read_registers(FAPI, key=key, signature=signature, nonce=FAPI_NONCE)
    assert (codes(evidence), evidence.anchor, evidence.fresh) == ([], "key", True)
    assert evidence.composite is not None
    assert [register.index for register, _ in evidence.composite.selection] == [0, 7, 16]
    document = json.loads(FAPI.read_text())
    document["attest"]["clockInfo"]["resetCount"] += 1
    changed = read_registers(json.dumps(document).encode(), key=key, signature=signature)
    assert "signature_invalid" in codes(changed)


def test_the_object_that_tpm2_pytss_prints() -> None:
    attest = json.loads(FAPI.read_text())["attest"]
    attest.update(type="attest_quote", magic=0xFF544347)
    attest["clockInfo"]["safe"] = 1
    attest["attested"]["pcrSelect"][0]["hash"] = "sha256"
    high, low = attest["firmwareVersion"]
    attest["firmwareVersion"] = hex(high << 32 | low)
    given: dict[str, Any] = {"key": OURS / "fapi-ak.pem", "signature": OURS / "fapi-quote.sig"}
    assert read_registers(json.dumps(attest).encode(), **given).anchor == "key"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("qualifiedSigner",), "zz"),
        (("extraData",), 7),
        (("clockInfo",), []),
        (("clockInfo", "clock"), -1),
        (("clockInfo", "resetCount"), 1 << 33),
        (("clockInfo", "safe"), "MAYBE"),
        (("firmwareVersion",), [1, 2, 3]),
        (("attested", "pcrSelect"), {}),
        (("attested", "pcrSelect"), [{"hash": "SHA256", "pcrSelect": [24]}]),
        (("attested", "pcrSelect"), [{"hash": "TAROT", "pcrSelect": [1]}]),
        (("attested", "pcrDigest"), None),
    ],
)
def test_quote_info_that_cannot_be(path: tuple[str, ...], value: object) -> None:
    document = json.loads(FAPI.read_text())
    around = document["attest"]
    for name in path[:-1]:
        around = around[name]
    around[path[-1]] = value
    with pytest.raises(ParseError):
        read_registers(json.dumps(document).encode())


@pytest.mark.parametrize("path", [PRINTED, STDOUT, FAPI])
def test_what_is_cut_is_an_error_or_evidence(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        try:
            evidence = read_registers(whole[:size], key=AK, signature=SIGNATURE)
        except evlog.EvlogError:
            continue
        assert evidence.anchor is None or path == STDOUT


def test_a_quote_among_the_values_of_a_quote_has_no_end() -> None:
    document: Any = {"quote": made.tpm_quote([bytes(32)]).hex(), "signature": "00" * 64}
    for _ in range(100):
        document = {"quote": document["quote"], "signature": "00" * 64, "pcrs": document}
    with pytest.raises(ParseError):
        read_registers(json.dumps(document).encode())


def test_the_answer_of_a_keylime_agent() -> None:
    """Quote, signature and values in one text, as rust-keylime puts them together."""
    pieces = [OURS / "ovmf-quote.msg", OURS / "ovmf-quote.sig", OURS / "ovmf-quote.pcrs"]
    text = "r" + ":".join(base64.b64encode(path.read_bytes()).decode() for path in pieces)
    nonce = bytes.fromhex("65766c6f672d6e6f6e6365")
    for document in ({"results": {"quote": text, "hash_alg": "sha256"}, "code": 200}, {"quote": text}):
        data = json.dumps(document).encode()
        evidence = read_registers(data, key=OURS / "ovmf-ak.pem", nonce=nonce)
        assert (evidence.form, codes(evidence), evidence.anchor, evidence.fresh) == ("keylime-quote", [], "key", True)
        assert len(evidence.registers) == 15
        assert read_registers(data).anchor is None
    other = json.dumps({"quote": text, "pcrs": {"sha256": {"0": "11" * 32}}}).encode()
    assert read_registers(other).form == "keylime-quote"
    for broken in (text[1:], text.replace(":", ""), "r:" + text[1:]):
        with pytest.raises(evlog.UnknownFormatError):
            read_registers(json.dumps({"quote": broken}).encode())


# go-tpm-tools

ECC = made.ec_key("attestation of go-tpm-tools")
VALUES = {SHA1: [bytes([index]) * 20 for index in range(24)], SHA256: [bytes([index]) * 32 for index in range(24)]}


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes((number & 0x7F | 0x80,)), number >> 7
    return out + bytes((number,))


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def quotes(nonce: bytes = b"the nonce") -> list[tuple[bytes, bytes, evlog.HashAlg]]:
    found = []
    for alg, values in VALUES.items():
        quote = made.tpm_quote(values, nonce=nonce, alg=alg.id, digest="sha256")
        found.append((quote, made.ecdsa_signature(quote, ECC), alg))
    return found


def attestation(found: list[tuple[bytes, bytes, evlog.HashAlg]], log: bytes = b"") -> bytes:
    """attest.Attestation, from proto/attest.proto."""
    message = field(1, made.tpm2b_public(ECC.public_key())[2:])
    for quote, signature, alg in found:
        pcrs = field(1, alg.id)
        for index, value in enumerate(VALUES[alg]):
            pcrs += field(2, field(1, index) + field(2, value))
        message += field(2, field(1, quote) + field(2, signature) + field(3, pcrs))
    return message + (field(3, log) if log else b"")


def escaped(data: bytes) -> str:
    return (
        '"'
        + "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:03o}" for byte in data)
        + '"'
    )


def as_text(found: list[tuple[bytes, bytes, evlog.HashAlg]]) -> bytes:
    """The same as ``gotpm attest --format textproto`` writes it."""
    lines = [f"ak_pub:  {escaped(made.tpm2b_public(ECC.public_key())[2:])}"]
    for quote, signature, alg in found:
        lines += ["quotes:  {", f"  quote:  {escaped(quote)}", f"  raw_sig:  {escaped(signature)}", "  pcrs:  {"]
        lines.append(f"    hash:  {str(alg).upper()}")
        for index, value in enumerate(VALUES[alg]):
            lines.append(f"    pcrs:  {{\n      key:  {index}\n      value:  {escaped(value)}\n    }}")
        lines += ["  }", "}"]
    return "\n".join(lines).encode()


def as_json(found: list[tuple[bytes, bytes, evlog.HashAlg]]) -> bytes:
    def coded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    rows = [
        {
            "quote": coded(quote),
            "rawSig": coded(signature),
            "pcrs": {"hash": str(alg).upper(), "pcrs": {str(at): coded(each) for at, each in enumerate(VALUES[alg])}},
        }
        for quote, signature, alg in found
    ]
    return json.dumps({"akPub": coded(made.tpm2b_public(ECC.public_key())[2:]), "quotes": rows}).encode()


@pytest.mark.parametrize("written", [attestation, as_text, as_json])
def test_an_attestation_in_each_of_its_forms(written: Any) -> None:
    data = written(quotes())
    evidence = read_registers(data, key=made.pem(ECC.public_key()), nonce=b"the nonce")
    assert (evidence.source, evidence.form, codes(evidence)) == ("tpm-quote", "tpm-attestation", [])
    assert (evidence.anchor, evidence.fresh, len(evidence.covered)) == ("key", True, 48)
    expected = {(Register("pcr", at), alg): value for alg, values in VALUES.items() for at, value in enumerate(values)}
    assert evidence.registers.values == expected
    alone = read_registers(data)
    assert (alone.anchor, codes(alone), alone.registers.values) == (None, [], expected)


def test_every_quote_of_an_attestation_has_to_hold() -> None:
    one, two = quotes()
    key = made.pem(ECC.public_key())
    for changed, code in (
        ([one, (two[0], made.ecdsa_signature(two[0], made.ec_key("another")), SHA256)], "signature_invalid"),
        ([one, (two[0], one[1], SHA256)], "signature_invalid"),
        ([quotes(b"an old nonce")[0], two], "nonce_mismatch"),
    ):
        evidence = read_registers(attestation(changed), key=key, nonce=b"the nonce")
        assert code in codes(evidence)
        assert (evidence.anchor, evidence.covered, evidence.fresh) == (None, (), False)
    other = bytearray(one[0])
    other[one[0].index(struct.pack(">II", 5, 6)) + 3] = 9
    mixed = [(bytes(other), made.ecdsa_signature(bytes(other), ECC), SHA1), two]
    assert codes(read_registers(attestation(mixed), key=key)) == ["report_inconsistent"]
    other_key = made.pem(made.ec_key("another").public_key())
    assert "signature_invalid" in codes(read_registers(attestation([one, two]), key=other_key))


def test_values_of_a_quote_that_are_others_fail() -> None:
    one, two = quotes()
    data = attestation([one, two]).replace(bytes([7]) * 32, bytes([8]) * 32)
    assert "pcr_digest_mismatch" in codes(read_registers(data))


def test_a_signature_beside_an_attestation_has_no_use() -> None:
    one, two = quotes()
    evidence = read_registers(attestation([one, two]), key=made.pem(ECC.public_key()), signature=one[1])
    assert codes(evidence) == ["credential_unused"]


def test_damage_to_an_attestation() -> None:
    for data in (attestation(quotes()[1:]), as_text(quotes()[1:]), as_json(quotes()[1:])):
        for size in range(0, len(data), 29):
            try:
                assert read_registers(data[:size], key=made.pem(ECC.public_key())).anchor is None
            except evlog.EvlogError:
                continue
        for at in range(0, len(data), 31):
            changed = bytearray(data)
            changed[at] ^= 0x40
            try:
                read_registers(bytes(changed))
            except evlog.EvlogError:
                continue


@pytest.mark.parametrize(
    "data", [b"\x0b", b"\x0a", b"\x0a\x05ab", b"\x08" + b"\xff" * 11, b"\x00\x01", b"\x0d\1\2\3", b"\x0a" + b"\xff" * 9]
)
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(ParseError):
        _protobuf.fields(data, "t")


def test_a_message_as_text() -> None:
    text = rb"""# a note
    a: 1, b { c: "x\"\x41\101\n" 'y' d: -0x10 } b: < c: WORD >; e: 'z'"""
    found = _protobuf.text(text, "t")
    assert found == {"a": [1], "b": [{"c": [b'x"AA\ny'], "d": [-16]}, {"c": ["WORD"]}], "e": [b"z"]}
    for wrong in (b"a: {", b"a }", b"}", b'"a"', b"a", b"1", b"a: \xff", b"a {" * 100):
        with pytest.raises(ParseError):
            _protobuf.text(wrong, "t")


def test_public_attestations(corpus: Path) -> None:
    for name, nonce in (("gce-cos-85-no-nonce", b""), ("gce-cos-85-nonce9009", b"\x90\x09")):
        evidence = read_registers(corpus / f"google__go-tpm-tools__{name}.pb")
        assert (codes(evidence), len(evidence.registers), evidence.anchor) == ([], 72, None)
        assert evidence.authenticated == (
            "the quote is signed by the key of the certificate in the evidence (RSASSA with sha256)",
        )
        assert ("extra_data", nonce) in evidence.claims
        replayed = evlog.replay(evlog.read(corpus / "google__go-eventlog__cos-85-amd-sev.bin"))
        assert replayed.registers()[Register("pcr", 0), SHA256] == evidence.registers[Register("pcr", 0), SHA256]
