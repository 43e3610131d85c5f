"""What commands share: the arguments of a reader, opening a log, printing findings and JSON."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

    from evlog.model import Finding, Log


def reader_arguments(parser: argparse.ArgumentParser, *, logs: str = "LOG") -> None:
    """LOG (``-`` is stdin) and what settles how it is read."""
    if logs.endswith("..."):
        parser.add_argument("logs", nargs="+", metavar="LOG", help="a log; - is stdin")
    else:
        parser.add_argument("log", metavar=logs, help="a log; - is stdin")
    group = parser.add_argument_group("reading")
    group.add_argument("--from", dest="format", metavar="FORMAT", help="the log's format (see evlog formats)")
    group.add_argument("--platform", choices=("tpm", "tdx", "cca", "snp", "csv", "nitro"), help="names of registers")
    group.add_argument("--space", choices=("pcr", "ccmr", "rtmr", "rem"), help="what register numbers count")
    group.add_argument("--strict", action="store_true", help="refuse what the specification refuses")


def writer_arguments(parser: argparse.ArgumentParser) -> None:
    """--to, -o and what settles how a log is written."""
    parser.add_argument("--to", required=True, metavar="FORMAT", help="see evlog formats")
    parser.add_argument("-o", "--output", default="-", metavar="OUT", help="a file; - (the default) is stdout")
    group = parser.add_argument_group("writing")
    group.add_argument("--profile", choices=("u32", "minimal", "google"), help="integer widths of cel-tlv")
    group.add_argument(
        "--mr-key", choices=("pcr", "rtmr", "type108"), help="how a CEL spells a CC measurement register"
    )


def open_log(args: argparse.Namespace, source: str) -> Log:
    """Read one log as the arguments say."""
    from evlog.verbs.reading import read

    if source == "-" and sys.stdin is None:
        from evlog.errors import SourceError

        raise SourceError("stdin is closed")
    return read(
        sys.stdin.buffer if source == "-" else source,
        format=args.format,
        platform=args.platform,
        space=args.space,
        strict=args.strict,
    )


def report(findings: Iterable[Finding], name: str = "") -> None:
    """Findings on stderr, a line each."""
    prefix = f"evlog: {name}: " if name else "evlog: "
    for finding in findings:
        event = "" if finding.event is None else f"event {finding.event}: "
        print(f"{prefix}{finding.severity}: {event}{finding.message}", file=sys.stderr)


def print_json(document: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    import json

    print(json.dumps(document))
