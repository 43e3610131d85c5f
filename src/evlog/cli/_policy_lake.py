"""Policies over a lake of `evlog table`: `evlog policy learn LAKE` and `evlog policy check POLICY LAKE`."""

from __future__ import annotations

import os
import sys

from evlog.cli import _common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from evlog.policy.learn import GoodBoot
    from evlog.policy.rules import BootPolicy
    from evlog.tables.policies import Checked
    from evlog.tables.reader import Reader

__all__ = ["boots", "check", "hold", "is_lake"]

_NOT_OK, _UNREADABLE = 1, 3
# Options that say how a file is read. A lake's logs were.
_OF_FILES = ("format", "member", "space", "ima_register", "dialect", "index", "hash", "mr_hash", "predicted")


def is_lake(sources: Sequence[str]) -> bool:
    """Whether a lake is given. Raises UsageError for one among other things."""
    from evlog.errors import UsageError
    from evlog.tables.lake import is_lake

    found = [source for source in sources if os.path.isdir(source) and is_lake(source)]
    if found and len(sources) > 1:
        raise UsageError(f"{found[0]} is a lake, and goes alone")
    return bool(found)


def hold(args: argparse.Namespace, lake: bool) -> None:
    """Raise UsageError for options that nobody would look at."""
    from evlog.errors import UsageError

    if not lake and (args.where is not None or args.group is not None):
        raise UsageError("--where and --group choose among the logs of a lake of evlog table")
    given = [name for name in _OF_FILES if getattr(args, name)] if lake else []
    if given:
        named = ", ".join(f"--{'from' if name == 'format' else name.replace('_', '-')}" for name in given)
        raise UsageError(f"a lake is no log that is read: leave out {named}")


def boots(args: argparse.Namespace) -> list[GoodBoot]:
    """The good boots that are chosen of a lake."""
    from evlog.tables.policies import witnesses
    from evlog.tables.reader import Reader

    with Reader(args.logs[0]) as reader:
        return witnesses(reader, _chosen(args, reader))


def check(args: argparse.Namespace, policy: BootPolicy) -> int:
    """A line of JSON for each sighting that is chosen, and how many were ok. The exit code is that of the worst."""
    import json

    from evlog.tables.policies import check as check_lake
    from evlog.tables.reader import Reader

    counts = {0: 0, _NOT_OK: 0, _UNREADABLE: 0}
    with Reader(args.logs[1]) as reader:
        ids = _chosen(args, reader)
        _common.under_way("logs", len(ids), soon=True)
        for each in check_lake(reader, policy, ids, unverified=args.unverified, platform=args.platform):
            document = _line(args, policy, each)
            counts[document["exit"]] += 1
            _common.hush()
            sys.stdout.write(json.dumps(document) + "\n")
            _common.done(1)
    _common.say(f"{counts[0]} ok, {counts[_NOT_OK]} not ok, {counts[_UNREADABLE]} unreadable")
    return max(code for code, count in counts.items() if count)


def _chosen(args: argparse.Namespace, reader: Reader) -> list[bytes]:
    from evlog.errors import UsageError
    from evlog.registers import Register
    from evlog.tables.sightings import chosen

    group = None
    if args.group is not None:
        register, equals, value = args.group.rpartition("=")
        try:
            group = Register.parse(register), bytes.fromhex(value)
        except ValueError:
            equals = ""
        if not equals or not value:
            raise UsageError(f"--group {args.group!r}: REGISTER=HEX was expected, as evlog query LAKE groups has it")
    ids = chosen(reader, args.where, group)
    if not ids:
        raise UsageError("no log of the lake is chosen")
    return ids


def _line(args: argparse.Namespace, policy: BootPolicy, each: Checked) -> dict[str, Any]:
    """What is said of a sighting, as ``evlog.policy-sighting/1``."""
    from evlog.cli import _policy_page
    from evlog.tables.answer import cell

    sighting, result = each.sighting, each.result
    findings = () if result is None else result.findings
    verification = None if result is None else result.verification
    warned = args.strict and any(
        finding.severity == "warning" for finding in (*findings, *(verification.findings if verification else ()))
    )
    ok = result is not None and result.ok and not warned
    code = 0 if ok else _UNREADABLE if sighting.format is None else _NOT_OK
    names = ("counts", "ignored", "findings")
    if result is not None:
        said = _policy_page.document(result, code)
        judged = {name: said[name] for name in names}
        rules = [row for row in said["rules"] if args.values or row["verdict"] not in ("kept", "free", "unproven")]
        judged["rules"] = [_without(row, *(() if args.values else ("witnesses",))) for row in rules]
        judged["unspoken_events"] = [_without(row) for row in said["unspoken_events"]]
    else:
        count = len(policy.static) + sum(len(register.all) for register in policy.registers)
        counts = {"kept": 0, "free": 0, "broken": 0, "missing": 0, "unproven": count}
        ignored = {"registers": [str(register) for register in policy.ignored], "events": 0}
        judged = {"counts": counts, "ignored": ignored, "findings": [], "rules": [], "unspoken_events": []}
    return {
        "schema": "evlog.policy-sighting/1",
        "machine": sighting.machine,
        "boot": sighting.boot,
        "collected_at": cell(sighting.collected_at),
        "source": sighting.source,
        "log": sighting.log_id.hex(),
        "sighting": sighting.id.hex(),
        "ok": ok,
        "complete": result is not None and (verification is None or verification.complete),
        "failed": sighting.failed,
        "exit": code,
        "unverified": bool(args.unverified),
        "authenticated": sighting.authenticated,
        "word": sighting.word,
        "unjudged": each.unjudged or None,
        **judged,
    }


def _without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """A row without what the line says of its log, and without these."""
    return {name: value for name, value in row.items() if name not in ("log", "offset", "length", *names)}
