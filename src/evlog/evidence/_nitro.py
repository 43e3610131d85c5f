"""An AWS Nitro attestation document: COSE_Sign1 over a CBOR map, signed with ES384 by the certificate in it.

Spec: AWS Nitro Enclaves, attestation process (``pcrs``: an enclave); Amazon EC2, NitroTPM attestation document
(``nitrotpm_pcrs``: a NitroTPM). Both chain to one root, so which of the two a document is decides what its PCRs mean.
The certificates live for hours: without a time by the caller their dates are held to the document's own timestamp.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import SHA384, HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Material, _cbor
from evlog.evidence._account import Account
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence import Credentials
    from evlog.evidence._cose import Sign1

ENCLAVE, TPM = "pcrs", "nitrotpm_pcrs"
_MAX_PCR = 31
_MAX_TIMESTAMP = 4_102_444_800_000


class Document(Record):
    """The message, and the map in it."""

    message: Sign1
    members: dict[Any, Any]


def states(material: Material, member: str) -> bool:
    """Whether the bytes are a document that has its registers under this name."""
    if material.data is None or material.head[:1] not in (b"\x84", b"\xd2"):
        return False
    # The first member of the map names the module, in the first hundred bytes.
    if b"module_id" not in material.data[:128]:
        return False
    try:
        return member in opened(material.data).members
    except EvlogError:
        # Damage is told by whoever reads it: an enclave's document, unless the other name stands in it.
        return (TPM.encode() in material.data) == (member == TPM)


def opened(data: bytes) -> Document:
    """The document. Raises ParseError for bytes that are none, and for one of two kinds."""
    from evlog.evidence import _cose

    message = _cose.sign1(_cbor.loads(data, "document"), "document")
    members = _cbor.map_of(_cbor.loads(message.payload, "payload"), "payload")
    if ENCLAVE in members and TPM in members:
        raise ParseError("registers of an enclave and of a NitroTPM in one document", where="payload")
    return Document(message, members)


def check(document: Document, credentials: Credentials) -> Account:
    """What signs the document, and what it states besides its registers."""
    from evlog.evidence import _certificates

    members, account = document.members, Account(credentials)
    leaf = _certificates.certificates(_cbor.bytes_of(members.get("certificate"), "certificate"))[0]
    if document.message.holds(_certificates.key_of(leaf)):
        account.holds("the document is signed by the certificate in it (ECDSA)")
        # The bundle stands root first.
        bundle = _cbor.array_of(members.get("cabundle"), "cabundle")[:16]
        between = [_certificates.certificates(_cbor.bytes_of(each, "cabundle"))[0] for each in reversed(bundle)]
        if account.leads((leaf, *between), "the certificate", when=_time(members)) is not None:
            account.anchor = "root"
            if credentials.at is None:
                when = _time(members)
                account.reads(
                    f"the certificates' dates were held to the document's own time, {when:%Y-%m-%d %H:%M} UTC"
                )
            account.skips("revocation")
    else:
        account.fails("signature_invalid", "the document is not signed by the certificate in it")
    module, timestamp = members.get("module_id"), members.get("timestamp")
    if isinstance(module, str):
        account.text("module_id", module)
        account.identity.append(("module_id", module))
    if isinstance(timestamp, int) and 0 <= timestamp < _MAX_TIMESTAMP:
        account.number("timestamp", timestamp, 8)
    nonce = _optional(members, "nonce")
    for name, value in (("nonce", nonce), *((each, _optional(members, each)) for each in ("user_data", "public_key"))):
        account.claim(name, value)
    account.nonce(nonce, "the nonce")
    return account


def _time(members: dict[Any, Any]) -> Any:
    from datetime import datetime, timezone

    milliseconds = members.get("timestamp")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _MAX_TIMESTAMP:
        raise ParseError("a time in milliseconds was expected", where="timestamp")
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _optional(members: dict[Any, Any], name: str) -> bytes:
    value = members.get(name)
    return b"" if value is None else _cbor.bytes_of(value, name)


def registers(document: Document, member: str, source: str) -> Registers:
    """The registers under a name. Raises ParseError for what no register has."""
    members = document.members
    try:
        alg = HashAlg.named(members.get("digest") or str(SHA384))
    except (EvlogError, AttributeError):
        raise ParseError("an unknown digest algorithm", where="digest") from None
    values = {}
    for index, value in _cbor.map_of(members.get(member), member).items():
        if not isinstance(index, int) or not 0 <= index <= _MAX_PCR:
            raise ParseError(f"PCR {index!r}, at most {_MAX_PCR}", where=member)
        if len(_cbor.bytes_of(value, f"{member}.{index}")) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", where=f"{member}.{index}")
        values[Register("pcr", index), alg] = value
    return Registers(values, source)
