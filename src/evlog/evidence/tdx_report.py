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

_SIZE = 1024
_TEE_TDX = 0x81
_TCB_HASH, _INFO_HASH, _DATA = slice(32, 80), slice(80, 128), slice(128, 192)
_TCB, _INFO = slice(256, 256 + 239), slice(512, 1024)
_ATTRIBUTES, _MRTD, _MRCONFIGID, _RTMR0 = 512, 528, 576, 720


def claims(material: Material) -> bool:
    data = material.data
    return data is not None and len(data) == _SIZE and data[0] == _TEE_TDX and data[3] == 0 and not any(data[4:16])


def read(material: Material, credentials: Credentials) -> Evidence:
    """The registers, which nothing authenticates. Raises ParseError for another size."""
    data = material.data or b""
    if len(data) != _SIZE:
        raise ParseError(f"{len(data)} bytes, a TDREPORT has {_SIZE}", offset=0, where="tdreport")
    account = Account()
    account.reads("the TDREPORT: its MAC can be checked only by the processor that made it")
    for part, expected, name in ((_INFO, _INFO_HASH, "TDINFO"), (_TCB, _TCB_HASH, "TEE_TCB_INFO")):
        if hashing.digest(SHA384, data[part]) == data[expected]:
            account.reads(f"{name} is what the report's own hash of it covers")
        else:
            account.fails("report_inconsistent", f"{name} is not what the report's own hash of it covers")
    account.nonce(data[_DATA], credentials, signed=False)
    account.debug(_tdx.may_be_debugged(data, _ATTRIBUTES), "the TD")
    return account.evidence(
        ID,
        _tdx.registers(data, _MRTD, _RTMR0, ID),
        anchored=False,
        static=(_tdx.MRTD,),
        claims=(("report_data", data[_DATA]), *_tdx.free_form(data, _MRCONFIGID)),
        platform="tdx",
    )
