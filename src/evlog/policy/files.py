"""Entries of IMA lists: which files, keys and buffers a machine may measure, and which digests they may have.

A list comes in the order of the machine's load, and goes on while it runs: what counts is that each entry's name has a
digest that some boot bears witness to, and that the entry is what was measured. A violation is never that. The first
entry binds firmware's registers: with firmware's log beside the list it is computed, and not learned.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import SHA1
from evlog.checking.digest_check import check_event
from evlog.contents.ima import ImaEvent
from evlog.model import Loss
from evlog.policy.rules import FileRule, FileValue
from evlog.registers import Register
from evlog.replaying.boot_aggregate import BOOT_AGGREGATE, boot_aggregate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from evlog.model import Event
    from evlog.policy.boots import ObservedBoot

__all__ = ["ListEntry", "aggregates", "entry_of", "excluded", "learned"]

AGGREGATE = BOOT_AGGREGATE.decode()
#: Where code and its settings are: nothing there is proposed to be excluded, whatever the boots show.
_CODE = ("/usr/", "/bin/", "/sbin/", "/lib", "/boot/", "/opt/", "/etc/", "/root/", "/home/", "/efi/")
#: What the first entry of a list may be the hash of.
_BOUND = frozenset(Register("pcr", index) for index in range(10))
#: Boots in which a file has to differ, each from each, before it is proposed.
_LEAST = 3


class ListEntry(Record):
    """What an entry says; ``wrong`` is why it cannot be believed, "" if it can."""

    kind: str
    name: str
    algorithm: str
    value: bytes
    wrong: str = ""


def entry_of(event: Event) -> ListEntry:
    """What an entry of a list says, and whether its digest is of that."""
    content = event.content
    assert isinstance(content, ImaEvent)
    fields = content.decoded
    name = b"" if fields is None or fields.name is None else fields.name
    # Names are bytes: each has a text of its own.
    text = name.decode("utf-8", "surrogateescape")
    if event.measured and content.mark(event):
        return ListEntry("file", text, "", b"", "a violation: the file changed while it was measured")
    if fields is None or fields.file_digest is None or not name:
        return ListEntry("file", text, "", b"", "its data has no name and digest")
    digest = fields.file_digest
    algorithm = digest.algorithm or SHA1.name
    algorithm = f"{digest.type}:{algorithm}" if digest.type else algorithm
    wrong = ""
    verdicts = [check.verdict for check in check_event(event)]
    if "mismatch" in verdicts or "matches" not in verdicts:
        wrong = "its digest is not the hash of what it says"
    elif not any(digest.value):
        wrong = "it has no digest of the file"
    return ListEntry(_kind(event, content), text, algorithm, digest.value, wrong)


def _kind(event: Event, content: ImaEvent) -> str:
    if content.template != "ima-buf":
        return "file"
    from evlog.decoders import decode

    return "buffer" if getattr(decode(event), "certificate", None) is None else "key"


def excluded(name: str, paths: Sequence[str]) -> bool:
    """Whether a person has decided that entries of this name are not judged: by name, or by a folder above it."""
    return any(name == path or (path.endswith("/") and name.startswith(path)) for path in paths)


def aggregates(boot: ObservedBoot, ignored: Collection[Register] = ()) -> dict[tuple[int, int], bool]:
    """For the first entry of each list that firmware's log is beside: whether it is the hash of those registers.

    Nothing is computed from registers that a policy ignores: nobody has judged what firmware's log says of them.
    """
    if any(register in ignored for register in boot.sequences if register in _BOUND):
        return {}
    firmware = [log for log in boot.logs if not any(isinstance(event.content, ImaEvent) for event in log.events[:1])]
    if not firmware:
        return {}
    from evlog.replaying.replay import replay

    values = replay(firmware).registers()
    found = {}
    for index, log in enumerate(boot.logs):
        if any(log is each for each in firmware):
            continue
        said = boot_aggregate(log, values)
        if said is not None and said.verdict != "unknown":
            found[index, said.event] = said.verdict == "match"
    return found


def learned(
    register: Register, boots: Sequence[tuple[str, ObservedBoot]], losses: list[Loss]
) -> tuple[tuple[FileRule, ...], tuple[str, ...]]:
    """The rules for a register's lists, and the paths that a person may want to exclude."""
    values: dict[tuple[str, str], dict[tuple[str, bytes], dict[str, None]]] = {}
    violated: dict[str, set[str]] = {}
    known: dict[object, ListEntry] = {}
    for boot, found in boots:
        for each in found.lists.get(register, ()):
            event = each.seen.event
            key = event.content, event.digests
            entry = known.get(key) or known.setdefault(key, entry_of(event))
            if entry.wrong:
                if entry.name.startswith("/"):
                    violated.setdefault(entry.name, set()).add(boot)
                losses.append(Loss(event.number, "content", f"{boot}: {entry.wrong}: no rule speaks of it"))
                continue
            seen = values.setdefault((entry.kind, entry.name), {})
            seen.setdefault((entry.algorithm, entry.value), {})[boot] = None
    rules = tuple(
        FileRule(
            kind,
            name,
            tuple(FileValue(algorithm, value, tuple(boots)) for (algorithm, value), boots in each.items()),
        )
        for (kind, name), each in values.items()
    )
    proposed = dict.fromkeys(
        rule.name
        for rule in rules
        if rule.kind == "file"
        and rule.name.startswith("/")
        and len(rule.values) >= _LEAST
        and all(len(value.witnesses) == 1 for value in rule.values)
        and len(rule.witnesses) >= _LEAST
    )
    proposed.update(dict.fromkeys(name for name, seen in violated.items() if len(seen) > 1))
    return rules, tuple(name for name in proposed if not name.startswith(_CODE))
