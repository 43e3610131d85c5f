"""Check: the logs of a boot against a policy, rule by rule; with evidence `evlog.verify` first, and then the policy.

What the verdicts say stands in `evlog.policy.verdicts`, what has to be proven in `evlog.policy.demanded`, and what is
in `evlog.policy.proof`. Without evidence nothing is kept at all, unless the verifier says that the text of logs is all
that he wants judged.
"""

from __future__ import annotations

from evlog.errors import UsageError
from evlog.model import Finding
from evlog.policy.boots import observed
from evlog.policy.demanded import demand_of
from evlog.policy.files import AGGREGATE, aggregates, entry_of, excluded
from evlog.policy.matching import match
from evlog.policy.proof import Proof
from evlog.policy.seen import Observer
from evlog.policy.verdicts import BROKEN, FREE, KEPT, MISSING, UNPROVEN, PolicyCheck, RuleVerdict, Unspoken
from evlog.replaying.naming import united
from evlog.verifying.demand import NO_DEMAND, Demand
from evlog.verifying.verify import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.policy.boots import Entry, ObservedBoot
    from evlog.policy.files import ListEntry
    from evlog.policy.rules import BootPolicy, FileRule, RegisterPolicy, Rule
    from evlog.registers import Register

__all__ = ["check_policy"]


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

    With ``evidence`` (`evlog.read_registers`) the logs have to lead to it, as `evlog.verify` says under
    `evlog.policy.demanded.demand_of`; without, no rule is kept, unless ``unverified`` says that logs alone are judged.
    Raises UsageError as verify does, and for evidence or a demand that would not be looked at.
    """
    from evlog.model import Log

    if unverified and (evidence is not None or demand != NO_DEMAND):
        raise UsageError("unverified judges logs alone: evidence, and what is demanded of it, are not looked at")
    several = (logs,) if isinstance(logs, Log) else tuple(logs)
    platform = platform or policy.platform
    result = None
    if evidence is not None:
        result = verify(several, evidence, demand_of(policy, evidence, demand), platform=platform)
        boot = observed([each.compared for each in result.logs], Observer(), platform=result.platform, settled=True)
    else:
        boot = observed(several, Observer(), platform=platform)
    proof = Proof(policy, result, unverified)
    checker = _Checker(policy, boot, proof)
    checker.run()
    findings = [
        Finding("log_damaged", "error", f"{log.name or 'a log'}: part of it could not be read, and is not judged")
        for log in several
        if log.failed
    ]
    if checker.lacking:
        lacking = ", ".join(str(alg) for alg in sorted(checker.lacking, key=lambda alg: alg.id))
        findings.append(Finding("banks_not_compared", "note", f"the logs have no {lacking} bank: it is not compared"))
    if proof.lacking:
        findings.append(Finding("not_authenticated", "error", proof.lacking))
    return PolicyCheck(
        policy,
        (*proof.static, *checker.rows),
        tuple(checker.unspoken),
        result,
        unverified,
        checker.ignored,
        tuple(findings),
    )


class _Checker:
    """Goes through the registers of a policy, and then through those that it does not have."""

    def __init__(self, policy: BootPolicy, boot: ObservedBoot, proof: Proof) -> None:
        self.policy = policy
        self.boot = boot
        self.proof = proof
        self.rows: list[RuleVerdict] = []
        self.unspoken: list[Unspoken] = []
        #: Events that the policy leaves out: how many.
        self.ignored = 0
        #: Banks of the policy that the logs do not have.
        self.lacking: set[HashAlg] = set()
        self._banks = {
            digest.alg.id
            for entries in boot.sequences.values()
            for each in entries
            for digest in each.seen.event.digests
        }
        self._ignored = frozenset(united(register, boot.platform) for register in policy.ignored)

    def run(self) -> None:
        """All verdicts."""
        known = {united(each.register, self.boot.platform): each for each in self.policy.registers}
        if len(known) < len(self.policy.registers):
            raise UsageError(f"two registers of the policy are one, by two names, on {self.boot.platform}")
        for register, each in known.items():
            self._register(
                self._comparable(each), self.boot.sequences.get(register, []), self.boot.lists.get(register, [])
            )
        for register in self.boot.registers:
            entries = (*self.boot.sequences.get(register, ()), *self.boot.lists.get(register, ()))
            if register in self._ignored:
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
        if shared.isdisjoint(self.proof.strong):
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
        settled = self.proof.settled(each)
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
            if not self.proof.of(entry, each.banks):
                self._row(
                    rule, each.register, UNPROVEN, entry, reason=self.proof.lacking or "its register does not prove it"
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
                rule, each.register, UNPROVEN, reason=self.proof.lacking or "its register does not prove its absence"
            )

    def _lists(self, each: RegisterPolicy, lists: Sequence[Entry], settled: bool) -> None:
        rules = {(rule.kind, rule.name): rule for rule in each.files}
        computed = aggregates(self.boot, self._ignored) if lists else {}
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
            elif self.proof.of(entry, each.banks):
                kept.setdefault(name, entry)
            else:
                unproven.setdefault(name, entry)
        for name, rule in rules.items():
            if name in broken:
                for entry, wrong in broken[name]:
                    self._row(rule, each.register, BROKEN, entry, reason=wrong)
            elif name in unproven:
                reason = self.proof.lacking or "its register does not prove it"
                self._row(rule, each.register, UNPROVEN, unproven[name], reason=reason)
            elif name in kept:
                self._row(rule, each.register, KEPT, kept[name])
            elif settled:
                self._row(rule, each.register, KEPT, reason="not measured")
            else:
                reason = self.proof.lacking or "its register does not prove its absence"
                self._row(rule, each.register, UNPROVEN, reason=reason)
