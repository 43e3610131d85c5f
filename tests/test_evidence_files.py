"""Register values in files and folders: every spelling gives the same values, and none is called authentic."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import SHA1, SHA256, SHA384, Evidence, ParseError, Register, SourceError, UnknownFormatError, read_registers
from evlog.evidence import SOURCES, source
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

PCRS = SAMPLES / "tcg2" / "ovmf.pcrs.json"
LISTING = SAMPLES / "evidence" / "ovmf-pcrread.yaml"
VALUE = "05e9edf27f2cc722a00eee9f2882b8bafc132e3a56b3f60baee42dcdd59538fd"
PCR0 = Register("pcr", 0)


def only_read(evidence: Evidence) -> Evidence:
    assert evidence.authenticated == ()
    assert evidence.read_only
    assert not evidence.anchored
    return evidence


def test_every_source_says_what_it_is() -> None:
    assert [source(id).ID for id in SOURCES] == list(SOURCES)
    assert all(source(id).TITLE for id in SOURCES)
    with pytest.raises(evlog.UsageError):
        source("tarot")


def test_json_and_listing_agree() -> None:
    table = only_read(read_registers(PCRS))
    listing = only_read(read_registers(LISTING))
    assert (table.source, table.form) == ("register-file", "register-file")
    assert (listing.source, listing.form) == ("register-file", "pcrread")
    assert len(table.registers) == 96
    assert table.registers.values == listing.registers.values
    assert table.registers[PCR0, SHA256].hex() == VALUE


@pytest.mark.parametrize(
    "document",
    [
        {"pcr": {"sha256": {"0": VALUE}}},
        {"sha256": {"0": VALUE}},
        {"pcr": {"0": {"sha256": VALUE}}},
        {"0": {"SHA-256": "0x" + VALUE.upper()}},
        {"registers": {"pcr": {"0": {"sha256": VALUE}}}, "source": "somebody"},
        {"sha256": {"PCR[0]": VALUE}},
        {"schema": "evlog.replay/1", "registers": [{"register": "pcr:0", "alg": "sha256", "value": VALUE}]},
    ],
)
def test_spellings_of_a_register_file(document: object) -> None:
    evidence = read_registers(json.dumps(document).encode())
    assert evidence.registers.values == {(PCR0, SHA256): bytes.fromhex(VALUE)}


def test_other_spaces() -> None:
    value = "11" * 48
    for document, register in (
        ({"ccmr": {"sha384": {"3": value}}}, Register("ccmr", 3)),
        ({"rtmr": {"2": {"sha384": value}}}, Register("rtmr", 2)),
        ({"sha384": {"rtmr2": value}}, Register("rtmr", 2)),
        ({"mr": {"sha384": {"config": value}}}, Register("mr", "config")),
    ):
        assert (register, SHA384) in read_registers(json.dumps(document).encode()).registers


def test_a_replay_is_a_register_file() -> None:
    from tests.command import run

    replayed = run("replay", "samples/tcg2/ovmf.bin", "--json").out.encode()
    expected = evlog.replay(evlog.read(SAMPLES / "tcg2" / "ovmf.bin")).registers()
    assert read_registers(replayed).registers.values == expected.values


@pytest.mark.parametrize(
    "document",
    [
        {"sha256": {"0": VALUE[2:]}},
        {"sha256": {"0": 7}},
        {"sha256": {"0": "zz"}},
        {"sha256": {"x": VALUE}},
        {"sha256": {}},
        {"pcr": {"sha256": VALUE}},
        {"pcr": {"sha256": {"0": VALUE}}, "sha256": {"0": VALUE}},
        {"schema": "evlog.replay/1", "registers": [{"register": "pcr:0"}]},
    ],
)
def test_a_register_file_that_cannot_be(document: object) -> None:
    with pytest.raises(ParseError):
        read_registers(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\0" * 40, b"no registers here\n", b'{"name": {"a": 1}}'])
def test_what_is_no_register_file(data: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        read_registers(data)


def test_the_pcr_section_of_other_listings() -> None:
    text = f"quoted: ff54\nsha256: 5\npcrs:\n  sha256:\n    0 : 0x{VALUE.upper()}\n    10: 0x{'ab' * 32}\n"
    registers = read_registers(text.encode()).registers
    assert registers[Register("pcr", 10), SHA256] == b"\xab" * 32
    assert len(registers) == 2


def test_other_sections_of_a_listing_state_no_register() -> None:
    """What an event says may look like a PCR; only the last section of that name is the TPM's."""
    other = f"events:\n  sha256:\n    7 : 0x{'11' * 32}\npcrs:\n  sha256:\n    8 : 0x{'11' * 32}\n"
    registers = read_registers(f"{other}pcrs:\n  sha256:\n    0 : 0x{VALUE}\n".encode()).registers
    assert registers.values == {(PCR0, SHA256): bytes.fromhex(VALUE)}


