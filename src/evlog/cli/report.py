"""A page about logs, to be looked at in a browser: verdict, registers, and every event with its fields and bytes.

It is one file that asks for nothing else. With register values (--registers, --quote) it begins with what `evlog
verify` says of them; --against LOG adds what `evlog diff` says. Exit code 1 if one of these is no.
"""

from __future__ import annotations

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from evlog.evidence import Evidence
    from evlog.model import Log
    from evlog.report.html.answer import Answer

EXAMPLES = (
    "evlog report LOG -o page.html",
    "evlog report LOG --registers pcrs.json -o page.html",
    "evlog report today.bin --against yesterday.bin -o page.html",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    from evlog.cli import verify

    _common.reader_arguments(parser, logs="LOG...")
    verify.evidence_arguments(parser)
    verify.explain_argument(parser)
    parser.add_argument("--against", metavar="LOG", help="another boot, to tell what differs")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page; - is stdout")


def run(args: argparse.Namespace) -> int:
    from evlog.report.html.page import page

    logs = _common.open_logs(args, args.logs)
    answer, no = _answer(args, logs, _keep.of(args))
    _common.under_way("making the page")
    _common.deliver(args.output, "".join(page(logs, answer)).encode("utf-8", "backslashreplace"))
    for log in logs:
        _common.report((each for each in log.findings if each.severity == "error"), log.name)
    if answer.line:
        _common.say(answer.line)
    return int(no or any(log.failed for log in logs))


def _answer(args: argparse.Namespace, logs: Sequence[Log], keep: _keep.Keep) -> tuple[Answer, bool]:
    """What the page says besides the logs, and whether it is no."""
    from evlog.replaying.naming import platform_of
    from evlog.report.html.answer import Answer

    platform = platform_of(logs, args.platform)
    answer, no = Answer(platform=platform, registers=keep.registers, banks=keep.banks), False
    _common.say_absent(
        keep.absent(
            (register for log in logs for register in log.extended),
            (alg for log in logs for alg in log.algorithms),
            platform,
        )
    )
    findings = [finding for log in logs for finding in keep.findings(log.findings, log)]
    evidence = _evidence(args)
    if evidence is not None:
        from evlog.cli import _demand
        from evlog.cli.verify import allowed
        from evlog.cli.verify import answer as line
        from evlog.verifying.verify import verify

        found = verify(logs, evidence, _demand.demand(args), platform=args.platform, explain=allowed(args))
        tone = ("good" if found.word == "verified" else "odd") if found.ok else "bad"
        answer = answer.replace(verification=found, line=line(found), tone=tone, platform=found.platform)
        findings += [*found.findings, *found.evidence.findings]
        no = not found.ok
    if len(logs) > 1:
        from evlog.merging.merge import merge

        handovers = merge(logs, platform=args.platform).handovers
        answer = answer.replace(handovers=tuple(each for each in handovers if keep.has(each.register, platform)))
    if args.against is not None:
        from evlog.comparing.diff import diff

        other = _common.open_whole(args, args.against)
        difference = diff(other, logs[0], platform=args.platform)
        answer = answer.replace(difference=difference)
        no = no or not difference.equal
    return answer.replace(findings=tuple(dict.fromkeys(findings))), no


def _evidence(args: argparse.Namespace) -> Evidence | None:
    """The register values that the arguments name or that stand beside the log in its file, if there are any."""
    from evlog.cli.verify import open_evidence
    from evlog.errors import UnknownFormatError

    named = args.registers or args.quote or args.live
    if not named and len(args.logs) != 1:
        return None
    try:
        return open_evidence(args, args.logs)
    except UnknownFormatError:
        if named:
            raise
        return None
