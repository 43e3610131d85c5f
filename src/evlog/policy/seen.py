"""What a policy sees of a boot: the events that extend its registers, with what they are about and what proves it."""

from __future__ import annotations

import re

from evlog.checking.digest_check import check_event
from evlog.comparing.describe import Describer
from evlog.contents.ima import ImaEvent
from evlog.model import Digest
from evlog.policy.rules import CHECKS, about_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["Facts", "Observer", "Seen"]

#: Where something lay in memory or on a disk differs from boot to boot, and no register covers it.
_PLACES = re.compile(r"0x[0-9a-fA-F]+|(?<=HD\()[^()]*|(?<=MemoryMapped\()[^()]*")
#: The disk of a file that GRUB reads, by its number.
_DISK = re.compile(r"^\((?:hd|cd|fd|memdisk|lvm|crypto)[^()]*\)")


class Facts:
    """What is known of an event whatever boot it is of; ``extended`` and ``checks`` are by algorithm."""

    __slots__ = ("_in_banks", "algorithms", "checks", "extended", "name", "type", "words")

    def __init__(self, event: Event, type: str, name: str, words: str, checks: dict[int, str]) -> None:
        self.type, self.name, self.words, self.checks = type, name, words, checks
        extended = ((each.alg, event.extension(each.alg)) for each in event.digests)
        # Of two digests of one algorithm the first is extended. Whether that is so nobody sees who judges a log alone.
        first: dict[int, bytes] = {}
        torn = {each.alg.id for each in event.digests if first.setdefault(each.alg.id, each.value) != each.value}
        self.extended = {
            alg.id: Digest(alg, value) for alg, value in extended if value is not None and alg.id not in torn
        }
        self.algorithms = frozenset(self.extended)
        self._in_banks: dict[tuple[int, ...], tuple[bytes, tuple[Digest, ...] | None, str]] = {}

    def within(self, banks: Sequence[HashAlg]) -> tuple[bytes, tuple[Digest, ...] | None, str]:
        """In some banks: all values as one key, the digests (None if one cannot be said), the worst of the checks."""
        ids = tuple([alg.id for alg in banks])
        known = self._in_banks.get(ids)
        if known is None:
            digests = tuple(self.extended[id] for id in ids) if self.algorithms.issuperset(ids) else None
            key = b"" if digests is None else b"".join(digest.value for digest in digests)
            ranks = (CHECKS.index(self.checks.get(id, "not_checkable")) for id in ids)
            known = self._in_banks[ids] = key, digests, CHECKS[max(ranks, default=1)]
        return known


class Seen:
    """An event on a register, and what is known of it."""

    __slots__ = ("event", "facts", "name", "register", "type")

    def __init__(self, event: Event, register: Register, facts: Facts) -> None:
        self.event, self.register, self.facts = event, register, facts
        self.type, self.name = facts.type, facts.name

    @property
    def about(self) -> str:
        """Its type and name."""
        return about_of(self.type, self.name)

    @property
    def words(self) -> str:
        """What it holds, for people."""
        return self.facts.words

    def key(self, banks: Sequence[HashAlg]) -> bytes:
        """What it extends into the banks, one value behind the other; nothing if that cannot be said of one of them."""
        return self.facts.within(banks)[0]

    def digests(self, banks: Sequence[HashAlg]) -> tuple[Digest, ...] | None:
        """What it extends into each of the banks; None if that cannot be said of one of them."""
        return self.facts.within(banks)[1]

    def check(self, banks: Sequence[HashAlg]) -> str:
        """The worst of the checks in these banks."""
        return self.facts.within(banks)[2]


class Observer:
    """Looks at events, and remembers those that it has seen: good boots are much alike."""

    def __init__(self) -> None:
        self._known: dict[object, Facts] = {}

    def of(self, log: Log, describer: Describer, event: Event) -> Seen:
        """What is seen of an event."""
        register = event.register
        digests = tuple([(digest.alg.id, digest.value) for digest in event.digests])
        key = (log.format, register.space, register.index, event.content, digests)
        facts = self._known.get(key)
        if facts is None:
            facts = self._known[key] = self._facts(describer, event)
        return Seen(event, register, facts)

    @staticmethod
    def _facts(describer: Describer, event: Event) -> Facts:
        if isinstance(event.content, ImaEvent):
            # Entries are known by what is in them (`evlog.policy.files`).
            return Facts(event, event.content.kind, "", "", {})
        # Of two digests of one algorithm the first is extended.
        checks = {check.alg.id: check.verdict for check in reversed(check_event(event))}
        told = describer.describe(event)
        name = told.name
        if not name and told.type == "EV_IPL" and "matches" not in checks.values():
            # A file that a boot loader read: its path stands where others have their text.
            name = told.words
        return Facts(event, told.type, _DISK.sub("", _PLACES.sub("*", name)), told.words, checks)
