"""Which events of a log to show."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import name_of, type_of
from evlog.decoders.describe import short_type
from evlog.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.cli._keep import Keep
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["VERDICTS", "Selection", "checked", "of", "verdict"]

_DIGITS = 9  # of an event's number
VERDICTS = ("matches", "mismatch", "not_checkable")


class Selection(Record):
    """What an event must have to be shown: one of each, where any are given."""

    keep: Keep
    types: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    events: tuple[range, ...] = ()

    def choose(self, log: Log, checks: Checks | LateChecks) -> Sequence[int]:
        """The numbers of the events that are shown."""
        kept = {register: self.keep.has(register, log.platform) for register in log.registers}
        whole = range(len(log.events))
        numbers = self._numbers(len(log.events)) if self.events else whole
        if all(kept.values()) and not (self.types or self.verdicts):
            return numbers
        chosen: list[int] = []
        shown: dict[int, bool] = {}
        twins = log.twins
        for number, twin in enumerate(twins) if numbers is whole else ((each, twins[each]) for each in numbers):
            found = shown.get(twin)
            if found is None:
                found = self._shows(log.events[number], checks[number], kept)
                if twin != number:
                    shown[twin] = found
            if found:
                chosen.append(number)
        return chosen

    def _numbers(self, count: int) -> Sequence[int]:
        """The numbers that were asked for, as far as there are so many events."""
        return sorted({number for numbers in self.events for number in numbers[: max(count - numbers.start, 0)]})

    def _shows(self, event: Event, digests: Sequence[DigestCheck], kept: Mapping[Register, bool]) -> bool:
        return (
            kept[event.register]
            and (not self.types or any(_is_type(event, name) for name in self.types))
            and (not self.verdicts or any(digest.verdict in self.verdicts for digest in digests))
        )

    def absent(self, chosen: Collection[int]) -> str | None:
        """That no event is of the types and verdicts, and has the number, that were asked for; None where some are."""
        if chosen:
            return None
        said = [_numbered(numbers) for numbers in self.events]
        words = [f" {', '.join(said)}"] if said else []
        words += [f" of {', '.join((*self.types, *self.verdicts))}"] if self.types or self.verdicts else []
        return f"no event{''.join(words)}" if words else None


def of(args: argparse.Namespace, keep: Keep) -> Selection:
    """The selection that a command line asks for. Raises UsageError for a verdict that is none."""
    for name in args.check or ():
        if name not in VERDICTS:
            raise UsageError(f"no verdict {name!r}; there are {', '.join(VERDICTS)}")
    numbers = tuple(_range(part.strip()) for text in args.event or () for part in text.split(","))
    return Selection(keep, tuple(args.type or ()), tuple(args.check or ()), numbers)


def _range(text: str) -> range:
    """``7`` or ``3-9``."""
    first, dash, last = text.partition("-")
    sides = (first, last) if dash else (first,)
    if not all(side.isascii() and side.isdigit() and len(side) <= _DIGITS for side in sides):
        raise UsageError(f"--event: a number or a range (3-9) was expected, not {text!r}")
    numbers = range(int(first), int(sides[-1]) + 1)
    if not numbers:
        raise UsageError(f"--event: {text} ends before it starts")
    return numbers


def _numbered(numbers: range) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def checked(log: Log, keep: Keep) -> tuple[Log, Checks]:
    """A log with the digests that are kept, and its checks with the findings that are."""
    from evlog.checking.check import check

    checks = check(log)
    checks = checks.replace(findings=keep.findings(checks.findings, log))
    return (log, checks) if keep.banks is None else _in_banks(log, checks, keep.banks)


def _in_banks(log: Log, checks: Checks, banks: Collection[HashAlg]) -> tuple[Log, Checks]:
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
