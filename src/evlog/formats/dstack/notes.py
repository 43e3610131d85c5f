"""What is noticed in a dstack log."""

from __future__ import annotations

from evlog.algorithms import SHA384
from evlog.contents.digest_only import DigestOnly
from evlog.contents.dstack import DstackEvent
from evlog.formats.dstack.events import FIRMWARE_MEMBERS, LINE_MEMBERS, MEMBERS
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Event

__all__ = ["Notes"]

_MOST = 16  # findings of one kind


class Notes:
    """What is noticed in a log: of each kind the first few, then how many more there are."""

    def __init__(self, *, strict: bool, lines: bool) -> None:
        self._strict, self._lines = strict, lines
        self._found: list[Finding] = []
        self._counts: dict[str, int] = {}
        self._names: set[str] = set()
        self._computed: list[Event] = []
        self._stripped: list[Event] = []

    @property
    def findings(self) -> list[Finding]:
        """All of them, what was said of single events first."""
        found = list(self._found)
        for code, count in self._counts.items():
            if count > _MOST:
                severity = next(each.severity for each in found if each.code == code)
                found.append(Finding(code, severity, f"{count - _MOST} more like this"))
        for code, events, message in (
            ("digest_computed", self._computed, "runtime events have no digest: it is computed by their rule"),
            ("data_stripped", self._stripped, "events have no data: their digests cannot be checked"),
        ):
            if events:
                found.append(Finding(code, "note", f"{len(events)} {message}", events[0].number, _offset(events[0])))
        return found

    def one(self, code: str, severity: str, message: str, event: int | None, offset: int | None) -> None:
        self._counts[code] = self._counts.get(code, 0) + 1
        if self._counts[code] <= _MOST:
            self._found.append(Finding(code, severity, message, event, offset))

    def add(self, event: Event, members: dict[str, Any]) -> None:
        """What is to be said of an event, whose members these are."""
        number, offset, content = event.number, _offset(event), event.content
        runtime = isinstance(content, DstackEvent) and content.runtime
        if isinstance(content, DigestOnly):
            self._stripped.append(event)
        if event.measured and not event.digests:
            message = "an event without a digest, and none can be computed: its register cannot be replayed"
            self.one("no_digests", "error", message, number, offset)
        elif runtime and not members.get("digest"):
            self._computed.append(event)
        for size in [len(digest.value) for digest in event.digests if len(digest.value) != SHA384.size]:
            message = f"a digest of {size} bytes, SHA-384 has {SHA384.size}: it extends nothing"
            self.one("digest_size", "warning", message, number, offset)
        if isinstance(content, DstackEvent) and runtime:
            self._rule(content, number, offset)
        known = LINE_MEMBERS if self._lines else MEMBERS if runtime else FIRMWARE_MEMBERS
        for name in sorted(set(members).difference(known))[:_MOST]:
            if name not in self._names and len(self._names) < _MOST:
                self._names.add(name)
                severity = "warning" if self._strict else "note"
                message = f"unknown member {name[:40]!r} is kept in this format only"
                self._found.append(Finding("unknown_member", severity, message, number, offset))

    def _rule(self, content: DstackEvent, number: int, offset: int | None) -> None:
        covered = content.measured_bytes
        if covered is None:
            message = f"version {content.version} of the rule of runtime events is not known: nothing is checked"
            self.one("unknown_version", "warning", message, number, offset)
        elif content.preimage not in (None, covered):
            message = "the preimage is not what name and payload make: it says nothing of them"
            self.one("preimage_differs", "warning", message, number, offset)


def _offset(event: Event) -> int | None:
    return event.origin.span.offset if event.origin is not None else None
