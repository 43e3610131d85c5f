"""An AWS Nitro attestation document: PCRs of an enclave or, under ``nitrotpm_pcrs``, of a NitroTPM.

Spec: AWS Nitro Enclaves, attestation process: COSE_Sign1 over a CBOR map, signed with ES384 by the certificate in it,
whose chain ends in the AWS Nitro root, if the caller gives that. The certificates live for hours, so their dates are
compared with the document's own timestamp.
"""

from __future__ import annotations

from evlog.algorithms import SHA384, HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _cbor
from evlog.evidence._account import Account
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence._cose import Sign1

ID = "nitro"
TITLE = "AWS Nitro attestation document"

# Enclave PCRs 0 to 15 are locked when the enclave starts; what they measure is in no log.
_MAX_PCR = 31
_LOCKED = 16
_MAX_TIMESTAMP = 4_102_444_800_000


def claims(material: Material) -> bool:
    if material.data is None or material.head[:1] not in (b"\x84", b"\xd2"):
        return False
    # The first member of the map names the module, in the first hundred bytes.
    return b"module_id" in material.data[:128]


def read(material: Material, credentials: Credentials) -> Evidence:
    """The PCRs and what signs them. Raises ParseError for bytes that are no document."""
    from evlog.evidence import _cose

    message = _cose.sign1(_cbor.loads(material.data or b"", "document"), "document")
    document = _cbor.map_of(_cbor.loads(message.payload, "payload"), "payload")
    account = Account()
    anchored = _check(message, document, credentials, account)
    nonce = _optional(document, "nonce")
    if credentials.nonce is not None and credentials.nonce != nonce:
        account.fails("nonce_mismatch", "the document's nonce is not the given one")
    elif credentials.nonce is not None:
        (account.holds if anchored else account.reads)("the nonce is the given one")
    else:
        account.reads("the nonce: none was given to compare it with, so the document may be an old one")
    enclave = "pcrs" in document
    registers = _registers(document, "pcrs" if enclave else "nitrotpm_pcrs")
    static = tuple(register for register, _ in registers if enclave and register.number < _LOCKED)
    stated = (("nonce", nonce), ("user_data", _optional(document, "user_data")))
    return account.evidence(ID, registers, anchored=anchored, static=static, claims=stated, platform="nitro")


def _optional(document: dict[Any, Any], name: str) -> bytes:
    value = document.get(name)
    return b"" if value is None else _cbor.bytes_of(value, name)


def _registers(document: dict[Any, Any], member: str) -> Registers:
    try:
        alg = HashAlg.named(document.get("digest") or str(SHA384))
    except (EvlogError, AttributeError):
        raise ParseError("an unknown digest algorithm", where="digest") from None
    values = {}
    for index, value in _cbor.map_of(document.get(member), member).items():
        if not isinstance(index, int) or not 0 <= index <= _MAX_PCR:
            raise ParseError(f"PCR {index!r}, at most {_MAX_PCR}", where=member)
        if len(_cbor.bytes_of(value, f"{member}.{index}")) != alg.size:
            raise ParseError(f"{alg} values have {alg.size} bytes, this one {len(value)}", where=f"{member}.{index}")
        values[Register("pcr", index), alg] = value
    return Registers(values, ID)


def _check(message: Sign1, document: dict[Any, Any], credentials: Credentials, account: Account) -> bool:
    from datetime import datetime, timezone

    from evlog.evidence import _keys

    leaf = _keys.certificates(_cbor.bytes_of(document.get("certificate"), "certificate"))[0]
    if not message.holds(_keys.key_of(leaf)):
        account.fails("signature_invalid", "the document is not signed by the certificate in it")
        return False
    account.holds("the document is signed by the certificate in it (ECDSA)")
    if credentials.root is None:
        account.reads("that the certificate is AWS's: no root certificate was given")
        return False
    root = _keys.certificates(credentials.root)[0]
    # The bundle stands root first.
    bundle = _cbor.array_of(document.get("cabundle"), "cabundle")
    between = [_keys.certificates(_cbor.bytes_of(each, "cabundle"))[0] for each in reversed(bundle[:16])]
    milliseconds = document.get("timestamp")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _MAX_TIMESTAMP:
        raise ParseError("a time in milliseconds was expected", where="timestamp")
    when = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    chain = _keys.chain((leaf, *between), root, when)
    if chain.problem:
        account.fails("chain_invalid", f"the certificate does not lead to the given root: {chain.problem}")
        return False
    account.holds(f"the certificate leads to the given root: {' <- '.join(reversed(chain.names))}")
    account.reads(f"the certificates' dates were compared with the document's own time, {when:%Y-%m-%d %H:%M} UTC")
    return True
