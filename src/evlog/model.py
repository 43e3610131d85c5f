"""The nouns: one in-memory model for every log format.

No input or output and no format names in here. All values are frozen; sequences are tuples, or lazy sequences
that behave as tuples do.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.columns import NOT_EXTENDED, Lazy, rows_of
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from typing import Any, ClassVar

    from evlog.columns import Columns, Packed
    from evlog.contents._celtype import CelType
    from evlog.options import Options

__all__ = [
    "Content",
    "Digest",
    "Event",
    "Finding",
    "Header",
    "LazyEvents",
    "Log",
    "Loss",
    "Origin",
    "Padding",
    "Span",
    "banks_of",
]


class Digest(Record):
    """A digest under one algorithm. The length of ``value`` is not checked: a log may record any."""

    alg: HashAlg
    value: bytes

    def __str__(self) -> str:
        return f"{self.alg}:{self.value.hex()}"


class Span(Record):
    """A run of bytes in a file: offset from its start, and length."""

    offset: int
    length: int


class Origin(Record):
    """Where an event was read: the log's name, its format, and the bytes of the record."""

    log: str
    format: str
    span: Span


class Content(Record):
    """What a record carries. Each kind is one file in `evlog.contents`."""

    kind: ClassVar[str] = "content"
    #: How an event of this kind may extend a bank that it has no digest for: names of rules, in the order to try.
    rules: ClassVar[tuple[str, ...]] = ()
    #: What the digests of such events are of, in words, where nobody but who changed it makes another digest.
    named_by_digest: ClassVar[str] = ""
    #: Whether an event of this kind is logged before its register is extended, so that a log may run ahead of it.
    logged_first: ClassVar[bool] = False
    #: Whether `candidates` are the same in every bank.
    alike_in_banks: ClassVar[bool] = False
    #: Register spaces that such an event may name without extending them as registers are extended.
    only_named: ClassVar[tuple[str, ...]] = ()
    #: Fields in which a reader says what the record does not tell it: no part of what the record says.
    remarks: ClassVar[tuple[str, ...]] = ()

    @property
    def measured(self) -> bool:
        """Whether such events extend their register, as far as the content alone tells."""
        return True

    def extends(self, event: Event) -> bool:
        """Whether the event that carries this content extends its register."""
        return self.measured

    def mark(self, event: Event) -> str:
        """What the event's digests say of it besides, in a word: ``violation``; mostly nothing."""
        return ""

    @property
    def statement(self) -> bool:
        """Whether the event states a value of its register, or an extension that no event stands for."""
        return False

    @property
    def anchor(self) -> bool:
        """The old name of ``statement``."""
        return self.statement

    @property
    def plural(self) -> str:
        """What a format "has no ..." of, if it cannot hold such a record: for the reasons of losses."""
        return f"{self.kind} records"

    def pcclient(self, options: Options) -> Content | None:
        """The PC Client event that carries this content under the same digest, or None if there is none."""
        return None

    @property
    def left_behind(self) -> tuple[str, ...]:
        """Fields that say something and that the PC Client event which carries this content has no place for."""
        return ()

    def text_line(self, event: Event, options: Options) -> bytes | None:
        """The line of a textual log that carries this content, or None if there is none."""
        return None

    def extension(self, alg: HashAlg, recorded: bytes | None) -> bytes | None:
        """What the event extends into a bank of its register: the recorded digest, unless the kind says otherwise."""
        return recorded

    def unrecorded(self, event: Event, alg: HashAlg, rule: str) -> bytes | None:
        """What the event extends into a bank that it has no digest for, if ``rule`` holds; ``b""`` if nothing.

        None for a rule that is not among `rules`, or where it cannot be said.
        """
        return None

    def candidates(self, event: Event, alg: HashAlg) -> Iterable[tuple[str, bytes | None] | tuple[str, bytes, HashAlg]]:
        """What the event's digest may be the hash of: (rule, bytes) in the order to try.

        A third item names the hash if it is not the bank's own: such digests are padded with zeros, or cut.
        None at all means that the digest covers something that is not in the log; a rule without bytes, that it may.
        If there are others only and none fits, the digest is wrong.
        """
        return ()

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        """The content types of a Canonical Event Log that hold this kind: the first is written, others only read."""
        return ()

    def to_cel(self) -> Any:
        """The value of the first of `cel_types`, as its shape says (`evlog.contents._celtype`)."""
        raise NotImplementedError

    @classmethod
    def from_cel(cls, number: int, value: Any) -> Content:
        """The inverse of `to_cel`, for any of `cel_types`. Raises ValueError for a value that cannot be."""
        raise NotImplementedError

    @property
    def decoded(self) -> Record | None:
        """What the bytes of the content say, where the kind alone tells how to read them."""
        return None

    @property
    def summary(self) -> str:
        """What matters to a person, on one line; any character may be in it."""
        return ", ".join(f"{name} {value}" for name, value in self.to_json().items())

    def to_json(self) -> dict[str, Any]:
        """The members of ``content`` in the command's JSON, without ``kind``. Bytes are lower-case hex."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Content:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for members that cannot be."""
        raise NotImplementedError


