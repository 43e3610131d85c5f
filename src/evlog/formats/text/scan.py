"""Furniture of the room text: where each line starts, what of it is hashed, and which register it extends.

Lines end at LF and nowhere else, except in the dialect whose writer takes CR for the same. A million lines are a few
list comprehensions; nothing is decided line by line in Python unless the lines have an index.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from operator import add

from evlog import hashing
from evlog._record import Record
from evlog.columns import NOT_EXTENDED
from evlog.contents.text import STATEMENTS
from evlog.errors import UsageError
from evlog.registers import UNKNOWN_REGISTER, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.formats.text.dialects import Dialect

__all__ = ["Index", "Rows", "scan"]

_PIECE = re.compile(rb"[^\r\n]*(?:\r\n|[\r\n])|[^\r\n]+")
_NUMBER = re.compile(rb"[0-9]{1,10}")
_NAME = re.compile(rb"(?:mr:[!-~]+|(?:pcr|ccmr|rtmr|rem)[0-9]{1,10})")
_LIKELY = re.compile(rb"[IS#]")
_WITH_LF = (1).__add__
_KEYWORDS = frozenset((b"INIT", b"SYNC", b"# .E"))


class Index(Record):
    """The register index before each line of a global log: what its number counts, and whether it is hashed.

    ``space`` is pcr, ccmr, rtmr or rem, or None as long as nobody has said: registers are then known by name only.
    """

    space: str | None
    hashed: bool = False

    @staticmethod
    def parse(text: str) -> Index | None:
        """Read ``ccmr`` or ``ccmr-hashed``; ``none`` is no index. Raises UsageError for anything else."""
        if text == "none":
            return None
        space, _, rest = text.partition("-")
        if space not in ("pcr", "ccmr", "rtmr", "rem") or rest not in ("", "hashed"):
            raise UsageError(f"unknown index {text!r}; known are pcr, ccmr, rtmr, rem, each with -hashed or without")
        return Index(space, rest == "hashed")

    def __str__(self) -> str:
        return f"{self.space or ''}{'-hashed' * self.hashed}"

    def register(self, token: bytes) -> Register | None:
        """The register that the word before a line names, or None if it names none."""
        if _NUMBER.fullmatch(token):
            number = int(token)
            return Register(self.space, number) if self.space is not None else Register("mr", token.decode())
        return Register.parse(token.decode()) if _NAME.fullmatch(token) else None

    def token(self, register: Register) -> bytes:
        """The word that stands for a register, nothing for the unknown one."""
        if register == UNKNOWN_REGISTER:
            return b""
        if register.space == self.space or (self.space is None and str(register.index).isdecimal()):
            return str(register.index).encode()
        return (f"mr:{register.index}" if register.space == "mr" else f"{register.space}{register.index}").encode()


class Rows(Record):
    """The lines of a log: see `evlog.columns.Columns` for the first five.

    ``names`` are the registers that ``registers`` counts in, ``strays`` the rows without the index that they need,
    ``keywords`` those that begin like INIT or SYNC and are neither.
    """

    offsets: array[int]
    starts: array[int]
    stops: array[int]
    registers: array[int]
    statements: tuple[int, ...]
    names: tuple[Register, ...]
    strays: tuple[int, ...] = ()
    keywords: tuple[int, ...] = ()


def scan(data: bytes, dialect: Dialect, register: Register, index: Index | None) -> Rows:
    """The lines of a log of one register, or of a global one, whose lines have an index."""
    mine = 0 if register.replayable else NOT_EXTENDED
    native = hashing.native(len(data))
    if native is not None and index is None:
        offsets, stops, registers, likely = array("Q"), array("Q"), array("I"), []  # type: ignore[var-annotated]
        form = dialect.comments, dialect.edges, mine, sorted(_KEYWORDS)
        if native.text_run(data, *form, offsets, stops, registers, likely):
            spoken = _spoken({row: data[offsets[row] : stops[row]] for row in likely}, dialect, register)
            return Rows(offsets, offsets, stops, registers, *spoken)
    if dialect.edges and b"\r" in data:
        found = [(piece.start(), piece[0].rstrip(b"\r\n")) for piece in _PIECE.finditer(data)]
        offsets, lines = array("Q", [start for start, _ in found]), [line for _, line in found]
    else:
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        offsets = array("Q", accumulate(map(_WITH_LF, map(len, lines)), initial=0))
        offsets.pop()
    starts = offsets
    if dialect.edges:
        stripped = [line.strip(dialect.edges) for line in lines]
        if stripped != lines:
            starts = array("Q", _inner(offsets, lines, dialect.edges))
            lines = stripped
    if index is not None:
        return _indexed(offsets, starts, lines, dialect, index)
    stops = array("Q", map(add, starts, map(len, lines)))
    # The first byte of each line tells nearly all of them apart; LF stands for an empty one.
    firsts = bytes([line[0] if line else 0x0A for line in lines])
    registers = array("I", [mine]) * len(lines)
    if dialect.comments and (0x23 in firsts or 0x0A in firsts):
        registers = array(
            "I", map([NOT_EXTENDED if byte in (0x23, 0x0A) else mine for byte in range(256)].__getitem__, firsts)
        )
    likely = [found.start() for found in _LIKELY.finditer(firsts) if lines[found.start()][:4] in _KEYWORDS]
    spoken = _spoken({row: lines[row] for row in likely}, dialect, register)
    return Rows(offsets, starts, stops, registers, *spoken)


def _spoken(
    likely: dict[int, bytes], dialect: Dialect, register: Register
) -> tuple[tuple[int, ...], tuple[Register, ...], tuple[int, ...], tuple[int, ...]]:
    """Statements, names, strays and keywords of a log of one register, out of the lines that begin like one."""
    statements = tuple(row for row, line in likely.items() if dialect.role(line) in STATEMENTS)
    odd = set(likely).difference(statements)
    keywords = tuple(row for row in sorted(odd) if dialect.claims(likely[row]))
    return statements, (register,), (), keywords


def _inner(offsets: array[int], lines: list[bytes], edges: bytes) -> Iterable[int]:
    for offset, line in zip(offsets, lines, strict=True):
        # A line of nothing else starts where it stands.
        yield offset + (len(line) - len(line.lstrip(edges))) % max(len(line), 1)


def _indexed(offsets: array[int], starts: array[int], lines: list[bytes], dialect: Dialect, index: Index) -> Rows:
    known: dict[bytes, tuple[int, bool]] = {}
    names: dict[Register, int] = {}
    strays, statements, keywords = [], [], []
    begins, stops, registers = array("Q"), array("Q"), array("I")
    for row, (start, whole) in enumerate(zip(starts, lines, strict=True)):
        token, _, line = whole.partition(b" ")
        place = known.get(token)
        if place is None:
            register = index.register(token)
            if register is None:
                token, line, register = b"", whole, UNKNOWN_REGISTER
                strays.append(row)
            place = names.setdefault(register, len(names)), register.replayable
            if token:
                known[token] = place
        if dialect.edges:
            line = line.lstrip(dialect.edges)
        begin = start + len(whole) - len(line)
        role = dialect.role(line)
        if role in STATEMENTS:
            statements.append(row)
        elif role == "record" and dialect.claims(line):
            keywords.append(row)
        extends = place[1] and role in ("record", "init", "sync")
        registers.append(place[0] if extends else NOT_EXTENDED)
        begins.append(start if index.hashed else begin)
        stops.append(begin + len(line))
    return Rows(offsets, begins, stops, registers, tuple(statements), tuple(names), tuple(strays), tuple(keywords))
