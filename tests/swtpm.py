"""A software TPM for tests: Debian's swtpm on a socket in a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_TOOLS = shutil.which("tpm2_pcrread") is not None
HAS_PYTSS = importlib.util.find_spec("tpm2_pytss") is not None
_PATIENCE = 10.0

needs_swtpm = pytest.mark.skipif(
    shutil.which("swtpm") is None or not HAS_TOOLS, reason="no swtpm or tpm2-tools here (apt: swtpm, tpm2-tools)"
)
#: The ways to speak to a TPM, for ``@pytest.mark.parametrize("way", WAYS)`` and `speaking`.
WAYS = [
    pytest.param("tools", marks=pytest.mark.skipif(not HAS_TOOLS, reason="no tpm2-tools here")),
    pytest.param("pytss", marks=pytest.mark.skipif(not HAS_PYTSS, reason="no tpm2-pytss here")),
]


class Swtpm:
    """A TPM that was started. ``tcti`` is what tools take for it, ``target`` what evlog does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tcti = f"swtpm:path={folder}/sock"
        self.target = f"tpm:{self.tcti}"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "state").mkdir()
        self.start()

    def start(self) -> None:
        """Power on, as a reboot is if it was on before: the PCRs start anew."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state"),
                    *("--server", f"type=unixio,path={self.folder}/sock"),
                    *("--ctrl", f"type=unixio,path={self.folder}/sock.ctrl", "--flags", "not-need-init,startup-clear"),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        end = time.monotonic() + _PATIENCE
        while not (_listens(self.folder / "sock.ctrl") and _listens(self.folder / "sock")):
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"swtpm does not start: {(self.folder / 'log').read_text()[-300:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Power off."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE)
            self._process = None
        for name in ("sock", "sock.ctrl"):
            (self.folder / name).unlink(missing_ok=True)

    def reboot(self) -> None:
        self.stop()
        self.start()

    def tool(self, name: str, *words: str) -> str:
        """What a program of tpm2-tools says: the second opinion, which has nothing of evlog's in it."""
        where = () if name == "checkquote" else ("--tcti", self.tcti)
        ran = subprocess.run([f"tpm2_{name}", *words, *where], capture_output=True, text=True, timeout=30, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


def _listens(path: Path) -> bool:
    """Whether somebody takes connections at a socket: it is there before anybody does."""
    with socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.connect(str(path))
        except OSError:
            return False
        return True


@contextmanager
def running() -> Iterator[Swtpm]:
    """A TPM in a folder of its own, whose path is short: a socket's has 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix="evlog-tpm-", dir="/tmp" if os.path.isdir("/tmp") else None))
    tpm = None
    try:
        tpm = Swtpm(folder)
        yield tpm
    finally:
        if tpm is not None:
            tpm.stop()
        shutil.rmtree(folder, ignore_errors=True)
