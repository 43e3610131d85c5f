"""The events of two logs that are compared, register by register, made as far as somebody looks."""

from __future__ import annotations

from array import array
from itertools import compress, repeat
from operator import eq

from evlog._record import Sequence
from evlog.columns import NOT_EXTENDED, rows_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import Any, Literal

    from evlog.comparing.record_keys import RecordKeys
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["Facts", "Rows", "Side"]

_FEW = 16  # registers that are looked for one by one


class Rows:
    """The rows of a log by register: ``rows`` has those in a window. All beside it are as in the other log.

    ``keys`` tell the events of most rows from one another, where records do; ``kept`` has each event made once.
    """

    def __init__(self, log: Log, window: range, keys: RecordKeys | None, *, kept: bool) -> None:
        self.log, self.window, self.keys = log, window, keys
        self.events: Sequence[Event] = tuple(log.events) if kept else log.events
        self._known: dict[int, Register] = {}
        self.rows = self._by_register(window)
        self._whole: dict[Register, Sequence[int]] | None = None

    def side(self, register: Register) -> Side:
        """The events of a register in the window."""
        return Side(self, register, self.rows.get(register, ()))

    def whole(self, register: Register) -> Side:
        """The same with those after the window."""
        if self._whole is None:
            self._whole = self._by_register(range(self.window.start, len(self.events)))
        return Side(self, register, self._whole.get(register, ()), whole=True)

    def beside(self) -> set[Register]:
        """The registers of the events that are not in the window."""
        columns = self.log.columns
        found: set[Register] = set()
        for rows in (range(self.window.start), range(self.window.stop, len(self.events))):
            if columns is None:
                found.update(map(self._name, rows))
                continue
            indices = columns.registers[rows.start : rows.stop]
            found.update(map(columns.register, set(indices) - {NOT_EXTENDED}))
            found.update(self._name(rows[at]) for at in rows_of(indices, NOT_EXTENDED))
        return found

    def after(self, register: Register) -> Iterator[int]:
        """The rows of a register after the window."""
        columns = self.log.columns
        for row in range(self.window.stop, len(self.events)):
            index = NOT_EXTENDED if columns is None else columns.registers[row]
            named = self._name(row) if columns is None or index == NOT_EXTENDED else columns.register(index)
            if named == register:
                yield row

    def _by_register(self, window: range) -> dict[Register, Sequence[int]]:
        columns, there = self.log.columns, self.log.registers
        if len(there) == 1:
            return dict.fromkeys(there, window)
        rows: dict[Register, array[int]] = {}
        if columns is None:
            for row in window:
                rows.setdefault(self._name(row), array("I")).append(row)
            return dict(rows)
        indices = columns.registers[window.start : window.stop]
        extended = set(indices) - {NOT_EXTENDED}
        if len(extended) <= _FEW:
            for index in extended:
                rows[columns.register(index)] = array("I", compress(window, map(eq, indices, repeat(index))))
        else:
            add = {index: rows.setdefault(columns.register(index), array("I")).append for index in extended}
            for row, index in zip(window, indices, strict=True):
                if index != NOT_EXTENDED:
                    add[index](row)
        others: dict[Register, list[int]] = {}
        for at in rows_of(indices, NOT_EXTENDED):
            others.setdefault(self._name(window[at]), []).append(window[at])
        for register, some in others.items():
            rows[register] = array("I", sorted((*rows.get(register, ()), *some)))
        return dict(rows)

    def _name(self, row: int) -> Register:
        """The register that a row's event is on; of those that are alike one is made."""
        twin = self.log.twins[row]
        register = self._known.get(twin) or self.events[row].register
        if twin != row:
            self._known[twin] = register
        return register


class Side:
    """One register's events in a log."""

    def __init__(self, of: Rows, register: Register, rows: Sequence[int], *, whole: bool = False) -> None:
        self._of, self._register, self.rows, self._whole = of, register, rows, whole

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Event:
        return self._of.events[self.rows[index]]

    def event(self, row: int) -> Event:
        """The event of a row of the log."""
        return self._of.events[row]

    def after(self) -> Iterator[int]:
        """The rows of the register after those that are compared."""
        return iter(()) if self._whole else self._of.after(self._register)

    def facts(self, tell: Callable[[Event], Hashable], key: Literal["of", "extended"]) -> Facts:
        """Something of each event, told when asked for: by the event, or by a key of its row where it has one."""
        keys = self._of.keys
        twins = range(len(self._of.events)) if keys is not None else self._of.log.twins
        return Facts(self, tell, twins, None if keys is None else getattr(keys, key))


class Facts(Sequence):  # type: ignore[type-arg]
    """See `Side.facts`. Of events that are alike one is asked."""

    def __init__(
        self,
        side: Side,
        tell: Callable[[Event], Hashable],
        twins: Sequence[int],
        key: Callable[[int], bytes | None] | None,
    ) -> None:
        self._side, self._tell, self._twins, self._key = side, tell, twins, key
        self._known: dict[int, Hashable] = {}

    def __len__(self) -> int:
        return len(self._side)

    def __getitem__(self, index: int | slice) -> Any:
        rows = self._side.rows[index]
        return self.of(rows) if isinstance(rows, int) else list(map(self.of, rows))

    def of(self, row: int) -> Hashable:
        """The same of a row of the log."""
        if self._key is not None:
            key = self._key(row)
            if key is not None:
                return key
        twin = self._twins[row]
        if twin in self._known:
            return self._known[twin]
        found = self._tell(self._side.event(row))
        if twin != row:
            self._known[twin] = found
        return found
