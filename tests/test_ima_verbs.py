"""Prefixes of a list, the rules of banks, and boot_aggregate: against TPMs, and with chains of hashes made by hand."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog import (
    SHA1,
    SHA256,
    SHA384,
    SHA512,
    BankRule,
    BootAggregate,
    HashAlg,
    ImaEvent,
    Log,
    Prefix,
    Register,
    Registers,
    bank_rules,
    boot_aggregate,
    find_prefix,
    replay,
    rules_by_bank,
)
from evlog.replaying import rows
from samples import make, make_linux
from tests import made
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

PCR10 = Register("pcr", 10)


def tpm(path: Path) -> Registers:
    """All registers of a machine."""
    banks: dict[str, dict[str, str]] = json.loads(path.read_text())
    return Registers(
        {
            (Register("pcr", int(index)), HashAlg.named(alg)): bytes.fromhex(value)
            for alg, bank in banks.items()
            for index, value in bank.items()
        },
        "tpm",
    )


def chain(hash: str, start: bytes, digests: list[bytes]) -> list[bytes]:
    """The register before each digest and after the last."""
    values = [start]
    for digest in digests:
        values.append(hashlib.new(hash, values[-1] + digest).digest())
    return values


# find_prefix


def sample() -> tuple[Log, list[bytes], list[bytes]]:
    """A list, and what it extends into PCR 10 in its bank and hashed in SHA-256."""
    log = evlog.read(SAMPLES / "ima-binary/ng-violations.bin")
    sha1, sha256 = [], []
    for event in log.events:
        violation = not any(event.digests[0].value)
        sha1.append(b"\xff" * 20 if violation else event.digests[0].value)
        assert isinstance(event.content, ImaEvent)
        sha256.append(b"\xff" * 32 if violation else hashlib.sha256(event.content.data).digest())
    return log, sha1, sha256


@pytest.mark.parametrize("lazy", [True, False])
def test_every_prefix_is_found(lazy: bool) -> None:
    log, sha1, sha256 = sample()
    if not lazy:
        log = log.replace(events=tuple(log.events))
    for count, value in enumerate(chain("sha1", bytes(20), sha1)):
        event = count - 1 if count else None
        found = find_prefix(log, PCR10, SHA1, value)
        assert found == Prefix(PCR10, SHA1, event, count, 31)
        assert found.whole == (count == 31)
    for count, value in enumerate(chain("sha256", bytes(32), sha256)[1:], 1):
        assert find_prefix(log, PCR10, SHA256, value) == Prefix(PCR10, SHA256, count - 1, count, 31, "hash")
        assert find_prefix(log, PCR10, SHA256, value, rules="zero-pad") is None


def test_no_prefix_is_none() -> None:
    log, _, _ = sample()
    assert find_prefix(log, PCR10, SHA1, b"\x01" * 20) is None
    assert find_prefix(log, Register("pcr", 11), SHA1, b"\x01" * 20) is None
    assert find_prefix(log, Register("ccmr", 1), SHA384, b"\x01" * 48) is None


def test_a_chunk_goes_on_from_a_given_value() -> None:
    log, sha1, _ = sample()
    values = chain("sha1", bytes(20), sha1)
    data = evlog.write(log)
    origin = log.events[12].origin
    assert origin is not None
    chunk = evlog.read(data[origin.span.offset :])
    start = Registers({(PCR10, SHA1): values[12]})
    assert replay(chunk, start)[PCR10, SHA1] == values[-1]
    assert find_prefix(chunk, PCR10, SHA1, values[20], start=start) == Prefix(PCR10, SHA1, 7, 8, 19)


def test_a_firmware_log_has_prefixes_too() -> None:
    log = evlog.read(make.samples()["tcg2/locality-3.bin"])
    pcr0 = Register("pcr", 0)
    digests = [hashlib.sha256(part).digest() for part in (make.VERSION, make.SEPARATOR)]
    for count, value in enumerate(chain("sha256", bytes(31) + b"\x03", digests)):
        event = (None, 2, 3)[count]
        assert find_prefix(log, pcr0, SHA256, value) == Prefix(pcr0, SHA256, event, count, 2)
        assert find_prefix(log.replace(events=tuple(log.events)), pcr0, SHA256, value) is not None


def test_a_record_without_the_bank_ends_the_search() -> None:
    log = evlog.read(make.samples()["tcg2/fewer-digests.bin"])
    pcr6 = Register("pcr", 6)
    first = hashlib.sha1(bytes(20) + hashlib.sha1(make.SEPARATOR).digest()).digest()
    assert find_prefix(log, pcr6, SHA1, first) == Prefix(pcr6, SHA1, 8, 1, 2)
    assert find_prefix(log, pcr6, SHA1, b"\x01" * 20) is None


def test_a_record_without_the_bank_ends_the_search_in_the_runs_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "RUN", 2)
    banks = ("sha1", "sha256"), ("sha256",), ("sha1", "sha256"), ("sha1", "sha256")
    records = (made.event(8, 5, bytes([number]), *each) for number, each in enumerate(banks))
    log = evlog.read(made.header("sha1", "sha256") + b"".join(records))
    value = bytes(20)
    for number in (0, 3):
        value = hashlib.sha1(value + hashlib.sha1(bytes([number])).digest()).digest()
        found = find_prefix(log, Register("pcr", 8), SHA1, value)
        assert (found.event if found else None) == (1 if number == 0 else None)


def test_the_runs_that_a_list_is_taken_in_do_not_show() -> None:
    entry = make_linux.aggregate()
    count = 4096 * 2 + 3
    log = evlog.read(entry * count)
    values = chain("sha1", bytes(20), [log.events[0].digests[0].value] * count)
    for place in (4095, 4096, 4097, count):
        assert find_prefix(log, PCR10, SHA1, values[place]) == Prefix(PCR10, SHA1, place - 1, place, count)
    assert replay(log)[PCR10, SHA1] == values[-1]
    assert replay(log.replace(events=tuple(log.events)), rules={SHA256: "hash"}) == replay(log, rules={SHA256: "hash"})


# bank_rules


@pytest.mark.parametrize("name", ["ng-violations", "legacy", "mixed-templates"])
@pytest.mark.parametrize("folder", ["ima-binary", "ima-ascii"])
def test_the_rules_of_a_kernel_are_found(name: str, folder: str) -> None:
    log = evlog.read(SAMPLES / folder / f"{name}.{'bin' if folder == 'ima-binary' else 'txt'}")
    values = tpm(SAMPLES / f"ima-binary/{name}.pcrs.json")
    found = bank_rules(log, values)
    assert rules_by_bank(found) == {SHA256: ("hash",), SHA384: ("zero-pad",), SHA512: ("zero-pad",)}
    assert {each.event for each in found} == {None}
    rows = replay(log, rules=rules_by_bank(found))
    assert len(rows) == 4 * len({event.register for event in log.events})
    assert all(row.value == values[row.register, row.alg] for row in rows.rows)


def test_the_rules_are_found_in_a_list_that_is_ahead_of_the_register() -> None:
    log, sha1, sha256 = sample()
    padded = [digest if digest == b"\xff" * 20 else digest.ljust(48, b"\0") for digest in sha1]
    padded = [b"\xff" * 48 if digest == b"\xff" * 20 else digest for digest in padded]
    registers = Registers(
        {
            (PCR10, SHA1): chain("sha1", bytes(20), sha1)[20],
            (PCR10, SHA256): chain("sha256", bytes(32), sha256)[20],
            (PCR10, SHA384): chain("sha384", bytes(48), padded)[20],
            (PCR10, SHA512): b"\x02" * 64,
        }
    )
    assert bank_rules(log, registers) == (
        BankRule(PCR10, SHA256, "hash", 19),
        BankRule(PCR10, SHA384, "zero-pad", 19),
    )


def test_rules_of_a_whole_machine() -> None:
    """Firmware, systemd and one IMA list, with the TPM's 96 registers: what nobody extended is known as well."""
    values = tpm(SAMPLES / "systemd/tpm2-measure.pcrs.json")
    logs = [
        evlog.read(SAMPLES / name) for name in ("tcg2/uki.bin", "systemd/tpm2-measure.log", "ima-binary/sha256.bin")
    ]
    found = rules_by_bank(bank_rules(logs, values))
    assert found == dict.fromkeys((SHA1, SHA384, SHA512), ("not-extended", "hash"))
    rows = replay(logs, rules=found)
    assert len(rows) == 52
    assert all(row.value == values[row.register, row.alg] for row in rows.rows)


