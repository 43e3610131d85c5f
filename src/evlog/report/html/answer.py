"""What is known of logs besides themselves: the verdict, the differences, and what a page is to speak of."""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.comparing.diff import Difference
from evlog.merging.merge import Handover
from evlog.model import Finding
from evlog.registers import Register, RegisterSet
from evlog.verifying.verify import Verification

__all__ = ["Answer"]


class Answer(Record):
    """What is known of the logs besides themselves.

    ``line`` says what it comes to, and ``tone`` is good, bad, odd or calm. ``registers`` and
    ``banks`` are those that the page speaks of, None for all.
    """

    line: str = ""
    tone: str = "calm"
    verification: Verification | None = None
    difference: Difference | None = None
    handovers: tuple[Handover, ...] = ()
    findings: tuple[Finding, ...] = ()
    platform: str | None = None
    registers: RegisterSet | None = None
    banks: tuple[HashAlg, ...] | None = None

    def has(self, register: Register) -> bool:
        """Whether the page speaks of a register."""
        return self.registers is None or self.registers.holds(register, self.platform)
