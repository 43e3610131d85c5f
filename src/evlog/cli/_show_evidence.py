"""`evlog show` of what is no log: a quote, a report, a token, register values, a certificate or a key, as what it is.

Nothing is given to check it with, so that what is shown is what it says; the last line is how it would be verified.
"""

from __future__ import annotations

import os

from evlog.cli import _common, _keep
from evlog.cli._page import Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.errors import EvlogError
    from evlog.evidence import Evidence
    from evlog.evidence._key_file import KeyFile
    from evlog.model import Log
    from evlog.registers import Register

__all__ = ["note", "rather", "show"]

#: What has to be given for evidence of each kind, behind ``--quote FILE``; where it is nothing, why.
_OPTIONS = {
    "tpm-quote": "--key AK --nonce HEX",
    "tdx-quote": "--root ROOT.pem --nonce HEX, with Intel's SGX Root CA",
    "snp-report": "--key VCEK.pem --root ARK.pem --nonce HEX, with AMD's certificates of the chip",
    "cca-token": "--kind cca-token --key CPAK.pem --nonce HEX, with the key of the platform",
    "nitro-enclave": "--root ROOT.pem --nonce HEX, with AWS's Nitro root",
    "nitro-tpm": "--kind nitro-tpm --root ROOT.pem --nonce HEX, with AWS's Nitro root",
    "csv-report": "--kind csv-report --root HRK.cert --nonce HEX, with HSK and CEK behind Hygon's root in that file",
    "hcl-vtpm": "--kind hcl-vtpm --root ARK.pem --nonce HEX, with a quote of the TPM in one document with the report",
}
_NOTHING = {
    "register-file": "nobody signs such values; a quote or a report does",
    "tdx-report": "only the processor that made a TDREPORT can check it; a TD quote is made of it",
}
_LONGEST = 64  # bytes of a claim
_REPORT = 1 << 16  # bytes of a quote or a report, and more
_DOCUMENTS = ("dstack", "pcrlock-json", "ita-json")


def show(args: argparse.Namespace, error: EvlogError) -> int:
    """Show what the file is. Raises ``error``, which says that it is no log, if it is nothing known either."""
    evidence, files = _found(args, args.log)
    if evidence is None and not files:
        raise error
    _check(args)
    keep = _keep.of(args)
    platform = args.platform or (evidence.platform if evidence is not None else None)
    if evidence is not None:
        _common.say_absent(_absent(evidence, keep, platform))
        kept = {
            key: value
            for key, value in evidence.registers.values.items()
            if keep.has(key[0], platform) and keep.has_bank(key[1])
        }
        evidence = evidence.replace(registers=evidence.registers.replace(values=kept))
    if args.json:
        _common.print_json(_document(evidence, files, platform, args.log))
    elif evidence is not None:
        _page(Page(args.color), evidence, platform, args.log)
    else:
        _files(Page(args.color), files, args.log)
    return int(args.strict and evidence is not None and evidence.failed)


def rather(args: argparse.Namespace, log: Log) -> bool:
    """Whether what was read as a log is evidence: some kind of it claims the bytes, and its room is not certain.

    An SEV-SNP report is also two records of a log without a header, with what follows as damage; and a folder of
    registers without a log is read as a log of no events.
    """
    from evlog.formats import CERTAIN, room
    from evlog.intake.files import load
    from evlog.options import Options

    if args.format is not None or any(finding.code == "wrapped" for finding in log.findings):
        return False
    source = _common.given(args, args.log)
    if isinstance(source, str) and os.path.isdir(source):
        from evlog.tree import members

        return all(member.log is None for member in members(source))
    if isinstance(source, str) and (not os.path.isfile(source) or os.path.getsize(source) > _REPORT):
        return False
    data, name = load(source)
    if (
        len(data) > _REPORT
        or data.lstrip()[:1] in (b"{", b"[")
        or room(log.format).sniff(data, Options(name=name)).confidence == CERTAIN
    ):
        return False
    from evlog.intake.registers import may_be_signed

    return may_be_signed(data)


