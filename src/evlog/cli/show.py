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
    from collections.abc import Iterable, Iterator, Sequence

    from evlog.checking.bodies import Bodies
    from evlog.checking.check import Checks
    from evlog.checking.late import LateChecks
    from evlog.cli._page import Page
    from evlog.cli._selection import Selection
    from evlog.model import Finding, Log


EXAMPLES = (
    "evlog show QUOTE --json",
    "evlog show /sys/kernel/security/tpm0/binary_bios_measurements",
    "evlog show LOG --register pcr:7 --tree",
    "evlog show LOG --event 17",
    "evlog show LOG --check mismatch --json",
    "evlog show --live --follow",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="[LOG]")
    live = parser.add_argument_group("this machine")
    live.add_argument("--live", action="store_true", help="its logs and registers, as its kernel shows them")
    live.add_argument("--follow", action="store_true", help="with --live: go on with what is measured from now on")
    live.add_argument("--sysroot", metavar="DIR", help="the machine's file system, if not /")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--tree", action="store_true", help="everything that is known of each event")
    form.add_argument("--json", action="store_true", help="print one JSON object (evlog.log/1)")
    form.add_argument("--jsonl", action="store_true", help="print a JSON object for each event")
    form.add_argument("--format", dest="document", metavar="tpm2-yaml", help="print what tpm2_eventlog prints")
    _common.color_argument(parser)
    parser.add_argument("--eventlog-version", metavar="N", help="of tpm2-yaml: 1 (the default) or 2")
    group = parser.add_argument_group("which events (each option may be given more than once)")
    group.add_argument("--event", action="append", metavar="N", help="of this number (3-9, 12), with its bytes")
    group.add_argument("--type", action="append", metavar="TYPE", help="of a type with this in its name or number: IPL")
    group.add_argument("--check", action="append", metavar="VERDICT", help="matches, mismatch or not_checkable")


def run(args: argparse.Namespace) -> int:
    from evlog.cli import _selection

    keep = _keep.of(args)
    selection = _selection.of(args, keep)
    _check_document(args)
    whole = _whole(args, keep, selection)
    if whole is not None:
        return whole
    log = _opened(args)
    if isinstance(log, int):
        return log
    _common.need_list(args, (log,))
    if args.document is not None:
        return _document(args, keep, log)
    page = None
    if not (args.json or args.jsonl):
        from evlog.cli._page import Page

        page = Page(args.color)
    _common.say_absent(keep.absent(log.registers, log.algorithms, log.platform))
    log, checks = _checked(args, keep, log, page)
    chosen = selection.choose(log, checks)
    _common.under_way("events", len(chosen))
    _common.say_absent(selection.absent(chosen))
    if page is None:
        _json(args, keep, log, checks, chosen)
    else:
        from evlog.cli import _show_page

        whole = bool(args.event)
        _show_page.show(log, checks, chosen, page, tree=args.tree or whole, data=whole)
    _common.report(keep.findings(log.findings, log), log.name)
    return int(log.failed or (args.strict and any(each.severity == "warning" for each in checks.findings)))


def _checked(
    args: argparse.Namespace, keep: _keep.Keep, log: Log, page: Page | None
) -> tuple[Log, Checks | LateChecks]:
    """The log with the digests that are shown, and the checks: those of a long log's events as they are shown."""
    from evlog.checking.late import LateChecks, is_long

    # Unless they are wanted before.
    if (
        is_long(log)
        and keep.banks is None
        and not args.check
        and not args.strict
        and not (page is not None and page.coloured)
    ):
        return log, LateChecks(log, lambda found: keep.findings(found, log))
    from evlog.cli import _selection

    _common.under_way("checking digests")
    return _selection.checked(log, keep)


def _whole(args: argparse.Namespace, keep: _keep.Keep, selection: Selection) -> int | None:
    """The exit code of showing a machine or a capture of one; None for anything else, which is one log."""
    from evlog.errors import UsageError

    if args.live:
        if args.log is not None:
            raise UsageError("--live finds the logs of this machine: leave out LOG")
        from evlog.cli import _show_machine

        return _show_machine.live(args, keep, selection)
    if args.follow or args.sysroot is not None:
        raise UsageError("--follow and --sysroot are for --live")
    if args.log is None:
        raise UsageError("a LOG is needed, or --live")
    if not _common.is_capture(args, args.log):
        return None
    from evlog.intake.captures import read_capture

    capture = read_capture(_common.given(args, args.log))
    if capture is None or (args.member or "").removeprefix("/") in capture.logs:
        return None
    from evlog.cli import _show_machine

    return _show_machine.capture(args, keep, selection, capture)


def _opened(args: argparse.Namespace) -> Log | int:
    """The log; or, if it is evidence that was given, the exit code of showing that."""
    from evlog.cli import _show_evidence
    from evlog.errors import SourceError, UnknownFormatError

    if os.path.isdir(args.log) and args.format is None:
        from evlog.tree import is_flat

        if is_flat(args.log):  # registers without a log
            return _show_evidence.show(args, UnknownFormatError(f"{args.log}: no known log format", offset=0))
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
    if args.type or args.check or args.event:
        raise UsageError("--format tpm2-yaml is of all events: --event, --type and --check do not go with it")


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


def _json(
    args: argparse.Namespace, keep: _keep.Keep, log: Log, checks: Checks | LateChecks, chosen: Sequence[int]
) -> None:
    from evlog.checking.bodies import Bodies
    from evlog.cli._events_json import rows_of
    from evlog.formats import room

    bodies = Bodies()
    rows = rows_of(log, checks, chosen, bodies)
    if args.jsonl:
        for some in rows:
            _common.put_json(some)
            _common.done(len(some))
        return
    document = room("evlog-json").document(log.replace(events=(), findings=()))
    found = keep.findings(log.findings, log)
    _common.print_json(document, events=map(", ".join, rows), findings=_findings(found, checks, bodies))


def _findings(found: Iterable[Finding], checks: Checks | LateChecks, bodies: Bodies) -> Iterator[str]:
    """The findings as JSON objects: last those of the data of the events, which by then were decoded."""
    from evlog._record import dumps

    for each in (*found, *checks.findings):
        yield dumps(each.to_json())
    for each in bodies.findings():
        yield dumps(each.to_json())
