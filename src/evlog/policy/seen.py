"""What a policy sees of a boot: the events that extend its registers, with what they are about and what proves it."""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.checking.digest_check import check_event
from evlog.comparing.describe import Describer
from evlog.contents.ima import ImaEvent
from evlog.model import Digest, Event
from evlog.policy.rules import CHECKS, about_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.algorithms import HashAlg
    from evlog.model import Log

__all__ = ["Observer", "Seen"]

#: Where something lay in memory or on a disk differs from boot to boot, and no register covers it.
_PLACES = re.compile(r"0x[0-9a-fA-F]+|(?<=HD\()[^()]*|(?<=MemoryMapped\()[^()]*")
#: The disk of a file that GRUB reads, by its number.
_DISK = re.compile(r"^\((?:hd|cd|fd|memdisk|lvm|crypto)[^()]*\)")


class Seen(Record):
    """An event on a register, what it is about, and the check of each digest (`evlog.check`) by algorithm."""

    event: Event
    register: Register
    type: str
    name: str
    words: str
    checks: dict[int, str]

    @property
    def about(self) -> str:
        """Its type and name."""
        return about_of(self.type, self.name)

    def digests(self, banks: Iterable[HashAlg]) -> tuple[Digest, ...] | None:
        """What it extends into each of the banks; None if that cannot be said of one of them."""
        found = []
        for alg in banks:
            value = self.event.extension(alg)
            if value is None:
                return None
            found.append(Digest(alg, value))
        return tuple(found)

    def check(self, banks: Iterable[HashAlg]) -> str:
        """The worst of the checks in these banks."""
        return CHECKS[max((CHECKS.index(self.checks.get(alg.id, "not_checkable")) for alg in banks), default=1)]


class Observer:
    """Looks at events, and remembers those that it has seen: good boots are much alike."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[str, str, str, dict[int, str]]] = {}

    def of(self, log: Log, describer: Describer, event: Event, register: Register) -> Seen:
        """What is seen of an event on a register."""
        key = (log.format, event.register, event.content, event.digests)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._described(describer, event)
        type, name, words, checks = known
        return Seen(event, register, type, name, words, checks)

    @staticmethod
    def _described(describer: Describer, event: Event) -> tuple[str, str, str, dict[int, str]]:
        if isinstance(event.content, ImaEvent):
            # Entries are known by what is in them (`evlog.policy.files`).
            return event.content.kind, "", "", {}
        # Of two digests of one algorithm the first is extended.
        checks = {check.alg.id: check.verdict for check in reversed(check_event(event))}
        told = describer.describe(event)
        name = told.name
        if not name and told.type == "EV_IPL" and "matches" not in checks.values():
            # A file that a boot loader read: its path stands where others have their text.
            name = told.words
        return told.type, _DISK.sub("", _PLACES.sub("*", name)), told.words, checks
