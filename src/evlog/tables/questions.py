"""Questions about a fleet that have a name. Whatever a user names is a parameter of the SQL, never a part of it."""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import UsageError
from evlog.tables.asked import VALUES, Asked, event_bank, left_out, registers, values, without_bank
from evlog.tables.outliers import outliers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from evlog.tables.answer import Answer
    from evlog.tables.reader import Reader

__all__ = ["QUESTIONS", "Question", "ask"]

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


def _groups(reader: Reader, asked: Asked) -> Answer:
    notes = left_out(reader, asked)
    return reader.answer(_GROUPS.format(order=_ORDER), values(reader, asked)).noted(notes)


def _timeline(reader: Reader, asked: Asked) -> Answer:
    given = {**values(reader, asked), "since": _time(asked.since)}
    if not asked.events:
        notes = left_out(reader, asked)
        return reader.answer(_TIMELINE.format(order=_ORDER), given).noted(notes)
    del given["bank"]
    bank = event_bank(reader, asked)
    notes = without_bank(reader, bank)
    return reader.answer(_EVENT_TIMELINE.format(order=_ORDER, bank=bank), given).noted(notes)


def _rare(reader: Reader, asked: Asked) -> Answer:
    given = {"registers": registers(reader, asked.registers), "most": asked.most}
    bank = event_bank(reader, asked)
    notes = without_bank(reader, bank)
    return reader.answer(_RARE.format(order=_ORDER, bank=bank), given).noted(notes)


def _unverified(reader: Reader, asked: Asked) -> Answer:
    return reader.answer(_UNVERIFIED.format(order=_ORDER), {"authenticated": asked.authenticated})


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
            outliers,
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
