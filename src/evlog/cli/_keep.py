"""What of an answer is kept: the registers of ``--register`` and the banks of ``--bank``, the same in every command.

Logs are read and replayed whole, and edits count in them as they are; what was not asked for is left out of the answer
afterwards and is not judged.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.registers import RegisterSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from evlog.algorithms import HashAlg
    from evlog.model import Finding, Log
    from evlog.registers import Register
    from evlog.replaying.replay import Replay

__all__ = ["Keep", "of"]


class Keep(Record):
    """The registers and banks to keep; None keeps all."""

    registers: RegisterSet | None = None
    banks: tuple[HashAlg, ...] | None = None

    def has(self, register: Register, platform: str | None = None) -> bool:
        """Whether a register is kept."""
        return self.registers is None or self.registers.holds(register, platform)

    def has_bank(self, alg: HashAlg) -> bool:
        """Whether a bank is kept."""
        return self.banks is None or alg in self.banks

    def replayed(self, result: Replay, platform: str | None) -> Replay:
        """The rows of a replay that are kept."""
        rows = (row for row in result.rows if self.has(row.register, platform) and self.has_bank(row.alg))
        return result if self == _ALL else result.replace(rows=tuple(rows))

    def findings(self, found: Iterable[Finding], log: Log) -> tuple[Finding, ...]:
        """Of what was found in a log, errors and what is not about an event on a register that is left out."""
        if self.registers is None:
            return tuple(found)
        events = log.events
        return tuple(
            each
            for each in found
            if each.severity == "error"
            or each.event is None
            or not 0 <= each.event < len(events)
            or self.has(events[each.event].register, log.platform)
        )

    def absent(
        self, registers: Iterable[Register], banks: Iterable[HashAlg], platform: str | None = None
    ) -> str | None:
        """What was asked for and is not among the registers and banks that there are, in a sentence."""
        lacking = [] if self.registers is None else self.registers.absent(set(registers), platform)
        there = set(banks)
        said = [f"no event on {', '.join(lacking)}"] if lacking else []
        said += [f"no {alg} bank" for alg in self.banks or () if alg not in there]
        return "; ".join(said) or None


_ALL = Keep()


def of(args: argparse.Namespace) -> Keep:
    """What a command line keeps. Raises UsageError for a register or bank that is none."""
    if not args.register and not args.bank:
        return _ALL
    from evlog.algorithms import HashAlg

    registers = RegisterSet.parse(*args.register) if args.register else None
    names = [name.strip() for text in args.bank or () for name in text.split(",")]
    return Keep(registers, tuple(map(HashAlg.named, names)) if names else None)
