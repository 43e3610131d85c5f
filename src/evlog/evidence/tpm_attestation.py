"""An attestation of go-tpm-tools: quotes over the banks of a TPM, with their values, and the key that signed them.

Source: google/go-tpm-tools, proto/attest.proto and proto/tpm.proto (``gotpm attest``): Attestation {1 ak_pub, a
TPMT_PUBLIC; 2 quotes; 3 event_log; 5 canonical_event_log; 6 ak_cert; 7 intermediate_certs; 8, 9 of the hardware}, Quote
{1 quote; 2 raw_sig, a TPMT_SIGNATURE; 3 pcrs {1 hash; 2 a map from index to value}}. In bytes, as text, and as JSON,
where bytes are base64.

Each quote is judged by itself, with the caller's key, or with that of the certificate in it under the caller's root.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _document
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ID = "tpm-attestation"
TITLE = "attestation of go-tpm-tools: quotes over the banks of a TPM"
KINDS = ("tpm-quote",)

_NAMES = {"akpub": 1, "quotes": 2, "akcert": 6, "intermediatecerts": 7, "sevsnpattestation": 8, "tdxattestation": 9}
_QUOTE_NAMES = {"quote": 1, "rawsig": 2, "pcrs": 3}
_HARDWARE = (8, 9)
_MOST_QUOTES = 16
_STARTS = (b"\x0a", b"\x12")
_SAME = ("qualified_signer", "resetCount", "restartCount")


class Quoted(Record):
    """A quote, its signature, and the values beside it."""

    message: bytes
    signature: bytes | None
    values: Registers


class Attestation(Record):
    """What is in it: the key and its certificates as they stand; whether the hardware attests too."""

    quotes: tuple[Quoted, ...]
    key: bytes | None
    certificates: bytes | None
    hardware: bool


def claims(material: Material) -> bool:
    try:
        return _message(material.data or b"") is not None
    except ParseError:
        return False


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quotes as one. Raises ParseError for what cannot be read, and for one PCR with two values."""
    message = _message(material.data or b"")
    if message is None:
        raise ParseError("not an attestation with quotes", offset=0)
    found = _attestation(message)
    # A signature or values of the caller's are of one quote, and here are several: there is no use for them.
    own = credentials.replace(signature=None, pcrs=None)
    judged = [_judged(each, found, own, material.name) for each in found.quotes]
    return _together(judged, found)


def _judged(quoted: Quoted, found: Attestation, credentials: Credentials, name: str) -> Evidence:
    import json

    from evlog.evidence import _tpm
    from evlog.evidence._account import Account

    banks: dict[str, dict[str, str]] = {}
    for (register, alg), value in quoted.values.values.items():
        banks.setdefault(str(alg), {})[str(register.index)] = value.hex()
    beside = _tpm.Beside(
        signature=quoted.signature,
        pcrs=Material(json.dumps({"pcr": banks}).encode(), name) if banks else None,
        key=found.key,
        certificates=found.certificates,
    )
    return _tpm.judged(quoted.message, Account(credentials), beside, kind=KINDS[0], form=ID)


def _together(judged: list[Evidence], found: Attestation) -> Evidence:
    """Quotes of one TPM as one evidence: what only some of them hold is said with their bank."""
    from evlog.model import Finding

    values: dict[tuple[Register, HashAlg], bytes] = {}
    for each in judged:
        for key, value in each.registers.values.items():
            if values.setdefault(key, value) != value:
                raise ParseError(f"{key[0]} has two values in {key[1]}", offset=0, where="quotes")
    findings = list(dict.fromkeys(finding for each in judged for finding in each.findings))
    signers = {tuple(value for name, value in each.claims if name in _SAME) for each in judged}
    if len(signers) > 1:
        findings.append(Finding("report_inconsistent", "error", "the quotes are of different keys, or different boots"))
    failed = any(finding.severity == "error" for finding in findings)
    anchored = [each for each in judged if each.anchored]
    # The last quote is of the strongest bank, as a rule; what differs is only the clock.
    last = (anchored or judged)[-1]
    read_only = _told(judged, "read_only")
    if found.hardware:
        read_only = (*read_only, "the attestation of the hardware in it is not looked into")
    return last.replace(
        registers=Registers(values, last.source),
        authenticated=_told(judged, "authenticated"),
        read_only=read_only,
        anchor=None if failed else last.anchor,
        covered=() if failed else tuple(dict.fromkeys(key for each in anchored for key in each.covered)),
        fresh=not failed and bool(anchored) and all(each.fresh for each in anchored),
        identity=tuple(dict.fromkeys(pair for each in judged for pair in each.identity)),
        weaknesses=tuple(dict.fromkeys(one for each in judged for one in each.weaknesses)),
        unchecked=tuple(dict.fromkeys(word for each in judged for word in each.unchecked)),
        used=tuple(dict.fromkeys(name for each in judged for name in each.used)),
        composite=last.composite if len(judged) == 1 else None,
        findings=tuple(findings),
    )


def _told(judged: list[Evidence], member: str) -> tuple[str, ...]:
    """The sentences of all quotes; one that not all have stands behind the banks of its quote."""
    told: dict[str, list[str]] = {}
    for each in judged:
        banks = ", ".join(dict.fromkeys(str(alg) for _, alg in each.registers)) or "a quote"
        for sentence in getattr(each, member):
            told.setdefault(sentence, []).append(banks)
    return tuple(
        sentence if len(banks) == len(judged) else f"{' and '.join(banks)}: {sentence}"
        for sentence, banks in told.items()
    )


