"""`evlog show` for people: a line or a tree for each event, a line for each register, then what is odd."""

from __future__ import annotations

from evlog.checking.bodies import Bodies
from evlog.checking.verdicts import event_types
from evlog.cli import _common
from evlog.cli._event_lines import NOTHING, STYLES, EventLines, Frame, count, counted, cut, marks_of
from evlog.cli._packed_rows import packed_in_place
from evlog.cli._page import Page, title_of
from evlog.cli._selection import VERDICTS
from evlog.columns import NOT_EXTENDED
from evlog.contents._printable import printable
from evlog.contents.event_types import name_of, type_of
from evlog.decoders import Context, decode, to_json
from evlog.decoders.describe import short_type, summary
from evlog.report.outline import outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.cli._event_lines import Counts
    from evlog.decoders import Decoded
    from evlog.model import Event, Finding, Log
    from evlog.registers import Register

__all__ = ["show"]

_SEVERITIES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_TYPE_WIDTH = 22
#: Events from which on it is worth it to look at records; and those that are looked at together.
_MANY = _SOME = 1 << 8
_ROW = 16  # bytes of a line
_LONGEST = 400  # characters of a value in a tree: certificates' names fit, certificates do not


def show(
    log: Log, checks: Checks | LateChecks, chosen: Sequence[int], page: Page, *, tree: bool, data: bool = False
) -> None:
    """Print the chosen events of a log: a line each, or all that is known; with ``data`` also their bytes."""
    page.line((heading(log), "bold"))
    bodies = Bodies()
    names = {register: _name(register, log) for register in _registers_of(log, chosen)}
    widths = max(map(len, names.values()), default=0), min(_TYPE_WIDTH, _widest(log, chosen))
    frame = Frame(page, names, widths)
    if tree:
        counts = _trees(log, checks, chosen, frame, bodies, data=data)
    else:
        if page.coloured:
            # Only colour tells of which events there are warnings.
            frame = frame.replace(
                warned=frozenset(each.event for each in checks.findings if each.severity == "warning")
            )
        lines = _lines(log, checks, chosen, frame, bodies)
        page.lines(row for start in range(0, len(chosen), _SOME) for row in lines.of(chosen[start : start + _SOME]))
        counts = lines.counts
    _registers(page, log, counts)
    _findings(page, (*checks.findings, *bodies.findings()), chosen)


def _lines(log: Log, checks: Checks | LateChecks, chosen: Sequence[int], frame: Frame, bodies: Bodies) -> EventLines:
    """What makes the lines."""
    packed = packed_in_place(log) if len(chosen) > _MANY and not frame.page.coloured else None
    if packed is None:
        return EventLines(log, checks, bodies, frame)
    from evlog.cli._row_lines import RowLines

    return RowLines(log, checks, bodies, frame, packed)


def _registers_of(log: Log, chosen: Sequence[int]) -> set[Register]:
    """The registers of the chosen events."""
    if len(chosen) == len(log.events):
        return log.registers
    columns = log.columns
    if columns is None:
        return {log.events[number].register for number in chosen}
    indices = {columns.registers[number] for number in chosen}
    told = {columns.register(index) for index in indices - {NOT_EXTENDED}}
    if NOT_EXTENDED not in indices:
        return told
    return told | {log.events[number].register for number in chosen if columns.registers[number] == NOT_EXTENDED}


def _widest(log: Log, chosen: Sequence[int]) -> int:
    """The length of the longest type; one event of each type is looked at, if columns tell, else of each event."""
    columns, events, twins = log.columns, log.events, log.twins
    if columns is not None and columns.are_pcclient and len(chosen) == len(events):
        types = event_types(columns)
        rows = [types.index(each) for each in set(types)]
    elif log.format in _common.LISTS:
        # Entries of a measurement list have no type.
        rows = list(chosen[:1])
    else:
        rows = list({twins[number] for number in chosen})
    widest = 0
    for row in rows:
        widest = max(widest, len(short_type(events[row])))
        if widest >= _TYPE_WIDTH:
            break
    return widest


def heading(log: Log) -> str:
    """What the log is."""
    banks = ", ".join(map(str, log.algorithms)) or "no bank"
    platform = f", {log.platform}" if log.platform else ""
    return f"{log.format}{platform}: {_common.events(len(log.events))}, {banks}"


def _name(register: Register, log: Log) -> str:
    """A register's id, and its name on the platform where that is not the same again."""
    label = register.label(log.platform)
    return str(register) if label == register.label() else f"{register} {label}"


def _trees(
    log: Log, checks: Checks | LateChecks, chosen: Sequence[int], frame: Frame, bodies: Bodies, *, data: bool
) -> Counts:
    """Print all that is known of each event; how the digests of each register's events stand."""
    page, context = frame.page, Context.of(log)
    counts: Counts = {}
    marks = marks_of(page)
    for number in chosen:
        event, checked = log.events[number], checks[number]
        decoded = decode(event, context)
        bodies.look(event, decoded)
        count(counts, event.register, counted(event, checked))
        _tree(page, marks, frame.names[event.register], event, checked, decoded)
        if data:
            _dump(page, event)
    return counts


