"""The same log in another format.

The result is read back and replayed before anything is written: a conversion that would change a register is refused
unless --allow-changed says otherwise. What the format cannot carry is named on stderr. The output appears whole or
not at all.
"""

from __future__ import annotations

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


EXAMPLES = (
    "evlog convert LOG --to cel-json",
    "evlog convert LOG --to tcg2 -o OUT --strict",
    "evlog convert CCEL --register ccmr:3 --to text --digests-only",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser)
    _common.writer_arguments(parser)
    group = parser.add_argument_group("textual logs")
    group.add_argument(
        "--digests-only", action="store_true", help="write events that are no lines as # .EXTEND comments"
    )
    group.add_argument(
        "--encapsulate",
        choices=("action", "tag"),
        help="lines as EV_ACTION, or as EV_EVENT_TAG, which measures anew",
    )
    parser.add_argument("--allow-changed", action="store_true", help="even if a register's value changes")
    parser.add_argument("--json", action="store_true", help="print a report (evlog.convert/1) instead of text")


def run(args: argparse.Namespace) -> int:
    from evlog.changing.convert import convert
    from evlog.changing.keep import keep as kept

    keep = _keep.of(args)
    log = _common.open_log(args, args.log)
    _common.need_list(args, (log,))
    if args.json and args.output == "-":
        from evlog.errors import UsageError

        raise UsageError("--json needs -o FILE: stdout can hold the report or the log, not both")
    _common.report(keep.findings(log.findings, log), log.name)
    _common.say_absent(keep.absent((event.register for event in log.events), log.algorithms, log.platform))
    part, left = kept(log, keep.registers, keep.banks)
    choices = _common.choices(args)
    result = convert(
        part,
        args.to,
        strict=args.strict,
        allow_changed=args.allow_changed,
        profile=args.profile,
        mr_key=args.mr_key,
        encapsulate=args.encapsulate,
        digests_only=args.digests_only,
        space=args.space,
        **{name: choices[name] for name in ("dialect", "index", "hash", "mr_hash", "ima_register")},
    )
    losses = [*left, *result.losses]
    _common.deliver(args.output, result.data)
    if args.json:
        _common.print_json(
            {
                "schema": "evlog.convert/1",
                "from": result.source_format,
                "to": args.to,
                "events": len(result.log.events),
                "registers_preserved": result.registers_preserved,
                "losses": [{"event": loss.event, "field": loss.field, "reason": loss.reason} for loss in losses],
            }
        )
    else:
        _common.say_losses(losses)
    return int(log.failed)
