"""Which register a textual log belongs to that does not say: by the values that it states and leads to.

A log per register names none. If its INIT or SYNC states the value that another log leads to, or it ends at the value
that evidence states, it is that register's: values of registers do not collide by chance.
"""

from __future__ import annotations

from evlog.model import Finding, LazyEvents
from evlog.registers import UNKNOWN_REGISTER, Register
from evlog.replaying.replay import replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Log

    Key = tuple[Register, HashAlg]

__all__ = ["assign", "stated_values"]


def assign(logs: Sequence[Log], evidence: Mapping[Key, bytes] | None = None) -> tuple[list[Log], list[Finding]]:
    """The logs, those of an unknown register assigned where exactly one fits; and a note for each of them."""
    if not any(_is_unknown(log) for log in logs):
        return list(logs), []
    known = replay([log for log in logs if not _is_unknown(log)]).registers().values
    assigned, notes = [], []
    for log in logs:
        found = _register_of(log, known, evidence or {}) if _is_unknown(log) else None
        if found is None:
            assigned.append(log)
            continue
        register, why = found
        assigned.append(_named(log, register))
        message = f"{log.name or 'a log'} does not say whose log it is: taken for that of {register}, {why}"
        notes.append(Finding("register_assigned", "note", message))
    return assigned, notes


def stated_values(log: Log) -> dict[Key, bytes]:
    """The values that a textual log states of its registers before its first event on each."""
    found: dict[Key, bytes] = {}
    columns, events = log.columns, log.events
    if columns is not None and columns.statements is None:
        return found
    if columns is not None and columns.silent:
        events = [events[row] for row in columns.first_rows.values()]
    seen: set[Register] = set()
    for event in events:
        if event.register in seen or not event.measured:
            continue
        seen.add(event.register)
        _, value = getattr(event.content, "stated", None) or ("", b"")
        for digest in event.digests:
            if len(value) == digest.alg.size:
                found[event.register, digest.alg] = value
    return found


def _is_unknown(log: Log) -> bool:
    if log.columns is not None:
        return log.columns.is_of(UNKNOWN_REGISTER)
    return bool(log.events) and all(event.register == UNKNOWN_REGISTER for event in log.events)


def _register_of(log: Log, known: Mapping[Key, bytes], evidence: Mapping[Key, bytes]) -> tuple[Register, str] | None:
    for (_, alg), value in stated_values(log).items():
        fits = {register for (register, bank), other in known.items() if bank == alg and other == value}
        if any(value) and len(fits) == 1:
            return fits.pop(), "whose value it states"
    for row in replay(log):
        fits = {r for (r, bank), other in evidence.items() if bank == row.alg and other == row.value}
        if row.value is not None and any(row.value) and len(fits) == 1:
            return fits.pop(), "whose value it leads to"
    return None


def _named(log: Log, register: Register) -> Log:
    columns, events = log.columns, log.events
    if columns is None or not isinstance(events, LazyEvents):
        return log.replace(events=tuple(event.replace(register=register) for event in events))
    return log.replace(events=events.renamed(columns.replace(names=(register,)), lambda _: register))