class Event(Record):
    """One record of a log: a register, its digests in recorded order, and what it carries.

    ``number`` counts from 0 within the log. ``recnum`` is the record number of formats that have one.
    ``origin`` and ``wire`` are not compared. ``wire`` is how the format spelled the record where several spellings
    are legal (integer widths, line endings), kept by the room for its own writer; every other room ignores it.

    Nothing but the digests is covered by the register's value. Content is, as far as a digest is the hash of it
    (see `evlog.check`); ``register`` and an event type are not.
    """

    number: int
    register: Register
    digests: tuple[Digest, ...]
    content: Content
    recnum: int | None = None
    origin: Origin | None = None
    wire: str | int | bytes | None = None

    _uncompared = ("origin", "wire")

    @property
    def measured(self) -> bool:
        """Whether the event extends its register."""
        return self.content.extends(self)

    @property
    def replayable(self) -> bool:
        """Whether replay follows the event: it is measured, into a register that such events extend."""
        return self.measured and self.register.replayable and self.register.space not in self.content.only_named

    def extension(self, alg: HashAlg, rules: tuple[str, ...] = ()) -> bytes | None:
        """What the event extends into a bank: as recorded, or by the first rule that applies; ``b""`` if nothing.

        None if that cannot be said.
        """
        extended = self.content.extension(alg, self.digest(alg))
        if extended is None:
            said = (self.content.unrecorded(self, alg, rule) for rule in rules)
            extended = next((each for each in said if each is not None), None)
            if extended == b"":
                return extended
        # Nobody can extend a register by a digest of another size, nor by an empty one.
        return extended if extended is not None and len(extended) == alg.size else None

    def digest(self, alg: HashAlg) -> bytes | None:
        """The first digest recorded under this algorithm, or None."""
        for digest in self.digests:
            if digest.alg.id == alg.id:
                return digest.value
        return None


class LazyEvents(Lazy):
    """Events that are made from columns.

    ``columns`` is None if they do not tell all that replay needs: then events have to be made for it.
    ``reading`` is for rooms that read records of the same bytes and layout as the same event, wherever they stand: it
    is what else tells their events, so that logs of equal readings can be compared by their bytes.
    ``packed`` gives the columns of a log of PC Client events with the places of all that these say; None for others.
    """

    __slots__ = ("_make", "_packed", "_twins", "columns", "reading")

    def __init__(
        self,
        columns: Columns,
        make: Callable[[int], Event],
        *,
        foldable: bool = True,
        reading: Hashable | None = None,
        packed: Callable[[], Packed | None] | None = None,
    ) -> None:
        super().__init__(len(columns))
        self._packed = packed
        self.columns: Columns | None = columns if foldable else None
        self.reading = reading if foldable else None
        self._twins: Sequence[int] | None = None
        self._make = make

    @property
    def twins(self) -> Sequence[int]:
        if self._twins is None:
            alike = self.reading is not None and self.columns is not None
            self._twins = self.columns.twins if alike else super().twins  # type: ignore[union-attr]
        return self._twins

    @property
    def packed(self) -> Packed | None:
        """See above."""
        return self._packed() if self._packed is not None and self.columns is not None else None

    def renamed(self, columns: Columns, name: Callable[[Register], Register]) -> LazyEvents:
        """The same events on registers of other names, with the columns that say so."""

        def make(row: int) -> Event:
            event: Event = self[row]
            return event.replace(register=name(event.register))

        return LazyEvents(columns, make, reading=self.reading)

    def __repr__(self) -> str:
        return f"<{len(self)} events>"


class Finding(Record):
    """Something noticed while reading or checking.

    ``code`` is stable (docs/findings.md lists them), ``severity`` one of error, warning, note; ``event`` is an event
    number, ``offset`` a byte offset in the file. An error means that part of the input could not be read as a log.
    """

    code: str
    severity: str
    message: str
    event: int | None = None
    offset: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A finding as all of the command's JSON has it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "event": self.event,
            "offset": self.offset,
            "message": self.message,
        }


