"""A TPM quote in a JSON document, with its signature, PCR values and attestation key beside it.

What the caller gives goes before what stands there. The signature beside the quote is checked with the caller's key, or
with that of the certificate beside it if the caller's root vouches for it; a bare key beside it only checks.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.evidence import Credentials, Evidence, Material, _document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.evidence._tpm import Beside

ID = "tpm-document"
TITLE = "TPM quote with its signature in a JSON document"
KINDS = ("tpm-quote",)

_SIGNATURE = ("signature", "sig", "quotesignature", "quotesig", "rawsig", "rawsignature", "tpmsignature")
_PCRS = ("pcrs", "pcrvalues", "pcr", "pcrvalue", "quotepcrs", "registers")
_KEY = ("ak", "akpub", "akpublic", "akpem", "aik", "aikpub", "aiktpm", "publickey", "public", "key", "hwkey")
# A list of as many values is one of every PCR, by its number.
_PCR_COUNT = 24
_CERTIFICATE = ("akcert", "akcertificate", "aikcert", "aikcertificate", "certificate", "cert", "certificates", "x5c")


def claims(material: Material) -> bool:
    found = _quote(material)
    return found is not None and _document.bytes_in(_document.member(found[1], _SIGNATURE)) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quote, and what of its signature is worth anything. Raises ParseError for pieces that cannot be read."""
    from evlog.errors import ParseError
    from evlog.evidence import _tpm
    from evlog.evidence._account import Account

    found = _quote(material)
    if found is None:
        raise ParseError("no TPM quote in the document", offset=0)
    pieces = beside(found[1], material.name)
    return _tpm.judged(found[0], Account(credentials), pieces, kind=KINDS[0], form=ID)


def _quote(material: Material) -> tuple[bytes, Sequence[dict[str, Any]]] | None:
    document = _document.document(material.data or b"")
    return _document.holder(document, _document.is_quote) if document is not None else None


def beside(around: Sequence[dict[str, Any]], name: str) -> Beside:
    """What stands beside a quote, in the objects around it."""
    pcrs = _values(_document.member(around, _PCRS))
    key = _document.bytes_in(_document.member(around, _KEY))
    certificates = _certificates(_document.member(around, _CERTIFICATE))
    if certificates is None and key is not None and b"BEGIN CERTIFICATE" in key:
        key, certificates = None, key
    from evlog.evidence._tpm import Beside

    return Beside(
        signature=_document.bytes_in(_document.member(around, _SIGNATURE)),
        pcrs=Material(pcrs, name) if pcrs is not None else None,
        key=key,
        certificates=certificates,
    )


def _values(found: Any) -> bytes | None:
    """PCR values: an object as a register file has it, a list of all or of the quoted ones, or the bytes of a file."""
    import json

    if isinstance(found, dict):
        return json.dumps(found).encode()
    if isinstance(found, list) and not all(isinstance(each, int) for each in found):
        each = [_document.bytes_in(value) or b"" for value in found]
        alg = HashAlg.of_size(len(each[0]))
        if len(each) == _PCR_COUNT and alg is not None and all(len(value) == alg.size for value in each):
            return json.dumps({str(alg): {str(index): value.hex() for index, value in enumerate(each)}}).encode()
        return b"".join(each) if all(each) else None
    return _document.bytes_in(found)


def _certificates(found: Any) -> bytes | None:
    """Certificates in PEM or DER; a list of them as PEM, in its order."""
    from base64 import encodebytes

    if not isinstance(found, list) or all(isinstance(each, int) for each in found):
        return _document.bytes_in(found)
    pem = b""
    for each in found:
        data = _document.bytes_in(each)
        if data is None:
            return None
        armour = b"-----BEGIN CERTIFICATE-----\n" + encodebytes(data) + b"-----END CERTIFICATE-----\n"
        pem += data if b"-----BEGIN" in data else armour
    return pem or None
