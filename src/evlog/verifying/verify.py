"""Verify: compare what the logs lead to with register values from somewhere trustworthy, and explain each difference.

A verdict is given for each register and bank:

``match``         the logs lead to the register's value; or nothing was logged and it still has its start value
``mismatch``      they do not, and ``explanation`` says why as far as that can be computed
``incomplete``    an event lacks the bank's digest, so the logs do not tell the value
``not_logged``    the register was extended, and no log has an event of it
``not_reported``  the logs extend a register that the evidence does not state
``static``        the register never changes: no log speaks of it

Comparing nothing is a failure. What a match proves is the digests, in their order: an event's data only as far as its
digest is the hash of it, its type and its register's name never (`Verified.standing`).
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.merging.assign import assign
from evlog.merging.order import arranged
from evlog.model import Finding, Log
from evlog.registers import Register, Registers
from evlog.replaying.bank_rules import BankRule, bank_rules, rules_by_bank
from evlog.replaying.naming import platform_of, unite, united
from evlog.replaying.replay import RegisterValue, Replay, replay, start_value
from evlog.replaying.start import reset_value
from evlog.replaying.trail import trail
from evlog.verifying.composite import opened
from evlog.verifying.explain import Allowance, Case, explain, remarks
from evlog.verifying.stated import proven_steps, since_last_gap
from evlog.verifying.verified import SEAL, Cover, Verified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.evidence import Composite, Evidence
    from evlog.replaying.statements import Statement
    from evlog.replaying.trail import Trail

__all__ = ["RegisterVerdict", "Verification", "Verified", "verify"]


# What to say of a bank that the log has no digests for, by the rule that its value confirms.
_RULES = {
    "hash": "the log has no digests of this bank: it was extended with the hashes of the recorded data",
    "zero-pad": "the log has no digests of this bank: it was extended with SHA-1 digests padded with zeros",
}

# Events of a log that are made once and kept; a longer one is read from its columns whenever it is asked.
_SHORT = 4096

_PCR0 = Register("pcr", 0)

# Findings of the comparison itself that no matching register makes good.
_REFUSALS = frozenset({"composite_mismatch", "nothing_compared"})


class RegisterVerdict(Record):
    """The verdict on a register in one bank.

    ``replayed`` is what the logs lead to and ``expected`` what the evidence states, None where they do not say.
    ``cause`` is the stable code of ``explanation``. ``proven`` of the ``events`` are covered by the register's value.
    """

    register: Register
    alg: HashAlg
    verdict: str
    replayed: bytes | None = None
    expected: bytes | None = None
    explanation: str | None = None
    cause: str | None = None
    events: int = 0
    proven: int = 0


class Verification(Record):
    """The verdicts, sorted by register and bank; the evidence; and the logs, each with what of it is proven."""

    registers: tuple[RegisterVerdict, ...]
    evidence: Evidence
    logs: tuple[Verified, ...]
    findings: tuple[Finding, ...] = ()
    platform: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the registers prove some event, nothing differs, and no check of the evidence failed.

        Damage to a log is no part of this: what could not be read extended nothing if everything matches.
        """
        return (
            any(row.verdict == "match" and row.proven for row in self.registers)
            and not any(row.verdict == "mismatch" for row in self.registers)
            and not self.evidence.failed
            and not any(finding.code in _REFUSALS for finding in self.findings)
        )

    @property
    def complete(self) -> bool:
        """Whether the logs tell how every stated register came by its value: none is ``incomplete`` or ``not_logged``.

        Whoever edits a log can take a register's events or digests out of it: that is no mismatch.
        """
        return not any(row.verdict in ("incomplete", "not_logged") for row in self.registers)

    def get(self, register: Register, alg: HashAlg) -> RegisterVerdict | None:
        """The verdict on a register in a bank, or None."""
        for row in self.registers:
            if row.register == register and row.alg == alg:
                return row
        return None


def verify(logs: Log | Sequence[Log], evidence: Evidence | Registers, *, platform: str | None = None) -> Verification:
    """Compare logs with evidence (`evlog.read_registers`).

    The logs are taken in the order in which they say that they were written (`evlog.merge`), else in the order given.
    ``platform`` settles what registers are called where neither log nor evidence tells. A damaged log is compared as
    far as it could be read. A table of `Registers` is evidence that was only read.
    """
    several = (logs,) if isinstance(logs, Log) else tuple(logs)
    if isinstance(evidence, Registers):
        from evlog.evidence import Evidence

        evidence = Evidence("registers", evidence, read_only=("the register values are the caller's",))
    platform = platform_of(several, platform) or evidence.platform
    return _Comparison(several, evidence, platform).result()


