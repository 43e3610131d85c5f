"""Check: the logs of a boot against a policy, rule by rule; with evidence `evlog.verify` first, and then the policy.

``kept``      an event that is proven, in its place, is what a witness had; or is absent as it was for one
``free``      an event is there that the policy does not judge
``broken``    the event in this place is not what the rule allows
``missing``   no event is there
``unproven``  an event is as the rule wants it, and nothing shows that its register was extended by it

Whoever hands in the log and the evidence may be the attacker. So nothing is kept that is not proven in a bank of the
policy, by a value that a given key or root stands behind, on a machine whose firmware is identified where the platform
measures it apart. Without evidence nothing is kept at all, unless the verifier says that the text of logs is all that
he wants judged.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import SHA1, HashAlg
from evlog.contents.ima import ImaEvent
from evlog.model import Finding
from evlog.policy.boots import observed
from evlog.policy.files import AGGREGATE, aggregates, entry_of, excluded
from evlog.policy.matching import match
from evlog.policy.seen import Observer
from evlog.registers import Register, RegisterSet
from evlog.replaying.naming import united
from evlog.verifying.demand import NO_DEMAND, Demand
from evlog.verifying.verify import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.policy.boots import Entry, ObservedBoot
    from evlog.policy.files import ListEntry
    from evlog.policy.rules import BootPolicy, FileRule, RegisterPolicy, Rule, Static
    from evlog.verifying.verify import Verification

__all__ = ["PolicyCheck", "RuleVerdict", "Unspoken", "check_policy", "demand_of"]

#: Causes under which a value that matches proves all that was extended: none, and how a bank without digests was.
_WHOLE = (None, *ImaEvent.rules)
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


def demand_of(policy: BootPolicy, evidence: Evidence, demand: Demand = NO_DEMAND) -> Demand:
    """What has to be proven: the policy's registers, in its banks, besides what the verifier demands.

    SHA-1 counts only where the policy has nothing better. The values of static registers are expected where the
    policy has one.
    """
    wanted = [each.register for each in policy.registers if not _may_be_idle(each)]
    if demand.registers is not None:
        wanted += demand.registers.each()
    banks = _banks(policy)
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


def _banks(policy: BootPolicy) -> tuple[HashAlg, ...]:
    """The banks in which events have to be proven: those of the rules, without SHA-1 if there is another."""
    banks = {alg.id: alg for each in policy.registers for alg in each.banks}
    strong = tuple(alg for alg in banks.values() if alg != SHA1)
    return strong or tuple(banks.values())


def _may_be_idle(each: RegisterPolicy) -> bool:
    """Whether some boot did not extend the register at all."""
    return bool(each.rules) and not each.files and all(rule.may_lack for rule in each.rules)


def check_policy(
    policy: BootPolicy,
    logs: Log | Sequence[Log],
    evidence: Evidence | None = None,
    demand: Demand = NO_DEMAND,
    *,
    platform: str | None = None,
    unverified: bool = False,
) -> PolicyCheck:
    """Hold the logs of one boot against a policy.

    With ``evidence`` (`evlog.read_registers`) the logs have to lead to it, as `evlog.verify` says under `demand_of`;
    without, no rule is kept, unless ``unverified`` says that logs alone are judged. Raises UsageError as verify does.
    """
    from evlog.model import Log

    several = (logs,) if isinstance(logs, Log) else tuple(logs)
    platform = platform or policy.platform
    result = None
    if evidence is not None and not unverified:
        result = verify(several, evidence, demand_of(policy, evidence, demand), platform=platform)
        boot = observed([each.compared for each in result.logs], Observer(), platform=result.platform, settled=True)
    else:
        boot = observed(several, Observer(), platform=platform)
    checker = _Checker(policy, boot, result, unverified)
    checker.run()
    findings = [
        Finding("log_damaged", "error", f"{log.name or 'a log'}: part of it could not be read, and is not judged")
        for log in several
        if log.failed
    ]
    if checker.lacking:
        lacking = ", ".join(str(alg) for alg in sorted(checker.lacking, key=lambda alg: alg.id))
        findings.append(Finding("banks_not_compared", "note", f"the logs have no {lacking} bank: it is not compared"))
    if checker.unauthentic:
        findings.append(Finding("not_authenticated", "error", checker.unauthentic))
    return PolicyCheck(
        policy,
        tuple(checker.rows),
        tuple(checker.unspoken),
        result,
        unverified,
        checker.ignored,
        tuple(findings),
    )


class _Checker:
    """Goes through the registers of a policy, and then through those that it does not have."""

    def __init__(self, policy: BootPolicy, boot: ObservedBoot, result: Verification | None, unverified: bool) -> None:
        self.policy = policy
        self.boot = boot
        self.result = result
        self.unverified = unverified
        self.rows: list[RuleVerdict] = []
        self.unspoken: list[Unspoken] = []
        self.ignored = 0
        #: Banks of the policy that the logs do not have.
        self.lacking: set[HashAlg] = set()
        self._banks = {
            digest.alg.id
            for entries in boot.sequences.values()
            for each in entries
            for digest in each.seen.event.digests
        }
        self.strong = frozenset(alg.id for alg in _banks(policy))
        self.static = [] if unverified else [self._static(each) for each in policy.static]
        self.unauthentic = "" if unverified else self._unauthentic()

    def _unauthentic(self) -> str:
        """Why nothing is proven by the evidence as a whole; "" if that is not so."""
        result = self.result
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
        known = {united(row.register, result.platform) for row in self.static if row.verdict == KEPT}
        if evidence.static and not result.firmware_identified and firmware.isdisjoint(known):
            return "nobody says which firmware is expected: whoever wrote the logs may have written them as he liked"
        return ""

    def run(self) -> None:
        """All verdicts."""
        for row in self.static:
            unproven = row.verdict == KEPT and self.unauthentic
            self.rows.append(row.replace(verdict=UNPROVEN, reason=self.unauthentic) if unproven else row)
        platform = self.result.platform if self.result is not None else self.boot.platform
        known = {united(each.register, platform): each for each in self.policy.registers}
        ignored = {united(register, platform) for register in self.policy.ignored}
        for register, each in known.items():
            self._register(
                self._comparable(each), self.boot.sequences.get(register, []), self.boot.lists.get(register, [])
            )
        for register in self.boot.registers:
            entries = (*self.boot.sequences.get(register, ()), *self.boot.lists.get(register, ()))
            if register in ignored:
                self.ignored += len(entries)
            elif register not in known:
                for entry in entries:
                    self._extra(entry, "the policy has no rule for its register")
        for entry in self.boot.loose:
            self._extra(entry, "its register is extended by no event like this")
        self.unspoken.sort(key=lambda each: (id(each.log) != id(self.boot.logs[0]), each.log.name, each.event))

    def _comparable(self, each: RegisterPolicy) -> RegisterPolicy:
        """The rules in the banks that the logs have, if one of these counts: a TPM need not have all that others had.

        A bank is left out only if no event anywhere has it: else somebody may have taken digests out.
        """
        if self._banks.issuperset(alg.id for alg in each.banks):
            return each
        shared = {alg.id for alg in each.banks} & self._banks
        if shared.isdisjoint(self.strong):
            return each
        self.lacking.update(alg for alg in each.banks if alg.id not in shared)
        return each.within(shared)

    def _extra(self, entry: Entry, reason: str, about: str = "") -> None:
        self.unspoken.append(
            Unspoken(
                self.boot.logs[entry.log],
                entry.seen.event.number,
                entry.seen.register,
                about or entry.seen.about,
                reason,
            )
        )

    def _proven(self, entry: Entry, banks: Sequence[HashAlg]) -> bool:
        """Whether the event extended its register in a bank that counts for the rule."""
        if self.unverified:
            return True
        if self.unauthentic or self.result is None:
            return False
        log, number = entry.place
        proven = {alg.id for alg in self.result.logs[log].proven_in(number)}
        counting = {alg.id for alg in banks} & self.strong if banks else proven - {SHA1.id}
        return not proven.isdisjoint(counting)

    def _settled(self, each: RegisterPolicy) -> bool:
        """Whether nothing but what the logs say extended a register, in a bank that counts."""
        if self.unverified:
            return True
        if self.unauthentic or self.result is None:
            return False
        register = united(each.register, self.result.platform)
        covered = {(united(name, self.result.platform), alg.id) for name, alg in self.result.evidence.covered}
        short = any(row.register == register for row in (*self.result.shortfalls, *self.result.accepted))
        counting = {alg.id for alg in each.banks} & self.strong if each.banks else None
        rows = [row for row in self.result.registers if row.register == register]
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

    def _row(
        self,
        rule: Rule | FileRule,
        register: Register,
        verdict: str,
        entry: Entry | None = None,
        witnesses: tuple[str, ...] = (),
        reason: str = "",
    ) -> None:
        log = None if entry is None else self.boot.logs[entry.log]
        number = None if entry is None else entry.seen.event.number
        said = witnesses or rule.witnesses
        self.rows.append(RuleVerdict(rule.rule, register, rule.about, verdict, log, number, said, reason))

    def _register(self, each: RegisterPolicy, entries: Sequence[Entry], lists: Sequence[Entry]) -> None:
        settled = self._settled(each)
        if entries or lists:
            start = self.boot.start(united(each.register, self.boot.platform), each.banks)
            if start.digests not in [known.digests for known in each.starts]:
                reason = f"it starts otherwise than for any witness ({start.reason})"
                witnesses = tuple(name for known in each.starts for name in known.witnesses)
                self.rows.append(RuleVerdict("exact", each.register, "start", BROKEN, None, None, witnesses, reason))
        found = match(each, entries)
        before = len(self.rows)
        for i, rule in enumerate(each.rules):
            j = found.pairs.get(i)
            if j is None:
                self._absent(each, rule, settled, unseen=i in found.unseen)
                continue
            entry = entries[j]
            wrong = found.wrong.get(i) or (
                "no boot had it with, or without, what is beside it" if i in found.unseen else ""
            )
            if wrong:
                self._row(rule, each.register, BROKEN, entry, reason=wrong)
                continue
            if not self._proven(entry, each.banks):
                self._row(
                    rule, each.register, UNPROVEN, entry, reason=self.unauthentic or "its register does not prove it"
                )
            elif rule.rule == "free":
                self._row(rule, each.register, FREE, entry)
            else:
                digests = entry.seen.digests(each.banks)
                same = (value for value in rule.values if value.digests == digests)
                seen = tuple(dict.fromkeys(name for value in same for name in value.witnesses))
                self._row(rule, each.register, KEPT, entry, seen)
        taken = set(found.pairs.values())
        for j, entry in enumerate(entries):
            if j not in taken:
                self._extra(entry, "no rule speaks of an event like this, in this place")
        fine = all(row.verdict in (KEPT, FREE, UNPROVEN) for row in self.rows[before:])
        if not found.allowed and fine and len(taken) == len(entries):
            reason = "its events are not a sequence that the rules allow"
            witnesses = tuple(dict.fromkeys(name for rule in each.rules for name in rule.witnesses))
            self.rows.append(RuleVerdict("exact", each.register, "order", BROKEN, None, None, witnesses, reason))
        self._lists(each, lists, settled)

    def _absent(self, each: RegisterPolicy, rule: Rule, settled: bool, *, unseen: bool) -> None:
        if not rule.may_lack:
            self._row(rule, each.register, MISSING, reason="every witness has it")
        elif unseen:
            reason = "no boot lacked it with, or without, what is beside it"
            self._row(rule, each.register, MISSING, reason=reason)
        elif settled:
            self._row(rule, each.register, KEPT, witnesses=rule.without, reason="absent")
        else:
            self._row(
                rule, each.register, UNPROVEN, reason=self.unauthentic or "its register does not prove its absence"
            )

    def _lists(self, each: RegisterPolicy, lists: Sequence[Entry], settled: bool) -> None:
        rules = {(rule.kind, rule.name): rule for rule in each.files}
        computed = aggregates(self.boot) if lists else {}
        kept: dict[tuple[str, str], Entry] = {}
        unproven: dict[tuple[str, str], Entry] = {}
        broken: dict[tuple[str, str], list[tuple[Entry, str]]] = {}
        known: dict[object, ListEntry] = {}
        for entry in lists:
            event = entry.seen.event
            key = event.content, event.digests
            said = known.get(key) or known.setdefault(key, entry_of(event))
            if excluded(said.name, each.excluded):
                self.ignored += 1
                continue
            rule = rules.get((said.kind, said.name))
            if rule is None:
                self._extra(entry, said.wrong or "no witness has an entry of this name", f"ima {said.name}")
                continue
            wrong = said.wrong
            if not wrong and said.name == AGGREGATE and entry.place in computed:
                wrong = "" if computed[entry.place] else "it is not the hash of the registers of firmware's log"
            elif not wrong and not any((v.algorithm, v.value) == (said.algorithm, said.value) for v in rule.values):
                wrong = "no witness had this digest"
            name = said.kind, said.name
            if wrong:
                broken.setdefault(name, []).append((entry, wrong))
            elif self._proven(entry, each.banks):
                kept.setdefault(name, entry)
            else:
                unproven.setdefault(name, entry)
        for name, rule in rules.items():
            if name in broken:
                for entry, wrong in broken[name]:
                    self._row(rule, each.register, BROKEN, entry, reason=wrong)
            elif name in unproven:
                reason = self.unauthentic or "its register does not prove it"
                self._row(rule, each.register, UNPROVEN, unproven[name], reason=reason)
            elif name in kept:
                self._row(rule, each.register, KEPT, kept[name])
            elif settled:
                self._row(rule, each.register, KEPT, reason="not measured")
            else:
                reason = self.unauthentic or "its register does not prove its absence"
                self._row(rule, each.register, UNPROVEN, reason=reason)

    def _static(self, each: Static) -> RuleVerdict:
        """The verdict on a register that no event extends."""
        kind = "exact" if len(each.values) == 1 else "one_of"
        witnesses = tuple(dict.fromkeys(name for _, names in each.values for name in names))

        def row(verdict: str, reason: str = "", witnesses: tuple[str, ...] = witnesses) -> RuleVerdict:
            return RuleVerdict(kind, each.register, "value", verdict, None, None, witnesses, reason)

        if self.result is None:
            return row(UNPROVEN, "no register values were given")
        evidence = self.result.evidence
        wanted = united(each.register, self.result.platform)
        said = {
            value
            for (register, alg), value in evidence.registers.values.items()
            if united(register, self.result.platform) == wanted and alg.id == each.alg.id
        }
        if not said:
            return row(MISSING, "the evidence does not state it")
        for value, names in each.values:
            if said == {value}:
                covered = {(united(register, self.result.platform), alg.id) for register, alg in evidence.covered}
                if (wanted, each.alg.id) not in covered:
                    return row(UNPROVEN, "no given key or root stands behind its value")
                return row(KEPT, "", names)
        return row(BROKEN, "no witness had this value")
