"""Bare PCR values, one after another, as ``tpm2_pcrread -o`` writes them: no header, in the order of the selection.

Only all 24 PCRs of one bank, or of several in the order SHA-1, SHA-256, SHA-384, SHA-512, can be told by their size;
what a quote selects is read with the quote.
"""

from __future__ import annotations

from itertools import combinations

from evlog.algorithms import SHA1, SHA256, SHA384, SHA512, HashAlg
from evlog.errors import ParseError
from evlog.evidence import Credentials, Evidence, Material
from evlog.registers import Register, Registers

ID = "pcr-bare"
TITLE = "bare PCR values, 24 of a bank (tpm2_pcrread -o)"
KINDS = ("register-file",)

_COUNT = 24
_BANKS = (SHA1, SHA256, SHA384, SHA512)


def _banks(size: int) -> tuple[HashAlg, ...]:
    """The banks that give so many bytes: the fewest, none if two choices do."""
    for count in range(1, len(_BANKS) + 1):
        fitting = [banks for banks in combinations(_BANKS, count) if _COUNT * sum(alg.size for alg in banks) == size]
        if fitting:
            return fitting[0] if len(fitting) == 1 else ()
    return ()


def claims(material: Material) -> bool:
    data = material.data
    # Text of that size is text: values that look like it at first have bytes beyond ASCII somewhere.
    return data is not None and bool(_banks(len(data))) and not (material.shape == "text" and data.isascii())


def read(material: Material, credentials: Credentials) -> Evidence:
    """The values, all of them only read, with the assumption said. Raises ParseError for another size."""
    data = material.data or b""
    banks = _banks(len(data))
    if not banks:
        raise ParseError(f"{len(data)} bytes are not 24 PCRs of whole banks", offset=0)
    values, at = {}, 0
    for alg in banks:
        for index in range(_COUNT):
            values[Register("pcr", index), alg] = data[at : at + alg.size]
            at += alg.size
    names = " and ".join(map(str, banks))
    sentence = f"the PCR values are those of a file, taken by its size for PCR 0 to 23 of {names}"
    return Evidence(KINDS[0], Registers(values, material.name), read_only=(sentence,), form=ID)
