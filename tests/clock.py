"""Processor time in tests: for what never ends or grows with the square. How fast things are, benchmarks say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: A machine that others use may stop in the middle of anything, and bills it to whoever was running.
TRIES = 6


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


def soon(work: Callable[[], object], limit: float) -> bool:
    """Whether one of a few runs takes less than `limit` seconds."""
    return any(seconds(work) < limit for _ in range(TRIES))


def linear(work: Callable[[T], object], small: T, large: T, most: float) -> bool:
    """Whether the large work takes less than `most` times the small one, in one of a few turns.

    Half as much again as between the sizes is noise; their square is not. Both are run before they count.
    """
    quick = slow = float("inf")
    for _ in range(TRIES):
        slow = min(slow, seconds(lambda: work(large)))
        quick = min(quick, *(seconds(lambda: work(small)) for _ in range(3)))
        if slow < most * quick + 0.05:
            return True
    return False
