"""The files of a boot before and after an update, by the place that the boot takes them from.

A place is ``kernel``, ``initrd`` or ``cmdline`` of a direct boot, ``uki``, a path on the boot partition, ``gpt``, a
variable as it is written (``var:NAME``, ``var:NAME+`` appended) or as efivarfs shows it (``efivar:NAME``).
"""

from __future__ import annotations

from evlog.errors import UsageError

__all__ = ["Files", "normal"]

_WORDS = frozenset(("kernel", "initrd", "cmdline", "uki", "gpt"))


def normal(place: str) -> str:
    """A place as it is compared: the case of a path on a FAT file system does not count, nor which slash it has."""
    return place.replace("\\", "/").lower() if place[:1] in "/\\" else place


class Files:
    """What was there and what will be. A place that is given once only is the same before and after, if it explains."""

    def __init__(self, now: dict[str, bytes], was: dict[str, bytes], *, whole: bool = False) -> None:
        for place in (*now, *was):
            if place[:1] in "/\\" or place in _WORDS:
                continue
            kind, colon, name = place.partition(":")
            if not colon or not name.rstrip("+") or kind not in ("var", "efivar"):
                expected = f"{', '.join(sorted(_WORDS))}, /PATH, var:NAME, var:NAME+ or efivar:NAME expected"
                raise UsageError(f"no place {place!r}: {expected}")
        self.names = {normal(place): place for place in (*now, *was)}
        self.now = {normal(place): data for place, data in now.items()}
        self.was = {normal(place): data for place, data in was.items()}
        #: Places that some rule found something to say of.
        self.placed: set[str] = set()
        #: With a ``whole`` partition: paths of before that are no longer there.
        self.gone = {p for p in self.was if whole and p.startswith("/") and p not in self.now}

    def old(self, place: str) -> bytes | None:
        """What was there, or what will be if nothing else is said of before."""
        place = normal(place)
        return self.was.get(place, self.now.get(place))

    def new(self, place: str) -> bytes | None:
        """What will be there, or what was if nothing is said of after."""
        place = normal(place)
        return self.now.get(place, self.was.get(place))

    def left(self, place: str) -> bytes | None:
        """`new`, or None for what is gone."""
        return None if normal(place) in self.gone else self.new(place)

    def changed(self, place: str) -> bool:
        """Whether other bytes will be there than before, or nobody said what was before."""
        return self.old(place) != self.left(place)

    def place(self, place: str, *, gone: bool = False) -> None:
        """Note that a rule has placed the file; one that is no longer there only if the rule knows of that."""
        if gone or normal(place) not in self.gone:
            self.placed.add(normal(place))

    def below(self, folder: str, ending: str) -> list[str]:
        """The places in a folder with names that end so, in the order of their names' UTF-16 code, case included."""
        folder = normal(folder).rstrip("/") + "/"
        found = {p for p in (*self.now, *self.was) if p.startswith(folder) and p.endswith(ending)}
        return sorted(
            (p for p in found if "/" not in p[len(folder) :]), key=lambda p: self.named(p).encode("utf-16-be")
        )

    def paths(self) -> list[str]:
        """Places on the boot partition."""
        return [place for place in dict.fromkeys((*self.now, *self.was)) if place.startswith("/")]

    def named(self, place: str) -> str:
        """The place as it was given."""
        return self.names.get(normal(place), place)
