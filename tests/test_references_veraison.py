"""CoRIM as veraison/corim reads it, the Go library of its verifier: what it takes, and which digests it sees.

Skips where there is no Go, or its proxy does not answer.
"""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

import evlog
from tests.conftest import SAMPLES
from tests.go_programs import NotBuiltError, built

if TYPE_CHECKING:
    from pathlib import Path

LOGS = ("tcg2/secure-boot.bin", "ccel/ovmf-tdx.bin", "tcg2/sha384-only.bin")
#: The names of CoRIM's algorithms, and ours.
NAMES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return built("corim", tmp_path_factory.mktemp("go"))
    except NotBuiltError as error:
        pytest.skip(str(error))


def exported(log: evlog.Log, by: str) -> bytes:
    return evlog.export(evlog.boot_of(log), "corim", by=by, vendor="ACME", model="One").data


def read(reader: Path, data: bytes, folder: Path) -> list[list[Any]] | None:
    """Each measurement's key, digests and registers; None if it is refused."""
    (folder / "corim").write_bytes(data)
    ran = subprocess.run([reader, folder / "corim"], capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    if ran.returncode:
        assert ran.stdout.startswith("refused: ")
        return None
    return [json.loads(line) for line in ran.stdout.splitlines()]


def digests(said: list[str]) -> dict[str, bytes]:
    pairs = (each.split(";") for each in said)
    return {NAMES[name]: base64.b64decode(value) for name, value in pairs}


@pytest.mark.parametrize("name", LOGS)
def test_events_have_the_digests_of_the_log(name: str, reader: Path, tmp_path: Path) -> None:
    log = evlog.read(SAMPLES / name)
    told = read(reader, exported(log, "event"), tmp_path)
    assert told is not None
    want = {
        f"{event.register}/{event.number}": {d.alg.name: d.value for d in event.digests if d.alg.name in NAMES.values()}
        for event in log.events
        if event.measured
    }
    assert {key: digests(said) for key, said, _ in told} == want


@pytest.mark.parametrize("name", LOGS)
def test_registers_have_the_values_that_the_log_leads_to(name: str, reader: Path, tmp_path: Path) -> None:
    log = evlog.read(SAMPLES / name)
    told = read(reader, exported(log, "register"), tmp_path)
    assert told is not None
    want: dict[str, dict[str, bytes]] = {}
    for row in evlog.replay(log).rows:
        if row.alg.name in NAMES.values():
            want.setdefault(str(row.register), {})[row.alg.name] = row.value or b""
    (_, _, registers), *rest = told
    # A PCR is its number there, another register its name.
    assert {key.rpartition(":")[2]: digests(each["value"]) for key, each in registers.items()} == {
        key.rpartition(":")[2]: each for key, each in want.items()
    }
    assert {key: digests(said) for key, said, _ in rest} == want


def test_it_refuses_what_is_wrong(reader: Path, tmp_path: Path) -> None:
    data = exported(evlog.read(SAMPLES / LOGS[0]), "event")
    assert read(reader, data, tmp_path)
    for old, new in (
        # A TPM's number of SHA-1 is there a SHA-256 of 12 bytes; SHA-384 is no SHA-256.
        (b"\x82\x01\x58\x20", b"\x82\x04\x58\x20"),
        (b"\x82\x07\x58\x30", b"\x82\x01\x58\x30"),
    ):
        assert old in data
        assert read(reader, data.replace(old, new, 1), tmp_path) is None
    assert read(reader, data[:-1], tmp_path) is None
