"""What is said of verdicts side by side, of a difference that nothing explains, and of a comparison of nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.registers import Register
    from evlog.verifying.case import Case
    from evlog.verifying.dossier import Dossier
    from evlog.verifying.verdict import RegisterVerdict

__all__ = ["IDLE", "beside_banks", "not_explained", "not_looked_into", "nothing_compared", "unexplained"]


#: What is wrong with events of a register that has its value without them.
IDLE = "have no {} digest, and did not extend this bank"


def beside_banks(verdicts: Sequence[RegisterVerdict]) -> list[RegisterVerdict]:
    """Say of a mismatch which other bank of the same register matches: its events are then the right ones."""
    if not any(row.verdict == "mismatch" for row in verdicts):
        return list(verdicts)
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


def unexplained(case: Case) -> str:
    """Of a register that has a value which nothing here leads to."""
    from evlog.verifying.allowance import SpentError
    from evlog.verifying.explain import remarks

    events = f"{len(case.trail)} event{'s' * (len(case.trail) != 1)}"
    sentence = (
        f"the value is reached after none of the log's {events}, nor by any deviation that is known "
        "here: either something that no given log records extended the register (before, among or after these "
        "events), or events were altered or removed"
    )
    try:
        more = remarks(case)
    except SpentError:
        more = []
    return "; ".join([f"{sentence}{case.dossier.damage}", *more])


def not_explained(case: Case) -> str:
    """Of a register whose difference was not looked into to the end."""
    events = f"{len(case.trail)} event{'s' * (len(case.trail) != 1)}"
    return (
        f"the value is reached after none of the log's {events}; which deviation leads to it was not tried to the end, "
        f"as that takes more hashes than explanations may take here (--explain){case.dossier.damage}"
    )


def not_looked_into(events: int, dossier: Dossier) -> str:
    """Of a register whose events are too many to look into the difference."""
    return (
        f"the value is not the one after the log's {events} event{'s' * (events != 1)}; why was not looked into, as "
        f"that takes more hashes than explanations may take here (--explain){dossier.damage}"
    )


def nothing_compared(verdicts: Sequence[RegisterVerdict]) -> str:
    """Why no register proves any event."""
    if any(row.verdict == "mismatch" for row in verdicts):
        return "no register has the value that the logs lead to"
    if any((row.verdict == "match" and row.events) or row.cause == "no_bank" for row in verdicts):
        return "nothing was compared: the logs have no digests of the banks that are in the evidence"
    return "nothing was compared: no register is both in a log and in the evidence"
