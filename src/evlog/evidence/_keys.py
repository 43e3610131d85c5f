"""Public keys and signatures, through cryptography: the only file here that knows its names and its exceptions.

Every check returns a plain yes or no for well-formed input; what cannot be read is a ParseError, what cannot be
computed here a UsageError. Nobody's "no" looks like somebody's exception.
"""

from __future__ import annotations

import itertools
import warnings
from contextlib import contextmanager

from evlog._record import Record
from evlog.cursor import Cursor
from evlog.errors import EvlogError, ParseError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

__all__ = ["Chain", "certificates", "chain", "ecdsa_holds", "key_of", "load_key", "raw_ec_key", "rsa_holds"]

_ALG_RSA, _ALG_ECC, _ALG_NULL, _ALG_ECDAA = 0x0001, 0x0023, 0x0010, 0x001A
_CURVES = {0x0003: "SECP256R1", 0x0004: "SECP384R1", 0x0005: "SECP521R1"}
_HASHES = {"sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
_HASHES |= {"sha3_256": "SHA3_256", "sha3_384": "SHA3_384", "sha3_512": "SHA3_512"}
# A chain of evidence has three or four certificates; nobody checks a thousand.
_MAX_CERTIFICATES = 16


def load_key(data: bytes) -> Any:
    """A public key from PEM or DER (a key or a certificate), TPM2B_PUBLIC or TPMT_PUBLIC."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    loaders: tuple[Callable[[bytes], Any], ...]
    if b"-----BEGIN" in data:
        pem = b"CERTIFICATE-----" not in data
        loaders = (serialization.load_pem_public_key,) if pem else (lambda each: key_of(certificates(each)[0]),)
    elif data[:1] == b"\x30":
        loaders = (serialization.load_der_public_key, lambda each: key_of(certificates(each)[0]))
    else:
        return _tpm_key(data)
    reason = ""
    for load in loaders:
        try:
            return load(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise ParseError(f"no public key: {reason}", offset=0, where="key")


def _tpm_key(data: bytes) -> Any:
    """TPMT_PUBLIC (TPM 2.0 part 2, section 12.2.4), or the same behind its size."""
    cursor = Cursor(data, where="key", big=True)
    if int.from_bytes(data[:2], "big") == len(data) - 2:
        cursor.at = 2
    kind = cursor.number(2, "type")
    cursor.take(6, "nameAlg")
    cursor.sized("authPolicy")
    if kind not in (_ALG_RSA, _ALG_ECC):
        raise cursor.error(f"no public key: type {kind:#06x}, neither RSA nor ECC, PEM nor DER", "type")
    if cursor.number(2, "symmetric") != _ALG_NULL:
        cursor.take(4, "symmetric")
    scheme = cursor.number(2, "scheme")
    if scheme != _ALG_NULL:
        cursor.take(4 if scheme == _ALG_ECDAA else 2, "scheme")
    if kind == _ALG_RSA:
        cursor.take(2, "keyBits")
        exponent = cursor.number(4, "exponent") or 65537
        return _rsa(exponent, int.from_bytes(cursor.sized("unique"), "big"))
    curve = cursor.number(2, "curveID")
    if cursor.number(2, "kdf") != _ALG_NULL:
        cursor.take(2, "kdf")
    if curve not in _CURVES:
        raise cursor.error(f"curve {curve:#06x} cannot be computed here", "curveID")
    x, y = cursor.sized("unique.x"), cursor.sized("unique.y")
    return _ec(_CURVES[curve], int.from_bytes(x, "big"), int.from_bytes(y, "big"))


def _rsa(exponent: int, modulus: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise ParseError(f"no RSA key: {error}", offset=0, where="key.unique") from error


def _ec(curve: str, x: int, y: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        return ec.EllipticCurvePublicNumbers(x, y, getattr(ec, curve)()).public_key()
    except ValueError as error:
        raise ParseError(f"no point of {curve}: {error}", offset=0, where="key.unique") from error


def raw_ec_key(curve: str, point: bytes) -> Any:
    """An elliptic-curve key from x and y, one after the other."""
    half = len(point) // 2
    return _ec(curve, int.from_bytes(point[:half], "big"), int.from_bytes(point[half:], "big"))


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    if name not in _HASHES:
        raise UsageError(f"signatures over {name} cannot be checked here")
    found: HashAlgorithm = getattr(hashes, _HASHES[name])()
    return found


def rsa_holds(key: Any, signature: bytes, message: bytes, alg: str, *, pss: bool = False) -> bool:
    """Whether an RSA signature over the message is the key's; False for a key that is not RSA."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    if not isinstance(key, rsa.RSAPublicKey):
        return False
    digest = _hash(alg)
    scheme = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO) if pss else padding.PKCS1v15()
    try:
        key.verify(signature, message, scheme, digest)
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm as error:
        raise UsageError(f"the signature cannot be checked here: {error}") from error
    return True


