"""Register values among a JSON document's other members, or a token's, by the names that tools give them.

``pcr00`` .. ``pcr23`` (claims of CoCo's trustee), ``PCR0``, ``pcr_0``, ``rtmr0`` .. ``rtmr3`` and ``mrtd`` (dstack's
tcb_info), ``tdx_rtmr0`` (Intel Trust Authority), ``rtmr0`` .. ``rtmr4`` of 32 bytes (trustee, of a Hygon CSV guest); an
object of bare numbers; 24 values in a list; a table by bank, as keylime has it, at any depth; and rows of ``nr`` and a
bank, as ``systemd-analyze pcrs --json`` prints them. Where no bank is named it follows from the length of the value. A
document written in a string of another is looked into, and a token is the middle part of a JSON Web Token (RFC 7519).
"""

from __future__ import annotations

import re

from evlog._record import Record
from evlog.algorithms import SHA256, SM3_256, HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _document
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ID = "claims-json"
TITLE = "register values among the members of a JSON document or a token"
KINDS = ("register-file",)

_NAME = re.compile(r"(?:tdx[_.])?(pcr|rtmr)[_:-]?\[?0*(\d{1,2})\]?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}")
_MRTD = re.compile(r"(?:tdx_)?mr_?td", re.IGNORECASE)
_TABLES = frozenset({"pcr", "pcrs", "pcrvalues", "registers", "values"})
MRTD = Register("ccmr", 0)
_PCR_COUNT = 24
_CSV_LAST = 4
_MAX_DEPTH = 24
_LONGEST_BANK = 20
# Objects, lists and texts: no evidence has as many. Characters of a text with a value in it.
_MAX_MEMBERS, _LEAST_TEXT = 1 << 16, 40


class Row(Record):
    """A register as a document states it: where, the bank if it is named, the value, and in which object it stands."""

    place: _document.Place
    register: Register
    bank: HashAlg | None
    value: Any
    table: int


def claims(material: Material) -> bool:
    try:
        return any(row.register != MRTD for row in _found(_told(material)))
    except ParseError:
        return False


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError naming a member that is no value."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    sizes: dict[int, int] = {}
    rows = list(_found(_told(material)))
    csv = any(row.register == Register("rtmr", _CSV_LAST) for row in rows)
    platform = PLATFORMS["csv" if csv else "tdx"]
    for row in rows:
        where = _document.path(row.place)
        register, value = platform.ccmr_of(row.register), _value(row.value, where)
        alg = HashAlg.of_size(len(value)) if row.bank is None else row.bank
        if csv and register.space == "ccmr" and alg == SHA256:
            alg = SM3_256
        if alg is None or alg.size != len(value):
            expected = "a digest" if row.bank is None else f"{row.bank} values have {row.bank.size} bytes"
            raise ParseError(f"{len(value)} bytes, {expected} was expected", offset=0, where=where)
        if sizes.setdefault(row.table, len(value)) != len(value) and row.bank is None:
            said = f"{len(value)} bytes, {sizes[row.table]} as those before it were expected"
            raise ParseError(said, offset=0, where=where)
        if values.setdefault((register, alg), value) != value:
            raise ParseError(f"{register} has two values in {alg}", offset=0, where=where)
    if not values:
        raise ParseError("no register values in it", offset=0)
    token = _document.token(material.data or b"") is not None
    said = "a token, whose signature is not checked here" if token else "a file"
    spaces = {register.space for register, _ in values}
    return Evidence(
        KINDS[0],
        Registers(values, material.name),
        read_only=(f"the register values are those of {said}",),
        static=(MRTD,) if any(register == MRTD for register, _ in values) else (),
        platform=platform.id if "pcr" not in spaces else None,
        form=ID,
    )


def _told(material: Material) -> Any:
    """The document, or the claims of a token; None for anything else."""
    data = material.data or b""
    return _document.document(_document.token(data) or data)


