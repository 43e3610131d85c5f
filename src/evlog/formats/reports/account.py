"""What the reader of a report takes down: events, what is odd about them, and what the tool dropped."""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents._pcclient_rules import CONSTANT
from evlog.contents.digest_only import DigestOnly
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import EvlogError, ParseError, TruncatedError
from evlog.model import Digest, Event, Finding, Log, Origin, Span, banks_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.model import Content, Header
    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["Account", "digest_of", "is_bank", "is_proven"]

#: Findings of one kind that are listed.
_MOST = 8
_HEX = frozenset("0123456789abcdefABCDEF")


class Account:
    """The events and findings of one report. A strict reader raises ParseError for anything worse than a note."""

    def __init__(self, format: str, options: Options) -> None:
        self.format, self.options = format, options
        self.events: list[Event] = []
        self.findings: list[Finding] = []
        self._counts: dict[str, int] = {}

    def note(self, code: str, severity: str, message: str, event: int | None = None, offset: int | None = None) -> None:
        """A finding; of each code the first few."""
        if self.options.strict and severity != "note":
            raise ParseError(message, offset=offset or 0, where="" if event is None else f"events[{event}]")
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= _MOST:
            self.findings.append(Finding(code, severity, message, event, offset))

    def stop(self, error: ParseError) -> None:
        """The trouble that ends the events, which is raised if there are none before it."""
        if self.options.strict or not self.events:
            raise error
        code = "truncated_record" if isinstance(error, TruncatedError) else "bad_record"
        self.note(code, "error", str(error), len(self.events), error.offset)

    def add(self, register: Register, digests: Sequence[Digest], content: Content, start: int, end: int) -> None:
        """An event in the bytes from ``start`` to ``end``."""
        number = len(self.events)
        origin = Origin(self.options.name, self.format, Span(start, end - start))
        event = Event(number, register, tuple(digests), content, None, origin)
        self.events.append(event)
        if not digests and event.measured:
            message = "a measured event without a digest: its register cannot be replayed"
            self.note("no_digests", "error", message, number, start)
        seen = set()
        for alg in [digest.alg for digest in digests]:
            if alg.id in seen:
                message = "two digests under one algorithm; the first counts"
                self.note("duplicate_digest", "warning", message, number, start)
            elif alg.known and alg != HashAlg.of(alg.id):
                message = f"a {alg} digest of {alg.size} bytes, it has {HashAlg.of(alg.id).size}: it extends nothing"
                self.note("digest_size", "warning", message, number, start)
            seen.add(alg.id)

    def pcclient(
        self, register: Register, digests: Sequence[Digest], event_type: int | None, told: Iterable[bytes], text: str
    ) -> Content:
        """The content of an event of a type whose data is one of ``told``, if a digest proves which; else its text."""
        if event_type is not None:
            for data in told:
                content = PCClientEvent(event_type, data)
                if is_proven(Event(0, register, tuple(digests), content)):
                    return content
        return DigestOnly(event_type, text)

    def _algorithms(self) -> list[HashAlg]:
        """Those of the digests that are extended; of all if none is."""
        used = [digest.alg for each in self.events if each.measured for digest in each.digests]
        return used or [digest.alg for each in self.events for digest in each.digests]

    def log(
        self,
        tool: str,
        dropped: str = "",
        *,
        algorithms: tuple[HashAlg, ...] = (),
        header: Header | None = None,
        platform: str | None = None,
        offset: int = 0,
    ) -> Log:
        """The log of a report of ``tool``, which dropped what is said there. Raises ParseError if it has no event."""
        if not self.events:
            raise ParseError("no event in it", offset=offset, where="events[0]")
        lost = sum(isinstance(event.content, DigestOnly) for event in self.events)
        parts = [f"the data of {lost} of {len(self.events)} events"] if lost else []
        parts += [dropped] if dropped else []
        message = f"read from what {tool} printed, without {' and '.join(parts)}"
        more = [
            Finding(code, "warning", f"{count - _MOST} more findings like the last ({code})")
            for code, count in self._counts.items()
            if count > _MOST
        ]
        return Log(
            self.format,
            tuple(self.events),
            header=header,
            algorithms=banks_of((*algorithms, *self._algorithms())),
            findings=(Finding("from_report", "note", message), *self.findings, *more),
            platform=self.options.platform or platform,
            name=self.options.name,
        )


def is_bank(name: str) -> bool:
    """Whether this is the name of a hash algorithm that is known."""
    try:
        return HashAlg.named(name[:40]).known
    except EvlogError:
        return False


def digest_of(name: Any, text: Any) -> Digest:
    """The digest of a name of an algorithm and hex digits. Raises ValueError saying what is wrong."""
    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError("an algorithm's name and hex digits were expected")
    if len(text) % 2 or not _HEX.issuperset(text):
        raise ValueError("a digest that is not hex")
    try:
        alg = HashAlg.named(name[:40])
    except EvlogError:
        raise ValueError("a digest of an algorithm that is not known") from None
    value = bytes.fromhex(text)
    if not value:
        raise ValueError("a digest of no bytes")
    return Digest(HashAlg.of(alg.id, len(value)), value)


def is_proven(event: Event) -> bool:
    """Whether some digest of the event is the hash of its data, or of the part that is hashed of such an event.

    A hash of a constant says nothing of the data.
    """
    backend = hashing.backend()
    for digest in event.digests:
        if not backend.computable(digest.alg):
            continue
        for rule, covered, *_ in event.content.candidates(event, digest.alg):
            if covered and rule not in CONSTANT and hashing.digest(digest.alg, covered) == digest.value:
                return True
    return False
