"""Which registers have to count: those that the verifier names, or those that nobody who cheats could leave out.

Contract: docs/verify.md. Sources: TCG PC Client Platform Firmware Profile 1.06, section 2.3.4 (PCR 0 to 7 are the
firmware's; 16 and 23 can be reset by anybody); UEFI 2.10, section 38.4.1.
"""

from __future__ import annotations

from evlog.registers import PCR0, PLATFORMS, RESETTABLE_PCRS, Register
from evlog.replaying.naming import united
from evlog.replaying.start import reset_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evlog.algorithms import HashAlg
    from evlog.evidence import Evidence
    from evlog.verifying.comparison import Comparison
    from evlog.verifying.demand import Demand

    Key = tuple[Register, HashAlg]

__all__ = ["away", "required", "resettable"]

_FIRMWARE_PCRS = tuple(Register("pcr", index) for index in range(8))
#: The first runtime register of a confidential guest, as each space counts.
_FIRST_RUNTIME = {"ccmr": 1, "rtmr": 0, "rem": 0}


def required(demand: Demand, evidence: Evidence, compared: Comparison, platform: str | None) -> frozenset[Register]:
    """The demanded registers, by the names that were compared."""
    stated, static = compared.stated, compared.static
    moved = {key[0] for key, value in stated.items() if away(*key, value) and key[0] not in static}
    more = moved if demand.strict else set()
    if demand.registers is not None:
        return frozenset({*(united(register, platform) for register in demand.registers.each()), *more})
    found = {*compared.logged, *more}
    credentials = evidence.credentials
    if credentials.key is not None or credentials.root is not None:
        found |= moved
        found.update(_firmware(evidence, stated))
    elif evidence.source == "register-file" or credentials.pcrs is not None:
        # The verifier named the values himself.
        found.update(moved.intersection(_firmware(evidence, stated)))
    found -= {register for register in found - more if resettable(register, evidence)}
    keep = demand.keep
    return frozenset(register for register in found if keep is None or keep.holds(register, platform))


def resettable(register: Register, evidence: Evidence) -> bool:
    """Whether anybody on the machine can reset a register: what is in it proves what was extended since."""
    return register.space == "pcr" and register.index in RESETTABLE_PCRS and evidence.platform != "nitro"


def _firmware(evidence: Evidence, stated: Mapping[Key, bytes]) -> Iterator[Register]:
    """The registers that a platform's firmware always extends."""
    spaces = {register.space for register, _ in stated}
    platform = PLATFORMS.get(evidence.platform or "")
    if evidence.platform == "tpm" or ("pcr" in spaces and evidence.platform != "nitro"):
        yield from _FIRMWARE_PCRS
    if platform is None:
        # By the names that the evidence has, or that a log gave them.
        counted = ((space, first) for space, first in _FIRST_RUNTIME.items() if space in spaces)
        yield from (Register(space, first + each) for space, first in counted for each in (0, 1))
    elif platform.native != "pcr":
        runtime = [index for index in sorted(platform.ccmr) if index not in platform.static]
        yield from (Register("ccmr", index) for index in runtime[:2])


def away(register: Register, alg: HashAlg, value: bytes) -> bool:
    """Whether a register was extended: its value is none that it can start at."""
    if len(value) > 1 and 0 < value[0] < 0xFF:
        return True
    if value in (bytes(alg.size), reset_value(register, alg)):
        return False
    # The locality of TPM2_Startup, or 4 if the H-CRTM was measured.
    return register != PCR0 or any(value[:-1]) or value[-1] not in (3, 4)