def _tree(
    page: Page,
    marks: dict[str | None, str],
    register: str,
    event: Event,
    checks: tuple[DigestCheck, ...],
    decoded: Decoded | None,
) -> None:
    """All that is known of an event, indented."""
    content = event.content
    kind = name_of(content)
    place = f"  at {event.origin.span.offset:#x}, {event.origin.span.length} bytes" if event.origin else ""
    page.line("")
    page.line((f"{event.number:>4} ", "dim"), (f"{register}  ", "cyan"), (kind, "bold blue"), (place, "dim"))
    if event.recnum is not None:
        page.line(("     record number ", "dim"), str(event.recnum))
    mark = content.mark(event)
    for at, digest in enumerate(event.digests):
        found = checks[at] if at < len(checks) else None
        name = found.verdict if found else None
        rule = found.rule or mark or found.verdict.replace("_", " ") if found else "not extended"
        page.line(
            ("     ", ""),
            (marks[name], STYLES[name]),
            f" {digest.alg!s:8} {digest.value.hex()} ",
            (rule.replace("_", " "), STYLES[name]),
        )
    members = to_json(decoded or content.decoded) or content.to_json()
    head = decoded.kind if decoded is not None else content.kind
    page.line(("     " + head.replace("_", " ") + "  ", "bold"), cut(summary(event, decoded), _LONGEST))
    for depth, key, value in outline(members, 1, brief=True):
        start = "     " + "  " * depth + key.replace("_", " ") + ":"
        text = printable(value)
        if len(text) > _LONGEST:
            text = f"{cut(text, max(page.width - len(start) - 20, 20))} ({len(text)} characters)"
        page.line((start, "dim"), f" {text}" if text else "")


def _dump(page: Page, event: Event) -> None:
    """The bytes of an event's data, with their places in it and in the file."""
    content = event.content
    data = getattr(content, "data", getattr(content, "line", None))
    if not isinstance(data, bytes):
        return
    span = event.origin.span if event.origin else None
    # What is not the end of the record as it stands was made of it.
    at = f", at {span.offset + span.length - len(data):#x}" if span and type_of(content) is not None else ""
    page.line((f"     data  {_common.sized(len(data))}{at}", "bold"))
    for start in range(0, len(data), _ROW):
        row = data[start : start + _ROW]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        page.line((f"       {start:04x}  ", "dim"), f"{row[:8].hex(' '):23}  {row[8:].hex(' '):23}  ", (text, "dim"))


def _registers(page: Page, log: Log, counts: Counts) -> None:
    """For each register how many events it has, how their digests stand, and what it replays to in one bank."""
    from evlog.replaying.replay import replay

    if not counts:
        return
    marks = marks_of(page)
    values = replay(log)
    rows = values.rows
    bank = _common.telling_bank({row.alg for row in rows if row.value is not None} or {row.alg for row in rows})
    told = {row.register: row for row in rows if row.alg == bank}
    names = {register: title_of(register, log.platform) for register in counts}
    width = max(len("register"), *(len(names[register]) for register in counts))
    page.line("")
    heads = "".join(f"{marks[name]:>6}" for name in VERDICTS)
    page.line((f"{'register':{width}} events{heads}  {f'replayed {bank}' if bank else ''}".rstrip(), "bold"))
    room = page.width - width - 7 - 18 - 2
    for register in sorted(counts, key=lambda each: each.sort_key):
        row = counts[register]
        known = told.get(register)
        numbers = tuple(
            (f"{row.get(name, 0) or '-':>6}", STYLES[name] if row.get(name) else "dim") for name in VERDICTS
        )
        value = known.value if known is not None else None
        events = sum(count for name, count in row.items() if name != NOTHING)
        shown = "not replayed" if events else "not extended"
        if known is not None:
            shown = known.status if value is None else cut(value.hex(), room)
        page.line((f"{names[register]:{width}}", "cyan"), f" {events or '-':>6}", *numbers, f"  {shown}")
    legend = ("matches", "the event's data"), ("not_checkable", "what is not in the log"), ("mismatch", "neither")
    said = ", ".join(f"{marks[name]} of {what}" for name, what in legend)
    page.line((f"digests: {said}", "dim"))


def _findings(page: Page, findings: Iterable[Finding], chosen: Sequence[int]) -> None:
    """What was found, of the chosen events and of the log as a whole."""
    numbers = chosen if isinstance(chosen, range) else set(chosen)
    found = [each for each in findings if each.event is None or each.event in numbers]
    if not found:
        return
    page.line("")
    for each in sorted(found, key=lambda finding: finding.severity == "note"):
        # A finding of several events names them itself.
        where = "" if each.event is None or "(events " in each.message else f"event {each.event}: "
        page.paragraph((f"{each.severity + ':':9}", _SEVERITIES[each.severity]), f"{where}{each.message}")
