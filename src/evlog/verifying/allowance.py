"""How much may be computed for explanations: a hostile log costs a second, not a day."""

from __future__ import annotations

__all__ = ["Allowance"]


class Allowance:
    """Hashes that may still be computed for explanations."""

    __slots__ = ("left",)

    def __init__(self, left: int = 400_000) -> None:
        self.left = left
