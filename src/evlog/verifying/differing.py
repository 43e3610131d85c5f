"""A register that does not have the value that the logs lead to by all their events: a verdict on it all the same.

Some events may lack the bank's digest, or stand before their log's header; an IMA list may be ahead of its register;
a dynamic launch may have set its start. Else it is a mismatch, and `evlog.verifying.explain` says why.
"""

from __future__ import annotations

from evlog import hashing
from evlog.contents.launch import is_reset
from evlog.registers import Register
from evlog.verifying.case import UNTRIED, Case
from evlog.verifying.sentences import IDLE, not_explained, not_looked_into, unexplained
from evlog.verifying.verdict import RegisterVerdict
from evlog.verifying.verified import Cover
from evlog.verifying.whole import NOT_RESET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence
    from typing import TypeAlias

    from evlog.algorithms import HashAlg
    from evlog.replaying.replay import RegisterValue
    from evlog.replaying.statements import Statement
    from evlog.replaying.trail import Trail
    from evlog.verifying.case import Candidate
    from evlog.verifying.dossier import Dossier

    Key = tuple[Register, HashAlg]
    #: A verdict on the way: it asks for the explanation of a case, with all others that wait for theirs.
    Judging: TypeAlias = Generator[Case, Candidate | None, RegisterVerdict]

__all__ = ["Differing"]

# Events before a header of which each number is tried, in a trail of at most so many.
_SHORT = 4096

#: What a dynamic launch may extend although no log shows one: here the value may choose between the two starts.
_LAUNCHED = frozenset(Register("pcr", index) for index in (17, 18, 19))


class Differing:
    """What is common to the registers of one verification that differ.

    ``of_ima`` are the registers that IMA lists go to, ``covers`` takes what a value proves, ``demanded`` are those that
    have to count, and ``twice`` those that were not reset. ``spare`` is how many hashes the trails of long logs may
    take where they decide on no verdict.
    """

    def __init__(
        self,
        dossier: Dossier,
        statements: Mapping[Key, Sequence[Statement]],
        of_ima: Collection[Register],
        covers: dict[Register, list[Cover]],
        demanded: Collection[Register],
        twice: Collection[Key],
        *,
        spare: int,
    ) -> None:
        self.dossier = dossier
        self.statements = statements
        self.of_ima = of_ima
        self.covers = covers
        self.demanded = demanded
        self.twice = twice
        self.spare = spare
        # The trails of a short log together take less than may be spared.
        self._may_be_dear = not dossier.short and dossier.of_firmware

    def judge(self, row: RegisterValue, expected: bytes, rules: tuple[str, ...]) -> Judging:
        """The verdict on a register that has a value which the replay does not lead to, or cannot tell."""
        demanded = row.register in self.demanded
        statements = self.statements.get((row.register, row.alg), ()) if self.statements else ()
        if not rules and not statements and not self.twice and self._is_dear(row):
            said = not_looked_into(row.events, self.dossier)
            differs = RegisterVerdict(row.register, row.alg, "mismatch", row.value, expected, said, "not_explained")
            return differs.replace(events=row.events, demanded=demanded)
        steps = self.dossier.trail(row.register, row.alg, row.start, rules)
        if statements:
            from evlog.verifying.stated import since_last_gap

            steps = since_last_gap(steps, statements)
        case = self.case(steps, expected, statements)
        # A log that extends the bank by a rule counts no event of it before the rule is known.
        events = max(row.events, len(steps)) if rules else row.events
        made = RegisterVerdict(row.register, row.alg, "mismatch", row.value, expected, None, None, events, 0, demanded)
        if steps.missing:
            return self._incomplete(case, made)
        if row.value is None:
            made = made.replace(replayed=case.values[-1])
            settled = self._settled(case, made)
            if settled is not None:
                return settled
        if self.twice and (row.register, row.alg) in self.twice:
            return made.replace(explanation=NOT_RESET, cause="not_reset")
        found = yield case
        if found is None:
            return made.replace(explanation=unexplained(case), cause="unexplained")
        if found is UNTRIED:
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

    def _is_dear(self, row: RegisterValue) -> bool:
        """Whether nothing but an explanation hangs on a register's trail, and it takes more than may be spent on that.

        Of a list the value may prove a part, after a launch the start: a firmware's log differs in any case.
        """
        if not self._may_be_dear or row.value is None or is_reset(row.register):
            return False
        cost = row.events + self.dossier.cost(row.alg)
        if cost > self.spare:
            return True
        self.spare -= cost
        return False

    def case(self, steps: Trail, expected: bytes, statements: Sequence[Statement] = ()) -> Case:
        """A register whose value is not the one that its trail leads to."""
        values = [steps.start, *hashing.trace(steps.alg, steps.start, steps.digests)]
        return Case(self.dossier, steps, values, expected, statements)

    def _settled(self, case: Case, made: RegisterVerdict) -> RegisterVerdict | None:
        """What stands before a log's header may have been extended, or not: the register's value tells."""
        places, total = case.trail.places, len(case.trail)
        early = [step for step, place in enumerate(places) if self.dossier.precedes(place)]
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
        sentence = f"{lacking} {IDLE.format(made.alg)}"
        return made.replace(
            verdict="match", replayed=case.observed, explanation=sentence, cause="other_banks", proven=len(case.trail)
        )

    def _cover(self, register: Register, cover: Cover) -> None:
        self.covers.setdefault(register, []).append(cover)
