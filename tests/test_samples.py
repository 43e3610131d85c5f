"""The samples are what SOURCES.md says: the synthetic ones come out of their scripts."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.conftest import SAMPLES

SCRIPTS = [path.stem for path in sorted(SAMPLES.glob("make*.py"))]
MADE: dict[str, bytes] = {}
for script in SCRIPTS:
    MADE |= import_module(f"samples.{script}").samples()


@pytest.mark.parametrize("name", MADE)
def test_a_synthetic_sample_is_what_its_script_makes(name: str) -> None:
    assert (SAMPLES / name).read_bytes() == MADE[name]


def test_no_script_makes_what_another_makes() -> None:
    assert len(MADE) == sum(len(import_module(f"samples.{script}").samples()) for script in SCRIPTS)
