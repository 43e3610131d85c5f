"""A TPM in sysfs: ``/sys/class/tpm/tpm0`` with ``pcr-sha256/0`` and so on, or with the ``pcrs`` file of old kernels.

Source: Linux, Documentation/ABI/stable/sysfs-class-tpm. One of its ``pcr-ALG`` folders is read as well.
"""

from __future__ import annotations

import os

from evlog.algorithms import SHA1, HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _folder, pcrread
from evlog.registers import Register, Registers

ID = "tpm-sysfs"
TITLE = "a TPM in sysfs (/sys/class/tpm/tpm0)"
KINDS = ("register-file",)
_BANK = "pcr-"


def claims(material: Material) -> bool:
    if material.data is not None:
        return False
    if _bank(os.path.basename(os.path.normpath(material.name))):
        return True
    return any(_bank(name) or name == "pcrs" for name in _folder.entries(material.name))


def _bank(name: str) -> HashAlg | None:
    if not name.startswith(_BANK):
        return None
    try:
        return HashAlg.named(name.removeprefix(_BANK))
    except EvlogError:
        return None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read: the kernel asked the TPM, and nothing signs the answer."""
    path = material.name
    values: dict[tuple[Register, HashAlg], bytes] = {}
    own = _bank(os.path.basename(os.path.normpath(path)))
    if own:
        values |= _values(path, own)
    names = _folder.entries(path)
    for name in names:
        alg = _bank(name)
        if alg:
            values |= _values(os.path.join(path, name), alg)
    if "pcrs" in names and not any(alg == SHA1 for _, alg in values):
        listing = Material(_folder.value(path, "pcrs"), os.path.join(path, "pcrs"))
        values |= pcrread.read(listing, credentials).registers.values
    if not values:
        raise ParseError("no PCR values in the folder", where=path)
    sentence = "the PCR values are what the kernel read from the TPM, without a signature"
    return Evidence(KINDS[0], Registers(values, path), read_only=(sentence,), platform="tpm", form=ID)


def _values(path: str, alg: HashAlg) -> dict[tuple[Register, HashAlg], bytes]:
    values = {}
    for name in _folder.entries(path):
        if not (name.isascii() and name.isdigit() and len(name) <= 2):
            continue
        where = os.path.join(path, name)
        try:
            value = bytes.fromhex(_folder.text(where))
        except ValueError:
            raise ParseError("a value in hex was expected", where=where) from None
        if len(value) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", where=where)
        values[Register("pcr", int(name)), alg] = value
    return values
