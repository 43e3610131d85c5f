"""Structures inside Windows boot events: policies, revocation lists, keys.

Source: wbcl.h of the Windows SDK, as tools and real logs show it. All integers are little-endian.
"""

from __future__ import annotations

from evlog.decoders import Cursor, Decoded
from evlog.decoders._text import utf16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PAYLOADS"]


class SIPolicy(Decoded):
    """A code-integrity policy: version as major.minor.build.revision, name, and the digest of the policy."""

    version: str
    name: str
    hash_alg: int
    digest: bytes

    kind = "sipa_si_policy"

    def describe(self) -> str:
        return f"{self.name} {self.version}"


def _si_policy(cursor: Cursor) -> SIPolicy:
    parts = [cursor.u16("version") for _ in range(4)]
    name_size = cursor.u16("name_size")
    alg = cursor.u16("hash_alg")
    digest_size = cursor.u32("digest_size")
    name = utf16(cursor.take(name_size, "name"))
    return SIPolicy(".".join(map(str, reversed(parts))), name, alg, cursor.take(digest_size, "digest"))


class RevocationList(Decoded):
    """A revocation list: when it was made (UTC, ISO 8601), and its digest."""

    created: str
    hash_alg: int
    digest: bytes

    kind = "sipa_revocation_list"

    def describe(self) -> str:
        return f"of {self.created}"


def _revocation_list(cursor: Cursor) -> RevocationList:
    ticks = cursor.u64("created")
    size = cursor.u32("digest_size")
    alg = cursor.u16("hash_alg")
    return RevocationList(_filetime(ticks), alg, cursor.take(size, "digest"))


def _filetime(ticks: int) -> str:
    from datetime import datetime, timedelta, timezone

    try:
        return (datetime(1601, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=ticks // 10)).isoformat()
    except OverflowError:
        return f"{ticks} ticks"


class BootPolicy(Decoded):
    """The Secure Boot configuration policy (SBCP)."""

    version: int
    hash_alg: int
    options: int
    signers: int
    digest: bytes

    kind = "sipa_sbcp_info"

    def describe(self) -> str:
        return f"version {self.version}, options {self.options:#x}"


def _boot_policy(cursor: Cursor) -> BootPolicy:
    start = cursor.fork()
    version, offset = cursor.u32("version"), cursor.u32("digest_offset")
    alg, size = cursor.u16("hash_alg"), cursor.u16("digest_size")
    options, signers = cursor.u32("options"), cursor.u32("signers")
    start.take(offset, "digest_offset")
    return BootPolicy(version, alg, options, signers, start.take(size, "digest"))


class IdentityKey(Decoded):
    """The public identity key of virtual secure mode (IDK): RSA, big-endian numbers."""

    algorithm: int
    bits: int
    exponent: bytes
    modulus: bytes

    kind = "sipa_idk"

    def describe(self) -> str:
        return f"{'RSA' if self.algorithm == 1 else self.algorithm} {self.bits}"


def _identity_key(cursor: Cursor) -> IdentityKey:
    alg, bits = cursor.u32("algorithm"), cursor.u32("bits")
    exponent, modulus = cursor.u32("exponent_size"), cursor.u32("modulus_size")
    return IdentityKey(alg, bits, cursor.take(exponent, "exponent"), cursor.take(modulus, "modulus"))


class KSRSignature(Decoded):
    """The signature of a key set release."""

    algorithm: int
    signature: bytes

    kind = "sipa_ksr_signature"

    def describe(self) -> str:
        return f"{len(self.signature)} bytes"


def _ksr_signature(cursor: Cursor) -> KSRSignature:
    alg, size = cursor.u32("algorithm"), cursor.u32("size")
    return KSRSignature(alg, cursor.take(size, "signature"))


class PolicyCertificate(Decoded):
    """A certificate of a policy's signer, by the digest of its to-be-signed part."""

    publisher: str
    issuer: str
    hash_alg: int
    digest: bytes

    kind = "sipa_policy_certificate"


class SIPolicySigner(Decoded):
    """Who signed a code-integrity policy."""

    root_id: int
    name: str
    ekus: bytes
    certificates: tuple[PolicyCertificate, ...]

    kind = "sipa_si_policy_signer"

    def describe(self) -> str:
        return self.name or f"root {self.root_id}"


def _si_policy_signer(cursor: Cursor) -> SIPolicySigner:
    root = cursor.u32("root_id")
    size = cursor.u32("certificates_size")
    count = cursor.u16("certificate_count")
    name_size, ekus_size = cursor.u16("name_size"), cursor.u16("ekus_size")
    cursor.u16("eku_count")
    name = utf16(cursor.take(name_size, "name"))
    ekus = cursor.take(ekus_size, "ekus")
    body = cursor.sub(size, "certificates")
    certificates = []
    # Every certificate takes at least its 10 bytes of lengths, so the count cannot run away.
    for number in range(count):
        where = f"certificates[{number}]"
        publisher, issuer = body.u16(where), body.u16(where)
        alg, digest = body.u32(where), body.u16(where)
        certificates.append(
            PolicyCertificate(
                utf16(body.take(publisher, where)), utf16(body.take(issuer, where)), alg, body.take(digest, where)
            )
        )
    return SIPolicySigner(root, name, ekus, tuple(certificates))


PAYLOADS: dict[int, Callable[[Cursor], Decoded]] = {
    0x0005000F: _si_policy,
    0x00040002: _revocation_list,
    0x00050013: _revocation_list,
    0x00050029: _boot_policy,
    0x00050020: _identity_key,
    0x00050023: _identity_key,
    0x000B0001: _ksr_signature,
    0x00050031: _si_policy_signer,
    0x00050032: _si_policy_signer,
}
