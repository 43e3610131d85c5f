"""A log for each register of a log.

DIR becomes a tree of registers, with event_log, digest and hash_algo for each, where digest is the value that the log
leads to; or holds a file for each register. It appears whole or not at all, and must not exist or be empty.
"""

from __future__ import annotations

from evlog.cli import _common, _keep

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
    from evlog.changing.keep import keep as kept
    from evlog.changing.split import split
    from evlog.intake.outputs import write_folder

    keep = _keep.of(args)
    log = _common.open_log(args, args.log)
    _common.need_list(args, (log,))
    _common.report(keep.findings(log.findings, log), log.name)
    _common.say_absent(keep.absent((event.register for event in log.events), log.algorithms, log.platform))
    part, left = kept(log, keep.registers, keep.banks)
    result = split(part)
    losses = [*left, *result.losses]
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
        lost = [{"event": loss.event, "field": loss.field, "reason": loss.reason} for loss in losses]
        _common.print_json({"schema": "evlog.split/1", "format": result.format, "registers": rows, "losses": lost})
    else:
        _common.say_losses(losses)
    return int(log.failed)