class _Comparison:
    """Logs and evidence side by side."""

    def __init__(self, logs: tuple[Log, ...], evidence: Evidence, platform: str | None) -> None:
        self.evidence = evidence
        self.platform = platform
        self.stated = {(united(register, platform), alg): v for (register, alg), v in evidence.registers.values.items()}
        assigned, notes = assign(unite(logs, platform), self.stated)
        # In the order in which they were written, and each beside the one that was given.
        self.given, self.logs = arranged([_made(log) for log in assigned], logs)
        self.rules: dict[tuple[Register, HashAlg], BankRule] = {}
        #: What textual logs state, by register and bank.
        self.statements: dict[tuple[Register, HashAlg], list[Statement]] = {}
        self.replay: Replay = self._replayed()
        self.rows = {(row.register, row.alg): row for row in self.replay}
        self.static = {united(register, platform) for register in evidence.static}
        # The build-time register of every confidential platform (UEFI 2.10 section 38.4.1).
        self.static.add(Register("ccmr", 0))
        self.allowance = Allowance()
        self.findings = [*self.replay.findings, *notes, *evidence.findings]
        self.covers: dict[Register, list[Cover]] = {}

    def result(self) -> Verification:
        if self.evidence.composite is not None:
            self._open(self.evidence.composite)
        keys = sorted({*self.rows, *self.stated}, key=lambda key: (key[0].sort_key, key[1].id))
        verdicts = _observe([self._judge(*key) for key in keys])
        if not any(row.verdict == "match" and row.proven for row in verdicts):
            self.findings.append(Finding("nothing_compared", "error", _nothing(verdicts)))
        verified = tuple(
            Verified(log, index, united, self.covers, seal=SEAL)
            for index, (log, united) in enumerate(zip(self.given, self.logs, strict=True))
        )
        return Verification(tuple(verdicts), self.evidence, verified, tuple(self.findings), self.platform)

    def _replayed(self) -> Replay:
        """The replay, with banks that the logs do not record extended as the register values say they were."""
        found = bank_rules(self.logs, Registers(self.stated))
        self.rules = {(rule.register, rule.alg): rule for rule in found}
        replayed = replay(self.logs, rules=rules_by_bank(found))
        self.statements.clear()
        for each in replayed.handovers:
            self.statements.setdefault((each.register, each.alg), []).append(each)
        return replayed

    # One register in one bank

    def _judge(self, register: Register, alg: HashAlg) -> RegisterVerdict:
        row, expected = self.rows.get((register, alg)), self.stated.get((register, alg))
        if register in self.static:
            return RegisterVerdict(register, alg, "static", expected=expected)
        if expected is None:
            assert row is not None
            return RegisterVerdict(register, alg, "not_reported", row.value, events=row.events)
        if row is None:
            return self._unlogged(register, alg, expected)
        rule = self.rules.get((register, alg))
        if row.value == expected:
            if row.stated is not None:
                return self._stated(row, expected)
            self._cover(register, Cover(alg))
            said, cause = (_RULES.get(rule.rule), rule.rule) if rule is not None else (None, None)
            return RegisterVerdict(register, alg, "match", row.value, expected, said, cause, row.events, row.events)
        return self._differing(row, expected, (rule.rule,) if rule is not None else ())

    def _stated(self, row: RegisterValue, expected: bytes) -> RegisterVerdict:
        """A match of a register whose textual log states its value: what came before a gap is not proven by it."""
        verdict = RegisterVerdict(row.register, row.alg, "match", row.value, expected, events=row.events)
        self._cover(row.register, Cover(row.alg, since=row.proven_from))
        if row.stated == "continuous":
            return verdict.replace(proven=row.events)
        if row.stated == "explained_gap":
            said = "extensions outside the log are told by .EXTEND comments, and the values stated after them agree"
            return verdict.replace(explanation=said, cause=row.stated, proven=row.events)
        log, number = row.proven_from
        steps = trail(self.logs, row.register, row.alg, row.start)
        where = f"line {number + 1}{f' of {self.logs[log].name}' if len(self.logs) > 1 else ''}"
        said = f"the log states there what the register was ({row.stated}), and nothing proves what led to it"
        return verdict.replace(
            explanation=f"events from {where} on are proven: {said}",
            cause=row.stated,
            proven=proven_steps(steps, row.proven_from),
        )

    def _unlogged(self, register: Register, alg: HashAlg, expected: bytes) -> RegisterVerdict:
        """No event in this bank: it has its start value, or events that other banks record extended it by a rule."""
        start = self._start(register, alg)
        if not hashing.backend().computable(alg):
            verdict = "match" if expected == start else "not_logged"
            said = "its start value" if expected == start else f"no log has an event of it, and {alg} has no hash here"
            return RegisterVerdict(register, alg, verdict, None, expected, said)
        for rule in dict.fromkeys(rule for log in self.logs for rule in log.rules):
            steps = trail(self.logs, register, alg, start, (rule,))
            if len(steps):
                row = RegisterValue(register, alg, None, start, "zeros", len(steps) + len(steps.missing))
                return self._differing(row, expected, (rule,))
        if expected == start or (expected == bytes(alg.size) and register.space != "mr"):
            return RegisterVerdict(register, alg, "match", expected, expected, "no events, and still its start value")
        found = explain(self._case(trail(self.logs, register, alg, start), expected), self.allowance)
        said = f"; {found.sentence}" if found else ""
        cause = found.code if found else None
        sentence = f"the register was extended, and no log has an event of it{said}"
        return RegisterVerdict(register, alg, "not_logged", None, expected, sentence, cause)

    def _start(self, register: Register, alg: HashAlg) -> bytes:
        """The start value of a register without events: of PCR 0 by the locality that a log tells."""
        starts = (start_value(log, register, alg) for log in self.logs if register == _PCR0)
        return next((value for value, reason in starts if reason != "zeros"), reset_value(register, alg))

    def _differing(self, row: RegisterValue, expected: bytes, rules: tuple[str, ...]) -> RegisterVerdict:
        steps = trail(self.logs, row.register, row.alg, row.start, rules)
        statements = self.statements.get((row.register, row.alg), ())
        if statements:
            steps = since_last_gap(steps, statements)
        case = self._case(steps, expected, statements)
        made = RegisterVerdict(row.register, row.alg, "mismatch", row.value, expected, events=row.events)
        if steps.missing:
            return self._incomplete(case, made)
        if row.value is None:
            made = made.replace(replayed=case.values[-1])
        found = explain(case, self.allowance)
        if found is None:
            return made.replace(explanation=_unexplained(case), cause="unexplained")
        if found.proven:
            self._cover(row.register, Cover(row.alg, until=steps.places[found.proven]))
        if found.ahead:
            made = made.replace(verdict="match", replayed=expected)
        return made.replace(explanation=found.sentence, cause=found.code, proven=found.proven)

    def _incomplete(self, case: Case, made: RegisterVerdict) -> RegisterVerdict:
        """Some events lack the bank's digest: the bank may have been extended by the others alone."""
        lacking = f"{len(case.trail.missing)} of {made.events} events have no {made.alg} digest"
        if case.values[-1] != case.observed:
            return made.replace(verdict="incomplete", explanation=lacking)
        self._cover(made.register, Cover(made.alg))
        sentence = f"{lacking}, and did not extend this bank"
        return made.replace(
            verdict="match", replayed=case.observed, explanation=sentence, cause="other_banks", proven=len(case.trail)
        )

    def _cover(self, register: Register, cover: Cover) -> None:
        self.covers.setdefault(register, []).append(cover)

    def _case(self, steps: Trail, expected: bytes, statements: Sequence[Statement] = ()) -> Case:
        return Case(self.logs, steps, list(steps.values()), expected, self.platform, statements)

    # A signed digest over values that nobody states

    def _open(self, composite: Composite) -> None:
        """State the register values behind a composite: those of the logs, if they give it."""
        solved = opened(composite, self.logs)
        if solved is None:
            message = "the signed PCR digest is not that of the registers that the logs lead to"
            self.findings.append(Finding("composite_mismatch", "error", message))
            return
        self.stated |= solved
        self.replay = self._replayed()
        self.rows = {(row.register, row.alg): row for row in self.replay}


