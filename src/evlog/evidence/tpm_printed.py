"""A TPM quote as tools print it, made again from its fields, so that its signature can be checked.

``tpm2_print -t TPMS_ATTEST`` (tpm2-tools, tools/misc/tpm2_print.c): lines of YAML; the firmware's version is its bytes
as they stand in memory. ``tpm2_quote``: the quote in hex (``quoted``), its signature and the PCRs. FAPI's quoteInfo
(``tss2_quote -q``; tpm2-tss, tss2-fapi/tpm_json_serialize.c): a JSON object of ``attest`` and ``sig_scheme``, whose
numbers beyond 48 bits are two of 32, and whose selections are lists of PCRs in bitmaps of three bytes. tpm2-pytss
prints the object of ``attest`` alone.
"""

from __future__ import annotations

from evlog.algorithms import HashAlg
from evlog.errors import EvlogError, ParseError
from evlog.evidence import Credentials, Evidence, Material, _document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from evlog.evidence._tpm import Beside

ID = "tpm-printed"
TITLE = "TPM quote as tpm2_print, tpm2_quote or FAPI prints it"
KINDS = ("tpm-quote",)

_MAGIC, _TYPE, _QUOTED = b"ff544347", b"8018", b"quoted:"
_SELECT_SIZE = 3
_LAST_PCR = 8 * _SELECT_SIZE - 1
# Lines of a quote with a selection in each of 16 banks.
_MOST_LINES = 256


def claims(material: Material) -> bool:
    data = material.data or b""
    return _is_print(data) or _quoted(data) is not None or _attest(data) is not None


def read(material: Material, credentials: Credentials) -> Evidence:
    """The quote. Raises ParseError for fields that are missing or cannot be."""
    data = material.data or b""
    quoted = _quoted(data)
    if quoted is not None:
        return _judged(quoted, credentials, _beside(data, material.name))
    attest = _attest(data)
    messages = _from_print(data) if attest is None else [_from_json(attest)]
    found = _judged(messages[0], credentials, None)
    # Which way round the firmware's version was printed shows by what the signature is over.
    for message in messages[1:]:
        if any(finding.code == "signature_invalid" for finding in found.findings):
            other = _judged(message, credentials, None)
            found = found if any(finding.code == "signature_invalid" for finding in other.findings) else other
    return found


def _judged(message: bytes, credentials: Credentials, beside: Beside | None) -> Evidence:
    from evlog.evidence import _tpm
    from evlog.evidence._account import Account

    account = Account(credentials)
    if beside is None:
        account.reads("the quote is made again from its fields as they were printed")
    return _tpm.judged(message, account, beside or _tpm.NOTHING, kind=KINDS[0], form=ID)


def _is_print(data: bytes) -> bool:
    lines = data[:256].split(b"\n", 2)
    return len(lines) == 3 and _pair(lines[0]) == (b"magic", _MAGIC) and _pair(lines[1]) == (b"type", _TYPE)


