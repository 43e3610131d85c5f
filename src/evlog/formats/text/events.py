"""Furniture of the room text: which hash each register has, and events made from scanned lines."""

from __future__ import annotations

from evlog import columns, hashing
from evlog._record import Record
from evlog.algorithms import SHA384, HashAlg
from evlog.columns import NOT_EXTENDED, Layout
from evlog.contents.text import TextLine
from evlog.errors import UsageError
from evlog.model import Digest, Event, Finding, LazyEvents, Origin, Span
from evlog.registers import UNKNOWN_REGISTER, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.columns import Extensions
    from evlog.formats.text.dialects import Dialect
    from evlog.formats.text.scan import Index, Rows
    from evlog.options import Options

    Pair = tuple[HashAlg, HashAlg]

__all__ = ["Hashes", "Lines", "TextEvents", "hashes", "spelled"]

# Stands for a hash that nobody here knows: no bank is equal to it.
_NO_HASH = HashAlg(0, "unknown", 0)


class Lines(Record):
    """The lines of a log, read as their dialect says."""

    data: bytes
    rows: Rows
    dialect: Dialect
    index: Index | None

    def length(self, row: int) -> int:
        """Bytes of a line, with its end."""
        offsets = self.rows.offsets
        return (offsets[row + 1] if row + 1 < len(offsets) else len(self.data)) - offsets[row]

    def raw(self, row: int) -> bytes:
        """A line as it stands, with its end."""
        offset = self.rows.offsets[row]
        return self.data[offset : offset + self.length(row)]

    def content(self, row: int) -> TextLine:
        """What a line carries."""
        line = plain = self.data[self.rows.starts[row] : self.rows.stops[row]]
        if self.index is not None and self.index.hashed and self.register(row) != UNKNOWN_REGISTER:
            plain = line.partition(b" ")[2]
        return TextLine(self.dialect.role(plain), line)

    def register(self, row: int) -> Register:
        """The register that a line belongs to; comments and blank lines have one too."""
        if self.index is None:
            return self.rows.names[0]
        token = self.raw(row).strip(self.dialect.edges or b"\n").partition(b" ")[0]
        return self.index.register(token) or UNKNOWN_REGISTER


