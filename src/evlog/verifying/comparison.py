"""Logs and evidence side by side: the verdict on each register in each bank, and what of the events it proves.

Most registers of most logs have the value that the replay leads to, and are done with that. Of those that differ
(`evlog.verifying.differing`) all are known before any is explained: they share what that may cost.

``match``         the logs lead to the register's value; or nothing was logged and it still has its start value
``mismatch``      they do not, and ``explanation`` says why as far as that can be computed
``incomplete``    events lack the bank's digest, or it cannot be computed here: the logs do not tell the value
``not_logged``    the register was extended, and no log has an event of it
``not_reported``  the logs extend a register that the evidence does not state
``static``        the register never changes, and no log has an event of it
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SHA256
from evlog.merging.assign import assign
from evlog.merging.order import arranged
from evlog.model import Finding, Log
from evlog.registers import CC_SPACES, PCR0, Register, Registers
from evlog.replaying.left_out import unfollowed
from evlog.replaying.naming import renames, unite, united
from evlog.replaying.replay import RegisterValue, Replay, replay, start_value
from evlog.replaying.start import counts_of, launched, reset_value
from evlog.replaying.trail import Trail
from evlog.verifying.allowance import DEFAULT, LONG
from evlog.verifying.left_out import left_out
from evlog.verifying.sentences import IDLE, beside_banks, nothing_compared
from evlog.verifying.verdict import RegisterVerdict
from evlog.verifying.verified import SEAL, Cover, Verified
from evlog.verifying.whole import NOT_RESET, not_reset, of_another_boot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evlog.algorithms import HashAlg
    from evlog.evidence import Composite, Evidence
    from evlog.replaying.bank_rules import BankRule
    from evlog.replaying.statements import Statement
    from evlog.verifying.case import Case
    from evlog.verifying.differing import Differing, Judging
    from evlog.verifying.dossier import Dossier

    Key = tuple[Register, HashAlg]

__all__ = ["Comparison"]

# What to say of a bank that the log has no digests for, by the rule that its value confirms.
_RULES = {
    "hash": "the log has no digests of this bank: it was extended with the hashes of the recorded data",
    "zero-pad": "the log has no digests of this bank: it was extended with SHA-1 digests padded with zeros",
}

#: Whose entries are logged before they are extended, so that its log may be ahead.
_IMA = Register("pcr", 10)
#: What a textual log may say of itself that nothing leads to.
_BREAKS = ("gap", "unanchored")
#: Why a register starts at a value that the input states.
_STATED = ("log", "init")
#: In the place of a verdict that waits for its explanation.
_WAITING = RegisterVerdict(PCR0, SHA256, "mismatch")
#: Registers that may all differ before it is the log that is taken for another's.
_SEVERAL = 3


class Comparison:
    """Logs and evidence side by side; `judge` makes ``verdicts`` and ``findings`` of it, and `verified` of those."""

    def __init__(
        self,
        logs: tuple[Log, ...],
        evidence: Evidence,
        platform: str | None,
        ima_register: Register | None = None,
    ) -> None:
        self.evidence = evidence
        self.platform = platform
        #: Where the verifier says that IMA lists went, besides PCR 10.
        of_ima = {_IMA} if ima_register is None else {_IMA, united(ima_register, platform)}
        self.stated = _counting(evidence)
        if renames(platform):
            self.stated = {(united(register, platform), alg): value for (register, alg), value in self.stated.items()}
        # What the logs say of the platform is settled here: nothing after it names their registers by that again.
        named = [log if log.platform == platform else log.replace(platform=platform) for log in unite(logs, platform)]
        assigned, notes = assign(named, self.stated)
        # In the order in which they were written, and each beside the one that was given.
        self.given, self.logs = arranged(assigned, logs) if len(logs) > 1 else (logs, tuple(assigned))
        self._launch: bool | None = None
        self._rows: dict[Key, RegisterValue] | None = None
        self.rules: dict[tuple[Register, HashAlg], BankRule] = {}
        #: What textual logs state, by register and bank.
        self.statements: dict[tuple[Register, HashAlg], list[Statement]] = {}
        self.replay: Replay = self._replayed()
        self.static = {united(register, platform) for register in evidence.static}
        # The build-time register of every confidential platform (UEFI 2.10 section 38.4.1).
        self.static.add(Register("ccmr", 0))
        #: How many events extend each register, or say to, by log, whatever banks they have digests of.
        self.events, self._on_static = _events(self.logs, self.static)
        self.findings = [*self.replay.findings, *notes, *evidence.findings]
        self.covers: dict[Register, list[Cover]] = {}
        self._of_ima = of_ima
        self._demanded: Collection[Register] = ()
        self._twice: Collection[Key] = ()
        #: Hashes, besides those of explanations, that the trails of registers of long logs may take.
        self._spare = LONG
        self._differing: Differing | None = None
        self._dossier: Dossier | None = None
        self.verdicts: Sequence[RegisterVerdict] = ()
        if evidence.composite is not None:
            self._open(evidence.composite)

    def judge(self, demanded: Collection[Register], explain: int | None) -> None:
        """Come to a verdict on each register and bank. ``explain`` is how many hashes may be spent on why some differ.

        None is a small number, and none at all where nothing agrees: then it is the log, or the machine, that is
        another.
        """
        twice = not_reset(self._twice_over, self.replay.rows, self.stated)
        self._spare = LONG if explain is None else max(LONG, explain)
        judged, others = self._agreeing(demanded)
        ordered = not others or not judged
        waiting: list[tuple[int, Judging, Case]] = []
        self._demanded, self._twice = demanded, twice
        for key in others:
            judging = self._judge(*key)
            try:
                waiting.append((len(judged), judging, next(judging)))
                judged.append(_WAITING)
            except StopIteration as done:
                judged.append(done.value)
        if waiting:
            self._explain(waiting, judged, explain)
        if others:
            judged = [self._less_idle(row) for row in judged] if self.rules else judged
            judged = [
                row if row.demanded or row.register not in demanded else row.replace(demanded=True) for row in judged
            ]
            if not ordered:
                judged.sort(key=_place)
            for covers in self.covers.values():
                covers.sort(key=lambda cover: cover.alg.id)
        self.verdicts = left_out(judged, self.logs, self.events, self.rules)
        if others:
            self.verdicts = beside_banks(self.verdicts)
            other_boot = of_another_boot(self.verdicts)
            if twice:
                self.findings.append(Finding("not_reset", "warning", NOT_RESET))
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

    def _agreeing(self, demanded: Collection[Register]) -> tuple[list[RegisterVerdict], list[Key]]:
        """The verdicts on registers of which nothing is to be said but that they match; and all others, in order."""
        judged: list[RegisterVerdict] = []
        others: list[Key] = []
        stated, found = self.stated, 0
        register, counts, covers = None, False, dict[int, Cover]()
        for row in self.replay.rows:
            if row.register is not register:
                register = row.register
                counts = register in demanded
                plain = not self.rules and register not in self.static
                proven: list[Cover] = []
            alg, value = row.alg, row.value
            expected = stated.get((register, alg))
            found += expected is not None
            if plain and value == expected is not None and row.stated is None and row.start_reason not in _STATED:
                if not proven:
                    self.covers[register] = proven
                cover = covers.get(alg.id)
                if cover is None:
                    cover = covers[alg.id] = Cover(alg)
                proven.append(cover)
                events = row.events
                judged.append(
                    RegisterVerdict(register, alg, "match", value, expected, None, None, events, events, counts)
                )
            else:
                others.append((register, alg))
        if found < len(stated) or self._on_static:
            others = list({*others, *self._on_static, *(stated.keys() - self.rows.keys())})
            others.sort(key=lambda key: (key[0].sort_key, key[1].id))
        return judged, others

    def _explain(
        self, waiting: Sequence[tuple[int, Judging, Case]], judged: list[RegisterVerdict], allowed: int | None
    ) -> None:
        """Put the verdicts that wait for an explanation in their places."""
        from evlog.verifying.explain import explain

        cases, asked = [case for _, _, case in waiting], allowed is not None
        if allowed is None:
            agree = any(row.verdict == "match" and row.proven for row in judged)
            many = len({case.trail.register for case in cases}) > _SEVERAL
            allowed = 0 if many and not agree else DEFAULT
        self.dossier.allowance.left = allowed
        for (place, judging, _), found in zip(waiting, explain(cases, every_bank=asked), strict=True):
            try:
                judging.send(found)
            except StopIteration as done:
                judged[place] = done.value

    @property
    def rows(self) -> dict[Key, RegisterValue]:
        """The rows of the replay, by register and bank."""
        if self._rows is None:
            self._rows = {(row.register, row.alg): row for row in self.replay.rows}
        return self._rows

    @property
    def differing(self) -> Differing:
        """What judges the registers that differ; few logs have any."""
        if self._differing is None:
            from evlog.verifying.differing import Differing

            common = self._of_ima, self.covers, self._demanded, self._twice
            self._differing = Differing(self.dossier, self.statements, *common, spare=self._spare)
        return self._differing

    @property
    def dossier(self) -> Dossier:
        """What is known of the logs' trails; few are asked for."""
        if self._dossier is None:
            from evlog.verifying.dossier import Dossier

            self._dossier = Dossier(self.logs, self.platform)
        return self._dossier

    def _trail(self, register: Register, alg: HashAlg, start: bytes, rules: tuple[str, ...] = ()) -> Trail:
        return self.dossier.trail(register, alg, start, rules)

    def _twice_over(self, row: RegisterValue, value: bytes) -> bytes:
        """What a register of some value comes to if the logs' events extend it once more."""
        again = self.dossier.again(self.replay.rows, row.alg)
        if again is not None:
            return again[row.register]
        return hashing.backend().fold(row.alg, value, self._trail(row.register, row.alg, row.start).digests)

    @property
    def launch(self) -> bool:
        """Whether some log tells of a dynamic launch."""
        if self._launch is None:
            self._launch = launched(self.logs)
        return self._launch

    @property
    def logged(self) -> set[Register]:
        """The registers that some event extends, or says to."""
        found = set().union(*self.events)
        before = None
        for row in self.replay.rows:
            if row.register is not before:
                before = row.register
                found.add(before)
        return found

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
        self._rows = None
        self.statements.clear()
        for each in replayed.handovers:
            self.statements.setdefault((each.register, each.alg), []).append(each)
        return replayed

    # One register in one bank

    def _judge(self, register: Register, alg: HashAlg) -> Judging:
        row, expected = self.rows.get((register, alg)), self.stated.get((register, alg))
        if register in self.static:
            return self._static(register, alg, expected)
        if expected is None:
            assert row is not None
            return RegisterVerdict(register, alg, "not_reported", row.value, events=row.events)
        if row is None:
            return (yield from self._unlogged(register, alg, expected))
        rule = self.rules.get((register, alg))
        if row.value is None and rule is None and register.space in CC_SPACES:
            # Of these registers it is certain how a list extends them, whether it leads to the value or not.
            own = next((log.rules[:1] for log in self.logs if log.rules and register in log.extended), ())
            if own and not self._trail(register, alg, row.start, own).missing:
                return (yield from self.differing.judge(row, expected, own))
        if row.value == expected:
            if self._claims(row):
                return self._claimed(row, expected)
            if row.stated is not None:
                return self._stated(row, expected)
            self._cover(register, Cover(alg, rule=rule.rule if rule is not None else None))
            said, cause = (_RULES.get(rule.rule), rule.rule) if rule is not None else (None, None)
            return RegisterVerdict(register, alg, "match", row.value, expected, said, cause, row.events, row.events)
        found = yield from self.differing.judge(row, expected, (rule.rule,) if rule is not None else ())
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
        stated = row.start_reason in _STATED and row.start != self._start(row.register, row.alg)
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
        steps = self._trail(row.register, row.alg, row.start)
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
        from evlog.replaying.bank_rules import rules_by_bank

        rules = rules_by_bank(tuple(self.rules.values())).get(verdict.alg, ())
        row = self.rows.get((verdict.register, verdict.alg))
        if row is None or not verdict.whole or _RULES.keys() >= set(rules):
            return verdict
        steps = self._trail(row.register, row.alg, row.start, rules)
        return _but_idle(verdict, len(steps), row.events)

    def _static(self, register: Register, alg: HashAlg, expected: bytes | None) -> RegisterVerdict:
        """A register that never changes: whoever logs an event of it, did not extend it."""
        events = self._events_of(register)
        if not events:
            return RegisterVerdict(register, alg, "static", expected=expected)
        sentence = "the register is static, it never changes: no event can have extended it"
        return RegisterVerdict(register, alg, "mismatch", None, expected, sentence, "static", events)

    def _unlogged(self, register: Register, alg: HashAlg, expected: bytes) -> Judging:
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
            steps = self._trail(register, alg, start, (rule,))
            if len(steps):
                row = RegisterValue(register, alg, None, start, "zeros", len(steps) + len(steps.missing))
                found = yield from self.differing.judge(row, expected, (rule,))
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
        from evlog.verifying.case import UNTRIED

        edit = yield self.differing.case(Trail(register, alg, start, [], [], []), expected)
        said = "; no deviation was looked for to the end (--explain)" if edit is UNTRIED else ""
        said = f"; {edit.sentence}" if edit and edit is not UNTRIED else said
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

    def _cover(self, register: Register, cover: Cover) -> None:
        self.covers.setdefault(register, []).append(cover)

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


