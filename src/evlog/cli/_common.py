"""What commands share: the arguments of a reader, opening a log, notes on stderr, printing findings and JSON."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, BinaryIO, TextIO

    from evlog.model import Finding, Log, Loss


# Formats that --ima-register is about.
_LISTS = frozenset(("ima-binary", "ima-ascii"))


def reader_arguments(parser: argparse.ArgumentParser, *, logs: str = "LOG", keep: bool = True) -> None:
    """LOG (``-`` is stdin), what settles how it is read, and what is kept; ``keep`` is False for its own options."""
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
    group.add_argument("--member", metavar="PATH", help="which log of a document or archive, as /evidence/eventlog")
    group.add_argument("--platform", choices=("tpm", "tdx", "cca", "snp", "csv", "nitro"), help="names of registers")
    group.add_argument("--space", choices=("pcr", "ccmr", "rtmr", "rem"), help="what register numbers count")
    text = "the register that an IMA list extended, if another than its column says: ccmr:3"
    group.add_argument("--ima-register", metavar="REGISTER", help=text)
    group.add_argument("--dialect", metavar="DIALECT", help="tsm-text, nelr, aael-text, aael-spec or acon")
    group.add_argument("--index", metavar="SPACE", help="what a global textual log counts: pcr, ccmr, rtmr or rem")
    group.add_argument("--hash", metavar="ALG", help="the hash of a textual log's lines, if it does not say")
    group.add_argument("--mr-hash", metavar="ALG", help="the hash of its register, if another")
    if keep:
        text = "registers to keep: pcr:7, 0-7,11, RTMR[2], mr:NAME; one alone is that of a log that names none"
        group.add_argument("--register", action="append", metavar="REGISTER", help=text)
        group.add_argument("--bank", action="append", metavar="ALG", help="banks to keep: sha256,sha384")
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
    need_list(args, logs)
    return logs


def need_list(args: argparse.Namespace, logs: Iterable[Log]) -> None:
    """Raise UsageError for a register of an IMA list if there is no such list: nobody would heed it."""
    if args.ima_register is None:
        return
    from evlog.errors import UsageError
    from evlog.registers import Register

    if not Register.parse(args.ima_register).replayable:
        raise UsageError(f"--ima-register {args.ima_register}: nothing extends that register")
    if not any(log.format in _LISTS for log in logs):
        raise UsageError("--ima-register is for an IMA list, and none is given")


def checked(*sources: str) -> tuple[str, ...]:
    """The sources, of which one at most is stdin."""
    if sources.count("-") > 1:
        from evlog.errors import UsageError

        raise UsageError("stdin can be one log, and - was given more than once")
    return sources


def open_log(args: argparse.Namespace, source: str) -> Log:
    """Read one log as the arguments say. What is wrong with its bytes is said with its name.

    It is the whole log, whatever is kept (`evlog.cli._keep`).
    """
    from evlog.intake.read import read

    return _opened(args, source, lambda *given, **chosen: [read(*given, **chosen)])[0]


def _opened(args: argparse.Namespace, source: str, reader: Callable[..., list[Log]]) -> list[Log]:
    from evlog.errors import ParseError

    if source == "-" and sys.stdin is None:
        from evlog.errors import SourceError

        raise SourceError("stdin is closed")
    try:
        return reader(
            _stdin(args) if source == "-" else source,
            format=args.format,
            platform=args.platform,
            space=args.space,
            strict=args.strict,
            member=args.member,
            **choices(args),
        )
    except ParseError as error:
        if source != "-":
            error.message = f"{source}: {error.message}"
        raise


def _stdin(args: argparse.Namespace) -> BinaryIO:
    """Stdin, which is kept for who wants to know what it is if it is no log (`given`)."""
    from io import BytesIO

    class Named(BytesIO):
        name = str(getattr(sys.stdin.buffer, "name", ""))

    found = Named(sys.stdin.buffer.read())
    args.stdin = found
    return found


def given(args: argparse.Namespace, source: str) -> str | BinaryIO:
    """What a command was given, as evidence may be read from it: a path, or what stdin was."""
    if source != "-" or getattr(args, "stdin", None) is None:
        return source
    args.stdin.seek(0)
    found: BinaryIO = args.stdin
    return found


def choices(args: argparse.Namespace) -> dict[str, Any]:
    """The choices about textual logs and IMA lists, as `evlog.options.Options` takes them."""
    from evlog.registers import Register, RegisterSet

    return {
        # A log that names no register can be that of one.
        "ima_register": Register.parse(args.ima_register) if args.ima_register is not None else None,
        "register": RegisterSet.parse(*args.register).alone if args.register else None,
        "dialect": args.dialect,
        "index": args.index,
        "hash": args.hash,
        "mr_hash": args.mr_hash,
    }


def put(*lines: str) -> None:
    """Lines on stdout: one for each, with what a terminal would act upon escaped."""
    print(*map(shown, lines), sep="\n")


def events(count: int) -> str:
    """So many events."""
    return "1 event" if count == 1 else f"{count} events"


def shown(text: str) -> str:
    """Text on one line, with what a terminal would act upon escaped."""
    if text.isprintable():
        return text
    from evlog.contents._printable import printable

    return printable(text)


def say(text: str) -> None:
    """A note on stderr, on one line, with what a terminal would act upon escaped.

    Where stderr is closed or full nobody is told, and the answer is the same.
    """
    if sys.stderr is None:
        return
    try:
        print(f"evlog: {shown(text)}", file=sys.stderr)
    except OSError:
        abandon(sys.stderr)


def deliver(path: str, data: bytes) -> None:
    """What a command wrote: a file that appears whole or not at all; ``-`` is stdout.

    Raises UsageError for bytes that a terminal would act upon, if stdout is one, and SourceError.
    """
    if path != "-":
        from evlog.intake.outputs import write_file

        write_file(path, data)
        return
    sys.stdout.flush()
    if sys.stdout.isatty() and not _is_text(data):
        from evlog.errors import UsageError

        raise UsageError("stdout is a terminal, and this is no text: name a file (-o FILE)")
    sys.stdout.buffer.write(data)


def _is_text(data: bytes) -> bool:
    try:
        return all(map(str.isprintable, data.decode().replace("\t", " ").split("\n")))
    except UnicodeDecodeError:
        return False


def abandon(stream: TextIO) -> None:
    """Nobody takes what is written to a stream; Python would complain once more when it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_absent(sentence: str | None) -> None:
    """That something which was asked for is not there, if so (`evlog.cli._keep`)."""
    if sentence is not None:
        say(sentence)


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
