"""One register's value in a file that is named after it: ``measurements/rtmr2:sha384``, ``pcr-sha256/7``.

Source: Linux 6.16, Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest (``NAME:HASH``, the value's bytes);
Documentation/ABI/stable/sysfs-class-tpm (``pcr-HASH/INDEX``, in hex). The content has to be a value of that hash.
"""

from __future__ import annotations

import os

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import PLATFORMS, Register, Registers

ID = "named-value"
TITLE = "the value of a register in a file named after it (rtmr2:sha384, pcr-sha256/7)"
KINDS = ("register-file",)

_BANK = "pcr-"
_BUILD_TIME = Register("ccmr", 0)


def claims(material: Material) -> bool:
    found = _named(material.name)
    return found is not None and _value(material.data or b"", found[1]) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The value, only read. Raises ParseError for a file that is not named so, or has another size."""
    found = _named(material.name)
    value = _value(material.data or b"", found[1]) if found is not None else None
    if found is None or value is None:
        raise ParseError("not the value of a register that the file is named after", offset=0)
    register, alg = found
    platform = {"rtmr": "tdx", "rem": "cca"}.get(register.space)
    register = PLATFORMS[platform].ccmr_of(register) if platform else register
    sentence = f"the value of {register} is that of a file with its name, without a signature"
    return Evidence(
        KINDS[0],
        Registers({(register, alg): value}, material.name),
        read_only=(sentence,),
        static=(_BUILD_TIME,) if register == _BUILD_TIME else (),
        platform=platform or ("tdx" if register == _BUILD_TIME else None),
        form=ID,
    )


def _named(path: str) -> tuple[Register, HashAlg] | None:
    folder, name = os.path.split(path)
    first, colon, last = name.partition(":")
    if not colon:
        outer = os.path.basename(folder)
        if not outer.startswith(_BANK) or not name.isdigit():
            return None
        first, last = f"pcr:{name}", outer.removeprefix(_BANK)
    try:
        register, alg = Register.parse(first), HashAlg.named(last)
    except EvlogError:
        return None
    return (register, alg) if register.space in ("pcr", "rtmr", "rem", "ccmr") else None


def _value(data: bytes, alg: HashAlg) -> bytes | None:
    """The value as bytes or in hex, None if it is none of the bank."""
    if len(data) != alg.size:
        try:
            data = bytes.fromhex(data.decode("ascii"))
        except ValueError:
            return None
    return data if len(data) == alg.size else None