class Hashes(Record):
    """By register: the hash of its lines, and its own; None where the log names one that evlog does not know."""

    pairs: tuple[Pair | None, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def banks(self) -> tuple[HashAlg, ...]:
        """The registers' hashes, each once."""
        return tuple(dict.fromkeys(pair[1] for pair in self.pairs if pair is not None))


def hashes(lines: Lines, options: Options) -> Hashes:
    """The hashes that the caller, the dialect or the log itself states.

    INIT and SYNC name the hash of the lines; a value of another length is that of a register with another hash
    (the attestation agent, SHA-256 on TDX). Without either, ``.EXTEND`` tells by its length. SHA-384 is what remains.
    """
    given, given_mr = _named(options.hash or lines.dialect.hash), _named(options.mr_hash)
    stated = _stated(lines) if given is None or given_mr is None else {}
    known = {pair for pair in stated.values() if isinstance(pair, tuple)}
    findings: list[Finding] = []
    pairs: list[Pair | None] = []
    for register in lines.rows.names:
        own = stated.get(register)
        if given is not None:
            states = isinstance(own, tuple) and own[0] == given
            own = own if states else (given, given)
        elif own is None and len(known) == 1:
            (own,) = known
        elif own is None:
            own = (given_mr or SHA384,) * 2
            if given_mr is None and len(lines.rows.offsets):
                message = f"no line names a hash; {register} is taken to be sha384 (--hash says another)"
                findings.append(Finding("hash_assumed", "note", message))
        if isinstance(own, str):
            message = f"{register}: the log names the hash {own!r}, which is unknown here; nothing can be replayed"
            findings.append(Finding("unknown_hash", "warning", message))
            pairs.append(None)
        elif own is not None:
            pairs.append((own[0], given_mr or own[1]))
    return Hashes(tuple(pairs), tuple(findings))


def _stated(lines: Lines) -> dict[Register, Pair | str]:
    """The hashes that statements name, by register; a string is the name of an unknown one."""
    stated: dict[Register, Pair | str] = {}
    hinted: dict[Register, Pair | str] = {}
    for row in lines.rows.statements:
        register, content = lines.register(row), lines.content(row)
        if content.role == "extend":
            found = HashAlg.of_size(len(content.extended or b""))
            if found is not None:
                hinted.setdefault(register, (found, found))
        elif register not in stated and content.stated is not None:
            stated[register] = _pair(*content.stated)
        if len(stated) == len(lines.rows.names):
            break
    return {**hinted, **stated}


def _named(name: str | None) -> HashAlg | None:
    return HashAlg.named(name) if name is not None else None


def _pair(name: str, value: bytes) -> Pair | str:
    try:
        alg = HashAlg.named(name)
    except UsageError:
        return name
    if not alg.known:
        return name
    other = HashAlg.of_size(len(value))
    return alg, alg if len(value) == alg.size or other is None else other


class TextEvents(LazyEvents):
    """Events of a textual log, made from its columns."""

    __slots__ = ("lines",)

    def __init__(self, lines: Lines, pairs: tuple[Pair | None, ...], name: str) -> None:
        self.lines = lines
        rows, index = lines.rows, lines.index
        pair_of = dict(zip(rows.names, pairs, strict=True))
        made = columns.Lines(
            lines.data,
            rows.offsets,
            rows.registers,
            (Layout(()),),
            None,
            len(lines.data),
            "mr",
            (),  # no line implies a start value
            names=rows.names,
            banks=tuple(pair[1] if pair is not None else _NO_HASH for pair in pairs),
            statements=rows.statements,
            covered=(rows.starts, rows.stops) if all(pair and pair[0] == pair[1] for pair in pairs) else None,
            compute=_extensions(lines, pairs),
        )

        def carried(row: int, register: Register) -> tuple[TextLine, tuple[Digest, ...]]:
            content = lines.content(row)
            pair = pair_of[register]
            if pair is None or not content.measured:
                return content, ()
            digest = hashing.digest(pair[0], content.line)
            return content, (Digest(pair[1], hashing.pad_or_cut(digest, pair[1].size)),)

        def make(row: int) -> Event:
            register, raw = lines.register(row), lines.raw(row)
            content, digests = carried(row, register)
            origin = Origin(name, "text", Span(rows.offsets[row], len(raw)))
            wire = None if raw == spelled(content, register, index) else raw
            return Event(row, register, digests, content, None, origin, wire)

        reading = lines.dialect.id, index, pairs
        # Lines of no byte or one are not made a million times over.
        shortest: dict[bytes, tuple[TextLine, tuple[Digest, ...]]] = {}

        def make_plain(row: int) -> Event:
            """As `make`, of a log of one register."""
            register, data = rows.names[0], lines.data
            offset, start, stop, length = rows.offsets[row], rows.starts[row], rows.stops[row], lines.length(row)
            if stop - start > 1:
                content, digests = carried(row, register)
            else:
                line = data[start:stop]
                content, digests = shortest.get(line) or shortest.setdefault(line, carried(row, register))
            # As this room writes it: the line from its first byte, and LF.
            plain = start == offset and stop - start == length - 1 and data[stop] == 0x0A
            wire = None if plain else data[offset : offset + length]
            return Event(row, register, digests, content, None, Origin(name, "text", Span(offset, length)), wire)

        super().__init__(made, make if index is not None else make_plain, reading=reading)


def _extensions(lines: Lines, pairs: tuple[Pair | None, ...]) -> Extensions:
    """See `evlog.columns.Columns.extensions`. Nothing of rows that inform, None of registers with another bank."""
    data, rows = lines.data, lines.rows
    banks: dict[HashAlg, tuple[dict[int, HashAlg], bool]] = {}

    def extensions(alg: HashAlg, rules: tuple[str, ...], start: int, stop: int) -> Sequence[bytes | None]:
        registers = rows.registers[start:stop]
        if alg not in banks:
            hashed = {number: pair[0] for number, pair in enumerate(pairs) if pair is not None and pair[1] == alg}
            banks[alg] = hashed, all(of == alg for of in hashed.values())
        hash_of, plain = banks[alg]
        spans = zip(registers, rows.starts[start:stop], rows.stops[start:stop], strict=True)
        if plain:
            extending = [data[a:b] for register, a, b in spans if register in hash_of]
            found = hashing.backend().digests(alg, extending)
            if len(found) == len(registers):
                return found
        else:
            found = [
                hashing.pad_or_cut(hashing.digest(hash_of[register], data[a:b]), alg.size)
                for register, a, b in spans
                if register in hash_of
            ]
        following = iter(found)
        return [
            next(following) if register in hash_of else b"" if register == NOT_EXTENDED else None
            for register in registers
        ]

    return extensions


def spelled(content: TextLine, register: Register, index: Index | None) -> bytes:
    """A line as this room writes it: the index, if there is to be one and it is not part of the line; LF."""
    token = b"" if index is None or index.hashed else index.token(register)
    return b"%b %b\n" % (token, content.line) if token else content.line + b"\n"