def test_a_replay_that_leaves_a_register_open_states_the_others() -> None:
    rows = [
        {"register": "pcr:1", "alg": "sha256", "value": None},
        {"register": "pcr:0", "alg": "sha256", "value": VALUE},
    ]
    document = json.dumps({"schema": "evlog.replay/1", "registers": rows})
    assert read_registers(document.encode()).registers.values == {(PCR0, SHA256): bytes.fromhex(VALUE)}


def pcr_file(selected: int, *values: bytes) -> bytes:
    """tpm2-tools, lib/pcr.c: a selection of PCR 0 and up of SHA-256, and one list of digests."""
    selection = struct.pack("<IHB4sx", 1, 0x0B, 3, ((1 << selected) - 1).to_bytes(4, "little")).ljust(4 + 16 * 8, b"\0")
    digests = b"".join(struct.pack("<H64s", len(value), value) for value in values)
    return selection + struct.pack("<II", 1, len(values)) + digests.ljust(8 * 66, b"\0")


def test_a_file_of_pcrs_has_a_value_of_its_size_for_each() -> None:
    one, two = bytes([1]) * 32, bytes([2]) * 32
    registers = read_registers(pcr_file(2, one, two)).registers
    assert registers.values == {(PCR0, SHA256): one, (Register("pcr", 1), SHA256): two}
    for data in (
        pcr_file(1, one, two),
        pcr_file(2, one),
        pcr_file(1, one[:20]),
        pcr_file(1, b""),
        pcr_file(1, one * 2),
    ):
        with pytest.raises(ParseError):
            read_registers(data)


@pytest.mark.parametrize("line", ["0 : 0x12", "0 : zz", "99999 : 0x" + VALUE])
def test_a_listing_with_a_value_that_cannot_be(line: str) -> None:
    with pytest.raises(ParseError):
        read_registers(f"sha256:\n  {line}\n".encode())


@pytest.mark.parametrize(
    "data",
    [
        f"sha256:\n  0 : 0x{VALUE}\n  0 : 0x{'0' * 64}\n",
        f"sha256:\n  0 : 0x{VALUE}\nsha1:\nsha256:\n  0 : 0x{'0' * 64}\n",
        json.dumps({"sha256": {"0": VALUE, "00": "0" * 64}}),
        json.dumps({"sha256": {"0": VALUE, "PCR[0]": "0" * 64}}),
    ],
)
def test_one_register_has_one_value(data: str) -> None:
    with pytest.raises(ParseError, match="pcr:0 has two values in sha256"):
        read_registers(data.encode())
    same = data.replace("0" * 64, VALUE)
    assert len(read_registers(same.encode()).registers) == 1


def test_sysfs_of_a_tpm(tmp_path: Path) -> None:
    for alg, size in (("sha1", 20), ("sha256", 32)):
        (tmp_path / f"pcr-{alg}").mkdir()
        for index in range(24):
            (tmp_path / f"pcr-{alg}" / str(index)).write_text(f"{index:02X}" * size + "\n")
    evidence = only_read(read_registers(tmp_path))
    assert (evidence.source, evidence.form) == ("register-file", "tpm-sysfs")
    assert len(evidence.registers) == 48
    assert evidence.registers[Register("pcr", 23), SHA1] == bytes([23]) * 20
    assert len(read_registers(tmp_path / "pcr-sha256").registers) == 24


def test_sysfs_of_old_kernels(tmp_path: Path) -> None:
    (tmp_path / "pcrs").write_text("PCR-00: " + "AA " * 20 + "\nPCR-23: " + "00 " * 20 + "\n")
    evidence = read_registers(tmp_path)
    assert evidence.registers.values == {(PCR0, SHA1): b"\xaa" * 20, (Register("pcr", 23), SHA1): bytes(20)}


