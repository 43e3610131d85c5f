"""Where the logs are that the tests read, and ``--update`` to write transcripts again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines that build this are slow and shared; the tests say themselves where time counts. A build tries the same
# examples every time; whoever runs the tests by hand, new ones.
settings.register_profile(
    "evlog", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("evlog")

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
SHARED = ROOT.parent / "shared"
#: How many times as slow a busy machine may be: bounds of time are for what never ends.
SLOWEST = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="write the golden transcripts again, to be read as prose")


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether goldens are to be written instead of compared."""
    return bool(request.config.getoption("--update"))


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the logs of shared/{name} are not here")
    return folder


@pytest.fixture(scope="session")
def vm() -> Path:
    """Logs of virtual machines with the register values of their TPM."""
    return _folder("vm")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Logs of public projects; not part of this one."""
    return _folder("corpus")


@pytest.fixture(scope="session")
def corpus2() -> Path:
    """Logs in formats that people hold besides those, with the values that quotes beside them state."""
    return _folder("corpus2")


@pytest.fixture(scope="session")
def spec() -> Path:
    """Notes on the formats, with test vectors."""
    return _folder("spec")
