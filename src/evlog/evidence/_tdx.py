"""The fields of a TD, at their places in a quote's body and in a TDREPORT: furniture of both.

Spec: Intel TDX DCAP quoting library API, appendix A.3.2 (TD quote body); Intel TDX module ABI, TDREPORT_STRUCT,
TEE_TCB_INFO, TDINFO_STRUCT and ATTRIBUTES.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import SHA384
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.evidence._account import Account

MRTD = Register("ccmr", 0)
_SIZE = 48
# Bits of ATTRIBUTES: the group of eight that takes trust away, DEBUG the first of it; what moves a TD to another
# machine.
_UNTRUSTED, _DEBUG, _MIGRATABLE = 0xFF, 1, 29


class Places(Record):
    """Where a TD's fields stand. ``service`` has MRSERVICETD or SERVTD_HASH, None where there is none."""

    tcb_svn: int
    mrseam: int
    attributes: int
    mrtd: int
    rtmr: int
    report_data: int
    service: int | None = None


#: The body of a TD quote, of TDX 1.0; the 1.5 one has MRSERVICETD at 600.
BODY = Places(0, 16, 120, 136, 328, 520)
REPORT = Places(264, 280, 512, 528, 720, 128, 912)
_FREE_FORM = ("mrconfigid", "mrowner", "mrownerconfig")


def registers(data: bytes, places: Places, source: str) -> Registers:
    """MRTD and RTMR 0 to 3 of data which the caller has found long enough."""
    values = {(MRTD, SHA384): data[places.mrtd : places.mrtd + _SIZE]}
    for index in range(4):
        at = places.rtmr + index * _SIZE
        values[PLATFORMS["tdx"].ccmr_of(Register("rtmr", index)), SHA384] = data[at : at + _SIZE]
    return Registers(values, source)


def report_data(data: bytes, places: Places) -> bytes:
    return data[places.report_data : places.report_data + 64]


def describe(data: bytes, places: Places, account: Account) -> None:
    """Claims of a TD, and what of it takes trust away or ought to be known."""
    attributes = data[places.attributes : places.attributes + 8]
    mrsignerseam = data[places.mrseam + _SIZE : places.mrseam + 2 * _SIZE]
    account.claim("report_data", report_data(data, places))
    for place, name in enumerate(_FREE_FORM):
        at = places.mrtd + (place + 1) * _SIZE
        account.claim(name, data[at : at + _SIZE])
    account.claim("attributes", attributes)
    account.claim("xfam", data[places.attributes + 8 : places.attributes + 16])
    account.claim("tee_tcb_svn", data[places.tcb_svn : places.tcb_svn + 16])
    account.claim("mrseam", data[places.mrseam : places.mrseam + _SIZE])
    account.claim("mrsignerseam", mrsignerseam)
    account.claim("seamattributes", data[places.mrseam + 2 * _SIZE : places.mrseam + 2 * _SIZE + 8])
    bits = int.from_bytes(attributes, "little")
    if bits & _DEBUG:
        account.weak("debug", "the TD may be debugged by its host, which can then change what it measures")
    elif bits & _UNTRUSTED:
        account.weak("debug", f"the TD's attributes {attributes.hex()} have bits of those that take trust away")
    if any(mrsignerseam):
        account.weak("debug", "the TDX module is not Intel's own: MRSIGNERSEAM is not zero")
    if bits >> _MIGRATABLE & 1:
        account.reads("the TD may be moved to another machine (MIGRATABLE)")
    if places.service is not None:
        service = data[places.service : places.service + _SIZE]
        account.claim("mrservicetd", service)
        if any(service):
            account.reads("service TDs are bound to the TD (MRSERVICETD), which can change it")
