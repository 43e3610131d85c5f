"""The registers of a TD, at their places in a quote's body and in a TDREPORT: furniture of both.

Spec: Intel TDX DCAP quoting library API, appendix A.3.2 (TD quote body); Intel TDX module ABI, TDINFO_STRUCT.
"""

from __future__ import annotations

from evlog.algorithms import SHA384
from evlog.registers import PLATFORMS, Register, Registers

MRTD = Register("ccmr", 0)
#: What a TD states besides, in the order in which it stands after MRTD.
FREE_FORM = ("mrconfigid", "mrowner", "mrownerconfig")
_SIZE = 48


def registers(data: bytes, mrtd: int, rtmr: int, source: str) -> Registers:
    """MRTD and RTMR 0 to 3 by their offsets in the data, which the caller has found long enough."""
    values = {(MRTD, SHA384): data[mrtd : mrtd + _SIZE]}
    for index in range(4):
        at = rtmr + index * _SIZE
        values[PLATFORMS["tdx"].ccmr_of(Register("rtmr", index)), SHA384] = data[at : at + _SIZE]
    return Registers(values, source)


def may_be_debugged(data: bytes, attributes: int) -> bool:
    """Bit 0 of TDATTRIBUTES."""
    return bool(data[attributes] & 1)


def free_form(data: bytes, at: int) -> tuple[tuple[str, bytes], ...]:
    """MRCONFIGID, MROWNER and MROWNERCONFIG."""
    return tuple((name, data[at + n * _SIZE : at + (n + 1) * _SIZE]) for n, name in enumerate(FREE_FORM))
