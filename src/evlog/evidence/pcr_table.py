"""The table that ``systemd-analyze pcrs`` prints: a line of headings, ``NR NAME SHA256``, and a row for each PCR.

The bank is the third heading, or ``-`` where the TPM has none, and the value is ``-`` then; names may be ``-``. Without
the headings (``--no-legend``) the bank follows from the length of the values.
"""

from __future__ import annotations

import re

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

ID = "pcr-table"
TITLE = "PCR values as systemd-analyze prints them"
KINDS = ("register-file",)

_HEADINGS = [b"NR", b"NAME"]
_NONE = b"-"
# A row without headings above it: the number, the name, and the start of a value.
_BARE = re.compile(rb"\s*\d{1,2}[ \t]+(?:-|[a-z][a-z-]*)[ \t]+[0-9a-fA-F]{16,}")


def claims(material: Material) -> bool:
    return material.head.split()[:2] == _HEADINGS or _BARE.match(material.head) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for a row that does not fit, or a table without a bank."""
    lines = [(number, line.split()) for number, line in enumerate((material.data or b"").splitlines(), 1)]
    rows = [(number, row) for number, row in lines if row]
    headed = bool(rows) and rows[0][1][:2] == _HEADINGS
    alg = _bank(rows.pop(0)[1]) if headed else None
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for number, row in rows:
        where = f"line {number}"
        if len(row) > 1 and row[-1] == _NONE and row[0].isdigit():
            continue
        if headed and alg is None:
            raise ParseError("a value, and no bank in the third heading", offset=0, where=where)
        try:
            index, value = int(row[0]), bytes.fromhex(row[-1].decode("ascii"))
        except ValueError:
            raise ParseError("a number, a name and a value in hex were expected", where=where) from None
        if alg is None:
            alg = HashAlg.of_size(len(value))
        if alg is None or len(value) != alg.size:
            said = "values of a digest's length were expected" if alg is None else f"{alg} values have {alg.size} bytes"
            raise ParseError(f"{said}, this one {len(value)}", where=where)
        if values.setdefault((Register("pcr", index), alg), value) != value:
            raise ParseError(f"pcr:{index} has two values in {alg}", where=where)
    if not values:
        raise ParseError("no PCR values in it: the TPM that was asked has no bank, or there is none", offset=0)
    sentence = "the PCR values are those of a listing"
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(sentence,), form=ID)


def _bank(headings: list[bytes]) -> HashAlg | None:
    """The bank that the headings name; None where they say that there is none."""
    if headings[2:] == [_NONE]:
        return None
    try:
        return HashAlg.named(headings[2].decode("ascii"))
    except (EvlogError, IndexError, UnicodeDecodeError):
        raise ParseError("no bank in the third heading", offset=0, where="line 1") from None
