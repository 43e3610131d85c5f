"""Large firmware logs that are mapped and not read: the same logs, and only where nobody can change them meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import evlog
from evlog import hashing
from evlog.intake import read as reading
from evlog.intake.mapping import mapped
from tests.command import run
from tests.conftest import SAMPLES

LOGS = [path for path in sorted(SAMPLES.glob("*/*")) if path.is_file()]


def leased(path: Path) -> bool:
    """Whether files here can be leased at all: not on every system, and not by everybody."""
    return mapped(str(path), 1) is not None


def test_a_file_as_a_buffer(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"some bytes")
    if not leased(path):
        pytest.skip("no leases here")
    found = mapped(str(path), 10)
    assert found is not None
    assert (found[:4], len(found), found.find(b"bytes")) == (b"some", 10, 5)
    assert mapped(str(path), 11) is None
    assert mapped(str(tmp_path / "absent"), 1) is None
    assert mapped(str(tmp_path), 1) is None


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_file_that_somebody_writes_to_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"some bytes")
    with path.open("ab"):
        assert mapped(str(path), 1) is None


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_the_same_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the file is: other rooms than that of firmware logs read it as ever."""
    pytest.importorskip("evlog_accel", reason="evlog-accel is not installed: pip install ./accel")
    monkeypatch.setattr(reading, "_LARGE", 1)
    monkeypatch.setattr(hashing, "_chosen", None)
    monkeypatch.setattr(hashing, "_settled", False)
    monkeypatch.setenv("EVLOG_BACKEND", "accel")
    try:
        plain = evlog.read(path)
    except evlog.EvlogError as error:
        with pytest.raises(type(error)) as refused:
            reading.read_mapped(str(path))
        assert str(refused.value) == str(error)
        return
    (log,) = reading.read_mapped(str(path))
    assert log == plain
    assert log.findings == plain.findings
    assert evlog.replay(log) == evlog.replay(plain)
    monkeypatch.setattr(reading, "_LARGE", 1 << 60)
    words = ("replay", str(path), "--json")
    expected = run(*words)
    monkeypatch.setattr(reading, "_LARGE", 1)
    assert run(*words) == expected
