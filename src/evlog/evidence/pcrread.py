"""What ``tpm2_pcrread`` prints, and the ``pcrs`` section that ``tpm2_quote`` and ``tpm2_eventlog`` print.

A bank's name and a colon, then a line for each PCR: index, colon, value in hex. Also the ``pcrs`` file of old
kernels, ``PCR-00: AA BB ...``, which is the SHA-1 bank.
"""

from __future__ import annotations

from evlog.algorithms import SHA1, HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "pcrread"
TITLE = "PCR values as tpm2_pcrread prints them"
KINDS = ("register-file",)


def claims(material: Material) -> bool:
    if material.data is None or b"\0" in material.head:
        return False
    try:
        return next(_values(material.data), None) is not None
    except ParseError:
        return True


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError for one that does not fit its bank, or for two of a PCR."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for (register, alg), value in _values(material.data or b""):
        if values.setdefault((register, alg), value) != value:
            raise ParseError(f"{register} has two values in {alg}", where="pcrs")
    if not values:
        raise ParseError("no PCR values in it", offset=0)
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(_sentence(material.data or b""),), form=ID)


def _sentence(data: bytes) -> str:
    """Where the values come from. Behind a list of events they are what tpm2_eventlog made of these."""
    if b"events:" in data[:64].split() and b"EventType:" in data:
        return "the PCR values are as replayed by tpm2_eventlog from a log, and no values of a machine"
    return "the PCR values are those of a listing"


def _values(data: bytes) -> Iterator[tuple[tuple[Register, HashAlg], bytes]]:
    """Each PCR and its value. Lines that are neither bank nor value end a bank, so other sections are passed over."""
    bank: HashAlg | None = None
    lines = data.split(b"\n")
    # Where there is a section of PCRs the others hold digests of events.
    sections = [number for number, line in enumerate(lines) if line.rstrip() == b"pcrs:"]
    for number, line in enumerate(lines[sections[-1] :] if sections else lines, sections[-1] if sections else 0):
        name, colon, rest = line.strip().partition(b":")
        key, value = name.strip(), rest.strip()
        if not colon or not key:
            continue
        index = key[4:] if key.startswith(b"PCR-") else key
        if not value:
            bank = _bank(key)
        elif index.isdigit() and (bank or key.startswith(b"PCR-")):
            alg = SHA1 if bank is None else bank
            yield (Register("pcr", _index(index, number)), alg), _value(value, alg, number)


def _bank(name: bytes) -> HashAlg | None:
    try:
        return HashAlg.named(name.decode("ascii"))
    except (EvlogError, UnicodeDecodeError):
        return None


def _index(text: bytes, line: int) -> int:
    if len(text) > 4:
        raise ParseError("no PCR has an index of this size", where=f"line {line + 1}")
    return int(text)


def _value(text: bytes, alg: HashAlg, line: int) -> bytes:
    where = f"line {line + 1}"
    digits = text[2:] if text[:2].lower() == b"0x" else text
    try:
        value = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        raise ParseError("a value in hex was expected", where=where) from None
    if len(value) != alg.size:
        raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", where=where)
    return value
