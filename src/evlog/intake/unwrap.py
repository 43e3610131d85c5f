"""Bytes out of their wrappings, whatever these are.

Nothing tells that bytes are wrapped but that they are nothing else; so each layer that may be one is taken off, within
bounds (`evlog.intake.budget`), until somebody knows what is inside.
"""

from __future__ import annotations

from evlog._record import Record, import_module
from evlog.errors import ParseError
from evlog.intake.budget import BudgetError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from evlog.intake.budget import Budget
    from evlog.intake.places import Place

    T = TypeVar("T")


__all__ = ["WRAPPERS", "Wrapped", "unwrap"]

#: Who knows a wrapping, in the order in which they are asked: modules of this room with a function
#: ``places(data, budget)``, which yields a `Place` for whatever may stand in the bytes, and none for bytes that are not
#: of its kind. It raises ParseError for what is certainly of its kind and damaged. Once something was found in what one
#: of them knows, the others are not asked.
WRAPPERS = (
    *("packed", "scale", "charsets", "documents", "archives", "tables", "armour", "lists", "dumps", "letters"),
    "protobuf",
)

_MAX_DEPTH = 5


class Wrapped(Record):
    """What came out of wrappings.

    ``wrapping``  their names, outermost first
    ``path``      where it stood in documents, as a JSON pointer (RFC 6901); names of members are made printable
                  and cut; "" outside of any
    ``notes``     what was wrong with the wrappings, a sentence each
    ``value``     whether it is a part of a document as it stands, which looks like much
    """

    data: bytes
    wrapping: tuple[str, ...] = ()
    path: str = ""
    notes: tuple[str, ...] = ()
    value: bool = False


def unwrap(data: bytes, known: Callable[[Wrapped], T | None], budget: Budget) -> Iterator[tuple[Wrapped, T]]:
    """Whatever the bytes wrap that is ``known``, which says what it is; such a thing is not looked into further.

    Bytes are one thing, only a document or an archive can hold several: these come in its order.
    Raises ParseError for a compressed stream that is damaged, and for one that unpacks to more than the budget.
    """
    return _known_in(Wrapped(data), known, budget, 0)


def _known_in(
    outer: Wrapped, known: Callable[[Wrapped], T | None], budget: Budget, depth: int
) -> Iterator[tuple[Wrapped, T]]:
    if depth == _MAX_DEPTH:
        return
    for name in WRAPPERS:
        done = 0
        any_found = False
        for place in import_module(f"evlog.intake.{name}").places(outer.data, budget):
            if place.start < done:
                continue  # inside of what was found already
            found = False
            for each in _known_at(place, outer, known, budget, depth):
                found = any_found = True
                yield each
            if found:
                done = place.end
                if not place.path:
                    return
        if any_found:
            return


def _known_at(
    place: Place, outer: Wrapped, known: Callable[[Wrapped], T | None], budget: Budget, depth: int
) -> Iterator[tuple[Wrapped, T]]:
    """Whatever stands at one place, under the first of its layers that leads to something."""
    try:
        for layer in place.layers:
            path, notes = outer.path + place.path, (*outer.notes, *layer.notes)
            wrapped = Wrapped(layer.data, (*outer.wrapping, layer.name), path, notes, layer.value)
            budget.tried()
            what = known(wrapped)
            if what is not None:
                yield wrapped, what
                return
            if layer.whole:
                continue
            deeper = list(_known_in(wrapped, known, budget, depth + 1))
            if deeper:
                yield from deeper
                return
    except BudgetError:
        raise
    except ParseError:
        # Among the members of a document, one that merely looks packed must not hide the next.
        if not place.path:
            raise
