"""Which events of a log to show."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import UsageError
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.model import Event, Log

__all__ = ["VERDICTS", "Selection", "of", "short_type", "verdict"]

#: Words of event type names that say nothing beside the others.
_LONG = (
    ("EV_EFI_ACTION", "EFI_ACTION"),
    ("EV_EFI_", ""),
    ("EV_", ""),
    ("EVTYPE_", ""),
    ("BOOT_SERVICES_", "BOOT_"),
    ("RUNTIME_SERVICES_", "RUNTIME_"),
    ("PLATFORM_", ""),
    ("_DRIVER_CONFIG", "_CONFIG"),
)
VERDICTS = ("matches", "mismatch", "not_checkable")


class Selection(Record):
    """What an event must have to be shown: one of each, where any are given."""

    registers: tuple[Register, ...] = ()
    types: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()

    def choose(self, log: Log, checks: Checks) -> list[int]:
        """The numbers of the events that are shown."""
        if not (self.registers or self.types or self.verdicts):
            return list(range(len(log.events)))
        labels = {register.label(log.platform) for register in self.registers}
        return [
            number
            for number, (event, digests) in enumerate(zip(log.events, checks, strict=True))
            if (not labels or event.register in self.registers or event.register.label(log.platform) in labels)
            and (not self.types or any(_is_type(event, name) for name in self.types))
            and (not self.verdicts or any(digest.verdict in self.verdicts for digest in digests))
        ]


def of(args: argparse.Namespace) -> Selection:
    """The selection that a command line asks for. Raises UsageError for a register or verdict that is none."""
    for name in args.check or ():
        if name not in VERDICTS:
            raise UsageError(f"no verdict {name!r}; there are {', '.join(VERDICTS)}")
    return Selection(
        tuple(Register.parse(part) for text in args.register or () for part in text.split(",")),
        tuple(args.type or ()),
        tuple(args.check or ()),
    )


def short_type(event: Event) -> str:
    """An event's type in few letters: the specification's name without the words that many types share."""
    content = event.content
    if not isinstance(content, PCClientEvent):
        return str(getattr(content, "role", content.kind))
    name = content.event_type_name
    for long, short in _LONG:
        name = name.replace(long, short)
    return name


def _is_type(event: Event, name: str) -> bool:
    content = event.content
    if not isinstance(content, PCClientEvent):
        return name.lower() in content.kind or name.lower() == short_type(event)
    try:
        return int(name, 0) == content.event_type
    except ValueError:
        return name.upper() in content.event_type_name.upper() or name.upper() in short_type(event)


def verdict(checks: tuple[DigestCheck, ...]) -> str | None:
    """One verdict for all digests of an event: a mismatch counts before a match, None if there are none."""
    verdicts = {check.verdict for check in checks}
    return next((name for name in ("mismatch", "matches", "not_checkable") if name in verdicts), None)
