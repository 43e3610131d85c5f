"""What a question asks of a lake: which registers, in which bank, and which values they have.

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
    from typing import Any

    from evlog.tables.reader import Reader

__all__ = ["VALUES", "Asked", "event_bank", "left_out", "registers", "values", "without_bank"]

_FITTING = 32
# Of digests of so many bytes, what comes first: the largest that are not longer than SHA-256's, then the shorter ones.
_STRONGEST = f"bytes > {_FITTING}, abs(bytes - {_FITTING})"

#: Every sighting's register values, of the registers asked for and of one bank each.
VALUES = f"""
held AS (
  SELECT sighting, log, machine, boot, collected_at, format, failed, logs.events AS size,
         register, bank, register_verdict, coalesce(replayed, stated) AS value
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


def values(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The parameters that choose registers and a bank."""
    return {"registers": registers(reader, asked.registers), "bank": None if asked.bank is None else asked.bank.name}


def registers(reader: Reader, wanted: RegisterSet | None) -> list[str] | None:
    """The registers of the lake that are meant, by any name that they have on any platform; None for all."""
    if wanted is None:
        return None
    rows = reader.rows("SELECT register FROM registers UNION SELECT register FROM events")
    there = [row[0] for row in rows if row[0] is not None]
    platforms = (None, *PLATFORMS)
    return [each for each in there if any(wanted.holds(Register.parse(each), platform) for platform in platforms)]


def event_bank(reader: Reader, asked: Asked) -> str:
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


def without_bank(reader: Reader, bank: str) -> list[str]:
    """A sentence about machines whose logs have no digests of a bank."""
    sql = "SELECT count(DISTINCT machine) FROM latest WHERE events > 0 AND NOT list_contains(banks, $bank)"
    machines = reader.rows(sql, {"bank": bank})[0][0]
    return [_without(machines, bank)] if machines else []
