"""TPM quotes: what TPM2_Quote signs, checked against a public key and against PCR values. Furniture of three sources.

Spec: TPM 2.0 part 2, sections 10.12.8 (TPMS_ATTEST), 10.12.1 (TPMS_QUOTE_INFO), 11.3.4 (TPMT_SIGNATURE), 10.6.2
(TPML_PCR_SELECTION). All of it is big-endian. The quote has a digest of the PCR values, not the values.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.cursor import Cursor
from evlog.errors import ParseError
from evlog.evidence import NO_CREDENTIALS, Composite, Evidence, Material, identify
from evlog.evidence._document import TPM_QUOTE as MAGIC
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from evlog.evidence._account import Account
    from evlog.evidence._keys import Key

__all__ = ["NOTHING", "SCHEMES", "Beside", "judged", "signatures"]

TPM_GENERATED_VALUE = 0xFF544347
TPM_ST_ATTEST_QUOTE = 0x8018
_RSASSA, _RSAPSS, _ECDSA = 0x0014, 0x0016, 0x0018
#: Schemes by TPM_ALG_ID.
SCHEMES = {_RSASSA: "RSASSA", _RSAPSS: "RSAPSS", _ECDSA: "ECDSA"}
#: Hashes that a forger can collide.
_BROKEN = ("sha1",)
# Bytes of the shortest one: ECDSA in DER over a curve of 192 bits.
_LEAST_SIGNATURE = 48
# Banks and PCRs that exist; the counts in the quote may say anything.
_MAX_BANKS, _MAX_SELECT = 16, 4
#: What states values: a quote among the values of a quote, and another among those, would have no end.
_VALUES = "register-file"


class Quote(Record):
    """The fields of a quote. ``selection`` is in the order in which the PCR digest covers the values."""

    qualified_signer: bytes
    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: int
    firmware_version: int
    selection: tuple[tuple[Register, HashAlg], ...]
    pcr_digest: bytes


class Signature(Record):
    """A signature: scheme (TPM_ALG_ID), hash, and either the RSA signature or r and s."""

    scheme: int
    alg: HashAlg
    rsa: bytes = b""
    r: int = 0
    s: int = 0


class Beside(Record):
    """What stands beside a quote in the evidence, used where the caller gave none: none of it anchors by itself.

    ``key`` and ``certificates`` are the attestation key's; ``vouched`` is a key that the evidence proves to be the
    machine's, and ``anchor`` what that proof hangs on.
    """

    signature: bytes | None = None
    pcrs: Material | None = None
    key: bytes | None = None
    certificates: bytes | None = None
    vouched: Any = None
    anchor: str | None = None


NOTHING = Beside()


def judged(
    data: bytes,
    account: Account,
    beside: Beside,
    *,
    kind: str,
    form: str,
    static: Mapping[tuple[Register, HashAlg], bytes] | None = None,
) -> Evidence:
    """The quote as evidence, with PCR values if somebody gives them. Raises ParseError for bytes that are no quote.

    ``static`` are registers that a report above the quote states, under the same anchor.
    """
    message = data
    if not data.startswith(MAGIC):
        cursor = Cursor(data, where="quote", big=True)
        message = cursor.sized("attest")
        if cursor.left:
            account.warns("trailing_bytes", f"{cursor.left} bytes stand behind the quote, which nothing signs")
    quote = _quote(message)
    alg = _check_signature(message, account, beside)
    if not quote.selection:
        account.anchor = None
        account.reads("the quote is of no register")
    registers, composite = _check_values(quote, alg, account, beside)
    account.claim("qualified_signer", quote.qualified_signer)
    account.claim("extra_data", quote.extra_data)
    account.number("clock", quote.clock, 8)
    account.number("resetCount", quote.reset_count, 4)
    account.number("restartCount", quote.restart_count, 4)
    account.number("safe", quote.safe, 1)
    account.number("firmwareVersion", quote.firmware_version, 8)
    account.nonce(quote.extra_data, "the nonce")
    beyond = static or {}
    return account.evidence(
        kind,
        Registers({**registers.values, **beyond}, kind),
        form=form,
        static=tuple(register for register, _ in beyond),
        covered=tuple(dict.fromkeys((*quote.selection, *beyond))),
        composite=composite,
        platform="tpm",
    )


def _quote(message: bytes) -> Quote:
    cursor = Cursor(message, where="quote", big=True)
    if cursor.number(4, "magic") != TPM_GENERATED_VALUE or cursor.number(2, "type") != TPM_ST_ATTEST_QUOTE:
        raise ParseError("not a TPM quote", offset=0, where="quote.magic")
    signer = cursor.sized("qualifiedSigner")
    extra_data = cursor.sized("extraData")
    clock = cursor.number(8, "clockInfo.clock")
    resets, restarts = cursor.number(4, "clockInfo.resetCount"), cursor.number(4, "clockInfo.restartCount")
    safe = cursor.number(1, "clockInfo.safe")
    firmware = cursor.number(8, "firmwareVersion")
    banks = cursor.number(4, "pcrSelect.count")
    if banks > _MAX_BANKS:
        raise cursor.error(f"{banks} banks, at most {_MAX_BANKS}", "pcrSelect.count")
    selection: list[tuple[Register, HashAlg]] = []
    for _ in range(banks):
        alg = HashAlg.of(cursor.number(2, "pcrSelect.hash"))
        size = cursor.number(1, "pcrSelect.sizeofSelect")
        if size > _MAX_SELECT:
            raise cursor.error(f"a selection of {size} bytes, at most {_MAX_SELECT}", "pcrSelect.sizeofSelect")
        bits = int.from_bytes(cursor.take(size, "pcrSelect.pcrSelect"), "little")
        selection += [(Register("pcr", index), alg) for index in range(8 * size) if bits >> index & 1]
    digest = cursor.sized("pcrDigest")
    if cursor.left:
        raise cursor.error(f"{cursor.left} bytes after the quote", "pcrDigest")
    return Quote(signer, extra_data, clock, resets, restarts, safe, firmware, tuple(selection), digest)


def _check_signature(message: bytes, account: Account, beside: Beside) -> HashAlg | None:
    """Whether a key signed the message, and what it hangs on; the hash of the signature, which the digest shares."""
    given = account.credentials.signature
    if given is not None:
        account.uses("signature")
    data = beside.signature if given is None else given
    if data is None:
        account.reads("the quote: no signature was given")
        return None
    key, whose = _signer(account, beside)
    candidates = signatures(data, key.public if key is not None else None)
    if key is None:
        account.reads("the quote: no key was given to check its signature")
        return candidates[0].alg if candidates else None
    for signature in candidates:
        if _holds(signature, key.public, message):
            _anchored(key, whose, signature, account, beside)
            return signature.alg
    account.fails("signature_invalid", f"the quote's signature is not {whose}'s")
    return None


def _signer(account: Account, beside: Beside) -> tuple[Key | None, str]:
    """The key to check the signature with, and whose it is: the caller's before any that stands in the evidence."""
    from evlog.evidence import _keys

    if beside.vouched is not None:
        return _keys.Key(beside.vouched), "the key that the report names"
    given = account.key()
    if given is not None:
        return given, "the given key"
    for data, whose in (
        (beside.certificates, "the key of the certificate in the evidence"),
        (beside.key, "the key in the evidence"),
    ):
        try:
            if data is not None:
                return _keys.load_key(data), whose
        except ParseError:
            account.reads(f"{whose} cannot be read")
    return None, ""


