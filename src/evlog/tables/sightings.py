"""Sightings of a lake with what it says of each: the log, rebuilt, and its evidence, as it was when it was read.

A lake tells of a log by rows, and of its evidence by a verdict and by values. Neither is the thing itself. So a log is
whole only if every event has its row and its data, and all of them lead to the values that the lake has; and values
count as authenticated only where the lake says that they were, and that all agreed. Whoever can write the lake can
write that too, and nothing here finds it out.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import UsageError
from evlog.evidence import KINDS, Evidence
from evlog.registers import Register, Registers, RegisterSet
from evlog.replaying.naming import platform_of, unite, united
from evlog.replaying.replay import replay
from evlog.tables.asked import registers
from evlog.tables.rebuilt import rebuilt
from evlog.tables.schema import BANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from evlog.model import Log
    from evlog.tables.reader import Reader

__all__ = ["Sighting", "chosen", "sightings"]

# Sightings that are asked for at once, and events of their logs that are in memory.
_SOME, _EVENTS = 256, 50_000
# Words of a verdict under which values that were authenticated count. What a verifier accepted the lake does not tell.
_COUNTING = ("verified", "replayable")
#: The platform that evidence of a kind is of.
_PLATFORM = {
    **dict.fromkeys(("tpm-quote", "nitro-tpm", "hcl-vtpm"), "tpm"),
    **{kind: kind.partition("-")[0] for kind in KINDS if kind.partition("-")[0] in ("tdx", "snp", "cca", "csv")},
    "nitro-enclave": "nitro",
}

_ORDER = """
SELECT sighting FROM logs WHERE $all OR sighting IN (SELECT unnest($ids))
ORDER BY machine, collected_at, boot, source, sighting"""

_GROUP = """
SELECT DISTINCT sighting FROM registers
WHERE coalesce(replayed, stated) = $value AND list_contains($registers, register)"""

_LOGS = """
SELECT sighting, log, machine, boot, collected_at, source, format, events, failed, verdict, word, authenticated,
       evidence, evidence_id
FROM logs WHERE sighting IN (SELECT unnest($ids))"""

_OWN = """
SELECT sighting, register, bank, replayed, stated, register_verdict, events
FROM registers WHERE sighting IN (SELECT unnest($ids))"""

# A piece of evidence is of a boot, and a register's row stands with the log that extends it, or with the first.
_BESIDE = """
WITH these AS (
  SELECT sighting, machine, boot, evidence_id FROM logs
  WHERE sighting IN (SELECT unnest($ids)) AND authenticated AND verdict = 'ok' AND evidence_id IS NOT NULL
)
SELECT DISTINCT these.sighting, register, bank, stated, register_verdict
FROM these
JOIN logs AS others ON these.evidence_id = others.evidence_id
  AND these.machine IS NOT DISTINCT FROM others.machine AND these.boot IS NOT DISTINCT FROM others.boot
