"""Losses of a conversion where they are many: as runs, of which each loss is made when somebody asks for it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain

from evlog.columns import Lazy
from evlog.model import Loss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["LossRun", "Losses", "joined", "parts_of"]

# Losses that are kept: each has some 200 bytes.
_KEPT = 1 << 12


class LossRun(Lazy):
    """The loss of one field of many events, by their numbers; ``reason`` tells why, of a number.

    ``single`` is whether no other loss has the reason of one of these.
    """

    __slots__ = ("field", "numbers", "reason", "single")

    def __init__(
        self, numbers: Sequence[int], field: str, reason: Callable[[int], str], *, single: bool = False
    ) -> None:
        super().__init__(len(numbers))
        self.numbers, self.field, self.reason, self.single = numbers, field, reason, single

    def _make(self, row: int) -> Loss:
        number = self.numbers[row]
        return Loss(number, self.field, self.reason(number))


class Losses(Lazy):
    """Losses and runs of them, one after the other. Behaves as a tuple of them."""

    __slots__ = ("_bounds", "parts")

    def __init__(self, parts: Sequence[Sequence[Loss]]) -> None:
        self.parts = parts
        self._bounds = list(accumulate(map(len, parts), initial=0))
        super().__init__(self._bounds[-1])

    def _make(self, row: int) -> Loss:
        part = bisect_right(self._bounds, row) - 1
        return self.parts[part][row - self._bounds[part]]

    def __iter__(self) -> Iterator[Loss]:
        return chain.from_iterable(self.parts)


def parts_of(losses: Sequence[Loss]) -> Sequence[Sequence[Loss]]:
    """The runs and other parts that losses consist of."""
    return losses.parts if isinstance(losses, Losses) else (losses,)


def joined(*losses: Iterable[Loss]) -> Sequence[Loss]:
    """Losses one after the other: a tuple, unless there are many of them in runs."""
    parts = [part for each in losses for part in parts_of(each if isinstance(each, Lazy) else tuple(each))]
    if any(isinstance(part, LossRun) for part in parts) and sum(map(len, parts)) > _KEPT:
        return Losses(tuple(part for part in parts if len(part)))
    return tuple(chain.from_iterable(parts))
