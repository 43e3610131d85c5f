"""The logs of a tree of registers, read as one log; and one of them, which its folder names."""

from __future__ import annotations

from evlog.contents.spec_id import is_header
from evlog.errors import SourceError
from evlog.intake.budget import Budget
from evlog.intake.identify import read_bytes
from evlog.intake.journal import settled_log
from evlog.model import Event, Log, banks_of
from evlog.tree import Member, is_tree, member_of_log, members, platform_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Finding
    from evlog.options import Options

__all__ = ["read_member", "read_tree"]


def read_member(path: str, format: str | None, options: Options) -> Log:
    """The log of one register, as far as it is complete; the folder says which register that is."""
    member = member_of_log(path)
    data = settled_log(path)
    return read_bytes(data, format, options if member is None else _told(options, member))


def _told(options: Options, member: Member) -> Options:
    """What the folder tells of its log, and the caller where it does not: which register a mere name stands for."""
    named = options.register is not None and member.register.space == "mr"
    known = member.alg.name if member.alg is not None else None
    return options.replace(
        name=member.log or options.name,
        register=options.register if named else member.register,
        mr_hash=options.mr_hash or known,
    )


def read_tree(path: str, format: str | None, options: Options) -> Log:
    """All logs of a tree, register by register: what each extends is its own, so no other order matters.

    Raises SourceError for a folder without registers.
    """
    found = members(path) if is_tree(path) else ()
    if not found:
        raise SourceError(f"{path}: is a directory, and no tree of registers (<register>/digest, hash_algo, event_log)")
    options = options.replace(platform=options.platform or platform_of(found))
    budget = Budget()
    logs = [
        read_bytes(settled_log(member.log), format, _told(options, member), budget)
        for member in found
        if member.log is not None
    ]
    if len(logs) == 1:
        return logs[0].replace(name=path)
    return _joined(logs, path, options)


def _joined(logs: list[Log], path: str, options: Options) -> Log:
    if len({log.format for log in logs}) > 1:
        formats = ", ".join(sorted({log.format for log in logs}))
        raise SourceError(f"{path}: the registers' logs are in different formats ({formats}); merge them")
    events: list[Event] = []
    findings: list[Finding] = []
    for log in logs:
        base = len(events)
        for event in log.events:
            if base and is_header(event):
                continue
            events.append(event.replace(number=len(events)))
        for finding in log.findings:
            event_number = None if finding.event is None else finding.event + base
            findings.append(finding.replace(event=event_number, message=f"{log.name}: {finding.message}"))
    first = logs[0] if logs else Log("text", ())
    return first.replace(
        events=tuple(events),
        header=first.header if all(log.header == first.header for log in logs) else None,
        algorithms=banks_of(alg for log in logs for alg in log.algorithms),
        padding=None,
        trailing=b"",
        findings=tuple(findings),
        platform=options.platform or first.platform,
        name=path,
    )