class Loss(Record):
    """Something that a conversion could not carry. ``event`` is None for what belongs to the log as a whole."""

    event: int | None
    field: str
    reason: str


class Padding(Record):
    """A run of one byte after the last record, as firmware leaves it in a log area."""

    fill: int
    length: int


class Header(Record):
    """Choices of a container that its events do not show, such as the byte order: options by name, in order."""

    format: str
    options: tuple[tuple[str, str | int | bytes], ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """The option of this name, or the default."""
        return dict(self.options).get(name, default)


class Log(Record):
    """A log: its events and what the container holds besides.

    ``events`` may be lazy: indexing makes an event, ``len`` makes none.
    ``algorithms`` are the banks in the order of the log's header, or of first use.
    ``padding`` and then ``trailing`` follow the last record; ``trailing`` is whatever could not be read.
    ``start`` holds register values that stand before the first event, where the log itself states them.
    ``findings`` and ``name`` are not compared.
    """

    format: str
    events: Sequence[Event]
    header: Header | None = None
    algorithms: tuple[HashAlg, ...] = ()
    padding: Padding | None = None
    trailing: bytes = b""
    start: Registers | None = None
    findings: tuple[Finding, ...] = ()
    platform: str | None = None
    name: str = ""

    _uncompared = ("findings", "name")

    if TYPE_CHECKING:  # by courtesy of rooms above (`evlog._COURTESIES`)

        def to_json(self) -> dict[str, Any]:
            """The log as ``evlog.log/1`` (`evlog.formats.evlog_json`)"""

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            """The events as Arrow, rows of ``events`` in `evlog.tables.schema`; a fresh stream at each call."""

        def __arrow_c_schema__(self) -> object: ...

        def _repr_html_(self) -> str: ...

    @property
    def columns(self) -> Columns | None:
        """The log's framing as columns over its bytes, where the reader made them; None for a log of plain events."""
        return self.events.columns if isinstance(self.events, LazyEvents) else None

    @property
    def packed(self) -> Packed | None:
        """The columns of PC Client events with the places of all that these say, where the reader told; else None."""
        return self.events.packed if isinstance(self.events, LazyEvents) else None

    @property
    def twins(self) -> Sequence[int]:
        """For each event the place of one that is the same but for its number and where it was read.

        It is the event's own if no other is known to be; so one needs to be looked at for many.
        """
        return self.events.twins if isinstance(self.events, Lazy) else range(len(self.events))

    def distinct(self) -> Iterator[Event]:
        """The events, of those that are known to be the same one."""
        return (self.events[row] for row, twin in enumerate(self.twins) if twin == row)

    @property
    def extended(self) -> set[Register]:
        """The registers that the log extends."""
        if self.columns is not None:
            return self.columns.extended
        return {event.register for event in self.events if event.measured}

    @property
    def registers(self) -> set[Register]:
        """The registers that events are on, whether they extend them or not."""
        columns = self.columns
        if columns is None:
            return {event.register for event in self.events}
        if columns.named is not None:
            return columns.named
        return columns.extended | {self.events[row].register for row in rows_of(columns.registers, NOT_EXTENDED)}

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that events of the log offer for banks without digests (see `Content.rules`), in order to try."""
        if self.columns is not None:
            return self.columns.rules
        kinds = dict.fromkeys(type(event.content) for event in self.events)
        return tuple(dict.fromkeys(rule for kind in kinds for rule in kind.rules))

    @property
    def tail(self) -> bytes:
        """The bytes after the last record: the padding, then what could not be read."""
        padding = self.padding
        return (bytes([padding.fill]) * padding.length if padding else b"") + self.trailing

    @property
    def failed(self) -> bool:
        """Whether part of the input could not be read: some finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)


def banks_of(algorithms: Iterable[HashAlg]) -> tuple[HashAlg, ...]:
    """The banks that algorithms of digests make, in the order of first mention.

    An algorithm with digests of another size than its own is a bank only if there are no true ones.
    """
    banks: dict[int, HashAlg] = {}
    for alg in algorithms:
        known = banks.get(alg.id)
        # Readers make one object of an algorithm, so that it need not be compared.
        if known is not alg and (known is None or alg == HashAlg.of(alg.id)):
            banks[alg.id] = alg
    return tuple(banks.values())
