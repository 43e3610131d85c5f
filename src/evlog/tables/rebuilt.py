"""Logs as the lake has them, for what compares logs: each event with its digests, and its data where the lake has it.

A PC Client event whose data is in ``bodies`` is the event that it was; any other is known by its digests and its line
of text (`evlog.contents.digest_only`), as it is in a lake without bodies.
"""

from __future__ import annotations

from hashlib import sha256

from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import UsageError
from evlog.model import Digest, Event, Log, banks_of
from evlog.registers import Register
from evlog.tables.schema import BANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.model import Content
    from evlog.tables.reader import Reader

__all__ = ["rebuilt"]

_EVENTS = f"""
SELECT log, number, register, measured, type, summary, other_digests, body, data, {", ".join(BANKS)}
FROM events LEFT JOIN bodies USING (body) WHERE log IN (SELECT unnest($logs)) ORDER BY log, number"""
_LOGS = "SELECT DISTINCT ON (log) log, format, platform FROM logs WHERE log IN (SELECT unnest($logs))"


def rebuilt(reader: Reader, logs: Sequence[bytes]) -> dict[bytes, Log]:
    """The logs of these ids, as far as the lake has them. Events of no register, and what is not measured but PC Client
    events, are left out.
    """
    events: dict[bytes, list[Event]] = {}
    for log, number, register, measured, type_, summary, others, body, data, *digests in reader.rows(
        _EVENTS, {"logs": logs}
    ):
        # Data that is not what its id says is none: the row of the event names it by its hash.
        own_data = data if data is not None and sha256(data).digest() == body else None
        content = _content(type_, summary, own_data)
        if register is None or (not measured and content.measured):
            continue
        held = [Digest(HashAlg.named(bank), value) for bank, value in zip(BANKS, digests, strict=True) if value]
        held += [digest for other in others or () if (digest := _other(other)) is not None]
        events.setdefault(log, []).append(Event(number, Register.parse(register), tuple(held), content))
    found = {}
    for log, format, platform in reader.rows(_LOGS, {"logs": logs}):
        own = tuple(events.get(log, ()))
        algorithms = banks_of(digest.alg for event in own for digest in event.digests)
        found[log] = Log(format or "", own, algorithms=algorithms, platform=platform)
    return found


def _content(type_: str | None, summary: str | None, data: bytes | None) -> Content:
    number = number_of(type_ or "")
    if number is not None and data is not None:
        return PCClientEvent(number, data)
    return DigestOnly(number, " ".join(filter(None, ("" if number is not None else type_, summary))))


def _other(told: dict[str, Any]) -> Digest | None:
    """A digest of another algorithm; None for one whose name says nothing, which no bank is made of."""
    try:
        return Digest(HashAlg.named(told["alg"] or ""), told["value"] or b"")
    except UsageError:
        return None
