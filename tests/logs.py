"""The samples as the tests see them: every log under ``samples/`` by the format that its folder names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evlog.formats import FORMATS
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

#: What lies beside logs: register values, the record of a bad sample's finding, prose.
COMPANIONS = (".pcrs.json", ".finding", ".md", ".py")


def logs_in(folder: Path) -> list[Path]:
    """The logs of a folder and its sub-folders."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if not path.name.endswith(COMPANIONS) and "__pycache__" not in path.parts]


SAMPLE_LOGS: list[tuple[str, Path]] = [(format, path) for format in FORMATS for path in logs_in(SAMPLES / format)]
BAD_LOGS = logs_in(SAMPLES / "bad")

#: For tests that take ``(format, path)``.
each_sample = pytest.mark.parametrize(
    ("format", "path"), SAMPLE_LOGS, ids=[str(path.relative_to(SAMPLES)) for _, path in SAMPLE_LOGS]
)
each_format = pytest.mark.parametrize("format", FORMATS)


def smallest(format: str) -> Path:
    """The smallest sample of a format."""
    return min((path for own, path in SAMPLE_LOGS if own == format), key=lambda path: path.stat().st_size)
