"""Which format bytes are in, under whatever they are wrapped in; and the log that they are."""

from __future__ import annotations

from evlog.errors import UnknownFormatError
from evlog.formats import CERTAIN, LIKELY, NO, Detection, detect, room
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Log
    from evlog.options import Options

__all__ = ["identify", "read_bytes"]


def read_bytes(data: bytes, format: str | None, options: Options) -> Log:
    """Read a log from bytes, as `evlog.read` does."""
    data, found, wrapping = identify(data, options, format)
    log = room(found.format).read(data, options)
    notes = []
    if wrapping:
        message = f"the log is wrapped in {', then '.join(wrapping)}; offsets count in the log"
        notes.append(Finding("wrapped", "note", message))
    if found.confidence < LIKELY:
        notes.append(Finding("format_uncertain", "warning", f"read as {found}"))
    return log.replace(findings=(*notes, *log.findings)) if notes else log


def identify(data: bytes, options: Options, format: str | None = None) -> tuple[bytes, Detection, tuple[str, ...]]:
    """The log in the bytes, its format, and the wrappings that were taken off it, outermost first.

    A ``format`` that is given stands even where its room does not know the bytes, unless it knows what they wrap.
    """
    try:
        return data, _detect(data, options, format), ()
    except UnknownFormatError:
        from evlog.intake.unwrap import unwrap

        for inner, wrapping in unwrap(data):
            try:
                return inner, _detect(inner, options, format), wrapping
            except UnknownFormatError:
                continue
        if format is not None:
            return data, Detection(format, CERTAIN, "given"), ()
        raise


def _detect(data: bytes, options: Options, format: str | None) -> Detection:
    if format is None:
        return detect(data, options)
    if room(format).sniff(data, options).confidence == NO:
        raise UnknownFormatError(f"not {format}", offset=0)
    return Detection(format, CERTAIN, "given")
