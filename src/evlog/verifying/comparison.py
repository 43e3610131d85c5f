"""Logs and evidence side by side: the verdict on each register in each bank, and what of the events it proves.

``match``         the logs lead to the register's value; or nothing was logged and it still has its start value
``mismatch``      they do not, and ``explanation`` says why as far as that can be computed
``incomplete``    events lack the bank's digest, or it cannot be computed here: the logs do not tell the value
``not_logged``    the register was extended, and no log has an event of it
``not_reported``  the logs extend a register that the evidence does not state
``static``        the register never changes, and no log has an event of it
"""

from __future__ import annotations

from collections import Counter

from evlog import hashing
from evlog.columns import NOT_EXTENDED, rows_of
from evlog.contents.spec_id import preceding
from evlog.merging.assign import assign
from evlog.merging.order import arranged
from evlog.model import Finding, Log
from evlog.registers import CC_SPACES, PCR0, Register, Registers
from evlog.replaying.naming import unite, united
from evlog.replaying.replay import RegisterValue, Replay, replay, start_value
from evlog.replaying.start import counts_of, launched, reset_value
from evlog.replaying.trail import Trail, trail
from evlog.verifying.allowance import DEFAULT, Allowance, SpentError
from evlog.verifying.left_out import left_out
from evlog.verifying.sentences import beside_banks, not_explained, nothing_compared, unexplained
from evlog.verifying.verdict import RegisterVerdict
from evlog.verifying.verified import SEAL, Cover, Verified
from evlog.verifying.whole import NOT_RESET, not_reset, of_another_boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.evidence import Composite, Evidence
    from evlog.model import Event
    from evlog.replaying.bank_rules import BankRule
    from evlog.replaying.statements import Statement
    from evlog.verifying.case import Case

__all__ = ["Comparison"]

# What to say of a bank that the log has no digests for, by the rule that its value confirms.
_RULES = {
    "hash": "the log has no digests of this bank: it was extended with the hashes of the recorded data",
    "zero-pad": "the log has no digests of this bank: it was extended with SHA-1 digests padded with zeros",
}

# What is wrong with events of a register that has its value without them.
_IDLE = "have no {} digest, and did not extend this bank"

# Events of a log that are made once and kept; a longer one is read from its columns whenever it is asked.
_SHORT = 4096

#: Whose entries are logged before they are extended, so that its log may be ahead.
_IMA = Register("pcr", 10)
#: What a textual log may say of itself that nothing leads to.
_BREAKS = ("gap", "unanchored")
#: What a dynamic launch may extend although no log shows one: here the value may choose between the two starts.
_LAUNCHED = frozenset(Register("pcr", index) for index in (17, 18, 19))