JOIN registers ON registers.sighting = others.sighting
WHERE others.authenticated AND others.verdict = 'ok' AND stated IS NOT NULL"""

_OTHERS = """
SELECT log, sum(len(other_digests)) FROM events
WHERE log IN (SELECT unnest($logs)) AND other_digests IS NOT NULL GROUP BY log"""


class Sighting(Record):
    """A log of a machine at a time, as the lake has it.

    ``lacking`` says why ``log`` is not the log that was read, "" if it is. ``stated`` are the register values of the
    evidence, (register, bank, value), and ``static`` those registers that no event extends. ``verdict``, ``word`` and
    ``authenticated`` are the lake's own, None where there was no evidence; ``signed`` is whether that was a signed one.
    """

    id: bytes
    log_id: bytes
    machine: str | None
    boot: str | None
    collected_at: datetime | None
    source: str
    format: str | None
    failed: bool
    verdict: str | None
    word: str | None
    authenticated: bool | None
    kind: str | None
    log: Log | None
    lacking: str
    stated: frozenset[tuple[Register, HashAlg, bytes]] = frozenset()
    static: frozenset[Register] = frozenset()
    signed: bool = False

    @property
    def anchored(self) -> bool:
        """Whether the lake says that a key or root stood behind the values, and that the log led to all demanded."""
        claimed = self.authenticated is True and self.verdict == "ok" and self.word in _COUNTING
        return claimed and self.signed and not self.failed and self.kind in _PLATFORM

    def evidence(self, *, anchored: bool) -> Evidence | None:
        """The evidence as far as the lake tells of it, None if there was none.

        ``anchored`` is whether the values are to count as authenticated, as far as they are (`anchored`).
        """
        if self.verdict is None or self.kind is None:
            return None
        values = {(register, alg): value for register, alg, value in self.stated}
        counts = anchored and self.anchored
        return Evidence(
            self.kind,
            Registers(values, "the lake"),
            ("the lake says that the values were authenticated when the log was read into it",) if counts else (),
            () if counts else ("the values are those that the lake has",),
            "key" if counts else None,
            tuple(sorted(self.static, key=lambda register: register.sort_key)),
            platform=_PLATFORM.get(self.kind),
            form="lake",
            covered=tuple(values) if counts else (),
            fresh=counts and self.word == "verified",
        )


def chosen(reader: Reader, where: str | None = None, group: tuple[Register, bytes] | None = None) -> list[bytes]:
    """The ids of sightings for which a condition of SQL over ``logs`` holds, and which have a register value.

    In the order of machines and times. Raises UsageError for a condition that makes no sense.
    """
    ids: set[bytes] | None = None
    if where is not None:
        answer = reader.ask(f"SELECT DISTINCT sighting FROM logs WHERE (\n{where}\n)")
        if answer.names != ["sighting"]:
            raise UsageError(f"{where!r} is no condition over the columns of logs")
        ids = {bytes(row[0]) for row in answer.rows()}
    if group is not None:
        register, value = group
        given = {"registers": registers(reader, RegisterSet.of([register])), "value": value}
        found = {row[0] for row in reader.rows(_GROUP, given)}
        ids = found if ids is None else ids & found
    wanted = {"all": ids is None, "ids": [] if ids is None else list(ids)}
    return [row[0] for row in reader.rows(_ORDER, wanted)]


def sightings(reader: Reader, ids: Sequence[bytes]) -> Iterator[Sighting]:
    """These sightings, in this order, some at a time. One that the lake has twice comes once, and is not whole."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), _SOME):
        yield from _some(reader, distinct[start : start + _SOME])


def _some(reader: Reader, ids: list[bytes]) -> Iterator[Sighting]:
    rows: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in reader.rows(_LOGS, {"ids": ids}):
        rows.setdefault(row[0], []).append(row)
    own: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in reader.rows(_OWN, {"ids": ids}):
        own.setdefault(row[0], []).append(row[1:])
    beside: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in reader.rows(_BESIDE, {"ids": ids}):
        beside.setdefault(row[0], []).append(row[1:])
    found = {id: rows[id] for id in ids if id in rows}
    for piece in _pieces(found):
        wanted = list({row[1] for id in piece for row in found[id] if _may_be_whole(row)})
        logs = rebuilt(reader, wanted)
        others = {log: int(count) for log, count in reader.rows(_OTHERS, {"logs": wanted})}
        for id in piece:
            row = found[id][0]
            twice = len(found[id]) > 1
            count = others.get(row[1], 0)
            yield _sighting(row, logs.get(row[1]), own.get(id, []), beside.get(id, []), count, twice=twice)


def _pieces(found: dict[bytes, list[tuple[Any, ...]]]) -> Iterator[list[bytes]]:
    """The ids, by as many as have so many events that their logs may be in memory."""
    piece: list[bytes] = []
    events = 0
    for id, rows in found.items():
        size = max(row[7] or 0 for row in rows if _may_be_whole(row)) if any(map(_may_be_whole, rows)) else 0
        if piece and events + size > _EVENTS:
            yield piece
            piece, events = [], 0
        piece.append(id)
        events += size
    if piece:
        yield piece


