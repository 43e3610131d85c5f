"""Register values in the words of tools that only print or tell them: each spelling, and what cannot be."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA1, SHA256, SHA384, Evidence, ParseError, Register, UnknownFormatError, read_registers
from evlog.algorithms import SM3_256
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

VALUES = {index: bytes([index + 1]) * 32 for index in range(24)}
HEX = {index: value.hex() for index, value in VALUES.items()}
EXPECTED = {(Register("pcr", index), SHA256): value for index, value in VALUES.items()}
RTMRS = {f"rtmr{index}": f"{index + 1:02x}" * 48 for index in range(4)}
TSSPCRREAD = SAMPLES / "evidence" / "tsspcrread.txt"


def only_read(evidence: Evidence) -> Evidence:
    assert (evidence.source, evidence.authenticated, evidence.anchor) == ("register-file", (), None)
    assert evidence.read_only
    return evidence


def told(document: object) -> Evidence:
    return only_read(read_registers(json.dumps(document).encode()))


def jwt(claims: object) -> str:
    parts = (json.dumps({"alg": "ES256", "typ": "JWT"}), json.dumps(claims), "no signature")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(
    "document",
    [
        {"tpm": {f"pcr{index:02}": value for index, value in HEX.items()}},
        {f"PCR{index}": f"0x{value.upper()}" for index, value in HEX.items()},
        {f"pcr[{index}]": value for index, value in HEX.items()},
        {f"PCR-{index:02}": value for index, value in HEX.items()},
        {f"az-snp-vtpm.tpm.pcr{index:02}": value for index, value in HEX.items()},
        {"0": HEX[0], "hash": "sha256", **{str(index): HEX[index] for index in range(1, 24)}},
        {"a.b.c.d.e.f.g.h.i.j": {"submods": {"cpu0": {"x": [{"tpm": {f"pcr{i:02}": v for i, v in HEX.items()}}]}}}},
        {"results": {"pcrs": {"sha256": {str(index): f"0x{value}" for index, value in HEX.items()}}, "hash_alg": "x"}},
        {"pcrs": {str(index): value for index, value in HEX.items()}, "time": 12},
        {"evidence": json.dumps({"tpm": {f"pcr{index:02}": value for index, value in HEX.items()}})},
        {"pcrs": list(HEX.values())},
        list(HEX.values()),
        {"bank": {"sha256": list(HEX.values())}},
        {f"pcr{index}": {"sha256": value} for index, value in HEX.items()},
        {"token": jwt({"tpm": {f"pcr{index:02}": value for index, value in HEX.items()}})},
        [{"nr": index, "name": None, "sha256": value} for index, value in HEX.items()],
        [{"nr": index, "name": "-", "sha256": value, "sha1": None} for index, value in HEX.items()],
    ],
)
def test_pcrs_in_each_spelling(document: object) -> None:
    assert told(document).registers.values == EXPECTED


def test_the_claims_of_a_token_are_read_and_not_checked() -> None:
    claims = {"submods": {"cpu0": {"ear.veraison.annotated-evidence": {"tpm": {f"pcr{i:02}": HEX[i] for i in HEX}}}}}
    evidence = only_read(read_registers(jwt(claims).encode() + b"\n"))
    assert evidence.registers.values == EXPECTED
    assert "token, whose signature is not checked" in evidence.read_only[0]
    for cut in (jwt(claims)[:-40].rpartition(".")[0], jwt(claims).replace(".", ",")):
        with pytest.raises(UnknownFormatError):
            read_registers(cut.encode())


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"tpm": {"pcr00": HEX[0], "pcr07": HEX[7][:-2]}}, "tpm.pcr07"),
        ({"tpm": {"pcr00": HEX[0], "pcr07": HEX[7][:-1]}}, "tpm.pcr07"),
        ({"tpm": {"pcr00": HEX[0], "pcr07": "11" * 20}}, "tpm.pcr07"),
        ({"tpm": {"pcr00": HEX[0], "pcr07": None}}, "tpm.pcr07"),
        ({"0": HEX[0], "7": "x"}, "7"),
        ({"0": HEX[0], "7": "11" * 48}, "7"),
        ({"PCR0": HEX[0], "PCR7": ""}, "PCR7"),
        ({"pcrs": {"sha256": {"0": HEX[0], "7": "11" * 20}}}, "7"),
        ({"results": {"pcrs": {"sha256": {"0": HEX[0], "7": "zz"}}}}, "sha256.7"),
        ({"x": {**RTMRS, "rtmr3": "11" * 47}}, "x.rtmr3"),
        ({"pcrs": [*list(HEX.values())[:23], "x"]}, r"pcrs\[23\]"),
        ([{"nr": 0, "sha256": HEX[0]}, {"nr": 1, "sha256": "11" * 31}], r"\[1\].sha256"),
        ({"pcrs": [{"pcr": 0, "observedSHA256": HEX[0]}, {"pcr": 1, "observedSHA256": "x"}]}, r"pcrs\[1\].observed"),
    ],
)
def test_a_member_that_is_no_value_is_named(document: object, where: str) -> None:
    with pytest.raises(ParseError, match=where):
        told(document)


@pytest.mark.parametrize("spelling", ["rtmr{}", "tdx_rtmr{}", "rtmr_{}", "RTMR{}", "tdx_rtmr_{}"])
def test_rtmrs_in_each_spelling(spelling: str) -> None:
    document = {"x": {spelling.format(index): f"{index + 1:02x}" * 48 for index in range(4)}}
    evidence = told(document)
    assert evidence.registers.values == {
        (Register("ccmr", index + 1), SHA384): bytes([index + 1]) * 48 for index in range(4)
    }
    assert evidence.platform == "tdx"


def test_the_tcb_info_of_dstack_in_a_text() -> None:
    evidence = told({"tcb_info": json.dumps({**RTMRS, "mrtd": "aa" * 48, "event_log": []})})
    assert len(evidence.registers) == 5
    assert evidence.static == (Register("ccmr", 0),)


def test_the_claims_of_a_csv_guest() -> None:
    """Five registers of SM3, by the index of the CCEL: RTMR[0] is what was launched."""
    evidence = told({"measure": "01" * 32, **{f"rtmr{index}": f"{index + 1:02x}" * 32 for index in range(5)}})
    assert evidence.platform == "csv"
    assert evidence.registers.values == {
        (Register("ccmr", index), SM3_256): bytes([index + 1]) * 32 for index in range(5)
    }


def test_pcrs_and_rtmrs_in_one_file_are_both_kept() -> None:
    """A TD with a virtual TPM has both; nothing says then whose names the log uses."""
    evidence = told({"tpm": {"pcr00": HEX[0]}, "tdx": {**RTMRS, "mr_td": "aa" * 48}})
    spaces = sorted(str(register) for register, _ in evidence.registers)
    assert spaces == ["ccmr:0", "ccmr:1", "ccmr:2", "ccmr:3", "ccmr:4", "pcr:0"]
    assert (evidence.platform, evidence.static) == (None, (Register("ccmr", 0),))
    table = told({"pcr": {"sha256": {"0": HEX[0]}}, "ccmr": {"sha384": {"1": "11" * 48}}})
    assert sorted(str(register) for register, _ in table.registers) == ["ccmr:1", "pcr:0"]


def test_pcrlock_s_observed_values() -> None:
    """What it calculated of the log is no value of the machine's; a bank that the TPM lacks is null."""
    rows = [
        {"pcr": index, "pcrname": None, "calculatedSHA256": "dd" * 32, "observedSHA256": value, "observedSHA1": None}
        for index, value in HEX.items()
    ]
    evidence = told({"log": [{"pcr": 0, "sha256": "ee" * 32}], "pcrs": rows})
    assert (evidence.form, evidence.registers.values) == ("pcrlock", EXPECTED)
    with pytest.raises(ParseError, match="no observed value"):
        told({"log": [], "pcrs": [{"pcr": 0, "observedSHA256": None}]})


