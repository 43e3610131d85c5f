"""`evlog show` of what is no log: shown as what it is, with what would authenticate it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import evlog
from evlog import read_registers
from tests import made_evidence as made
from tests.command import run
from tests.conftest import ROOT, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

OURS = SAMPLES / "evidence"
LOG = SAMPLES / "tcg2" / "ovmf.bin"
SCHEMA = json.loads((ROOT / "schemas" / "evlog.evidence.schema.json").read_text())


def valid(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["schema"] == "evlog.evidence/1"
    return document


def evidence() -> dict[str, tuple[bytes, str]]:
    """Evidence of each kind, and the words that have to be in how it would be verified."""
    rtmrs = [bytes([index]) * 48 for index in range(4)]
    runtime = json.dumps({"keys": [{"kid": "HCLAkPub"}, {"kid": "HCLEkPub"}]}).encode()
    return {
        "tpm-quote": ((OURS / "ovmf-quote.msg").read_bytes(), "--signature SIG --key AK"),
        "tdx-quote": (made.td_quote(made.td_body(b"\xaa" * 48, rtmrs, b"the nonce")), "--root ROOT.pem"),
        "tdx-report": (made.td_report(b"\xaa" * 48, rtmrs), "only the processor"),
        "snp-report": (made.snp_report(b"\x55" * 48), "--key VCEK.pem"),
        "cca-token": (made.cca_token(b"\x99" * 64, [bytes(64)] * 4), "--key CPAK.pem"),
        "nitro-enclave": (made.nitro({0: b"\x77" * 48}), "--root ROOT.pem"),
        "nitro-tpm": (made.nitro({0: b"\x77" * 48}, member="nitrotpm_pcrs"), "--kind nitro-tpm"),
        "hcl-vtpm": (made.hcl_report(made.td_report(b"\xaa" * 48, rtmrs), runtime, kind=4), "--kind hcl-vtpm"),
        "csv-report": (made.csv_report(b"\x5a" * 32, rtmrs=[bytes([n]) * 32 for n in range(1, 5)]), "HRK.cert"),
        "register-file": ((SAMPLES / "tcg2" / "ovmf.pcrs.json").read_bytes(), "--registers"),
    }


@pytest.fixture(params=list(evidence()))
def each(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, str]:
    data, how = evidence()[request.param]
    path = tmp_path / "file"
    path.write_bytes(data)
    return request.param, path, how


def test_each_kind_is_named_with_what_would_authenticate_it(each: tuple[str, Path, str]) -> None:
    kind, path, how = each
    ran = run("show", str(path))
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"{kind}: ")
    assert lines[-1].startswith("to verify: evlog verify LOG --")
    assert how in lines[-1]
    assert str(path) in lines[-1]
    expected = read_registers(path)
    for (register, alg), value in expected.registers.values.items():
        assert value.hex() in ran.out or (not any(value) and f"{register}" in ran.out), (register, alg)
    for sentence in (*expected.authenticated, *expected.read_only):
        assert sentence in ran.out


def test_each_kind_as_json(each: tuple[str, Path, str]) -> None:
    kind, path, how = each
    ran = run("show", str(path), "--json")
    document = valid(ran.out)
    expected = read_registers(path)
    assert (ran.code, document["evidence"]["source"], document["keys"]) == (0, kind, [])
    assert document["evidence"]["form"] == expected.form
    assert how in document["verify"]
    assert {(row["register"], row["alg"]): row["value"] for row in document["registers"]} == {
        (str(register), str(alg)): value.hex() for (register, alg), value in expected.registers.values.items()
    }
    assert [row["register"] for row in document["registers"] if row["static"]] == [str(r) for r in expected.static]
    again = read_registers(ran.out.encode()) if document["registers"] else None
    assert again is None or again.registers.values == expected.registers.values


def test_the_members_of_verify_are_the_same() -> None:
    quote = str(OURS / "ovmf-quote.msg")
    shown = valid(run("show", quote, "--json").out)["evidence"]
    verified = json.loads(run("verify", str(LOG), "--quote", quote, "--json").out)["evidence"]
    assert {name: shown[name] for name in verified} == verified


def test_a_signed_digest_is_shown_with_what_it_is_over() -> None:
    ran = run("show", str(OURS / "swtpm-print.yaml"))
    assert "signed digest of PCR 0,1,7 of sha256 and 0 of sha1: 14effd55" in ran.out
    composite = valid(run("show", str(OURS / "swtpm-print.yaml"), "--json").out)["composite"]
    assert [row["register"] for row in composite["selection"]] == ["pcr:0", "pcr:1", "pcr:7", "pcr:0"]


@pytest.mark.parametrize(
    ("name", "kind", "option", "word"),
    [
        ("ovmf-ak.pem", "public-key", "--key", "RSA, 2048 bits"),
        ("swtpm-ak.tpmpub", "public-key", "--key", "restricted signing key"),
        ("ovmf-quote.sig", "signature", "--signature", "RSASSA with sha256"),
    ],
)
def test_keys_and_signatures(name: str, kind: str, option: str, word: str) -> None:
    ran = run("show", str(OURS / name))
    assert (ran.code, ran.err) == (0, "")
    assert word in ran.out
    assert f"{option} {OURS / name}" in ran.out.splitlines()[-1]
    document = valid(run("show", str(OURS / name), "--json").out)
    assert (document["evidence"], document["keys"][0]["kind"], document["keys"][0]["option"]) == (None, kind, option)


def test_certificates(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    vcek, _, ark = made.amd()
    for data in (made.pem_of(vcek, ark), made.der_of(vcek)):
        path.write_bytes(data)
        ran = run("show", str(path))
        assert ran.code == 0
        assert "CN=VCEK" in ran.out
        assert "ECC, secp384r1" in ran.out
    path.write_bytes(made.pem_of(vcek, ark))
    assert [key["option"] for key in valid(run("show", str(path), "--json").out)["keys"]] == ["--key", "--root"]


def test_registers_and_banks_are_kept() -> None:
    values = str(SAMPLES / "tcg2" / "ovmf.pcrs.json")
    rows = valid(run("show", values, "--json", "--register", "pcr:7", "--bank", "sha256").out)["registers"]
    assert [(row["register"], row["alg"]) for row in rows] == [("pcr:7", "sha256")]
    assert "no value of pcr:30" in run("show", values, "--register", "pcr:7", "--register", "30").err


def test_what_is_of_events_is_refused() -> None:
    for option in (["--type", "IPL"], ["--check", "mismatch"], ["--jsonl"], ["--format", "tpm2-yaml"]):
        ran = run("show", str(OURS / "ovmf-quote.msg"), *option)
        assert (ran.code, ran.out) == (2, "")
        assert option[0] in ran.err


def test_what_is_nothing_known_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for data in (b"\x30\x82\xff\xff", b"hello world\n", b"\7" * 1000, b"{}", b"\x80\x7f" * 240):
        path.write_bytes(data)
        ran = run("show", str(path))
        assert (ran.code, ran.out) == (3, "")
        assert "no known log format" in ran.err
    ran = run("show", str(OURS / "ovmf-quote.msg"), "--from", "tcg2")
    assert ran.code == 3
    assert run("show", str(tmp_path / "absent")).code == 3


def test_a_failed_check_is_told_and_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "file"
    quote = bytearray(made.td_quote(made.td_body(b"\xaa" * 48, [bytes(48)] * 4, b"")))
    quote[200] ^= 1
    path.write_bytes(quote)
    assert "error: " in run("show", str(path)).out
    assert run("show", str(path)).code == 0
    assert run("show", str(path), "--strict").code == 1


def test_a_value_that_cannot_be_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pcrs.json"
    path.write_text(json.dumps({"tpm": {"pcr00": "11" * 32, "pcr01": "zz"}}))
    ran = run("show", str(path))
    assert ran.code == 3
    assert "tpm.pcr01" in ran.err


def test_text_of_the_evidence_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "file"
    runtime = json.dumps({"keys": [{"kid": "\x1b[31mred"}]}).encode()
    path.write_bytes(made.hcl_report(made.snp_report(b"\x55" * 48), runtime, kind=2))
    ran = run("show", str(path))
    assert "\x1b" not in ran.out
    assert "red" in ran.out


def test_evidence_through_a_pipe_and_in_a_folder(tmp_path: Path) -> None:
    quote = OURS / "ovmf-quote.msg"
    command = [sys.executable, "-m", "evlog", "show", "-"]
    piped = subprocess.run(command, input=quote.read_bytes(), capture_output=True, check=True)
    expected = run("show", str(quote)).out
    assert piped.stdout.decode().splitlines()[:-1] == expected.splitlines()[:-1]
    folder = tmp_path / "pcr-sha256"
    folder.mkdir()
    (folder / "0").write_text("11" * 32)
    assert "11" * 32 in run("show", str(folder)).out
    assert run("show", str(tmp_path / "empty")).code == 3


def test_a_log_beside_evidence_is_shown_as_a_log_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    quote = made.td_quote(made.td_body(b"\xaa" * 48, [bytes(48)] * 4, b""))
    path.write_text(json.dumps({"cc_eventlog": LOG.read_bytes().hex(), "quote": quote.hex()}))
    ran = run("show", str(path))
    assert ran.code == 0
    assert ran.out.startswith("tcg2")
    assert "there is an Intel TD quote in it too" in ran.err
    path.write_text(json.dumps({"cc_eventlog": LOG.read_bytes().hex()}))
    assert "in it too" not in run("show", str(path)).err


def test_the_library_is_not_asked_for_logs(tmp_path: Path) -> None:
    """Only the command shows either: what is no log is none for `evlog.read`."""
    with pytest.raises(evlog.UnknownFormatError):
        evlog.read(OURS / "ovmf-quote.msg")
