"""Registers, their names on platforms, and tables of values."""

from __future__ import annotations

import pickle

import pytest

from evlog import SHA256, SHA384, Register, Registers
from evlog.errors import UsageError
from evlog.registers import PCR_TO_CCMR, PLATFORMS, SPACES, UNKNOWN_REGISTER, Platform, RegisterSet


@pytest.mark.parametrize(
    ("text", "register"),
    [
        ("pcr:7", Register("pcr", 7)),
        ("PCR[7]", Register("pcr", 7)),
        ("pcr7", Register("pcr", 7)),
        ("7", Register("pcr", 7)),
        (" ccmr:3 ", Register("ccmr", 3)),
        ("rtmr3", Register("rtmr", 3)),
        ("RTMR[3]", Register("rtmr", 3)),
        ("rem:0", Register("rem", 0)),
        ("nv:0x01c40200", Register("nv", 0x01C40200)),
        ("nv:29622784", Register("nv", 0x01C40200)),
        ("pcr:4294967295", Register("pcr", 0xFFFFFFFF)),
        ("mr:runtime", Register("mr", "runtime")),
        ("mr:a:b", Register("mr", "a:b")),
        ("mr:a ", Register("mr", "a ")),
        ("mrtd", Register("ccmr", 0)),
        ("RIM", Register("ccmr", 0)),
        ("NV[0x01c40200]", Register("nv", 0x01C40200)),
    ],
)
def test_parse(text: str, register: Register) -> None:
    assert Register.parse(text) == register
    assert Register.parse(str(register)) == register


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pcr:",
        "pcr:-1",
        "pcr:x",
        "pcr:4294967296",
        "mr:",
        "abc:1",
        "pcr:1.5",
        "mr:\x1b[2J",
        "pcr:\u0663 0x",
        "pcr:1_0",
        "pcr:\u0663",
        "PCR[7",
        "pcr:+7",
        "pcr:0x",
        "7-5",
        "-7",
        "pcr:7-",
        "rtmr",
        "pcr:" + "9" * 5000,
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(UsageError, match="not a register"):
        Register.parse(text)


@pytest.mark.parametrize(
    ("text", "platform", "label"),
    [
        ("pcr:7", None, "PCR[7]"),
        ("ccmr:3", None, "CCMR[3]"),
        ("ccmr:0", "tdx", "MRTD"),
        ("ccmr:3", "tdx", "RTMR[2]"),
        ("ccmr:9", "tdx", "CCMR[9]"),
        ("ccmr:0", "cca", "RIM"),
        ("ccmr:3", "cca", "REM[2]"),
        ("ccmr:3", "csv", "RTMR[3]"),
        ("ccmr:3", "tpm", "CCMR[3]"),
        ("rtmr:2", "tdx", "RTMR[2]"),
        ("nv:0x01c40200", None, "NV[0x01c40200]"),
        ("mr:unknown", None, "unknown"),
    ],
)
def test_labels(text: str, platform: str | None, label: str) -> None:
    assert Register.parse(text).label(platform) == label


def test_platform_maps() -> None:
    """UEFI 2.10 section 38.4.1: PCR 0 to MR 0; 1 and 7 to 1; 2 to 6 to 2; 8 to 15 to 3."""
    assert PCR_TO_CCMR == {
        0: 0, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 1, 8: 3, 9: 3, 10: 3, 11: 3, 12: 3, 13: 3, 14: 3, 15: 3,
    }  # fmt: skip
    for id, platform in PLATFORMS.items():
        assert platform.id == id
        assert platform.native in SPACES


