"""What has to be proven for a policy, whatever else the verifier demands: its registers, in its banks.

Besides, every register that authenticated evidence shows as extended, unless the policy ignores it by name: whoever
takes the events of a register without rules out of a log leaves nothing that no rule speaks of.
"""

from __future__ import annotations

from evlog.algorithms import SHA1, HashAlg
from evlog.registers import RegisterSet
from evlog.replaying.naming import united
from evlog.verifying.demand import NO_DEMAND, Demand
from evlog.verifying.required import away, resettable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.evidence import Evidence
    from evlog.policy.rules import BootPolicy, RegisterPolicy
    from evlog.registers import Register

__all__ = ["demand_of", "extended", "strong_banks"]


def demand_of(policy: BootPolicy, evidence: Evidence, demand: Demand = NO_DEMAND) -> Demand:
    """What has to be proven: the policy's registers, in its banks, besides what the verifier demands.

    SHA-1 counts only where the policy has nothing better. The values of static registers are expected where the
    policy has one.
    """
    wanted = [each.register for each in policy.registers if not _may_be_idle(each)]
    if demand.registers is not None:
        wanted += demand.registers.each()
    platform = evidence.platform or policy.platform
    ignored = {united(register, platform) for register in policy.ignored}
    wanted += (register for register in extended(evidence) if united(register, platform) not in ignored)
    banks = strong_banks(policy)
    expect = list(demand.expect)
    for each in policy.static:
        said = evidence.registers.get(each.register, each.alg)
        if any(said == value for value, _ in each.values):
            expect.append((str(each.register), (said or b"").hex()))
    return demand.replace(
        registers=RegisterSet.of(wanted) if wanted else demand.registers,
        keep=None,
        banks=tuple(alg for alg in demand.banks if alg in banks) or banks if demand.banks else banks,
        expect=tuple(expect),
    )


def extended(evidence: Evidence) -> list[Register]:
    """The registers that a given key or root says were extended, but for those that anybody may reset."""
    return [
        register
        for register, alg in evidence.covered
        if away(register, alg, evidence.registers.get(register, alg) or bytes(alg.size))
        and register not in evidence.static
        and not resettable(register, evidence)
    ]


def strong_banks(policy: BootPolicy) -> tuple[HashAlg, ...]:
    """The banks in which events have to be proven: those of the rules, without SHA-1 if there is another."""
    banks = {alg.id: alg for each in policy.registers for alg in each.banks}
    strong = tuple(alg for alg in banks.values() if alg != SHA1)
    return strong or tuple(banks.values())


def _may_be_idle(each: RegisterPolicy) -> bool:
    """Whether some boot did not extend the register at all."""
    return bool(each.rules) and not each.files and all(rule.may_lack for rule in each.rules)
