"""Verify: hold logs and register values from somewhere trustworthy against what a verifier demands.

Two things are decided, each in its own file: what a register's value says of the logs (`evlog.verifying.comparison`),
and whether that is what was demanded (`evlog.verifying.judgement`). Nothing in the input makes a demand smaller.
Comparing nothing is a failure. What a match proves is the digests, in their order: an event's data only as far as its
digest is the hash of it, its type and its register's name never (`Verified.standing`).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.evidence import Evidence
from evlog.model import Finding, Log
from evlog.registers import Platform, Register, Registers
from evlog.replaying.naming import platform_of
from evlog.verifying.comparison import Comparison
from evlog.verifying.demand import NO_DEMAND, Demand
from evlog.verifying.judgement import Shortfall, identified, of_known_firmware, shortfalls
from evlog.verifying.required import away, required
from evlog.verifying.verdict import RegisterVerdict
from evlog.verifying.verified import Verified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.algorithms import HashAlg

__all__ = ["RegisterVerdict", "Verification", "Verified", "verify"]

# Findings of the comparison itself that no matching register makes good.
_REFUSALS = frozenset({"composite_mismatch", "nothing_compared"})
# Verdicts that hold a value against something; a static register's is held against what is expected.
_COMPARED = frozenset({"match", "mismatch", "static"})


class Verification(Record):
    """The verdicts, sorted by register and bank; the evidence; and the logs, each with what of it is proven.

    ``shortfalls`` keep the demand from being met; ``accepted`` are those that the verifier accepts. ``required`` are
    the registers that have to count, also those that neither logs nor evidence know.
    """

    registers: tuple[RegisterVerdict, ...]
    evidence: Evidence
    logs: tuple[Verified, ...]
    findings: tuple[Finding, ...] = ()
    platform: str | None = None
    demand: Demand = NO_DEMAND
    shortfalls: tuple[Shortfall, ...] = ()
    accepted: tuple[Shortfall, ...] = ()
    required: tuple[Register, ...] = ()

    if TYPE_CHECKING:  # by courtesy of rooms above (`evlog._COURTESIES`)

        def to_json(self) -> dict[str, Any]:
            """The verdicts as ``evlog.verify/1``, with the exit code of `evlog verify`."""

        def _repr_html_(self) -> str: ...

    @property
    def ok(self) -> bool:
        """Whether every demanded register counts, some event is proven, and no check of the evidence failed.

        Damage to a log is no part of this: what could not be read extended nothing if everything matches.
        """
        return (
            not self.shortfalls
            and not self.evidence.failed
            and not any(finding.code in _REFUSALS for finding in self.findings)
        )

    @property
    def complete(self) -> bool:
        """Whether the logs tell how every register came by its value that is stated away from its start value.

        Whoever edits a log can take a register's events or digests out of it: that is no mismatch.
        """
        return not any(
            row.verdict in ("incomplete", "not_logged")
            and row.expected is not None
            and away(row.register, row.alg, row.expected)
            for row in self.registers
        )

    @property
    def word(self) -> str:
        """What it comes to: verified, replayable, accepted, read, or no.

        ``verified`` values are authenticated and fresh, and nothing was accepted; ``replayable`` lack the nonce;
        ``accepted`` is ok with what the verifier accepts; ``read`` agrees with values that nothing authenticates.
        """
        if not self.ok:
            return "no"
        if self.accepted:
            return "accepted"
        if not self.evidence.anchored:
            return "read"
        return "verified" if self.evidence.fresh else "replayable"

    @property
    def identified(self) -> bool:
        """Whether the verifier expects this very machine: a root alone proves the make."""
        return identified(self.demand, self.evidence)

    @property
    def firmware_identified(self) -> bool:
        """Whether the verifier expects the value of a static register, or there is none."""
        return not self.evidence.static or of_known_firmware(self.demand, self.evidence)

    def get(self, register: Register, alg: HashAlg) -> RegisterVerdict | None:
        """The verdict on a register in a bank, or None."""
        for row in self.registers:
            if row.register == register and row.alg == alg:
                return row
        return None


def verify(
    logs: Log | Sequence[Log],
    evidence: Evidence | Registers,
    demand: Demand = NO_DEMAND,
    *,
    platform: str | None = None,
    explain: int | None = None,
) -> Verification:
    """Compare logs with evidence (`evlog.read_registers`), and the outcome with what is demanded.

    The logs are taken in the order in which they say that they were written (`evlog.merge`), else in the order given.
    ``platform`` settles what registers are called where neither log nor evidence tells. A damaged log is compared as
    far as it could be read. A table of `Registers` is evidence that was only read.
    ``explain`` is how many hashes may be spent on why registers differ, in all; a row of which that is not told then
    has the cause ``not_explained``. It decides on no verdict. 0 looks for no explanation; None is a small number,
    mostly for one bank of each register, and 0 where several registers differ and none agrees.
    Raises UsageError for evidence that was read under other credentials than the demand's.
    """
    several = (logs,) if isinstance(logs, Log) else tuple(logs)
    if isinstance(evidence, Registers):
        read_only = ("the register values are the caller's",)
        evidence = Evidence("register-file", evidence, read_only=read_only, form="registers")
    demand.hold(evidence)
    platform = platform or evidence.platform or _told(several, evidence, demand)
    compared = Comparison(several, evidence, platform, demand.ima_register)
    wanted = required(demand, evidence, compared, platform)
    compared.judge(wanted, explain)
    verdicts = tuple(compared.verdicts)
    if demand.keep is not None or demand.banks:
        verdicts = tuple(
            row
            for row in verdicts
            if (row.register in wanted or demand.keep is None or demand.keep.holds(row.register, platform))
            and (not demand.banks or row.alg in demand.banks)
        )
    findings = list(compared.findings)
    if not any(row.verdict in _COMPARED for row in verdicts) and not any(each.code in _REFUSALS for each in findings):
        findings.append(Finding("nothing_compared", "error", "nothing was compared of what is kept or required"))
    open_: list[Shortfall] = []
    accepted: list[Shortfall] = []
    for each in shortfalls(demand, evidence, wanted, verdicts):
        (accepted if demand.accepts(each.name, each.register, platform) else open_).append(each)
    taken = {each.register for each in accepted if each.name == "violations"}
    if taken:
        verdicts = tuple(
            row.replace(verdict="match") if row.cause == "violations" and row.register in taken else row
            for row in verdicts
        )
    return Verification(
        verdicts,
        evidence,
        compared.verified,
        tuple(findings),
        platform,
        demand,
        tuple(open_),
        tuple(accepted),
        tuple(sorted(wanted, key=lambda register: register.sort_key)),
    )


def _told(logs: Sequence[Log], evidence: Evidence, demand: Demand) -> str | None:
    """What the logs say of the platform, where neither verifier nor evidence does.

    It does not decide which register demand or evidence mean by ``rtmr:3``: on one platform that is ``ccmr:3``, else
    ccmr:4. Nor does it make events of a PCR those of another register, where the evidence states PCRs and no others.
    """
    told = platform_of(logs)
    if told is None:
        return None
    stated = {register.space for register, _ in evidence.registers}
    if stated == {"pcr"}:
        return "tpm"
    named = (demand.registers, *(each.registers for each in demand.accept))
    asked = {space for each in named if each is not None for space, _, _ in each.ranges}
    counted = (asked | stated) & {"rtmr", "rem"}
    return Platform.counting(min(counted)).id if counted else told