class Comparison:
    """Logs and evidence side by side. ``verdicts`` and ``verified`` are what comes of it, with ``findings``."""

    def __init__(
        self,
        logs: tuple[Log, ...],
        evidence: Evidence,
        platform: str | None,
        ima_register: Register | None = None,
        explain: int = DEFAULT,
    ) -> None:
        self.evidence = evidence
        self.platform = platform
        #: Where the verifier says that IMA lists went, besides PCR 10.
        self.of_ima = {_IMA} if ima_register is None else {_IMA, united(ima_register, platform)}
        self.stated = {(united(register, platform), alg): value for (register, alg), value in _counting(evidence)}
        # What the logs say of the platform is settled here: nothing after it names their registers by that again.
        named = [log.replace(platform=platform) for log in unite(logs, platform)]
        assigned, notes = assign(named, self.stated)
        # In the order in which they were written, and each beside the one that was given.
        self.given, self.logs = arranged([_made(log) for log in assigned], logs)
        self.launch = launched(self.logs)
        self.rules: dict[tuple[Register, HashAlg], BankRule] = {}
        #: What textual logs state, by register and bank.
        self.statements: dict[tuple[Register, HashAlg], list[Statement]] = {}
        self.replay: Replay = self._replayed()
        self.rows = {(row.register, row.alg): row for row in self.replay.rows}
        self.static = {united(register, platform) for register in evidence.static}
        # The build-time register of every confidential platform (UEFI 2.10 section 38.4.1).
        self.static.add(Register("ccmr", 0))
        #: How many events extend each register, or say to, by log, whatever banks they have digests of.
        self.events = [_events(log, self.static) for log in self.logs]
        self.allowance = Allowance(explain)
        self.findings = [*self.replay.findings, *notes, *evidence.findings]
        self.covers: dict[Register, list[Cover]] = {}

        if evidence.composite is not None:
            self._open(evidence.composite)
        self.twice = not_reset(self.logs, self.replay.rows, self.stated, self.allowance)
        keys = {*self.rows, *self.stated, *self._on_static()}
        ordered = sorted(keys, key=lambda key: (key[0].sort_key, key[1].id))
        judged = [self._less_idle(self._judge(*key)) for key in ordered]
        self.verdicts = beside_banks(left_out(judged, self.logs, self.events, self.rules))
        if self.twice:
            self.findings.append(Finding("not_reset", "warning", NOT_RESET))
        other_boot = of_another_boot(self.verdicts)
        if other_boot is not None:
            self.findings.append(other_boot)
        if not any((row.verdict == "match" or row.cause == "violations") and row.proven for row in self.verdicts):
            self.findings.append(Finding("nothing_compared", "error", nothing_compared(self.verdicts)))

    @property
    def verified(self) -> tuple[Verified, ...]:
        """The logs as they were given, each with what of it is proven."""
        return tuple(
            Verified(log, index, united, self.covers, seal=SEAL)
            for index, (log, united) in enumerate(zip(self.given, self.logs, strict=True))
        )

    @property
    def logged(self) -> set[Register]:
        """The registers that some event extends, or says to."""
        return {register for register, _ in self.rows}.union(*self.events)

    def _on_static(self) -> Iterator[tuple[Register, HashAlg]]:
        """The static registers, with a bank, that measured events name although no event can extend them."""
        for log in self.logs:
            for event in _loose(log):
                if event.measured and event.register in self.static:
                    yield from ((event.register, digest.alg) for digest in event.digests)

    def _replayed(self) -> Replay:
        """The replay, with banks that the logs do not record extended as the register values say they were."""
        if not any(log.rules for log in self.logs):
            return self._stating(replay(self.logs))
        from evlog.replaying.bank_rules import bank_rules, rules_by_bank

        found = bank_rules(self.logs, Registers(self.stated))
        self.rules = {(rule.register, rule.alg): rule for rule in found}
        return self._stating(replay(self.logs, rules=rules_by_bank(found)))

    def _stating(self, replayed: Replay) -> Replay:
        """The replay, with what textual logs state noted by register and bank."""
        self.statements.clear()
        for each in replayed.handovers:
            self.statements.setdefault((each.register, each.alg), []).append(each)
        return replayed

    # One register in one bank

    def _judge(self, register: Register, alg: HashAlg) -> RegisterVerdict:
        row, expected = self.rows.get((register, alg)), self.stated.get((register, alg))
        if register in self.static:
            return self._static(register, alg, expected)
        if expected is None:
            assert row is not None
            return RegisterVerdict(register, alg, "not_reported", row.value, events=row.events)
        if row is None:
            return self._unlogged(register, alg, expected)
        rule = self.rules.get((register, alg))
        if row.value is None and rule is None and register.space in CC_SPACES:
            # Of these registers it is certain how a list extends them, whether it leads to the value or not.
            own = next((log.rules[:1] for log in self.logs if log.rules and register in log.extended), ())
            if own and not trail(self.logs, register, alg, row.start, own).missing:
                return self._differing(row, expected, own)
        if row.value == expected:
            if self._claims(row):
                return self._claimed(row, expected)
            if row.stated is not None:
                return self._stated(row, expected)
            self._cover(register, Cover(alg, rule=rule.rule if rule is not None else None))
            said, cause = (_RULES.get(rule.rule), rule.rule) if rule is not None else (None, None)
            return RegisterVerdict(register, alg, "match", row.value, expected, said, cause, row.events, row.events)
        found = self._differing(row, expected, (rule.rule,) if rule is not None else ())
        if found.cause == "violations" and self._claims(row):
            # Who puts up with violations has not put up with what the input states of itself.
            return found.replace(explanation=f"{found.explanation}, from what the input states", cause="stated_start")
        # It matches by a part of the events, or another start: what the input states of itself is no better for that.
        return self._claimed(row, expected, found) if found.verdict == "match" and self._claims(row) else found

    def _stated(self, row: RegisterValue, expected: bytes) -> RegisterVerdict:
        """A match of a register whose textual log states its value, and leads to what it states."""
        verdict = RegisterVerdict(row.register, row.alg, "match", row.value, expected, events=row.events)
        self._cover(row.register, Cover(row.alg, since=row.proven_from))
        if row.stated == "continuous":
            return verdict.replace(proven=row.events)
        said = "extensions outside the log are told by .EXTEND comments, and the values after them agree"
        return verdict.replace(explanation=said, cause=row.stated, proven=row.events)

    def _claims(self, row: RegisterValue) -> bool:
        """Whether a value that the input states, and nothing leads to, stands between reset and the last event."""
        stated = row.start_reason in ("log", "init") and row.start != self._start(row.register, row.alg)
        return stated or row.stated in _BREAKS

    def _claimed(self, row: RegisterValue, expected: bytes, found: RegisterVerdict | None = None) -> RegisterVerdict:
        """A match that hangs on such a value: of what came before it nothing is proven.

        ``found`` is how the value was reached, where that is not by all events.
        """
        verdict = found or RegisterVerdict(row.register, row.alg, "match", row.value, expected, events=row.events)
        if row.stated not in _BREAKS:
            if found is None:
                self._cover(row.register, Cover(row.alg))
                verdict = verdict.replace(proven=row.events)
            said = f"the input itself states that the register starts at {row.start.hex()[:16]}..."
            return verdict.replace(explanation=f"{said}: nothing proves what led there", cause="stated_start")
        from evlog.verifying.stated import proven_steps

        log, number = row.proven_from
        steps = trail(self.logs, row.register, row.alg, row.start)
        where = f"line {number + 1}{f' of {self.logs[log].name}' if len(self.logs) > 1 else ''}"
        said = f"the log states there what the register was ({row.stated}), and nothing proves what led to it"
        proven = proven_steps(steps, row.proven_from)
        if found is None:
            self._cover(row.register, Cover(row.alg, since=row.proven_from))
        return verdict.replace(
            explanation=f"events from {where} on are proven: {said}",
            cause=row.stated,
            proven=proven if found is None else min(proven, found.proven),
        )

    def _less_idle(self, verdict: RegisterVerdict) -> RegisterVerdict:
        """A match without the events that extended nothing, by a rule that says so: no value proves those."""
        if not self.rules:
            return verdict
        from evlog.replaying.bank_rules import rules_by_bank

        rules = rules_by_bank(tuple(self.rules.values())).get(verdict.alg, ())
        row = self.rows.get((verdict.register, verdict.alg))
        if row is None or not verdict.whole or _RULES.keys() >= set(rules):
            return verdict
        steps = trail(self.logs, row.register, row.alg, row.start, rules)
        return _but_idle(verdict, len(steps), row.events)

    def _static(self, register: Register, alg: HashAlg, expected: bytes | None) -> RegisterVerdict:
        """A register that never changes: whoever logs an event of it, did not extend it."""
        events = self._events_of(register)
        if not events:
            return RegisterVerdict(register, alg, "static", expected=expected)
        sentence = "the register is static, it never changes: no event can have extended it"
        return RegisterVerdict(register, alg, "mismatch", None, expected, sentence, "static", events)

    def _unlogged(self, register: Register, alg: HashAlg, expected: bytes) -> RegisterVerdict:
        """No event in this bank: it has its start value, or events that other banks record extended it by a rule."""
        start = self._start(register, alg)
        at_start = expected in (start, bytes(alg.size))
        events = self._events_of(register)
        if not hashing.backend().computable(alg):
            if at_start and not events:
                return RegisterVerdict(register, alg, "match", None, expected, "its start value")
            sentence = f"{alg} has no hash here: what the logs lead to cannot be said"
            return RegisterVerdict(register, alg, "incomplete", None, expected, sentence, "not_computable", events)
        for rule in dict.fromkeys(rule for log in self.logs for rule in log.rules) if events else ():
            steps = trail(self.logs, register, alg, start, (rule,))
            if len(steps):
                row = RegisterValue(register, alg, None, start, "zeros", len(steps) + len(steps.missing))
                found = self._differing(row, expected, (rule,))
                return _but_idle(found, row.events, events)
        if at_start and not events:
            return RegisterVerdict(register, alg, "match", expected, expected, "no events, and still its start value")
        if at_start:
            sentence = f"still its start value: {_none_of(events)} this bank"
            return RegisterVerdict(register, alg, "match", expected, expected, sentence, "other_banks", events)
        if events:
            others = sorted({row.alg.name for row in self.replay.rows if row.register == register and row.events})
            only = f", only {', '.join(others)}" if others else ""
            sentence = f"the logs have no {alg} digests of it{only}"
            return RegisterVerdict(register, alg, "incomplete", None, expected, sentence, "no_bank", events)
        if not any(self.events):
            sentence = "the register was extended, and there is no log of any event"
            return RegisterVerdict(register, alg, "not_logged", None, expected, sentence)
        from evlog.verifying.explain import explain

        try:
            edit = explain(self._case(Trail(register, alg, start, [], [], []), expected))
        except SpentError:
            sentence = "the register was extended, and no log has an event of it; no more was tried (--explain)"
            return RegisterVerdict(register, alg, "not_logged", None, expected, sentence, "not_explained")
        said = f"; {edit.sentence}" if edit else ""
        cause = edit.code if edit else None
        sentence = f"the register was extended, and no log has an event of it{said}"
        return RegisterVerdict(register, alg, "not_logged", None, expected, sentence, cause)

    def _events_of(self, register: Register) -> int:
        return sum(counts.get(register, 0) for counts in self.events)

    def _start(self, register: Register, alg: HashAlg) -> bytes:
        """The platform's own start value of a register: of PCR 0 by the locality that a log tells, after a launch."""
        starts = (start_value(log.replace(start=None), register, alg) for log in self.logs if register == PCR0)
        own = reset_value(register, alg, launch=self.launch)
        return next((value for value, reason in starts if reason != "zeros"), own)

    def _differing(self, row: RegisterValue, expected: bytes, rules: tuple[str, ...]) -> RegisterVerdict:
        steps = trail(self.logs, row.register, row.alg, row.start, rules)
        statements = self.statements.get((row.register, row.alg), ())
        if statements:
            from evlog.verifying.stated import since_last_gap

            steps = since_last_gap(steps, statements)
        case = self._case(steps, expected, statements)
        # A log that extends the bank by a rule counts no event of it before the rule is known.
        events = max(row.events, len(steps)) if rules else row.events
        made = RegisterVerdict(row.register, row.alg, "mismatch", row.value, expected, events=events)
        if steps.missing:
            return self._incomplete(case, made)
        if row.value is None:
            made = made.replace(replayed=case.values[-1])
            settled = self._settled(case, made)
            if settled is not None:
                return settled
        if (row.register, row.alg) in self.twice:
            return made.replace(explanation=NOT_RESET, cause="not_reset")
        from evlog.verifying.explain import explain

        try:
            found = explain(case)
            if found is None:
                return made.replace(explanation=unexplained(case), cause="unexplained")
        except SpentError:
            return made.replace(explanation=not_explained(case), cause="not_explained")
        if found.proven:
            rule = rules[0] if rules else None
            if found.code != "violations":
                self._cover(row.register, Cover(row.alg, until=steps.places[found.proven], rule=rule))
            elif found.proven == len(steps):
                # All digests were extended, as they are recorded.
                self._cover(row.register, Cover(row.alg, rule=rule))
        if found.ahead and row.register not in self.of_ima:
            found = found.replace(code="prefix")
        elif found.ahead:
            made = made.replace(verdict="match", replayed=expected)
        if found.code == "dynamic_launch" and row.register in _LAUNCHED:
            self._cover(row.register, Cover(row.alg))
            made, found = made.replace(verdict="match", replayed=expected), found.replace(proven=row.events)
        return made.replace(explanation=found.sentence, cause=found.code, proven=found.proven)

    def _settled(self, case: Case, made: RegisterVerdict) -> RegisterVerdict | None:
        """What stands before a log's header may have been extended, or not: the register's value tells."""
        places, total = case.trail.places, len(case.trail)
        early = [step for step, (log, row) in enumerate(places) if row < len(preceding(self.logs[log]))]
        if not early:
            return None
        if case.values[-1] == case.observed:
            self._cover(made.register, Cover(made.alg))
            return made.replace(verdict="match", proven=made.events)
        digests = case.trail.digests
        # What the log was not ready for, the TPM was not either: the first of them, if not all.
        for left in range(len(early), 0, -1) if total <= _SHORT else (len(early),):
            gone = early[:left]
            kept = [digest for step, digest in enumerate(digests) if step not in gone]
            if hashing.backend().fold(made.alg, case.trail.start, kept) != case.observed:
                continue
            if gone[-1] == left - 1 and left < total:
                self._cover(made.register, Cover(made.alg, since=places[left]))
            which = case.name(gone[0]) + (f" and {left - 1} more" if left > 1 else "")
            stand, were = ("stands", "was") if left == 1 else ("stand", "were")
            said = f"the value follows without {which}, which {stand} before the log's header and {were} not extended"
            return made.replace(
                verdict="match", replayed=case.observed, explanation=said, cause="before_header", proven=len(kept)
            )
        return None

    def _incomplete(self, case: Case, made: RegisterVerdict) -> RegisterVerdict:
        """Some events lack the bank's digest: the bank may have been extended by the others alone."""
        missing = len(case.trail.missing)
        # A log without the bank counts no event of it.
        made = made.replace(events=max(made.events, len(case.trail) + missing))
        lacking = f"{missing} of {made.events} events"
        if case.values[-1] != case.observed:
            lacking = f"{lacking} have no {made.alg} digest"
            return made.replace(verdict="incomplete", explanation=lacking, cause="lacking")
        self._cover(made.register, Cover(made.alg))
        sentence = f"{lacking} {_IDLE.format(made.alg)}"
        return made.replace(
            verdict="match", replayed=case.observed, explanation=sentence, cause="other_banks", proven=len(case.trail)
        )

    def _cover(self, register: Register, cover: Cover) -> None:
        self.covers.setdefault(register, []).append(cover)

    def _case(self, steps: Trail, expected: bytes, statements: Sequence[Statement] = ()) -> Case:
        from evlog.verifying.case import Case

        return Case(self.logs, steps, list(steps.values()), expected, self.platform, self.allowance, statements)

    # A signed digest over values that nobody states

    def _open(self, composite: Composite) -> None:
        """State the register values behind a composite: those of the logs, if they give it."""
        from evlog.verifying.composite import opened

        solved = opened(composite, self.logs)
        if solved is None:
            message = "the quote's PCR digest is not that of the registers that the logs lead to"
            self.findings.append(Finding("composite_mismatch", "error", message))
            return
        self.stated |= solved
        self.replay = self._replayed()
        self.rows = {(row.register, row.alg): row for row in self.replay.rows}


