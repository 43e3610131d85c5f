"""`evlog show` for people: a line or a tree for each event, a line for each register, then what is odd."""

from __future__ import annotations

from evlog.checking.bodies import Bodies
from evlog.checking.verdicts import event_types
from evlog.cli import _common
from evlog.cli._page import Page, title_of
from evlog.cli._selection import VERDICTS, verdict
from evlog.contents._printable import printable
from evlog.contents.event_types import name_of, type_of
from evlog.decoders import Context, decode, to_json
from evlog.decoders.describe import short_type, summary
from evlog.report.outline import outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.checking.late import LateChecks
    from evlog.cli._page import Part
    from evlog.decoders import Decoded
    from evlog.model import Event, Finding, Log
    from evlog.registers import Register

    Counts = dict[Register, dict[str | None, int]]

__all__ = ["show"]

_STYLES = {"matches": "green", "mismatch": "bold red", "not_checkable": "dim", None: "dim"}
_MARKS = {"matches": "✓", "mismatch": "✗", "not_checkable": "·", None: " "}
_ASCII_MARKS = {"matches": "+", "mismatch": "!", "not_checkable": ".", None: " "}
_SEVERITIES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_NOTHING = "nothing"
_TYPE_WIDTH = 22
_ROW = 16  # bytes of a line
_LONGEST = 400  # characters of a value in a tree: certificates' names fit, certificates do not


def show(
    log: Log, checks: Checks | LateChecks, chosen: Sequence[int], page: Page, *, tree: bool, data: bool = False
) -> None:
    """Print the chosen events of a log: a line each, or all that is known; with ``data`` also their bytes."""
    marks = _MARKS if page.unicode else _ASCII_MARKS
    page.line((heading(log), "bold"))
    bodies = Bodies()
    early = _widths(log, chosen)
    counts: Counts = {} if early is not None else _counts(log, checks, chosen)
    names = {register: _name(register, log) for register in (early[0] if early is not None else counts)}
    widest = early[1] if early is not None else _widest(log, chosen)
    widths = max(map(len, names.values()), default=0), min(_TYPE_WIDTH, widest)
    if tree:
        context = Context.of(log)
        for number in chosen:
            event = log.events[number]
            decoded = decode(event, context)
            bodies.look(event, decoded)
            _tree(page, marks, names[event.register], event, checks[number], decoded)
            if data:
                _dump(page, event)
    else:
        # Only colour tells of which events there are warnings.
        warned = {each.event for each in checks.findings if each.severity == "warning"} if page.coloured else set()
        page.lines(_lines(page, marks, log, checks, chosen, (names, widths), warned, bodies))
    _registers(page, marks, log, counts or _counts(log, checks, chosen))
    _findings(page, (*checks.findings, *bodies.findings()), chosen)


def _widths(log: Log, chosen: Sequence[int]) -> tuple[set[Register], int] | None:
    """The registers of the chosen events, and the length of their longest type, where columns tell; else None."""
    columns = log.columns
    if columns is None or not columns.are_pcclient or len(chosen) < len(log.events):
        return None
    types, widest = event_types(columns), 0
    for event_type in set(types):
        widest = max(widest, len(short_type(log.events[types.index(event_type)])))
        if widest >= _TYPE_WIDTH:
            break
    return log.registers, widest


def _widest(log: Log, chosen: Sequence[int]) -> int:
    """The length of the longest type; of events that are the same one is looked at."""
    twins = log.twins
    return max((len(short_type(log.events[row])) for row in {twins[number] for number in chosen}), default=0)


def _counts(log: Log, checks: Checks | LateChecks, chosen: Sequence[int]) -> Counts:
    """How the digests of each register's chosen events stand.

    Events may be many, and made when asked for: none is kept, and of those that are the same one is looked at.
    """
    counts: Counts = {}
    columns, twins = log.columns, log.twins
    # Of events on a register that goes by its number the checks tell all, if these are of their data.
    numbers = columns.registers if columns is not None and columns.are_pcclient else None
    registers = {index: columns.register(index) for index in columns.indices} if columns is not None else {}
    alike: dict[int, tuple[Register, str | None]] = {}
    for number in chosen:
        known = alike.get(twins[number])
        if known is None:
            checked = checks[number]
            found = verdict(checked)
            register = registers.get(numbers[number]) if numbers is not None and found is not None else None
            if register is None:
                event = log.events[number]
                register, found = event.register, _counted(event, checked)
            known = register, found
            if twins[number] != number:
                alike[twins[number]] = known
        register, found = known
        row = counts.setdefault(register, {})
        row[found] = row.get(found, 0) + 1
    return counts