def _found(document: Any) -> Iterator[Row]:
    """Every register that is named. Raises ParseError for more members than evidence has."""
    # It grows while it is read. Beside a value: its place, its depth, the bank that an object around it is called.
    waiting: list[tuple[_document.Place, Any, int, HashAlg | None]] = [((), document, 0, None)]
    for place, written, depth, bank in waiting:
        value = _opened(written)
        name = place[1] if place else ""
        if isinstance(value, dict):
            yield from _table(place, name, value, bank)
            yield from _row(place, value)
            members: Any = _document.pairs(value)
        elif isinstance(value, list):
            yield from _list(place, name, value, bank)
            members = enumerate(value)
        else:
            continue
        if len(waiting) > _MAX_MEMBERS:
            raise ParseError(f"more than {_MAX_MEMBERS} objects, lists and texts in it", offset=0)
        if depth < _MAX_DEPTH:
            waiting += [((place, key), each, depth + 1, _bank(key)) for key, each in members if _may_hold(each)]


def _may_hold(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) >= _LEAST_TEXT and value[:1] in ("{", "[", "e")
    return isinstance(value, (dict, list))


def _opened(value: Any) -> Any:
    """What is written in a text: a JSON document, or the claims of a token."""
    if not isinstance(value, str):
        return value
    data = value.encode("utf-8", "replace")
    return _document.parsed(_document.token(data) or data)


def _table(place: _document.Place, name: Any, found: dict[str, Any], bank: HashAlg | None) -> Iterator[Row]:
    """The members of an object that are named as registers; bare numbers are where all of it or its name says so."""
    numbered = _is_table(place, name, bank) and any(_NUMBER.fullmatch(key) and _fits(found[key]) for key in found)
    numbered = numbered or (not place and bool(found) and all(map(_NUMBER.fullmatch, found)))
    for key, value in _document.pairs(found):
        register = Register("pcr", int(key)) if numbered and _NUMBER.fullmatch(key) else _named(key)
        if register is None:
            continue
        if not isinstance(value, (dict, list)):
            yield Row((place, key), register, bank, value, id(found))
        elif isinstance(value, dict) and value and all(map(_bank, value)):
            for each, inner in value.items():
                yield Row(((place, key), each), register, _bank(each), inner, id(value))


def _is_table(place: _document.Place, name: Any, bank: HashAlg | None) -> bool:
    return not place or bank is not None or str(name).lower().replace("_", "").replace("-", "") in _TABLES


def _list(place: _document.Place, name: Any, found: list[Any], bank: HashAlg | None) -> Iterator[Row]:
    """The values of all PCRs, one after another."""
    if len(found) == _PCR_COUNT and _is_table(place, name, bank) and any(map(_fits, found)):
        for index, value in enumerate(found):
            yield Row((place, index), Register("pcr", index), bank, value, id(found))


def _named(key: str) -> Register | None:
    """The register of a name, also of the last part of one with dots in it. RTMRs are by the hardware's number."""
    last = key.rpartition(".")[2]
    if _MRTD.fullmatch(last):
        return MRTD
    found = _NAME.fullmatch(last)
    if found is None:
        return None
    space, index = found[1].lower(), int(found[2])
    return Register(space, index) if space == "pcr" or index <= _CSV_LAST else None


def _row(place: _document.Place, row: dict[str, Any]) -> Iterator[Row]:
    """A row of a table: its number, and a value under the name of each bank; null where the TPM has none."""
    index = row.get("nr")
    if type(index) is not int or index < 0:
        return
    for key, value in row.items():
        bank = _bank(key)
        if bank is not None and value is not None and value != "-":
            yield Row((place, key), Register("pcr", index), bank, value, id(row))


def _bank(key: Any) -> HashAlg | None:
    if not isinstance(key, str) or len(key) > _LONGEST_BANK or key[:1].lower() not in ("s", "t"):
        return None
    try:
        return HashAlg.named(key)
    except EvlogError:
        return None


def _fits(value: Any) -> bool:
    try:
        return HashAlg.of_size(len(_value(value, ""))) is not None
    except ParseError:
        return False


def _value(text: Any, where: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().lower().removeprefix("0x"))
    except (ValueError, AttributeError):
        raise ParseError("a value in hex was expected", offset=0, where=where) from None
