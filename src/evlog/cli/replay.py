"""The value that each register has if the logs are true.

Several logs are replayed one after the other, as one machine wrote them. The values prove nothing by themselves:
compare them with a quote (evlog verify).

What if: --replace, --drop and --insert edit the log before it is replayed, and the registers that would differ are
marked. N is an event's number in the log as it is; an inserted event comes before it. What is measured is the bytes
of a FILE, its Authenticode digest where the event is about an image, or digests: sha256:HEX, several with commas.
"""

from __future__ import annotations

from evlog.cli import _common, _each, _keep

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.changing.edit import Edit
    from evlog.model import Log
    from evlog.replaying.replay import Replay


EXAMPLES = (
    "evlog replay LOG",
    "evlog replay FIRMWARE_LOG IMA_LIST --json",
    "evlog replay LOG --drop 17",
    'evlog replay FLEET --only "*.bin" > values.jsonl',
)


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="LOG...")
    _each.arguments(parser)
    parser.add_argument(
        "--rule",
        action="append",
        metavar="BANK=RULE",
        help="how IMA entries extend a bank that the list has no digests of: hash or zero-pad",
    )
    group = parser.add_argument_group("what if")
    group.add_argument("--replace", action="append", metavar="N=FILE", help="event N measured something else")
    group.add_argument("--drop", action="append", metavar="N", help="event N did not happen")
    group.add_argument("--insert", action="append", metavar="N=REGISTER=FILE", help="one more event before event N")
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.replay/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.replaying.replay import replay

    if _each.wanted(args):
        if args.replace or args.drop or args.insert:
            from evlog.errors import UsageError

            raise UsageError("--replace, --drop and --insert edit one log, not each of many")
        return _each.run(args, "replay")
    edited = bool(args.replace or args.drop or args.insert)
    keep = _keep.of(args)
    logs = _common.open_logs(args, args.logs, mapped=not edited)
    rules = _rules(args.rule or (), logs)
    before: Replay | None = None
    if edited:
        before = replay(logs, rules=rules, banks=keep.banks)
        logs = [_edited(args, logs)]
    _common.under_way("replaying")
    whole = replay(logs, rules=rules, banks=keep.banks)
    if before is not None:
        whole = _with_idle(whole, before)
    platform = next((log.platform for log in logs if log.platform), None)
    result = keep.replayed(whole, platform)
    if args.json:
        from evlog.report.documents.replay import document

        _common.print_json(document(result, platform, before))
    else:
        print_table(result, platform, before)
    # What is said of several logs does not tell which log's event it is about.
    _common.report(keep.findings(result.findings, logs[0]) if len(logs) == 1 else result.findings)
    banks = [alg for log in logs for alg in log.algorithms]
    absent = keep.absent((row.register for row in whole.rows), banks, platform)
    if absent is not None:
        # What extends nothing has no row.
        absent = keep.absent((register for log in logs for register in log.registers), banks, platform)
    _common.say_absent(absent)
    return int(any(log.failed for log in logs))


def one(args: argparse.Namespace, source: str) -> tuple[dict[str, Any], int]:
    """One of many logs: what is printed of it, and the exit code."""
    from evlog.replaying.replay import replay
    from evlog.report.documents.replay import document

    keep = _keep.of(args)
    logs = _common.open_all(args, source)
    platform = next((log.platform for log in logs if log.platform), None)
    result = keep.replayed(replay(logs, rules=_rules(args.rule or (), logs), banks=keep.banks), platform)
    if len(logs) == 1:
        result = result.replace(findings=keep.findings(result.findings, logs[0]))
    failed = any(log.failed for log in logs)
    complete = all(row.status == "complete" for row in result.rows)
    return {**document(result, platform), **_standing(failed=failed, complete=complete)}, int(failed)


def quick(args: argparse.Namespace, sources: Sequence[str]) -> dict[str, tuple[str, int]]:
    """What `one` says of those logs of many that are plain firmware logs, by source: the same, as a line of JSON.

    They are replayed side by side. What is wrong with any other, and all that is asked for besides, `one` tells.
    """
    if args.rule or args.register or args.bank:
        return {}
    from evlog.replaying.folded import fold_each
    from evlog.report.documents.replay import line

    logs = _common.open_alone(args, sources)
    answers = {}
    for (source, log), folded in zip(logs.items(), fold_each(list(logs.values())), strict=True):
        if folded is not None:
            standing = _standing(failed=log.failed, complete=folded.complete)
            answers[source] = line(folded, log.platform, source, standing), int(log.failed)
    return answers


def _standing(*, failed: bool, complete: bool) -> dict[str, Any]:
    """What the line of one of many logs ends with."""
    return {"ok": not failed, "complete": complete, "failed": failed, "exit": int(failed)}


def _rules(choices: Iterable[str], logs: Sequence[Log]) -> dict[HashAlg, str] | None:
    """``--rule sha256=hash`` as `replay` takes it; None if nothing is said."""
    from evlog.algorithms import HashAlg
    from evlog.errors import UsageError

    offered = dict.fromkeys(rule for log in logs for rule in (log.rules if choices else ()))
    rules = {}
    for choice in choices:
        bank, equals, rule = choice.partition("=")
        if not equals or rule not in offered:
            raise UsageError(
                f"--rule {choice}: BANK=RULE is needed, these logs offer {', '.join(offered) or 'no rule'}"
            )
        rules[HashAlg.named(bank)] = rule
    return rules or None


def _edited(args: argparse.Namespace, logs: list[Log]) -> Log:
    """The log with the edits on the command line."""
    from evlog.changing.edit import edit
    from evlog.cli._edits import edits
    from evlog.errors import UsageError

    if len(logs) > 1:
        raise UsageError("edits are of one log: merge the logs first (evlog merge)")
    wanted: list[Edit] = edits(logs[0], args.replace or (), args.drop or (), args.insert or ())
    return edit(logs[0], wanted)


def _with_idle(result: Replay, before: Replay) -> Replay:
    """The result, and the registers that nothing extends any more at their start values."""
    idle = (
        row
        for row in before.rows
        if row.events and not any((other.register, other.alg) == (row.register, row.alg) for other in result.rows)
    )
    rows = [*result.rows, *(row.replace(value=row.start, events=0, status="complete") for row in idle)]
    rows.sort(key=lambda row: (row.register.sort_key, row.alg.id))
    return result.replace(rows=tuple(rows))


def print_table(result: Replay, platform: str | None, before: Replay | None = None) -> None:
    """A block for each bank, a line for each register; the value ends the line unless the start was unusual.

    With edits, a register that differs from what it was is marked, and what it was stands below it.
    """
    banks: dict[str, list[str]] = {}
    for row in result.rows:
        value = row.value.hex() if row.value is not None else row.status
        start = "" if row.start_reason == "zeros" else f" (start: {row.start_reason})"
        label = row.register.label(platform)
        lines = banks.setdefault(str(row.alg), [])
        lines.append(f"{row.register!s:6} {label:7} {value}{start}")
        if before is not None:
            was = before.get(row.register, row.alg)
            if was != row.value:
                lines.append(f"{'':6} {'was':7} {was.hex() if was is not None else 'not extended'}")
    for alg, lines in banks.items():
        _common.put(f"{alg}:", *lines)
    if not banks:
        _common.put("no register is extended")