@pytest.mark.parametrize(
    ("platform", "native", "ccmr"),
    [
        # UEFI 2.10 section 38.4.1: MR 0 is MRTD, MR 1 to 4 are RTMR[0] to RTMR[3]; Arm RMM the same with RIM and REM.
        ("tdx", "rtmr:0", "ccmr:1"),
        ("tdx", "rtmr:3", "ccmr:4"),
        ("cca", "rem:2", "ccmr:3"),
        # The attestation agent of a CSV guest hands the index to the hardware as it is.
        ("csv", "rtmr:0", "ccmr:0"),
        ("csv", "rtmr:3", "ccmr:3"),
    ],
)
def test_one_register_under_two_names(platform: str, native: str, ccmr: str) -> None:
    known = PLATFORMS[platform]
    hardware, measurement = Register.parse(native), Register.parse(ccmr)
    assert known.ccmr_of(hardware) == measurement
    assert known.native_of(measurement) == hardware
    assert known.ccmr_of(measurement) == measurement
    assert known.native_of(hardware) == hardware
    assert measurement.label(platform) == hardware.label()


def test_registers_that_have_one_name_only() -> None:
    tdx, tpm = PLATFORMS["tdx"], PLATFORMS["tpm"]
    assert tdx.native_of(Register("ccmr", 0)) is None, "MRTD has no ordinal"
    assert tpm.native_of(Register("ccmr", 1)) is None, "a TPM has no measurement registers"
    assert tpm.ccmr_of(Register("rtmr", 1)) == Register("rtmr", 1)
    for register in (Register("pcr", 1), Register("nv", 1), UNKNOWN_REGISTER):
        assert tdx.ccmr_of(register) == tdx.native_of(register) == register


@pytest.mark.parametrize(
    ("space", "platform", "id"),
    [
        ("rtmr", None, "tdx"),
        ("ccmr", None, "tdx"),
        ("rem", None, "cca"),
        ("rtmr", "csv", "csv"),
        ("ccmr", "cca", "cca"),
        ("rtmr", "nobody's", "tdx"),
    ],
)
def test_whose_registers_they_are(space: str, platform: str | None, id: str) -> None:
    assert Platform.counting(space, platform).id == id


def test_what_replay_can_follow() -> None:
    assert Register("pcr", 23).replayable
    assert not Register("pcr", 24).replayable
    assert not Register("pcr", 0xFFFFFFFF).replayable
    assert not Register("ccmr", 0).replayable
    assert Register("ccmr", 1).replayable
    assert Register("rtmr", 0).replayable


def test_order_for_people() -> None:
    registers = [Register.parse(text) for text in ("mr:b", "pcr:10", "ccmr:1", "pcr:9", "mr:a")]
    assert [str(r) for r in sorted(registers, key=lambda r: r.sort_key)] == [
        "pcr:9",
        "pcr:10",
        "ccmr:1",
        "mr:a",
        "mr:b",
    ]


def test_a_register_without_a_number() -> None:
    assert Register("pcr", 7).number == 7
    with pytest.raises(UsageError, match="register mr:unknown has no number"):
        _ = UNKNOWN_REGISTER.number


def test_tables_of_values() -> None:
    key = Register("pcr", 0), SHA256
    table = Registers({key: b"\1" * 32}, "here")
    assert table[key] == table.get(*key) == b"\1" * 32
    assert table.get(Register("pcr", 0), SHA384) is None
    assert (list(table), len(table), key in table) == ([key], 1, True)
    assert hash(table) == hash(Registers({key: b"\1" * 32}, "here"))


# Sets