def test_sysfs_has_sha1_in_the_listing_where_no_folder_has_it(tmp_path: Path) -> None:
    (tmp_path / "pcr-sha256").mkdir()
    (tmp_path / "pcr-sha256" / "0").write_text(VALUE)
    (tmp_path / "pcrs").write_text("PCR-00: " + "AA " * 20 + "\n")
    assert read_registers(tmp_path).registers.values == {
        (PCR0, SHA1): b"\xaa" * 20,
        (PCR0, SHA256): bytes.fromhex(VALUE),
    }


def test_sysfs_of_a_td(tmp_path: Path) -> None:
    for index, name in enumerate(("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3")):
        (tmp_path / f"{name}:sha384").write_bytes(bytes([index]) * 48)
    (tmp_path / "mrconfigid").write_bytes(b"\x77" * 48)
    evidence = only_read(read_registers(tmp_path))
    assert (evidence.source, evidence.form) == ("register-file", "register-tree")
    assert evidence.platform == "tdx"
    assert evidence.static == (Register("ccmr", 0),)
    assert evidence.registers[Register("rtmr", 3), SHA384] == b"\x04" * 48
    assert evidence.claims == (("mrconfigid", b"\x77" * 48),)
    (tmp_path / "rtmr3:sha384").write_bytes(bytes(32))
    with pytest.raises(ParseError, match="does not fit"):
        read_registers(tmp_path)


def test_a_register_tree(tmp_path: Path) -> None:
    for name, alg, value in (("rtmr2", "sha384", b"\x02" * 48), ("boot", "sha256", b"\x03" * 32)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "digest").write_bytes(value)
        (tmp_path / name / "hash_algo").write_text(alg)
        (tmp_path / name / "event_log").write_bytes(b"")
    evidence = only_read(read_registers(tmp_path))
    assert evidence.registers.values == {
        (Register("rtmr", 2), SHA384): b"\x02" * 48,
        (Register("mr", "boot"), SHA256): b"\x03" * 32,
    }
    assert read_registers(tmp_path / "boot").registers.values == {(Register("mr", "boot"), SHA256): b"\x03" * 32}
    (tmp_path / "boot" / "digest").write_bytes(bytes(7))
    with pytest.raises(ParseError):
        read_registers(tmp_path)


def test_folders_that_are_no_source(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match="folder"):
        read_registers(tmp_path)
    with pytest.raises(SourceError):
        read_registers(tmp_path / "absent")


# What other tools write


def all_values(size: int = 32) -> dict[int, str]:
    return {index: bytes([index + 1]).hex() * size for index in range(24)}


def as_read(document: object) -> Evidence:
    return only_read(read_registers(json.dumps(document).encode()))


@pytest.mark.parametrize(
    "document",
    [
        {str(index): value for index, value in all_values().items()},
        {f"PCR{index}": value for index, value in all_values().items()},
        {f"pcr_{index}": value for index, value in all_values().items()},
        {
            "pcrs": {"sha256": {str(index): f"0x{value.upper()}" for index, value in all_values().items()}},
            "hash_alg": "x",
        },
        {"submods": {"cpu0": {"tpm": {f"pcr{index:02}": value for index, value in all_values().items()}, "n": 1}}},
        [{"nr": index, "name": "x", "sha256": value} for index, value in all_values().items()],
        {
            "log": [{"pcr": 0, "sha256": "ee" * 32, "event": "x"}],
            "pcrs": [
                {"pcr": index, "pcrname": None, "calculatedSHA256": "dd" * 32, "observedSHA256": value}
                for index, value in all_values().items()
            ],
        },
    ],
    ids=["flat", "PCR0", "pcr_0", "keylime", "trustee", "systemd-analyze", "pcrlock"],
)
def test_pcrs_as_other_tools_write_them(document: object) -> None:
    expected = {(Register("pcr", index), SHA256): bytes.fromhex(value) for index, value in all_values().items()}
    evidence = as_read(document)
    assert evidence.source == "register-file"
    assert evidence.registers.values == expected


