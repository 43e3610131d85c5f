"""IMA lists of confidential guests: what extended a measurement register, by the list's column or by what is told."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from evlog import SHA1, SHA256, SHA384, Demand, HashAlg, Log, Register, Registers, Verification, replay, verify
from evlog.errors import WriteError
from samples import make_linux
from tests import made
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

CC3, CC4 = Register("ccmr", 3), Register("ccmr", 4)
EV_SEPARATOR, EV_IPL = 4, 0xD
GRUB = b"grub_cmd: set root=hd0"
NAMES = (b"boot_aggregate", b"/usr/bin/a", b"/usr/bin/b", b"/usr/bin/c")
FILES = [make_linux.joined(make_linux.file_digest(name), name + b"\0") for name in NAMES]
VIOLATION = make_linux.joined(b"sha256:\0" + bytes(32), b"/var/log/messages\0")
#: What a guest measures: boot_aggregate, a file, a violation, two files.
ENTRIES = [*FILES[:2], VIOLATION, *FILES[2:]]


def chain(hash: str, datas: list[bytes], start: bytes = b"") -> bytes:
    """A register by hand: violations extend ones."""
    value = start or bytes(hashlib.new(hash).digest_size)
    for data in datas:
        digest = b"\xff" * len(value) if data == VIOLATION else hashlib.new(hash, data).digest()
        value = hashlib.new(hash, value + digest).digest()
    return value


def guest(hash: str) -> Log:
    """What the firmware of a guest logs, with a loader's command on the register that Intel's kernels go on with."""
    return evlog.read(
        made.header(hash, register=1)
        + made.event(1, EV_SEPARATOR, bytes(4), hash)
        + made.event(2, EV_SEPARATOR, bytes(4), hash)
        + made.event(3, EV_IPL, GRUB, hash),
        format="ccel",
    )


def ima_list(numbers: list[int], bank: str = "sha1", entries: list[bytes] = ENTRIES) -> bytes:
    """A list with these numbers in its column."""
    size = hashlib.new(bank).digest_size
    return b"".join(
        make_linux.entry(b"ima-ng", data, pcr=number, bank=bank, value=bytes(size) if data == VIOLATION else None)
        for number, data in zip(numbers, entries, strict=True)
    )


INTEL = ima_list([10] * 5)
REALM = ima_list([10, 4, 4, 4, 4])


def values(hash: str, **others: bytes) -> Registers:
    """The registers that the firmware leaves, and others: ``ccmr3``, ``ccmr4``."""
    alg = HashAlg.named(hash)
    table = {(Register("ccmr", index), alg): chain(hash, [bytes(4)]) for index in (1, 2)}
    table[CC3, alg] = chain(hash, [GRUB])
    table.update({(Register("ccmr", int(name[4:])), alg): value for name, value in others.items()})
    return Registers(table, "test")


def told(data: bytes, register: Register = CC3, **choices: Any) -> Log:
    return evlog.read(data, ima_register=register, **choices)


def verified(log: Log, registers: Registers, register: Register | None = None, hash: str = "sha384") -> Verification:
    return verify((guest(hash), log), registers, Demand(ima_register=register))


def verdict(result: Verification, register: Register, alg: HashAlg) -> tuple[str, str | None, int]:
    row = result.get(register, alg)
    assert row is not None
    return row.verdict, row.cause, row.proven


BEFORE = chain("sha384", [GRUB])
WHOLE = chain("sha384", ENTRIES, BEFORE)


# Told which register it extended


@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"])
@pytest.mark.parametrize("text", [False, True], ids=["binary", "ascii"])
def test_a_list_of_any_bank_extends_the_register_that_is_told(bank: str, text: bool) -> None:
    data = ima_list([10] * 5, bank)
    log = told(evlog.convert(evlog.read(data), "ima-ascii").data if text else data)
    assert {event.register for event in log.events} == {CC3}
    result = verified(log, values("sha384", ccmr3=WHOLE), CC3)
    found, _, proven = verdict(result, CC3, SHA384)
    assert (found, proven, result.ok) == ("match", 6, True)


def test_what_the_value_proves_of_each_entry() -> None:
    result = verified(told(INTEL), values("sha384", ccmr3=WHOLE), CC3)
    assert [standing for _, standing in result.logs[1].standings()] == [
        "proven", "proven", "digest_only", "proven", "proven",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_list_may_be_ahead_of_the_register_that_is_told(count: int) -> None:
    registers = values("sha384", ccmr3=chain("sha384", ENTRIES[:count], BEFORE))
    result = verified(told(INTEL), registers, CC3)
    assert verdict(result, CC3, SHA384) == ("match", "ahead", 1 + count)
    assert result.ok
    standings = [standing for _, standing in result.logs[1].standings()]
    assert standings[count:] == ["claimed"] * (5 - count)
    # Only where the verifier says that the list went there.
    result = verified(told(INTEL), registers)
    assert (verdict(result, CC3, SHA384)[:2], result.ok) == (("mismatch", "prefix"), False)


def test_a_list_of_which_no_entry_is_proven_is_not_ahead() -> None:
    result = verified(told(INTEL), values("sha384"), CC3)
    assert (verdict(result, CC3, SHA384), result.ok) == (("mismatch", "prefix", 1), False)
    # Nor is one that says itself which register it extended.
    column = evlog.read(ima_list([3] * 5), space="ccmr")
    result = verified(column, values("sha384", ccmr3=chain("sha384", ENTRIES[:2], BEFORE)))
    assert (verdict(result, CC3, SHA384)[:2], result.ok) == (("mismatch", "prefix"), False)


def test_entries_from_before_the_module_was_loaded() -> None:
    registers = values("sha384", ccmr3=chain("sha384", ENTRIES[2:], BEFORE))
    result = verified(told(INTEL), registers, CC3)
    assert (verdict(result, CC3, SHA384)[:2], result.ok) == (("mismatch", "skipped"), False)


def test_a_value_that_nothing_leads_to() -> None:
    result = verified(told(INTEL), values("sha384", ccmr3=b"\x11" * 48), CC3)
    assert (verdict(result, CC3, SHA384), result.ok) == (("mismatch", "unexplained", 0), False)


def test_a_register_of_pcrs_can_be_told_too() -> None:
    log = told(INTEL, Register("pcr", 11))
    assert replay(log)[Register("pcr", 11), SHA1] == chain("sha1", ENTRIES)


# Not told


def test_a_guess_is_named_and_is_no_match() -> None:
    result = verified(evlog.read(INTEL), values("sha384", ccmr3=WHOLE))
    row = result.get(CC3, SHA384)
    assert row is not None
    assert (row.verdict, row.cause, result.ok) == ("mismatch", "ima_register", False)
    assert "guess" in str(row.explanation)
    assert "--ima-register ccmr:3" in str(row.explanation)


def test_a_guess_where_no_firmware_event_is_on_the_register() -> None:
    firmware = guest("sha384")
    firmware = firmware.replace(events=tuple(firmware.events[:-1]))
    registers = values("sha384", ccmr3=chain("sha384", ENTRIES[:3]))
    result = verify((firmware, evlog.read(INTEL)), registers)
    row = result.get(CC3, SHA384)
    assert row is not None
    assert (row.verdict, row.cause, result.ok) == ("not_logged", "ima_register", False)
    assert "the first 3 of the 5 entries" in str(row.explanation)


def test_a_column_that_counts_registers_is_guessed_too() -> None:
    registers = values("sha256", ccmr4=chain("sha256", ENTRIES[1:]))
    result = verified(evlog.read(REALM), registers, hash="sha256")
    row = result.get(CC4, SHA256)
    assert row is not None
    assert (row.verdict, row.cause, result.ok) == ("not_logged", "ima_register", False)
    assert "--space ccmr" in str(row.explanation)


# The column counts


@pytest.mark.parametrize("platform", [None, "cca"])
@pytest.mark.parametrize("register", [None, CC4], ids=["column", "told"])
def test_a_realm_whose_boot_aggregate_reaches_no_register(platform: str | None, register: Register | None) -> None:
    choices: dict[str, Any] = {"space": "ccmr"} if register is None else {"ima_register": register}
    log = evlog.read(REALM, platform=platform, **choices)
    assert [event.measured for event in log.events] == [False, True, True, True, True]
    assert [(each.code, each.severity, each.event) for each in log.findings] == [
        ("no_register", "note", 0),
        ("ima_violation", "note", 2),
    ]
    registers = values("sha256", ccmr4=chain("sha256", ENTRIES[1:]))
    result = verify((guest("sha256"), log), registers, Demand(ima_register=register), platform=platform)
    assert (verdict(result, CC4, SHA256)[0], result.ok) == ("match", True)
    assert next(result.logs[1].standings())[1] == "informative"


def test_another_entry_with_such_a_number_is_warned_of() -> None:
    log = evlog.read(ima_list([4, 10, 4, 4, 4]), space="ccmr")
    assert next((each.code, each.severity, each.event) for each in log.findings) == ("no_register", "warning", 1)
    assert replay(log)[CC4, SHA1] == chain("sha1", [ENTRIES[0], *ENTRIES[2:]])


def test_nothing_extends_the_build_time_register() -> None:
    log = evlog.read(ima_list([0] * 5), space="ccmr")
    registers = Registers({(Register("ccmr", 0), SHA256): chain("sha256", ENTRIES)}, "test")
    assert not verify(log, registers).ok


def test_hardware_numbers() -> None:
    log = evlog.read(ima_list([2] * 5), space="rtmr", platform="tdx")
    result = verified(log, values("sha384", ccmr3=WHOLE))
    assert (verdict(result, CC3, SHA384)[0], result.ok) == ("match", True)


# Replay


def test_replay_extends_the_bank_that_the_firmware_has() -> None:
    assert replay((guest("sha384"), told(INTEL)))[CC3, SHA384] == WHOLE
    assert replay((guest("sha256"), evlog.read(REALM, space="ccmr")))[CC4, SHA256] == chain("sha256", ENTRIES[1:])
    assert replay(told(INTEL, platform="tdx"))[CC3, SHA384] == chain("sha384", ENTRIES)
    # Nobody is asked who says that no rule holds, and of a TPM nothing is implied.
    assert replay((guest("sha384"), told(INTEL)), rules={}).get(CC3, SHA384) is None
    assert replay((guest("sha384"), evlog.read(INTEL))).get(Register("pcr", 10), SHA384) is None


# Writing


@pytest.mark.parametrize("choices", [{"ima_register": CC3}, {"ima_register": CC4}, {"space": "ccmr"}, {"space": "rem"}])
@pytest.mark.parametrize("data", [INTEL, REALM, ima_list([10, 3, 4, 11, 24])], ids=["intel", "realm", "mixed"])
@pytest.mark.parametrize("text", [False, True], ids=["binary", "ascii"])
def test_what_was_told_changes_no_byte(data: bytes, choices: dict[str, Any], text: bool) -> None:
    data = evlog.convert(evlog.read(data), "ima-ascii").data if text else data
    log = evlog.read(data, **choices)
    assert evlog.write(log) == data
    assert evlog.write(log.replace(events=tuple(log.events))) == data
    done = evlog.convert(log, log.format, **choices)
    assert (done.data, done.registers_preserved) == (data, True)
    assert len(done.losses) == 1


@pytest.mark.parametrize(("data", "choices"), [(INTEL, {"ima_register": CC3}), (REALM, {"space": "ccmr"})])
def test_both_forms_of_a_list_name_what_has_to_be_told(data: bytes, choices: dict[str, Any]) -> None:
    log = evlog.read(data, **choices)
    there = evlog.convert(log, "ima-ascii")
    assert {loss.field for loss in there.losses} <= {"register", "register.space"}
    assert len(there.losses) == 1
    assert {event.register for event in there.log.events} == {event.register for event in log.events}
    back = evlog.convert(evlog.read(there.data, **choices), "ima-binary")
    assert back.data == data


def test_a_column_that_becomes_another_is_a_loss() -> None:
    log = told(ima_list([11] * 5))
    done = evlog.convert(log, "ima-ascii")
    assert [(loss.event, loss.field) for loss in done.losses[1:]] == [(number, "column") for number in range(5)]
    assert evlog.read(done.data).events[0].register == Register("pcr", 10)


@pytest.mark.parametrize("to", ["cel-tlv", "cel-cbor", "cel-json", "evlog-json"])
def test_a_guest_s_list_in_other_formats_and_back(to: str) -> None:
    log = evlog.read(REALM, space="ccmr")
    done = evlog.convert(log, to)
    assert done.registers_preserved
    there = evlog.read(done.data, space="ccmr")
    assert replay(there)[CC4, SHA1] == chain("sha1", ENTRIES[1:])
    back = evlog.convert(there, "ima-binary")
    assert back.data == REALM
    assert "register.space" in [loss.field for loss in back.losses]


def test_a_register_that_the_column_does_not_say_is_not_written_in_silence() -> None:
    event = evlog.read(INTEL).events[0]
    with pytest.raises(WriteError):
        evlog.write(evlog.read(INTEL).replace(events=(event.replace(register=CC3),)))
    with pytest.raises(WriteError):
        evlog.write(told(INTEL).replace(events=(event,)))


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ccel").write_bytes(evlog.write(guest("sha384")))
    (tmp_path / "ima").write_bytes(INTEL)
    stated = {str(r.index): value.hex() for (r, _), value in values("sha384", ccmr3=WHOLE).values.items()}
    (tmp_path / "values.json").write_text(json.dumps({"ccmr": {"sha384": stated}}))
    return tmp_path


def test_the_command_takes_the_register(folder: Path) -> None:
    wanted = "--ima-register", "ccmr:3"
    done = run("verify", "ccel", "ima", *wanted, "--registers", "values.json", "--json", folder=folder)
    rows = {(row["register"], row["alg"]): row["verdict"] for row in json.loads(done.out)["registers"]}
    assert (done.code, rows["ccmr:3", "sha384"]) == (0, "match")
    done = run("replay", "ccel", "ima", *wanted, "--json", folder=folder)
    found = {(row["register"], row["alg"]): row["value"] for row in json.loads(done.out)["registers"]}
    assert found["ccmr:3", "sha384"] == WHOLE.hex()
    for command in (("show", "ima"), ("diff", "ccel", "ima"), ("split", "ima", "-o", "parts", "--files")):
        assert run(*command, *wanted, folder=folder).code in (0, 1)
    done = run("merge", "ccel", "ima", *wanted, "--to", "cel-json", "-o", "both.json", folder=folder)
    assert done.code == 0
    done = run("convert", "ima", *wanted, "--to", "ima-ascii", "-o", "lines", folder=folder)
    assert done.code == 0
    assert "has to be told (--ima-register ccmr:3)" in done.err


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "ccel"),
        ("show", "ccel"),
        ("verify", "ccel", "--registers", "values.json"),
        ("convert", "ccel", "--to", "ccel", "-o", "out"),
        ("split", "ccel", "-o", "out"),
        ("diff", "ccel", "ccel"),
        ("merge", "ccel", "ccel", "--to", "ccel", "-o", "out"),
    ],
    ids=lambda command: command[0],
)
def test_the_register_of_no_list_is_a_usage_error(command: tuple[str, ...], folder: Path) -> None:
    done = run(*command, "--ima-register", "ccmr:3", folder=folder)
    assert (done.code, "none is given" in done.err) == (2, True)
    assert run("show", "ima", "--ima-register", "nothing:3", folder=folder).code == 2


def test_a_sample_of_a_realm() -> None:
    log = evlog.read(SAMPLES / "ima-binary/realm.bin", space="ccmr")
    assert log.extended == {CC4}
