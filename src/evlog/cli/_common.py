"""What commands share: the arguments of a reader, opening a log, notes on stderr, printing findings and JSON."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TextIO

    from evlog.model import Finding, Log, Loss
    from evlog.registers import Register


def reader_arguments(parser: argparse.ArgumentParser, *, logs: str = "LOG", register: bool = True) -> None:
    """LOG (``-`` is stdin) and what settles how it is read; ``register`` is False for a command with its own option."""
    if logs.endswith("..."):
        parser.add_argument("logs", nargs="+", metavar="LOG", help="a log; - is stdin")
    elif logs.endswith("...]"):
        parser.add_argument("logs", nargs="*", metavar="LOG", help="a log; - is stdin")
    else:
        parser.add_argument("log", metavar=logs, help="a log; - is stdin")
    group = parser.add_argument_group("reading")
    group.add_argument(
        "--from", dest="format", metavar="FORMAT", help="the log's format (see evlog formats), else by content"
    )
    group.add_argument("--member", metavar="PATH", help="which log of a JSON document, such as /evidence/eventlog")
    group.add_argument("--platform", choices=("tpm", "tdx", "cca", "snp", "csv", "nitro"), help="names of registers")
    group.add_argument("--space", choices=("pcr", "ccmr", "rtmr", "rem"), help="what register numbers count")
    group.add_argument("--dialect", metavar="DIALECT", help="tsm-text, nelr, aael-text, aael-spec or acon")
    group.add_argument("--index", metavar="SPACE", help="what a global textual log counts: pcr, ccmr, rtmr or rem")
    group.add_argument("--hash", metavar="ALG", help="the hash of a textual log's lines, if it does not say")
    group.add_argument("--mr-hash", metavar="ALG", help="the hash of its register, if another")
    if register:
        text = "the register of a log that names none, or one to keep; may be given more than once"
        group.add_argument("--register", dest="keep", action="append", metavar="REGISTER", help=text)
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


def open_logs(args: argparse.Namespace, sources: Sequence[str], *, mapped: bool = False) -> list[Log]:
    """Read the logs of one machine as the arguments say, also several in one document; see `open_log`.

    ``mapped`` is for a command that shows registers only, and is done soon (`evlog.intake.read.read_mapped`).
    """
    from evlog.intake.read import read_logs, read_mapped

    logs = []
    for source in checked(*sources):
        logs += _opened(args, source, read_mapped if mapped and source != "-" else read_logs)
    return logs


def checked(*sources: str) -> tuple[str, ...]:
    """The sources, of which one at most is stdin."""
    if sources.count("-") > 1:
        from evlog.errors import UsageError

        raise UsageError("stdin can be one log, and - was given more than once")
    return sources


def open_log(args: argparse.Namespace, source: str) -> Log:
    """Read one log as the arguments say. What is wrong with its bytes is said with its name."""
    from evlog.intake.read import read

    return _opened(args, source, lambda *given, **chosen: [read(*given, **chosen)])[0]


def _opened(args: argparse.Namespace, source: str, reader: Callable[..., list[Log]]) -> list[Log]:
    from evlog.errors import ParseError

    if source == "-" and sys.stdin is None:
        from evlog.errors import SourceError

        raise SourceError("stdin is closed")
    chosen = choices(args)
    try:
        logs = reader(
            sys.stdin.buffer if source == "-" else source,
            format=args.format,
            platform=args.platform,
            space=args.space,
            strict=args.strict,
            member=args.member,
            **chosen,
        )
    except ParseError as error:
        if source != "-":
            error.message = f"{source}: {error.message}"
        raise
    return [_kept(log, getattr(args, "keep", None), chosen["register"]) for log in logs]


def _kept(log: Log, keep: Sequence[str] | None, register: Register | None) -> Log:
    """The log with the registers that are to be kept, if any are named, and ``register`` is not all that it has."""
    if not keep or _is_log_of(log, register):
        return log
    from evlog.changing.split import select
    from evlog.registers import Register

    return select(log, tuple(Register.parse(part) for text in keep for part in text.split(",")))


def _is_log_of(log: Log, register: Register | None) -> bool:
    """Whether the log does not name registers, and is that of the one that was given."""
    columns = log.columns
    return columns is not None and columns.is_of(register)


def choices(args: argparse.Namespace) -> dict[str, Any]:
    """The choices about textual logs, as `evlog.options.Options` takes them."""
    given: list[str] = getattr(args, "keep", None) or getattr(args, "register", None) or []
    register = None
    # A log that names no register can be that of one.
    if len(given) == 1 and "," not in given[0]:
        from evlog.registers import Register

        register = Register.parse(given[0])
    return {
        "register": register,
        "dialect": args.dialect,
        "index": args.index,
        "hash": args.hash,
        "mr_hash": args.mr_hash,
    }


def say(text: str) -> None:
    """A note on stderr, on one line, with what a terminal would act upon escaped.

    Where stderr is closed or full nobody is told, and the answer is the same.
    """
    if sys.stderr is None:
        return
    if not text.isprintable():
        from evlog.decoders._text import printable

        text = printable(text)
    try:
        print(f"evlog: {text}", file=sys.stderr)
    except OSError:
        abandon(sys.stderr)


def abandon(stream: TextIO) -> None:
    """Nobody takes what is written to a stream; Python would complain once more when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_losses(losses: Iterable[Loss]) -> None:
    """What a conversion could not carry, a line each."""
    for loss in losses:
        place = "log" if loss.event is None else f"event {loss.event}"
        say(f"lost: {place}: {loss.field}: {loss.reason}")


def report(findings: Iterable[Finding], name: str = "") -> None:
    """Findings on stderr, a line each."""
    prefix = f"{name}: " if name else ""
    for finding in findings:
        event = "" if finding.event is None else f"event {finding.event}: "
        say(f"{prefix}{finding.severity}: {event}{finding.message}")


def print_json(document: dict[str, Any], **members: Iterable[dict[str, Any]]) -> None:
    """One JSON object on stdout; ``members`` are lists of it, empty there, whose objects are printed as they come."""
    import json

    rest = json.dumps(document)
    for name, objects in members.items():
        # Quotes inside of a string are escaped: this stands nowhere else.
        before, _, rest = rest.partition(f'"{name}": []')
        print(before, end=f'"{name}": [')
        between = ""
        for each in objects:
            print(between, json.dumps(each), sep="", end="")
            between = ", "
        rest = f"]{rest}"
    print(rest)
