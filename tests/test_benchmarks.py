"""The benchmarks run: on few events, for the sake of their code and not of their numbers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import evlog
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_generator_makes_a_log(tmp_path: Path) -> None:
    out = tmp_path / "log.bin"
    subprocess.run([sys.executable, "benchmarks/make_tcg2.py", str(out), "500"], cwd=ROOT, check=True)
    log = evlog.read(out, strict=True)
    assert len(log.events) == 501
    assert out.stat().st_size == 69 + 500 * 160
    assert {check.verdict for row in evlog.check(log) for check in row} == {"matches"}


def test_the_runner_reports_ratios() -> None:
    ran = subprocess.run(
        [sys.executable, "benchmarks/run.py", "--events", "500", "--runs", "1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "evlog replay (python)" in ran.stdout
    assert "1.00 x bare hashlib extends" in ran.stdout
    assert "tpm2_eventlog" in ran.stdout
