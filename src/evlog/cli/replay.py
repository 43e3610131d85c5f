"""The value that each register has if the logs are true.

Several logs are replayed one after the other, as one machine wrote them. The values prove nothing by themselves:
compare them with a quote.
"""

from __future__ import annotations

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.verbs.replay import Replay


def arguments(parser: argparse.ArgumentParser) -> None:
    _common.reader_arguments(parser, logs="LOG...")
    parser.add_argument(
        "--rule",
        action="append",
        metavar="BANK=RULE",
        help="how IMA entries extend a bank that the list has no digests of: hash or zero-pad",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object (evlog.replay/1)")


def run(args: argparse.Namespace) -> int:
    from evlog.verbs.replay import replay

    logs = [_common.open_log(args, source) for source in args.logs]
    result = replay(logs, rules=_rules(args.rule or (), logs))
    platform = next((log.platform for log in logs if log.platform), None)
    if args.json:
        _common.print_json(document(result, platform))
    else:
        print_table(result, platform)
    _common.report(result.findings)
    return int(any(log.failed for log in logs))


def _rules(choices: Iterable[str], logs: Sequence[Log]) -> dict[HashAlg, str]:
    """``--rule sha256=hash`` as `replay` takes it."""
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
    return rules


def document(result: Replay, platform: str | None) -> dict[str, Any]:
    """The result as ``evlog.replay/1``."""
    from evlog.formats.evlog_json import finding_json

    return {
        "schema": "evlog.replay/1",
        "registers": [
            {
                "register": str(row.register),
                "label": row.register.label(platform),
                "alg": str(row.alg),
                "value": row.value.hex() if row.value is not None else None,
                "start": row.start.hex(),
                "start_reason": row.start_reason,
                "events": row.events,
                "status": row.status,
            }
            for row in result
        ],
        "findings": [finding_json(finding) for finding in result.findings],
    }


def print_table(result: Replay, platform: str | None) -> None:
    """A block for each bank, a line for each register; the value ends the line unless the start was unusual."""
    banks: dict[str, list[str]] = {}
    for row in result:
        value = row.value.hex() if row.value is not None else row.status
        start = "" if row.start_reason == "zeros" else f" (start: {row.start_reason})"
        label = row.register.label(platform)
        banks.setdefault(str(row.alg), []).append(f"{row.register!s:6} {label:7} {value}{start}")
    for alg, lines in banks.items():
        print(f"{alg}:", *lines, sep="\n")
    if not banks:
        print("no register is extended")
