"""Texts that are made of the checks of events, of which there are many with the very same verdicts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.checking.digest_check import DigestCheck

__all__ = ["Shared"]

_HELD = 1 << 10  # texts that are kept: banks times rules are less


class Shared:
    """A text that is made of the checks of an event, once for those whose verdicts are the same objects."""

    def __init__(self, make: Callable[[tuple[DigestCheck, ...]], str]) -> None:
        self._make = make
        self._made: dict[tuple[int, ...], tuple[tuple[DigestCheck, ...], str]] = {}

    def __call__(self, checks: tuple[DigestCheck, ...]) -> str:
        key = tuple(map(id, checks))
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _HELD:
                self._made.clear()
            # As long as it is kept nothing else has its place in memory.
            found = self._made[key] = checks, self._make(checks)
        return found[1]
