"""The benchmarks run: on few events, for the sake of their code and not of their numbers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import evlog
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


FORMATS = {"tcg2": "tcg2", "ima": "ima-binary", "cel": "cel-tlv", "text": "text"}


@pytest.mark.parametrize("name", FORMATS)
def test_the_generator_makes_logs(name: str, tmp_path: Path) -> None:
    out = tmp_path / "log"
    subprocess.run([sys.executable, "benchmarks/made.py", name, str(out), "500"], cwd=ROOT, check=True)
    log = evlog.read(out, strict=True)
    assert log.format == FORMATS[name]
    assert len(log.events) == 500 + (name in ("tcg2", "text"))
    assert {check.verdict for row in evlog.check(log) for check in row} == {"matches"}
    assert all(row.status == "complete" for row in evlog.replay(log).rows)


def test_a_fleet_is_read_and_asked() -> None:
    pytest.importorskip("duckdb", reason="the extra [tables] is not installed")
    ran = subprocess.run(
        [sys.executable, "benchmarks/fleet.py", "20", "--few"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout.startswith("20 logs, ")
    assert ran.stdout.count("\nquery ") == 2


def test_the_runner_reports_ratios() -> None:
    ran = subprocess.run(
        [sys.executable, "benchmarks/run.py", "--events", "500", "--logs", "40", "--runs", "1", "--no-floors"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert ran.stdout.count("evlog (python)") == 10
    assert "bare hashlib extends" in ran.stdout
    assert "tpm2_eventlog" in ran.stdout
    assert "peak: the log and" in ran.stdout
