"""A Hygon CSV attestation report: signed by the platform's key (PEK), whose certificate stands in it.

Source: csv-rs, rats-tls and CoCo's trustee (verifier/src/csv); the layout is in `evlog.evidence._csv`. In bytes, as
JSON with the page of the report in ``data``, and as the JSON of CoCo's older attester, member by member. Version 2
states five registers: the first is the launch measurement, which nothing extends, and RTMR[1] to RTMR[4] are CC
measurement registers 1 to 4 of a CCEL. Version 1 states the launch measurement alone.

The PEK hangs on the chip's key (CEK), Hygon's signing key (HSK) and root (HRK). HSK and CEK may stand behind the
report (``hsk_cek.cert``), or behind the caller's root.
"""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import SHA256, SM3_256
from evlog.errors import ParseError
from evlog.evidence import Credentials, Evidence, Material, _document
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.evidence._account import Account
    from evlog.evidence._csv import Certificate, Report

ID = "csv-report"
TITLE = "Hygon CSV attestation report"
KINDS = (ID,)

MEASUREMENT = Register("mr", "MEASUREMENT")
_LAUNCHED = Register("ccmr", 0)
_NODBG, _NOSEND = 0, 3
_STRUCTURED = ("anonce", "body", "sig")


def claims(material: Material) -> bool:
    data = material.data or b""
    # Masked zeros may look like text.
    if _whole(data):
        return True
    document = _document.document(data)
    return document is not None and (_members(document) is not None or _document.holder(document, _whole) is not None)


def _whole(data: bytes) -> bool:
    from evlog.evidence import _csv

    return len(data) >= _csv.CERTIFICATE_SIZE and _csv.report(data) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """What the report states and who signed it. Raises ParseError for bytes that are no report."""
    from evlog.evidence._account import Account

    found, behind = _found(material)
    account = Account(credentials)
    for name in ("report_data", "mnonce", "user_pubkey_digest", "vm_id", "vm_version"):
        account.claim(name, found.fields[name])
    policy = int.from_bytes(found.fields["policy"], "little")
    account.number("policy", policy, 4)
    if found.build is not None:
        account.number("build", found.build, 4)
    if found.serial:
        number = found.serial.decode("ascii", "backslashreplace")
        account.reads(f"the chip's serial number beside the report is {number}; nothing signs it")
    if not policy >> _NODBG & 1:
        account.weak("debug", "the guest may be debugged by its host, which can then change what it measures")
    if not policy >> _NOSEND & 1:
        account.reads("the guest may be moved to another machine (no NOSEND in its policy)")
    _check(found, behind, account)
    registers = _registers(found, account)
    account.nonce(found.fields["report_data"], "REPORT_DATA", padded=True)
    if found.version == 1:
        account.reads("the mask over what is stated (anonce) is not signed, and whoever hands it in could choose it")
        account.reads("a CSV report of version 1 holds no register that a log extends")
    static = (_LAUNCHED,) if found.version > 1 else (MEASUREMENT,)
    return account.evidence(ID, registers, form=ID, static=static, platform="csv")


def _found(material: Material) -> tuple[Report, bytes]:
    """The report, and the bytes behind its page."""
    from evlog.evidence import _csv

    data = material.data or b""
    document = _document.document(data)
    structured = _members(document)
    if structured is not None:
        return _csv.of_members(*structured), b""
    if document is not None:
        held = _document.holder(document, _whole)
        data = held[0] if held is not None else b""
    found = _csv.report(data)
    if found is None:
        raise ParseError("not a CSV report", offset=0)
    return found, data[_csv.PAGE :]


def _members(document: Any) -> tuple[dict[str, Any], Any, Any] | None:
    """The report, the certificate of its signer and the serial number of JSON that tells a report by its members."""
    found = document.get("attestation_report") if isinstance(document, dict) else None
    chain = document.get("cert_chain") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not isinstance(chain, dict) or not all(name in found for name in _STRUCTURED):
        return None
    return found, chain.get("pek"), document.get("serial_number")


def _registers(found: Report, account: Account) -> Registers:
    measure = found.fields["measure"]
    if found.version == 1:
        return Registers({(MEASUREMENT, SM3_256): measure}, ID)
    if found.rtmrs[0] != measure:
        account.fails("report_inconsistent", "RTMR[0] is not the launch measurement")
    return Registers({(Register("ccmr", at), SM3_256): value for at, value in enumerate(found.rtmrs)}, ID)


def _check(found: Report, behind: bytes, account: Account) -> None:
    """The links from the report up to the caller's root."""
    from evlog.evidence import _sm2

    if not _sm2.computable():
        account.reads("the report: SM3 cannot be computed here, which its signature is over")
        return
    if not _sm2.holds(found.pek.key, found.pek.signer, found.signed, found.r, found.s):
        account.fails("signature_invalid", "the report is not signed by the key of the certificate in it")
        return
    account.holds("the report is signed by the platform's key (PEK), which it carries (SM2 with SM3)")
    chain = _chain(found.pek, behind, account)
    if chain:
        account.anchor, account.root_name = "root", chain
        account.skips("revocation", "the firmware's version")


def _chain(pek: Certificate, behind: bytes, account: Account) -> str:
    """The name of the caller's root, if the signer's certificate leads to it."""
    from evlog.evidence import _csv

    root = account.credentials.root
    if root is None:
        account.reads("whose key that is: no root certificate was given (Hygon's HRK)")
        return ""
    account.uses("root")
    trusted = _csv.authority(root)
    if trusted is None:
        raise ParseError("the given root: not a certificate of Hygon's form", offset=0, where="root")
    beside = behind or root[_csv.AUTHORITY_SIZE :]
    hsk, cek = _csv.authority(beside), _csv.certificate(beside[_csv.AUTHORITY_SIZE :])
    if hsk is None or cek is None:
        account.reads("whose key that is: HSK and CEK (hsk_cek.cert) are neither behind the report nor behind the root")
        return ""
    links = (("the root", trusted, trusted), ("HSK", hsk, trusted), ("CEK", cek, hsk), ("PEK", pek, cek))
    for name, issued, issuer in links:
        if not _issued(issued, issuer):
            account.fails("chain_invalid", f"the PEK does not lead to the given root: {name} is not signed by the next")
            return ""
    account.holds("the PEK leads to the given root: HRK <- HSK <- CEK <- PEK")
    account.identity.append(("CEK", hashing.digest(SHA256, cek.body).hex()))
    return "HRK"


def _issued(issued: Certificate, issuer: Certificate) -> bool:
    from evlog.evidence import _sm2

    return any(_sm2.holds(issuer.key, issuer.signer, issued.body, r, s) for _, r, s in issued.signatures)
