"""Where a live machine keeps its logs and register values, with a folder in place of its file system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from evlog.errors import SourceError, UsageError
from evlog.intake.machine import read_machine
from evlog.intake.sources import live_logs, log_sources, register_sources
from tests.command import run
from tests.fake_machine import SECURITY, guest, put, tpm

if TYPE_CHECKING:
    from pathlib import Path


def test_a_machine_with_nothing(tmp_path: Path) -> None:
    assert live_logs(str(tmp_path)) == []
    assert register_sources(str(tmp_path)) == ()
    assert {each.problem for each in log_sources(str(tmp_path))} == {"ENOENT"}
    assert "neither a TPM's" in run("verify", "--live", "--sysroot", str(tmp_path)).err
    assert run("verify", "--live", "--sysroot", str(tmp_path)).code == 3
    assert run("show", "--live", "--sysroot", str(tmp_path)).code == 3


def test_logs_are_found_in_the_order_of_a_boot(tmp_path: Path) -> None:
    paths = [
        f"{SECURITY}/tpm0/binary_bios_measurements",
        "sys/firmware/acpi/tables/data/CCEL",
        "run/log/systemd/tpm2-measure.log",
        "run/log/systemd/cc-measure.log",
        f"{SECURITY}/integrity/ima/binary_runtime_measurements_sha256_staged",
        f"{SECURITY}/ima/binary_runtime_measurements_sha384",
        "run/attestation-agent/eventlog",
        "run/log/dstack/runtime_events.log",
        "run/rtmr/rtmr2.log",
        "sys/kernel/tsm/tdx/rtmr3/event_log",
    ]
    for path in reversed(paths):
        put(tmp_path, path)
    assert live_logs(str(tmp_path)) == [str(tmp_path / path) for path in paths]
    found = [each.member for each in log_sources(str(tmp_path)) if not each.problem]
    assert len(set(found)) == len(paths)
    # The bank that most ask for goes before others, and its short folder before the long one.
    put(tmp_path, f"{SECURITY}/ima/binary_runtime_measurements_sha256")
    put(tmp_path, f"{SECURITY}/ima/binary_runtime_measurements")
    assert str(tmp_path / f"{SECURITY}/ima/binary_runtime_measurements_sha256") in live_logs(str(tmp_path))


def test_tpms_are_found_by_their_numbers(tmp_path: Path) -> None:
    tpm(tmp_path, "tpm10")
    tpm(tmp_path, "tpm2")
    assert [each.name for each in register_sources(str(tmp_path))] == ["tpm2", "tpm10"]
    with pytest.raises(UsageError, match=r"2 TPMs \(tpm2, tpm10\)"):
        live_logs(str(tmp_path))
    assert live_logs(str(tmp_path), "tpm10") == [str(tmp_path / f"{SECURITY}/tpm10/binary_bios_measurements")]
    with pytest.raises(UsageError, match="say which"):
        read_machine(str(tmp_path))
    ran = run("verify", "--live", "--sysroot", str(tmp_path))
    assert ran.code == 2
    assert "--member tpm10" in ran.err
    assert run("verify", "--live", "--sysroot", str(tmp_path), "--member", "tpm2").code == 0
    assert run("show", "--live", "--sysroot", str(tmp_path), "--member", "tpm2").code == 0
    assert run("show", "--live", "--sysroot", str(tmp_path)).code == 2


def test_every_measurements_folder_is_found(tmp_path: Path) -> None:
    guest(tmp_path)
    put(tmp_path, "sys/devices/virtual/misc/other/measurements/rtmr1:sha384", bytes(48))
    os.makedirs(tmp_path / "sys/devices/virtual/misc/tdx_guest")
    os.symlink(tmp_path / "sys/class/misc/tdx_guest/measurements", tmp_path / "sys/devices/virtual/misc/tdx_guest/m")
    assert [each.name for each in register_sources(str(tmp_path))] == ["tdx_guest", "other"]


def test_a_guest_with_a_tpm(tmp_path: Path) -> None:
    tpm(tmp_path)
    guest(tmp_path)
    evidence = read_machine(str(tmp_path))
    assert {register.space for register, _ in evidence.registers} == {"pcr", "ccmr"}
    assert any("nothing here says that the TPM is that guest's own" in each for each in evidence.read_only)
    ran = run("verify", "--live", "--sysroot", str(tmp_path), "--require", "pcr:0-7")
    assert ran.code == 0
    assert "guest's own" in " ".join(ran.out.split())


def test_the_command_verifies_the_machine_it_runs_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tpm(tmp_path)
    monkeypatch.setenv("COLUMNS", "999")
    ran = run("verify", "--live", "--sysroot", str(tmp_path))
    assert ran.code == 0
    assert "without a signature" in ran.out
    log = tmp_path / SECURITY / "tpm0" / "binary_bios_measurements"
    assert run("verify", str(log), "--live", "--sysroot", str(tmp_path)).code == 0
    shown = run("show", "--live", "--sysroot", str(tmp_path))
    assert shown.code == 0
    assert "registers: 24 pcr in sha1" in shown.out
    values = tmp_path / "sys/class/tpm/tpm0/pcr-sha256/7"
    values.write_text("00" * 32)
    assert run("verify", "--live", "--sysroot", str(tmp_path)).code == 1
    assert run("verify", "--registers", str(values.parent)).code == 2
    assert run("verify", str(log), "--registers", str(values.parent), "--sysroot", "/").code == 2


def test_a_log_that_only_root_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tpm(tmp_path)
    path = str(tmp_path / SECURITY / "tpm0" / "binary_bios_measurements")
    opened = os.open

    def refuse(name: str, *rest: int, **more: int) -> int:
        if name == path:
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *rest, **more)

    # Root may read whatever the mode says, and tests may be root.
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceError, match="permission denied; root may read it"):
        live_logs(str(tmp_path))
    ran = run("verify", "--live", "--sysroot", str(tmp_path))
    assert ran.code == 3
    assert "root may read it" in ran.err
    shown = run("show", "--live", "--sysroot", str(tmp_path))
    assert shown.code == 0
    assert "root may read it" in shown.err
    assert "24 pcr" in shown.out


def test_a_tpm_whose_kernel_shows_no_values(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/tpm/tpm0/tpm_version_major", b"2\n")
    with pytest.raises(SourceError, match="shows no PCRs in sysfs"):
        read_machine(str(tmp_path))


def test_where_systemd_was_told_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMD_MEASURE_LOG_USERSPACE", str(tmp_path / "measured"))
    assert str(tmp_path / "measured") in [each.path for each in log_sources()]
    # It is of this machine, and not of one whose file system stands elsewhere.
    assert str(tmp_path / "measured") not in [each.path for each in log_sources(str(tmp_path))]
