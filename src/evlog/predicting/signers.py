"""Who signed an image: its PKCS #7 signatures, and which certificate or hash of a database verifies one.

Spec: Microsoft, Windows Authenticode Portable Executable Signature Format; RFC 2315, section 9; UEFI 2.10, section
32.5.3. Source: edk2 DxeImageVerificationLib.c (IsAllowedByDb, IsForbiddenByDbx) and shim 16.1 verify.c: signatures in
the file's order; for each the databases in theirs, list by list, and the first that is in the chain or issued it wins.
"""

from __future__ import annotations

import hashlib
import warnings

from evlog._record import Record
from evlog.cursor import Cursor
from evlog.decoders._der import INTEGER, OID, SEQUENCE, SET, element, expect, oid_text
from evlog.errors import EvlogError, ParseError
from evlog.predicting import pe, signature_lists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.predicting.signature_lists import SignatureList

__all__ = ["Database", "RefusedError", "Signer", "authority", "related", "signers"]

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_MAX_CERTIFICATES = 16


class RefusedError(EvlogError):
    """Firmware or shim would not start the image: what comes after it cannot be known."""


class Database(Record):
    """A database as an authority event names it: vendor, name, and its lists."""

    vendor: bytes
    name: str
    lists: tuple[SignatureList, ...]


class Signer(Record):
    """A signature that is one of its image's bytes: the certificates from the signer's upwards."""

    chain: tuple[Any, ...]


def authority(data: bytes, databases: Sequence[Database], forbidden: Sequence[SignatureList]) -> tuple[Database, bytes]:
    """The database, and the EFI_SIGNATURE_DATA in it, by which an image is allowed.

    Raises RefusedError if nothing allows it, or something forbids it; ParseError for an image that is none.
    """
    image = pe.read(data)
    digest = hashlib.sha256(image.hashed()).digest()
    if any(each.type == signature_lists.SHA256 and digest in _values(each) for each in forbidden):
        raise RefusedError("its hash is in dbx")
    found = signers(image)
    for signer in found:
        _forbidden(signer, forbidden)
    for signer in found or [Signer(())]:
        for database in databases:
            for each in database.lists:
                for signature in each.signatures:
                    if each.type == signature_lists.SHA256 and signature[16:] == digest:
                        return database, signature
                    if each.type == signature_lists.X509 and signer.chain and _verifies(signer, signature[16:]):
                        return database, signature
    raise RefusedError("no database has a certificate or hash that allows it" if found else "it is not signed")


def signers(image: pe.PE) -> list[Signer]:
    """The signatures that are of this image, in the file's order; one that is not is passed over."""
    found = []
    for signature in image.signatures():
        try:
            signer = _signer(signature, image)
        except ParseError:
            continue
        if signer is not None:
            found.append(signer)
    return found


def _values(each: SignatureList) -> frozenset[bytes]:
    return frozenset(signature[16:] for signature in each.signatures)


def _forbidden(signer: Signer, forbidden: Sequence[SignatureList]) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    for each in forbidden:
        values = _values(each)
        for certificate in signer.chain:
            der = certificate.public_bytes(Encoding.DER)
            if each.type == signature_lists.X509 and der in values:
                raise RefusedError("a certificate of its signature is in dbx")
            signed = hashlib.sha256(certificate.tbs_certificate_bytes).digest()
            if each.type == signature_lists.X509_SHA256 and any(value[:32] == signed for value in values):
                raise RefusedError("a certificate of its signature is in dbx")


def _verifies(signer: Signer, der: bytes) -> bool:
    """Whether a certificate is in the chain, or issued its last."""
    certificate = _certificate(der)
    if certificate is None:
        return False
    return any(each == certificate or _issued(each, certificate) for each in signer.chain)


def related(one: bytes, other: bytes) -> bool:
    """Whether two certificates in DER are or may be of one chain: the same subject or key, or one issued the other.

    What is no certificate is related to nothing; what cannot be compared is.
    """
    a, b = _certificate(one), _certificate(other)
    if a is None or b is None:
        return False
    try:
        names = {a.subject, a.issuer} & {b.subject, b.issuer}
        return a == b or bool(names) or a.public_key() == b.public_key()
    except Exception:  # a key or name that cryptography cannot read
        return True


def _certificate(der: bytes) -> Any:
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except Exception:  # cryptography has as many exceptions as there are ways to damage a certificate
        return None