@pytest.mark.parametrize("prefix", ["", "tdx_"])
def test_rtmrs_as_other_tools_write_them(prefix: str) -> None:
    """dstack's tcb_info, Intel Trust Authority's claims: RTMR[n] is CC register n + 1."""
    members = {f"{prefix}rtmr{index}": f"{index + 1:02x}" * 48 for index in range(4)}
    evidence = as_read({"tcb": {**members, f"{prefix}mrtd": "aa" * 48, "rootfs_hash": "bb"}})
    expected = {(Register("ccmr", index + 1), SHA384): bytes([index + 1]) * 48 for index in range(4)}
    assert evidence.registers.values == {**expected, (Register("ccmr", 0), SHA384): b"\xaa" * 48}
    assert (evidence.static, evidence.platform) == ((Register("ccmr", 0),), "tdx")


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"tpm": {"pcr00": "11" * 32, "pcr01": "zz"}}, "pcr01"),
        ({"tpm": {"pcr00": "11" * 32, "pcr01": "11" * 31}}, "pcr01"),
        ({"tpm": {"pcr00": "11" * 32, "pcr01": 7}}, "pcr01"),
        ({"0": "11" * 32, "1": None}, "1"),
        ({"a": {"pcr00": "11" * 32}, "b": {"pcr0": "22" * 32}}, "pcr0"),
        ([{"nr": 0, "sha256": "11" * 32}, {"nr": 1, "sha256": "11" * 20}], "sha256"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_not_dropped(document: object, where: str) -> None:
    with pytest.raises(ParseError, match=where):
        as_read(document)


@pytest.mark.parametrize(
    ("sizes", "banks"), [((20,), (SHA1,)), ((32,), (SHA256,)), ((48,), (SHA384,)), ((20, 32), (SHA1, SHA256))]
)
def test_bare_values_of_all_pcrs(sizes: tuple[int, ...], banks: tuple[evlog.HashAlg, ...]) -> None:
    """tpm2_pcrread -o: values one after another, bank after bank; what the size was taken for is said."""
    data = b"".join(bytes.fromhex(value) for size in sizes for value in all_values(size).values())
    evidence = only_read(read_registers(data))
    for alg in banks:
        assert evidence.registers[Register("pcr", 23), alg] == b"\x18" * alg.size
    assert len(evidence.registers) == 24 * len(banks)
    assert " and ".join(map(str, banks)) in evidence.read_only[0]
    for wrong in (data[:-1], data + b"\0", data[: 32 * 7]):
        with pytest.raises(UnknownFormatError):
            read_registers(wrong)


def test_the_table_of_systemd_analyze() -> None:
    lines = ["NR NAME            SHA256", *(f"{n:2} {'-' if n % 2 else 'name'}  {v}" for n, v in all_values().items())]
    evidence = only_read(read_registers("\n".join(lines).encode()))
    assert (evidence.form, len(evidence.registers)) == ("pcr-table", 24)
    assert evidence.registers[Register("pcr", 9), SHA256] == b"\x0a" * 32
    lines[3] += "00"
    with pytest.raises(ParseError, match="this one 33"):
        read_registers("\n".join(lines).encode())
    with pytest.raises(ParseError, match="bank"):
        read_registers(b"NR NAME -\n 0 x 00\n")


def test_signed_evidence_goes_before_values_beside_it() -> None:
    """A document with a quote and the registers that somebody read out of it is a quote."""
    from tests import made_evidence as made

    quote = made.td_quote(made.td_body(b"\xaa" * 48, [bytes(48)] * 4, b""))
    document = {"quote": quote.hex(), "tcb_info": {"rtmr0": "11" * 48}}
    evidence = read_registers(json.dumps(document).encode())
    assert evidence.source == "tdx-quote"
    assert evidence.registers[Register("ccmr", 1), SHA384] == bytes(48)


def test_public_listings(corpus: Path) -> None:
    assert len(read_registers(corpus / "kraemr__ima-verify__pcrs_sha256").registers) == 24
    binary = read_registers(corpus / "keylime__keylime__quotepcr.out")
    assert (binary.source, binary.form) == ("register-file", "pcr-values")
    assert [register.index for register, _ in binary.registers] == [15, 16, 22]
    assert binary.registers[Register("pcr", 22), SHA256] == b"\xff" * 32