def note(args: argparse.Namespace, log: Log) -> None:
    """Say that a log stands in one document with evidence, if it does."""
    wrapped = any(finding.code == "wrapped" for finding in log.findings)
    if not wrapped and log.format not in _DOCUMENTS:
        return
    evidence, _ = _found(args, args.log)
    if evidence is not None:
        what = _title(evidence.source)
        _common.say(f"{args.log}: there is {what} in it too (evlog verify {_name(args.log)} --quote {_name(args.log)})")


def _found(args: argparse.Namespace, source: str) -> tuple[Evidence | None, tuple[KeyFile, ...]]:
    """The evidence in a file or a folder, or the keys that it is."""
    from evlog.errors import SourceError, UnknownFormatError
    from evlog.intake.registers import key_files, read_registers

    try:
        evidence = read_registers(_common.given(args, source))
        if evidence.form != "pcr-bare" or _plausible(evidence):
            return evidence, ()
    except (UnknownFormatError, SourceError):
        pass
    return None, () if os.path.isdir(source) else key_files(_common.given(args, source))


def _plausible(evidence: Evidence) -> bool:
    """Whether bytes that have just the size are values: some of a TPM's 24 PCRs are as they were reset."""
    return any(len(set(value)) == 1 and value[0] in (0, 0xFF) for value in evidence.registers.values.values())


def _check(args: argparse.Namespace) -> None:
    """Refuse what is of events."""
    from evlog.errors import UsageError

    wanted = [
        ("--event", args.event),
        ("--type", args.type),
        ("--check", args.check),
        ("--jsonl", args.jsonl),
        ("--format", args.document),
    ]
    for option, value in wanted:
        if value:
            raise UsageError(f"{args.log}: evidence and no log, which has no events: {option} does not go with it")


def _absent(evidence: Evidence, keep: _keep.Keep, platform: str | None) -> str | None:
    banks = [alg for _, alg in evidence.registers]
    said = keep.absent((register for register, _ in evidence.registers), banks, platform)
    return said.replace("no event on", "no value of") if said else None


def _title(kind: str) -> str:
    from evlog.evidence import KINDS

    return KINDS[kind]


def _name(source: str) -> str:
    from shlex import quote

    return "FILE" if source == "-" else quote(source)


def _how(evidence: Evidence, source: str) -> str:
    """What would authenticate it, in a line."""
    kind = evidence.source
    if kind in _NOTHING:
        option = "--registers" if kind == "register-file" else "--quote"
        return f"evlog verify LOG {option} {_name(source)} (only read: {_NOTHING[kind]})"
    options = _OPTIONS[kind]
    if any("no platform token" in sentence for sentence in evidence.read_only):
        options = "--kind cca-token --key DEVICE.pem --nonce HEX, with the device's key or certificate"
    if kind == "tpm-quote" and any("no signature was given" in sentence for sentence in evidence.read_only):
        options = f"--signature SIG {options}"
    if kind == "tpm-quote" and evidence.composite is not None:
        options += " [--pcrs PCRS]"
    return f"evlog verify LOG --quote {_name(source)} {options}"


