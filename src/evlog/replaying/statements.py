"""Statements: what a textual log says of its register itself, held against what the events before add up to.

Spec: kernel RFC "tsm: Unified Measurement Register ABI", patch 2/3. INIT and SYNC state the register's value before
they are extended themselves; a ``.EXTEND`` comment tells of a digest that was extended outside the log, and a SYNC
follows it. So at each statement the log either goes on where it stood (``continuous``), or the comments lead there
(``explained_gap``), or something is missing (``gap``), or nothing was known before (``unanchored``).
A log may also state nothing: it is `silent <Statement.silent>` then, and goes on from what is known.

A statement is inside the chain of hashes. If the register's final value is confirmed, then so is the value that the
last statement gives, and every event after it; what produced that value is proven only as far as the log leads to it.
Where nothing is stated there is nothing to believe: all events are proven from wherever the register stood before.

Departures: a ``.EXTEND`` that records follow without a SYNC between is taken not to have happened, because the RFC's
kernel would have written one; where the value before such comments is the one stated, the log is continuous.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record, itemgetter
from evlog.algorithms import HashAlg
from evlog.contents.text import TextLine
from evlog.errors import UsageError
from evlog.model import Event, Finding
from evlog.registers import Register
from evlog.replaying.rows import fold_rows
from evlog.replaying.start import reset_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping

    from evlog.columns import Columns
    from evlog.model import Log
    from evlog.replaying.ledger import Bank, Ledger

    Key = tuple[Register, HashAlg]

__all__ = ["VERDICTS", "Anchor", "Statement", "Statements", "has_lines"]

#: From firm to loose.
VERDICTS = ("continuous", "explained_gap", "unanchored", "gap")


# Registers that are looked for one by one.
_FEW = 16


def has_lines(log: Log) -> bool:
    """Whether some event is a text line. Logs in columns are of one kind, and only the textual ones state anything."""
    if log.columns is not None:
        return log.columns.statements is not None
    return any(event.content.kind == "text" for event in log.events)


class Statement(Record):
    """A place where a textual log takes a register over: from another log, from reset, or from itself.

    ``from_`` and ``to`` name logs (``from_`` is None at reset), ``place`` is the index of the log and the number of
    the event that states the value, or that starts a log which states none: a ``silent`` one. ``value`` is what it
    states, ``running`` what the events before add up to (the same of a silent log), ``explained`` the numbers of the
    ``.EXTEND`` events that lead from one to the other and ``digests`` those that comments at the end of a log give:
    they are such a place too, though nothing confirms them. ``verdict`` is one of `VERDICTS`.
    """

    register: Register
    alg: HashAlg
    from_: str | None
    to: str
    verdict: str
    value: bytes
    running: bytes
    place: tuple[int, int]
    explained: tuple[int, ...] = ()
    digests: tuple[bytes, ...] = ()
    silent: bool = False

    @property
    def between_logs(self) -> bool:
        """Whether the register comes from elsewhere than the log itself."""
        return self.from_ != self.to

    @property
    def breaks(self) -> bool:
        """Whether the log states a value that nothing leads to: no event before is proven by what comes after."""
        return self.verdict in ("gap", "unanchored") and not self.silent

    @property
    def told(self) -> tuple[bytes, ...]:
        """The old name of ``digests``."""
        return self.digests


#: The old name.
Anchor = Statement


class _Comments:
    """What ``.EXTEND`` comments tell of one register: digests since its last event, and those that events follow."""

    __slots__ = ("fresh", "stale")

    def __init__(self) -> None:
        self.fresh: list[tuple[int, bytes]] = []
        self.stale: list[tuple[int, bytes]] = []


class _Tail(Record):
    """Comments at the end of a log that were heeded: the register's value before and after them, and their numbers.

    ``standing`` is what was thought of the register before, ``at`` where their statement is among all.
    """

    before: bytes
    after: bytes
    numbers: tuple[int, ...]
    standing: tuple[str, tuple[int, int]] | None
    at: int


class Statements:
    """What was stated of registers, noted beside a replay."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._made: list[Statement] = []
        #: Which of them turned out not to be: comments that the next log contradicts.
        self._withdrawn: set[int] = set()
        self.findings: list[Finding] = []
        self._comments: dict[Key, _Comments] = {}
        self._tails: dict[Key, _Tail] = {}
        #: The last textual log to extend a register, by index.
        self._owners: dict[Key, int] = {}
        self._standing: dict[Key, tuple[str, tuple[int, int]]] = {}

    @property
    def handovers(self) -> tuple[Statement, ...]:
        """All that was stated, in order."""
        return tuple(made for at, made in enumerate(self._made) if at not in self._withdrawn)

    def concerns(self, event: Event, alg: HashAlg) -> bool:
        """Whether a line bears on a bank: it extends it, or tells of a digest of the bank's size."""
        content = event.content
        if event.measured:
            return event.digest(alg) is not None
        return isinstance(content, TextLine) and content.extended is not None and len(content.extended) == alg.size

    def heed(self, event: Event, alg: HashAlg, running: bytes, log: Log) -> bytes:
        """The register's value before a line is extended; ``running`` is what the events so far add up to."""
        content, key = event.content, (event.register, alg)
        assert isinstance(content, TextLine)
        if content.extended is not None:
            self._comments.setdefault(key, _Comments()).fresh.append((event.number, content.extended))
            return running
        stated = _stated(content, alg)
        if stated is not None:
            running = self._state(key, event, stated, running, log)
        else:
            self._first(key, event.number, running, log)
        self._own(key)
        return running

    def fold(
        self,
        columns: Columns,
        folding: dict[HashAlg, dict[int, bytes]],
        log: Log,
        implied: dict[Register, tuple[int, str]],
    ) -> None:
        """Extend ``folding`` by a textual log's rows, and heed what it states on the way."""
        bank_of = {index: alg for alg, values in folding.items() for index in values}
        index_of = {register: index for index, register in enumerate(columns.names or ())}
        position = 0
        for row in (*(columns.statements or ()), len(columns)):
            self._fold_run(columns, folding, bank_of, position, row, log)
            position = row
            if row == len(columns):
                break
            event = log.events[row]
            index = index_of.get(event.register)
            if index is None or not event.register.replayable:
                continue
            for alg, values in folding.items():
                if columns.has_bank(index, alg) and self.concerns(event, alg):
                    if index not in values:
                        values[index] = self.ledger.enter(event.register, alg, log, implied).value
                        bank_of[index] = alg
                    values[index] = self.heed(event, alg, values[index], log)

    def _fold_run(
        self,
        columns: Columns,
        folding: dict[HashAlg, dict[int, bytes]],
        bank_of: dict[int, HashAlg],
        start: int,
        stop: int,
        log: Log,
    ) -> None:
        """Extend ``folding`` by the rows between two statements, the first of them included."""
        for index, row in _first_rows(columns.registers[start:stop], bank_of):
            key = columns.register(index), bank_of[index]
            if not self._here(key):
                self._first(key, start + row, folding[key[1]][index], log)
                self._own(key)
            elif key in self._comments:
                self._pass(key)
        for alg, values in folding.items():
            fold_rows(columns, alg, (), values, start, stop)

    def _here(self, key: Key) -> bool:
        """Whether the log at hand has extended the register before."""
        return self._owners.get(key) == self.ledger.logs

    def _own(self, key: Key) -> None:
        self._owners[key] = self.ledger.logs
        self._pass(key)

    def _pass(self, key: Key) -> None:
        """The register moves on by an event: comments before it did not happen, unless a SYNC knows better."""
        comments = self._comments.get(key)
        if comments is not None:
            comments.stale += comments.fresh
            comments.fresh.clear()

    def _untouched(self, key: Key) -> bool:
        """Whether nothing has extended the register, nor has anybody said where it starts."""
        bank = self._bank(key)
        return not bank.events and key not in self._owners and bank.reason in ("zeros", "ones")

    def _bank(self, key: Key) -> Bank:
        return self.ledger.bank(*key)

    def _state(self, key: Key, event: Event, stated: bytes, running: bytes, log: Log) -> bytes:
        comments = self._comments.pop(key, None) or _Comments()
        fold = hashing.backend().fold
        untouched = self._untouched(key)
        explained: tuple[int, ...] = ()
        tail = self._tails.pop(key, None)
        if stated == running:
            verdict, explained = ("explained_gap", tail.numbers) if tail is not None else ("continuous", ())
        elif tail is not None and (running, stated) == (tail.after, tail.before):
            self._withdraw(key, tail)
            running, verdict = stated, "continuous"
        else:
            verdict = "unanchored" if untouched else "gap"
            for leading in (comments.fresh, comments.stale + comments.fresh):
                if leading and fold(key[1], running, (digest for _, digest in leading)) == stated:
                    verdict, explained = "explained_gap", tuple(number for number, _ in leading)
                    break
        if untouched and verdict in ("continuous", "unanchored"):
            content = event.content
            reason = "init" if isinstance(content, TextLine) and content.role == "init" else "log"
            bank = self._bank(key)
            bank.start, bank.reason = stated, reason
        self._note(key, event.number, verdict, stated, running, log, explained)
        return stated

    def _first(self, key: Key, number: int, running: bytes, log: Log) -> None:
        """A record in a log whose lines have stated nothing of the register."""
        if not self._here(key):
            bank = self._bank(key)
            # A start value that the log states elsewhere is a statement too, but for the platform's own.
            started = not bank.events and bank.reason == "log" and running != reset_value(*key)
            self._note(key, number, "unanchored", running, running, log, silent=not started)

    def _note(
        self,
        key: Key,
        number: int,
        verdict: str,
        value: bytes,
        running: bytes,
        log: Log,
        explained: tuple[int, ...] = (),
        *,
        silent: bool = False,
    ) -> None:
        register, alg = key
        place = self.ledger.logs, number
        bank = self._bank(key)
        from_ = log.name if self._here(key) or bank.events > bank.counted else bank.owner
        made = Statement(register, alg, from_, log.name, verdict, value, running, place, explained, (), silent)
        self._record(made)
        message = _message(made)
        if message is not None:
            severity = "warning" if verdict == "gap" else "note"
            self.findings.append(Finding(verdict, severity, f"line {number + 1}: {message}", number))

    def _record(self, made: Statement) -> None:
        self._made.append(made)
        if made.silent:
            return
        key = made.register, made.alg
        worst, proven = self._standing.get(key, ("continuous", (0, 0)))
        self._standing[key] = max(worst, made.verdict, key=VERDICTS.index), made.place if made.breaks else proven

    def close(self, name: str) -> None:
        """The end of a log: comments that nothing follows are heeded, for nothing contradicts them."""
        for key, comments in self._comments.items():
            register, alg = key
            if comments.stale:
                numbers = ", ".join(str(number + 1) for number, _ in comments.stale[:8])
                message = f"{register}: .EXTEND in line {numbers} is followed by events without a SYNC: not heeded"
                self.findings.append(Finding("extend_not_heeded", "warning", message, comments.stale[0][0]))
            if comments.fresh:
                bank = self._bank(key)
                before = bank.value
                bank.value = value = hashing.backend().fold(alg, before, (digest for _, digest in comments.fresh))
                bank.events += len(comments.fresh)
                explained = tuple(number for number, _ in comments.fresh)
                self._tails[key] = _Tail(before, value, explained, self._standing.get(key), len(self._made))
                count = f"{len(explained)} digest{'s' * (len(explained) != 1)}"
                message = f"{register}: {count} from .EXTEND comments at the end, which nothing confirms"
                self.findings.append(Finding("extend_at_end", "note", message, explained[0]))
                place = self.ledger.logs, explained[0]
                digests = tuple(digest for _, digest in comments.fresh)
                self._record(
                    Statement(register, alg, name, name, "explained_gap", value, before, place, explained, digests)
                )
        self._comments.clear()

    def _withdraw(self, key: Key, tail: _Tail) -> None:
        """A log states the value from before the comments that ended another: those extensions did not happen."""
        bank, made = self._bank(key), self._made[tail.at]
        bank.events -= len(tail.numbers)
        bank.counted -= len(tail.numbers)
        self._withdrawn.add(tail.at)
        if tail.standing is None:
            del self._standing[key]
        else:
            self._standing[key] = tail.standing
        lines = ", ".join(str(number + 1) for number in tail.numbers[:8])
        message = (
            f"{key[0]}: .EXTEND in line {lines} of {made.to or 'a log'} is not in the value that the next log states"
        )
        self.findings.append(Finding("extend_not_heeded", "warning", f"{message}: not heeded", tail.numbers[0]))

    def standing(self, register: Register, alg: HashAlg) -> tuple[str | None, tuple[int, int]]:
        """The worst verdict on a register, None if nothing was stated; and the place from which events are proven."""
        return self._standing.get((register, alg), (None, (0, 0)))


