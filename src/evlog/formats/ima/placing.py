"""Which registers the entries of an IMA list extended: those of its column, read as the caller says.

Sources: Linux, security/integrity/ima (the column is a PCR); Intel's patched kernels, which extend RTMR[2] and write
PCR 10; openEuler's virtCCA kernel, whose column counts as a CCEL does (4 is REM[3]) and is 10 for boot_aggregate, with
which it extends no register.
"""

from __future__ import annotations

from array import array
from sys import byteorder

from evlog._record import Record
from evlog.columns import NOT_EXTENDED
from evlog.registers import CC_SPACES, LAST_CCMR, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from evlog.columns import Computed, Recorded
    from evlog.options import Options
    from evlog.registers import Space

    C = TypeVar("C", Computed, Recorded)

__all__ = ["Placing", "placed_by", "placing"]

# Numbers of CC measurement registers, which no list has of PCRs: firmware extends those.
_COUNTED = frozenset(range(1, LAST_CCMR + 1))


class Placing(Record):
    """How a number in the column is a register.

    ``space`` is what numbers count. ``register`` is the one that the list extended, whatever its column says; not by
    an entry with a number above 4, if the others are ``counted``: have the numbers of CC measurement registers.
    """

    space: Space = "pcr"
    register: Register | None = None
    counted: bool = False

    def of(self, number: int) -> Register:
        """The register of an entry with this number."""
        if self.register is None:
            return Register(self.space, number)
        return Register("ccmr", number) if self.counted and number not in _COUNTED else self.register

    def placed(self, columns: C) -> C:
        """The columns of a list on PCRs with the registers that its rows extend."""
        registers = columns.registers
        if self.register is None:
            if self.space not in CC_SPACES:
                return columns
            # Register 0 of a CCEL is the build-time one, which nothing extends.
            first = 1 if self.space == "ccmr" else 0
            odd = {index for index in set(registers) if not first <= index <= LAST_CCMR}
            if odd:
                registers = array("I", (NOT_EXTENDED if index in odd else index for index in registers))
            return columns.replace(registers=registers, space=self.space)
        if not _extensible(self.register):
            registers = array("I", NOT_EXTENDED.to_bytes(4, byteorder) * len(registers))
        elif self.counted:
            registers = array("I", (0 if index in _COUNTED else NOT_EXTENDED for index in registers))
        else:
            registers = array("I", bytes(registers.itemsize * len(registers)))
        return columns.replace(registers=registers, names=(self.register,))


def _extensible(register: Register) -> bool:
    """Whether there is such a register that an entry can extend."""
    beyond = register.space in CC_SPACES and register.number > LAST_CCMR
    return register.replayable and not beyond


def placing(options: Options, numbers: array[int]) -> Placing:
    """How a list with these numbers is placed: on the register that the caller names, or as he reads its column."""
    register = options.ima_register
    if register is None:
        return Placing(options.space or "pcr")
    return Placing("pcr", register, register.space in CC_SPACES and not _COUNTED.isdisjoint(set(numbers)))


def placed_by(wire: str | int | bytes | None) -> int | None:
    """The number in the column of an entry, where its room kept it because it is not that of its register."""
    if isinstance(wire, bytes):
        number = wire.lstrip().partition(b" ")[0]
        return int(number) if number.isdigit() and len(number) <= 2 else None
    return wire if isinstance(wire, int) else None
