"""Hex dumps: lines of an offset, bytes and perhaps a text, as xxd, hexdump, od and their like print them.

There is no specification. Sources: xxd(1), hexdump(1), od(1), Format-Hex, certutil, TBS and pytdxmeasure by what they
print. One reader takes them all: it is the offsets that say how many bytes a line has, and so where its text begins,
however much that looks like more bytes. A line without a next one ends where its blanks are other than those of the
line before.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from evlog._record import Record
from evlog.intake.places import Layer, Place, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["Dump", "dumps", "places"]

#: A dump of fewer bytes is a digest, or no dump.
_LEAST = 32
_MAX_WIDTH = 256
#: The bytes of a text in which a dump begins, and the lines like one's of which two must belong together.
_BEGINS, _LINES = 1 << 18, 1 << 12
_USUAL_WIDTH = 16
#: Of the offsets: most tools count in the first.
_BASES = (16, 8, 10)
_CONTROL = bytes(range(9)) + bytes(range(14, 32))
_OFFSET = rb"(?:0[xX])?(?P<offset>[0-9A-Fa-f]{4,16})"
_BYTES = rb"(?P<between>:[ \t]*|[ \t]*\|[ \t]*|[ \t]+)(?P<rest>(?:[0-9A-Fa-f]{2}){1,64}(?![0-9A-Za-z:])[^\r\n]*)"
#: A line of a dump: a star for lines like the one before, an offset and bytes, or the length at the end.
_PLAIN = re.compile(rb"^[ \t]*(?:(?P<star>\*)[ \t]*|" + _OFFSET + rb"(?:[ \t]*|" + _BYTES + rb"))\r?$", re.MULTILINE)
#: The same behind what a logger puts in front.
_PREFIXED = re.compile(
    rb"^[^\r\n]*?(?<![0-9A-Za-z.+-])(?:(?P<star>\*)[ \t]*|" + _OFFSET + rb"(?:[ \t]*|" + _BYTES + rb"))\r?$",
    re.MULTILINE,
)
#: Bytes and a text, without an offset.
_BARE = re.compile(
    rb"^[ \t]*((?:[0-9A-Fa-f]{2}(?:[ \t]{1,2}|-))*[0-9A-Fa-f]{2})(?:[ \t]{2,}[^\r\n]+|[ \t]*[|>][^\r\n]*)\r?$",
    re.MULTILINE,
)
_BETWEEN = rb"(?:[ \t]{1,4}|[ \t]?[-:|,][ \t]?)?"
_PAIR = re.compile(rb"([ \t]{0,4}|[ \t]?[-:|,][ \t]?)([0-9A-Fa-f]{2})")


class Dump(Record):
    """What a dump writes.

    ``name``   what printed it, as far as one can tell
    ``group``  bytes that stand together; where it is more than one, and nothing says otherwise, they may be swapped
    ``lines``  the first line, and the one behind the last
    ``notes``  what was wrong with it
    """

    name: str
    data: bytes
    group: int
    lines: tuple[int, int]
    notes: tuple[str, ...] = ()


def places(text: bytes, budget: Budget) -> Iterator[Place]:
    """What the dumps in a text write: the text, if there is one, else each by its number, from 1."""
    found = list(dumps(text, budget))
    for number, each in enumerate(found, 1):
        layer = Layer(f"{each.name}, {len(each.data)} bytes", each.data, each.notes)
        yield Place(step(number) if len(found) > 1 else "", [layer], *each.lines)


def dumps(text: bytes, budget: Budget) -> Iterator[Dump]:
    """The dumps in a text, of 32 bytes and more."""
    head = text[:4096]
    if head.translate(None, _CONTROL) != head:
        return
    for pattern in (_PLAIN, _PREFIXED):
        if pattern.search(text, 0, _BEGINS) is None:
            continue
        any_found = False
        usual = _usual(pattern.finditer(text))
        if usual is None:
            continue
        for each in _Reader(pattern.finditer(text), usual, budget, loose=pattern is _PREFIXED).dumps():
            any_found = True
            yield each
        if any_found:
            return
    if _BARE.search(text, 0, _BEGINS) is not None:
        yield from _without_offsets(text, budget)


def _without_offsets(text: bytes, budget: Budget) -> Iterator[Dump]:
    """A dump whose lines have bytes and a text alone: all but the last have as many bytes."""
    width = 0
    data = bytearray()
    lines = behind = 0
    for line in _BARE.finditer(text):
        written = line[1].translate(None, b" \t-")
        width = width or len(written) // 2
        if behind or len(written) < 2 * width:
            # Only the last line is short; behind it begins something else.
            if behind or not width:
                break
            behind = 1
        budget.spend(width)
        data += bytes.fromhex(written[: 2 * width].decode())
        lines += 1
    if lines > 1 and len(data) >= _LEAST:
        yield Dump("a hex dump without offsets", bytes(data), 1, (0, lines))


class _Row(Record):
    """A line with bytes in it. ``rest`` begins with the first of them."""

    number: int
    offset: bytes
    between: bytes
    rest: bytes


def _usual(lines: Iterator[re.Match[bytes]]) -> tuple[int, int] | None:
    """The base of the offsets and the bytes of a line, by the first two in a row that belong together.

    Where only stars are between them nothing tells, and they are what most tools print.
    """
    last = None
    stars = False
    for line in islice(lines, _LINES):
        stars = stars or line["star"] is not None
        if last is not None and line["rest"] is not None:
            for base in _BASES:
                size = _difference(last["offset"], line["offset"], base)
                taken = _take(last["rest"], size) if 0 < size <= _MAX_WIDTH else None
                if taken is not None and not _more(last["rest"], taken):
                    return base, size
        last = line if line["rest"] is not None else None
    return (_BASES[0], _USUAL_WIDTH) if stars else None


def _difference(one: bytes, other: bytes, base: int) -> int:
    """How far it is from one offset to another; 0 if one is no number in that base."""
    try:
        return int(other, base) - int(one, base)
    except ValueError:
        return 0


class _Reader:
    """The lines of a text that look like a dump's, and what they come to.

    ``usual`` is the base of the offsets, and the bytes of a line as far as it does not say otherwise. With ``loose``
    any number behind any words may look like the length at the end, and is none if it does not agree.
    """

    def __init__(
        self, lines: Iterator[re.Match[bytes]], usual: tuple[int, int], budget: Budget, *, loose: bool
    ) -> None:
        self._lines = lines
        self._base, self._usual = usual
        self._budget = budget
        self._loose = loose
        self._begin()

    def _begin(self) -> None:
        """Forget the dump so far."""
        self._data = bytearray()
        self._first: _Row | None = None
        self._last: _Row | None = None
        self._width = 0
        self._text = b""
        self._gaps: tuple[bytes, ...] = ()
        self._stars = False
        self._notes: list[str] = []

    def dumps(self) -> Iterator[Dump]:
        number = 0
        for number, line in enumerate(self._lines):
            if line["star"] is not None:
                self._stars = self._last is not None
                continue
            row = _Row(number, line["offset"], line["between"] or b"", line["rest"] or b"")
            if self._last is not None:
                goes_on = self._goes_on(self._last, row)
                if goes_on and row.rest:
                    self._last = row
                    continue
                if not goes_on:
                    if not row.rest and self._loose:
                        continue
                    self._end(self._last)
                    self._compare(row)
                yield from self._done(number)
            if row.rest:
                self._first = self._last = row
        if self._last is not None:
            self._end(self._last)
            yield from self._done(number + 1)

    def _goes_on(self, last: _Row, row: _Row) -> bool:
        """Take the bytes of the line before, as many as its offset and that of this one say; whether they do."""
        size = _difference(last.offset, row.offset, self._base)
        if self._stars:
            return self._repeat(last, size)
        if not 0 < size <= (self._width or _MAX_WIDTH) or (row.rest and self._width and size != self._width):
            return False
        taken = _take(last.rest, size)
        if taken is None or (not row.rest and self._width and len(_walk(last.rest, self._gaps)) != size):
            return False
        self._add(_bytes(taken))
        self._learn(last, taken, size)
        return True

    def _repeat(self, last: _Row, size: int) -> bool:
        """The line before, again and again, up to the next."""
        width = self._width or self._usual
        taken = _take(last.rest, width)
        if taken is None or size <= width:
            return False
        self._budget.spend(size)
        self._data += (_bytes(taken) * (size // width + 1))[:size]
        self._stars = False
        self._learn(last, taken, width)
        return True

    def _learn(self, row: _Row, taken: bytes, width: int) -> None:
        """What lines look like, by the first."""
        if not self._width:
            self._width = width
            self._gaps = tuple(each[1] for each in _PAIR.finditer(taken))
            self._text = row.rest[len(taken) :].strip()

    def _compare(self, row: _Row) -> None:
        """Whether what ends a dump, and does not go on with it, is its length."""
        first = self._first
        if first is None or not self._data:
            return
        size = _difference(first.offset, row.offset, self._base)
        if not row.rest:
            self._notes.append(f"the dump says that it has {size} bytes, and it has {len(self._data)}")
        elif size > len(self._data):
            self._notes.append(f"the dump has no lines for bytes {len(self._data):#x} to {size - 1:#x}")

    def _end(self, last: _Row) -> None:
        """Take the bytes of the last line, which nothing says the number of."""
        if self._stars:
            self._notes.append("the dump ends with a star, and does not say how many lines that stands for")
        self._add(_walk(last.rest, self._gaps))

    def _add(self, data: bytes) -> None:
        self._budget.spend(len(data))
        self._data += data

    def _done(self, behind: int) -> Iterator[Dump]:
        first = self._first
        if first is not None and len(self._data) >= _LEAST:
            name = _name(first, self._text)
            group = next((at for at, gap in enumerate(self._gaps[1:], 1) if gap), len(self._gaps))
            yield Dump(name, bytes(self._data), group, (first.number, behind), tuple(self._notes))
        self._begin()


@lru_cache(maxsize=_MAX_WIDTH)
def _exactly(size: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[0-9A-Fa-f]{2}%s){%d}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])" % (_BETWEEN, size - 1))


def _take(rest: bytes, size: int) -> bytes | None:
    """What writes so many bytes, and not half a group more; None if they are not there."""
    found = _exactly(size).match(rest)
    return found[0] if found is not None else None


def _more(rest: bytes, taken: bytes) -> bool:
    """Whether one more byte stands behind, as if it were one of the line."""
    return re.match(rb" [0-9A-Fa-f]{2}(?: |$)", rest[len(taken) :]) is not None


def _walk(rest: bytes, gaps: tuple[bytes, ...]) -> bytes:
    """The bytes of a line, as long as what stands between them is what stands there in a full line."""
    found = []
    position = 0
    for gap in gaps:
        pair = _PAIR.match(rest, position)
        if pair is None or pair[1] != gap:
            break
        found.append(pair[2])
        position = pair.end()
    return bytes.fromhex(b"".join(found).decode())


def _bytes(taken: bytes) -> bytes:
    return bytes.fromhex(taken.translate(None, b" \t-:|,").decode())


def _name(first: _Row, text: bytes) -> str:
    """What prints such lines, with such a text behind the bytes."""
    if first.between.lstrip(b" \t").startswith(b"|"):
        return "a TBS dump"
    if first.between.startswith(b":"):
        return "xxd"
    if b"\t" in first.between:
        return "certutil -encodehex"
    if text.startswith(b"|") and text.endswith(b"|") and len(text) > 2:
        return "hexdump -C"
    if text.startswith(b">") and text.endswith(b"<"):
        return "od"
    return "a hex dump"
