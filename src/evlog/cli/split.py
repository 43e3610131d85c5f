"""A log for each register of a log.

DIR becomes a tree of registers, with event_log, digest and hash_algo for each, where digest is the value that the log
leads to; or holds a file for each register. It appears whole or not at all, and must not exist or be empty.
"""

from __future__ import annotations

import os

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


EXAMPLES = (
    "evlog split LOG -o registers",
    "evlog split LOG -o logs --files --json",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument("--files", action="store_true", help="a file for each register instead of a tree")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.split/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.changing.split import split

    log = _common.open_log(args, args.log)
    _common.report(log.findings, log.name)
    result = split(log)
    write_folder(args.output, result.files() if args.files else result.tree())
    if args.json:
        rows = [
            {
                "register": str(part.register),
                "label": part.register.label(log.platform),
                "events": len(part.log.events),
                "values": {str(alg): value.hex() for alg, value in part.values},
            }
            for part in result.parts
        ]
        losses = [{"event": loss.event, "field": loss.field, "reason": loss.reason} for loss in result.losses]
        _common.print_json({"schema": "evlog.split/1", "format": result.format, "registers": rows, "losses": losses})
    else:
        _common.say_losses(result.losses)
    return int(log.failed)


def write_folder(path: str, files: dict[str, bytes]) -> None:
    """Write a folder that appears whole or not at all. Raises UsageError if there is something already."""
    import shutil

    from evlog.errors import SourceError, UsageError

    if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise UsageError(f"{path}: exists, and is no empty folder")
    beside = f"{path.rstrip(os.path.sep)}.{os.getpid()}.part"
    try:
        os.makedirs(beside)
        for name, data in files.items():
            inner = os.path.join(beside, *name.split("/"))
            os.makedirs(os.path.dirname(inner), exist_ok=True)
            with open(inner, "wb") as file:
                file.write(data)
        os.rename(beside, path)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        raise SourceError(f"{path}: {(error.strerror or str(error)).lower()}") from error