def _message(data: bytes) -> dict[int, list[Any]] | None:
    """The fields by number, however they are written; None if there are no quotes among them."""
    if data[:1] in _STARTS:
        from evlog.evidence import _protobuf

        if _document.TPM_QUOTE not in data:
            return None
        found = _protobuf.fields(data, "attestation")
        found[2] = [_protobuf.fields(each, "quotes") for each in found.get(2, ()) if isinstance(each, bytes)]
    else:
        named = _as_text(data)
        if not isinstance(named, dict):
            return None
        found = _numbered(named, _NAMES)
        found[2] = [_numbered(each, _QUOTE_NAMES) for each in found.get(2, ()) if isinstance(each, dict)]
    first = _bytes(found[2][0], 1) if found[2] else None
    return found if first is not None and _document.is_quote(first) else None


def _as_text(data: bytes) -> Any:
    document = _document.document(data)
    if document is not None:
        return document
    if b"raw_sig" not in data or b"quotes" not in data:
        return None
    from evlog.evidence import _protobuf

    return _protobuf.text(data, "attestation")


def _numbered(named: dict[str, Any], names: dict[str, int]) -> dict[int, list[Any]]:
    """Members by the numbers of their fields, each a list of values."""
    found: dict[int, list[Any]] = {}
    for name, value in named.items():
        number = names.get(name.lower().replace("_", ""))
        if number is not None:
            found.setdefault(number, []).extend(value if isinstance(value, list) else [value])
    return found


def _bytes(message: dict[int, list[Any]], number: int) -> bytes | None:
    values = message.get(number)
    value = values[-1] if values else None
    return value if isinstance(value, bytes) else _document.base64url(value) or None


def _attestation(message: dict[int, list[Any]]) -> Attestation:
    if len(message[2]) > _MOST_QUOTES:
        raise ParseError(f"{len(message[2])} quotes, at most {_MOST_QUOTES}", offset=0, where="quotes")
    quotes = [_quoted(each, f"quotes[{at}]") for at, each in enumerate(message[2])]
    quotes.sort(key=lambda each: max((alg.size for _, alg in each.values), default=0))
    certificates = [_bytes({1: [each]}, 1) for each in (*message.get(6, ()), *message.get(7, ()))]
    return Attestation(
        quotes=tuple(quotes),
        key=_bytes(message, 1),
        certificates=_pem([each for each in certificates if each]),
        hardware=any(number in message for number in _HARDWARE),
    )


def _pem(certificates: list[bytes]) -> bytes | None:
    from base64 import encodebytes

    start, end = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"
    return b"".join(start + encodebytes(each) + end for each in certificates) or None


def _quoted(message: dict[int, list[Any]], where: str) -> Quoted:
    quote = _bytes(message, 1)
    if quote is None or not _document.is_quote(quote):
        raise ParseError("not a TPM quote", offset=0, where=where)
    values: dict[tuple[Register, HashAlg], bytes] = {}
    for each in message.get(3, ()):
        for index, alg, value in _pcrs(each, f"{where}.pcrs"):
            if alg.size != len(value):
                said = f"{alg} values have {alg.size} bytes, this one {len(value)}"
                raise ParseError(said, offset=0, where=f"{where}.pcrs[{index}]")
            if values.setdefault((Register("pcr", index), alg), value) != value:
                raise ParseError(f"pcr:{index} has two values in {alg}", offset=0, where=where)
    return Quoted(quote, _bytes(message, 2), Registers(values, ID))


def _pcrs(found: Any, where: str) -> list[tuple[int, HashAlg, bytes]]:
    """The values of a bank, from the bytes of a message, its text, or JSON, where the map is an object."""
    if isinstance(found, bytes):
        from evlog.evidence import _protobuf

        message = _protobuf.fields(found, where)
        entries = [_protobuf.fields(each, where) for each in message.get(2, ()) if isinstance(each, bytes)]
        pairs = [(each.get(1, [0])[-1], each.get(2, [b""])[-1]) for each in entries]
        hashed = message.get(1, [0])[-1]
    elif isinstance(found, dict):
        hashed = found.get("hash", 0)
        hashed = hashed[-1] if isinstance(hashed, list) and hashed else hashed
        table = found.get("pcrs", {})
        pairs = list(table.items()) if isinstance(table, dict) else [_entry(each) for each in table]
    else:
        raise ParseError("a bank and its values were expected", offset=0, where=where)
    try:
        alg = HashAlg.of(hashed) if isinstance(hashed, int) else HashAlg.named(hashed)
        if not alg.known:
            raise ParseError(f"bank {alg} is not known here", offset=0, where=where)
        return [(_index(index), alg, value if isinstance(value, bytes) else _coded(value)) for index, value in pairs]
    except (ValueError, TypeError, AttributeError, EvlogError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError("a bank and its values were expected", offset=0, where=where) from error


def _entry(each: Any) -> tuple[Any, Any]:
    """An entry of the map in a message's text."""
    return each.get("key", [0])[-1], each.get("value", [b""])[-1]


def _index(index: Any) -> int:
    number = int(index) if isinstance(index, str) and index.isascii() and len(index) < 4 else index
    if type(number) is not int or not 0 <= number < 1 << 16:
        raise ValueError("no PCR has such an index")
    return number


def _coded(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError("bytes in base64 were expected")
    return _document.base64url(value)
