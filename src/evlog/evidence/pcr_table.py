"""The table that ``systemd-analyze pcrs`` prints: a line of headings, ``NR NAME SHA256``, and a row for each PCR.

The bank is the third heading, or ``-`` where the TPM has none; names may be ``-``.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

ID = "pcr-table"
TITLE = "PCR values as systemd-analyze prints them"
KINDS = ("register-file",)


def claims(material: Material) -> bool:
    return material.head.split()[:2] == [b"NR", b"NAME"]


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for a row that does not fit, or a table without a bank."""
    headings, *rows = (line.split() for line in (material.data or b"").splitlines() if line.strip())
    try:
        alg = HashAlg.named(headings[2].decode("ascii"))
    except (EvlogError, IndexError, UnicodeDecodeError):
        raise ParseError("no bank in the third heading", offset=0, where="line 1") from None
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for number, row in enumerate(rows, 2):
        try:
            index, value = int(row[0]), bytes.fromhex(row[-1].decode("ascii"))
        except ValueError:
            raise ParseError("a number, a name and a value in hex were expected", where=f"row {number}") from None
        if len(value) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", where=f"row {number}")
        if values.setdefault((Register("pcr", index), alg), value) != value:
            raise ParseError(f"pcr:{index} has two values in {alg}", where=f"row {number}")
    if not values:
        raise ParseError("no PCR values in it", offset=0)
    sentence = "the PCR values are those of a listing"
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(sentence,), form=ID)