def _made(log: Log) -> Log:
    """A short log with all its events made: they are looked at again and again."""
    return log if len(log.events) > _SHORT else log.replace(events=tuple(log.events))


def _observe(verdicts: list[RegisterVerdict]) -> list[RegisterVerdict]:
    """Say of a mismatch which other bank of the same register matches: its events are then the right ones."""
    matching: dict[Register, list[str]] = {}
    for row in verdicts:
        if row.verdict == "match" and row.proven:
            matching.setdefault(row.register, []).append(str(row.alg))
    found = []
    for row in verdicts:
        banks = matching.get(row.register)
        if row.verdict == "mismatch" and banks:
            said = f"{row.explanation}; the register's {', '.join(banks)} bank matches"
            found.append(row.replace(explanation=said))
        else:
            found.append(row)
    return found


def _unexplained(case: Case) -> str:
    sentence = (
        f"the value is reached after none of the log's {len(case.trail)} events, nor by any deviation that is known "
        "here: either something that no given log records extended the register (before, among or after these "
        "events), or events were altered or removed"
    )
    return "; ".join([sentence, *remarks(case)])


def _nothing(verdicts: list[RegisterVerdict]) -> str:
    if any(row.verdict == "mismatch" for row in verdicts):
        return "no register has the value that the logs lead to"
    if any(row.verdict == "match" and row.events for row in verdicts):
        return "nothing was compared: the logs have no digests of the banks that are in the evidence"
    return "nothing was compared: no register is both in a log and in the evidence"
