"""The real systemd-pcrlock, on a software TPM that was extended as a log says.

It is Debian 13's (systemd 257), where it is installed, or the command that EVLOG_PCRLOCK names: a wrapper of a binary
that was unpacked somewhere, say. Needs swtpm and tpm2_pcrextend.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import evlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALLED = "/usr/lib/systemd/systemd-pcrlock"
PCRLOCK = os.environ.get("EVLOG_PCRLOCK") or (INSTALLED if os.path.exists(INSTALLED) else None)
NEEDED = ("swtpm", "tpm2_pcrextend")
#: Why it cannot be run here, or None.
MISSING = next(
    (
        f"no {name}"
        for name, there in (("systemd-pcrlock", PCRLOCK), *((each, shutil.which(each)) for each in NEEDED))
        if not there
    ),
    None,
)


def _free_ports() -> int:
    """A port that is free, as is the next one."""
    for _ in range(50):
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise OSError("no two free ports in a row")


@contextmanager
def tpm(log: evlog.Log, folder: Path) -> Iterator[dict[str, str]]:
    """A software TPM whose PCRs are what the log leads to from zeros; gives the environment to find it by."""
    state = folder / "tpm"
    state.mkdir()
    port = _free_ports()
    server = subprocess.Popen(
        [
            "swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}",
            "--server", f"type=tcp,bindaddr=127.0.0.1,port={port}",
            "--ctrl", f"type=tcp,bindaddr=127.0.0.1,port={port + 1}",
            "--flags", "not-need-init,startup-clear",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    environment = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:host=127.0.0.1,port={port}"}
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port + 1)):
                    break
            time.sleep(0.05)
        for event in log.events:
            if event.measured:
                digests = ",".join(f"{digest.alg}={digest.value.hex()}" for digest in event.digests)
                subprocess.run(
                    ["tpm2_pcrextend", f"{event.register.index}:{digests}"],
                    check=True,
                    env=environment,
                    capture_output=True,
                )
        yield {**os.environ, "SYSTEMD_TPM2_DEVICE": f"swtpm:host=127.0.0.1,port={port}"}
    finally:
        server.terminate()
        server.wait()


def run_pcrlock(log: Path, environment: dict[str, str], *arguments: str) -> Any:
    """What the command prints as JSON of a firmware log."""
    assert PCRLOCK is not None
    done = subprocess.run(
        [PCRLOCK, *arguments, "--json=short"],
        check=True,
        capture_output=True,
        text=True,
        env={
            **environment,
            "SYSTEMD_MEASURE_LOG_FIRMWARE": str(log),
            "SYSTEMD_MEASURE_LOG_USERSPACE": str(log.parent / "no-userspace-log"),
            "SYSTEMD_PAGER": "cat",
            "SYSTEMD_COLORS": "0",
        },
    )
    return json.loads(done.stdout)
