"""Bytes written as text, whatever the way."""

from __future__ import annotations

from evlog.intake import letters
from evlog.intake.places import Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["layers", "places"]


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The bytes that a text writes."""
    yield Place("", layers(data, budget))


def layers(text: bytes, budget: Budget) -> Iterator[Layer]:
    """The same, as layers of the text."""
    yield from letters.layers(text, budget)
