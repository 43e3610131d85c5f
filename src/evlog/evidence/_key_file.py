"""What people hold beside evidence: a certificate, a public key, a signature; told what it is, and judged by nobody.

What may authenticate anything is what a caller gives for it (`evlog.evidence.Credentials`); here a file is only named.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.cursor import Cursor
from evlog.errors import EvlogError, ParseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cryptography.x509 import Certificate

__all__ = ["KeyFile", "told"]

_MOST = 1 << 20
# The first byte of TPMT_PUBLIC, TPMT_SIGNATURE, and of the size of a TPM2B_PUBLIC.
_TPM = (b"\0", b"\1")


class KeyFile(Record):
    """A file of this kind: ``certificate``, ``public-key`` or ``signature``, and what it says, as names and texts.

    ``option`` is where `evlog verify` takes it: ``--key``, ``--root`` or ``--signature``.
    """

    kind: str
    members: tuple[tuple[str, str], ...]
    option: str


def told(data: bytes) -> tuple[KeyFile, ...]:
    """The keys, certificates or the signature in a file, in their order; none if it is something else."""
    if not data or len(data) > _MOST:
        return ()
    try:
        if b"-----BEGIN CERTIFICATE" in data or data[:1] == b"\x30":
            return _certificates(data)
        if b"-----BEGIN PUBLIC KEY" in data or data[:1] in _TPM:
            return (_signature(data) or _key(data),)
    except EvlogError:
        pass
    return ()


def _certificates(data: bytes) -> tuple[KeyFile, ...]:
    from evlog.evidence import _certificates

    try:
        found = _certificates.certificates(data)
    except ParseError:
        return (_key(data),)
    return tuple(map(_certificate, found))


def _certificate(each: Certificate) -> KeyFile:
    from evlog.evidence import _certificates, _keys, _makers

    told = _certificates.described(each)
    fingerprint = _certificates.fingerprint(each)
    maker = _makers.ROOTS.get(fingerprint)
    told += [("key", _keys.described(_certificates.key_of(each))), ("sha256", fingerprint)]
    if maker is not None:
        told.append(("root of", f"{maker.name}, which pins the kind {maker.kind}"))
    return KeyFile("certificate", tuple(told), "--root" if _certificates.is_authority(each) else "--key")


def _key(data: bytes) -> KeyFile:
    """A public key. Raises ParseError."""
    from evlog.evidence import _keys

    key = _keys.load_key(data)
    members = [("key", _keys.described(key.public))]
    if key.name:
        members.append(("TPM name", key.name.hex()))
    if key.name or key.problem:
        members.append(("attributes", key.problem or "a restricted signing key that its TPM does not let out"))
    return KeyFile("public-key", tuple(members), "--key")


def _signature(data: bytes) -> KeyFile | None:
    """A TPMT_SIGNATURE of a known scheme, to its last byte; None for anything else."""
    from evlog.evidence import _tpm

    cursor = Cursor(data, where="signature", big=True)
    scheme = _tpm.SCHEMES.get(cursor.number(2, "sigAlg"))
    if scheme is None:
        return None
    found: list[Any] = _tpm.signatures(data)
    if not found:
        return None
    size = len(found[0].rsa)
    members = [("scheme", f"{scheme} with {found[0].alg}"), ("size", f"{size} bytes" if size else "r and s")]
    return KeyFile("signature", tuple(members), "--signature")
