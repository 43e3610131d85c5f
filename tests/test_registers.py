"""Registers, their names on platforms, and tables of values."""

from __future__ import annotations

import pytest

from evlog import SHA256, SHA384, Register, Registers
from evlog.errors import UsageError
from evlog.registers import PCR_TO_CCMR, PLATFORMS, SPACES, UNKNOWN_REGISTER


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
    ],
)
def test_parse(text: str, register: Register) -> None:
    assert Register.parse(text) == register
    assert Register.parse(str(register)) == register


@pytest.mark.parametrize(
    "text", ["", "pcr:", "pcr:-1", "pcr:x", "pcr:4294967296", "mr:", "abc:1", "pcr:1.5", "mr:\x1b[2J", "pcr:\u0663 0x"]
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
