"""The registers that a replay leads through its logs: where each began, where it stands, which log left it."""

from __future__ import annotations

from evlog.registers import Register
from evlog.replaying.start import start_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Registers

__all__ = ["Bank", "Ledger"]


class Bank:
    """A register in one bank on its way through the logs: where it began, where it stands, by how many events.

    ``owner`` tells which log extended it last, and ``counted`` how many events there were before the log at hand.
    """

    __slots__ = ("counted", "events", "owner", "reason", "start", "value")

    def __init__(self, start: bytes, reason: str) -> None:
        self.start = self.value = start
        self.reason = reason
        self.events = self.counted = 0
        self.owner: str | None = None


class Ledger:
    """The banks of all registers met so far; ``given`` are start values that come before all others.

    ``logs`` is how many logs are done, which is the index of the one at hand.
    """

    __slots__ = ("given", "logs", "registers")

    def __init__(self, given: Registers | None) -> None:
        self.given = given
        self.logs = 0
        self.registers: dict[Register, dict[HashAlg, Bank]] = {}

    def enter(self, register: Register, alg: HashAlg, log: Log, implied: dict[Register, tuple[int, str]]) -> Bank:
        """The register in a bank, before the log's first event on it if it is new."""
        banks = self.registers.get(register)
        if banks is None:
            banks = self.registers[register] = {}
        bank = banks.get(alg)
        if bank is None:
            bank = banks[alg] = Bank(*start_of(register, alg, log, self.given, implied))
        return bank

    def bank(self, register: Register, alg: HashAlg) -> Bank:
        """The register in a bank, which was entered before."""
        return self.registers[register][alg]

    def close(self, name: str) -> None:
        """The end of a log: it is the one that left the registers that it extended where they stand."""
        self.logs += 1
        for entered in self.registers.values():
            for bank in entered.values():
                if bank.events != bank.counted:
                    bank.owner, bank.counted = name, bank.events
