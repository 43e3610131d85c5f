"""Measurement registers in a folder: ``/sys/devices/virtual/misc/tdx_guest/measurements``, or a tree of them.

Source: Linux 6.16, Documentation/ABI/testing/sysfs-devices-virtual-misc-tdx_guest (flat files ``NAME`` or
``NAME:HASH``, in binary); the kernel's proposed register interface (``<mr>/{digest,hash_algo,event_log}``). What a
folder may look like is in `evlog.tree`.
"""

from __future__ import annotations

import os

from evlog import tree
from evlog.errors import ParseError, SourceError
from evlog.evidence import Credentials, Evidence, Material, _folder
from evlog.registers import Registers

ID = "register-tree"
TITLE = "measurement registers in a folder (tdx_guest/measurements, <mr>/digest)"
KINDS = ("register-file",)

#: Values beside the registers that are no registers.
_FREE_FORM = ("mrconfigid", "mrowner", "mrownerconfig", "user_data", "host_data")


def claims(material: Material) -> bool:
    if material.data is not None:
        return False
    try:
        return any(member.value is not None or member.log is None for member in tree.members(material.name))
    except SourceError:
        return False


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for a value of another size than its hash."""
    path = material.name
    found = tree.members(path)
    values = {(m.register, m.alg): m.value for m in found if m.alg is not None and m.value is not None}
    for name in (*filter(None, map(_unfit, found)), *_flat_unfit(path, {member.name for member in found})):
        raise ParseError(f"the value of {name} does not fit its hash", where=path)
    if not values:
        raise ParseError("no register values in the folder", where=path)
    stated = tuple((name, _folder.value(path, name)) for name in _beside(path, found))
    return Evidence(
        KINDS[0],
        Registers(values, path),
        read_only=("the register values are those of a folder, without a signature",),
        static=tuple(dict.fromkeys(member.register for member in found if member.static)),
        claims=stated,
        platform=tree.platform_of(found),
        form=ID,
    )


def _beside(path: str, found: tuple[tree.Member, ...]) -> list[str]:
    """Files beside the registers that state something: those that are known, and what tsm-mr has without a hash."""
    names = [name for name in _FREE_FORM if os.path.isfile(os.path.join(path, name))]
    if tree.is_flat(path):
        taken = {*names, *(member.name for member in found)}
        plain = (name for name in _folder.entries(path) if ":" not in name and name[:1] != "." and name not in taken)
        names += [name for name in plain if os.path.isfile(os.path.join(path, name))]
    return names


def _unfit(member: tree.Member) -> str | None:
    """The name of a register whose value is there and was not taken for one."""
    if member.value is not None or member.log is None:
        return None
    digest = os.path.join(os.path.dirname(member.log), tree.DIGEST)
    return member.name if os.path.isfile(digest) else None


def _flat_unfit(path: str, names: set[str]) -> list[str]:
    """Flat files that are named as registers and were not taken for any."""
    split = (name.partition(":") for name in _folder.entries(path))
    return [name for name, hashed, _ in split if hashed and name not in names]
