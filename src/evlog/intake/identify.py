"""Which format bytes are in, under whatever they are wrapped in; and the log that they are, or the logs."""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import EvlogError, ParseError, UnknownFormatError, UsageError
from evlog.formats import CERTAIN, LIKELY, NO, UNKNOWN, Detection, detect, room
from evlog.intake.budget import Budget
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.intake.unwrap import Wrapped
    from evlog.model import Log
    from evlog.options import Options
    from evlog.registers import Register

__all__ = ["Found", "identify", "read_all", "read_bytes", "read_each", "read_one"]

#: Members of a document that an error lists.
_LISTED = 16
#: Logs of a document that are held against each other; no machine has as many.
_MOST = 64
#: What came out of bytes that is kept, to be described.
_SEEN = 4


class Found(Record):
    """A log in some bytes: its own, its format, the wrappings around it, outermost first, and its path if it has one.

    The path is that of `evlog.intake.unwrap.Wrapped`, "" for what stands in no document; ``notes`` as there.
    """

    data: bytes
    detection: Detection
    wrapping: tuple[str, ...] = ()
    path: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path or '/'} ({self.detection.format})"


def read_bytes(data: bytes, format: str | None, options: Options, budget: Budget | None = None) -> Log:
    """Read a log from bytes, as `evlog.read` does; ``budget`` is that of a call that reads more than these."""
    found = identify(data, options, format, budget)
    logs = [_read(found[0], options)] if len(found) == 1 else _once(found, options)
    if len(logs) > 1:
        raise ParseError(f"the document holds {_listing(found)}; say which (--member PATH)")
    return logs[0]


def read_one(data: bytes, format: str | None, options: Options) -> list[Log]:
    """As `read_each`, of bytes in which there must be one."""
    return [read_bytes(data, format, options)]


def read_each(data: bytes, format: str | None, options: Options, budget: Budget | None = None) -> list[Log]:
    """The logs in bytes: one, or all that a document holds, each with its path behind its name.

    Raises ParseError if two of them extend the same register: then nothing says that they are of one machine and boot,
    unless one tells of all events of the other, or goes on with registers that the other began.
    """
    found = identify(data, options, format, budget)
    logs = [log for log, _ in _all_of(found, options)]
    extended: dict[Register, bool] = {}
    for log in logs:
        goes_on = _goes_on(log)
        both = sorted(str(each) for each in log.extended if extended.get(each, not goes_on) == goes_on)
        if both:
            raise ParseError(
                f"the document holds {_listing(found)}, and more than one extends {both[0]}; say which (--member PATH)"
            )
        extended.update(dict.fromkeys(log.extended, goes_on))
    return logs


def read_all(data: bytes, format: str | None, options: Options) -> list[tuple[Log, bytes]]:
    """Every log in bytes with its own bytes, unwrapped, whatever registers they extend; in the order of `read_each`."""
    return _all_of(identify(data, options, format), options)


def _all_of(found: Sequence[Found], options: Options) -> list[tuple[Log, bytes]]:
    if len(found) == 1:
        return [(_read(found[0], options), found[0].data)]
    logs = _once(found, options)
    # What goes on with registers comes behind what began them.
    logs.sort(key=_goes_on)
    own = {f"{options.name}{each.path}": each.data for each in found}
    return [(log, own[log.name]) for log in logs]


def _goes_on(log: Log) -> bool:
    return bool(getattr(room(log.format), "CONTINUES", False))


def _once(found: Sequence[Found], options: Options) -> list[Log]:
    """The logs of a document, each with its path behind its name; what stands there in several spellings once."""
    if len(found) > _MOST:
        raise ParseError(f"the document holds {_listing(found)}; say which (--member PATH)")
    from evlog.intake.same_log import once

    logs = [(_read(each, options.replace(name=f"{options.name}{each.path}")), each.path) for each in found]
    return once(logs)


def _read(found: Found, options: Options) -> Log:
    if options.strict and found.notes:
        raise ParseError(f"{found.wrapping[-1]}: {found.notes[0]}", offset=0)
    log = room(found.detection.format).read(found.data, options)
    notes = []
    if found.wrapping:
        place = f" at {found.path}" if found.path else ""
        message = f"the log is wrapped in {', then '.join(found.wrapping)}{place}; offsets count in the log"
        notes.append(Finding("wrapped", "note", message))
    notes += [Finding("wrapping_damaged", "warning", note) for note in found.notes]
    if found.detection.confidence < LIKELY:
        notes.append(Finding("format_uncertain", "warning", f"read as {found.detection}"))
    return log.replace(findings=(*notes, *log.findings)) if notes else log


