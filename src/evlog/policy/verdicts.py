"""The verdicts on a boot: one for each rule, and what no rule speaks of.

``kept``      an event that is proven, in its place, is what a witness had; or is absent as it was for one
``free``      an event is there that the policy does not judge
``broken``    the event in this place is not what the rule allows
``missing``   no event is there
``unproven``  an event is as the rule wants it, and nothing shows that its register was extended by it
"""

from __future__ import annotations

from evlog._record import Record
from evlog.model import Finding
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.policy.rules import BootPolicy
    from evlog.verifying.verify import Verification

__all__ = ["BROKEN", "FREE", "KEPT", "MISSING", "UNPROVEN", "PolicyCheck", "RuleVerdict", "Unspoken"]

KEPT, FREE, BROKEN, MISSING, UNPROVEN = "kept", "free", "broken", "missing", "unproven"


class RuleVerdict(Record):
    """The verdict on one rule. ``event`` and ``log`` are of the event that it is about, None where there is none.

    ``witnesses`` are boots that had what the rule wants: of a rule that is kept those of this very value.
    """

    rule: str
    register: Register
    about: str
    verdict: str
    log: Log | None = None
    event: int | None = None
    witnesses: tuple[str, ...] = ()
    reason: str = ""


class Unspoken(Record):
    """A measured event that no rule speaks of."""

    log: Log
    event: int
    register: Register
    about: str
    reason: str


class PolicyCheck(Record):
    """The verdicts in the order of the policy's rules, and the events that no rule speaks of.

    ``verification`` is what `evlog.verify` said, None if logs alone were judged. ``ignored`` counts the events that
    are on registers, or have names, which the policy leaves out.
    """

    policy: BootPolicy
    rules: tuple[RuleVerdict, ...]
    unspoken: tuple[Unspoken, ...]
    verification: Verification | None
    unverified: bool = False
    ignored: int = 0
    findings: tuple[Finding, ...] = ()

    def count(self, verdict: str) -> int:
        """How many rules have a verdict."""
        return sum(each.verdict == verdict for each in self.rules)

    @property
    def ok(self) -> bool:
        """Whether every rule is kept or free, every measured event spoken for, and all of it proven."""
        return (
            not self.unspoken
            and any(each.verdict == KEPT and each.event is not None for each in self.rules)
            and all(each.verdict in (KEPT, FREE) for each in self.rules)
            and not any(finding.severity == "error" for finding in self.findings)
            and (self.unverified or (self.verification is not None and self.verification.ok))
        )
