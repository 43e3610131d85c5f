"""An Intel TD quote, version 4 or 5, with its chain of signatures checked as far as the caller's root reaches.

Spec: Intel TDX DCAP quoting library API, appendix A.3 (version 4) and A.4 (version 5: a type and a size before the
body). Four links: the attestation key signs header and body; the quoting enclave's report names that key; the PCK
certificate signs that report; and it chains to Intel's root, if the caller gives it. Under Intel's own root the leaf
has to be a PCK certificate and the enclave Intel's. TCB level and revocation are not judged here.
"""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA256
from evlog.cursor import Cursor
from evlog.evidence import Credentials, Evidence, Material, _tdx
from evlog.evidence._account import Account

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cryptography.x509 import Certificate

ID = "tdx-quote"
TITLE = "Intel TD quote, version 4 or 5"
KINDS = (ID,)

_TEE_TDX = 0x81
_HEADER = 48
_BODY_V4 = 584
# Version 5 says which body follows: TD report of TDX 1.0, or of 1.5 with MRSERVICETD at the end.
_BODIES_V5 = {2: 584, 3: 648}
_MRSERVICETD = 600
_ECDSA_P256 = 2
_QE_CERTIFICATION = 6
_PCK_CHAIN = 5
_QE_REPORT = 384
# SGX report body.
_QE_ATTRIBUTES, _QE_MRSIGNER, _QE_REPORT_DATA = slice(48, 64), slice(128, 160), slice(320, 384)
_QE_ISVPRODID, _QE_ISVSVN = slice(256, 258), slice(258, 260)
_QE_DEBUG = 0x02
#: Intel SGX PCK certificate specification: its subject, and the extension that says what the processor is.
_PCK_NAME, _PCK_EXTENSION = "Intel SGX PCK Certificate", "1.2.840.113741.1.13.1"
_PPID, _FMSPC = f"{_PCK_EXTENSION}.1", f"{_PCK_EXTENSION}.4"


class Signed(Record):
    """The signature part of a quote. ``certificates`` is PEM text, or other data if ``kind`` is not 5."""

    signature: bytes
    attestation_key: bytes
    qe_report: bytes
    qe_signature: bytes
    qe_auth: bytes
    kind: int
    certificates: bytes


def claims(material: Material) -> bool:
    head = material.head
    return len(head) >= _HEADER and head[:2] in (b"\4\0", b"\5\0") and head[4:8] == b"\x81\0\0\0"


def read(material: Material, credentials: Credentials) -> Evidence:
    """The registers and what signs them. Raises ParseError for bytes that are no TD quote."""
    account = Account(credentials)
    body = check(material.data or b"", account)
    account.nonce(_tdx.report_data(body, _tdx.BODY), "REPORTDATA", padded=True)
    registers = _tdx.registers(body, _tdx.BODY, ID)
    return account.evidence(ID, registers, form=ID, static=(_tdx.MRTD,), platform="tdx")


def check(data: bytes, account: Account) -> bytes:
    """The body of a quote, of which the account then has everything but the nonce."""
    cursor = Cursor(data, where="quote")
    version = cursor.number(2, "version")
    key_type = cursor.number(2, "attestation_key_type")
    if version not in (4, 5) or cursor.number(4, "tee_type") != _TEE_TDX:
        raise cursor.error("not a TD quote of version 4 or 5", "version")
    cursor.take(_HEADER - 8, "header")
    size = _BODY_V4
    if version == 5:
        kind = cursor.number(2, "body_type")
        stated = cursor.number(4, "body_size")
        if _BODIES_V5.get(kind) != stated:
            raise cursor.error(f"body type {kind} of {stated} bytes is no TD report", "body_type")
        size = stated
    body = cursor.take(size, "body")
    message = cursor.data[: cursor.at]
    part = None
    if key_type == _ECDSA_P256:
        part = _signed(cursor.sub(cursor.number(4, "signature_size"), "signature"))
        if any(cursor.rest()):
            # Zeros fill the buffer that a quote is handed over in.
            account.warns("trailing_bytes", "bytes stand behind the quote, which nothing signs")
        _check(message, part, account)
    else:
        account.reads(f"the quote: attestation key type {key_type} cannot be checked here")
    _tdx.describe(body, _tdx.BODY.replace(service=_MRSERVICETD if size > _BODY_V4 else None), account)
    return body


def _signed(cursor: Cursor) -> Signed:
    signature, key = cursor.take(64, "signature"), cursor.take(64, "attestation_key")
    kind = cursor.number(2, "certification_type")
    if kind != _QE_CERTIFICATION:
        raise cursor.error(f"certification data of type {kind}, {_QE_CERTIFICATION} expected", "certification_type")
    inner = cursor.sub(cursor.number(4, "certification_size"), "certification")
    report, report_signature = inner.take(_QE_REPORT, "qe_report"), inner.take(64, "qe_signature")
    auth = inner.sized("qe_auth")
    kind = inner.number(2, "pck_type")
    return Signed(signature, key, report, report_signature, auth, kind, inner.sized("pck", 4))


