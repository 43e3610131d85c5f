"""Running the command in this process, as the shell would, from the root of the repository."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

from evlog.cli import main
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(*arguments: str, folder: Path = ROOT) -> Ran:
    """Run ``evlog ARGUMENTS`` in a folder; argparse's exit counts as the command's."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    before = os.getcwd()
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = main(arguments)
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
            sys.stdout.flush()
    finally:
        os.chdir(before)
        # The command does without the collector; the tests do not.
        gc.enable()
    out.seek(0)
    return Ran(code, out.read(), err.getvalue())
