"""What an Azure HCL report says and vouches for, link by link: furniture of `evlog.evidence.hcl_vtpm`."""

from __future__ import annotations

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA256, SHA384, SHA512
from evlog.cursor import Cursor
from evlog.errors import ParseError
from evlog.evidence import Evidence, Material, _document, _tdx, _tpm, snp_report, tdx_quote, tdx_report
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.evidence._account import Account

__all__ = ["judged"]

_MAGIC = b"HCLA"
_HEADER, _HARDWARE = 32, 1184
_SNP, _TDX = 2, 4
_TYPES = {_SNP: "an AMD SEV-SNP report", _TDX: "an Intel TDREPORT", 3: "of a virtual machine without hardware support"}
_HASHES = {1: SHA256, 2: SHA384, 3: SHA512}
_AK = "HCLAkPub"
# Names of keys that are told, and characters of each.
_NAMES, _NAME = 8, 32
_VCEK = ("vcek", "vcekcert", "vcekcertificate", "vlek", "certs", "certchain", "vcekchain")
MRTD = Register("mr", "MRTD")


class Report(Record):
    """The parts of a report: ``kind`` of the hardware report, itself, and the runtime data with the hash it has."""

    kind: int
    hardware: bytes
    alg: HashAlg
    runtime: bytes


def judged(data: bytes, around: Sequence[dict[str, Any]], account: Account, *, kind: str, name: str) -> Evidence:
    """The report as evidence, with the quote that stands in the objects around it. Raises ParseError for no report."""
    report = _report(data)
    account.reads(f"the hardware report in it is {_TYPES.get(report.kind, f'of type {report.kind}')}")
    stated, report_data = _hardware(report, around, account)
    names = [str(each["kid"])[:_NAME] for each in _jwks(report.runtime) if "kid" in each]
    account.reads(f"the runtime data names {'no key' if not names else 'the keys ' + ', '.join(names[:_NAMES])}")
    key = _attestation_key(report, report_data, account)
    quote = _document.holder(list(around), _document.is_quote) if around else None
    if quote is None:
        account.reads("no quote of the TPM is beside it, so that nothing is said of the TPM's registers")
        account.nonce(report_data, "REPORT_DATA")
        static = tuple(register for register, _ in stated if register in (_tdx.MRTD, snp_report.MEASUREMENT))
        platform = {_SNP: "snp", _TDX: "tdx"}.get(report.kind)
        return account.evidence(kind, stated, form=kind, static=static, platform=platform)
    from evlog.evidence.tpm_document import beside

    anchor, account.anchor = account.anchor, None
    pieces = beside(quote[1], name).replace(vouched=key, anchor=anchor, key=None, certificates=None)
    static_value = {
        (MRTD if register == _tdx.MRTD else register, alg): value
        for (register, alg), value in stated.values.items()
        if register in (_tdx.MRTD, snp_report.MEASUREMENT)
    }
    if key is None:
        # No other key stands in for the one that the report ought to name, not even one of the caller's.
        account.credentials = account.credentials.replace(key=None, signature=None, root=None)
        pieces = pieces.replace(signature=None)
    return _tpm.judged(quote[0], account, pieces, kind=kind, form=kind, static=static_value)


def _report(data: bytes) -> Report:
    cursor = Cursor(data, where="hcl")
    if cursor.take(4, "signature") != _MAGIC:
        raise ParseError("not an HCL report", offset=0, where="hcl.signature")
    cursor.take(_HEADER - 4, "header")
    hardware = cursor.take(_HARDWARE, "report")
    cursor.take(8, "runtime.version")
    kind, hashed = cursor.u32("runtime.type"), cursor.u32("runtime.hash")
    if hashed not in _HASHES:
        raise cursor.error(f"hash {hashed}, 1 to 3 are known", "runtime.hash")
    return Report(kind, hardware, _HASHES[hashed], cursor.sized("runtime.data", 4))


def _hardware(report: Report, around: Sequence[dict[str, Any]], account: Account) -> tuple[Registers, bytes]:
    """The registers of the hardware report and its REPORT_DATA; the account has what anchors it."""
    if report.kind == _SNP:
        return _snp(report.hardware, around, account)
    if report.kind == _TDX:
        return _td(report.hardware[: tdx_report.SIZE], around, account)
    return Registers({}, "hcl"), b""


def _snp(data: bytes, around: Sequence[dict[str, Any]], account: Account) -> tuple[Registers, bytes]:
    snp_report.describe(data, account)
    account.reads("an SEV-SNP report holds no register that a log extends")
    if snp_report.vmpl(data):
        account.fails("hcl_vmpl", "the report was not asked for at VMPL 0, where the paravisor runs")
    snp_report.check(data, _document.bytes_in(_document.member(around, _VCEK)), account)
    return snp_report.registers(data), data[snp_report.REPORT_DATA]


def _td(data: bytes, around: Sequence[dict[str, Any]], account: Account) -> tuple[Registers, bytes]:
    found = _document.holder(list(around), lambda each: tdx_quote.claims(Material(each)))
    report_data = _tdx.report_data(data, _tdx.REPORT)
    registers = _tdx.registers(data, _tdx.REPORT, "hcl")
    if found is None:
        account.reads("the TDREPORT: its MAC can be checked only by the processor that made it")
        _tdx.describe(data, _tdx.REPORT, account)
        return registers, report_data
    body = tdx_quote.check(found[0], account)
    quoted = _tdx.registers(body, _tdx.BODY, "hcl")
    if (quoted.values, _tdx.report_data(body, _tdx.BODY)) != (registers.values, report_data):
        account.fails("report_inconsistent", "the TD quote is not of the TDREPORT")
    return quoted, _tdx.report_data(body, _tdx.BODY)


def _attestation_key(report: Report, report_data: bytes, account: Account) -> Any:
    """The TPM's key that the runtime data names, if REPORT_DATA is the hash of that data; None if it cannot be used."""
    from evlog.evidence import _keys

    if not report_data:
        account.reads("nothing vouches for the TPM's key")
        return None
    expected = hashing.digest(report.alg, report.runtime)
    if report_data != expected.ljust(len(report_data), b"\0"):
        account.fails("runtime_unbound", "REPORT_DATA is not the hash of the runtime data")
        return None
    note = account.holds if account.anchor is not None else account.reads
    note(f"REPORT_DATA is the hash of the runtime data ({report.alg})")
    keys = [each for each in _jwks(report.runtime) if each.get("kid") == _AK]
    if len(keys) != 1:
        account.fails("ak_unfit", f"the runtime data names {len(keys)} keys {_AK}, exactly one was expected")
        return None
    e, n = (_document.base64url(keys[0].get(part)) for part in "en")
    try:
        if keys[0].get("kty") != "RSA":
            raise ParseError(f"{_AK} is no RSA key", where="hcl.runtime.keys")
        return _keys.rsa_key(int.from_bytes(e, "big"), int.from_bytes(n, "big"))
    except ParseError as error:
        account.reads(f"{_AK} cannot be used: {error.message}")
        return None


def _jwks(runtime: bytes) -> list[dict[str, Any]]:
    document = _document.document(runtime.rstrip(b"\0"))
    keys = document.get("keys") if isinstance(document, dict) else None
    return [each for each in keys if isinstance(each, dict)] if isinstance(keys, list) else []
