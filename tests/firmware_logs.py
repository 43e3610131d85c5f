"""Every firmware log that can be found here: samples, and the logs under ``shared`` where they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evlog.errors import EvlogError
from evlog.intake.read import read
from tests.conftest import SAMPLES, SHARED

FORMATS = ("tcg1", "tcg2", "ccel")


def firmware_logs() -> Iterator[tuple[str, Path]]:
    """(name, path): ``vm/NAME``, ``corpus/NAME`` and ``samples/NAME``. Malformed ones are left out."""
    for path in sorted((SHARED / "vm").glob("*/binary_bios_measurements")):
        yield f"vm/{path.parent.name}", path
    for path in sorted((SHARED / "corpus").glob("*")):
        if path.is_file() and _is_firmware_log(path):
            yield f"corpus/{path.name}", path
    for folder in FORMATS:
        for path in sorted((SAMPLES / folder).glob("*.bin")):
            yield f"samples/{folder}/{path.name}", path


def _is_firmware_log(path: Path) -> bool:
    try:
        return read(path).format in FORMATS
    except EvlogError:
        return False
