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


def edits(replaced: Iterable[str], dropped: Iterable[str], inserted: Iterable[str]) -> list[Edit]:
    """The edits that the options name. Raises UsageError for one that cannot be read, SourceError for its file."""
    found = [drop(_number(text, "--drop")) for text in dropped]
    for text in replaced:
        number, what = _split(text, "--replace N=FILE")
        found.append(replace(_number(number, "--replace"), _measured(what)))
    for text in inserted:
        number, rest = _split(text, "--insert N=REGISTER=FILE")
        register, what = _split(rest, "--insert N=REGISTER=FILE")
        found.append(insert(_number(number, "--insert"), Register.parse(register), _measured(what)))
    return found


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