def _page(page: Page, evidence: Evidence, platform: str | None, source: str) -> None:
    """The evidence for people: what it is, its values by bank, what it claims, what stands behind it."""
    from evlog.evidence import source as reader

    page.line((f"{evidence.source}: {_title(evidence.source)}", "bold"))
    page.line((f"read as {reader(evidence.form).TITLE}", "dim"))
    banks: dict[HashAlg, list[tuple[Register, bytes]]] = {}
    for (register, alg), value in evidence.registers.values.items():
        banks.setdefault(alg, []).append((register, value))
    for alg, rows in banks.items():
        page.line((f"{alg}:", "bold"))
        for register, value in rows:
            if any(value) or len(rows) == 1:
                static = "  static" if register in evidence.static else ""
                name = f"{register!s:6} {register.label(platform):11}"
                page.line((f"  {name}", "cyan"), f" {value.hex()}", (static, "dim"))
        zeros = [str(register) for register, value in rows if not any(value)]
        if zeros and len(rows) > 1:
            page.line((f"  {len(zeros)} at zeros: {', '.join(zeros)}", "dim"))
    if not evidence.registers and evidence.composite is None:
        page.line(("no register", "dim"))
    if evidence.composite is not None:
        page.line((f"{_selected(evidence)}:", "bold"), f" {evidence.composite.digest.hex()} ({evidence.composite.alg})")
    _claims(page, evidence)
    for title, sentences in (("authenticated", evidence.authenticated), ("only read", evidence.read_only)):
        for sentence in sentences:
            page.line((f"{title}: ", "dim"), sentence)
    for finding in evidence.findings:
        page.line((f"{finding.severity}: ", "bold red" if finding.severity == "error" else "yellow"), finding.message)
    page.line(("to verify: ", "bold"), _how(evidence, source))


def _selected(evidence: Evidence) -> str:
    """What a signed digest is over."""
    assert evidence.composite is not None
    banks: dict[str, list[str]] = {}
    for register, alg in evidence.composite.selection:
        banks.setdefault(str(alg), []).append(str(register.index))
    return "signed digest of PCR " + " and ".join(f"{','.join(pcrs)} of {alg}" for alg, pcrs in banks.items())


def _claims(page: Page, evidence: Evidence) -> None:
    plain = dict(evidence.plain)
    rows = [(name, plain.get(name) or _cut(value)) for name, value in evidence.claims]
    rows += [row for row in evidence.identity if row[0] not in dict(rows)]
    if not rows:
        return
    page.line(("claims:", "bold"))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        page.line((f"  {name:{width}} ", "dim"), f" {text}")


def _cut(value: bytes) -> str:
    if not value:
        return "empty"
    if not any(value):
        return f"{len(value)} zeros"
    return value.hex() if len(value) <= _LONGEST else f"{value[:_LONGEST].hex()}... ({len(value)} bytes)"


def _files(page: Page, files: tuple[KeyFile, ...], source: str) -> None:
    """Keys, certificates, a signature."""
    for each in files:
        page.line((each.kind.replace("-", " "), "bold"))
        width = max(len(name) for name, _ in each.members)
        for name, text in each.members:
            page.line((f"  {name:{width}} ", "dim"), f" {text}")
    options = " or ".join(dict.fromkeys(each.option for each in files))
    page.line(("to use it: ", "bold"), f"evlog verify LOG --quote QUOTE {options} {_name(source)}")


def _document(
    evidence: Evidence | None, files: tuple[KeyFile, ...], platform: str | None, source: str
) -> dict[str, Any]:
    """The file as ``evlog.evidence/1``."""
    document: dict[str, Any] = {
        "schema": "evlog.evidence/1",
        "evidence": None,
        "platform": platform,
        "registers": [],
        "composite": None,
        "keys": [{"kind": each.kind, "option": each.option, **_underscored(each)} for each in files],
        "verify": None,
        "findings": [],
    }
    if evidence is None:
        return document
    from evlog.report.documents.evidence import members, registers

    composite = evidence.composite
    document["evidence"] = {
        **members(evidence),
        "form": evidence.form,
        "unchecked": list(evidence.unchecked),
        "weaknesses": [{"accept": each.accept, "message": each.sentence} for each in evidence.weaknesses],
    }
    document["registers"] = registers(evidence, platform)
    if composite is not None:
        document["composite"] = {
            "alg": str(composite.alg),
            "digest": composite.digest.hex(),
            "selection": [{"register": str(register), "alg": str(alg)} for register, alg in composite.selection],
        }
    document["verify"] = _how(evidence, source)
    document["findings"] = [finding.to_json() for finding in evidence.findings]
    return document


def _underscored(each: KeyFile) -> dict[str, str]:
    return {name.lower().replace(" ", "_"): text for name, text in each.members}
