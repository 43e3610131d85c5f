"""Furniture of the room text: what of any log can be lines, and what that costs.

An event is a line if the line's hash is the event's digest. What is none can only be told of: a ``.EXTEND`` comment
holds its digest, which is off the letter of the RFC (there it announces a SYNC) and keeps the register's value.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.columns import Lines
from evlog.contents.pcclient import EV_EVENT_TAG, PCClientEvent, untagged
from evlog.contents.text import TextLine
from evlog.errors import WriteError
from evlog.formats.text.respell import respelled_lines
from evlog.formats.text.style import Style, respelled, style_for, style_of
from evlog.model import Digest, Event, Log, Loss
from evlog.options import NO_OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["adapted", "settled"]


def adapted(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """The log as lines, and the losses."""
    own = Style.read(log.header) if log.format == "text" else None
    if own is not None:
        style = style_of(log, options)
        if style == own:
            return log, ()
        if style.dialect == own.dialect:
            return log.replace(events=_indexed(log, own, style), header=style.header), ()
    elif (kept := _as_they_are(log, options)) is not None:
        return kept, ()
    return _Adaptation(log, options).result()


def _indexed(log: Log, own: Style, style: Style) -> tuple[Event, ...]:
    """The same lines with another index before them."""
    return tuple(
        event.replace(wire=respelled(event.wire, event.register, own.index, style.index))
        if isinstance(event.wire, bytes)
        else event
        for event in log.events
    )


def _as_they_are(log: Log, options: Options) -> Log | None:
    """The log where each of its events is a line of the dialect to be, from its columns; None for any other."""
    columns, events = log.columns, log.events
    if not isinstance(columns, Lines) or not columns.silent or options.index not in (None, "none"):
        return None
    style = Style(_style_before(log, options).dialect)
    made = respelled_lines(columns, events.reading, style.dialect, log.name)  # type: ignore[attr-defined]
    if made is None:
        return None
    bank = _bank(log, options)
    algorithms = (bank,) if bank is not None else log.algorithms
    return Log("text", made, style.header, algorithms, findings=log.findings, platform=log.platform, name=log.name)


class _Adaptation:
    def __init__(self, log: Log, options: Options) -> None:
        self.log, self.options = log, options
        self.bank = _bank(log, options)
        self.dialect = (style_of(log, options) if log.format == "text" else _style_before(log, options)).dialect
        self.losses: list[Loss] = []
        self.events: list[Event] = []
        #: Registers that a ``.EXTEND`` comment has extended: no line but INIT or SYNC may follow it.
        self.told: set[Register] = set()

    def result(self) -> tuple[Log, Sequence[Loss]]:
        for event in self.log.events:
            self._add(event)
        style = style_for(self.events, self.options.replace(dialect=self.dialect.id))
        log = self.log.replace(
            format="text",
            events=tuple(self.events),
            header=style.header,
            algorithms=(self.bank,) if self.bank is not None and self.log.format != "text" else self.log.algorithms,
            padding=None,
            trailing=b"",
            start=None,
        )
        return log, self.losses

    def _add(self, event: Event) -> None:
        content = event.content
        line = content.text_line(event, self.options)
        if event.recnum is not None:
            self.losses.append(Loss(event.number, "recnum", "text has no record numbers"))
        if isinstance(content, TextLine):
            refusal = self.dialect.refusal(content) or self.dialect.impropriety(content)
            if refusal is not None and content.measured:
                raise WriteError(f"line {event.number + 1}: {refusal}", event=event.number)
            if refusal is not None:
                self.losses.append(Loss(event.number, "content", refusal))
                return
            self._keep(event, content)
        elif not event.measured:
            reason = f"text has no place for {_named(event)}, which is not measured"
            self.losses.append(Loss(event.number, "content", reason))
        elif line is not None and self._is_told(event, line):
            self.told.add(event.register)
            self._keep(event, TextLine("extend", line))
        elif line is not None and self._is_line(event, line):
            made = TextLine(self.dialect.role(line), line)
            refusal = self.dialect.refusal(TextLine("record", line)) or self.dialect.impropriety(made)
            if refusal is None and made.statement:
                self.told.discard(event.register)
            if refusal is not None or event.register in self.told:
                self._tell(event, refusal or "a line after .EXTEND comments would come before them")
            else:
                self._keep(event, made)
        else:
            self._tell(event, f"no line has the digest of {_named(event)}")

    def _is_told(self, event: Event, line: bytes) -> bool:
        """Whether the event is a ``.EXTEND`` comment that was carried as an event with the digest it tells of."""
        told = TextLine("extend", line).extended
        return told is not None and self.bank is not None and told == event.digest(self.bank)

    def _is_line(self, event: Event, line: bytes) -> bool:
        """Whether the event's digest in the bank is the hash of the line; of a tag nobody expects that."""
        if isinstance(event.content, PCClientEvent) and event.content.event_type == EV_EVENT_TAG:
            return True
        if self.bank is None or not hashing.backend().computable(self.bank):
            return False
        return event.digest(self.bank) == hashing.digest(self.bank, line)

    def _keep(self, event: Event, content: TextLine) -> None:
        digests = event.digests
        if not content.measured:
            digests = ()
        elif not isinstance(event.content, TextLine) and self.bank is not None:
            digests = (Digest(self.bank, hashing.digest(self.bank, content.line)),)
            for digest in event.digests:
                if digest.alg != self.bank:
                    reason = f"a textual log has one bank, here {self.bank}"
                    self.losses.append(Loss(event.number, f"digests.{digest.alg}", reason))
        # Without what is not compared: this is there to be written, and may be as long as the log.
        self.events.append(Event(event.number, event.register, digests, content))

    def _tell(self, event: Event, reason: str) -> None:
        """A ``.EXTEND`` comment for the event, if that was asked for, or a loss."""
        digest = event.digest(self.bank) if self.bank is not None else None
        extension = event.content.extension(self.bank, digest) if self.bank is not None else None
        if not self.options.digests_only:
            self.losses.append(Loss(event.number, "content", f"{reason} (--digests-only keeps its digest)"))
            return
        if extension is None:
            self.losses.append(Loss(event.number, "digests", f"no {self.bank} digest"))
            return
        self.losses.append(Loss(event.number, "content", f"{reason}: its digest stands in a .EXTEND comment"))
        line = b"# .EXTEND %b %b" % (extension.hex().encode(), _named(event).encode())
        if not self.dialect.comments:
            self.losses.append(Loss(event.number, "digests", f"{self.dialect.id} has no comments"))
            return
        if event.register.replayable:
            self.told.add(event.register)
        self._keep(event, TextLine("extend", line))


