"""PCR values that carry no number: what ``tsspcrread`` of the IBM TSS prints, asked for one PCR after another.

Source: IBM TSS 2, utils/pcrread.c: ``count N``, then for each bank a line with ``digest length SIZE`` and the value in
lines of 16 bytes; with ``-ns`` a line of hex alone. Nothing says which PCR it is: 24 values of a bank, one after
another, are taken for PCR 0 to 23, and others only where the command stands above each (``tsspcrread -ha 7 ...``), as a
shell prints it that traces.
"""

from __future__ import annotations

import re

from evlog.algorithms import HashAlg
from evlog.errors import ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "pcr-lines"
TITLE = "PCR values without their numbers, as tsspcrread prints them"
KINDS = ("register-file",)

_PCR_COUNT = 24
_LENGTH = re.compile(rb"\s*digest length (\d{1,3})\s*")
_COMMAND = re.compile(rb".*\bt?s?spcrread\b.*?-ha (\d{1,2})\b")
_START = re.compile(rb"\s*count \d+\b.*\s+digest length \d")
_BARE = re.compile(rb"\s*([0-9a-fA-F]+)\s*\n\s*([0-9a-fA-F]+)\s*(?:\n|$)")
_LENGTHS = frozenset({40, 64, 96, 128})
_TRACE = re.compile(rb"[+$#] ?tsspcrread |\+ (?:for|seq) |\+\+ ")


def claims(material: Material) -> bool:
    data = (material.data or b"")[:4096]
    if _TRACE.match(data):
        return b"tsspcrread" in data
    if _START.match(data):
        return True
    # Two lines of a digest's length; dumps of bytes have others.
    found = _BARE.match(data)
    return found is not None and len(found[1]) in _LENGTHS and len(found[2]) == len(found[1])


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError where it cannot be told which PCRs they are of."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    counts: dict[HashAlg, int] = {}
    named = False
    for where, index, value in _values(material.data or b""):
        alg = HashAlg.of_size(len(value))
        if alg is None:
            raise ParseError(f"{len(value)} bytes, a digest was expected", offset=0, where=where)
        named |= index is not None
        register = Register("pcr", counts.get(alg, 0) if index is None else index)
        counts[alg] = counts.get(alg, 0) + 1
        if values.setdefault((register, alg), value) != value:
            raise ParseError(f"{register} has two values in {alg}", offset=0, where=where)
    if not values:
        raise ParseError("no PCR values in it", offset=0)
    short = [f"{count} of {alg}" for alg, count in counts.items() if count != _PCR_COUNT]
    if short and not named:
        raise ParseError(f"nothing says which PCRs these are: {', '.join(short)}, not {_PCR_COUNT}", offset=0)
    sentence = "the PCR values are those of a listing"
    if not named:
        sentence += " without numbers, taken by their order for PCR 0 to 23 of " + " and ".join(map(str, counts))
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(sentence,), form=ID)


def _values(data: bytes) -> Iterator[tuple[str, int | None, bytes]]:
    """Each value as (where, the PCR if a command names it, value)."""
    index: int | None = None
    left, value, start = 0, b"", 0
    for number, line in enumerate(data.splitlines(), 1):
        text = line.strip()
        if not text:
            continue
        length, command = _LENGTH.fullmatch(line), _COMMAND.match(line)
        if left and (length or command):
            raise ParseError(f"{left} bytes of the value are missing", offset=0, where=f"line {start}")
        if command:
            index = int(command[1])
        elif length:
            left, value, start = int(length[1]), b"", number
        elif not text.startswith((b"count ", b"+ ", b"++ ", b"$ ", b"# ")):
            try:
                piece = bytes.fromhex(text.decode("ascii"))
            except ValueError:
                raise ParseError("a value in hex was expected", offset=0, where=f"line {number}") from None
            if not left:
                yield f"line {number}", index, piece
                continue
            if len(piece) > left:
                raise ParseError(f"{len(piece)} bytes, {left} were expected", offset=0, where=f"line {number}")
            value, left = value + piece, left - len(piece)
            if not left:
                yield f"line {start}", index, value
    if left:
        raise ParseError(f"{left} bytes of the value are missing", offset=0, where=f"line {start}")