def _listing(found: Sequence[Found]) -> str:
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    count = "1 log" if len(found) == 1 else f"{len(found)} logs"
    return f"{count}, {', '.join(map(str, found[:_LISTED]))}{more}"


def identify(
    data: bytes, options: Options, format: str | None = None, budget: Budget | None = None
) -> tuple[Found, ...]:
    """The logs in the bytes: one, unless they are a document that holds several. The same bytes twice are one.

    A ``format`` that is given stands even where its room does not know the bytes, unless it knows what they wrap.
    ``options.member`` keeps the log at that path alone; UsageError says which there are, if there is none.
    """
    try:
        detection = _detect(data, options, format)
        found: tuple[Found, ...] = (Found(data, detection),)
        if format is None and detection.confidence < CERTAIN and not _reads(data, detection, options):
            # A document of evidence may begin as a log does.
            found = _unwrapped(data, options, format, budget or Budget()) or found
    except UnknownFormatError as error:
        budget = budget or Budget()
        seen: list[Wrapped] = []
        found = _unwrapped(data, options, format, budget, seen)
        if not found and format is None:
            raise _described(error, data, seen, budget) from None
        if not found and format is not None:
            found = (Found(data, Detection(format, CERTAIN, "given")),)
    if options.member is not None:
        path = f"/{options.member.removeprefix('/')}"
        chosen = tuple(each for each in found if each.path == path)
        if not chosen:
            raise UsageError(f"no log at {path}: there {'is' if len(found) == 1 else 'are'} {_listing(found)}")
        return chosen
    if len(found) == 1:  # to hash a log of a million events takes longer than to fold it
        return found
    return tuple({each.data: each for each in reversed(found)}.values())[::-1]


def _described(error: UnknownFormatError, data: bytes, seen: Sequence[Wrapped], budget: Budget) -> UnknownFormatError:
    """The error, with what the bytes look like, where nothing else is said of them."""
    if error.message != UNKNOWN:
        return error
    from evlog.intake.describe import describe

    return UnknownFormatError(f"{UNKNOWN}: {describe(data, seen, budget)}", offset=0)


def _unwrapped(
    data: bytes, options: Options, format: str | None, budget: Budget, seen: list[Wrapped] | None = None
) -> tuple[Found, ...]:
    """The logs that the bytes wrap; ``seen`` takes the first of what came out of them."""
    from evlog.intake.unwrap import unwrap

    # What names a text log names the file, and not any text in a document.
    inside = options.replace(name="", dialect=None)

    def known(wrapped: Wrapped) -> Detection | None:
        if seen is not None and len(seen) < _SEEN:
            seen.append(wrapped)
        chosen = inside if wrapped.path else options
        try:
            detection = _detect(wrapped.data, chosen, format)
        except UnknownFormatError:
            return None
        if wrapped.path and detection.confidence < LIKELY:
            return None
        # Registers and digests alone say what may be, in a .pcrlock file, as well as what was measured.
        if wrapped.value and (detection.confidence < CERTAIN or not _reads(wrapped.data, detection, chosen)):
            return None
        return detection

    budget.give(len(data))
    return tuple(
        Found(wrapped.data, detection, wrapped.wrapping, wrapped.path, wrapped.notes)
        for wrapped, detection in unwrap(data, known, budget)
    )


def _reads(data: bytes, detection: Detection, options: Options) -> bool:
    """Whether what looks like a log is one, where it is a part of a document: all of it, and no record of a log."""
    if data[:256].lstrip()[:1] not in (b"{", b"["):
        return True
    if detection.confidence < LIKELY:
        return False
    if detection.confidence == CERTAIN and data.lstrip()[:1] == b"[":
        return True  # damaged or not
    try:
        log = room(detection.format).read(data, options.replace(strict=False))
    except EvlogError:
        return False
    if log.failed or not any(event.digests for event in log.events):
        return False
    origin = log.events[0].origin
    return len(log.events) > 1 or origin is None or origin.span.length < len(data)


def _detect(data: bytes, options: Options, format: str | None) -> Detection:
    if format is None:
        return detect(data, options)
    if room(format).sniff(data, options).confidence == NO:
        raise UnknownFormatError(f"not {format}", offset=0)
    return Detection(format, CERTAIN, "given")