def test_firmware_logs_offer_no_rules() -> None:
    log = evlog.read(SAMPLES / "tcg2/ovmf.bin")
    assert log.rules == ()
    assert bank_rules(log, tpm(SAMPLES / "tcg2/ovmf.pcrs.json")) == ()


def test_rules_hold_for_plain_events() -> None:
    log = evlog.read(SAMPLES / "ima-binary/mixed-templates.bin")
    plain = log.replace(events=tuple(log.events))
    rules = {SHA256: "hash", SHA384: "zero-pad"}
    assert plain.rules == log.rules
    assert replay(plain, rules=rules) == replay(log, rules=rules)


# boot_aggregate


def test_the_list_is_bound_to_the_firmware_log() -> None:
    firmware = evlog.read(SAMPLES / "tcg2/before-ima.bin")
    ours = evlog.read(SAMPLES / "ima-binary/ng-violations.bin")
    for registers in (replay(firmware).registers(), tpm(SAMPLES / "ima-binary/ng-violations.pcrs.json")):
        found = boot_aggregate(ours, registers)
        assert found is not None
        assert (found.verdict, found.event, found.bank, found.last) == ("match", 0, SHA256, 9)
        assert found.registers[0] == Register("pcr", 0)
        assert len(found.registers) == 10
    other = replay(evlog.read(SAMPLES / "tcg2/seabios.bin")).registers()
    mismatch = boot_aggregate(ours, other)
    assert mismatch is not None
    assert (mismatch.verdict, mismatch.bank, mismatch.registers) == ("mismatch", None, ())


