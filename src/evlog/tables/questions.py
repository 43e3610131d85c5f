"""Questions about a fleet that have a name. Whatever a user names is a parameter of the SQL, never a part of it.

A register's value is the one that the log leads to, or where no log has the register, the one that evidence states. Of
its banks one is asked: the one given, or of those that at least half as many machines have as any other, the strongest
whose values fit on a line, as everywhere in evlog (`_STRONGEST`).
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.errors import UsageError
from evlog.registers import PLATFORMS, Register, RegisterSet
from evlog.tables.schema import BANKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.tables.answer import Answer
    from evlog.tables.reader import Reader

__all__ = ["QUESTIONS", "VALUES", "Asked", "Question", "ask"]

_FITTING = 32
# Of digests of so many bytes, what comes first: the largest that are not longer than SHA-256's, then the shorter ones.
_STRONGEST = f"bytes > {_FITTING}, abs(bytes - {_FITTING})"

#: Every sighting's register values, of the registers asked for and of one bank each.
VALUES = f"""
held AS (
  SELECT sighting, log, machine, boot, collected_at, format, failed, register, bank, register_verdict,
         coalesce(replayed, stated) AS value
  FROM registers JOIN logs USING (sighting)
  WHERE coalesce(replayed, stated) IS NOT NULL
    AND ($registers IS NULL OR list_contains($registers, register)) AND ($bank IS NULL OR bank = $bank)
),
banks AS (
  SELECT register, bank
  FROM (SELECT *, 2 * n < max(n) OVER (PARTITION BY register) AS uncommon
        FROM (SELECT register, bank, count(DISTINCT machine) AS n, max(octet_length(value)) AS bytes
              FROM held GROUP BY register, bank))
  QUALIFY row_number() OVER (PARTITION BY register ORDER BY uncommon, {_STRONGEST}, bank) = 1
),
valued AS (SELECT held.* FROM held JOIN banks USING (register, bank)),
last AS (
  SELECT * FROM valued
  QUALIFY row_number() OVER (PARTITION BY machine, register ORDER BY collected_at DESC NULLS LAST, sighting) = 1
)"""

# Machines whose registers have no value in the bank that was asked.
_LEFT_OUT = f"""
WITH {VALUES}
SELECT register, bank, count(*) AS machines
FROM (SELECT DISTINCT register, machine FROM held EXCEPT SELECT DISTINCT register, machine FROM valued)
     JOIN banks USING (register)
GROUP BY register, bank"""

_GROUPS = f"""
WITH {VALUES}
SELECT count(*) AS machines, register, bank, value, min(machine) AS example,
       count(*) FILTER (register_verdict = 'match') AS match,
       count(*) FILTER (register_verdict = 'mismatch') AS mismatch
FROM last GROUP BY register, bank, value ORDER BY {{order}}, machines DESC, value"""

_TIMELINE = f"""
WITH {VALUES}
SELECT min(collected_at) AS first, max(collected_at) AS last, count(DISTINCT machine) AS machines, register, bank, value
FROM valued GROUP BY register, bank, value
HAVING $since IS NULL OR min(collected_at) >= CAST($since AS TIMESTAMPTZ)
ORDER BY {{order}}, first, value"""

_EVENT_TIMELINE = """
SELECT min(collected_at) AS first, max(collected_at) AS last, count(DISTINCT machine) AS machines, register, type,
       min(name) AS name, {bank} AS digest
FROM seen WHERE measured AND {bank} IS NOT NULL AND ($registers IS NULL OR list_contains($registers, register))
GROUP BY register, type, digest
HAVING $since IS NULL OR min(collected_at) >= CAST($since AS TIMESTAMPTZ)
ORDER BY {order}, first, type, digest"""

_RARE = """
SELECT count(DISTINCT machine) AS machines, register, type, min(name) AS name, {bank} AS digest,
       min(machine) AS example, min(collected_at) AS first
FROM seen WHERE measured AND {bank} IS NOT NULL AND ($registers IS NULL OR list_contains($registers, register))
GROUP BY register, type, digest HAVING count(DISTINCT machine) <= $most
ORDER BY machines, {order}, type, digest"""

_UNVERIFIED = """
WITH odd AS (
  SELECT sighting, string_agg(register || ' ' || register_verdict, ', ' ORDER BY {order}, register_verdict) AS registers
  FROM (SELECT DISTINCT sighting, register, register_verdict FROM registers
        WHERE register_verdict NOT IN ('match', 'not_reported'))
  GROUP BY sighting
)
SELECT machine, boot, collected_at,
       CASE WHEN verdict = 'differs' THEN 'differs' WHEN failed THEN 'damaged'
            WHEN verdict IS NULL THEN 'nothing to compare with' ELSE 'not authenticated' END AS why,
       CASE WHEN verdict = 'differs' THEN registers END AS registers, format, source