def _check(message: bytes, part: Signed, account: Account) -> None:
    """The links from the attestation key upwards."""
    from evlog.evidence import _certificates, _keys

    key = _keys.raw_ec_key("SECP256R1", part.attestation_key)
    if not _ecdsa(key, part.signature, message):
        account.fails("signature_invalid", "header and body are not signed by the quote's attestation key")
        return
    account.holds("header and TD body are signed by the quote's attestation key (ECDSA P-256)")
    bound = hashing.digest(SHA256, part.attestation_key + part.qe_auth) + bytes(32)
    if part.qe_report[_QE_REPORT_DATA] != bound:
        account.fails("qe_report_unbound", "the quoting enclave's report does not name the attestation key")
        return
    account.holds("the quoting enclave's report names that attestation key")
    account.skips("TCB level", "revocation")
    if part.kind != _PCK_CHAIN:
        account.reads(f"who signed the quoting enclave's report: certification data of type {part.kind} is no chain")
        return
    presented = _certificates.certificates(part.certificates)
    if not presented or not _ecdsa(_certificates.key_of(presented[0]), part.qe_signature, part.qe_report):
        account.fails("qe_report_unsigned", "the quoting enclave's report is not signed by the PCK certificate")
        return
    account.holds("the PCK certificate in the quote signed the quoting enclave's report")
    root = account.leads(presented, "the PCK certificate")
    _check_enclave(part.qe_report, account, root)
    if root is not None:
        account.anchor = "root"
        _check_leaf(presented[0], account, root)


def _check_enclave(report: bytes, account: Account, root: str | None) -> None:
    """The quoting enclave: Intel's under Intel's root; and nobody's if it may be debugged."""
    from evlog.evidence import _makers

    attributes, prodid = report[_QE_ATTRIBUTES], int.from_bytes(report[_QE_ISVPRODID], "little")
    account.number("qe_isvsvn", int.from_bytes(report[_QE_ISVSVN], "little"), 2)
    if attributes[0] & _QE_DEBUG:
        account.weak("debug", "the quoting enclave may be debugged by its host, which can then sign what it likes")
    if root is None or _makers.ROOTS.get(root) != _makers.INTEL:
        account.skips("the quoting enclave's identity")
        return
    expected = _makers.TD_QE
    masked = bytes(byte & mask for byte, mask in zip(attributes, expected.mask, strict=True))
    differing = {
        "MRSIGNER": report[_QE_MRSIGNER] != expected.mrsigner,
        "ISVPRODID": prodid != expected.isvprodid,
        "attributes": masked != expected.attributes,
    }
    wrong = [name for name, differs in differing.items() if differs]
    if wrong:
        account.weak("qe", f"the quoting enclave is not Intel's: another {' and another '.join(wrong)}")
    else:
        account.holds("the quoting enclave is Intel's (MRSIGNER, ISVPRODID, attributes)")


def _check_leaf(leaf: Certificate, account: Account, root: str) -> None:
    """Whether the leaf is a PCK certificate, and of which processor."""
    from evlog.evidence import _certificates, _makers

    fields = _sgx(_certificates.extension(leaf, _PCK_EXTENSION))
    if _makers.ROOTS.get(root) == _makers.INTEL:
        if _certificates.common_name(leaf) != _PCK_NAME or not fields:
            account.fails("pck_unfit", "the certificate that signed the quoting enclave's report is no PCK certificate")
            return
    elif not fields:
        account.skips("that the leaf is a PCK certificate")
    if _PPID in fields:
        account.identity.append(("PPID", fields[_PPID].hex()))
    if _FMSPC in fields:
        account.claim("fmspc", fields[_FMSPC])


def _sgx(data: bytes | None) -> dict[str, bytes]:
    """The members of the SGX extension that are octets, by their identifier: a sequence of pairs."""
    from evlog.evidence import _der

    found: dict[str, bytes] = {}
    for _, pairs in _der.elements(data or b"", "sgx"):
        for _, pair in _der.elements(pairs, "sgx"):
            parts = list(_der.elements(pair, "sgx"))
            if len(parts) == 2 and parts[0][0] == _der.OID and parts[1][0] == _der.OCTETS:
                found[_der.oid(parts[0][1])] = parts[1][1]
    return found


def _ecdsa(key: Any, signature: bytes, message: bytes) -> bool:
    from evlog.evidence import _keys

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return _keys.ecdsa_holds(key, r, s, message, "sha256")