def _named(event: Event) -> str:
    """What an event is, for people: the line of an attestation agent's tag, or the name of the type."""
    content = event.content
    line = untagged(content.data) if isinstance(content, PCClientEvent) else None
    text = line.decode("utf-8", "backslashreplace") if line is not None else ""
    return text.strip() if text and text.isprintable() else str(getattr(content, "event_type_name", content.kind))


def _style_before(log: Log, options: Options) -> Style:
    """The style of lines to be, by the first event that is one."""
    if options.dialect is None:
        columns = log.columns
        first = columns.first_rows.values() if columns is not None and columns.silent else None
        for event in log.events if first is None else map(log.events.__getitem__, first):
            line = event.content.text_line(event, options) if event.measured else None
            if line is not None:
                options = options.replace(dialect="tsm-text" if line.startswith(b"SYNC ") else "nelr")
                break
    return style_for((), options)


def _bank(log: Log, options: Options) -> HashAlg | None:
    """The bank of the lines to be: what was asked for, the log's only one, what INIT or SYNC names, the widest."""
    if options.hash is not None:
        return HashAlg.named(options.mr_hash or options.hash)
    if len(log.algorithms) > 1:
        for event in log.events:
            line = event.content.text_line(event, options)
            if line is not None and line[:5] in (b"INIT ", b"SYNC "):
                named = [alg for alg in log.algorithms if line[5:].startswith(f"{alg}/".encode())]
                if named:
                    return named[0]
    return max(log.algorithms, key=lambda alg: alg.size, default=None)


def settled(log: Log, options: Options) -> Options:
    """The options under which the log's bytes read as the log."""
    style = style_of(log, options)
    changes: dict[str, object] = {"dialect": style.dialect.id}
    if style.index is None:
        registers = log.registers
        if len(registers) == 1:
            (changes["register"],) = registers
    elif style.index.space is not None:
        changes["index"] = str(style.index)
    banks = {digest.alg for event in _telling(log) for digest in event.digests} if len(log.algorithms) == 1 else ()
    if len(banks) == 1:
        changes |= _hashes(next(event for event in _telling(log) if event.digests))
    return options.replace(**changes)


def _telling(log: Log) -> Iterator[Event]:
    """Events that have between them the digests of all banks."""
    columns = log.columns
    if columns is None or columns.spans is None or not columns.silent:
        return log.distinct()
    # One register by one hash: its first line tells.
    return map(log.events.__getitem__, columns.first_rows.values())


def _hashes(event: Event) -> dict[str, str]:
    """The hash of an event's line and that of its register, as a reader would have to be told."""
    (digest,) = event.digests
    line = event.content.text_line(event, NO_OPTIONS)
    for alg in (digest.alg, *ALGORITHMS.values()):
        if line is None or not hashing.backend().computable(alg):
            continue
        if hashing.pad_or_cut(hashing.digest(alg, line), digest.alg.size) == digest.value:
            return {"hash": alg.name, "mr_hash": digest.alg.name}
    return {}
