"""The evidence in a capture: its quotes and reports, and the register values that were read before and after the logs.

Nothing here knows a signature or a layout: each quote becomes the document that others make of one, and is read by the
source that claims it. What is compared here is what stands beside one another: quotes of one TPM, the values that a
quote is about and those that the kernel showed, and these before and after the logs were read.
"""

from __future__ import annotations

from evlog.errors import ParseError, UnknownFormatError
from evlog.evidence import Evidence, Material, identify
from evlog.intake.captures import Capture, captured_device
from evlog.model import Finding
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evlog.algorithms import HashAlg

    Values = dict[tuple[Register, HashAlg], bytes]

__all__ = ["beside_quote", "joined", "no_values", "quotes", "values_of"]

_BEFORE, _AFTER, _QUOTES = "registers/before/", "registers/after/", "quotes/"
#: What a document calls the files beside a quote.
_BESIDE = {"sig": "signature", "pcrs": "pcrs"}
_KEYS = ("ak.pub", "ak.pem")
_REPORT = f"{_QUOTES}tsm.outblob"
#: Registers that a list extends which grows while it is read: IMA's, by PCR and in a confidential guest.
_GROWS = frozenset({Register("pcr", 10), Register("ccmr", 3), Register("rtmr", 2), Register("rem", 2)})
#: Claims of a quote that tell one boot, and one key, from another.
_OF_A_BOOT = ("resetCount", "restartCount", "qualified_signer", "extra_data")


def quotes(capture: Capture, member: str | None = None) -> Iterator[Material]:
    """Each quote and report, with what lies beside it; of several TPMs those of one."""
    device = captured_device(capture, member)
    for name, data in capture.members.items():
        stem, dot, ending = name.removeprefix(_QUOTES).rpartition(".")
        if not name.startswith(_QUOTES) or not dot or ending != "msg":
            continue
        of = stem.partition("-")[0]
        if of != device:
            continue
        yield _document(capture, data, f"{_QUOTES}{stem}", f"{_QUOTES}{of}.")
    if _REPORT in capture.members:
        yield Material(capture.members[_REPORT], f"{capture.name}/{_REPORT}")


def _document(capture: Capture, quote: bytes, stem: str, key: str) -> Material:
    """A TPM quote with its signature, values and key in one document."""
    import json

    members = {"quote": quote.hex()}
    for ending, called in _BESIDE.items():
        data = capture.members.get(f"{stem}.{ending}")
        if data is not None:
            members[called] = data.hex()
    for ending in _KEYS:
        data = capture.members.get(f"{key}{ending}")
        if data is not None:
            members.setdefault("ak", data.hex())
    return Material(json.dumps(members).encode(), f"{capture.name}/{stem}.msg")


def values_of(capture: Capture, member: str | None = None) -> Material | None:
    """The register values of the machine that were read before the logs, as one file; None if there are none."""
    import json

    values = _values(capture, _BEFORE, member)
    if not values:
        return None
    document: dict[str, dict[str, dict[str, str]]] = {}
    for (register, alg), value in values.items():
        document.setdefault(register.space, {}).setdefault(str(alg), {})[str(register.index)] = value.hex()
    return Material(json.dumps(document).encode(), f"{capture.name}/{_BEFORE.rstrip('/')}")


def _values(capture: Capture, folder: str, member: str | None) -> Values:
    """The values in a folder of a capture, of each device; of several TPMs those of one."""
    from evlog.evidence import NO_CREDENTIALS

    own = captured_device(capture, member)
    found: Values = {}
    for name, data in capture.members.items():
        device = name.removeprefix(folder).removesuffix(".json")
        if not name.startswith(folder) or (device.startswith("tpm") and device != own):
            continue
        material = Material(data, f"{capture.name}/{name}")
        try:
            read = identify(material, "register-file").read(material, NO_CREDENTIALS).registers.values
        except ParseError as error:
            error.message = f"{name}: {error.message}"
            raise
        for key, value in read.items():
            if found.setdefault(key, value) != value:
                raise ParseError(f"{name}: another value of {key[0]} in {key[1]} than a device before it has", offset=0)
    return found


