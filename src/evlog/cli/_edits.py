"""Edits as they stand on a command line: ``N=FILE``, ``N``, ``N=REGISTER=FILE``."""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.changing.edit import Edit, drop, insert, replace
from evlog.errors import UsageError
from evlog.intake.files import load
from evlog.model import Digest
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.model import Log


def edits(log: Log, replaced: Iterable[str], dropped: Iterable[str], inserted: Iterable[str]) -> list[Edit]:
    """The edits of a log that the options name.

    Raises UsageError for one that cannot be read, SourceError for its file.
    """
    found = [drop(_number(text, "--drop")) for text in dropped]
    for text in replaced:
        number, what = _split(text, "--replace N=FILE")
        event = _number(number, "--replace")
        found.append(replace(event, _as_image(log, event, what, _measured(what))))
    for text in inserted:
        number, rest = _split(text, "--insert N=REGISTER=FILE")
        register, what = _split(rest, "--insert N=REGISTER=FILE")
        found.append(insert(_number(number, "--insert"), Register.parse(register), _measured(what)))
    return found


def _as_image(log: Log, number: int, file: str, measured: bytes | list[Digest]) -> bytes | list[Digest]:
    """Of an event about an image the file's Authenticode digests: firmware measures no other bytes of it."""
    from evlog.contents.pcclient import PCClientEvent
    from evlog.errors import ParseError
    from evlog.predicting.images import IMAGE_TYPES
    from evlog.predicting.measured import image

    if not isinstance(measured, bytes) or number >= len(log.events):
        return measured
    event = log.events[number]
    if not isinstance(event.content, PCClientEvent) or event.content.event_type not in IMAGE_TYPES:
        return measured
    try:
        found = image(measured)
    except ParseError as error:
        message = f"event {number} measured an image, and {file} is none that firmware would measure: {error}"
        raise UsageError(f"--replace {number}: {message}") from error
    # A bank that cannot be computed loses its digest, and becomes incomplete.
    values = ((d.alg, found.digest(d.alg)) for d in event.digests)
    return [Digest(alg, value) for alg, value in values if value is not None]


def _split(text: str, form: str) -> tuple[str, str]:
    first, equals, rest = text.partition("=")
    if not equals or not rest:
        raise UsageError(f"{form}: not {text!r}")
    return first, rest


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UsageError(f"{option}: an event number was expected, not {text!r}")
    return int(text)


def _measured(text: str) -> bytes | list[Digest]:
    """Digests if the text is some (``sha256:HEX,sha1:HEX``), else the bytes of the file of that name."""
    digests = []
    for part in text.split(","):
        name, colon, value = part.partition(":")
        try:
            alg, data = HashAlg.named(name), bytes.fromhex(value)
        except (UsageError, ValueError):
            break
        if not colon or len(data) != alg.size:
            raise UsageError(f"a {alg} digest has {alg.size} bytes, this one {len(data)}")
        digests.append(Digest(alg, data))
    else:
        return digests
    return load(text)[0]