def _counting(evidence: Evidence) -> Iterator[tuple[tuple[Register, HashAlg], bytes]]:
    """The values that may count: where a signature stands behind some, these and no others."""
    for key, value in evidence.registers.values.items():
        if not evidence.anchored or key in evidence.covered:
            yield key, value


def _events(log: Log, static: Collection[Register]) -> Counter[Register]:
    """How many events extend each register, and how many say to extend one that is static."""
    columns = log.columns
    if columns is None:
        return Counter(
            event.register for event in log.events if event.replayable or (event.measured and event.register in static)
        )
    found = Counter({columns.register(index): count for index, count in counts_of(log).items()})
    found.update(event.register for event in _loose(log) if event.measured and event.register in static)
    return found


def _loose(log: Log) -> Sequence[Event]:
    """At least the events that extend no register that replay follows."""
    columns = log.columns
    if columns is None:
        return log.events
    return [] if columns.silent else [log.events[row] for row in rows_of(columns.registers, NOT_EXTENDED)]


def _made(log: Log) -> Log:
    """A short log with all its events made: they are looked at again and again."""
    return log if len(log.events) > _SHORT else log.replace(events=tuple(log.events))


def _but_idle(verdict: RegisterVerdict, extending: int, events: int) -> RegisterVerdict:
    """A verdict on a register that some of its events did not extend: those are proven by nothing."""
    if not verdict.whole or extending >= events:
        return verdict
    return verdict.replace(
        explanation=f"{events - extending} of {events} events {_IDLE.format(verdict.alg)}",
        cause="other_banks",
        events=events,
        proven=min(extending, verdict.proven),
    )


def _none_of(events: int) -> str:
    return "its one event did not extend" if events == 1 else f"none of the {events} events extended"