def joined(evidence: Evidence, others: Sequence[Evidence]) -> Evidence:
    """The quotes of one TPM as one piece of evidence: of one boot, one key and one nonce, or it fails."""
    for other in others:
        mine, its = (dict(each.claims) for each in (evidence, other))
        differing = [name for name in _OF_A_BOOT if mine.get(name) != its.get(name)]
        found = list(other.findings)
        if differing:
            said = ", ".join(differing)
            found.append(Finding("quotes_differ", "error", f"the quotes are not of one boot and key: {said} differ"))
        values = dict(evidence.registers.values)
        for (register, alg), value in other.registers.values.items():
            if values.setdefault((register, alg), value) != value:
                found.append(Finding("quotes_differ", "error", f"two quotes of {register} in {alg} differ"))
        if other.composite is not None:
            found.append(Finding("quotes_differ", "error", "a second quote without the values that it is of"))
        both = evidence.anchor is not None and evidence.anchor == other.anchor
        evidence = evidence.replace(
            registers=Registers(values, evidence.registers.source),
            covered=tuple(dict.fromkeys((*evidence.covered, *(other.covered if both else ())))),
            fresh=evidence.fresh and other.fresh,
            read_only=tuple(dict.fromkeys((*evidence.read_only, *other.read_only))),
            authenticated=tuple(dict.fromkeys((*evidence.authenticated, *other.authenticated))),
            weaknesses=tuple(dict.fromkeys((*evidence.weaknesses, *other.weaknesses))),
            findings=tuple(dict.fromkeys((*evidence.findings, *found))),
        )
    return evidence


def beside_quote(evidence: Evidence, capture: Capture, member: str | None = None) -> Evidence:
    """The evidence with what else the capture holds: values that no quote is of, which are only read, and statements.

    It fails where what was read contradicts what was quoted, or a register was extended while the logs were read; but
    IMA's list grows all the time, and holds what leads to the values before.
    """
    before, after = (_values(capture, folder, member) for folder in (_BEFORE, _AFTER))
    quoted = evidence.registers.values
    found = []
    for key, value in before.items():
        if key in quoted and quoted[key] != value:
            found.append(("error", f"{key[0]} in {key[1]} was read as another value than was quoted: capture it again"))
    moved: dict[Register, list[str]] = {}
    for key in (*before, *(key for key in after if key not in before)):
        if before.get(key) != after.get(key):
            moved.setdefault(key[0], []).append(str(key[1]))
    for register, banks in moved.items():
        said = f"{register} ({', '.join(banks)})"
        if register in _GROWS:
            found.append(("warning", f"{said} was extended while the logs were read: the values before count"))
        else:
            found.append(("error", f"{said} was another after the logs were read than before: capture it again"))
    findings = [Finding("capture_moved", severity, message) for severity, message in found]
    findings += _another_nonce(evidence, capture)
    more = {key: value for key, value in before.items() if key not in quoted}
    read_only = list(evidence.read_only)
    if more and quoted:
        devices = sorted({key[0].space for key in more})
        read_only.append(f"{len(more)} values that no quote is of ({', '.join(devices)}): the kernel showed them")
    failed = evidence.failed or any(each.severity == "error" for each in findings)
    evidence = evidence.replace(
        registers=Registers({**quoted, **more}, evidence.registers.source),
        read_only=(*read_only, *_stated(capture)),
        findings=(*evidence.findings, *findings),
    )
    if failed:
        return evidence.replace(anchor=None, covered=(), fresh=False, root_name="")
    return evidence


def _another_nonce(evidence: Evidence, capture: Capture) -> Iterator[Finding]:
    """That the manifest states another nonce than the quote has: one of both is of another capture."""
    stated, claims = capture.manifest.get("nonce"), dict(evidence.claims)
    quoted = claims.get("extra_data", claims.get("report_data"))
    if not isinstance(stated, str) or quoted is None:
        return
    try:
        nonce = bytes.fromhex(stated)
    except ValueError:
        nonce = b""
    if quoted not in (nonce, nonce.ljust(len(quoted), b"\0")) or not nonce:
        yield Finding("capture_nonce", "error", "the manifest states another nonce than the quote has")


def _stated(capture: Capture) -> Iterator[str]:
    """What the manifest says of the machine, of which no register covers anything."""
    manifest = capture.manifest
    kernel = manifest.get("kernel")
    words = [f"captured {manifest['time']}"] if isinstance(manifest.get("time"), str) else []
    if isinstance(kernel, dict) and isinstance(kernel.get("release"), str):
        words.append(f"kernel {kernel['release']}")
    system = manifest.get("os")
    if isinstance(system, dict) and isinstance(system.get("ID"), str):
        words.append(f"{system['ID']} {system.get('VERSION_ID') or ''}".strip())
    if words:
        yield f"stated, not measured: {', '.join(words)}"
    if manifest.get("nonce") is None and any(name.startswith(_QUOTES) for name in capture.members):
        yield "the capture was made without a nonce: its quotes are replayable"


def no_values(capture: Capture) -> UnknownFormatError:
    """That a capture has neither quotes nor values."""
    return UnknownFormatError(f"{capture.name}: the capture holds no register values", offset=0)
