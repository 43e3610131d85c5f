"""The checks of PC Client events in columns: as `evlog.checking.digest_check` makes them, with no event made.

What a digest may be the hash of is told by an event's type, register and data, and is the same in every bank: so a
bank is asked at once for what all rows try first, then for what those try next that it did not fit.
"""

from __future__ import annotations

from evlog import hashing
from evlog.checking.digest_check import check_events, shared
from evlog.columns import NOT_EXTENDED
from evlog.contents._pcclient_rules import candidates
from evlog.contents.event_types import EV_NO_ACTION, LAUNCH_MARKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg
    from evlog.checking.digest_check import DigestCheck
    from evlog.columns import Columns, Layout
    from evlog.model import Event
    from evlog.registers import Register

    Checked = tuple[DigestCheck, ...]

__all__ = ["check_rows"]


def check_rows(columns: Columns, types: Sequence[int], rows: Sequence[int], events: Sequence[Event]) -> list[Checked]:
    """The checks of some rows of columns of PC Client events, as `check_events` has them of their events.

    ``types`` are the event types of all rows. Of ``events`` only those are made whose columns do not tell all.
    """
    found: dict[int, Checked] = {}
    told: dict[int, list[int]] = {}
    untold: list[int] = []
    layout_of = columns.layout_of
    single = [_are_single([alg for alg, _ in layout.digests]) for layout in columns.layouts]
    for row in rows:
        layout = 0 if layout_of is None else layout_of[row]
        if types[row] == EV_NO_ACTION:
            found[row] = ()
        elif not single[layout] or types[row] in LAUNCH_MARKERS:
            untold.append(row)
        else:
            told.setdefault(layout, []).append(row)
    if untold:
        found.update(zip(untold, check_events([events[row] for row in untold]), strict=True))
    for layout, those in told.items():
        asked = _Asked(columns, columns.layouts[layout], types, those, events)
        found.update(zip(those, asked.checks(), strict=True))
    return [found[row] for row in rows]


def _are_single(algorithms: Sequence[HashAlg]) -> bool:
    """Whether each digest is the only one of its algorithm: of two the first is what is extended."""
    return len({alg.id for alg in algorithms}) == len(algorithms)


class _Asked:
    """Rows of one layout, and what their digests may be the hash of.

    ``rules`` and ``covered`` stand beside each other for each row, in the order to try, as far as somebody tried;
    ``otherwise`` is what is said of a digest that none fits.
    """

    def __init__(
        self, columns: Columns, layout: Layout, types: Sequence[int], rows: Sequence[int], events: Sequence[Event]
    ) -> None:
        self.layout, self.buffer = layout, columns.buffer
        self.starts = [columns.offsets[row] for row in rows]
        self.rules: list[list[str]] = [[] for _ in rows]
        self.covered: list[list[bytes]] = [[] for _ in rows]
        self.otherwise = ["not_checkable"] * len(rows)
        self._left: list[Iterator[tuple[str, bytes | None]]] = []
        self._external: set[int] = set()
        registers: dict[int, Register] = {}
        body, last = layout.body or 0, len(columns) - 1
        for row, start in zip(rows, self.starts, strict=True):
            index = columns.registers[row]
            register = registers.get(index)
            if register is None:
                register = events[row].register if index == NOT_EXTENDED else columns.register(index)
                if index != NOT_EXTENDED:
                    registers[index] = register
            data = self.buffer[start + body : columns.offsets[row + 1] if row < last else columns.end]
            self._left.append(candidates(types[row], register, data))
        self._asked = self._next(range(len(rows)), 0)
        self._parts = [self.covered[place][0] for place in self._asked]
        self._named = [rules[0] if rules else None for rules in self.rules]

    def checks(self) -> list[Checked]:
        """The checks of each row."""
        computable = hashing.backend().computable
        banks = [(alg, distance, computable(alg)) for alg, distance in self.layout.digests]
        nothing: list[str | None] = [None] * len(self.starts)
        fitting = [self._fitting(alg, distance) if here else nothing for alg, distance, here in banks]
        known: dict[tuple[str | None, ...], Checked] = {}
        found = []
        for key in zip(self.otherwise, *fitting, strict=True):
            checked = known.get(key)
            if checked is None:
                checked = known[key] = tuple(
                    shared(alg, "matches" if rule else key[0] if here else "not_checkable", rule)
                    for (alg, _, here), rule in zip(banks, key[1:], strict=True)
                )
            found.append(checked)
        return found

    def _fitting(self, alg: HashAlg, distance: int) -> list[str | None]:
        """For each row the first rule that its digest in a bank satisfies."""
        digests, size, buffer = hashing.backend().digests, alg.size, self.buffer
        recorded = [buffer[start + distance : start + distance + size] for start in self.starts]
        fitting = self._named.copy()
        asked, parts, turn = self._asked, self._parts, 0
        while asked:
            made = digests(alg, parts)
            missed = [place for place, digest in zip(asked, made, strict=True) if digest != recorded[place]]
            if not missed:
                break
            turn += 1
            for place in missed:
                fitting[place] = None
            asked, parts = self._next(missed, turn), []
            for place in asked:
                fitting[place] = self.rules[place][turn]
                parts.append(self.covered[place][turn])
        return fitting

    def _next(self, places: Sequence[int], turn: int) -> list[int]:
        """Those of some rows for which there is something to try in this turn."""
        found = []
        for place in places:
            rules = self.rules[place]
            if turn == len(rules):
                for rule, part in self._left[place]:
                    if part is not None:
                        rules.append(rule)
                        self.covered[place].append(part)
                        break
                    self._external.add(place)
                else:
                    # None fits: nor need one, if the digest may be of what is not in the log.
                    self.otherwise[place] = "not_checkable" if place in self._external or not rules else "mismatch"
                    continue
            found.append(place)
        return found