def _pair(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip(), value.strip().removeprefix(b"0x").lower()


def _from_print(data: bytes) -> list[bytes]:
    """The bytes that the lines may be of: one for either way that the firmware's version may be printed."""
    fields: dict[bytes, bytes] = {}
    selections: list[list[bytes]] = []
    lines = data.splitlines()
    if len(lines) > _MOST_LINES:
        raise ParseError(f"{len(lines)} lines, a quote has {_MOST_LINES} at most", offset=0)
    for line in lines:
        name, value = _pair(line)
        if name == b"hash":
            selections.append([value.partition(b" ")[0]])
        elif name == b"pcrSelect" and value and selections:
            selections[-1].append(value)
        elif value and fields.setdefault(name, value) != value:
            raise ParseError(f"{_name(name)} stands twice", offset=0, where=_name(name))
    if any(len(each) != 2 for each in selections):
        raise ParseError("a bank without its PCRs", offset=0, where="pcrSelect")
    firmware = _hex(fields, b"firmwareVersion")
    if len(firmware) != 8:
        raise ParseError(f"{len(firmware)} bytes, 8 were expected", offset=0, where="firmwareVersion")
    from evlog.evidence._attest import Printed

    printed = Printed(
        signer=_hex(fields, b"qualifiedSigner"),
        extra_data=_hex(fields, b"extraData", absent=b""),
        clock=_integer(fields, b"clock"),
        reset_count=_integer(fields, b"resetCount"),
        restart_count=_integer(fields, b"restartCount"),
        safe=_integer(fields, b"safe"),
        firmware_version=firmware[::-1],
        selections=tuple((_number(alg, "hash"), _bytes(bits, "pcrSelect")) for alg, bits in selections),
        pcr_digest=_hex(fields, b"pcrDigest"),
    )
    return [each.message() for each in (printed, printed.replace(firmware_version=firmware))]


def _name(name: bytes) -> str:
    return name[:32].decode("ascii", "replace")


def _hex(fields: dict[bytes, bytes], name: bytes, absent: bytes | None = None) -> bytes:
    value = fields.get(name, absent)
    if value is None:
        raise ParseError("not among the fields", offset=0, where=_name(name))
    return _bytes(value, _name(name))


def _bytes(value: bytes, where: str) -> bytes:
    try:
        return bytes.fromhex(value.decode("ascii"))
    except ValueError:
        raise ParseError("hex was expected", offset=0, where=where) from None


def _integer(fields: dict[bytes, bytes], name: bytes) -> int:
    return _number(fields.get(name, b""), _name(name))


def _number(value: bytes, where: str) -> int:
    if not value.isdigit() or len(value) > 20:
        raise ParseError("a number was expected", offset=0, where=where)
    return int(value)


def _quoted(data: bytes) -> bytes | None:
    """The quote that tpm2_quote printed, on its first line or below notes."""
    line = _line(data, _QUOTED)
    try:
        found = bytes.fromhex(line.decode("ascii")) if line is not None else b""
    except ValueError:
        return None
    return found if _document.is_quote(found) else None


def _line(data: bytes, name: bytes) -> bytes | None:
    at = 0 if data.startswith(name) else data.find(b"\n" + name) + 1
    return data[at + len(name) :].partition(b"\n")[0].strip() if at or data.startswith(name) else None


def _beside(data: bytes, name: str) -> Beside:
    """The signature and the PCR values below the quote, if the tool was to print them."""
    from evlog.evidence import pcrread
    from evlog.evidence._tpm import Beside

    signature = _line(data, b"  sig:")
    listing = Material(data, name)
    return Beside(
        signature=_bytes(signature, "signature") if signature else None,
        pcrs=listing if b"\npcrs:" in data and pcrread.claims(listing) else None,
    )


def _attest(data: bytes) -> dict[str, Any] | None:
    """The fields of a quote in a JSON object."""
    found = _document.document(data)
    if isinstance(found, dict) and isinstance(found.get("attest"), dict):
        found = found["attest"]
    if not isinstance(found, dict) or not isinstance(found.get("attested"), dict) or "qualifiedSigner" not in found:
        return None
    return found if str(found.get("type")).upper().replace("TPM2_ST_", "") in ("ATTEST_QUOTE", "32792") else None


def _from_json(found: dict[str, Any]) -> bytes:
    from evlog.evidence._attest import Printed

    attested, clock = found["attested"], _member(found, "clockInfo", dict)
    selections = _member(attested, "pcrSelect", list)
    return Printed(
        signer=_text_bytes(found, "qualifiedSigner"),
        extra_data=_text_bytes(found, "extraData"),
        clock=_wide(clock, "clock"),
        reset_count=_wide(clock, "resetCount"),
        restart_count=_wide(clock, "restartCount"),
        safe=_yes(clock.get("safe")),
        firmware_version=_wide(found, "firmwareVersion").to_bytes(8, "big"),
        selections=tuple(map(_selection, selections)),
        pcr_digest=_text_bytes(attested, "pcrDigest"),
    ).message()


def _member(around: dict[str, Any], name: str, kind: Callable[..., Any]) -> Any:
    value = around.get(name)
    if type(value) is not kind:
        raise ParseError("missing, or of another type", offset=0, where=name)
    return value


def _text_bytes(around: dict[str, Any], name: str) -> bytes:
    value = _member(around, name, str)
    return _bytes(value.encode("utf-8", "replace"), name)


def _wide(around: dict[str, Any], name: str) -> int:
    """A number, also as text, or as two of 32 bits."""
    value: Any = around.get(name)
    if isinstance(value, list) and len(value) == 2:
        high, low = value
        value = high << 32 | low if _fits(high, 32) and _fits(low, 32) else None
    if isinstance(value, str):
        try:
            value = int(value[:24], 0)
        except ValueError:
            value = None
    if not _fits(value, 64):
        raise ParseError("a number was expected", offset=0, where=name)
    number: int = value
    return number


def _fits(value: Any, bits: int) -> bool:
    return type(value) is int and 0 <= value < 1 << bits


def _yes(value: Any) -> int:
    if value in (True, "YES", 1):
        return 1
    if value in (False, "NO", 0):
        return 0
    raise ParseError("YES or NO was expected", offset=0, where="safe")


def _selection(found: Any) -> tuple[int, bytes]:
    try:
        alg = HashAlg.named(found["hash"])
        indices = [each for each in found["pcrSelect"] if 0 <= each <= _LAST_PCR]
        if len(indices) == len(found["pcrSelect"]):
            return alg.id, sum(1 << each for each in set(indices)).to_bytes(_SELECT_SIZE, "little")
    except (KeyError, TypeError, AttributeError, EvlogError):
        pass
    raise ParseError("a bank and a list of its PCRs were expected", offset=0, where="pcrSelect")
