"""What the checks of a whole PC Client log ask again and again, gathered in one pass."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.model import Event, Log
    from evlog.verbs.check import DigestCheck, Policy

__all__ = [
    "EV_EFI_ACTION",
    "EV_EFI_VARIABLE_DRIVER_CONFIG",
    "EV_SEPARATOR",
    "Facts",
    "Row",
    "finding",
]

EV_SEPARATOR = 0x00000004
EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001
EV_EFI_ACTION = 0x80000007
_NAMED = 3  # events that a finding names before it counts


class Row(Record):
    """An event that is known to be a PC Client event, with what every check looks at."""

    event: Event
    type: int
    data: bytes
    checks: tuple[DigestCheck, ...]

    @property
    def number(self) -> int:
        return self.event.number

    @property
    def pcr(self) -> int | None:
        """The index if the register is a PCR."""
        register = self.event.register
        return register.number if register.space == "pcr" else None

    @property
    def matches(self) -> bool:
        """Whether some digest satisfies a rule."""
        return any(check.verdict == "matches" for check in self.checks)

    def has_rule(self, rule: str) -> bool:
        """Whether some digest satisfies this rule."""
        return any(check.rule == rule for check in self.checks)


class Facts(Record):
    """The PC Client events of a log, as rows, and its measured separators on PCR 0 to 7."""

    log: Log
    rows: tuple[Row, ...]
    separators: dict[int, list[Row]]
    policies: tuple[Policy, ...]

    @staticmethod
    def of(
        log: Log, events: Sequence[Event], checks: Sequence[tuple[DigestCheck, ...]], policies: tuple[Policy, ...]
    ) -> Facts:
        """Gather them."""
        rows = []
        separators: dict[int, list[Row]] = {}
        for event, digests in zip(events, checks, strict=True):
            content = event.content
            if not isinstance(content, PCClientEvent):
                continue
            row = Row(event, content.event_type, content.data, digests)
            rows.append(row)
            if row.type == EV_SEPARATOR and row.pcr is not None and row.pcr <= 7:
                separators.setdefault(row.pcr, []).append(row)
        return Facts(log, tuple(rows), separators, policies)

    def of_type(self, *types: int) -> Iterator[Row]:
        """The rows of these event types."""
        return (row for row in self.rows if row.type in types)


def finding(code: str, severity: str, message: str, rows: Iterable[Row]) -> Iterator[Finding]:
    """One finding for all the events that it is about, which it names or counts; none if there are none."""
    numbers = [row.number for row in rows]
    if not numbers:
        return
    named = ", ".join(map(str, numbers[:_NAMED]))
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    where = f" (events {named}{more})" if len(numbers) > 1 else ""
    yield Finding(code, severity, message + where, numbers[0])
