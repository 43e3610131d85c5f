"""Why a register does not have the value that the log leads to: deviations tried by computing them, none guessed.

A hypothesis is a generator of candidates: edits of the register's trail, each with the sentence that it would be. A
candidate whose value is the register's is the explanation; a hypothesis that fits nothing is silent. All stand in one
table (`evlog.verifying.hypotheses`), the most telling first, and all registers and banks work on one allowance of
hashes: making a candidate, naming an event and hashing its data count like extending by it.
"""

from __future__ import annotations

import sys

from evlog import hashing
from evlog.checking.digest_check import check_event
from evlog.verifying.allowance import Allowance, SpentError, cost_of
from evlog.verifying.case import Candidate, Case, is_separator
from evlog.verifying.hypotheses import DECIDING, HYPOTHESES

__all__ = ["damage", "explain", "remarks"]

_NAMED = 8  # separators that a remark names before it counts


def explain(case: Case) -> Candidate | None:
    """The first candidate that computes to the observed value, or None if there is none.

    Raises SpentError if none was found and some were not tried.
    """
    free = case.replace(allowance=Allowance(sys.maxsize))
    spent = False
    for hypothesis in HYPOTHESES:
        tried = free if hypothesis in DECIDING else case
        if not tried.allowance.left:
            spent = True
            continue
        try:
            for candidate in hypothesis(tried):
                tried.allowance.spend(1 + len(candidate.insert) + len(case.trail) - candidate.at - candidate.skip)
                if _value(case, candidate) == case.observed:
                    return candidate
        except SpentError:
            spent = True
    if spent:
        raise SpentError
    return None


def _value(case: Case, candidate: Candidate) -> bytes:
    fold, trail = hashing.backend().fold, case.trail
    value = case.values[candidate.at] if candidate.start is None else candidate.start
    value = fold(trail.alg, value, candidate.insert)
    return fold(trail.alg, value, trail.digests[candidate.at + candidate.skip :])


def damage(case: Case) -> list[str]:
    """What is wrong with the logs as a whole."""
    found = []
    for log in case.logs:
        for finding in log.findings:
            if finding.severity == "error":
                found.append(f"the log is damaged ({finding.message}), so later events may be missing")
            elif finding.code == "area_full":
                found.append(finding.message)
    return found


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
            case.allowance.spend(len(event.digests) * cost_of(covered or b""))
        checks = check_event(event)
        if any(check.alg == case.trail.alg and check.verdict == "mismatch" for check in checks):
            wrong.append(step)
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        found.append(f"the digest of {case.name(wrong[0])}{more} is not the hash of its data")
    return found
