"""Whether the logs lead to the register values of a machine, register by register, and why not.

The values come from a file or folder (--registers), a quote or report (--quote), or this machine (--live), whose logs
are found too if none is named; without any from the document or the archive that the log is in. What was
authenticated and what was only read is said each time.
Exit code 0 only if every demanded register counts (--require; else those that nobody who cheats could leave out), and
no check of the evidence failed. What may be missing is named by --accept; a failing line says how.
"""

from __future__ import annotations

from evlog.cli import _common, _demand, _each

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any, BinaryIO

    from evlog.evidence import Evidence
    from evlog.verifying.verify import Verification

# The arguments that name files.
_FILES = ("registers", "quote", "key", "signature", "pcrs", "root")
_DIGITS = 16
_MOST_LINKS = 40  # as Linux follows


EXAMPLES = (
    "tpm2_pcrread > pcrs; evlog verify LOG --registers pcrs",
    "evlog verify LOG --quote Q --signature SIG --key AK --pcrs PCRS --nonce HEX",
    "evlog verify CCEL --quote TD_QUOTE --root ROOT.pem",
    'evlog verify FLEET --only log.bin --registers "{dir}/pcrs.json"',
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="[LOG...]")
    _each.arguments(parser)
    evidence_arguments(parser)
    explain_argument(parser)
    parser.add_argument("-v", "--values", action="store_true", help="the registers' values")
    parser.add_argument("--events", action="store_true", help="say of each event how far it is proven")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.verify/1)")
    _common.color_argument(parser)


def evidence_arguments(parser: argparse.ArgumentParser) -> None:
    """Where register values come from, what authenticates them, and what is demanded of them."""
    source = parser.add_argument_group("register values").add_mutually_exclusive_group()
    source.add_argument("--registers", metavar="FILE", help="JSON, what tpm2_pcrread prints, or a folder")
    source.add_argument("--quote", metavar="FILE", help="a TPM or TD quote, TDREPORT, SEV-SNP report, CCA token, ...")
    source.add_argument("--live", action="store_true", help="this machine's registers, as its kernel shows them")
    live_argument(parser)
    group = parser.add_argument_group("authenticating the values")
    group.add_argument("--key", metavar="FILE", help="the key that signed: PEM, DER, TPM2B_PUBLIC, a certificate")
    group.add_argument("--signature", metavar="FILE", help="the signature of a TPM quote")
    group.add_argument("--pcrs", metavar="FILE", help="the PCR values that a TPM quote is about")
    group.add_argument("--nonce", metavar="HEX", help="what was asked for: qualifying data, start of REPORTDATA")
    group.add_argument("--root", metavar="FILE", help="the manufacturer's root certificate")
    _demand.arguments(parser)


def explain_argument(parser: argparse.ArgumentParser) -> None:
    """How much may be computed on why registers differ."""
    parser.add_argument("--explain", metavar="N", help="hashes to spend on why registers differ; 0 for none")


def allowed(args: argparse.Namespace) -> int | None:
    """``--explain``. Raises UsageError for what is no number."""
    text = args.explain
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        from evlog.errors import UsageError

        raise UsageError(f"--explain {text}: a number of hashes was expected, such as 100000")
    return int(text)


def live_argument(parser: argparse.ArgumentParser) -> None:
    """Where the machine of --live stands."""
    text = "the machine's file system, of --live, if not /"
    parser.add_argument_group("this machine").add_argument("--sysroot", metavar="DIR", help=text)


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UnknownFormatError, UsageError
    from evlog.verifying.verify import verify

    if _each.wanted(args):
        from evlog.evidence import Credentials

        # What makes no sense of any log is said once.
        _demand.demand(args)
        allowed(args)
        Credentials(nonce=_nonce(args), kind=args.kind, at=_demand.when(args.at))
        return _each.run(args, "verify")
    demand, explain = _demand.demand(args), allowed(args)
    try:
        evidence = open_evidence(args, args.logs)
    except UnknownFormatError as error:
        if args.registers or args.quote or args.live:
            raise
        raise UsageError(error.message) from error
    logs = _common.open_logs(args, args.logs or own_logs(args))
    _common.under_way("verifying")
    result = verify(logs, evidence, demand, platform=args.platform, explain=explain)
    code = _code(args, result)
    if args.json:
        from evlog.report.documents.verification import document

        _common.print_json(document(result, code, events=args.events))
    else:
        from evlog.cli import _verify_page
        from evlog.cli._page import Page

        page = Page(args.color)
        _verify_page.show(result, answer(result), values=args.values, page=page)
        if args.events:
            _verify_page.standings(result, page)
    _common.report(finding for finding in result.findings if args.json or finding not in evidence.findings)
    return code


def one(args: argparse.Namespace, source: str) -> tuple[dict[str, Any], int]:
    """One of many logs: what is printed of it, and the exit code."""
    from evlog.report.documents.verification import document
    from evlog.verifying.verify import verify

    _keys_elsewhere(args, source)
    logs = _common.open_all(args, source)
    evidence = open_evidence(_each.beside(args, source, _FILES), [source])
    result = verify(logs, evidence, _demand.demand(args), platform=args.platform, explain=allowed(args))
    code = _code(args, result)
    return {**document(result, code, events=args.events), "failed": any(log.failed for log in logs)}, code


def _code(args: argparse.Namespace, result: Verification) -> int:
    from evlog.report.documents.verification import exit_code

    warned = args.strict and any(finding.severity == "warning" for finding in result.findings)
    return exit_code(result) or int(warned)


