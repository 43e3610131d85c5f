"""`evlog show` of a whole machine, this one or a capture of one: what there is, what it says of itself, and each log.

What a machine says of itself besides its logs is covered by no register, and is said to be only stated.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.cli import _common
from evlog.cli._page import Page

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from evlog.cli._keep import Keep
    from evlog.cli._selection import Selection
    from evlog.evidence import Evidence
    from evlog.intake.captures import Capture
    from evlog.model import Finding, Log

__all__ = ["capture", "live"]

#: Members of a manifest that are facts about the machine, as people read them.
_FACTS = ("kernel", "os", "firmware", "secure_boot", "lockdown")
_LONGEST = 100  # letters of a fact


class _Asked(Record):
    """What is asked: by the command line, and what it keeps and selects."""

    args: argparse.Namespace
    keep: Keep
    selection: Selection


class _Machine(Record):
    """What there is to show: logs, the values of registers, and the capture that they are in."""

    logs: Sequence[Log]
    evidence: Evidence | None
    capture: Capture | None = None


def live(args: argparse.Namespace, keep: Keep, selection: Selection) -> int:
    """Show the machine that this runs on; with ``--follow`` what it measures from then on. Returns the exit code."""
    from evlog.errors import EvlogError
    from evlog.intake.machine import read_machine
    from evlog.intake.sources import live_logs

    root, device = args.sysroot or "/", args.member
    if args.follow:
        if args.json or args.jsonl or args.document:
            from evlog.errors import UsageError

            raise UsageError("--follow prints lines: --json, --jsonl and --format do not go with it")
        from evlog.cli import _follow

        return _follow.run(args, keep)
    evidence, problems = None, []
    try:
        evidence = read_machine(root, device)
    except EvlogError as error:
        if type(error).__name__ == "UsageError":
            raise
        problems.append(str(error))
    paths: list[str] = []
    try:
        paths = live_logs(root, device)
    except EvlogError as error:
        if type(error).__name__ == "UsageError":
            raise
        problems.append(str(error))
    if evidence is None and not paths:
        from evlog.errors import SourceError

        raise SourceError("; ".join((*problems, *([] if problems[1:] else ["no log is shown either"]))))
    args.member = None
    logs = _common.open_logs(args, paths)
    code = _shown(_Asked(args, keep, selection), _Machine(logs, evidence))
    for problem in problems:
        _common.say(problem)
    return code


def capture(args: argparse.Namespace, keep: Keep, selection: Selection, found: Capture) -> int:
    """Show a capture, also one that is damaged. Returns the exit code."""
    from evlog.errors import EvlogError, UsageError
    from evlog.intake.captures import captured_logs
    from evlog.intake.registers import read_registers
    from evlog.options import Options

    options = Options(name=args.log, strict=args.strict, **_common.choices(args)).replace(
        platform=args.platform, space=args.space, member=args.member
    )
    if found.findings:
        # What is not as the manifest says is nobody's word.
        bad = {each.message.split(" ", 1)[0] for each in found.findings}
        found = found.replace(members={name: data for name, data in found.members.items() if name not in bad})
    problems = [each.message for each in found.findings]
    logs: list[Log] = []
    evidence = None
    try:
        logs = captured_logs(found.replace(name=args.log), options, args.format)
        if not found.findings:
            evidence = read_registers(_common.given(args, args.log), member=args.member)
    except UsageError:
        raise
    except EvlogError as error:
        problems.append(str(error))
    code = _shown(_Asked(args, keep, selection), _Machine(logs, evidence, found))
    for problem in problems:
        _common.say(f"{args.log}: {problem}")
    return int(bool(found.findings) or code)


def _shown(asked: _Asked, machine: _Machine) -> int:
    args, keep, logs = asked.args, asked.keep, machine.logs
    if args.document is not None:
        from evlog.errors import UsageError

        raise UsageError("--format tpm2-yaml is of one log: say which (--member PATH)")
    if args.json:
        _json(asked, machine)
    elif args.jsonl:
        for log in logs:
            for some in _events(asked, log):
                _common.put_json(some)
    else:
        _page(asked, machine)
    for log in logs:
        _common.report(keep.findings(log.findings, log), log.name)
    return int(any(log.failed for log in logs))


def _page(asked: _Asked, machine: _Machine) -> None:
    from evlog.cli import _selection, _show_page

    args, evidence, found = asked.args, machine.evidence, machine.capture
    page = Page(args.color)
    if found is not None:
        _manifest(page, found)
    if evidence is not None:
        _values(page, asked.keep, evidence)
        if found is not None:
            name = args.log if args.log != "-" else "FILE"
            page.line(("to verify: ", "bold"), f"evlog verify {name}{_how(evidence)}")
    for log in machine.logs:
        kept = _selection.checked(log, asked.keep)
        page.line("")
        page.line((log.name.removeprefix(f"{args.log}/"), "bold"))
        whole = bool(args.event)
        _show_page.show(*kept, asked.selection.choose(*kept), page, tree=args.tree or whole, data=whole)


def _how(evidence: Evidence) -> str:
    """What would authenticate the values of a capture."""
    if evidence.source == "register-file":
        return " (only read: nobody signed its values)"
    return " --nonce HEX --key AK" if evidence.source == "tpm-quote" else f" --nonce HEX --kind {evidence.source} ..."


def _manifest(page: Page, found: Capture) -> None:
    """What a capture says of itself, and of the machine."""
    manifest = found.manifest
    tool = manifest.get("tool")
    version = tool.get("version") if isinstance(tool, dict) else None
    page.line((f"capture: {_word(manifest.get('time'))} by evlog {_word(version)}", "bold"))
    nonce = manifest.get("nonce")
    page.line(("nonce: ", "dim"), _word(nonce) if nonce is not None else "none: its quotes are replayable")
    rows = list(_facts(manifest))
    if rows:
        page.line(("stated, not measured:", "bold"))
        width = max(len(name) for name, _ in rows)
        for name, said in rows:
            page.line((f"  {name:{width}} ", "dim"), f" {said}")
    for each in _dicts(manifest.get("sources")):
        if each.get("state") == "refused":
            page.line(("refused: ", "yellow"), f"{_word(each.get('path'))} ({_word(each.get('error'))})")
    for each in _dicts(manifest.get("redactions")):
        page.line(("left out: ", "dim"), f"{_word(each.get('what'))} ({_word(each.get('member'))})")
    others = [name for name in found.members if not name.startswith(("logs/", "registers/"))]
    if others:
        page.paragraph(("also in it: ", "dim"), ", ".join(others))


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _FACTS:
        value = manifest.get(name)
        if isinstance(value, dict):
            for key, each in value.items():
                if each is not None and each != "":
                    yield f"{name}.{key}"[:_LONGEST], _word(each)
        elif value is not None:
            yield name, _word(value)


def _word(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _values(page: Page, keep: Keep, evidence: Evidence) -> None:
    """Which registers there are, and what stands behind them."""
    spaces: dict[tuple[str, str], int] = {}
    for register, alg in evidence.registers:
        if keep.has(register, evidence.platform) and keep.has_bank(alg):
            key = register.space, str(alg)
            spaces[key] = spaces.get(key, 0) + 1
    said = ", ".join(f"{count} {space} in {alg}" for (space, alg), count in spaces.items())
    page.line(("registers: ", "bold"), said or "none")
    for sentence in evidence.read_only:
        page.line(("only read: ", "dim"), sentence)
    for finding in evidence.findings:
        page.line((f"{finding.severity}: ", "bold red" if finding.severity == "error" else "yellow"), finding.message)


def _json(asked: _Asked, machine: _Machine) -> None:
    """The machine as ``evlog.machine/1``: its logs are ``evlog.log/1``, each with its name."""
    from evlog.report.documents.evidence import members, registers

    evidence, found = machine.evidence, machine.capture
    findings: list[Finding] = list(found.findings) if found is not None else []
    document: dict[str, Any] = {
        "schema": "evlog.machine/1",
        "capture": dict(found.manifest) if found is not None else None,
        "evidence": members(evidence) if evidence is not None else None,
        "registers": registers(evidence, evidence.platform) if evidence is not None else [],
        "logs": [],
        "findings": [each.to_json() for each in (*findings, *(evidence.findings if evidence is not None else ()))],
    }
    _common.print_json(document, logs=(_log_json(asked, log) for log in machine.logs))


def _log_json(asked: _Asked, log: Log) -> str:
    import json

    from evlog.formats import room

    document = room("evlog-json").document(log.replace(events=(), findings=()))
    document["name"] = log.name.removeprefix(f"{asked.args.log}/")
    document["findings"] = [each.to_json() for each in asked.keep.findings(log.findings, log)]
    text = json.dumps(document)
    events = ", ".join(", ".join(some) for some in _events(asked, log))
    before, _, after = text.partition('"events": []')
    return f'{before}"events": [{events}]{after}'


def _events(asked: _Asked, log: Log) -> Iterator[list[str]]:
    from evlog.checking.bodies import Bodies
    from evlog.cli import _selection
    from evlog.cli._events_json import rows_of

    log, checks = _selection.checked(log, asked.keep)
    return rows_of(log, checks, asked.selection.choose(log, checks), Bodies())
