"""The logs of one machine as one log, with every hand-over between them reported.

A CCEL or firmware log, the textual log of a kernel or an agent, IMA's list, systemd's log: within a register the order
follows what the logs state of each other, else it is the order given, and the report says so. Events that two logs
both have are kept once. A conversion that would change a register is refused, as in evlog convert. Exit code 1 if a
log states another value of a register than the logs before it lead to: there is a gap between them.
"""

from __future__ import annotations

from evlog.cli import _common, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from evlog.changing.convert import Conversion
    from evlog.merging.merge import Handover, Merged


EXAMPLES = (
    "evlog merge FIRMWARE_LOG IMA_LIST --to cel-cbor -o machine.cbor",
    "evlog merge CCEL event_log --register rtmr:3 --to cel-json   # RTMR[3] alone",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="LOG...")
    _common.writer_arguments(parser)
    parser.add_argument("--allow-changed", action="store_true", help="even if a register's value changes")
    parser.add_argument("--json", action="store_true", help="print a report (evlog.merge/1) instead of text")


def run(args: argparse.Namespace) -> int:
    from evlog.changing.convert import convert
    from evlog.changing.keep import keep as kept
    from evlog.changing.loss_runs import joined
    from evlog.errors import UsageError
    from evlog.merging.merge import merge

    if args.json and args.output == "-":
        raise UsageError("--json needs -o FILE: stdout can hold the report or the log, not both")
    keep = _keep.of(args)
    logs = _common.open_logs(args, args.logs)
    _common.under_way("merging")
    whole = merge(logs, platform=args.platform)
    platform = whole.log.platform
    _common.say_absent(keep.absent(whole.log.registers, whole.log.algorithms, platform))
    part, left = kept(whole.log, keep.registers, keep.banks)
    handovers = tuple(each for each in whole.handovers if keep.has(each.register, platform))
    merged = whole.replace(log=part, handovers=handovers)
    result = convert(
        part,
        args.to,
        strict=args.strict,
        allow_changed=args.allow_changed,
        profile=args.profile,
        mr_key=args.mr_key,
    )
    _common.deliver(args.output, result.data)
    losses = joined(merged.losses, left, result.losses)
    if args.json:
        _common.print_json(document(merged, args.to, result), losses=_common.losses_json(losses))
    else:
        for handover in merged.handovers:
            _common.say(line(handover, merged.log.platform))
        _common.say_losses(losses)
        what = f"{_common.events(len(result.log.events))} of {len(logs)} log{'s' * (len(logs) != 1)} as {args.to}"
        _common.say_written(what, args.output, len(result.data))
    _common.report(merged.log.findings)
    gaps = dict.fromkeys(str(each.register) for each in handovers if each.verdict == "gap")
    if gaps:
        _common.say(f"the logs do not hold together: there is a gap on {', '.join(gaps)}")
    return int(bool(gaps) or any(log.failed for log in logs))


def document(merged: Merged, to: str, result: Conversion) -> dict[str, Any]:
    """The result as ``evlog.merge/1``, without its losses."""
    return {
        "schema": "evlog.merge/1",
        "to": to,
        "events": len(result.log.events),
        "registers_preserved": result.registers_preserved,
        "handovers": [
            {
                "register": str(each.register),
                "label": each.register.label(merged.log.platform),
                "from": each.source,
                "to": each.target,
                "verdict": each.verdict,
                "alg": str(each.alg) if each.alg is not None else None,
                "value": each.value.hex() if each.value is not None else None,
                "event": each.event,
                "evidence": each.evidence,
            }
            for each in merged.handovers
        ],
        "overlaps": [
            {"kind": each.kind, "log": each.log, "of": each.of, "events": each.events} for each in merged.overlaps
        ],
        "losses": [],
    }


def line(handover: Handover, platform: str | None) -> str:
    """A hand-over on one line."""
    register = f"{handover.register} {handover.register.label(platform)}"
    source = f"from {handover.source} " if handover.source else ""
    return f"{handover.verdict}: {register} {source}to {handover.target}: {handover.evidence}"
