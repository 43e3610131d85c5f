"""What the check finds in a log as a whole: one log without a fault, and one for each finding."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from evlog.checking.check import check
from evlog.intake.read import read
from tests.conftest import ROOT
from tests.firmware_logs import firmware_logs
from tests.made import GUID, event, header, load_option, sha1_event, variable

_BANKS = ("sha1", "sha256")
_NO_ACTION, _SEPARATOR, _TAG, _IPL = 3, 4, 6, 13
_CONFIG, _BOOT, _APPLICATION, _GPT, _ACTION, _AUTHORITY = (
    0x80000001,
    0x80000002,
    0x80000003,
    0x80000006,
    0x80000007,
    0x800000E0,
)
_LOCALITY = b"StartupLocality\0"
_PATH = b"\4\4\x08\0a\0\0\0\x7f\xff\4\0"


def _of(register: int, event_type: int, data: bytes, hashed: bytes | None = None) -> bytes:
    return event(register, event_type, data, *_BANKS, hashed=hashed)


def _torn() -> bytes:
    """An event whose SHA-1 digest, at byte 14, is not of its data."""
    record = _of(5, _ACTION, b"text")
    return record[:14] + b"x" * 20 + record[34:]


def _image(path: bytes, stated: int | None = None) -> bytes:
    return bytes(24) + (len(path) if stated is None else stated).to_bytes(8, "little") + path


class Boot:
    """A boot in order, as lists of records that a test can change."""

    def __init__(self) -> None:
        self.header = header(*_BANKS)
        self.firmware = [
            _of(0, _NO_ACTION, _LOCALITY + b"\3"),
            _of(0, 8, "1.0\0".encode("utf-16-le")),
            _of(0, 0x80000008, bytes(16), b"the firmware"),
            _of(7, _CONFIG, variable("SecureBoot", b"\1")),
            _of(7, _CONFIG, variable("db", b"a list")),
            _of(1, _BOOT, variable("BootOrder", b"\1\0"), b"\1\0"),
            _of(1, _BOOT, variable("Boot0001", load_option(1, "x", _PATH)), load_option(1, "x", _PATH)),
            _of(4, _ACTION, b"Calling EFI Application from Boot Option"),
        ]
        self.separators = [_of(pcr, _SEPARATOR, bytes(4)) for pcr in range(8)]
        self.loader = [
            _of(5, _GPT, b"EFI PART" + bytes(92)),
            _of(7, _AUTHORITY, variable("db", GUID + b"a certificate")),
            _of(4, _APPLICATION, _image(_PATH), b"the loader"),
            _of(8, _IPL, b"grub_cmd: boot\0", b"boot"),
            _of(9, _IPL, b"/vmlinuz\0", b"the kernel"),
            _of(5, _ACTION, b"Exit Boot Services Invocation"),
            _of(5, _ACTION, b"Exit Boot Services Returned with Success"),
        ]

    def codes(self) -> list[str]:
        """The codes of the findings, in their order."""
        log = read(b"".join([self.header, *self.firmware, *self.separators, *self.loader]))
        assert not log.findings
        return [finding.code for finding in check(log).findings]


def test_nothing_is_odd_about_a_boot_in_order() -> None:
    assert Boot().codes() == []


_CHANGES: dict[str, Callable[[Boot], object]] = {
    "digest_mismatch": lambda boot: boot.loader.append(_of(5, _ACTION, b"one text", b"another")),
    "banks_disagree": lambda boot: boot.loader.append(_torn()),
    "constant_digest": lambda boot: boot.firmware.append(_of(0, 7, bytes(16), bytes(4))),
    "digest_list": lambda boot: boot.loader.append(event(9, _IPL, b"/initrd\0", "sha256", hashed=b"it")),
    "digest_order": lambda boot: boot.loader.append(event(9, _IPL, b"/initrd\0", *reversed(_BANKS), hashed=b"it")),
    "separator_missing": lambda boot: boot.separators.pop(3),
    "separator_repeated": lambda boot: boot.separators.append(_of(3, _SEPARATOR, bytes(4))),
    "separator_error": lambda boot: boot.separators.__setitem__(0, _of(0, _SEPARATOR, b"\1\0\0\0")),
    "early_os_register": lambda boot: boot.firmware.append(_of(9, _IPL, b"/early\0", b"it")),
    "event_between_separators": lambda boot: boot.separators.insert(4, _of(2, 0x80000004, _image(_PATH), b"a driver")),
    "event_after_separator": lambda boot: boot.loader.append(_of(7, _ACTION, b"DMA Protection Disabled")),
    "locality_late": lambda boot: boot.firmware.append(boot.firmware.pop(0)),
    "locality_value": lambda boot: boot.firmware.__setitem__(0, _of(0, _NO_ACTION, _LOCALITY + b"\2")),
    "locality_repeated": lambda boot: boot.firmware.insert(0, boot.firmware[0]),
    "no_action_register": lambda boot: boot.firmware.insert(0, _of(1, _NO_ACTION, b"SP800-155 Event\0" + bytes(20))),
    "register_range": lambda boot: boot.loader.append(_of(24, 5, b"text")),
    "variable_repeated": lambda boot: boot.firmware.append(_of(7, _CONFIG, variable("SecureBoot", b"\0"))),
    "image_from_firmware": lambda boot: boot.loader.append(
        _of(4, _APPLICATION, _image(b"\4\7\x14\0" + GUID + b"\x7f\xff\4\0"), b"setup")
    ),
    "variable_boot_whole_event": lambda boot: boot.firmware.__setitem__(
        slice(5, 7), [_of(1, _BOOT, variable("BootOrder", b"\1\0"))]
    ),
    "driver_config_data_only": lambda boot: boot.firmware.__setitem__(
        slice(3, 5), [_of(7, _CONFIG, variable("SecureBoot", b"\1"), b"\1")]
    ),
    "mixed_rules": lambda boot: boot.firmware.append(_of(1, _BOOT, variable("Boot0002", b"abcdefgh"))),
    "exit_boot_services_missing": lambda boot: boot.loader.__delitem__(slice(5, 7)),
    "exit_boot_services_repeated": lambda boot: boot.loader.extend(boot.loader[-2:]),
    "old_shim_authority": lambda boot: boot.loader.append(
        _of(7, _AUTHORITY, variable("Shim", b"der") + bytes(5) + b"\xaf", variable("Shim", b"der") + bytes(5))
    ),
    "locality_padded": lambda boot: boot.firmware.__setitem__(
        0, _of(0, _NO_ACTION, (_LOCALITY + b"\3").ljust(50, b"\0"))
    ),
    "no_register": lambda boot: boot.loader.append(_of(0xFFFFFFFF, _NO_ACTION, b"something of Windows")),
    "tag_without_header": lambda boot: boot.loader.append(_of(9, _TAG, b"Linux initrd\0", b"it")),
    "stray_bytes": lambda boot: boot.loader.append(_of(9, _IPL, b"grub_linuxefi Kernel\0l", b"it")),
    "empty_variable": lambda boot: boot.firmware.append(_of(7, _CONFIG, variable("PK", b""))),
    "utf16_cut": lambda boot: boot.loader.append(
        _of(8, _IPL, "root=x\0".encode("utf-16-le")[:-1], "root=x\0".encode("utf-16-le"))
    ),
    "crtm_contents_text": lambda boot: boot.firmware.append(_of(0, 7, b"Boot Guard Measured S-CRTM\0", b"it")),
    "launch_end_missing": lambda boot: boot.loader.append(_of(17, 0x503, b"")),
    "launch_type_in_static_register": lambda boot: boot.firmware.append(_of(0, 0x40E, b"", b"it")),
    "device_path_length": lambda boot: boot.loader.append(_of(4, _APPLICATION, _image(_PATH, 64), b"a loader")),
    "uintn_32": lambda boot: setattr(boot, "header", header(*_BANKS, uintn=1)),
    "placeholder_description": lambda boot: boot.firmware.append(
        _of(0, 0x8000000A, b"\x0eFv(XXXXXXXX-XXXX" + bytes(16), b"it")
    ),
}


@pytest.mark.parametrize("code", _CHANGES)
def test_finding(code: str) -> None:
    boot = Boot()
    _CHANGES[code](boot)
    assert boot.codes() == [code]


def test_a_locality_with_something_behind_it_is_none() -> None:
    log = header("sha256") + event(0, 3, b"StartupLocality\0\3" + bytes(8) + b"\1", "sha256")
    codes = {finding.code for finding in check(read(log)).findings}
    assert "locality_value" in codes
    assert "locality_padded" not in codes


def test_no_action_with_a_digest() -> None:
    loud = event(0, _NO_ACTION, b"a note", "sha256", hashed=b"x")
    found = check(read(header("sha256") + loud)).findings
    assert [each.code for each in found] == ["no_action_digest"]
    assert found[0].event == 1


def test_trust_point_of_windows_has_a_digest() -> None:
    point = event(0xFFFFFFFF, _NO_ACTION, b"\4\0\1\xc0\0\0\0\0", "sha256", hashed=b"x")
    assert [each.code for each in check(read(header("sha256") + point)).findings] == ["no_register"]


def test_log_that_ends_before_the_separators() -> None:
    log = header("sha256") + event(7, _CONFIG, variable("SecureBoot", b"\1"), "sha256")
    (found,) = check(read(log)).findings
    assert (found.code, found.severity, found.event) == ("separator_missing", "note", None)


def test_separator_of_an_unknown_value() -> None:
    log = header("sha256") + event(14, _SEPARATOR, b"odd", "sha256", hashed=b"other")
    assert {each.code for each in check(read(log)).findings} == {"digest_mismatch", "separator_value"}


def test_confidential_machines_count_other_registers() -> None:
    banks = ("sha384",)
    log = header(*banks, register=1) + b"".join(event(1, _SEPARATOR, bytes(4), *banks) for _ in range(2))
    found = check(read(log)).findings
    assert [each.code for each in found] == ["header_register", "separators_folded"]
    assert {each.severity for each in found} == {"note"}


def test_locality_first_in_a_log_of_tpm_1_2() -> None:
    log = sha1_event(0, _NO_ACTION, _LOCALITY + b"\3") + sha1_event(0, 8, b"version")
    codes = [each.code for each in check(read(log)).findings]
    assert "locality_first" in codes


def test_finding_names_three_events_and_counts_the_rest() -> None:
    log = header("sha256") + event(5, 5, b"text", "sha256", hashed=b"other") * 5
    (found,) = check(read(log)).findings
    assert found.message.endswith("(events 1, 2, 3 and 2 more)")


def test_every_code_is_documented_and_every_documented_code_is_tested() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", _section("Of `check`"), re.MULTILINE))
    sources = [ROOT / "src/evlog/checking" / name for name in ("structure.py", "quirks.py")]
    text = "".join(source.read_text() for source in sources)
    made = set(re.findall(r'"([a-z0-9]+(?:_[a-z0-9]+)+)", "(?:note|warning)"', text))
    made |= set(re.findall(r'\(\s*"([a-z0-9]+(?:_[a-z0-9]+)+)",\s*"', text)) | {
        "driver_config_data_only",
        "variable_boot_whole_event",
    }
    assert made == listed
    here = Path(__file__).read_text()
    assert not {code for code in listed if f'"{code}"' not in here}


def _section(title: str) -> str:
    text = (ROOT / "docs/findings.md").read_text()
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


# Real machines: what the check must not cry about, and what it must see.

_LOGS = dict(firmware_logs())


def _codes(name: str) -> set[str]:
    return {each.code for each in check(read(_LOGS[name])).findings}


def test_own_machines_boot_in_order(vm: Path) -> None:
    for name in _LOGS:
        if name.startswith("vm/") and "seabios" not in name:
            assert _codes(name) <= {"empty_variable", "image_from_firmware", "placeholder_description"}, name


def test_known_machines(corpus: Path) -> None:
    known = {
        "google__go-eventlog__ebs_event_missing_eventlog": {"exit_boot_services_missing"},
        "google__go-eventlog__cos-113-intel-tdx-dupe-separator-unpadded.bin": {"separators_folded", "header_register"},
        "google__go-eventlog__linux_tpm12.json.eventlog.bin": {"driver_config_data_only"},
        "google__go-eventlog__CCEL_unpadded.data.bin": {"tag_without_header"},
        "kgoldman__acs__tpm2bios.log": {"digest_mismatch", "constant_digest"},
    }
    for name, codes in known.items():
        assert codes <= _codes(f"corpus/{name}"), name


def test_warnings_are_rare(corpus: Path) -> None:
    warned = [name for name in _LOGS if any(each.severity == "warning" for each in check(read(_LOGS[name])).findings)]
    assert len(warned) < len(_LOGS) / 4
