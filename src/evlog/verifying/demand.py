"""What a verifier wants proven: which registers, in which banks, by what evidence, and what he puts up with.

Nothing that is handed in, log and evidence together, makes a demand smaller. docs/verify.md says what each part asks.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import UsageError
from evlog.registers import Register, RegisterSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from evlog.algorithms import HashAlg
    from evlog.evidence import Evidence

__all__ = ["ACCEPTABLE", "NO_DEMAND", "Acceptance", "Demand"]

#: What a verifier may put up with, by name; those of the evidence as a whole know no registers.
ACCEPTABLE: dict[str, str] = {
    "unanchored": "a textual log begins at a value that nothing given leads to",
    "gap": "something extended the register outside its textual log",
    "not_logged": "a register was extended, and no log has an event of it",
    "incomplete": "events lack the digest of a bank",
    "not_reported": "the evidence does not state a register, or nothing authenticates what it states",
    "stated_start": "the input itself states the value that the register starts at",
    "violations": "an IMA list's violations extended the zeros that it records, or nothing, and not ones as kernels do",
    "debug": "somebody may look into the machine, or change it",
    "qe": "the enclave that signs TD quotes is not the manufacturer's",
    "replay": "the evidence may be an old one",
}

#: Those that are of no register.
_OF_EVIDENCE = frozenset({"debug", "qe", "replay"})


class Acceptance(Record):
    """A name of `ACCEPTABLE` that is put up with, on some registers, or on all if ``registers`` is None."""

    name: str
    registers: RegisterSet | None = None

    def __post_init__(self) -> None:
        if self.name not in ACCEPTABLE:
            raise UsageError(
                f"nothing is called {self.name!r} that could be accepted; there are {', '.join(ACCEPTABLE)}"
            )
        if self.registers is not None and self.name in _OF_EVIDENCE:
            raise UsageError(f"{self.name} is accepted of the evidence as a whole: it has no registers")

    def __str__(self) -> str:
        return self.name if self.registers is None else f"{self.name}:{self.registers}"

    def covers(self, name: str, register: Register | None, platform: str | None) -> bool:
        """Whether it puts up with this on a register, or on the evidence as a whole (None)."""
        if self.name != name or self.registers is None:
            return self.name == name
        return register is not None and self.registers.holds(register, platform)


class Demand(Record):
    """What has to be proven for `Verification.ok`.

    ``registers``      these and no others; None: every register that the logs extend, those that a platform's firmware
                       always extends, and those that authenticated evidence states away from their start value
    ``keep``           what of those is judged, where ``registers`` does not name them; None: all
    ``banks``          the banks that count; none: all that the evidence states
    ``kind``, ``key``, ``root``, ``nonce``, ``at``   what the evidence must have been read with (`Credentials`)
    ``expect``         claims, identities and static registers by name, each with the value it must have
    ``authenticated``  values under a given key, or under a root and of an expected machine; fresh; of known firmware
    ``accept``         shortfalls that do not count
    ``strict``         every register that is stated away from its start value
    ``ima_register``   where an IMA list went, besides pcr:10: a list that is ahead of it counts
    """

    registers: RegisterSet | None = None
    keep: RegisterSet | None = None
    banks: tuple[HashAlg, ...] = ()
    kind: str | None = None
    key: bytes | None = None
    root: bytes | None = None
    nonce: bytes | None = None
    at: datetime | None = None
    expect: tuple[tuple[str, str], ...] = ()
    authenticated: bool = False
    accept: tuple[Acceptance, ...] = ()
    strict: bool = False
    ima_register: Register | None = None

    def accepts(self, name: str, register: Register | None, platform: str | None) -> bool:
        """Whether the verifier puts up with this, on a register or (None) on the evidence as a whole."""
        return any(each.covers(name, register, platform) for each in self.accept)

    def hold(self, evidence: Evidence) -> None:
        """Raise UsageError for evidence that was read without what is demanded of it: nobody has checked that."""
        for name in ("kind", "key", "root", "nonce", "at"):
            wanted = getattr(self, name)
            if wanted is not None and wanted != getattr(evidence.credentials, name):
                raise UsageError(f"{name}: the evidence was not read with what is demanded (evlog.read_registers)")


NO_DEMAND = Demand()
