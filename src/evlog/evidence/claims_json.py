"""Register values among a JSON document's other members, by the names that tools give them.

``pcr00`` .. ``pcr23`` (claims of CoCo's trustee), ``PCR0``, ``pcr_0``, ``rtmr0`` .. ``rtmr3`` and ``mrtd`` (dstack's
tcb_info), ``tdx_rtmr0`` (Intel Trust Authority); an object of bare numbers; rows of ``nr`` and a bank, as
``systemd-analyze pcrs --json`` prints them; and of systemd-pcrlock the ``observed`` values of its rows. Where no bank
is named it follows from the length of the value.
"""

from __future__ import annotations

import re

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _document
from evlog.registers import PLATFORMS, Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ID = "claims-json"
TITLE = "register values among the members of a JSON document"
KINDS = ("register-file",)

_NAME = re.compile(r"(?:tdx_)?(pcr|rtmr)_?\[?0*(\d{1,2})\]?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}")
_MRTD = re.compile(r"(?:tdx_)?mr_?td", re.IGNORECASE)
_OBSERVED = "observed"
MRTD = Register("ccmr", 0)
_RTMR_COUNT = 4
_MAX_DEPTH = 8


def claims(material: Material) -> bool:
    document = _document.document(material.data or b"")
    return document is not None and any(register != MRTD for _, register, _, _ in _found(document))


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read. Raises ParseError naming a member that is no value."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for where, register, bank, text in _found(_document.document(material.data or b"")):
        value = _value(text, where)
        alg = HashAlg.of_size(len(value)) if bank is None else bank
        if alg is None or alg.size != len(value):
            expected = "a digest" if bank is None else f"{bank} values have {bank.size} bytes"
            raise ParseError(f"{len(value)} bytes, {expected} was expected", offset=0, where=where)
        if values.setdefault((register, alg), value) != value:
            raise ParseError(f"{register} has two values in {alg}", offset=0, where=where)
    if not values:
        raise ParseError("no register values in it", offset=0)
    spaces = {register.space for register, _ in values}
    return Evidence(
        KINDS[0],
        Registers(values, material.name),
        read_only=("the register values are those of a file",),
        static=(MRTD,) if any(register == MRTD for register, _ in values) else (),
        platform="tdx" if "pcr" not in spaces else None,
        form=ID,
    )


def _found(document: Any) -> Iterator[tuple[str, Register, HashAlg | None, Any]]:
    """Every register as (path, register, bank if it is named, value)."""
    waiting: list[tuple[str, Any]] = [("", document)]
    if isinstance(document, dict) and document and all(_NUMBER.fullmatch(key) for key in document):
        for key, value in document.items():
            yield key, Register("pcr", int(key)), None, value
        return
    # It grows while it is read.
    for path, value in waiting:
        if isinstance(value, dict):
            yield from _row(path, value)
            for key, inner in value.items():
                where = f"{path}.{key}" if path else key
                register = _named(key)
                if register is not None and not isinstance(inner, (dict, list)):
                    yield where, register, None, inner
                elif path.count(".") < _MAX_DEPTH:
                    waiting.append((where, inner))
        elif isinstance(value, list) and path.count(".") < _MAX_DEPTH:
            waiting += [(f"{path}[{number}]", inner) for number, inner in enumerate(value)]


def _named(key: str) -> Register | None:
    if _MRTD.fullmatch(key):
        return MRTD
    found = _NAME.fullmatch(key)
    if found is None:
        return None
    space, index = found[1].lower(), int(found[2])
    if space == "pcr":
        return Register("pcr", index)
    return PLATFORMS["tdx"].ccmr_of(Register("rtmr", index)) if index < _RTMR_COUNT else None


def _row(path: str, row: dict[str, Any]) -> Iterator[tuple[str, Register, HashAlg | None, Any]]:
    """A row of a table: its number, and a value under the name of each bank, in pcrlock's behind a word."""
    index = row.get("nr", row.get("pcr"))
    if type(index) is not int or index < 0:
        return
    for key, value in row.items():
        observed = key.startswith(_OBSERVED)
        if "nr" in row or observed:
            try:
                bank = HashAlg.named(key.removeprefix(_OBSERVED))
            except EvlogError:
                continue
            if value is not None:
                yield f"{path}.{key}", Register("pcr", index), bank, value


def _value(text: Any, where: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().lower().removeprefix("0x"))
    except (ValueError, AttributeError):
        raise ParseError("a value in hex was expected", offset=0, where=where) from None
