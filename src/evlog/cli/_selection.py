"""Which events of a log to show."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import name_of, type_of
from evlog.decoders.describe import short_type
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from evlog.algorithms import HashAlg
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.cli._keep import Keep
    from evlog.model import Event, Log

__all__ = ["VERDICTS", "Selection", "in_banks", "of", "verdict"]

VERDICTS = ("matches", "mismatch", "not_checkable")


class Selection(Record):
    """What an event must have to be shown: one of each, where any are given."""

    keep: Keep
    types: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()

    def choose(self, log: Log, checks: Checks) -> list[int]:
        """The numbers of the events that are shown."""
        if not (self.keep.registers or self.types or self.verdicts):
            return list(range(len(log.events)))
        kept = {register: self.keep.has(register, log.platform) for register in {e.register for e in log.events}}
        return [
            number
            for number, (event, digests) in enumerate(zip(log.events, checks, strict=True))
            if kept[event.register]
            and (not self.types or any(_is_type(event, name) for name in self.types))
            and (not self.verdicts or any(digest.verdict in self.verdicts for digest in digests))
        ]

    def absent(self, chosen: Collection[int]) -> str | None:
        """That no event is of the types and verdicts that were asked for; None where some are."""
        words = ", ".join((*self.types, *self.verdicts))
        return f"no event of {words}" if words and not chosen else None


def of(args: argparse.Namespace, keep: Keep) -> Selection:
    """The selection that a command line asks for. Raises UsageError for a verdict that is none."""
    for name in args.check or ():
        if name not in VERDICTS:
            raise UsageError(f"no verdict {name!r}; there are {', '.join(VERDICTS)}")
    return Selection(keep, tuple(args.type or ()), tuple(args.check or ()))


def in_banks(log: Log, checks: Checks, banks: Collection[HashAlg]) -> tuple[Log, Checks]:
    """A log and its checks with the digests of some banks only."""
    events, rows = [], []
    for event, row in zip(log.events, checks, strict=True):
        at = [number for number, digest in enumerate(event.digests) if digest.alg in banks]
        events.append(event.replace(digests=tuple(event.digests[number] for number in at)))
        rows.append(tuple(row[number] for number in at if number < len(row)))
    algorithms = tuple(alg for alg in log.algorithms if alg in banks)
    return log.replace(events=tuple(events), algorithms=algorithms), checks.replace(events=tuple(rows))


def _is_type(event: Event, name: str) -> bool:
    content = event.content
    event_type = type_of(content)
    if event_type is None:
        return name.lower() in content.kind or name.lower() == short_type(event)
    try:
        return int(name, 0) == event_type
    except ValueError:
        return name.upper() in name_of(content).upper() or name.upper() in short_type(event)


def verdict(checks: tuple[DigestCheck, ...]) -> str | None:
    """One verdict for all digests of an event: a mismatch counts before a match, None if there are none."""
    verdicts = {check.verdict for check in checks}
    return next((name for name in ("mismatch", "matches", "not_checkable") if name in verdicts), None)
