"""Causes of the whole: what is wrong with all registers at once, and is tried before the causes of each.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3 (a reset of the platform resets its registers).
"""

from __future__ import annotations

from evlog import hashing
from evlog.model import Finding
from evlog.replaying.trail import trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Register
    from evlog.replaying.replay import RegisterValue
    from evlog.verifying.allowance import Allowance
    from evlog.verifying.verdict import RegisterVerdict

    Key = tuple[Register, HashAlg]

__all__ = ["NOT_RESET", "not_reset", "of_another_boot"]

NOT_RESET = "the registers were not reset before this boot: each has the value that the log fits twice"

# PCRs that can be reset while the platform runs (16 and 23, and by a dynamic launch 17 to 22): they tell nothing here.
_FIRST_RESETTABLE = 16
# PCRs of firmware and of what it loads, by who extends them (PFP 1.06 section 2.3.4; Linux: GRUB, systemd).
_FIRMWARE = frozenset({0, 1, 2, 3, 6, 7})
_LOADED = frozenset({4, 5, 8, 9, 11, 12, 13, 14, 15})
_ENOUGH = 3  # registers of the firmware that match, so that the log is one of this machine


def not_reset(
    logs: Sequence[Log], rows: Iterable[RegisterValue], stated: Mapping[Key, bytes], allowance: Allowance
) -> frozenset[Key]:
    """The registers and banks that differ, if every one of them has the value that the logs lead to twice over."""
    compared = [
        row
        for row in rows
        if row.events and row.value is not None and (row.register, row.alg) in stated and not _resettable(row.register)
    ]
    if not compared or sum(row.events for row in compared) > allowance.left:
        return frozenset()
    for row in compared:
        if row.value == stated[row.register, row.alg]:
            return frozenset()
        allowance.left -= row.events
        digests = trail(logs, row.register, row.alg, row.start).digests
        if hashing.backend().fold(row.alg, row.value or b"", digests) != stated[row.register, row.alg]:
            return frozenset()
    return frozenset((row.register, row.alg) for row in compared)


def of_another_boot(verdicts: Iterable[RegisterVerdict]) -> Finding | None:
    """A remark, where the firmware's registers match and those of what it loaded differ, nobody knows why."""
    matching: set[int] = set()
    differing: set[int] = set()
    for row in verdicts:
        if row.register.space == "pcr" and row.events:
            number = row.register.number
            if row.verdict == "match" and number in _FIRMWARE:
                matching.add(number)
            elif row.verdict == "mismatch" and row.cause in ("unexplained", "not_explained"):
                differing.add(number)
    if len(matching) < _ENOUGH or not differing or not differing <= _LOADED:
        return None
    message = (
        "the firmware's registers match, and those of what it loaded do not: the log may be of another boot "
        "(hibernation, kexec, a stale copy)"
    )
    return Finding("other_boot", "note", message)


def _resettable(register: Register) -> bool:
    return register.space == "pcr" and register.number >= _FIRST_RESETTABLE
