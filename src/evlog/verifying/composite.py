"""The register values behind a signed digest over them: what the logs lead to, if that gives the digest.

A TPM signs a digest of its PCRs, not their values. Where nobody states the values, those of the logs are tried; and
if the digest is another, each register in turn at an earlier point of its trail, because a log may have run on after
the quote.
"""

from __future__ import annotations

from evlog import hashing
from evlog.replaying.replay import replay
from evlog.replaying.start import launched, reset_value
from evlog.replaying.trail import trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.evidence import Composite
    from evlog.model import Log
    from evlog.registers import Register
    from evlog.replaying.replay import RegisterValue

    Key = tuple[Register, HashAlg]

__all__ = ["opened"]


def opened(composite: Composite, logs: Sequence[Log]) -> dict[Key, bytes] | None:
    """The values of the selected registers, if those of the logs give the digest; None if they do not.

    Banks that the logs do not record are tried by each rule that the logs offer.
    """
    selection = composite.selection
    banks = {alg for _, alg in selection}
    launch = launched(logs)
    offered = dict.fromkeys(rule for log in logs for rule in log.rules)
    for rules in ((), *((rule,) for rule in offered)):
        rows = {(row.register, row.alg): row for row in replay(logs, rules=dict.fromkeys(banks, rules))}
        values = {
            key: _value(logs, key, rows[key], rules) if key in rows else reset_value(*key, launch=launch)
            for key in selection
        }
        whole = {key: value for key, value in values.items() if value is not None}
        if len(whole) < len(values):
            continue
        if _gives(composite, whole):
            return whole
        for key, value in _earlier(composite, logs, rows, rules):
            if _gives(composite, {**whole, key: value}):
                return {**whole, key: value}
    return None


def _value(logs: Sequence[Log], key: Key, row: RegisterValue, rules: tuple[str, ...]) -> bytes | None:
    """What the logs lead to; as recorded, where it is only open whether all that is recorded was extended."""
    if row.value is not None:
        return row.value
    steps = trail(logs, *key, row.start, rules)
    return None if steps.missing else list(steps.values())[-1]


def _earlier(
    composite: Composite, logs: Sequence[Log], rows: Mapping[Key, RegisterValue], rules: tuple[str, ...]
) -> Iterator[tuple[Key, bytes]]:
    """The values that each selected register passed through, the latest first."""
    for key in composite.selection:
        row = rows.get(key)
        if row is not None:
            values = list(trail(logs, *key, row.start, rules).values())
            for value in values[-2::-1]:
                yield key, value


def _gives(composite: Composite, chosen: Mapping[Key, bytes]) -> bool:
    joined = b"".join(chosen[key] for key in composite.selection)
    return hashing.digest(composite.alg, joined) == composite.digest
