"""An Intel TD quote, version 4 or 5, with its chain of signatures checked as far as the caller's root reaches.

Spec: Intel TDX DCAP quoting library API, appendix A.3 (version 4) and A.4 (version 5: a type and a size before the
body). Four links: the attestation key signs header and body; the quoting enclave's report names that key; the PCK
certificate signs that report; and it chains to Intel's root, if the caller gives it. TCB level, the quoting enclave's
identity and revocation are not judged here.
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

_TEE_TDX = 0x81
_HEADER = 48
_BODY_V4 = 584
# Version 5 says which body follows: TD report of TDX 1.0, or of 1.5 with MRSERVICETD at the end.
_BODIES_V5 = {2: 584, 3: 648}
_ECDSA_P256 = 2
_ATTRIBUTES, _MRTD, _MRCONFIGID, _RTMR0, _REPORTDATA = 120, 136, 184, 328, slice(520, 584)
_QE_CERTIFICATION = 6
_PCK_CHAIN = 5
_QE_REPORT = 384
_QE_REPORT_DATA = slice(320, 384)


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
    cursor = Cursor(material.data or b"", where="quote")
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
    account = Account()
    message = cursor.data[: cursor.at]
    anchored = signed = False
    if key_type == _ECDSA_P256:
        part = _signed(cursor.sub(cursor.number(4, "signature_size"), "signature"))
        signed, anchored = _check(message, part, credentials, account)
    else:
        account.reads(f"the quote: attestation key type {key_type} cannot be checked here")
    account.nonce(body[_REPORTDATA], credentials, signed=anchored)
    account.debug(_tdx.may_be_debugged(body, _ATTRIBUTES), "the TD")
    if signed:
        account.reads("TCB level, the quoting enclave's identity and revocation: not judged here")
    return account.evidence(
        ID,
        _tdx.registers(body, _MRTD, _RTMR0, ID),
        anchored=anchored,
        static=(_tdx.MRTD,),
        claims=(("report_data", body[_REPORTDATA]), *_tdx.free_form(body, _MRCONFIGID)),
        platform="tdx",
    )


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


def _check(message: bytes, part: Signed, credentials: Credentials, account: Account) -> tuple[bool, bool]:
    """The links from the attestation key upwards: whether it signed, and whether the caller's root stands above it."""
    from evlog.evidence import _keys

    key = _keys.raw_ec_key("SECP256R1", part.attestation_key)
    if not _ecdsa(key, part.signature, message):
        account.fails("signature_invalid", "header and body are not signed by the quote's attestation key")
        return False, False
    account.holds("header and TD body are signed by the quote's attestation key (ECDSA P-256)")
    bound = hashing.digest(SHA256, part.attestation_key + part.qe_auth) + bytes(32)
    if part.qe_report[_QE_REPORT_DATA] != bound:
        account.fails("qe_report_unbound", "the quoting enclave's report does not name the attestation key")
        return True, False
    account.holds("the quoting enclave's report names that attestation key")
    if part.kind != _PCK_CHAIN:
        account.reads(f"who signed the quoting enclave's report: certification data of type {part.kind} is no chain")
        return True, False
    presented = _keys.certificates(part.certificates)
    if not presented or not _ecdsa(_keys.key_of(presented[0]), part.qe_signature, part.qe_report):
        account.fails("qe_report_unsigned", "the quoting enclave's report is not signed by the PCK certificate")
        return True, False
    account.holds("the PCK certificate in the quote signed the quoting enclave's report")
    return True, _check_root(presented, credentials, account)


def _check_root(presented: tuple[Certificate, ...], credentials: Credentials, account: Account) -> bool:
    if credentials.root is None:
        account.reads("that the PCK certificate is Intel's: no root certificate was given")
        return False
    from datetime import datetime, timezone

    from evlog.evidence import _keys

    root = _keys.certificates(credentials.root)[0]
    chain = _keys.chain(presented, root, datetime.now(timezone.utc))
    if chain.problem:
        account.fails("chain_invalid", f"the PCK certificate does not lead to the given root: {chain.problem}")
        return False
    account.holds(f"the PCK certificate leads to the given root: {' <- '.join(reversed(chain.names))}")
    return True


def _ecdsa(key: Any, signature: bytes, message: bytes) -> bool:
    from evlog.evidence import _keys

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return _keys.ecdsa_holds(key, r, s, message, "sha256")