# Tables and lines


def table(bank: str = "SHA256", names: str = "name", values: dict[int, str] = HEX) -> str:
    heading = f"NR NAME                {bank}\n" if bank else ""
    return heading + "".join(f"{index:2} {names:19} {value}\n" for index, value in values.items())


@pytest.mark.parametrize("text", [table(), table(names="-"), table(bank=""), table(bank="", names="-")])
def test_tables_of_systemd_analyze(text: str) -> None:
    assert only_read(read_registers(text.encode())).registers.values == EXPECTED


def test_tables_of_other_banks_and_of_some_pcrs() -> None:
    sha1 = {7: "ab" * 20, 11: "-"}
    evidence = only_read(read_registers(table(bank="SHA1", values=sha1).encode()))
    assert evidence.registers.values == {(Register("pcr", 7), SHA1): b"\xab" * 20}
    with pytest.raises(ParseError, match="no bank"):
        read_registers(table(bank="-", values={0: "-", 1: "-"}).encode())
    with pytest.raises(ParseError, match="line 3"):
        read_registers(table(values={0: HEX[0], 1: HEX[1] + "11"}).encode())


def test_what_tsspcrread_prints_for_24_pcrs_one_after_another() -> None:
    """The output of IBM's tool on a software TPM, of two banks; tpm2-tools read the same TPM."""
    evidence = only_read(read_registers(TSSPCRREAD))
    assert (evidence.form, len(evidence.registers)) == ("pcr-lines", 48)
    assert "PCR 0 to 23 of sha1 and sha256" in evidence.read_only[0]
    quoted = read_registers(SAMPLES / "evidence" / "swtpm-quote.pcrs").registers.values
    assert all(evidence.registers[key] == value for key, value in quoted.items())


