"""A machine's file system in a folder, and captures of it that somebody has changed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import evlog
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECURITY = "sys/kernel/security"
LOG = SAMPLES / "tcg2" / "ovmf.bin"
FIRMWARE = f"{SECURITY}/tpm0/binary_bios_measurements"
MANIFEST = "manifest.json"


def put(root: Path, path: str, data: bytes = b"") -> Path:
    """A file of the machine."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def tpm(root: Path, name: str = "tpm0") -> None:
    """A TPM as sysfs shows it, with a firmware log and the values that it leads to."""
    values = evlog.read_registers(SAMPLES / "tcg2" / "ovmf.pcrs.json").registers.values
    for (register, alg), value in values.items():
        show(root, register, alg, value, name)
    put(root, f"{SECURITY}/{name}/binary_bios_measurements", LOG.read_bytes())


def show(root: Path, register: evlog.Register, alg: evlog.HashAlg, value: bytes, name: str = "tpm0") -> None:
    """A value of a PCR in sysfs."""
    put(root, f"sys/class/tpm/{name}/pcr-{alg}/{register.index}", value.hex().upper().encode() + b"\n")


def guest(root: Path) -> None:
    """A TD's registers, as tsm-mr shows them."""
    for name in ("rtmr0:sha384", "rtmr1:sha384", "rtmr2:sha384", "rtmr3:sha384", "mrtd:sha384", "mrowner"):
        put(root, f"sys/class/misc/tdx_guest/measurements/{name}", bytes(48)).chmod(0o644 if "rtmr" in name else 0o444)


def members(archive: bytes) -> dict[str, bytes]:
    """The members of an archive, the manifest among them, as Python's own tar reads it."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar.getmembers()}  # type: ignore[union-attr]


def packed(found: dict[str, bytes], change: Callable[[dict[str, Any]], None] | None = None) -> bytes:
    """An archive of members whose manifest fits them, as somebody makes it who may write whatever he likes."""
    manifest = json.loads(found[MANIFEST])
    listed = {each["name"]: each for each in manifest["members"]}
    manifest["members"] = [
        {**listed.get(name, {"name": name}), "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in found.items()
        if name != MANIFEST
    ]
    if change is not None:
        change(manifest)
    return tarred([(MANIFEST, json.dumps(manifest).encode()), *((n, d) for n, d in found.items() if n != MANIFEST)])


def tarred(files: list[tuple[str, bytes]]) -> bytes:
    """A tar of files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()
