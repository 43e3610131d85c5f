"""One PC Client event of a log, with what every check looks at, made as far as somebody looks."""

from __future__ import annotations

from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.checking.digest_check import DigestCheck
    from evlog.model import Event
    from evlog.registers import Register

    #: What tells, by the attribute's name, what the row of a number holds.
    Source = Mapping[str, Callable[[int], Any]]

__all__ = ["Row"]


_NONE: Source = {}


class Row:
    """An event that is known to be a PC Client event.

    ``number`` is the event's in its log: ``event`` may be one that reads the same, of another place or log. What is not
    given when a row is made, its source tells when somebody asks.
    """

    __slots__ = ("_source", "checks", "data", "digests", "event", "number", "register", "type")

    type: int
    number: int
    event: Event
    data: bytes
    checks: tuple[DigestCheck, ...]
    digests: Sequence[tuple[HashAlg, bytes]]
    register: Register

    def __init__(self, event_type: int, number: int, source: Source = _NONE) -> None:
        self.type = event_type
        self.number = number
        self._source = source

    @staticmethod
    def of(event: Event, event_type: int, data: bytes, checks: tuple[DigestCheck, ...], number: int) -> Row:
        """The row of an event that is at hand."""
        row = Row(event_type, number)
        row.event, row.data, row.checks = event, data, checks
        row.register = event.register
        row.digests = [(digest.alg, digest.value) for digest in event.digests]
        return row

    if not TYPE_CHECKING:  # where a misspelt attribute is an error

        def __getattr__(self, name: str) -> object:
            tell = self._source.get(name)
            if tell is None:
                raise AttributeError(f"a row has no {name!r}")
            found = tell(self.number)
            setattr(self, name, found)
            return found

    @property
    def measured(self) -> bool:
        """Whether the event extends its register: of a launch's markers the digests tell."""
        if self.type in LAUNCH_MARKERS:
            return self.event.measured
        return self.type != EV_NO_ACTION

    @property
    def pcr(self) -> int | None:
        """The index if the register is a PCR."""
        register = self.register
        return register.number if register.space == "pcr" else None

    @property
    def matches(self) -> bool:
        """Whether some digest satisfies a rule."""
        for check in self.checks:  # noqa: SIM110  # it is asked of every row
            if check.verdict == "matches":
                return True
        return False

    def has_rule(self, rule: str) -> bool:
        """Whether some digest satisfies this rule."""
        for check in self.checks:  # noqa: SIM110
            if check.rule == rule:
                return True
        return False
