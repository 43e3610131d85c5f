"""Other people's verifiers in Go: a few lines of ours each (``tests/go``), with their module as Go's proxy has it.

Where Go's cache is cold a build takes a minute or two of processor time.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: What each program is made with.
MODULES = {
    "corim": "github.com/veraison/corim@v1.1.2",
    "rego": "github.com/open-policy-agent/opa@v1.22.3",
}
_SECONDS = 280


class NotBuiltError(Exception):
    """A program cannot be had here; the text says why."""


def built(name: str, folder: Path) -> Path:
    """The program, built in a folder. Raises NotBuiltError."""
    go = shutil.which("go")
    if go is None:
        raise NotBuiltError("no go")
    home = folder / f"go-{name}"
    home.mkdir()
    shutil.copy(ROOT / "tests" / "go" / name / "main.go", home)
    for command in (
        ("mod", "init", "reader"),
        ("get", MODULES[name]),
        ("mod", "tidy"),
        ("build", "-o", name, "."),
    ):
        try:
            ran = subprocess.run(
                [go, *command], cwd=home, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NotBuiltError(f"go {command[0]} takes too long") from error
        if ran.returncode:
            said = ran.stderr.strip().splitlines() or [f"go {command[0]} failed"]
            raise NotBuiltError(f"{MODULES[name]} cannot be built: {said[-1]}")
    return home / name
