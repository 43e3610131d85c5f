"""A tree of registers, each with its value, its hash and its textual log: ``<mr>/{digest,hash_algo,event_log}``.

Source: the kernel's proposed measurement register interface (spec/textual.md section 5.1). One register's folder is
read too, and so are flat files beside the folders, which are registers that never change.
"""

from __future__ import annotations

import os

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _folder
from evlog.evidence.tsm_measurements import STATIC, named
from evlog.registers import Register, Registers

ID = "register-tree"
TITLE = "a tree of registers (<mr>/{digest,hash_algo,event_log})"
_DIGEST, _HASH = "digest", "hash_algo"


def claims(material: Material) -> bool:
    return material.data is None and bool(_folders(material.name))


def _folders(path: str) -> list[str]:
    """The folders of registers in a tree, or the folder itself if it is one."""
    if os.path.isfile(os.path.join(path, _DIGEST)):
        return [path]
    inner = (os.path.join(path, name) for name in _folder.entries(path))
    return [folder for folder in inner if os.path.isfile(os.path.join(folder, _DIGEST))]


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for a value of another size than its hash."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    static: list[Register] = []
    platform = None
    for folder in _folders(material.name):
        name = os.path.basename(os.path.normpath(folder))
        register, (alg, value) = named(name), _value(folder)
        values[register, alg] = value
        if name in STATIC:
            static.append(register)
            platform = STATIC[name][1]
    if not values:
        raise ParseError("no register values in the folder", where=material.name)
    return Evidence(
        ID,
        Registers(values, material.name),
        read_only=("the register values are those of a folder, without a signature",),
        static=tuple(static),
        platform=platform,
    )


def _value(folder: str) -> tuple[HashAlg, bytes]:
    where = os.path.join(folder, _DIGEST)
    value = _folder.value(where)
    alg = HashAlg.of_size(len(value))
    if os.path.exists(os.path.join(folder, _HASH)):
        try:
            alg = HashAlg.named(_folder.text(folder, _HASH))
        except EvlogError as error:
            raise ParseError(str(error), where=os.path.join(folder, _HASH)) from error
        if len(value) == 2 * alg.size:
            # A captured tree may hold the value as text.
            value = _hex(value, where)
    if alg is None or len(value) != alg.size:
        raise ParseError(f"a value of {len(value)} bytes does not fit its hash", where=where)
    return alg, value


def _hex(text: bytes, where: str) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise ParseError("a value in hex was expected", where=where) from None
