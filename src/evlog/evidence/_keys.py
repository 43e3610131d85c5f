"""Public keys and signatures, through cryptography, whose names and exceptions only this file and `_certificates` know.

Every check returns a plain yes or no for well-formed input; what cannot be read is a ParseError, what cannot be
computed here a UsageError. Nobody's "no" looks like somebody's exception.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.cursor import Cursor
from evlog.errors import ParseError, UsageError
from evlog.evidence import _certificates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

__all__ = ["Key", "described", "ecdsa_holds", "load_key", "raw_ec_key", "rsa_holds", "rsa_key"]

_ALG_RSA, _ALG_ECC, _ALG_NULL, _ALG_ECDAA = 0x0001, 0x0023, 0x0010, 0x001A
_CURVES = {
    0x0001: "SECP192R1",
    0x0002: "SECP224R1",
    0x0003: "SECP256R1",
    0x0004: "SECP384R1",
    0x0005: "SECP521R1",
}
#: TPMA_OBJECT: the attributes of a key that signs only what its TPM made, and never leaves it.
_ATTESTS = {"fixedTPM": 1, "restricted": 16, "for signatures": 18}
_HASHES = {"sha1": "SHA1", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
_HASHES |= {"sha3_256": "SHA3_256", "sha3_384": "SHA3_384", "sha3_512": "SHA3_512"}


class Key(Record):
    """A public key as somebody handed it in.

    ``certificates`` it came as, its own first; ``name`` is a TPM's name of it and ``problem`` what forbids it to
    attest, both of a TPM's public area only; ``trailing`` bytes stood behind that.
    """

    public: Any
    certificates: tuple[Certificate, ...] = ()
    name: bytes = b""
    problem: str = ""
    trailing: int = 0


def load_key(data: bytes) -> Key:
    """A public key from PEM or DER (a key or certificates), TPM2B_PUBLIC or TPMT_PUBLIC. Raises ParseError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    pem = b"-----BEGIN" in data
    if not pem and data[:1] != b"\x30":
        return _tpm_key(data)
    reason = ""
    if not (pem and b"CERTIFICATE-----" in data):
        load = serialization.load_pem_public_key if pem else serialization.load_der_public_key
        try:
            return Key(load(data))
        except (ValueError, UnsupportedAlgorithm) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if pem:
            raise ParseError(f"no public key: {reason}", offset=0, where="key")
    found = _certificates.certificates(data)
    return Key(_certificates.key_of(found[0]), found)


def _tpm_key(data: bytes) -> Key:
    """TPMT_PUBLIC (TPM 2.0 part 2, section 12.2.4), or the same behind its size."""
    cursor = Cursor(data, where="key", big=True)
    # A public area begins with its type, 0x0001 or 0x0023, and none is as short as that.
    start = 0 if int.from_bytes(data[:2], "big") in (_ALG_RSA, _ALG_ECC) else 2
    end = 2 + cursor.number(2, "size") if start else len(data)
    cursor.at = start
    if end > len(data):
        lengths = f"{end - 2} bytes expected, {len(data) - 2} left"
        raise cursor.error(f"no public key: neither PEM nor DER, and of a TPM2B_PUBLIC {lengths}", "size")
    cursor.end = end
    kind = cursor.number(2, "type")
    hashed = HashAlg.of(cursor.number(2, "nameAlg"))
    attributes = cursor.number(4, "objectAttributes")
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
        public = rsa_key(exponent, int.from_bytes(cursor.sized("unique"), "big"))
    else:
        curve = cursor.number(2, "curveID")
        if cursor.number(2, "kdf") != _ALG_NULL:
            cursor.take(2, "kdf")
        if curve not in _CURVES:
            raise cursor.error(f"curve {curve:#06x} cannot be computed here", "curveID")
        x, y = cursor.sized("unique.x"), cursor.sized("unique.y")
        public = _ec(_CURVES[curve], int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    area = data[start : cursor.at]
    known = hashed.known and hashing.backend().computable(hashed)
    name = hashed.id.to_bytes(2, "big") + hashing.digest(hashed, area) if known else b""
    lacking = [word for word, bit in _ATTESTS.items() if not attributes >> bit & 1]
    problem = f"no attestation key: it is not {', '.join(lacking)}" if lacking else ""
    return Key(public, name=name, problem=problem, trailing=len(data) - cursor.at)


def rsa_key(exponent: int, modulus: int) -> Any:
    """An RSA key. Raises ParseError for numbers that are none."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise ParseError(f"no RSA key: {error}", offset=0, where="key.unique") from error


def _ec(curve: str, x: int, y: int) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        return ec.EllipticCurvePublicNumbers(x, y, getattr(ec, curve)()).public_key()
    except ValueError as error:
        raise ParseError(f"no point of {curve}: {error}", offset=0, where="key.unique") from error
    except (UnsupportedAlgorithm, AttributeError) as error:
        raise ParseError(f"curve {curve} cannot be computed here", offset=0, where="key.curveID") from error


def raw_ec_key(curve: str, point: bytes) -> Any:
    """An elliptic-curve key from x and y, one after the other."""
    half = len(point) // 2
    return _ec(curve, int.from_bytes(point[:half], "big"), int.from_bytes(point[half:], "big"))


def described(key: Any) -> str:
    """What kind of key it is: ``RSA, 2048 bits``, ``ECC, secp384r1``."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA, {key.key_size} bits"
    return f"ECC, {key.curve.name}" if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__.lstrip("_")


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