def _keys_elsewhere(args: argparse.Namespace, source: str) -> None:
    """Raise UsageError for a key or root in the folders of the logs: who hands in the one hands in the other.

    A folder of logs is what was given as one, and that of a log whose evidence is taken from beside it.
    """
    import os

    from evlog.errors import UsageError

    folders = [os.path.realpath(path) for path in args.logs if os.path.isdir(path)]
    if any("{dir}" in (getattr(args, name) or "") for name in _FILES):
        folders.append(os.path.realpath(os.path.dirname(source)))
    for name in ("key", "root"):
        path = getattr(args, name)
        if path is None:
            continue
        inside = (os.path.commonpath((each, folder)) == folder for each in _stations(path) for folder in folders)
        if "{dir}" in path or any(inside):
            raise UsageError(
                f"--{name}: a file in the folders of the logs anchors nothing: it must come from elsewhere"
            )


def _stations(path: str) -> Iterator[str]:
    """Where a path leads, link by link: whoever writes to one of these places chooses the file."""
    import os

    for _ in range(_MOST_LINKS):
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        yield path
        if not os.path.islink(path):
            break
        path = os.path.join(os.path.dirname(path), os.readlink(path))
    yield os.path.realpath(path)


def own_logs(args: argparse.Namespace) -> list[str]:
    """The logs of this machine, where none were named."""
    from evlog.errors import SourceError, UsageError
    from evlog.intake.sources import live_logs

    if not args.live:
        raise UsageError("no log to verify (with --live this machine's own are found)")
    found = live_logs(args.sysroot or "/", args.member)
    if not found:
        raise SourceError("this machine shows no logs")
    args.member = None  # it named a TPM
    return found


def open_evidence(args: argparse.Namespace, logs: Sequence[str]) -> Evidence:
    """The register values that the arguments name; if they name none, those that stand beside the log in its file."""
    from evlog.errors import UnknownFormatError, UsageError
    from evlog.intake.registers import read_registers

    where: str | BinaryIO | None = args.registers or args.quote
    if args.sysroot is not None and not args.live:
        raise UsageError("--sysroot is for --live")
    beside = where is None and not args.live
    if beside and len(logs) == 1:
        where = logs[0] if logs[0] != "-" else _common.stdin(args)
    if where is None and not args.live:
        raise UsageError("register values are needed: --registers, --quote, --live, or one document that holds them")
    credentials: dict[str, Any] = {
        "kind": args.kind,
        "key": args.key,
        "signature": args.signature,
        "pcrs": args.pcrs,
        "nonce": _nonce(args),
        "root": args.root,
        "at": _demand.when(args.at),
    }
    if where is None:
        from evlog.intake.machine import read_machine

        return read_machine(args.sysroot or "/", None if logs else args.member, **credentials)
    try:
        return read_registers(where, **credentials, quote=args.quote is not None, beside=beside, member=args.member)
    except UnknownFormatError as error:
        if beside:
            lacking = error.message.removeprefix(f"{logs[0]}: ")  # a capture says its name
            error.message = f"{logs[0]}: {lacking}: give --registers, --quote or --live"
        raise


def _nonce(args: argparse.Namespace) -> bytes | None:
    from evlog.errors import UsageError

    try:
        return None if args.nonce is None else bytes.fromhex(args.nonce)
    except ValueError:
        raise UsageError("--nonce: hex was expected") from None


def answer(result: Verification) -> str:
    """The first line: what it all comes to."""
    counts: dict[str, int] = {}
    for row in result.registers:
        if row.events or row.verdict != "match":
            counts[row.verdict] = counts.get(row.verdict, 0) + 1
    idle = sum(row.demanded and not row.events and row.verdict == "match" for row in result.registers)
    if not counts and idle:
        counts["at the start value"] = idle
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())) or "nothing compared"
    if not result.ok:
        return f"NOT VERIFIED: {said}"
    return "; ".join([f"{_machine(result)}{_WORDS[result.word].format(_accepted(result))}: {said}", *_but(result)])


_WORDS = {
    "verified": "verified",
    "replayable": "authenticated, replayable",
    "accepted": "ok (accepted: {})",
    "read": "the logs agree with values that are not authenticated",
}


def _accepted(result: Verification) -> str:
    return ", ".join(dict.fromkeys(each.option for each in result.accepted))


def _machine(result: Verification) -> str:
    """Whose values they are, where a root vouches for the make of a machine and nobody for this one."""
    evidence = result.evidence
    if evidence.anchor != "root" or result.identified:
        return ""
    identity = ", ".join(f"{name} {value}" for name, value in evidence.identity)
    return f"some machine under {evidence.root_name or 'the given root'}{f' ({identity})' if identity else ''}: "


def _but(result: Verification) -> Iterator[str]:
    """What the answer does not cover."""
    from evlog.verifying.required import resettable

    evidence = result.evidence
    rows = (row for row in result.registers if row.cause == "ahead" and row.demanded)
    ahead = max((row.events - row.proven for row in rows), default=0)
    if ahead:
        yield f"{'the last entry' if ahead == 1 else f'the last {ahead} entries'} of a list only claimed"
    loose = [str(register) for register in result.required if resettable(register, evidence)]
    if loose:
        yield f"resettable by anybody: {', '.join(loose)}"
    if evidence.anchored and not result.firmware_identified:
        values = (
            f"{register.label(result.platform)} {value.hex()}"
            for (register, _), value in evidence.registers.values.items()
            if register in evidence.firmware
        )
        yield f"firmware not identified ({', '.join(values)})"
    if evidence.anchored and evidence.unchecked:
        yield f"not checked: {', '.join(evidence.unchecked)}"
