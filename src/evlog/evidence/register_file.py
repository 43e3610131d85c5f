"""Register values as JSON: ``{"pcr": {"sha256": {"0": "<hex>"}}}``.

Contract: schemas/evlog.registers.schema.json. The level of the space may be left out, and is then ``pcr``; bank and
index may stand the other way round. All of it may be a member ``registers`` or, as keylime has it, ``pcrs``. What
``evlog replay --json`` prints is read too, and what ``evlog show --json`` prints of evidence.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError, UsageError
from evlog.evidence import Credentials, Evidence, Material
from evlog.evidence._document import document as parsed
from evlog.evidence._document import pairs
from evlog.registers import SPACES, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ID = "register-file"
TITLE = "register values as JSON"
KINDS = ("register-file",)
# Documents of evlog's own with a list of registers.
_OWN = ("evlog.replay/1", "evlog.evidence/1")
#: MRTD, RIM (UEFI 2.10 section 38.4.1): no event extends it, on whatever platform.
_BUILD_TIME = Register("ccmr", 0)


def claims(material: Material) -> bool:
    return material.head.lstrip()[:1] == b"{" and _document(material.data or b"") is not None


def _document(data: bytes) -> dict[str, Any] | None:
    """The JSON object, if every member of it looks like registers."""
    document = parsed(data)
    if not isinstance(document, dict):
        return None
    if document.get("schema") in _OWN:
        return document
    # evlog's own name for it, and keylime's, which has other members beside it.
    for name in ("registers", "pcrs"):
        if isinstance(document.get(name), dict):
            document = document[name]
            break
    known = bool(document) and all(key in SPACES or _is_bank(key) or _is_index(key) for key in document)
    return document if known and all(isinstance(value, dict) for value in document.values()) else None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError naming the member at fault."""
    document = _document(material.data or b"")
    if document is None:
        raise ParseError("not a table of registers", offset=0)
    values: dict[tuple[Register, HashAlg], bytes] = {}
    rows = _replayed(document) if document.get("schema") in _OWN else _rows(document)
    for where, name, bank, text in rows:
        try:
            register, alg = Register.parse(name), HashAlg.named(bank)
            value = _value(text, alg)
            if values.setdefault((register, alg), value) != value:
                raise ValueError(f"{register} has two values in {alg}")
        except (UsageError, ValueError, TypeError) as error:
            raise ParseError(str(error), offset=0, where=where) from error
    if not values:
        raise ParseError("no register values in it", offset=0)
    return Evidence(
        KINDS[0],
        Registers(values, material.name),
        read_only=("the register values are those of a file",),
        static=(_BUILD_TIME,) if any(register == _BUILD_TIME for register, _ in values) else (),
        form=ID,
    )


def _rows(document: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Every value as (path, register, bank, hex)."""
    spaces = {key: value for key, value in document.items() if key in SPACES}
    spaces = spaces or {"pcr": document}
    if len(spaces) != len(document) and document not in spaces.values():
        raise ParseError("spaces and banks at one level", offset=0)
    for space, table in spaces.items():
        for outer, inner in _members(table, space):
            for key, value in _members(inner, f"{space}.{outer}"):
                bank, index = (outer, key) if _is_bank(outer) else (key, outer)
                name = index if ":" in index or (not _plain(index) and space != "mr") else f"{space}:{index}"
                yield f"{space}.{outer}.{key}", name, bank, value


def _members(table: Any, where: str) -> list[tuple[str, Any]]:
    if not isinstance(table, dict):
        raise ParseError("an object was expected", offset=0, where=where)
    return pairs(table)


def _replayed(document: dict[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    rows = document.get("registers")
    if not isinstance(rows, list):
        raise ParseError("a list was expected", offset=0, where="registers")
    for number, row in enumerate(rows):
        where = f"registers[{number}]"
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("register", "alg")):
            raise ParseError("not a row of a register", offset=0, where=where)
        if row.get("value") is not None:
            yield where, row["register"], row["alg"], row["value"]


def _value(text: Any, alg: HashAlg) -> bytes:
    value = bytes.fromhex(text.strip().lower().removeprefix("0x")) if isinstance(text, str) else b""
    if len(value) != alg.size:
        raise ValueError(f"{alg} values have {alg.size} bytes, this one {len(value)}")
    return value


def _is_bank(key: str) -> bool:
    try:
        HashAlg.named(key)
    except EvlogError:
        return False
    return True


def _plain(key: str) -> bool:
    return key.isascii() and (key.isdigit() or key[:2].lower() == "0x")


def _is_index(key: str) -> bool:
    if _plain(key):
        return True
    try:
        Register.parse(key)
    except EvlogError:
        return False
    return True
