"""Measurement registers in sysfs: ``/sys/devices/virtual/misc/tdx_guest/measurements``.

Source: Linux 6.16, Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest and drivers/virt/coco/guest/tsm-mr.c.
Each file is a register in binary, named ``NAME`` or ``NAME:HASH``; those without a hash are free-form values.
"""

from __future__ import annotations

import os

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _folder
from evlog.registers import Register, Registers

ID = "tsm-measurements"
TITLE = "measurement registers in sysfs (/sys/devices/virtual/misc/tdx_guest/measurements)"

#: Registers that are set before the guest runs, by name: what no event extends, and whose platform it tells.
STATIC = {"mrtd": (Register("ccmr", 0), "tdx"), "rim": (Register("ccmr", 0), "cca")}
_FREE_FORM = ("mrconfigid", "mrowner", "mrownerconfig", "user_data", "config_mr", "static_mr", "host_data")


def claims(material: Material) -> bool:
    if material.data is not None:
        return False
    return any(":" in name or name in STATIC for name in _folder.entries(material.name))


def named(name: str) -> Register:
    """The register of a name: ``rtmr2`` and ``rem0`` have a number, others are known by name."""
    if name in STATIC:
        return STATIC[name][0]
    try:
        register = Register.parse(name)
    except EvlogError:
        return Register("mr", name)
    return register if register.space in ("rtmr", "rem", "pcr") else Register("mr", name)


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for a value of another size than its hash."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    stated: list[tuple[str, bytes]] = []
    static: list[Register] = []
    platform = None
    for file in _folder.entries(material.name):
        name, _, hash_name = file.partition(":")
        if not hash_name and name not in _FREE_FORM and name not in STATIC:
            continue
        data = _folder.value(material.name, file)
        if not hash_name and name not in STATIC:
            stated.append((name, data))
            continue
        register, alg = named(name), _alg(hash_name, data, os.path.join(material.name, file))
        values[register, alg] = data
        if name in STATIC:
            static.append(register)
            platform = STATIC[name][1]
    if not values:
        raise ParseError("no register values in the folder", where=material.name)
    return Evidence(
        ID,
        Registers(values, material.name),
        read_only=("the register values are what the kernel read, without a signature",),
        static=tuple(static),
        claims=tuple(stated),
        platform=platform,
    )


def _alg(name: str, data: bytes, where: str) -> HashAlg:
    alg = HashAlg.of_size(len(data)) if not name else None
    if name:
        try:
            alg = HashAlg.named(name)
        except EvlogError as error:
            raise ParseError(str(error), where=where) from error
    if alg is None or alg.size != len(data):
        raise ParseError(f"a value of {len(data)} bytes does not fit its hash", where=where)
    return alg
