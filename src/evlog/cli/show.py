"""What is in a log: one line an event, what its digests cover, and what is odd; or what evidence states.

The mark before a register says what the event's digests are of: the event's data (a tick), something that is not in
the log (a dot), or neither (a cross). Nothing but digests is covered by a register's value, least of all the type.
"""

from __future__ import annotations

import os

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from typing import Any

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.digest_check import DigestCheck
    from evlog.model import Event, Finding, Log


#: Events that are made JSON objects of at a time.
_SOME = 1024
EXAMPLES = (
    "evlog show QUOTE --json",
    "evlog show /sys/kernel/security/tpm0/binary_bios_measurements",
    "evlog show LOG --register pcr:7 --tree",
    "evlog show LOG --check mismatch --json",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tree", action="store_true", help="everything that is known of each event")
    form.add_argument("--json", action="store_true", help="print one JSON object (evlog.log/1)")
    form.add_argument("--jsonl", action="store_true", help="print a JSON object for each event")
    form.add_argument("--format", dest="document", metavar="tpm2-yaml", help="print what tpm2_eventlog prints")
    parser.add_argument("--eventlog-version", metavar="N", help="of tpm2-yaml: 1 (the default) or 2")
    group = parser.add_argument_group("which events (each option may be given more than once)")
    group.add_argument("--type", action="append", metavar="TYPE", help="of a type with this in its name or number: IPL")
    group.add_argument("--check", action="append", metavar="VERDICT", help="matches, mismatch or not_checkable")


def run(args: argparse.Namespace) -> int:
    from evlog.cli import _selection

    keep = _keep.of(args)
    selection = _selection.of(args, keep)
    _check_document(args)
    log = _opened(args)
    if isinstance(log, int):
        return log
    _common.need_list(args, (log,))
    if args.document is not None:
        return _document(args, keep, log)
    from evlog.checking.check import check

    checks = check(log)
    checks = checks.replace(findings=keep.findings(checks.findings, log))
    _common.say_absent(keep.absent((event.register for event in log.events), log.algorithms, log.platform))
    if keep.banks is not None:
        log, checks = _selection.in_banks(log, checks, keep.banks)
    chosen = selection.choose(log, checks)
    _common.say_absent(selection.absent(chosen))
    if args.json or args.jsonl:
        _json(args, keep, log, checks, chosen)
    else:
        from evlog.cli import _show_page

        _show_page.show(log, checks, chosen, tree=args.tree)
    _common.report(keep.findings(log.findings, log), log.name)
    warned = any(finding.severity == "warning" for finding in checks.findings)
    return int(log.failed or (args.strict and warned))


def _opened(args: argparse.Namespace) -> Log | int:
    """The log; or, if it is evidence that was given, the exit code of showing that."""
    from evlog.cli import _show_evidence
    from evlog.errors import SourceError, UnknownFormatError

    try:
        log = _common.open_log(args, args.log)
    except UnknownFormatError as error:
        if args.format is not None:
            raise
        return _show_evidence.show(args, error)
    except SourceError as error:
        if not os.path.isdir(args.log):
            raise
        return _show_evidence.show(args, error)
    if _show_evidence.rather(args, log):
        return _show_evidence.show(args, UnknownFormatError(f"{args.log}: no known log format", offset=0))
    _show_evidence.note(args, log)
    return log


def _check_document(args: argparse.Namespace) -> None:
    """Refuse what would be passed over in silence: a document for another tool is of the whole log."""
    from evlog.errors import UsageError

    if args.document is None:
        if args.eventlog_version is not None:
            raise UsageError("--eventlog-version is for --format tpm2-yaml")
        return
    if args.document != "tpm2-yaml":
        raise UsageError(f"no format {args.document!r} to show a log in; there is tpm2-yaml (evlog convert has others)")
    if args.eventlog_version not in (None, "1", "2"):
        raise UsageError(f"--eventlog-version is {args.eventlog_version!r}; there are 1 and 2")
    if args.type or args.check:
        raise UsageError("--format tpm2-yaml is of all events: --type and --check do not go with it")


def _document(args: argparse.Namespace, keep: _keep.Keep, log: Log) -> int:
    """A document for another tool."""
    from evlog.changing.keep import keep as kept
    from evlog.report import tpm2_yaml

    log, _ = kept(log, keep.registers, keep.banks)
    lines = list(tpm2_yaml.lines(log, int(args.eventlog_version or 1)))
    _common.put(*lines)
    _common.report(log.findings, log.name)
    _common.report(tpm2_yaml.findings(log, lines), log.name)
    return int(log.failed)


def _json(args: argparse.Namespace, keep: _keep.Keep, log: Log, checks: Checks, chosen: list[int]) -> None:
    from evlog.checking.bodies import Bodies
    from evlog.formats import room

    bodies = Bodies()
    rows = _rows(log, checks, chosen, bodies)
    if args.jsonl:
        for row in rows:
            _common.print_json(row)
        return
    document = room("evlog-json").document(log.replace(events=(), findings=()))
    found = (*keep.findings(log.findings, log), *checks.findings)
    _common.print_json(document, events=rows, findings=_findings(found, bodies))


def _findings(found: Iterable[Finding], bodies: Bodies) -> Iterator[dict[str, Any]]:
    """The findings as JSON objects: last those of the data of the events, which by then were decoded."""
    for each in found:
        yield each.to_json()
    for each in bodies.findings():
        yield each.to_json()


def _rows(log: Log, checks: Checks, chosen: list[int], bodies: Bodies) -> Iterator[dict[str, Any]]:
    """The chosen events as JSON objects, some at a time."""
    from evlog.decoders import Context, decode
    from evlog.decoders import to_json as decoded_json
    from evlog.formats import room

    context = Context.of(log)
    for start in range(0, len(chosen), _SOME):
        numbers = chosen[start : start + _SOME]
        events = tuple(log.events[number] for number in numbers)
        objects = room("evlog-json").document(log.replace(events=events, findings=()))["events"]
        for number, event, members in zip(numbers, events, objects, strict=True):
            decoded = decode(event, context)
            bodies.look(event, decoded)
            members.update(decoded=decoded_json(decoded) or _by_nature(event), checks=checks_json(checks[number]))
            mark = event.content.mark(event)
            if mark:
                members["mark"] = mark
            yield members


def _by_nature(event: Event) -> dict[str, Any] | None:
    """What a content says that is no PC Client event, under its own kind."""
    from evlog.decoders import to_json

    members = to_json(event.content.decoded)
    return None if members is None else {"kind": event.content.kind, **members}


def checks_json(checks: tuple[DigestCheck, ...]) -> list[dict[str, Any]]:
    """The digest checks of an event."""
    return [{"alg": str(check.alg), "verdict": check.verdict, "rule": check.rule} for check in checks]
