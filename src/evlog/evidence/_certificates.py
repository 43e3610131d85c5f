"""Certificates and the chains of them, through cryptography: dates, issuers, usage, extensions.

Spec: RFC 5280, sections 4.2 and 6. Revocation is not checked, and no policy of a manufacturer.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager

from evlog._record import Record
from evlog.errors import EvlogError, ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from typing import Any

    from cryptography.x509 import Certificate

__all__ = [
    "Chain",
    "certificates",
    "chain",
    "common_name",
    "described",
    "extension",
    "fingerprint",
    "is_authority",
    "key_of",
    "unfit",
    "unfit_ak",
]

# A chain of evidence has three or four certificates; nobody checks a thousand.
_MAX_CERTIFICATES = 16

# What may be critical: basic constraints, key usage, extended key usage, another name, and policies, of which any will
# do.
_UNDERSTOOD = frozenset({"2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.32"})

#: Hashes that a forger can collide.
_BROKEN = frozenset({"md5", "sha1"})

#: TCG EK credential profile: tcg-kp-AIKCertificate.
_AK_USAGE = "2.23.133.8.3"


@contextmanager
def _at_hand() -> Iterator[None]:
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

    with _at_hand():
        if b"-----BEGIN" not in data:
            return (x509.load_der_x509_certificate(data),)
        if data.count(b"-----BEGIN CERTIFICATE") > _MAX_CERTIFICATES:
            raise ParseError(f"more than {_MAX_CERTIFICATES} certificates", offset=0, where="certificates")
        return tuple(x509.load_pem_x509_certificates(data))


def key_of(certificate: Certificate) -> Any:
    """The public key that a certificate is for. Raises ParseError if there is none that is known here."""
    with _at_hand():
        return certificate.public_key()


def fingerprint(certificate: Certificate) -> str:
    """The SHA-256 of a certificate, in hex."""
    from cryptography.hazmat.primitives import hashes

    with _at_hand():
        return certificate.fingerprint(hashes.SHA256()).hex()


def described(certificate: Certificate) -> list[tuple[str, str]]:
    """What a certificate says of itself, as names and texts: subject, issuer, dates, what signed it."""
    with _at_hand():
        hashed = certificate.signature_hash_algorithm
        return [
            ("subject", certificate.subject.rfc4514_string() or "none"),
            ("issuer", certificate.issuer.rfc4514_string() or "none"),
            ("valid", f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"),
            ("signed over", hashed.name if hashed is not None else "the whole"),
            ("authority", "yes" if is_authority(certificate) else "no"),
        ]


def is_authority(certificate: Certificate) -> bool:
    """Whether it says that its key signs certificates."""
    from cryptography import x509

    with _at_hand():
        constraints = _of(certificate, x509.BasicConstraints)
        return constraints is not None and bool(constraints.ca)


def extension(certificate: Certificate, oid: str) -> bytes | None:
    """The bytes of an extension that cryptography does not know, or None."""
    from cryptography import x509

    with _at_hand():
        for each in certificate.extensions:
            if each.oid.dotted_string == oid and isinstance(each.value, x509.UnrecognizedExtension):
                return each.value.value
    return None


def common_name(certificate: Certificate) -> str:
    """The subject's common name, else all of its name."""
    from cryptography.x509.oid import NameOID

    with _at_hand():
        for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
            return str(attribute.value)
        return certificate.subject.rfc4514_string() or "a certificate without a name"


class Chain(Record):
    """A certificate chain, leaf first and root last, and what is wrong with it: nothing if ``problem`` is empty."""

    path: tuple[Certificate, ...]
    problem: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(common_name(each) for each in self.path)


def chain(presented: Sequence[Certificate], trusted: Sequence[Certificate], when: datetime) -> Chain:
    """How the first certificate leads to a root: issuers, signatures, usage, path lengths, dates at ``when``.

    Roots are those of ``trusted`` that issued themselves, or its last; the others of it, and what else is presented,
    may stand between.
    """
    with _at_hand():
        if not presented or not trusted:
            return Chain((), "no certificate")
        roots = [each for each in trusted if each.subject == each.issuer] or [trusted[-1]]
        between = [*presented[1:_MAX_CERTIFICATES], *(each for each in trusted if each not in roots)]
        found = [_path(presented[0], between, root, when) for root in roots]
        return next((each for each in found if not each.problem), found[0])


def _path(leaf: Certificate, between: Sequence[Certificate], root: Certificate, when: datetime) -> Chain:
    path = [leaf]
    left = [each for each in between if each not in (leaf, root)]
    while not _issued(path[-1], root):
        issuer = next((each for each in left if _issued(path[-1], each)), None)
        if issuer is None:
            return Chain((*path, root), f"{common_name(path[-1])} is not issued by {common_name(root)}")
        left.remove(issuer)
        path.append(issuer)
    path.append(root)
    for depth, certificate in enumerate(path):
        problem = _issuer(certificate, depth) if depth else unfit(certificate, when)
        problem = problem or dates(certificate, when) or _odd(certificate, root)
        if problem:
            return Chain(tuple(path), f"{common_name(certificate)}: {problem}")
    return Chain(tuple(path))


def _odd(certificate: Certificate, root: Certificate) -> str:
    """A critical extension that is not understood here, or a signature that can be forged."""
    for each in certificate.extensions:
        if each.critical and each.oid.dotted_string not in _UNDERSTOOD:
            return f"its critical extension {each.oid.dotted_string} is not understood"
    hashed = certificate.signature_hash_algorithm
    if certificate != root and hashed is not None and hashed.name in _BROKEN:
        return f"it is signed over {hashed.name}, which can be forged"
    return ""


def dates(certificate: Certificate, when: datetime) -> str:
    """What is wrong with the time, if anything."""
    with _at_hand():
        if when < certificate.not_valid_before_utc:
            return f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
        if when > certificate.not_valid_after_utc:
            return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        return ""


def unfit(certificate: Certificate, when: datetime) -> str:
    """What forbids a certificate to stand for a key that signs evidence at a time; empty if nothing does."""
    from cryptography import x509

    with _at_hand():
        constraints = _of(certificate, x509.BasicConstraints)
        if constraints is not None and constraints.ca:
            return "a CA, whose key signs certificates and no evidence"
        usage = _of(certificate, x509.KeyUsage)
        if usage is not None and not usage.digital_signature:
            return "its key is not for signatures"
        return dates(certificate, when)


def unfit_ak(certificate: Certificate) -> str:
    """What forbids a certificate to be that of a TPM's attestation key: TCG EK credential profile, section 3.3."""
    from cryptography import x509

    with _at_hand():
        extended, usage = _of(certificate, x509.ExtendedKeyUsage), _of(certificate, x509.KeyUsage)
        if extended is None or _AK_USAGE not in [each.dotted_string for each in extended]:
            return f"not of an attestation key: it lacks the extended key usage {_AK_USAGE}"
        if usage is None or not usage.digital_signature:
            return "its key is not for signatures"
        return ""


def _of(certificate: Certificate, kind: Any) -> Any:
    """An extension of a class that cryptography knows, or None."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _issuer(certificate: Certificate, depth: int) -> str:
    """What forbids a certificate to issue the one ``depth`` places above the leaf."""
    from cryptography import x509

    constraints = _of(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return "not a CA"
    usage = _of(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return "its key is not for signing certificates"
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
