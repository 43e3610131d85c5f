"""Which registers the next boot will have, from the log of the last one and the files that change.

PLACE says where the boot takes a file from: kernel, initrd, cmdline (a direct boot), uki, a path on the boot partition
(/EFI/BOOT/BOOTX64.EFI), gpt (the disk's first sectors), var:NAME (as it is written; var:NAME+ appended), efivar:NAME
(as efivarfs shows it). An event is replaced only if the old file (--was, or an unchanged one) explains its digest in
every bank. What cannot be known is named, and its register has no value; the exit code is 1 then.
"""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

    from evlog.model import Log
    from evlog.predicting.predict import Prediction

EXAMPLES = (
    "evlog predict LOG --was kernel=old --was initrd=i --now kernel=new --ram 1G",
    "evlog predict LOG --was /EFI/Linux/a.efi=old --now /EFI/Linux/a.efi=new",
    "evlog predict LOG --now var:db+=db-append.auth --json",
)

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, keep=False)
    group = parser.add_argument_group("files")
    group.add_argument("--now", action="append", metavar="PLACE=FILE", help="a file of the next boot")
    group.add_argument("--was", action="append", metavar="PLACE=FILE", help="the file that was there before")
    group.add_argument("--also", action="append", metavar="PLACE=FILE", help="may be there or not: all combinations")
    group.add_argument("--kernel", metavar="FILE", help="short for --now kernel=FILE")
    group.add_argument("--initrd", metavar="FILE", help="short for --now initrd=FILE")
    group.add_argument("--cmdline", metavar="TEXT", help="the command line of a direct boot, as text")
    group.add_argument("--uki", metavar="FILE", help="short for --now uki=FILE, an image wherever it lies")
    group.add_argument("--esp", metavar="DIR", help="every file of the next boot's partition")
    group.add_argument("--ram", metavar="SIZE", help="memory of the virtual machine, which QEMU's loader needs: 512M")
    parser.add_argument("-o", "--output", metavar="OUT", help="write the predicted log, in the format of LOG")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.predict/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.errors import UsageError
    from evlog.predicting.predict import predict

    args.register = None  # a register to read a log by would be no part of what is predicted
    now, was = _files(args), _pairs(args.was, "--was")
    also = _pairs(args.also, "--also")
    if not now and not also:
        raise UsageError("nothing changes: --now PLACE=FILE is needed")
    if also and args.output:
        raise UsageError("--also predicts several logs, and -o takes one")
    log = _common.open_log(args, args.log)
    ram = _size(args.ram) if args.ram is not None else None
    found = predict(log, now, was, ram=ram)
    variants = [
        (places, predict(log, {**now, **{p: also[p] for p in places}}, was, ram=ram)) for places in _combined(also)
    ]
    if args.json:
        document_ = document(found, log)
        if also:
            document_["variants"] = [{"places": list(places), **_parts(each, log)} for places, each in variants]
        _common.print_json(document_)
    else:
        print_table(found, log)
        for places, each in variants:
            _common.put("", f"with {', '.join(places)}:")
            print_table(each, log)
    _common.report(log.findings)
    for sentence in found.unproven:
        _common.say(f"unproven: {sentence}")
    if args.output:
        _write(args.output, found, log)
    return int(log.failed or not all(each.complete for each in (found, *(v for _, v in variants))))


def _combined(also: dict[str, bytes]) -> list[tuple[str, ...]]:
    """All that may be there of several updates, but nothing at all."""
    from itertools import combinations

    from evlog.errors import UsageError

    if len(also) > 6:
        raise UsageError(f"--also {len(also)} times: 6 are 63 variants, and enough")
    return [places for count in range(1, len(also) + 1) for places in combinations(also, count)]


def _files(args: argparse.Namespace) -> dict[str, bytes]:
    """What is there now: of the partition first, then each by name."""
    from evlog.intake.files import load

    found = _partition(args.esp) if args.esp is not None else {}
    found.update(_pairs(args.now, "--now"))
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


def _write(path: str, found: Prediction, log: Log) -> None:
    from evlog.changing.convert import convert
    from evlog.errors import ConversionError

    if not found.complete:
        raise ConversionError("the predicted log is not written: some of it is unknown")
    _common.deliver(path, convert(found.log, log.format, strict=False).data)


def document(found: Prediction, log: Log) -> dict[str, Any]:
    """The prediction as ``evlog.predict/1``."""
    return {"schema": "evlog.predict/1", **_parts(found, log)}


def _parts(found: Prediction, log: Log) -> dict[str, Any]:
    rows = [
        {
            "register": str(row.register),
            "label": row.register.label(log.platform),
            "alg": row.alg.name,
            "before": row.before.hex() if row.before is not None else None,
            "after": row.after.hex() if row.after is not None else None,
            "changed": row.changed,
        }
        for row in found.registers
    ]
    events = [
        {"event": e.event, "register": str(e.register), "place": e.place, "rule": e.rule, "kind": e.kind}
        for e in found.events
    ]
    unknown = [
        {"register": str(e.register) if e.register is not None else None, "place": e.place, "reason": e.reason}
        for e in found.unknown
    ]
    return {"registers": rows, "events": events, "unknown": unknown, "unproven": list(found.unproven)}


def print_table(found: Prediction, log: Log) -> None:
    """The events that differ, a block for each bank with the registers that change, and what is not known."""
    for event in found.events:
        number = f"event {event.event}" if event.event is not None else "new event"
        _common.put(f"{number}, {event.register}: {event.kind} by {event.place}: {event.rule}")
    banks: dict[str, list[str]] = {}
    for row in found.registers:
        if row.changed:
            label = row.register.label(log.platform)
            value = row.after.hex() if row.after is not None else "unknown"
            lines = banks.setdefault(str(row.alg), [])
            lines.append(f"{row.register!s:6} {label:7} {value}")
            lines.append(f"{'':6} {'was':7} {row.before.hex() if row.before is not None else 'not known'}")
    for alg, lines in banks.items():
        _common.put(f"{alg}:", *lines)
    if not banks:
        _common.put("no register changes")
    for each in found.unknown:
        where = f"{each.register}: " if each.register is not None else ""
        _common.put(f"unknown: {where}{each.place + ': ' if each.place else ''}{each.reason}")
