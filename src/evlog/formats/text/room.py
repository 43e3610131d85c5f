"""text: the textual event log of measurement registers, one line an event.

Spec: kernel RFC "tsm: Unified Measurement Register ABI" (dialect tsm-text) and its relatives in Confidential Containers
(nelr, aael-text, aael-spec) and Intel ACON (acon); see `evlog.formats.text.dialects`. A log belongs to one register,
which it does not name, or is global and has a register index before each line.

Departures accepted: a missing last newline, any spelling of INIT's and SYNC's hex, values of another length than the
register's, an INIT that is not first. Every byte is kept: a log that was only read is written as it was.
"""

from __future__ import annotations

import os
import re

from evlog._record import partial
from evlog.contents.text import TextLine
from evlog.errors import ParseError, WriteError
from evlog.formats import CERTAIN, LIKELY, NO_MATCH, Match
from evlog.formats.as_read import as_read
from evlog.formats.text import lint
from evlog.formats.text.adapt import adapted, settled
from evlog.formats.text.dialects import dialect_named, recognise
from evlog.formats.text.events import Lines, TextEvents, hashes, spelled
from evlog.formats.text.scan import Index, scan
from evlog.formats.text.style import Style, style_of
from evlog.model import Finding, Log
from evlog.registers import UNKNOWN_REGISTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.model import Event, Loss
    from evlog.options import Options

ID = "text"
TITLE = "textual log of a measurement register (kernel RFC, CoCo)"
CONTINUES = True
#: Content kinds that this format holds as they are.
HOLDS = frozenset(("text",))

_NAMES = ("event_log", "eventlog")
_IMA = re.compile(rb"\s*[0-9]+ (?:[a-z0-9_-]+:)?[0-9a-f]{32}")


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a first record INIT or SYNC, or a ``.EXTEND``; likely of text if the caller or the name says so."""
    found = recognise(data)
    if found is not None:
        return Match(CERTAIN if found.certain else LIKELY, f"{found.dialect}: {found.reason}")
    if os.path.basename(options.name) in _NAMES and (not data or _is_text(data)):
        return Match(LIKELY, "the file's name says event log, and it is text")
    if options.dialect is not None and data and _is_text(data):
        return Match(LIKELY, f"text, and dialect {options.dialect} was given")
    return NO_MATCH


def states(line: bytes) -> bool:
    """Whether some reader would take a line for a statement of the register's value: INIT, SYNC, or a ``.EXTEND``."""
    # The dialect that knows all of them: a log that begins with INIT is read by it.
    dialect = dialect_named("nelr")
    return dialect.claims(line) or dialect.role(line) == "extend"


def _is_text(data: bytes) -> bool:
    head = data[:4096]
    control = bytes(range(9)) + bytes(range(14, 32))
    return head.translate(None, control) == head and head.lstrip()[:1] not in b"{[" and not _IMA.match(head)


def read(data: bytes, options: Options) -> Log:
    """Read a log. Raises ParseError for bytes that are no text, UsageError for an unknown dialect or index."""
    if b"\0" in data[:4]:
        raise ParseError("binary data, not lines of text", offset=0)
    found = recognise(data) if options.dialect is None or options.index is None else None
    notes = []
    if options.dialect is not None:
        dialect = dialect_named(options.dialect)
    elif found is not None:
        dialect = dialect_named(found.dialect)
        notes.append(Finding("dialect", "note", f"read as {dialect.id}: {found.reason}"))
    else:
        dialect = dialect_named("nelr")
        if data:
            notes.append(Finding("dialect", "note", "read as nelr: nothing tells of a dialect"))
    index = Index.parse(options.index) if options.index is not None else None
    if options.index is None and found is not None and found.indexed:
        index = Index(None)
        message = "lines have a register index, and nobody said what it counts (--index pcr, ccmr, rtmr or rem)"
        notes.append(Finding("index_meaning", "warning", message))
    lines = Lines(data, scan(data, dialect, options.register or UNKNOWN_REGISTER, index), dialect, index)
    hashed = hashes(lines, options)
    notes += [*hashed.findings, *lint.findings(lines, hashed, options)]
    if options.strict:
        for finding in notes:
            if finding.severity != "note":
                raise ParseError(finding.message, offset=finding.offset or 0)
    return Log(
        ID,
        TextEvents(lines, hashed.pairs, options.name),
        header=Style(dialect, index).header,
        algorithms=hashed.banks,
        findings=tuple(notes),
        platform=options.platform,
        name=options.name,
    )


def adapt(log: Log, options: Options) -> tuple[Log, Sequence[Loss]]:
    """What of a log lines can hold; with ``options.digests_only`` also ``.EXTEND`` comments for other events."""
    return adapted(log, options)


def settle(log: Log, options: Options) -> Options:
    """What a reader must be told to read the written log as it is."""
    return settled(log, options)


def write(log: Log, options: Options) -> bytes:
    """The bytes of a log of text lines: as they were read, or with LF and the index that the style wants."""
    style, events = style_of(log, options), log.events
    kept = style == Style.read(log.header)
    if isinstance(events, TextEvents) and Style(events.lines.dialect, events.lines.index) == style:
        return events.lines.data + log.tail
    if style.index is None and len({event.register for event in events}) > 1:
        raise WriteError("lines of several registers, and no index that tells them apart (--index)")
    parts = []
    for event in events:
        content = event.content
        if not isinstance(content, TextLine):
            raise WriteError(f"a {content.kind} record is no line of text (see convert)", event=event.number)
        record = as_read(event, partial(_one, style, event)) if kept else None
        if record is not None:
            parts.append(record)
            continue
        refusal = style.dialect.refusal(content) or (None if kept else style.dialect.impropriety(content))
        if refusal is not None:
            raise WriteError(f"line {len(parts) + 1}: {refusal}", event=event.number)
        parts.append(spelled(content, event.register, style.index))
    # Only the last line of a file can do without its end.
    parts[:-1] = [part if part[-1:] in (b"\n", b"\r") else part + b"\n" for part in parts[:-1]]
    return b"".join(parts) + log.tail


def _one(style: Style, event: Event, record: bytes) -> Event | None:
    """The event with the register and the content that one line has; its digests are in no line."""
    rows = scan(record, style.dialect, event.register, style.index)
    if len(rows.offsets) != 1:
        return None
    lines = Lines(record, rows, style.dialect, style.index)
    return event.replace(register=lines.register(0), content=lines.content(0))