FROM latest LEFT JOIN odd USING (sighting)
WHERE verdict IS DISTINCT FROM 'ok' OR failed OR ($authenticated AND authenticated IS NOT TRUE)
ORDER BY array_position(['differs', 'damaged', 'nothing to compare with'], why) NULLS LAST, machine, source"""

# Registers in the order of their numbers: by their space, and the text where that is no number.
_ORDER = "split_part(register, ':', 1), try_cast(split_part(register, ':', 2) AS BIGINT), register"


class Asked(Record):
    """What goes with a name: registers and a bank to keep, and each question's own.

    ``most`` machines make an event rare; ``since`` (ISO 8601) is when a timeline begins, of ``events`` instead of
    register values; ``authenticated`` asks for values that a key or root stands behind; ``groups`` is how many groups
    of a register outliers are told of.
    """

    registers: RegisterSet | None = None
    bank: HashAlg | None = None
    most: int = 2
    since: str | None = None
    events: bool = False
    authenticated: bool = False
    groups: int = 100


class Question(Record):
    """A question by name: what it tells, what of `Asked` it heeds, and who answers it."""

    name: str
    doc: str
    heeds: tuple[str, ...]
    answer: Callable[[Reader, Asked], Answer]


def ask(reader: Reader, name: str, asked: Asked) -> Answer:
    """The answer to a question of this name.

    Raises UsageError for a name that there is none of, and for what the question does not heed.
    """
    question = QUESTIONS.get(name)
    if question is None:
        raise UsageError(f"no question {name!r}; there are {', '.join(QUESTIONS)}, or one SELECT of SQL")
    plain = Asked()
    for field in Asked._fields:
        if field not in question.heeds and getattr(asked, field) != getattr(plain, field):
            raise UsageError(f"{name} does not ask for {field}")
    return question.answer(reader, asked)


def values(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The parameters that choose registers and a bank."""
    return {"registers": _registers(reader, asked.registers), "bank": None if asked.bank is None else asked.bank.name}


def _registers(reader: Reader, wanted: RegisterSet | None) -> list[str] | None:
    """The registers of the lake that are meant, by any name that they have on any platform; None for all."""
    if wanted is None:
        return None
    rows = reader.rows("SELECT register FROM registers UNION SELECT register FROM events")
    there = [row[0] for row in rows if row[0] is not None]
    platforms = (None, *PLATFORMS)
    return [each for each in there if any(wanted.holds(Register.parse(each), platform) for platform in platforms)]


def _bank(reader: Reader, asked: Asked) -> str:
    """The column of digests that is asked: one of the schema's own names."""
    if asked.bank is not None:
        if asked.bank.name not in BANKS:
            raise UsageError(f"no column of {asked.bank.name} digests; there are {', '.join(BANKS)}")
        return asked.bank.name
    counts = reader.rows(f"SELECT {', '.join(f'count({bank})' for bank in BANKS)} FROM events WHERE measured")[0]
    common = [bank for bank, count in zip(BANKS, counts, strict=True) if 2 * count >= max(counts)]
    sizes = {bank: HashAlg.named(bank).size for bank in common}
    return min(common, key=lambda bank: (sizes[bank] > _FITTING, abs(sizes[bank] - _FITTING), BANKS.index(bank)))


def left_out(reader: Reader, asked: Asked) -> list[str]:
    """Sentences about machines that have no value in the bank that is asked."""
    found: dict[tuple[str, int], list[Register]] = {}
    for register, bank, machines in reader.rows(_LEFT_OUT, values(reader, asked)):
        found.setdefault((bank, machines), []).append(Register.parse(register))
    return [_without(machines, bank, f"{RegisterSet.of(which)}: ") for (bank, machines), which in found.items()]


def _without(machines: int, bank: str, what: str = "") -> str:
    return f"{what}{machines} machine{' has' if machines == 1 else 's have'} no {bank}: --bank asks for another"


def _without_bank(reader: Reader, bank: str) -> list[str]:
    """A sentence about machines whose logs have no digests of a bank."""
    sql = "SELECT count(DISTINCT machine) FROM latest WHERE events > 0 AND NOT list_contains(banks, $bank)"
    machines = reader.rows(sql, {"bank": bank})[0][0]
    return [_without(machines, bank)] if machines else []


def _groups(reader: Reader, asked: Asked) -> Answer:
    notes = left_out(reader, asked)
    return reader.answer(_GROUPS.format(order=_ORDER), values(reader, asked)).noted(notes)


def _timeline(reader: Reader, asked: Asked) -> Answer:
    given = {**values(reader, asked), "since": _time(asked.since)}
    if not asked.events:
        notes = left_out(reader, asked)
        return reader.answer(_TIMELINE.format(order=_ORDER), given).noted(notes)
    del given["bank"]
    bank = _bank(reader, asked)
    notes = _without_bank(reader, bank)
    return reader.answer(_EVENT_TIMELINE.format(order=_ORDER, bank=bank), given).noted(notes)


def _rare(reader: Reader, asked: Asked) -> Answer:
    given = {"registers": _registers(reader, asked.registers), "most": asked.most}
    bank = _bank(reader, asked)
    notes = _without_bank(reader, bank)
    return reader.answer(_RARE.format(order=_ORDER, bank=bank), given).noted(notes)


def _unverified(reader: Reader, asked: Asked) -> Answer:
    return reader.answer(_UNVERIFIED.format(order=_ORDER), {"authenticated": asked.authenticated})


def _outliers(reader: Reader, asked: Asked) -> Answer:
    from evlog.tables.outliers import outliers

    return outliers(reader, asked)


def _time(text: str | None) -> str | None:
    """A time as DuckDB reads it in UTC. Raises UsageError for what is none."""
    if text is None:
        return None
    from datetime import datetime, timezone

    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"{text!r} is no time: 2026-11-17 or 2026-11-17T08:00Z was expected") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)).isoformat()


#: Every question that has a name.
QUESTIONS: dict[str, Question] = {
    each.name: each
    for each in (
        Question("groups", "machines by the value of a register, the most first", ("registers", "bank"), _groups),
        Question(
            "outliers",
            "by which events each smaller group differs from the largest, in words",
            ("registers", "bank", "groups"),
            _outliers,
        ),
        Question(
            "timeline",
            "when each value of a register, or each event's digest, was seen first and last",
            ("registers", "bank", "since", "events"),
            _timeline,
        ),
        Question("rare", "events that few machines have", ("registers", "bank", "most"), _rare),
        Question(
            "unverified", "machines whose last logs are not what their registers say", ("authenticated",), _unverified
        ),
    )
}
