"""Causes of the whole: what is wrong with all registers at once, and is tried before the causes of each.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3 (a reset of the platform resets its registers).
"""

from __future__ import annotations

from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.registers import Register
    from evlog.replaying.replay import RegisterValue
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
    twice: Callable[[RegisterValue, bytes], bytes], rows: Iterable[RegisterValue], stated: Mapping[Key, bytes]
) -> frozenset[Key]:
    """The registers and banks that differ, if every one of them has the value that the logs lead to twice over.

    ``twice`` tells what a register of some value comes to if its events extend it once more.
    """
    compared: list[Key] = []
    for row in rows:
        observed = stated.get((row.register, row.alg))
        if not row.events or row.value is None or observed is None or _resettable(row.register):
            continue
        if row.value == observed:
            return frozenset()
        if twice(row, row.value) != observed:
            return frozenset()
        compared.append((row.register, row.alg))
    return frozenset(compared)


def of_another_boot(verdicts: Sequence[RegisterVerdict]) -> Finding | None:
    """A remark, where the firmware's registers match and those of what it loaded differ, nobody knows why."""
    if not any(row.verdict == "mismatch" for row in verdicts):
        return None
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