def _counting(evidence: Evidence) -> dict[Key, bytes]:
    """The values that may count: where a signature stands behind some, these and no others."""
    values = evidence.registers.values
    if not evidence.anchored:
        return dict(values)
    covered = frozenset(evidence.covered)
    return {key: value for key, value in values.items() if key in covered}


def _events(logs: Sequence[Log], static: Collection[Register]) -> tuple[list[dict[Register, int]], set[Key]]:
    """How many events extend each register, or say to extend a static one, by log.

    And these static registers, with a bank, that measured events name although no event can extend them.
    """
    counts: list[dict[Register, int]] = []
    named: set[Key] = set()
    for log in logs:
        columns = log.columns
        found: dict[Register, int] = {}
        if columns is not None:
            found = {columns.register(index): count for index, count in counts_of(log).items()}
        for event in log.events if columns is None else unfollowed(log, columns):
            on_static = event.register in static and event.measured
            if on_static or (columns is None and event.replayable):
                found[event.register] = found.get(event.register, 0) + 1
            if on_static:
                named.update((event.register, digest.alg) for digest in event.digests)
        counts.append(found)
    return counts, named


def _place(row: RegisterVerdict) -> tuple[tuple[int, int, str], int]:
    return row.register.sort_key, row.alg.id


def _but_idle(verdict: RegisterVerdict, extending: int, events: int) -> RegisterVerdict:
    """A verdict on a register that some of its events did not extend: those are proven by nothing."""
    if not verdict.whole or extending >= events:
        return verdict
    return verdict.replace(
        explanation=f"{events - extending} of {events} events {IDLE.format(verdict.alg)}",
        cause="other_banks",
        events=events,
        proven=min(extending, verdict.proven),
    )


def _none_of(events: int) -> str:
    return "its one event did not extend" if events == 1 else f"none of the {events} events extended"