def _counted(event: Event, checks: tuple[DigestCheck, ...]) -> str | None:
    """As what an event counts in its register's row: as nothing if it extends nothing."""
    return verdict(checks) if event.measured else _NOTHING


def _lines(
    page: Page,
    marks: dict[str | None, str],
    log: Log,
    checks: Checks | LateChecks,
    chosen: Sequence[int],
    columns: tuple[dict[Register, str], tuple[int, int]],
    warned: set[int | None],
    bodies: Bodies,
) -> Iterator[tuple[Part, ...]]:
    """The parts of a line for each chosen event; what follows the number is made once for events that are the same.

    Of data that is decoded it may hang on the event before.
    """
    (names, widths), context, twins = columns, Context.of(log), log.twins
    known: dict[tuple[int, int, int, bool], tuple[Part, ...]] = {}
    for number in chosen:
        twin, start = twins[number], f"{number:>4} "
        # What an event is may hang on the one before it.
        key = twin, twins[number - 1] if number else -1, len(start), number in warned
        parts = known.get(key)
        if parts is None:
            event = log.events[number]
            start = f"{event.number:>4} "
            decoded = decode(event, context)
            # What is odd in the data is told of each.
            odd = bodies.look(event, decoded)
            pair = names[event.register].ljust(widths[0]), _cut(short_type(event), widths[1]).ljust(widths[1])
            parts = _line(page.width - len(start), marks, pair, event, checks[number], decoded, number in warned)
            if twin != number and not odd:
                parts = known[key] = page.settled(*parts)
        yield ((start, "dim"), *parts)


def heading(log: Log) -> str:
    """What the log is."""
    banks = ", ".join(map(str, log.algorithms)) or "no bank"
    platform = f", {log.platform}" if log.platform else ""
    return f"{log.format}{platform}: {_common.events(len(log.events))}, {banks}"


def _name(register: Register, log: Log) -> str:
    """A register's id, and its name on the platform where that is not the same again."""
    label = register.label(log.platform)
    return str(register) if label == register.label() else f"{register} {label}"


def _cut(text: str, width: int) -> str:
    """The text in at most so many columns; wide characters take two."""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    from unicodedata import combining, east_asian_width

    columns = 0
    for at, character in enumerate(text):
        columns += 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        if columns > width:
            return _cut(text[: max(at - 1, 0)], width - 1) + "…"
    return text


def _line(
    width: int,
    marks: dict[str | None, str],
    columns: tuple[str, str],
    event: Event,
    checks: tuple[DigestCheck, ...],
    decoded: Decoded | None,
    warned: bool,
) -> tuple[Part, ...]:
    """The parts of an event's line after its number, for which there is so much room."""
    register, kind = columns
    found = verdict(checks)
    style = "yellow" if warned else "" if event.measured else "dim"
    used = 1 + len(register) + 2 + len(kind) + 1
    what = _cut(summary(event, decoded), max(width - used, 12))
    return (
        (marks[found], _STYLES[found]),
        (f" {register} ", style or "cyan"),
        (kind + " ", style or "blue"),
        (what, style),
    )


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
            (marks[name], _STYLES[name]),
            f" {digest.alg!s:8} {digest.value.hex()} ",
            (rule.replace("_", " "), _STYLES[name]),
        )
    members = to_json(decoded or content.decoded) or content.to_json()
    head = decoded.kind if decoded is not None else content.kind
    page.line(("     " + head.replace("_", " ") + "  ", "bold"), _cut(summary(event, decoded), _LONGEST))
    for depth, key, value in outline(members, 1, brief=True):
        start = "     " + "  " * depth + key.replace("_", " ") + ":"
        text = printable(value)
        if len(text) > _LONGEST:
            text = f"{_cut(text, max(page.width - len(start) - 20, 20))} ({len(text)} characters)"
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


def _registers(
    page: Page, marks: dict[str | None, str], log: Log, counts: dict[Register, dict[str | None, int]]
) -> None:
    """For each register how many events it has, how their digests stand, and what it replays to in one bank."""
    from evlog.replaying.replay import replay

    if not counts:
        return
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
            (f"{row.get(name, 0) or '-':>6}", _STYLES[name] if row.get(name) else "dim") for name in VERDICTS
        )
        value = known.value if known is not None else None
        events = sum(count for name, count in row.items() if name != _NOTHING)
        shown = "not replayed" if events else "not extended"
        if known is not None:
            shown = known.status if value is None else _cut(value.hex(), room)
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
