"""The machine's PCR values in what ``systemd-pcrlock log --json`` prints, beside the log.

Source: systemd, src/pcrlock/pcrlock.c: an object of ``log`` and ``pcrs``, each a list of rows. A row of ``pcrs`` has
the number of the PCR and for each bank ``observedSHA256``, which the TPM has, beside ``calculatedSHA256``, which the
log leads to and which says nothing of the machine.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.evidence._document import document
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

ID = "pcrlock"
TITLE = "PCR values that systemd-pcrlock observed"
KINDS = ("register-file",)

_OBSERVED = "observed"


def claims(material: Material) -> bool:
    return any(True for _ in _observed(document(material.data or b"")))


def read(material: Material, credentials: Credentials) -> Evidence:
    """The observed values, all of them only read. Raises ParseError naming a member that is no value."""
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for where, register, alg, text in _observed(document(material.data or b"")):
        if text is None:
            continue  # the TPM has no such bank, or the PCR could not be read
        try:
            value = bytes.fromhex(text)
        except (ValueError, TypeError):
            raise ParseError("a value in hex was expected", offset=0, where=where) from None
        if len(value) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", offset=0, where=where)
        if values.setdefault((register, alg), value) != value:
            raise ParseError(f"{register} has two values in {alg}", offset=0, where=where)
    if not values:
        raise ParseError("no observed value in it", offset=0, where="pcrs")
    sentence = "the PCR values are those that systemd-pcrlock observed, without a signature"
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(sentence,), form=ID)


def _observed(found: Any) -> Iterator[tuple[str, Register, HashAlg, Any]]:
    """Each observed value as (path, register, bank, value)."""
    rows = found.get("pcrs") if isinstance(found, dict) else None
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        index = row.get("pcr") if isinstance(row, dict) else None
        if type(index) is not int or index < 0:
            continue
        for key, value in row.items():
            if key.startswith(_OBSERVED):
                try:
                    alg = HashAlg.named(key.removeprefix(_OBSERVED))
                except EvlogError:
                    continue
                yield f"pcrs[{number}].{key}", Register("pcr", index), alg, value
