"""The draft of the next log: each event of the last one as a step, kept until a rule says otherwise."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Digest, Event
from evlog.predicting.measured import explains
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.model import Log
    from evlog.predicting.measured import Measured

__all__ = ["Draft", "Step", "Unknown"]


class Unknown(Record):
    """Something that cannot be known: a register (None: no register that is predicted), the place, and why."""

    register: Register | None
    place: str
    reason: str


class Step:
    """One event of the next boot. ``kind`` is empty for one that is as it was, else changed, added or removed."""

    __slots__ = ("data", "digests", "event", "event_type", "kind", "place", "register", "rule")

    def __init__(self, event: Event | None, register: Register, event_type: int, data: bytes) -> None:
        self.event = event
        self.register = register
        self.event_type = event_type
        self.data = data
        self.kind = ""
        self.place = ""
        self.rule = ""
        self.digests: tuple[Digest, ...] = event.digests if event is not None else ()

    def is_of(self, pcr: int, *types: int) -> bool:
        """Whether it extends this PCR with an event of one of these types, and is still there."""
        return str(self.register) == f"pcr:{pcr}" and self.event_type in types and self.kind != "removed"


class Draft:
    """The steps in the order of the boot, and what cannot be known."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.banks = log.algorithms
        self.unknown: list[Unknown] = []
        self.unproven: list[str] = []
        self.steps: list[Step] = []
        for event in log.events:
            content = event.content
            known = isinstance(content, PCClientEvent)
            event_type = content.event_type if isinstance(content, PCClientEvent) else -1
            self.steps.append(Step(event, event.register, event_type, content.data if known else b""))  # type: ignore[attr-defined]

    def find(self, pcr: int, *types: int) -> list[Step]:
        """The steps of a PCR that have one of these types."""
        return [step for step in self.steps if step.is_of(pcr, *types)]

    def explained(self, step: Step, measured: Measured, place: str, rule: str) -> bool:
        """Whether the step's old event is of this; if so the rule is noted."""
        if step.event is None or not explains(measured, step.event):
            return False
        step.place, step.rule = place, rule
        return True

    def change(self, step: Step, measured: Measured, place: str, rule: str, data: bytes | None = None) -> None:
        """The step measures this from now on."""
        step.place, step.rule = place, rule
        if step.kind == "":
            if step.event is not None and explains(measured, step.event) and data in (None, step.data):
                return
            step.kind = "changed"
        if data is not None:
            step.data = data
        self._measure(step, measured)

    def add(
        self,
        before: Step | None,
        register: Register,
        event_type: int,
        data: bytes,
        measured: Measured,
        place: str,
        rule: str,
    ) -> Step:
        """One more event before a step, or at the end."""
        step = Step(None, register, event_type, data)
        step.kind, step.place, step.rule = "added", place, rule
        self._measure(step, measured)
        at = len(self.steps) if before is None else self.index(before)
        self.steps.insert(at, step)
        return step

    def remove(self, step: Step, place: str, rule: str) -> None:
        """The event does not come any more."""
        if step.event is None:
            self.steps.remove(step)
            return
        step.kind, step.place, step.rule = "removed", place, rule

    def index(self, step: Step) -> int:
        return next(at for at, each in enumerate(self.steps) if each is step)

    def after(self, step: Step) -> Step | None:
        """The step behind this one, or None at the end."""
        at = self.index(step) + 1
        return self.steps[at] if at < len(self.steps) else None

    def lose(self, registers: Register | Iterable[Register], place: str, reason: str) -> None:
        """Registers of which the value cannot be known, and why."""
        for register in (registers,) if not hasattr(registers, "__iter__") else registers:
            found = Unknown(register, place, reason)
            if found not in self.unknown:
                self.unknown.append(found)

    def lose_pcrs(self, numbers: Iterable[int], place: str, reason: str) -> None:
        """`lose`, of PCRs by number, also of those that the last boot did not extend."""
        self.lose([Register("pcr", number) for number in sorted(numbers)], place, reason)

    def _measure(self, step: Step, measured: Measured) -> None:
        digests = []
        for alg in self.banks:
            value = measured.digest(alg)
            if value is None:
                self.lose(step.register, step.place, f"no digest can be computed in the bank {alg}")
            else:
                digests.append(Digest(alg, value))
        step.digests = tuple(digests)
