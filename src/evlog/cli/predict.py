"""Which registers the next boot will have, from the log of the last one and the files that change.

PLACE says where the boot takes a file from: kernel, initrd, cmdline (a direct boot), uki, a path on the boot partition
(/EFI/BOOT/BOOTX64.EFI), gpt (the disk's first sectors), var:NAME (as it is written; var:NAME+ appended), efivar:NAME
(as efivarfs shows it). An event is replaced only if the old file (--was, or an unchanged one) explains its digest in
every bank. What cannot be known is named, and its register has no value; the exit code is 1 then.
"""

from __future__ import annotations

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from evlog.cli._keep import Keep
    from evlog.model import Log
    from evlog.predicting.predict import Prediction

EXAMPLES = (
    "evlog predict LOG --was kernel=old --was initrd=i --now kernel=new --ram 1G",
    "evlog predict LOG --was /EFI/Linux/a.efi=old --now /EFI/Linux/a.efi=new",
    "evlog predict LOG --now var:db+=db-append.auth --json",
    "evlog predict LOG --also /EFI/Linux/a.efi=new --to pcrlock -o components",
)

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser)
    group = parser.add_argument_group("files")
    group.add_argument("--now", action="append", metavar="PLACE=FILE", help="a file of the next boot")
    group.add_argument("--was", action="append", metavar="PLACE=FILE", help="the file that was there before")
    group.add_argument("--also", action="append", metavar="PLACE=FILE", help="may be there or not: all combinations")
    group.add_argument("--kernel", metavar="FILE", help="short for --now kernel=FILE")
    group.add_argument("--initrd", metavar="FILE", help="short for --now initrd=FILE")
    group.add_argument("--cmdline", metavar="TEXT", help="the command line of a direct boot, as text")
    group.add_argument("--uki", metavar="FILE", help="short for --now uki=FILE, an image wherever it lies")
    group.add_argument(
        "--esp", metavar="DIR", help="every file of the next boot's partition; what is not there is gone"
    )
    group.add_argument("--ram", metavar="SIZE", help="memory of the virtual machine, which QEMU's loader needs: 512M")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="write the predicted log, in the format of LOG, or the references of --to"
    )
    text = "references of the next boot: pcrlock (OUT is a folder), corim, rvps or keylime; --also gives variants"
    parser.add_argument("--to", metavar="CONSUMER", help=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.predict/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.cli._predicted import document, print_table
    from evlog.errors import UsageError
    from evlog.predicting.predict import predict

    keep = _keep.of(args)
    now, was = _files(args), _pairs(args.was, "--was")
    also = _pairs(args.also, "--also")
    partition = _partition(args.esp) if args.esp is not None else None
    _checked(args, bool(now or also or partition), bool(also))
    twice = next((place for place in also if place in now), None)
    if twice is not None:
        raise UsageError(f"{twice} is there (--now), and may be there (--also): one of them")
    log = _common.open_log(args, args.log)
    ram = _size(args.ram) if args.ram is not None else None

    def predicted(places: tuple[str, ...]) -> Prediction:
        return _kept(
            predict(log, {**now, **{p: also[p] for p in places}}, was, ram=ram, partition=partition), keep, log
        )

    found = predicted(())
    variants = [(places, predicted(places)) for places in _combined(also)]
    if args.output:
        _write(args, found, variants, log, keep)
    if args.json:
        _common.print_json(document(found, log, variants))
    elif args.output != "-":
        print_table(found, log)
        for places, each in variants:
            _common.put("", f"with {', '.join(places)}:")
            print_table(each, log)
    _common.report(keep.findings(log.findings, log))
    _common.say_absent(keep.absent((row.register for row in found.registers), log.algorithms, log.platform))
    every = (found, *(each for _, each in variants))
    for sentence in dict.fromkeys(sentence for each in every for sentence in each.unproven):
        _common.say(f"unproven: {sentence}")
    return int(log.failed or not all(each.complete for each in every))


def _checked(args: argparse.Namespace, given: bool, several: bool) -> None:
    """Raise UsageError for options that make no sense together."""
    from evlog.errors import UsageError
    from evlog.references import CONSUMERS

    if not given:
        raise UsageError("nothing changes: --now PLACE=FILE is needed")
    if args.to is not None and args.to not in CONSUMERS:
        raise UsageError(f"no consumer {args.to!r}; there are {', '.join(CONSUMERS)}")
    if args.to is not None and not args.output:
        raise UsageError(f"--to {args.to} needs -o {'FOLDER' if args.to == 'pcrlock' else 'FILE'}")
    if several and args.output and args.to is None:
        raise UsageError("--also predicts several logs, and -o takes one")
    if args.output == "-" and args.to == "pcrlock":
        raise UsageError("-o has to name a folder")
    if args.output == "-" and args.json:
        raise UsageError("--json needs -o FILE: stdout can hold the prediction or what is written, not both")


def _kept(found: Prediction, keep: Keep, log: Log) -> Prediction:
    """What of a prediction is kept; what is said of no register stays."""
    return found.replace(
        registers=tuple(r for r in found.registers if keep.has(r.register, log.platform) and keep.has_bank(r.alg)),
        events=tuple(event for event in found.events if keep.has(event.register, log.platform)),
        unknown=tuple(u for u in found.unknown if u.register is None or keep.has(u.register, log.platform)),
    )


def _combined(also: dict[str, bytes]) -> list[tuple[str, ...]]:
    """All that may be there of several updates, but nothing at all."""
    from itertools import combinations

    from evlog.errors import UsageError

    if len(also) > 6:
        raise UsageError(f"--also {len(also)} times: 6 are 63 variants, and enough")
    return [places for count in range(1, len(also) + 1) for places in combinations(also, count)]


def _files(args: argparse.Namespace) -> dict[str, bytes]:
    """What is there now, each by its place."""
    from evlog.intake.files import load

    found = _pairs(args.now, "--now")
    for place in ("kernel", "initrd", "uki"):
        file = getattr(args, place)
        if file is not None:
            found[place] = load(file)[0]
    if args.cmdline is not None:
        found["cmdline"] = args.cmdline.encode("utf-8", "surrogateescape")
    return found


def _pairs(texts: Iterable[str] | None, option: str) -> dict[str, bytes]:
    from evlog.errors import UsageError
    from evlog.intake.files import load

    found: dict[str, bytes] = {}
    for text in texts or ():
        place, equals, file = text.partition("=")
        if not equals or not place or not file:
            raise UsageError(f"{option} PLACE=FILE: not {text!r}")
        if place in found:
            raise UsageError(f"{option} {place} is given twice")
        found[place] = load(file)[0]
    return found


def _partition(folder: str) -> dict[str, bytes]:
    """Every file below a folder, by its path on the partition. Raises SourceError; links are not followed."""
    import os

    from evlog.errors import SourceError
    from evlog.intake.files import load

    if not os.path.isdir(folder):
        raise SourceError(f"{folder}: not a folder")
    found = {}
    for at, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(at, name)
            if os.path.isfile(path) and not os.path.islink(path):
                found["/" + os.path.relpath(path, folder).replace(os.sep, "/")] = load(path)[0]
    return found


def _size(text: str) -> int:
    from evlog.errors import UsageError

    number, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in _UNITS and text[-1:] else (text, "")
    if not (number.isascii() and number.isdigit() and len(number) <= 15):
        raise UsageError(f"--ram {text}: a size was expected, as 512M")
    return int(number) * _UNITS[unit]


def _write(
    args: argparse.Namespace, found: Prediction, variants: list[tuple[tuple[str, ...], Prediction]], log: Log,
    keep: Keep,
) -> None:  # fmt: skip
    """The predicted log, or references of it and of each variant; nothing if a register that is kept is unknown."""
    from evlog.errors import ConversionError

    what = "the predicted log is" if args.to is None else "references are"
    for _, each in (((), found), *variants):
        if not each.complete:
            lost = ", ".join(dict.fromkeys(str(u.register) for u in each.unknown if u.register is not None))
            reason = (
                f"{lost} cannot be known; --register leaves out what is unknown" if lost else each.unknown[0].reason
            )
            raise ConversionError(f"{what} not written: {reason}")
    if args.to is None:
        from evlog.changing.convert import convert
        from evlog.changing.keep import keep as kept

        part, left = kept(found.log, keep.registers, keep.banks)
        made = convert(part, log.format, strict=False)
        _common.deliver(args.output, made.data)
        _common.say_losses([loss for loss in (*left, *made.losses) if loss.event is not None])
        return
    from evlog.references.export import export
    from evlog.references.reference import boot_of

    boots = [
        boot_of(
            each.log.replace(name=" with ".join((log.name, ", ".join(places))) if places else log.name),
            platform=args.platform,
            registers=keep.registers,
            banks=keep.banks,
        )
        for places, each in (((), found), *variants)
    ]
    references = export(boots, args.to, strict=args.strict)
    if references.is_folder:
        from evlog.intake.outputs import write_folder

        write_folder(args.output, dict(references.files))
    else:
        _common.deliver(args.output, references.data)
    _common.say_losses(references.losses)
    _common.report(references.findings)
