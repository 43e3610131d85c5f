"""By which events each smaller group of machines differs from the largest: `evlog.diff` on a log of each, in words.

The log of a group is that of the machine whose name comes first among those whose log could be read to its end; groups
whose machines have the same log are compared once. Order counts, and events that are missing are told of.
"""

from __future__ import annotations

from evlog.tables.answer import Answer, made
from evlog.tables.asked import VALUES, left_out, values
from evlog.tables.rebuilt import rebuilt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from evlog.comparing.diff import Difference, RegisterDifference
    from evlog.model import Log
    from evlog.tables.asked import Asked
    from evlog.tables.reader import Reader

__all__ = ["outliers"]

# Comparisons that are kept for the registers that follow.
_KEPT = 1 << 12
# Events that are in memory at once, but for those of one log.
_EVENTS = 1 << 14

_GROUPS = f"""
WITH {VALUES}
SELECT register, bank, value, count(*) AS machines, arg_min(machine, (failed, machine)) AS example,
       arg_min(log, (failed, machine)) AS log, arg_min(size, (failed, machine)) AS size, bool_and(failed) AS failed
FROM last GROUP BY register, bank, value
QUALIFY count(*) OVER (PARTITION BY register) > 1
ORDER BY register, machines DESC, value"""

_COLUMNS = (
    ("machines", "int64"),
    ("register", "string"),
    ("bank", "string"),
    ("value", "binary"),
    ("example", "string"),
    ("change", "string"),
    ("a", "int64"),
    ("b", "int64"),
    ("words", "string"),
    ("against", "string"),
)


def outliers(reader: Reader, asked: Asked) -> Answer:
    """A row for each event by which a group differs; ``a`` and ``b`` are its numbers in the log of the largest group,
    which is that of the machine ``against``, and of the example. A group that differs in no event has a row that says
    so.
    """
    return made(_COLUMNS, _rows(reader, asked)).noted(left_out(reader, asked))


def _rows(reader: Reader, asked: Asked) -> Iterator[tuple[Any, ...]]:
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for register, *group in reader.rows(_GROUPS, values(reader, asked)):
        groups.setdefault(register, []).append(tuple(group))
    known = _Differences(reader)
    for register in sorted(groups, key=_in_order):
        (*_, against, largest, _, _), *others = groups[register]
        known.logs(largest, [(log, size) for *_, log, size, _ in others[: asked.groups]])
        for bank, value, machines, example, log, _, failed in others[: asked.groups]:
            head = machines, register, bank, value, example
            difference = known.of(largest, log, register)
            if failed:
                yield (*head, "damaged", None, None, "the log could not be read to its end", against)
            if difference is None or not difference.changes:
                if not failed:
                    yield (*head, "none", None, None, "the events that the lake has of it are the same", against)
                continue
            for change in difference.changes:
                yield (*head, change.kind, change.a, change.b, change.words, against)
        more = others[asked.groups :]
        if more:
            words = f"{len(more)} smaller groups are not told of: --groups"
            yield (sum(group[2] for group in more), register, None, None, None, "more", None, None, words, against)


class _Differences:
    """What two logs differ in, register by register; compared once, and the last ones kept."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[bytes, bytes], Difference] = {}
        self._logs: dict[bytes, Log] = {}
        #: Logs that will be asked for, with how many events they have, the next one last.
        self._coming: list[tuple[bytes, int]] = []

    def logs(self, largest: bytes, others: list[tuple[bytes, int]]) -> None:
        """These will be compared, in this order."""
        self._logs = {log: found for log, found in self._logs.items() if log == largest}
        self._coming = [each for each in others[::-1] if (largest, each[0]) not in self._known]

    def of(self, a: bytes, b: bytes, register: str) -> RegisterDifference | None:
        from evlog.comparing.diff import diff

        found = self._known.get((a, b))
        if found is None:
            if len(self._known) == _KEPT:
                self._known.clear()
            if a not in self._logs or b not in self._logs:
                self._load(a, b)
            found = self._known[a, b] = diff(self._logs[a], self._logs[b])
        return next((each for each in found.registers if str(each.register) == register), None)

    def _load(self, a: bytes, b: bytes) -> None:
        """Read the logs, and of those that are coming as many as may be in memory."""
        wanted, events = dict.fromkeys((a, b)), 0
        while self._coming and events < _EVENTS:
            log, size = self._coming.pop()
            wanted[log] = None
            events += size or 0
        kept = {a: self._logs[a]} if a in self._logs else {}
        self._logs = kept | rebuilt(self._reader, [log for log in wanted if log not in kept])


def _in_order(register: str) -> Any:
    from evlog.registers import Register

    return Register.parse(register).sort_key
