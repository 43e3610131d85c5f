"""The samples are what SOURCES.md says: the synthetic ones come out of their script."""

from __future__ import annotations

import pytest

from samples import make, make_linux
from tests.conftest import SAMPLES


@pytest.mark.parametrize(("name", "data"), [*make.samples().items(), *make_linux.samples().items()], ids=str)
def test_a_synthetic_sample_is_what_the_script_makes(name: str, data: bytes) -> None:
    assert (SAMPLES / name).read_bytes() == data
