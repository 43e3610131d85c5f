"""Furniture of the room text: what in a log is against its dialect, or will surprise somebody.

``strict`` refuses all of it. Nothing here looks at every line one by one unless it must.
"""

from __future__ import annotations

import re
from itertools import chain

from evlog.algorithms import HashAlg
from evlog.errors import UsageError
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.formats.text.events import Hashes, Lines
    from evlog.options import Options

__all__ = ["findings"]

_MOST = 16  # of one kind: a hostile log would have a million
_PAGE = 4096
_PRINTABLE = bytes(range(0x20, 0x7F)) + b"\n"
_WHITE = re.compile(rb"^[\t\v\f\r ]+$", re.MULTILINE)
_SHORT = re.compile(rb"^[^ \n]*(?: [^ \n]*)?$", re.MULTILINE)


def findings(lines: Lines, hashed: Hashes, options: Options) -> list[Finding]:
    """What there is to say about the lines, in the order in which people would want to know it."""
    told: dict[str, int] = {}
    kept: list[Finding] = []
    for finding in chain(
        _strays(lines),
        _statements(lines, hashed),
        _keywords(lines),
        _bytes(lines),
        _long(lines),
        _strictly(lines, options),
    ):
        told[finding.code] = told.get(finding.code, 0) + 1
        if told[finding.code] <= _MOST:
            kept.append(finding)
    for code, number in told.items():
        if number > _MOST:
            kept.append(Finding(code, "warning", f"{number - _MOST} more like this"))
    return kept


def _warning(code: str, message: str, lines: Lines, row: int) -> Finding:
    return Finding(code, "warning", f"line {row + 1}: {message}", row, lines.rows.offsets[row])


def _strays(lines: Lines) -> Iterator[Finding]:
    for row in lines.rows.strays:
        if lines.content(row).measured:
            yield _warning("no_index", "no register index, where other lines have one", lines, row)


def _statements(lines: Lines, hashed: Hashes) -> Iterator[Finding]:
    rows = lines.rows
    if not rows.statements:
        return
    pair_of = dict(zip(rows.names, hashed.pairs, strict=True))
    first: dict[int, int] = {}
    for row in rows.statements:
        content = lines.content(row)
        if content.stated is None:
            continue
        name, value = content.stated
        pair = pair_of[lines.register(row)]
        index = rows.registers[row]
        if index not in first:
            first[index] = rows.registers.index(index)
        if content.role == "init" and first[index] != row:
            yield _warning("init_again", "INIT after other events; it is read as SYNC is", lines, row)
        if pair is None:
            continue
        if len(value) != pair[1].size:
            message = f"the value has {len(value)} bytes, a {pair[1]} register {pair[1].size}; it is taken as it is"
            yield _warning("anchor_length", message, lines, row)
        try:
            other = HashAlg.named(name) != pair[0]
        except UsageError:
            other = True
        if other:
            yield _warning("anchor_hash", f"it names {name!r}, the lines are hashed with {pair[0]}", lines, row)


def _keywords(lines: Lines) -> Iterator[Finding]:
    for row in lines.rows.keywords:
        yield _warning("no_anchor", "it begins like INIT or SYNC and is neither: an ordinary record", lines, row)


def _bytes(lines: Lines) -> Iterator[Finding]:
    data, dialect = lines.data, lines.dialect
    if not dialect.edges and b"\r" in data:
        ends, count = data.count(b"\r\n"), data.count(b"\n")
        what = "every line ends" if ends == count else f"{ends} of {count} lines end"
        message = f"{what} with CR, and it is hashed: {dialect.id} knows LF only"
        yield Finding("carriage_return", "warning", message, None, data.index(b"\r"))
    if dialect.words and data.translate(None, _PRINTABLE):
        yield Finding("unprintable", "warning", f"{dialect.id} is printable ASCII, the log has other bytes")
    if dialect.words and data and not data.endswith(b"\n"):
        yield Finding("no_final_newline", "warning", "the last line has no newline", None, len(data))
    if not dialect.comments and (data.startswith(b"#") or b"\n#" in data):
        message = f"lines that start with # are events in {dialect.id} (nelr has comments: --dialect)"
        yield Finding("hash_sign", "note", message)
    if not dialect.blanks and (data.startswith(b"\n") or b"\n\n" in data):
        yield Finding("empty_line", "warning", f"empty lines are events in {dialect.id} (--dialect)")
    if dialect.blanks and not dialect.edges and (data[:1] in b" \t\r" or b"\n " in data or b"\n\t" in data):
        for match in _WHITE.finditer(data):
            message = "a line of white space only is an event here, and hashed"
            yield Finding("white_line", "warning", message, None, match.start())


def _long(lines: Lines) -> Iterator[Finding]:
    rows = lines.rows
    if lines.dialect.edges and _may_be_long(lines.data):
        for row, (start, stop) in enumerate(zip(rows.starts, rows.stops, strict=True)):
            if stop - start > _PAGE:
                yield _warning("long_line", f"{stop - start} bytes; the kernel takes {_PAGE} at once", lines, row)


def _may_be_long(data: bytes) -> bool:
    """Whether a line may be longer than a page: such a line covers one of the half pages that the data is made of."""
    half = _PAGE // 2
    return any(data.find(b"\n", at, at + half) < 0 for at in range(0, len(data) - half + 1, half))


def _strictly(lines: Lines, options: Options) -> Iterator[Finding]:
    """What only ``strict`` minds."""
    rows, dialect = lines.rows, lines.dialect
    if not options.strict or not len(rows.offsets):
        return
    if dialect.init is not None:
        first = next((row for row in range(len(rows.offsets)) if lines.content(row).measured), None)
        if first is None or lines.content(first).role not in ("init", "sync"):
            yield Finding(
                "no_init", "warning", f"the first record of {dialect.id} is INIT, this log has another", first
            )
    if dialect.id in ("aael-text", "aael-spec"):
        for match in _SHORT.finditer(lines.data.rstrip(b"\n")):
            if dialect.role(match[0]) == "init":
                continue
            yield Finding("few_fields", "warning", "a record has fewer than three fields", None, match.start())