def _anchored(key: Key, whose: str, signature: Signature, account: Account, beside: Beside) -> None:
    """What a signature that holds is worth."""
    how = f"{SCHEMES[signature.scheme]} with {signature.alg}"
    if signature.alg.name in _BROKEN:
        account.fails("signature_weak", f"the quote is signed over {signature.alg.name}, which can be forged ({how})")
        return
    account.holds(f"the quote is signed by {whose} ({how})")
    if key.name:
        account.identity.append(("AK name", key.name.hex()))
    if beside.vouched is not None:
        account.anchor = beside.anchor
    elif account.credentials.key is not None:
        account.anchor = "key"
        if key.certificates and account.credentials.root is not None:
            account.leads(key.certificates, "the key's certificate")
        if key.name:
            account.holds("the given key is a restricted signing key that its TPM does not let out (fixedTPM)")
            account.skips("that the TPM of the key is genuine")
        elif not key.certificates:
            account.skips("that the key is a restricted key of a genuine TPM")
    elif key.certificates:
        _check_certificate(key, account)
    else:
        account.reads("whose key it is: it stands in the evidence, and nothing that was given vouches for it")


def _check_certificate(key: Key, account: Account) -> None:
    """An attestation key's certificate out of the evidence: only the given root makes it worth something."""
    from evlog.evidence import _certificates

    if account.leads(key.certificates, "the attestation key's certificate") is None:
        return
    problem = _certificates.unfit_ak(key.certificates[0])
    if problem:
        account.fails("ak_unfit", f"the attestation key's certificate: {problem}")
        return
    account.anchor = "root"
    account.identity.append(("AK certificate", _certificates.fingerprint(key.certificates[0])))
    account.skips("revocation")


