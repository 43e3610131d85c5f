"""A TDREPORT: what a TD gets from the TDX module, for the quoting enclave of the same machine.

Spec: Intel TDX module ABI, TDREPORT_STRUCT: REPORTMACSTRUCT (256 bytes), TEE_TCB_INFO (239), reserved (17),
TDINFO_STRUCT (512). Its MAC can be checked by the processor that made it and by nobody else; what can be checked here
is that its parts belong together.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SHA384
from evlog.errors import ParseError
from evlog.evidence import Credentials, Evidence, Material, _tdx
from evlog.evidence._account import Account

ID = "tdx-report"
TITLE = "Intel TDREPORT"
KINDS = (ID,)

SIZE = 1024
_TEE_TDX = 0x81
_TCB_HASH, _INFO_HASH = slice(32, 80), slice(80, 128)
_TCB, _INFO = slice(256, 256 + 239), slice(512, 1024)


def claims(material: Material) -> bool:
    data = material.data
    return data is not None and len(data) == SIZE and data[0] == _TEE_TDX and data[3] == 0 and not any(data[4:16])


def read(material: Material, credentials: Credentials) -> Evidence:
    """The registers, which nothing authenticates. Raises ParseError for another size."""
    data = material.data or b""
    if len(data) != SIZE:
        raise ParseError(f"{len(data)} bytes, a TDREPORT has {SIZE}", offset=0, where="tdreport")
    account = Account(credentials)
    account.reads("the TDREPORT: its MAC can be checked only by the processor that made it")
    parts(data, account)
    _tdx.describe(data, _tdx.REPORT, account)
    account.nonce(_tdx.report_data(data, _tdx.REPORT), "REPORTDATA", padded=True)
    registers = _tdx.registers(data, _tdx.REPORT, ID)
    return account.evidence(ID, registers, form=ID, static=(_tdx.MRTD,), platform="tdx")


def parts(data: bytes, account: Account) -> None:
    """Whether the parts of a TDREPORT are those that its own hashes cover."""
    for part, expected, name in ((_INFO, _INFO_HASH, "TDINFO"), (_TCB, _TCB_HASH, "TEE_TCB_INFO")):
        if hashing.digest(SHA384, data[part]) == data[expected]:
            account.reads(f"{name} is what the report's own hash of it covers")
        else:
            account.fails("report_inconsistent", f"{name} is not what the report's own hash of it covers")
