"""Where a live machine keeps its logs and register values, with a folder in place of its file system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evlog.intake.sources import LOGS, REGISTERS, live_logs, live_registers
from tests.command import run
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_machine_with_nothing(tmp_path: Path) -> None:
    assert live_logs(str(tmp_path)) == []
    assert live_registers(str(tmp_path)) is None


def test_logs_are_found_in_the_order_of_a_boot(tmp_path: Path) -> None:
    for alternatives in LOGS:
        for path in alternatives:
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    assert live_logs(str(tmp_path)) == [str(tmp_path / row[0].lstrip("/")) for row in LOGS]
    (tmp_path / LOGS[4][0].lstrip("/")).unlink()
    assert str(tmp_path / LOGS[4][1].lstrip("/")) in live_logs(str(tmp_path))


def test_registers_are_found(tmp_path: Path) -> None:
    for path in reversed(REGISTERS):
        (tmp_path / path.lstrip("/")).mkdir(parents=True)
        assert live_registers(str(tmp_path)) == str(tmp_path / path.lstrip("/"))


def test_the_command_verifies_the_machine_it_runs_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import evlog
    import evlog.intake.sources

    log = tmp_path / "binary_bios_measurements"
    log.write_bytes((SAMPLES / "tcg2" / "ovmf.bin").read_bytes())
    registers = tmp_path / "tpm0" / "pcr-sha256"
    registers.mkdir(parents=True)
    values = evlog.read_registers(SAMPLES / "tcg2" / "ovmf.pcrs.json").registers.values
    for (register, alg), value in values.items():
        if alg == evlog.SHA256:
            (registers / str(register.index)).write_text(value.hex().upper() + "\n")
    monkeypatch.setattr(evlog.intake.sources, "live_logs", lambda: [str(log)])
    monkeypatch.setattr(evlog.intake.sources, "live_registers", lambda: str(registers.parent))
    monkeypatch.setenv("COLUMNS", "999")
    ran = run("verify", "--live")
    assert ran.code == 0
    assert "without a signature" in ran.out
    assert run("verify", str(log), "--live").code == 0
    monkeypatch.setattr(evlog.intake.sources, "live_registers", lambda: None)
    assert run("verify", "--live").code == 3
    assert run("verify", "--registers", str(registers.parent)).code == 2