def signatures(data: bytes, key: Any = None) -> list[Signature]:
    """TPMT_SIGNATURE; else what a bare signature may be, by the kind of the key: nothing is known without one."""
    cursor = Cursor(data, where="signature", big=True)
    scheme = int.from_bytes(data[:2], "big")
    if scheme in SCHEMES and HashAlg.of(int.from_bytes(data[2:4], "big")).known:
        cursor.take(2, "sigAlg")
        alg = HashAlg.of(cursor.number(2, "hash"))
        if scheme == _ECDSA:
            r, s = cursor.sized("signatureR"), cursor.sized("signatureS")
            found = Signature(scheme, alg, r=int.from_bytes(r, "big"), s=int.from_bytes(s, "big"))
        else:
            found = Signature(scheme, alg, cursor.sized("sig"))
        if not cursor.left:
            return [found]
    if key is None and (len(data) < _LEAST_SIGNATURE or scheme in SCHEMES):
        raise ParseError("not a TPMT_SIGNATURE of a scheme that is known here", offset=0, where="signature.sigAlg")
    if key is None:
        return []
    algs = [HashAlg.named(name) for name in ("sha256", "sha384", "sha512", "sha1")]
    pair = _der_pair(data)
    if pair is not None:
        return [Signature(_ECDSA, alg, r=pair[0], s=pair[1]) for alg in algs]
    return [Signature(scheme, alg, data) for scheme in (_RSASSA, _RSAPSS) for alg in algs]


def _der_pair(data: bytes) -> tuple[int, int] | None:
    from cryptography.hazmat.primitives.asymmetric import utils

    try:
        return utils.decode_dss_signature(data)
    except ValueError:
        return None


def _holds(signature: Signature, key: Any, message: bytes) -> bool:
    from evlog.evidence import _keys

    alg = signature.alg.name
    if signature.scheme == _ECDSA:
        return _keys.ecdsa_holds(key, signature.r, signature.s, message, alg)
    return _keys.rsa_holds(key, signature.rsa, message, alg, pss=signature.scheme == _RSAPSS)


def _check_values(
    quote: Quote, signature_alg: HashAlg | None, account: Account, beside: Beside
) -> tuple[Registers, Composite | None]:
    """The quoted PCRs where values were given, else the signed digest over them."""
    # The PCR digest is made with the hash of the signing scheme.
    alg = signature_alg or HashAlg.of_size(len(quote.pcr_digest))
    if alg is None or alg.size != len(quote.pcr_digest) or not hashing.backend().computable(alg):
        raise ParseError(f"a PCR digest of {len(quote.pcr_digest)} bytes", where="quote.pcrDigest")
    pcrs = account.credentials.pcrs
    if pcrs is not None:
        account.uses("pcrs")
    pcrs = pcrs or beside.pcrs
    if pcrs is None:
        account.reads("the PCR values are not in the quote, only their digest: the log's are compared with it")
        return Registers({}, "tpm-quote"), Composite(alg, quote.selection, quote.pcr_digest)
    given = _given(pcrs, quote)
    values = {key: given[key] for key in quote.selection if key in given}
    if len(given) > len(values):
        account.reads(f"{len(given) - len(values)} of the given PCR values are not quoted, and were left out")
    missing = len(set(quote.selection)) - len(values)
    if missing:
        account.fails("pcr_values_incomplete", f"{missing} of the quoted PCRs have no given value")
    elif hashing.digest(alg, b"".join(values[key] for key in quote.selection)) != quote.pcr_digest:
        account.fails("pcr_digest_mismatch", "the given PCR values do not give the quote's digest")
    else:
        # Without a signature the digest is as good as the values: anybody can compute one from the other.
        note = account.holds if account.anchor is not None else account.reads
        note(f"{len(values)} given PCR values give the quote's PCR digest ({alg})")
    return Registers(values, "tpm-quote"), None


def _given(pcrs: Material, quote: Quote) -> Registers:
    """The PCR values that go with the quote: from any source, or bare, one after the other as the quote selects."""
    bare = sum(alg.size for _, alg in quote.selection)
    # Bytes that are no text, of just that size: else 15 values of SHA-256 would pass for 24 of SHA-1.
    if pcrs.data is None or len(pcrs.data) != bare or pcrs.shape == "text":
        return identify(pcrs, _VALUES).read(pcrs, NO_CREDENTIALS).registers
    values, at = {}, 0
    for register, alg in quote.selection:
        values[register, alg] = pcrs.data[at : at + alg.size]
        at += alg.size
    return Registers(values, "tpm-quote")
