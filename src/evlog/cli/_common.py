"""What commands share: the arguments of a reader, opening a log, notes on stderr, printing findings and JSON."""

from __future__ import annotations

import os
import sys
from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, BinaryIO, TextIO

    from evlog.algorithms import HashAlg
    from evlog.changing.loss_runs import LossRun
    from evlog.cli._bar import Bar
    from evlog.model import Finding, Log, Loss
    from evlog.options import Choices

# Lines that are printed at once.
_SOME = 256
_NAMED = 8  # ranges of events that a line names
_ALONE = 1 << 20  # bytes of a log that is one of several in memory
_FITTING = 32  # bytes of a digest that fits on a line with its register


#: The bar of what is under way, where there is one (`evlog.cli._bar`).
bar: Bar | None = None


def under_way(what: str, total: int = 0, *, soon: bool = False) -> None:
    """What the command is doing, for whom has to wait: after a second, or ``soon`` where it is known to take long.

    ``total`` is how much there is to do of it, if that is known.
    """
    if bar is not None:
        bar.step(what, total, soon=soon)


def done(count: int) -> None:
    """So much more of what is under way was done."""
    if bar is not None:
        bar.advance(count)


def hush(*, stdout: bool = True) -> None:
    """Something is about to be printed: what is drawn of what is under way has to go."""
    if bar is not None:
        bar.hush(stdout=stdout)


# Formats that --ima-register is about.
LISTS = frozenset(("ima-binary", "ima-ascii"))


def reader_arguments(parser: argparse.ArgumentParser, *, logs: str = "LOG", keep: bool = True) -> None:
    """LOG (``-`` is stdin), what settles how it is read, and what is kept; ``keep`` is False for its own options.

    Of a command that takes no logs but what they are in, ``logs`` is "".
    """
    if not logs:
        pass
    elif logs.endswith("..."):
        parser.add_argument("logs", nargs="+", metavar="LOG", help="a log; - is stdin")
    elif logs == "[LOG]":
        parser.add_argument("log", nargs="?", metavar="LOG", help="a log; - is stdin")
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


def color_argument(parser: argparse._ActionsContainer) -> None:
    """--color, of a command that prints a page."""
    text = "auto (the default): on a terminal, unless NO_COLOR, or with FORCE_COLOR"
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", metavar="WHEN", help=text)


def telling_bank(banks: Iterable[HashAlg]) -> HashAlg | None:
    """The strongest of some banks whose values fit on a line; else the first that there is, or None."""
    ordered = sorted(banks, key=lambda alg: (alg.size, -alg.id))
    fitting = [alg for alg in ordered if alg.size <= _FITTING]
    return fitting[-1] if fitting else next(iter(ordered), None)


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
    if not any(log.format in LISTS for log in logs):
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


def open_whole(args: argparse.Namespace, source: str) -> Log:
    """As `open_log`; of a capture all logs as one, as `evlog.merge` makes it."""
    logs = open_all(args, source)
    if len(logs) == 1:
        return logs[0]
    from evlog.merging.merge import merge

    merged = merge(logs, platform=args.platform).log
    return merged.replace(name=source, findings=tuple(each for log in logs for each in log.findings))


def open_all(args: argparse.Namespace, source: str) -> list[Log]:
    """As `open_log`; of a capture all logs."""
    return open_logs(args, [source]) if is_capture(args, source) else [open_log(args, source)]


def open_alone(args: argparse.Namespace, sources: Iterable[str]) -> dict[str, Log]:
    """Those of many files that are one log each with nothing around it, as `open_all` reads them; not large ones."""
    from evlog.errors import EvlogError
    from evlog.intake.read import read_alone
    from evlog.options import Options

    found: dict[str, Log] = {}
    if args.format is not None:
        return found
    try:
        settled: Choices = {**choices(args), "platform": args.platform, "space": args.space, "member": args.member}
        chosen = Options(strict=args.strict, **settled)
        for source in sources:
            try:
                log = read_alone(source, chosen, _ALONE)
            except (EvlogError, OSError, ValueError, MemoryError):
                continue
            if log is not None:
                found[source] = log
    except EvlogError:
        pass
    return found


def is_capture(args: argparse.Namespace, source: str) -> bool:
    """Whether a source may be a capture, by how it begins."""
    from evlog.intake.files import CAPTURES, beginning

    return beginning(stdin(args) if source == "-" else source, 2) in CAPTURES