def test_lines_of_values_alone() -> None:
    text = "\n".join(HEX.values()).encode()
    assert only_read(read_registers(text)).registers.values == EXPECTED
    with pytest.raises(ParseError, match="23 of sha256, not 24"):
        read_registers(text.rpartition(b"\n")[0])
    traced = b"".join(b"+ tsspcrread -ha %d -halg sha256 -ns\n%s\n" % (n, HEX[n].encode()) for n in (7, 3))
    assert [str(register) for register, _ in read_registers(traced).registers] == ["pcr:7", "pcr:3"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"digest length 32\n", b"digest length 33\n", "missing"),
        (b"digest length 32\n", b"digest length 31\n", "31|15"),
        (b"digest length 32\n", b"digest length 32\n zz\n", "hex"),
    ],
)
def test_a_value_of_tsspcrread_that_cannot_be(old: bytes, new: bytes, message: str) -> None:
    data = TSSPCRREAD.read_bytes()
    assert old in data
    with pytest.raises(ParseError, match=message):
        read_registers(data.replace(old, new, 1))


def test_listings_that_are_cut() -> None:
    for data in (TSSPCRREAD.read_bytes()[:700], table().encode()):
        for size in range(0, len(data), 11):
            try:
                evidence = read_registers(data[:size])
            except evlog.EvlogError:
                continue
            assert all(alg.size == len(value) for (_, alg), value in evidence.registers.values.items())


# Files named after a register


@pytest.mark.parametrize(
    ("name", "register"),
    [("rtmr2:sha384", "ccmr:3"), ("rtmr0:sha384", "ccmr:1"), ("mrtd:sha384", "ccmr:0"), ("rem0:sha384", "ccmr:1")],
)
def test_a_file_that_is_named_after_its_register(tmp_path: Path, name: str, register: str) -> None:
    path = tmp_path / name
    for content in (b"\x7f" * 48, b"\x01" * 48, b"41" * 48 + b"\n"):
        path.write_bytes(content)
        evidence = only_read(read_registers(path))
        assert [str(each) for each, _ in evidence.registers] == [register]
        assert evidence.form == "named-value"
    path.write_bytes(b"\x01" * 47)
    with pytest.raises(evlog.EvlogError):
        read_registers(path)


def test_a_pcr_of_sysfs_alone(tmp_path: Path) -> None:
    path = tmp_path / "pcr-sha256" / "7"
    path.parent.mkdir()
    path.write_text(HEX[7].upper() + "\n")
    assert read_registers(path).registers.values == {(Register("pcr", 7), SHA256): VALUES[7]}


# Bare values


@pytest.mark.parametrize("sizes", [(20,), (32,), (48,), (64,), (20, 32), (20, 48), (32, 48), (20, 32, 48, 64)])
def test_bare_values_whatever_they_look_like(sizes: tuple[int, ...]) -> None:
    """Also where the first of them look like text."""
    for first in (b"A", b"\xe9", b"\x01"):
        data = first * 64 + b"".join(bytes([0x80 + index]) * size for size in sizes for index in range(24))[64:]
        assert len(only_read(read_registers(data)).registers) == 24 * len(sizes)


def test_some_bare_values_need_their_quote() -> None:
    with pytest.raises(UnknownFormatError, match=r"values of some PCRs in sha256 or sha512.*--pcrs"):
        read_registers(b"\x01" * 64)


@pytest.mark.parametrize(
    "text",
    [
        '{"tpm": {"pcr07": "%s", "pcr07": "%s"}}',
        '{"7": "%s", "7": "%s"}',
        '{"sha256": {"7": "%s", "7": "%s"}}',
        '{"pcrs": {"sha256": {"7": "%s"}, "sha256": {"7": "%s"}}}',
        '{"x": {"pcr7": "%s"}, "x": {"pcr7": "%s"}}',
    ],
)
def test_a_name_that_stands_twice_drops_nothing(text: str) -> None:
    assert len(read_registers((text % (HEX[7], HEX[7])).encode()).registers) == 1
    with pytest.raises(ParseError, match="pcr:7 has two values in sha256"):
        read_registers((text % (HEX[7], HEX[8])).encode())


def test_hostile_documents_take_no_time() -> None:
    deep: Any = HEX[0]
    for index in range(300):
        deep = {f"{'k' * 4000}{index}": deep}
    wide = {"k" * 100_000: [{f"x{index}": ["{", "[", "eyJ"]} for index in range(20_000)]}
    for document in (deep, wide, {"a": "[" * 100_000}, {"a": '{"a":' * 10_000}):
        with pytest.raises(UnknownFormatError):
            read_registers(json.dumps(document).encode())
