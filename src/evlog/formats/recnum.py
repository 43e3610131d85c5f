"""Record numbers: how they count, and what a format without them loses.

Spec: TCG Canonical Event Log Format 1.1, section 4.2.2: one counter for each register, from 0 at TPM2_Startup(CLEAR),
unmeasured records included. In the wild they also count across registers, from 0 or 1, or are absent.
"""

from __future__ import annotations

from array import array
from operator import eq

from evlog import hashing
from evlog._record import Record
from evlog.model import Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from evlog.model import Event

__all__ = ["Scheme", "derived", "losses", "scheme"]


class Scheme(Record):
    """How the record numbers of a log count.

    ``kind`` is ``per-register``, ``global``, ``absent`` or ``irregular``. ``first`` is the number of the first record
    (of the registers that do not start at 0, the lowest). ``odd`` are the rows whose number does not follow the one
    before it on the same register.
    """

    kind: str
    first: int = 0
    odd: tuple[int, ...] = ()

    @property
    def standard(self) -> bool:
        """Whether the numbers follow from the order of the records, so that nobody needs them."""
        return self.kind == "absent" or (self.kind == "per-register" and self.first == 0)

    def __str__(self) -> str:
        if self.kind == "absent":
            return "there are no record numbers"
        if self.kind == "irregular":
            return f"record numbers do not follow each other: {len(self.odd)} gaps or repeats"
        across = "across registers" if self.kind == "global" else "per register"
        return f"record numbers count {across} from {self.first}"


def derived(registers: Iterable[Hashable]) -> Iterator[int]:
    """The number of each record by the specification, from the registers in the order of the records."""
    counters: dict[Hashable, int] = {}
    for register in registers:
        number = counters.get(register, 0)
        counters[register] = number + 1
        yield number


def _counts(numbers: Sequence[int | None], registers: Sequence[Hashable]) -> bool:
    """Whether the numbers are those by the specification."""
    if isinstance(numbers, array) and isinstance(registers, array):
        native = hashing.native(numbers.itemsize * len(numbers))
        if native is not None:
            return native.counted(numbers, registers)
    return all(map(eq, numbers, derived(registers)))


def scheme(numbers: Sequence[int | None], registers: Sequence[Hashable]) -> Scheme:
    """How the numbers count; ``registers`` are those of the same records."""
    if _counts(numbers, registers):
        return Scheme("per-register") if numbers else Scheme("absent")
    last: dict[Hashable, int] = {}
    starts: set[int] = set()
    odd = []
    for row, (number, register) in enumerate(zip(numbers, registers, strict=True)):
        if number is None:
            odd.append(row)
            continue
        before = last.get(register)
        if before is None:
            starts.add(number)
        elif number != before + 1:
            odd.append(row)
        last[register] = number
    if not starts:
        return Scheme("absent")
    if not odd and len(starts) == 1:
        return Scheme("per-register", starts.pop())
    first = numbers[0]
    if first is not None and all(number == place for place, number in enumerate(numbers, first)):
        return Scheme("global", first)
    if not odd:
        return Scheme("per-register", min(starts - {0}))
    return Scheme("irregular", 0, tuple(odd))


def losses(events: Sequence[Event], format: str) -> Iterator[Loss]:
    """What the record numbers of these events are to a format that has none: nothing, where they can be derived."""
    registers = [event.register for event in events]
    found = scheme([event.recnum for event in events], registers)
    if found.standard:
        return
    if found.kind == "global" or (found.kind == "per-register" and len(set(registers)) == 1):
        yield Loss(None, "recnum", f"{found}; {format} has none")
        return
    for event, number in zip(events, derived(registers), strict=True):
        if event.recnum not in (None, number):
            message = f"{event.recnum}, where counting per register gives {number}; {format} has no record numbers"
            yield Loss(event.number, "recnum", message)
