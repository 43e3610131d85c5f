"""Why registers do not have the values that the logs lead to: deviations tried by computing them, none guessed.

A hypothesis is a generator of candidates: edits of a register's trail, each with the sentence that it would be. A
candidate whose value is the register's is the explanation; a hypothesis that fits nothing is silent. All stand in one
table (`evlog.verifying.hypotheses`), the most telling first, and all registers and banks work on one allowance of
hashes: making a candidate, looking at an event and hashing its data count like extending by it.

A register is looked into in one of its banks; what explains that one is tried first in the others. Each hypothesis is
tried of all registers before the next, which is dearer as a rule.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SHA256
from evlog.checking.digest_check import check_event
from evlog.verifying.allowance import SpentError, cost_of
from evlog.verifying.case import UNTRIED, Candidate, Case, is_separator
from evlog.verifying.hypotheses import DECIDING, HYPOTHESES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evlog.registers import Register

    Hypothesis = Callable[[Case], Iterator[Candidate]]

__all__ = ["explain", "remarks"]

_OTHERS = 8  # part of what is left that other banks may take
_NAMED = 8  # separators that a remark names before it counts
_DECIDING = tuple(hypothesis for hypothesis in HYPOTHESES if hypothesis in DECIDING)


def explain(cases: Sequence[Case], *, every_bank: bool) -> list[Candidate | None]:
    """For each case the first candidate that computes to the observed value.

    None where there is none, and `UNTRIED` where some were not tried. Unless ``every_bank`` is looked into, most of
    the allowance is for the first of each register, and for what explains that one in the others.
    """
    search = _Search(cases)
    banks: dict[Register, list[int]] = {}
    for number, case in enumerate(cases):
        banks.setdefault(case.trail.register, []).append(number)
    first = {_first(cases, numbers): numbers for numbers in banks.values()}
    search.try_all(first)
    for number, numbers in first.items():
        hypothesis = search.fitted.get(number)
        if hypothesis is not None:
            for other in numbers:
                if other != number:
                    search.attempt(other, hypothesis)
    allowance = cases[0].dossier.allowance
    kept = 0 if every_bank else allowance.left - allowance.left // _OTHERS
    allowance.left -= kept
    search.try_all(number for number in range(len(cases)) if number not in first)
    allowance.left += kept
    return [search.found.get(number, UNTRIED if number in search.cut else None) for number in range(len(cases))]


def _first(cases: Sequence[Case], numbers: Sequence[int]) -> int:
    """The bank that a register is looked into first."""
    return next((number for number in numbers if cases[number].trail.alg is SHA256), numbers[0])


class _Search:
    """What is known of some cases: ``found`` candidates, by which hypothesis, and where it was ``cut`` short."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = cases
        self.found: dict[int, Candidate] = {}
        self.fitted: dict[int, Hypothesis] = {}
        self.cut: set[int] = set()

    def try_all(self, numbers: Iterable[int]) -> None:
        """Try every hypothesis of some cases."""
        open_ = [number for number in numbers if number not in self.found]
        if not open_:
            return
        left = self.cases[open_[0]].dossier.allowance.left
        if not left:
            self.cut.update(open_)
        for hypothesis in HYPOTHESES if left else _DECIDING:
            for number in open_:
                self.attempt(number, hypothesis)
            open_ = [number for number in open_ if number not in self.found]

    def attempt(self, number: int, hypothesis: Hypothesis) -> None:
        """Try a hypothesis of one case."""
        case, free = self.cases[number], hypothesis in DECIDING
        try:
            for candidate in hypothesis(case):
                if not free:
                    case.spend(1 + len(candidate.insert) + len(case.trail) - candidate.at - candidate.skip)
                if _value(case, candidate) == case.observed:
                    self.found[number] = candidate
                    self.fitted[number] = hypothesis
                    return
        except SpentError:
            self.cut.add(number)


def _value(case: Case, candidate: Candidate) -> bytes:
    fold, trail = hashing.backend().fold, case.trail
    value = case.values[candidate.at] if candidate.start is None else candidate.start
    return fold(trail.alg, value, (*candidate.insert, *trail.digests[candidate.at + candidate.skip :]))


def remarks(case: Case) -> list[str]:
    """Facts that bear on a mismatch without explaining it: digests that do not fit their data, repetition.

    Raises SpentError if the case's allowance does not suffice to tell.
    """
    found = []
    separators = [step for step in range(len(case.digests)) if is_separator(case.event(step))]
    if len(separators) > 1:
        named = ", ".join(map(case.name, separators[1 : 1 + _NAMED]))
        more = f" and {len(separators) - 1 - _NAMED} more" if len(separators) - 1 > _NAMED else ""
        come, without = ("comes", "it") if len(separators) == 2 else ("come", "one of them")
        found.append(
            f"the log doubles the separator: {named}{more} {come} after {case.name(separators[0])}, "
            f"and the value does not follow without {without} either"
        )
    wrong = []
    for step in range(len(case.digests)):
        event = case.event(step)
        # Of each candidate as many hashes as the event has digests.
        for _, covered in case.candidates(event):
            case.spend(len(event.digests) * cost_of(covered or b""))
        checks = check_event(event)
        if any(check.alg == case.trail.alg and check.verdict == "mismatch" for check in checks):
            wrong.append(step)
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        found.append(f"the digest of {case.name(wrong[0])}{more} is not the hash of its data")
    return found