@pytest.mark.parametrize(
    ("text", "platform", "held", "others"),
    [
        ("7", None, "pcr:7", "pcr:8 ccmr:7 rtmr:7"),
        ("0-7,11", None, "pcr:0 pcr:7 pcr:11", "pcr:8 pcr:12 ccmr:1"),
        ("pcr:0-7", None, "pcr:0 pcr:7", "pcr:8 ccmr:1"),
        ("PCR[4]", "tdx", "pcr:4", "ccmr:2"),
        # Intel TDX: RTMR[n] is CC MR n + 1, MRTD 0 (UEFI 2.10 section 38.4.1); Arm CCA: REM[n], RIM.
        ("rtmr:0", "tdx", "rtmr:0 ccmr:1", "ccmr:0 rtmr:1 pcr:0"),
        ("RTMR[2]", "tdx", "rtmr:2 ccmr:3", "ccmr:2"),
        ("ccmr:3", "tdx", "ccmr:3 rtmr:2", "rtmr:3"),
        ("mrtd", "tdx", "ccmr:0", "rtmr:0 ccmr:1"),
        ("rem:1", "cca", "rem:1 ccmr:2", "ccmr:1 rtmr:1"),
        ("rim", "cca", "ccmr:0", "rem:0"),
        ("rtmr:0-1", "tdx", "ccmr:1 ccmr:2", "ccmr:0 ccmr:3"),
        # Hygon CSV: the agent passes the CC MR's index on as it is.
        ("RTMR[2]", "csv", "rtmr:2 ccmr:2", "ccmr:3"),
        # Nobody said what platform it is: nothing is guessed.
        ("rtmr:2", None, "rtmr:2", "ccmr:2 ccmr:3"),
        ("nv:0x01c10200", None, "nv:0x01c10200", "nv:0x01c10201 pcr:0"),
        ("mr:a,mr:b", None, "mr:a mr:b", "mr:c"),
        ("mr:a\\,b", None, "mr:a,b", "mr:a mr:b"),
        ("mr:0-7", None, "mr:0-7", "pcr:3 mr:3"),
        (" 7 , 9 ", None, "pcr:7 pcr:9", "pcr:8"),
        ("0-4294967295", None, "pcr:0 pcr:4294967295", "ccmr:0"),
    ],
)
def test_sets(text: str, platform: str | None, held: str, others: str) -> None:
    registers = RegisterSet.parse(text)
    assert [name for name in held.split() if not registers.holds(Register.parse(name), platform)] == []
    assert [name for name in others.split() if registers.holds(Register.parse(name), platform)] == []
    again = RegisterSet.parse(str(registers))
    assert (again.ranges, again.named) == (registers.ranges, registers.named)


@pytest.mark.parametrize("text", ["", ",", "7,", "0-7,x", "5-2", "0-4294967296", "mr:a,b", "mrtd-rim", "pcr:0-pcr:7"])
def test_sets_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="not a register"):
        RegisterSet.parse(text)


def test_a_range_is_no_register() -> None:
    with pytest.raises(UsageError, match="one register was expected"):
        Register.parse("0-7")


def test_the_one_that_stands_alone() -> None:
    """It is what a log extends that names none, whatever else is kept."""
    assert RegisterSet.parse("rtmr:3").alone == Register("rtmr", 3)
    assert RegisterSet.parse("rtmr:3", "0-7", "ccmr:1,ccmr:2").alone == Register("rtmr", 3)
    for texts in (("0-7",), ("pcr:7,pcr:8",), ("pcr:7", "pcr:8")):
        assert RegisterSet.parse(*texts).alone is None


def test_what_is_absent() -> None:
    wanted = RegisterSet.parse("0-7,99,mr:a", "rtmr:2")
    there = [Register("pcr", 4), Register("ccmr", 3)]
    assert wanted.absent(there, "tdx") == ["pcr:99", "mr:a"]
    assert wanted.absent(there) == ["pcr:99", "rtmr:2", "mr:a"]


def test_the_usual_registers_are_one_object_each() -> None:
    seven = Register("pcr", 7)
    assert Register.parse("7") is seven
    assert pickle.loads(pickle.dumps(seven)) is seven
    assert Register("ccmr", 7) != seven
    # An index that only equals the number makes a register of its own, and leaves the other as it is.
    odd = Register("pcr", True)
    assert (odd == Register("pcr", 1), odd is Register("pcr", 1), type(Register("pcr", 1).index)) == (True, False, int)
    assert Register("pcr", 24) == Register("pcr", 24)
    assert Register("pcr", 24) is not Register("pcr", 24)
