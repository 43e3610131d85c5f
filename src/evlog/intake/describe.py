"""What bytes that no format claims look like, and what to do with them, in a clause for people."""

from __future__ import annotations

import re

from evlog.errors import EvlogError, UnknownFormatError
from evlog.evidence import KINDS, Material
from evlog.evidence import identify as evidence_of
from evlog.formats import detect
from evlog.intake.places import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.intake.budget import Budget
    from evlog.intake.unwrap import Wrapped

__all__ = ["describe"]

_MEMBERS = 8
_FILE = "register-file"
_MEMBER = re.compile(r'"((?:[^"\\]|\\.){0,64})"\s*:')
_CONTROL = bytes(range(9)) + bytes(range(14, 32))
#: Larger than any quote, report or register file: nobody is asked whether it is one.
_MAX_EVIDENCE = 1 << 20


def describe(data: bytes, seen: Sequence[Wrapped], budget: Budget) -> str:
    """What the bytes look like. ``seen`` is what came out of them, the first of it."""
    for text in (data, *(each.data for each in seen)):
        swapped = _swapped(text, budget)
        if swapped is not None:
            return swapped
    for inside in (None, *seen):
        kind = _evidence(data if inside is None else inside.data)
        if kind is not None:
            place = "" if inside is None else f" (in {_way(inside)})"
            option = "--registers" if kind == _FILE else "--quote"
            return f"it looks like {KINDS[kind]}{place}: evlog verify takes it as {option}, beside the log"
    if b"-----BEGIN " in data[:4096]:
        return "a certificate or a key, or several, between lines of dashes"
    outer = next((each for each in seen if not each.path and not each.wrapping[-1].startswith("UTF-16")), None)
    # Words are letters of base64 too.
    if outer is not None and (outer.wrapping != ("base64",) or b" " not in data[:4096].strip()):
        return f"{_way(outer)}, and what is in it is {_looks(outer.data)}"
    return _looks(seen[0].data if seen and seen[0].wrapping[0].startswith("UTF-16") else data)


def _way(wrapped: Wrapped) -> str:
    place = f" at {wrapped.path}" if wrapped.path else ""
    return f"{', then '.join(wrapped.wrapping)}{place}"


def _looks(data: bytes) -> str:
    head = data[:4096]
    if head.translate(None, _CONTROL) != head or not _is_utf8(head):
        return f"{len(data)} bytes that are no text"
    if head.lstrip()[:1] in (b"{", b"["):
        return f"{_document(data)} in which no log was found"
    if re.fullmatch(rb"[0-9A-Za-z+/=_\s-]{64,}", head) and b"\n" not in head.strip():
        return f"{len(data)} letters that may be bytes in hex or base64, and come to nothing known"
    return "text; if it is a textual log: --from text --dialect tsm-text (nelr, aael-text, acon)"


def _is_utf8(head: bytes) -> bool:
    """Whether the beginning of a text is UTF-8, wherever it was cut."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) - error.start < 4 and error.reason == "unexpected end of data"
    return True


def _document(data: bytes) -> str:
    """A JSON document, by the names of its first members."""
    text = data[:4096].decode("utf-8", "replace")
    names = list(dict.fromkeys(printable(name) for name in _MEMBER.findall(text)))[:_MEMBERS]
    what = "a JSON object" if text.lstrip()[:1] == "{" else "a JSON list"
    return f"{what} with members {', '.join(names)}," if names else what


def _evidence(data: bytes) -> str | None:
    """The kind of evidence that the bytes are."""
    if len(data) > _MAX_EVIDENCE:
        return None
    try:
        return evidence_of(Material(data)).KINDS[0]
    except EvlogError:
        return None


def _swapped(text: bytes, budget: Budget) -> str | None:
    """Whether a dump of more than one byte in a group, turned round in each, is a log: nothing else tells."""
    from evlog.intake.dumps import dumps

    for dump in dumps(text, budget):
        if dump.group > 1:
            whole = len(dump.data) // dump.group * dump.group
            turned = bytearray(whole)
            for at in range(dump.group):
                turned[at :: dump.group] = dump.data[dump.group - 1 - at : whole : dump.group]
            try:
                found = detect(bytes(turned))
            except UnknownFormatError:
                continue
            return (
                f"a dump whose groups of {dump.group} bytes are swapped, as hexdump prints them without -C: the other "
                f"way round it is {found.format}; print it again with hexdump -C or xxd"
            )
    return None
