"""Where in some bytes other bytes may stand, and how they are written there: what every wrapper answers with."""

from __future__ import annotations

from evlog._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SHORTEST", "Layer", "Place", "printable", "step"]

#: Characters of the shortest record in hex or base64: nothing shorter is looked at.
SHORTEST = 42
#: Characters of a name that a path shows.
_NAME = 64


class Layer(Record):
    """Bytes with one layer taken off.

    ``name``   what was taken off, such as ``base64`` or ``xxd, 2296 bytes``
    ``notes``  what was wrong with it, a sentence each
    ``whole``  whether nothing more can be taken off: whatever is inside is a place of its own, or was tried
    ``value``  whether nothing was taken off: a part of a document as it stands, of which there are many
    """

    name: str
    data: bytes
    notes: tuple[str, ...] = ()
    whole: bool = False
    value: bool = False


class Place(Record):
    """One place, and the layers that may be taken off there: each is another way to read the same bytes.

    ``path``        where it is in a document or an archive, as a JSON pointer; "" for the bytes as they are
    ``start, end``  what it takes up of what it stands in, in any unit that grows: places inside of it have no less and
                    no more. Once something is found at a place, those inside of it are not looked at
    """

    path: str
    layers: Iterable[Layer]
    start: int = 0
    end: int = 0


def step(name: str | int) -> str:
    """A member's name or number as a step of a path (RFC 6901), made printable and cut."""
    return f"/{printable(str(name).replace('~', '~0').replace('/', '~1'))}"


def printable(text: str) -> str:
    """A name out of the input as one may print it: cut, and nothing in it that a terminal would act upon."""
    text = text[:_NAME]
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