def _opened(args: argparse.Namespace, source: str, reader: Callable[..., list[Log]]) -> list[Log]:
    from evlog.errors import ParseError

    # Who types a log wants to see what was typed.
    typed = source == "-" and sys.stdin is not None and sys.stdin.isatty()
    under_way("" if typed else f"reading {shown(source)}")
    try:
        return reader(
            stdin(args) if source == "-" else source,
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


def stdin(args: argparse.Namespace) -> BinaryIO:
    """Stdin from its start, which is kept: evidence may be in it besides a log, or it is no log (`given`)."""
    from io import BytesIO

    known = getattr(args, "stdin", None)
    if known is not None:
        known.seek(0)
        return known  # type: ignore[no-any-return]
    if sys.stdin is None:
        from evlog.errors import SourceError

        raise SourceError("stdin is closed")

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


def choices(args: argparse.Namespace) -> Choices:
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
    hush()
    print("\n".join(map(shown, lines)))


def put_json(objects: Sequence[str]) -> None:
    """JSON objects on stdout, a line each: there is nothing in them that a terminal would act upon."""
    hush()
    print("\n".join(objects))


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
    say_all((text,))


def say_all(texts: Iterable[str]) -> None:
    """Notes on stderr, a line each; see `say`."""
    if sys.stderr is None:
        return
    hush(stdout=False)
    lines = (f"evlog: {shown(text)}" for text in texts)
    try:
        while some := list(islice(lines, _SOME)):
            print("\n".join(some), file=sys.stderr)
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
    hush()
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


def say_losses(losses: Sequence[Loss]) -> None:
    """What a conversion could not carry: a line for each field and reason, with the events that it is of."""
    from evlog.changing.loss_runs import LossRun, parts_of

    told: dict[tuple[bool, str, str], list[int]] = {}
    # Where each loss has a reason of its own there may be a million lines, which are made as they are printed.
    runs: dict[tuple[bool, str, str], LossRun] = {}
    for place, part in enumerate(parts_of(losses)):
        if isinstance(part, LossRun) and part.single:
            told[key := (False, part.field, str(place))] = []
            runs[key] = part
            continue
        if isinstance(part, LossRun):
            for number in part.numbers:
                told.setdefault((False, part.field, part.reason(number)), []).append(number)
            continue
        for loss in part:
            of = told.setdefault((loss.event is None, loss.field, loss.reason), [])
            of += () if loss.event is None else (loss.event,)
    say_all(
        text
        for key, of in told.items()
        for text in (_single_lines(runs[key]) if key in runs else (_loss_line(*key, of),))
    )


def _loss_line(whole: bool, field: str, reason: str, of: Sequence[int]) -> str:
    return f"lost: {'log' if whole else events_named(of)}: {field}: {reason}"


def _single_lines(run: LossRun) -> Iterator[str]:
    return (f"lost: event {number}: {run.field}: {run.reason(number)}" for number in run.numbers)


def events_named(numbers: Sequence[int]) -> str:
    """``event 3``, or ``events 1-4, 9 (5)``: of many ranges the first ones, and how many events there are."""
    ordered = sorted(set(numbers))
    if len(ordered) == 1:
        return f"event {ordered[0]}"
    ranges: list[list[int]] = []
    for number in ordered:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    said = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_NAMED]]
    return f"events {', '.join(said)}{', ...' * (len(ranges) > _NAMED)} ({len(ordered)})"


def say_written(what: str, path: str, size: int) -> None:
    """What was written and where, on success; nothing where it went to stdout."""
    if path != "-":
        say(f"wrote {what} to {path} ({sized(size)})")


def sized(size: int) -> str:
    """So many bytes, in few digits."""
    if size < 1000:
        return f"{size} byte{'s' * (size != 1)}"
    scaled, unit = size / 1000, "KB"
    for larger in ("MB", "GB", "TB"):
        if scaled < 999.95:
            break
        scaled, unit = scaled / 1000, larger
    return f"{scaled:.1f} {unit}"


def losses_json(losses: Iterable[Loss]) -> Iterator[str]:
    """Losses as objects of the command's JSON, for `print_json`."""
    import json

    for loss in losses:
        yield json.dumps({"event": loss.event, "field": loss.field, "reason": loss.reason})


def report(findings: Iterable[Finding], name: str = "") -> None:
    """Findings on stderr, a line each."""
    prefix = f"{name}: " if name else ""
    for finding in findings:
        event = "" if finding.event is None else f"event {finding.event}: "
        say(f"{prefix}{finding.severity}: {event}{finding.message}")


def print_json(document: dict[str, Any], **members: Iterable[str]) -> None:
    """One JSON object on stdout; ``members`` are lists of it, empty there, whose objects are printed as they come.

    They come as JSON, many at a time with a comma between them.
    """
    from evlog._record import dumps

    hush()
    rest = dumps(document)
    for name, objects in members.items():
        # Quotes inside of a string are escaped: this stands nowhere else.
        before, _, rest = rest.partition(f'"{name}": []')
        print(before, end=f'"{name}": [')
        between = ""
        for each in objects:
            print(between, each, sep="", end="")
            between = ", "
        rest = f"]{rest}"
    print(rest)