def test_the_legacy_template_binds_eight_sha1_registers() -> None:
    found = boot_aggregate(evlog.read(SAMPLES / "ima-binary/legacy.bin"), tpm(SAMPLES / "ima-binary/legacy.pcrs.json"))
    assert found is not None
    assert (found.verdict, found.bank, found.last) == ("match", SHA1, 7)


def aggregate(digest: bytes) -> Log:
    return evlog.read(make_linux.entry(b"ima-ng", make_linux.joined(digest, b"boot_aggregate\0")))


def test_what_binds_nothing_says_so() -> None:
    values = tpm(SAMPLES / "ima-binary/legacy.pcrs.json")
    zeros = boot_aggregate(aggregate(b"sha256:\0" + bytes(32)), values)
    assert zeros == BootAggregate(0, "no_bank", "sha256", bytes(32))
    without_tpm = boot_aggregate(aggregate(make_linux.file_digest(bytes(320))), values)
    assert without_tpm is not None
    assert without_tpm.verdict == "no_registers"
    md4 = boot_aggregate(aggregate(b"md4:\0" + bytes(range(16))), values)
    assert md4 == BootAggregate(0, "unknown", "md4", bytes(range(16)))
    assert boot_aggregate(evlog.read(SAMPLES / "tcg2/ovmf.bin"), values) is None
    assert boot_aggregate(evlog.read(make_linux.every_template()[101:]), values) is None


def test_too_few_registers_are_no_mismatch() -> None:
    ours = evlog.read(SAMPLES / "ima-binary/ng-violations.bin")
    values = tpm(SAMPLES / "ima-binary/ng-violations.pcrs.json")
    some = Registers({key: value for key, value in values.values.items() if key[0].number < 4}, "tpm")
    for registers in (some, Registers({}, "tpm")):
        found = boot_aggregate(ours, registers)
        assert found is not None
        assert found.verdict == "unknown"


def test_every_virtual_machine_is_explained(vm: Path) -> None:
    machines = 0
    for values in sorted(vm.glob("*/pcrs.json")):
        firmware = evlog.read(values.parent / "binary_bios_measurements")
        ours = evlog.read(values.parent / "ima-binary_runtime_measurements")
        for registers in (replay(firmware).registers(), tpm(values)):
            found = boot_aggregate(ours, registers)
            assert found is not None
            assert found.verdict == "match", values.parent.name
        machines += 1
    assert machines >= 13