def _first_rows(registers: array[int], known: Mapping[int, object]) -> list[tuple[int, int]]:
    """The registers of some rows that are known, each with its first row, in that order."""
    if len(known) <= _FEW:
        return sorted([(index, registers.index(index)) for index in known if index in registers], key=itemgetter(1))
    # A hostile log has a register for each line.
    first = dict(zip(reversed(registers), range(len(registers) - 1, -1, -1), strict=True))
    return sorted([(index, row) for index, row in first.items() if index in known], key=itemgetter(1))


def _stated(content: TextLine, alg: HashAlg) -> bytes | None:
    """The value that a line states, as the register holds it; None for an ordinary record."""
    stated = content.stated
    if stated is None:
        return None
    name, value = stated
    try:
        named = HashAlg.named(name)
    except UsageError:
        return value
    # A value in the length of the lines' hash stands in the register as its digests do.
    return hashing.pad_or_cut(value, alg.size) if named != alg and len(value) == named.size else value


def _message(made: Statement) -> str | None:
    register, value = made.register, _short(made.value)
    if made.silent:
        return f"{register} is extended before INIT or SYNC says where it stands; it is taken to be {value}"
    if made.verdict == "gap":
        return f"{register} is stated to be {value}, the events before lead to {_short(made.running)}"
    if made.verdict == "explained_gap":
        count = len(made.explained)
        return f"{register} was extended outside the log; {count} .EXTEND comments lead to the value stated"
    if made.verdict == "unanchored":
        return f"{register} starts at {value}, as the log states; nothing before leads there"
    return None


def _short(value: bytes) -> str:
    return f"{value.hex()[:16]}..." if len(value) > 8 else value.hex()