def ecdsa_holds(key: Any, r: int, s: int, message: bytes, alg: str) -> bool:
    """Whether an ECDSA signature over the message is the key's; False for a key that is not on a curve."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(_hash(alg)))
    except (InvalidSignature, ValueError):
        return False
    except UnsupportedAlgorithm as error:
        raise UsageError(f"the signature cannot be checked here: {error}") from error
    return True


@contextmanager
def _certificate_at_hand() -> Iterator[None]:
    """Around everything that looks into a certificate: ParseError for whatever cryptography makes of a damaged one.

    It parses when members are asked for, and has as many exceptions for what it then finds as there are members.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except EvlogError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ParseError(f"not a certificate: {reason}", offset=0, where="certificate") from error


def certificates(data: bytes) -> tuple[Certificate, ...]:
    """The certificates in PEM (any number) or DER (one), in their order. Raises ParseError for none or damaged ones."""
    from cryptography import x509

    with _certificate_at_hand():
        if b"-----BEGIN" not in data:
            return (x509.load_der_x509_certificate(data),)
        if data.count(b"-----BEGIN CERTIFICATE") > _MAX_CERTIFICATES:
            raise ParseError(f"more than {_MAX_CERTIFICATES} certificates", offset=0, where="certificates")
        return tuple(x509.load_pem_x509_certificates(data))


def key_of(certificate: Certificate) -> Any:
    """The public key that a certificate is for. Raises ParseError if there is none that is known here."""
    with _certificate_at_hand():
        return certificate.public_key()


class Chain(Record):
    """A certificate chain, leaf first, and what is wrong with it: nothing if ``problem`` is empty."""

    names: tuple[str, ...]
    problem: str = ""


def chain(presented: Sequence[Certificate], root: Certificate, when: datetime) -> Chain:
    """Check that the first certificate leads to ``root``: names, signatures, CA flags, path lengths, dates at ``when``.

    Revocation is not checked, and no policy of the manufacturer.
    """
    with _certificate_at_hand():
        path = list(presented[:_MAX_CERTIFICATES])
        # What is presented may end with the root itself; the caller's copy is the one that counts.
        while path and path[-1] == root:
            path.pop()
        path.append(root)
        names = tuple(_name(certificate) for certificate in path)
        for depth, certificate in enumerate(path):
            problem = _dates(certificate, when) or (_issuer(certificate, depth) if depth else "")
            if problem:
                return Chain(names, f"{names[depth]}: {problem}")
        for issued, issuer in itertools.pairwise(path):
            if not _issued(issued, issuer):
                return Chain(names, f"{_name(issued)} is not issued by {_name(issuer)}")
    return Chain(names)


def _name(certificate: Certificate) -> str:
    from cryptography.x509.oid import NameOID

    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        return str(attribute.value)
    return certificate.subject.rfc4514_string()


def _dates(certificate: Certificate, when: datetime) -> str:
    if when < certificate.not_valid_before_utc:
        return f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    if when > certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


def _issuer(certificate: Certificate, depth: int) -> str:
    """What forbids a certificate to issue the one ``depth`` places above the leaf."""
    from cryptography import x509

    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return "not a CA"
    if not constraints.ca:
        return "not a CA"
    try:
        if not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            return "its key is not for signing certificates"
    except x509.ExtensionNotFound:
        pass
    if constraints.path_length is not None and constraints.path_length < depth - 1:
        return f"a path of at most {constraints.path_length} further CAs, {depth - 1} follow"
    return ""


def _issued(issued: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        issued.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
