"""Which rule the digests of each event type satisfy: the specification, and what was measured on real logs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from evlog.algorithms import SHA1, SHA256, HashAlg
from evlog.checking.check import Checks, check
from evlog.checking.digest_check import check_event
from evlog.contents.pcclient import PCClientEvent
from evlog.intake.read import read
from evlog.model import Digest, Event
from evlog.registers import Register
from tests.firmware_logs import firmware_logs
from tests.made import GUID, event, header, variable
from tests.rule_table import rule_table

_IPL, _TAG, _BOOT, _CONFIG, _AUTHORITY = 13, 6, 0x80000002, 0x80000001, 0x800000E0
_SIPA = (0x40010001).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
_LINUX_TAG = (0x8F3B22EC).to_bytes(4, "little") + (13).to_bytes(4, "little") + b"Linux initrd\0"

#: event type, register, data, what is hashed, and the outcome: a rule or a verdict.
_CASES = {
    "separator": (4, "pcr:7", bytes(4), bytes(4), "data"),
    "windows separator": (4, "pcr:12", b"WBCL", b"WBCL", "data"),
    "error separator": (4, "pcr:4", b"what failed", b"\1\0\0\0", "separator_error"),
    "padded separator": (4, "pcr:4", bytes(50), bytes(4), "separator_zeros"),
    "separator of OpenPOWER": (4, "pcr:4", b"Skiboot Boot", b"\xff" * 4, "separator_ones"),
    "forged separator": (4, "pcr:4", bytes(4), b"other", "mismatch"),
    "action": (5, "pcr:4", b"Calling INT 19h", b"Calling INT 19h", "data"),
    "edited action": (5, "pcr:4", b"Calling INT 19h", b"Calling INT 18h", "mismatch"),
    "region of coreboot": (5, "pcr:2", b"FMAP: COREBOOT CBFS".ljust(50, b"\0"), b"the region", "not_checkable"),
    "variable data": (_BOOT, "pcr:1", variable("BootOrder", b"\1\0"), b"\1\0", "variable_data"),
    "whole variable": (_BOOT, "pcr:1", variable("BootOrder", b"\1\0"), variable("BootOrder", b"\1\0"), "data"),
    "variable that lies": (_BOOT, "pcr:1", variable("BootOrder", b"\1\0")[:-1], b"\1", "mismatch"),
    "edited variable": (_BOOT, "pcr:1", variable("BootOrder", b"\1\0"), b"\2\0", "mismatch"),
    "secure boot": (_CONFIG, "pcr:7", variable("SecureBoot", b"\1"), variable("SecureBoot", b"\1"), "data"),
    "secure boot of TPM 1.2": (_CONFIG, "pcr:7", variable("SecureBoot", b"\1"), b"\1", "variable_data"),
    "old shim": (
        _AUTHORITY,
        "pcr:7",
        variable("Shim", b"\x30\x82") + bytes(5) + b"\xaf",
        variable("Shim", b"\x30\x82") + bytes(5),
        "data_but_last_byte",
    ),
    "grub 2.06": (_IPL, "pcr:8", b"grub_cmd: boot\0", b"boot", "command"),
    "grub 2.04": (_IPL, "pcr:8", b"grub_cmd boot\0", b"boot\0", "command_and_nul"),
    "kernel of grub 2.04": (_IPL, "pcr:8", b"grub_kernel_cmdline root=x\0", b"root=x\0", "command_and_nul"),
    "grub on a confidential VM": (_IPL, "ccmr:3", b"kernel_cmdline: root=x\0", b"root=x", "command"),
    "edited command": (_IPL, "pcr:8", b"kernel_cmdline: root=x\0", b"root=y", "mismatch"),
    "file of grub": (_IPL, "pcr:9", b"(hd0,gpt2)/vmlinuz\0", b"the kernel", "not_checkable"),
    "mok": (_IPL, "pcr:14", b"MokList\0", b"the list", "not_checkable"),
    "section name": (_IPL, "pcr:11", ".linux\0".encode("utf-16-le"), b".linux\0", "utf8_name"),
    "section": (_IPL, "pcr:11", ".linux\0".encode("utf-16-le"), b"the kernel", "not_checkable"),
    "cut command line": (
        _IPL,
        "pcr:8",
        "root=x\0".encode("utf-16-le")[:-1],
        "root=x\0".encode("utf-16-le"),
        "data_and_nul",
    ),
    "windows tag": (_TAG, "pcr:13", _SIPA, _SIPA, "data"),
    "edited windows tag": (_TAG, "pcr:13", _SIPA, _SIPA[:-1] + b"d", "mismatch"),
    "linux tag": (_TAG, "pcr:9", _LINUX_TAG, b"the initrd", "not_checkable"),
    "option rom tag": (_TAG, "pcr:2", b"\7\0\0\0\3\0\0\0abc", b"abc", "tag_data"),
    "bitlocker": (12, "pcr:11", bytes(4), bytes(4), "data"),
    "edited bitlocker": (12, "pcr:11", bytes(4), b"other", "mismatch"),
    "dell": (12, "pcr:6", b"Dell Configuration Information 1", b"it", "not_checkable"),
    "image": (0x80000003, "pcr:4", bytes(32), bytes(32), "not_checkable"),
    "blob": (0x80000008, "pcr:0", bytes(16), b"the firmware", "not_checkable"),
    "unknown type": (0x12345678, "pcr:0", b"abc", b"def", "not_checkable"),
    "unknown type of its data": (0x12345678, "pcr:0", b"abc", b"abc", "data"),
    "csme": (0x11, "pcr:0", b"IntelCSxEEvent01\0...", b"other", "not_checkable"),
    "cloud": (0x11, "pcr:0", b"GCE NonHostInfo\0", b"other", "mismatch"),
}


def _event(event_type: int, register: str, data: bytes, *digests: Digest) -> Event:
    return Event(0, Register.parse(register), digests, PCClientEvent(event_type, data))


@pytest.mark.parametrize("name", _CASES)
def test_rule(name: str) -> None:
    event_type, register, data, hashed, outcome = _CASES[name]
    digests = (Digest(SHA1, hashlib.sha1(hashed).digest()), Digest(SHA256, hashlib.sha256(hashed).digest()))
    checks = check_event(_event(event_type, register, data, *digests))
    assert [found.rule or found.verdict for found in checks] == [outcome] * 2


def test_what_cannot_be_computed_is_not_checkable() -> None:
    unknown = HashAlg.of(0x7777, 4)
    checks = check_event(_event(4, "pcr:0", bytes(4), Digest(unknown, b"abcd")))
    assert [found.verdict for found in checks] == ["not_checkable"]


def test_unmeasured_events_have_no_checks() -> None:
    assert check_event(_event(3, "pcr:0", b"x", Digest(SHA256, bytes(32)))) == ()


def test_banks_are_judged_one_by_one() -> None:
    good, bad = Digest(SHA1, hashlib.sha1(bytes(4)).digest()), Digest(SHA256, bytes(32))
    checks = check_event(_event(4, "pcr:0", bytes(4), good, bad))
    assert [found.verdict for found in checks] == ["matches", "mismatch"]


def test_of_two_digests_of_one_algorithm_the_first_counts() -> None:
    """It is the one that replay extends; whoever edits a log can add another that fits what the event says."""
    extended, fitting = Digest(SHA256, bytes(32)), Digest(SHA256, hashlib.sha256(b"text").digest())
    assert [found.verdict for found in check_event(_event(13, "pcr:9", b"text", extended, fitting))] == [
        "not_checkable",
        "not_checkable",
    ]
    assert [found.verdict for found in check_event(_event(13, "pcr:9", b"text", fitting, extended, fitting))] == [
        "matches",
        "not_checkable",
        "matches",
    ]


def test_convention_of_a_log_is_that_of_most_events() -> None:
    order = variable("BootOrder", b"\1\0", GUID)
    log = header("sha256") + b"".join(
        event(1, _BOOT, order, "sha256", hashed=hashed) for hashed in (order, order, b"\1\0")
    )
    (convention,) = check(read(log)).conventions
    assert (convention.event_type, convention.rule, convention.events, convention.others) == (_BOOT, "data", 2, 1)


# Real logs. The numbers are those of the measurement that the specification of the rules states, where the logs are
# the same; everywhere else it is what every event must satisfy.

_LOGS = dict(firmware_logs())

#: Every outcome that an event of the type has in any log.
_MEASURED = {
    "EV_SEPARATOR": {"data", "separator_zeros", "separator_ones"},
    "EV_EFI_ACTION": {"data"},
    "EV_EFI_GPT_EVENT": {"data"},
    "EV_EFI_VARIABLE_DRIVER_CONFIG": {"data", "variable_data"},
    "EV_EFI_VARIABLE_BOOT": {"data", "variable_data"},
    "EV_EFI_VARIABLE_AUTHORITY": {"data", "data_but_last_byte"},
}
#: Logs in which some event types are not what they say.
_EXCEPTIONS = {
    "kgoldman__acs__tpm2bios.log": "OpenPOWER puts numbers in place of digests",
    "canonical__tcglog-parser__event_test.go.eventlog.bin": "one record",
}


def _real() -> list[Path]:
    return [path for name, path in _LOGS.items() if not name.startswith("samples/")]


def test_every_event_satisfies_the_rule_of_its_type(corpus: Path) -> None:
    table = rule_table(_real())
    for name, outcomes in _MEASURED.items():
        assert set(table[name]) <= outcomes, name
        assert sum(table[name].values()) > 50


def test_commands_of_grub_and_tags_of_windows_match(corpus: Path) -> None:
    mismatches = []
    for path in _real():
        if path.name in _EXCEPTIONS:
            continue
        log = read(path)
        for each, checks in zip(log.events, check(log), strict=True):
            assert isinstance(each.content, PCClientEvent)
            if any(found.verdict == "mismatch" for found in checks):
                mismatches.append(each.content.event_type_name)
    # Three machines measure another version of their firmware than they log.
    assert mismatches == ["EV_S_CRTM_VERSION"] * 3


def test_old_firmware_hashes_the_data_of_configuration_variables(corpus: Path) -> None:
    found = {}
    for path in _real():
        outcomes = rule_table([path]).get("EV_EFI_VARIABLE_DRIVER_CONFIG")
        if outcomes and outcomes["variable_data"]:
            found[path.name] = outcomes["variable_data"]
    assert found == {"google__go-eventlog__linux_tpm12.json.eventlog.bin": 5}


def test_boot_variables_are_hashed_alike_throughout_a_log(corpus: Path) -> None:
    whole = 0
    for path in _real():
        conventions = {convention.event_type: convention for convention in check(read(path)).conventions}
        if _BOOT in conventions:
            assert conventions[_BOOT].others == 0, path.name
            whole += conventions[_BOOT].rule == "data"
    assert whole >= 14


def test_checks_are_a_sequence(corpus: Path) -> None:
    log = read(next(iter(_real())))
    checks = check(log)
    assert isinstance(checks, Checks)
    assert len(checks) == len(log.events)
    assert checks[0] == next(iter(checks)) == ()
