"""A TPM quote: what TPM2_Quote signs, checked against a public key and against PCR values.

Spec: TPM 2.0 part 2, sections 10.12.8 (TPMS_ATTEST), 10.12.1 (TPMS_QUOTE_INFO), 11.3.4 (TPMT_SIGNATURE), 10.6.2
(TPML_PCR_SELECTION). All of it is big-endian. The quote has a digest of the PCR values, not the values.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.cursor import Cursor
from evlog.errors import EvlogError, ParseError
from evlog.evidence import NO_CREDENTIALS, Composite, Credentials, Evidence, Material, identify
from evlog.evidence._account import Account
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ID = "tpm-quote"
TITLE = "TPM quote (TPMS_ATTEST)"

TPM_GENERATED_VALUE = 0xFF544347
TPM_ST_ATTEST_QUOTE = 0x8018
_MAGIC = b"\xff\x54\x43\x47\x80\x18"
_RSASSA, _RSAPSS, _ECDSA = 0x0014, 0x0016, 0x0018
_SCHEMES = {_RSASSA: "RSASSA", _RSAPSS: "RSAPSS", _ECDSA: "ECDSA"}
# Banks and PCRs that exist; the counts in the quote may say anything.
_MAX_BANKS, _MAX_SELECT = 16, 4


class Quote(Record):
    """The fields of a quote. ``selection`` is in the order in which the PCR digest covers the values."""

    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
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


def claims(material: Material) -> bool:
    return material.head.startswith(_MAGIC) or material.head[2:].startswith(_MAGIC)


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quote, with PCR values if ``credentials.pcrs`` has them. Raises ParseError for bytes that are no quote."""
    data = material.data or b""
    message = data if data.startswith(_MAGIC) else Cursor(data, where="quote", big=True).sized("attest")
    quote = _quote(message)
    account = Account()
    signed, alg = _check_signature(message, credentials, account)
    _check_nonce(quote, credentials, signed, account)
    registers, composite = _check_values(quote, alg, credentials, signed, account)
    if signed:
        account.reads("that the key is a restricted key of a genuine TPM: that is for whoever trusts the key")
    return account.evidence(
        ID,
        registers,
        anchored=signed and bool(quote.selection),
        composite=composite,
        claims=(("extra_data", quote.extra_data),),
        platform="tpm",
    )


def _quote(message: bytes) -> Quote:
    cursor = Cursor(message, where="quote", big=True)
    if cursor.number(4, "magic") != TPM_GENERATED_VALUE or cursor.number(2, "type") != TPM_ST_ATTEST_QUOTE:
        raise ParseError("not a TPM quote", offset=0, where="quote.magic")
    cursor.sized("qualifiedSigner")
    extra_data = cursor.sized("extraData")
    clock = cursor.number(8, "clockInfo.clock")
    resets, restarts = cursor.number(4, "clockInfo.resetCount"), cursor.number(4, "clockInfo.restartCount")
    cursor.take(1, "clockInfo.safe")
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
    return Quote(extra_data, clock, resets, restarts, firmware, tuple(selection), digest)


def _check_signature(message: bytes, credentials: Credentials, account: Account) -> tuple[bool, HashAlg | None]:
    """Whether the given key signed the message; and the hash of the signature, which the PCR digest shares."""
    if credentials.signature is None:
        account.reads("the quote: no signature was given")
        return False, None
    key = None
    if credentials.key is not None:
        from evlog.evidence import _keys

        key = _keys.load_key(credentials.key)
    signatures = _signatures(credentials.signature, key)
    if key is None:
        account.reads("the quote: no key was given to check its signature")
        return False, signatures[0].alg
    for signature in signatures:
        if _holds(signature, key, message):
            how = f"{_SCHEMES[signature.scheme]} with {signature.alg}"
            account.holds(f"the quote is signed by the given key ({how})")
            return True, signature.alg
    account.fails("signature_invalid", "the quote's signature is not the given key's")
    return False, None


def _signatures(data: bytes, key: Any) -> list[Signature]:
    """TPMT_SIGNATURE; else what a bare signature may be, by the kind of the key."""
    cursor = Cursor(data, where="signature", big=True)
    scheme = int.from_bytes(data[:2], "big")
    if scheme in _SCHEMES and HashAlg.of(int.from_bytes(data[2:4], "big")).known:
        cursor.take(2, "sigAlg")
        alg = HashAlg.of(cursor.number(2, "hash"))
        if scheme == _ECDSA:
            r, s = cursor.sized("signatureR"), cursor.sized("signatureS")
            found = Signature(scheme, alg, r=int.from_bytes(r, "big"), s=int.from_bytes(s, "big"))
        else:
            found = Signature(scheme, alg, cursor.sized("sig"))
        if not cursor.left:
            return [found]
    if key is None:
        raise ParseError("not a TPMT_SIGNATURE of a scheme that is known here", offset=0, where="signature.sigAlg")
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


def _check_nonce(quote: Quote, credentials: Credentials, signed: bool, account: Account) -> None:
    shown = quote.extra_data.hex() or "empty"
    if credentials.nonce is None:
        account.reads(f"the nonce is {shown}: none was given to compare it with, so the quote may be an old one")
    elif credentials.nonce != quote.extra_data:
        account.fails("nonce_mismatch", f"the quote's nonce is {shown}, not the given one")
    elif signed:
        account.holds("the nonce is the given one")
    else:
        account.reads("the nonce is the given one")


def _check_values(
    quote: Quote, signature_alg: HashAlg | None, credentials: Credentials, signed: bool, account: Account
) -> tuple[Registers, Composite | None]:
    """The quoted PCRs where values were given, else the signed digest over them."""
    # The PCR digest is made with the hash of the signing scheme.
    alg = signature_alg or HashAlg.of_size(len(quote.pcr_digest))
    if alg is None or alg.size != len(quote.pcr_digest) or not hashing.backend().computable(alg):
        raise ParseError(f"a PCR digest of {len(quote.pcr_digest)} bytes", where="quote.pcrDigest")
    if credentials.pcrs is None:
        account.reads("the PCR values are not in the quote, only their digest: the log's are compared with it")
        return Registers({}, ID), Composite(alg, quote.selection, quote.pcr_digest)
    given = _given(credentials.pcrs, quote)
    values = {key: given[key] for key in quote.selection if key in given}
    if len(given) > len(values):
        account.reads(f"{len(given) - len(values)} of the given PCR values are not quoted, and were left out")
    if len(values) < len(quote.selection):
        message = f"{len(quote.selection) - len(values)} of the quoted PCRs have no given value"
        account.fails("pcr_values_incomplete", message)
    elif hashing.digest(alg, b"".join(values[key] for key in quote.selection)) != quote.pcr_digest:
        account.fails("pcr_digest_mismatch", "the given PCR values do not give the quote's digest")
    else:
        # Without a signature the digest is as good as the values: anybody can compute one from the other.
        note = account.holds if signed else account.reads
        note(f"{len(values)} given PCR values give the quote's PCR digest ({alg})")
    return Registers(values, ID), None


def _given(pcrs: Material, quote: Quote) -> Registers:
    """The PCR values that go with the quote: from any source, or bare, one after the other as the quote selects."""
    bare = sum(alg.size for _, alg in quote.selection)
    try:
        return identify(pcrs).read(pcrs, NO_CREDENTIALS).registers
    except EvlogError:
        if pcrs.data is None or len(pcrs.data) != bare:
            raise
    values, at = {}, 0
    for register, alg in quote.selection:
        values[register, alg] = pcrs.data[at : at + alg.size]
        at += alg.size
    return Registers(values, ID)