def _may_be_whole(row: tuple[Any, ...]) -> bool:
    """Whether a log is worth building: it was read whole, and is no list, of which a lake has no entry as it was."""
    return row[8] is False and row[6] is not None and not row[6].startswith("ima")


def _sighting(
    row: tuple[Any, ...],
    log: Log | None,
    own: list[tuple[Any, ...]],
    beside: list[tuple[Any, ...]],
    others: int,
    *,
    twice: bool,
) -> Sighting:
    id, log_id, machine, boot, collected_at, source, format, events, failed = row[:9]
    verdict, word, authenticated, kind, evidence_id = row[9:]
    stated: frozenset[tuple[Register, HashAlg, bytes]] = frozenset()
    static: frozenset[Register] = frozenset()
    if format is None:
        lacking = "it is no log"
    elif failed is not False:
        lacking = "part of it could not be read"
    elif twice:
        lacking = "the lake has two rows of it"
    elif not _may_be_whole(row):
        lacking = "it is no log of firmware, and cannot be built from the rows of a lake"
    else:
        try:
            lacking = _of_events(log, events, others) or _of_values(log, own)
            stated, static = _stated((*((row[0], row[1], row[3], row[4]) for row in own), *beside))
        except UsageError as error:
            lacking = f"its register values make no sense: {error}"
    if not lacking and len({(register, alg) for register, alg, _ in stated}) < len(stated):
        lacking = "its evidence states two values of one register"
    return Sighting(
        id,
        log_id,
        machine,
        boot,
        collected_at,
        source,
        format,
        failed is not False,
        verdict,
        word,
        authenticated,
        kind,
        None if lacking else log,
        lacking,
        stated,
        static,
        evidence_id is not None,
    )


def _of_events(log: Log | None, events: int | None, others: int) -> str:
    """What the lake lacks of a log's events."""
    if log is None or not events or [event.number for event in log.events] != list(range(events)):
        return "the lake has not a row of each of its events"
    if not all(type(event.content) is PCClientEvent for event in log.events):
        return "the lake has not the data of each of its events (--no-bodies, or a log that is not of firmware)"
    held = sum(digest.alg.name not in BANKS for event in log.events for digest in event.digests)
    return "" if held == others else "digests of its events are of no size or algorithm that is known"


def _of_values(log: Log | None, rows: list[tuple[Any, ...]]) -> str:
    """Whether a log does not lead to the values that the lake has for it."""
    if log is None:
        return "the lake does not have it"
    platform = platform_of([log])
    led = {(row.register, row.alg): row for row in replay(unite((log,), platform)).rows}
    compared = set()
    for register, bank, replayed, _, _, events in rows:
        key = united(Register.parse(register), platform), HashAlg.named(bank)
        row = led.get(key)
        if row is None or not row.events:
            if events and replayed is not None:
                return "its events do not lead to the register values that the lake has"
            continue
        if row.value != replayed:
            return "its events do not lead to the register values that the lake has"
        if replayed is not None:
            compared.add(key[0])
    lacking = {register for (register, _), row in led.items() if row.events} - compared
    return f"the lake has no value that it leads to of {RegisterSet.of(lacking)}" if lacking else ""


def _stated(
    rows: Sequence[tuple[Any, ...]],
) -> tuple[frozenset[tuple[Register, HashAlg, bytes]], frozenset[Register]]:
    """The values that evidence states, and the registers among them that never change."""
    stated = [(Register.parse(row[0]), HashAlg.named(row[1]), row[2], row[3]) for row in rows if row[2] is not None]
    values = frozenset((register, alg, bytes(value)) for register, alg, value, _ in stated)
    return values, frozenset(register for register, _, _, verdict in stated if verdict == "static")
