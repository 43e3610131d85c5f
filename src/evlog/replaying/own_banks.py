"""The banks of a confidential guest's registers, which an IMA list that extended one has no digests of.

Such registers have one bank, and a kernel that extends them hashes the entry for it: Intel's patched kernels with
SHA-384 (RTMR), openEuler's virtCCA kernel with SHA-256 (REM). Which bank it is, firmware's log or the platform tells.
"""

from __future__ import annotations

from evlog.algorithms import ALGORITHMS
from evlog.registers import CC_SPACES
from evlog.replaying.naming import banks_of_platform, platform_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log

__all__ = ["implied_rules"]


def implied_rules(logs: Sequence[Log]) -> dict[HashAlg, str]:
    """How lists on such registers extend the bank that these have, where nobody says: by the first of their rules.

    Nothing if some list is on a TPM's registers: those have several banks, and kernels differ.
    """
    offering = [log for log in logs if log.rules]
    if not offering or not all(_are_of_guest(log) for log in offering):
        return {}
    banks = [alg for log in logs if not log.rules and _are_of_guest(log) for alg in log.algorithms]
    own = banks_of_platform(platform_of(logs))
    if len(own) == 1:
        banks += [alg for alg in ALGORITHMS.values() if alg.name in own]
    return {alg: offering[0].rules[0] for alg in banks if not any(alg in log.algorithms for log in offering)}


def _are_of_guest(log: Log) -> bool:
    registers = log.extended
    return bool(registers) and all(register.space in CC_SPACES for register in registers)