def _issued(issued: Any, issuer: Any) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            issued.verify_directly_issued_by(issuer)
    except Exception:  # the same: it is not issued by it, whatever is wrong
        return False
    return True


def _signer(signature: bytes, image: pe.PE) -> Signer | None:
    """The signer of one signature, or None if it is not of the image. Raises ParseError for damage."""
    cursor = expect(Cursor(signature, where="signature"), SEQUENCE, "content_info")
    _need(cursor, _SIGNED_DATA)
    data = expect(expect(cursor, 0xA0, "content"), SEQUENCE, "signed_data")
    expect(data, INTEGER, "version")
    expect(data, SET, "digest_algorithms")
    content = expect(data, SEQUENCE, "content_info")
    _need(content, _INDIRECT_DATA)
    indirect = expect(expect(content, 0xA0, "content"), SEQUENCE, "indirect_data")
    signed = indirect.peek(indirect.left)
    element(indirect, "data")
    info = expect(indirect, SEQUENCE, "message_digest")
    name = _hash(info)
    digest = expect(info, 0x04, "digest").rest()
    if name is None or hashlib.new(name, image.hashed()).digest() != digest:
        return None
    certificates: list[Any] = []
    while data.left:
        start = data.at
        tag, inner = element(data, "signed_data")
        if tag == 0xA0:
            certificates = _certificates(inner)
        elif tag == SET:
            data.at = start
            break
    infos = expect(data, SET, "signer_infos")
    return _checked(expect(infos, SEQUENCE, "signer_info"), certificates, signed)


def _checked(info: Cursor, certificates: list[Any], signed: bytes) -> Signer | None:
    """The signer's chain, if its key made the signature over what is signed."""
    expect(info, INTEGER, "version")
    issuer = expect(info, SEQUENCE, "issuer_and_serial_number")
    start = issuer.at
    element(issuer, "issuer")
    name = issuer.data[start : issuer.at]
    serial = int.from_bytes(expect(issuer, INTEGER, "serial_number").rest(), "big", signed=True)
    hashed = _hash(info)
    start = info.at
    tag, attributes = element(info, "authenticated_attributes")
    message = signed
    if tag == 0xA0:
        message = b"\x31" + info.data[start + 1 : info.at]
        if hashed is None or _digest_of(attributes) != hashlib.new(hashed, signed).digest():
            return None
        expect(info, SEQUENCE, "digest_encryption_algorithm")
    value = expect(info, 0x04, "encrypted_digest").rest()
    leaf = next(
        (each for each in certificates if each.serial_number == serial and each.issuer.public_bytes() == name), None
    )
    if leaf is None or hashed is None or not _made(leaf, value, message, hashed):
        return None
    chain = [leaf]
    while len(chain) < _MAX_CERTIFICATES:
        above = next((each for each in certificates if each not in chain and _issued(chain[-1], each)), None)
        if above is None:
            break
        chain.append(above)
    return Signer(tuple(chain))


def _made(leaf: Any, signature: bytes, message: bytes, name: str) -> bool:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    hashed: hashes.HashAlgorithm = getattr(hashes, name.upper())()
    try:
        key = leaf.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashed))
        else:
            return False
    except Exception:  # not by this key, or by a key that cryptography cannot read
        return False
    return True


def _certificates(cursor: Cursor) -> list[Any]:
    found: list[Any] = []
    while cursor.left and len(found) < _MAX_CERTIFICATES:
        start = cursor.at
        element(cursor, "certificate")
        certificate = _certificate(cursor.data[start : cursor.at])
        if certificate is not None:
            found.append(certificate)
    return found


def _digest_of(attributes: Cursor) -> bytes | None:
    while attributes.left:
        attribute = expect(attributes, SEQUENCE, "attribute")
        kind = oid_text(expect(attribute, OID, "type").rest())
        if kind == _MESSAGE_DIGEST:
            return expect(expect(attribute, SET, "values"), 0x04, "message_digest").rest()
    return None


def _hash(cursor: Cursor) -> str | None:
    """The hash that an AlgorithmIdentifier names, or None for another."""
    return _HASHES.get(oid_text(expect(expect(cursor, SEQUENCE, "algorithm"), OID, "algorithm").rest()))


def _need(cursor: Cursor, oid: str) -> None:
    at = cursor.at
    if oid_text(expect(cursor, OID, "content_type").rest()) != oid:
        raise cursor.error(f"content type {oid} expected", "content_type", at=at)
