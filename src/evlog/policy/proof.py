"""What is proven of a boot: by evidence that a given key or root stands behind, or nothing.

Whoever hands in the log and the evidence may be the attacker. So nothing is proven but in a bank of the policy, by a
value that a given key or root stands behind, on a machine whose firmware is identified where the platform measures it
apart. Where logs alone are judged everything counts as proven, which the result says.
"""

from __future__ import annotations

from evlog.algorithms import SHA1, HashAlg
from evlog.contents.ima import ImaEvent
from evlog.policy.demanded import strong_banks
from evlog.policy.verdicts import BROKEN, KEPT, MISSING, UNPROVEN, RuleVerdict
from evlog.replaying.naming import united

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.policy.boots import Entry
    from evlog.policy.rules import BootPolicy, RegisterPolicy, Static
    from evlog.verifying.verify import Verification

__all__ = ["Proof"]

#: Causes under which a value that matches proves all that was extended: none, and how a bank without digests was.
_WHOLE = (None, *ImaEvent.rules)


class Proof:
    """Answers what is proven of events and registers; ``lacking`` is why nothing is, "" if something may be.

    ``static`` are the verdicts on registers that no event extends.
    """

    def __init__(self, policy: BootPolicy, result: Verification | None, unverified: bool) -> None:
        self.unverified = unverified
        self.strong = frozenset(alg.id for alg in strong_banks(policy))
        self._result = result
        rows = [] if unverified else [self._static(each) for each in policy.static]
        self.lacking = "" if unverified else self._lacking(rows)
        self.static = [
            row.replace(verdict=UNPROVEN, reason=self.lacking) if row.verdict == KEPT and self.lacking else row
            for row in rows
        ]

    def _lacking(self, static: Sequence[RuleVerdict]) -> str:
        """Why nothing is proven by the evidence as a whole; "" if that is not so."""
        result = self._result
        if result is None:
            return "no register values were given: nothing shows that the machine booted as its logs say"
        evidence = result.evidence
        if not evidence.anchored:
            return "no given key or root authenticates the register values: nothing shows whose they are"
        if evidence.failed:
            return "a check of the evidence failed: it proves nothing"
        shortfall = next((each for each in result.shortfalls if each.register is None), None)
        if shortfall is not None:
            return shortfall.sentence
        firmware = {united(register, result.platform) for register in evidence.firmware}
        known = {united(row.register, result.platform) for row in static if row.verdict == KEPT}
        if evidence.static and not result.firmware_identified and firmware.isdisjoint(known):
            return "nobody says which firmware is expected: whoever wrote the logs may have written them as he liked"
        return ""

    def of(self, entry: Entry, banks: Sequence[HashAlg]) -> bool:
        """Whether the event extended its register in a bank that counts for the rule."""
        if self.unverified:
            return True
        if self.lacking or self._result is None:
            return False
        log, number = entry.place
        proven = {alg.id for alg in self._result.logs[log].proven_in(number)}
        counting = {alg.id for alg in banks} & self.strong if banks else proven - {SHA1.id}
        return not proven.isdisjoint(counting)

    def settled(self, each: RegisterPolicy) -> bool:
        """Whether nothing but what the logs say extended a register, in a bank that counts."""
        if self.unverified:
            return True
        if self.lacking or self._result is None:
            return False
        result = self._result
        register = united(each.register, result.platform)
        covered = {(united(name, result.platform), alg.id) for name, alg in result.evidence.covered}
        short = any(row.register == register for row in (*result.shortfalls, *result.accepted))
        counting = {alg.id for alg in each.banks} & self.strong if each.banks else None
        rows = [row for row in result.registers if row.register == register]
        if short or any(row.verdict == "mismatch" for row in rows):
            return False
        return any(
            row.verdict == "match"
            and row.cause in _WHOLE
            and row.proven == row.events
            and (register, row.alg.id) in covered
            and (row.alg.id in counting if counting is not None else row.alg != SHA1)
            for row in rows
        )

    def _static(self, each: Static) -> RuleVerdict:
        """The verdict on a register that no event extends."""
        kind = "exact" if len(each.values) == 1 else "one_of"
        witnesses = tuple(dict.fromkeys(name for _, names in each.values for name in names))

        def row(verdict: str, reason: str = "", witnesses: tuple[str, ...] = witnesses) -> RuleVerdict:
            return RuleVerdict(kind, each.register, "value", verdict, None, None, witnesses, reason)

        if self._result is None:
            return row(UNPROVEN, "no register values were given")
        evidence, platform = self._result.evidence, self._result.platform
        wanted = united(each.register, platform)
        said = {
            value
            for (register, alg), value in evidence.registers.values.items()
            if united(register, platform) == wanted and alg.id == each.alg.id
        }
        if not said:
            return row(MISSING, "the evidence does not state it")
        for value, names in each.values:
            if said == {value}:
                covered = {(united(register, platform), alg.id) for register, alg in evidence.covered}
                if (wanted, each.alg.id) not in covered:
                    return row(UNPROVEN, "no given key or root stands behind its value")
                return row(KEPT, "", names)
        return row(BROKEN, "no witness had this value")
