"""What is in a log, one line an event."""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from evlog.model import Event, Log


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.log/1)")
    parser.add_argument("--jsonl", action="store_true", help="print a JSON object for each event")


def run(args: argparse.Namespace) -> int:
    log = _common.open_log(args, args.log)
    if args.json or args.jsonl:
        from evlog.formats.evlog_json import to_json

        document = to_json(log)
        for event, members in zip(log.events, document["events"], strict=True):
            members.update(decoded=None, checks=checks_json(event))
        if args.json:
            _common.print_json(document)
        for event in document["events"] if args.jsonl else ():
            _common.print_json(event)
    else:
        print(summary(log))
        for event in log.events:
            print(line(event, log.platform))
    _common.report(log.findings, log.name)
    return int(log.failed)


def checks_json(event: Event) -> list[dict[str, str | None]]:
    """The digest checks of an event."""
    from evlog.verbs.check import check_event

    return [{"alg": str(check.alg), "verdict": check.verdict, "rule": check.rule} for check in check_event(event)]


def summary(log: Log) -> str:
    """The line above the events."""
    banks = ", ".join(map(str, log.algorithms)) or "no bank"
    platform = f", {log.platform}" if log.platform else ""
    return f"{log.format}{platform}: {len(log.events)} events, {banks}"


def line(event: Event, platform: str | None) -> str:
    """An event on one line of at most 80 columns."""
    from evlog.contents.pcclient import PCClientEvent

    content = event.content
    what = content.event_type_name if isinstance(content, PCClientEvent) else content.kind
    data = getattr(content, "data", b"")
    register = f"{event.register} {event.register.label(platform)}"
    return f"{event.number:>4}  {register:14} {what:32} {data[:12].hex()}"[:80]
