"""The log of the next boot, and its registers: each rule looks at the draft, in the order of the boot."""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.model import Event, Finding
from evlog.predicting.draft import Draft, Unknown
from evlog.predicting.files import Files, normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evlog.algorithms import HashAlg
    from evlog.model import Log
    from evlog.registers import Register

__all__ = ["PredictedEvent", "PredictedRegister", "Prediction", "predict"]


#: Variables that change what is booted or trusted, and are in no event themselves.
_CHOOSING = ("BootNext", "Loader", "Mok", "OsIndications", "Sbat", "Shim")
#: PCRs that are zero until they are extended.
_PLAIN = range(1, 17)


class PredictedRegister(Record):
    """A register in a bank, before and after; ``after`` is None if it cannot be known."""

    register: Register
    alg: HashAlg
    before: bytes | None
    after: bytes | None

    @property
    def changed(self) -> bool:
        """Whether it will have another value, or nobody knows."""
        return self.before != self.after


class PredictedEvent(Record):
    """An event that is not as it was: ``kind`` is changed, added or removed.

    ``event`` is its number in the log before, or None for one that is added; ``place`` and ``rule`` say why.
    """

    event: int | None
    register: Register
    place: str
    rule: str
    kind: str


class Prediction(Record):
    """Registers before and after, the events that differ, and what is not known; ``log`` is the next boot's.

    ``unproven`` are sentences about what was kept without a proof that it stays.
    """

    registers: tuple[PredictedRegister, ...]
    events: tuple[PredictedEvent, ...]
    unknown: tuple[Unknown, ...]
    unproven: tuple[str, ...]
    log: Log

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for could be placed."""
        return not self.unknown


def predict(
    log: Log,
    now: Mapping[str, bytes],
    was: Mapping[str, bytes] | None = None,
    *,
    ram: int | None = None,
    partition: Mapping[str, bytes] | None = None,
) -> Prediction:
    """Predict the next boot's registers from the last one's log and the files of now, by place.

    ``was`` are files before the update; what is in ``now`` only is taken to have been there, if it explains the log.
    ``ram`` is the memory of a virtual machine in bytes, for QEMU's direct boot. ``partition`` are all files of the
    next boot's partition, of which those that no event is of are taken to change nothing. Raises UsageError for a
    place that makes no sense.
    """
    from evlog.predicting.secure_state import secure_boot

    files = Files({**(partition or {}), **now}, dict(was or {}), whole=partition is not None)
    draft = Draft(log)
    others = {step.register for step in draft.steps if step.register.space != "pcr"}
    if others:
        draft.lose(sorted(others, key=lambda each: each.sort_key), "", "only PCRs are predicted")
    else:
        _rules(draft, files, ram)
    if any(str(each.register) == "pcr:4" for each in draft.unknown) and secure_boot(draft):
        draft.lose_pcrs((7,), "", "which images are verified, and by whom, hangs on PCR 4")
    spare = {normal(place) for place in partition or ()} - {normal(place) for place in now}
    idle = 0
    for place, data in files.now.items():
        # What stays as it is changes nothing, whatever it is for.
        if place in files.placed or files.was.get(place) == data:
            continue
        if place in spare and place not in files.was:
            idle += 1
        elif not any(files.named(place) == each.place for each in draft.unknown):
            _unplaced(draft, files, place)
    for place in files.gone - files.placed:
        _unplaced(draft, files, place, "it is no longer on the partition")
    if idle:
        draft.unproven.append(f"{idle} files of the partition are behind no event: they are taken to have been there")
    return _finished(log, draft)


def _rules(draft: Draft, files: Files, ram: int | None) -> None:
    from evlog.predicting import (
        boot_entries,
        direct,
        gpt,
        programs,
        secure_boot,
        secure_state,
        shim,
        systemd_boot,
        uki_boot,
    )
    from evlog.predicting.grub_boot import predict as grub
    from evlog.predicting.images import Images

    secure = secure_state.secure_boot(draft)
    images = Images(draft, files)

    def tried(rule: Callable[[], None], pcrs: tuple[int, ...]) -> None:
        try:
            rule()
        except ParseError as error:
            draft.lose_pcrs(pcrs, "", str(error))

    tried(lambda: gpt.predict(draft, files), (5,))
    tried(lambda: boot_entries.predict(draft, files), (1,))
    tried(lambda: direct.predict(draft, files, ram), (4, 9))
    tried(images.predict, (2, 4))
    tried(lambda: programs.predict(draft, files, images), (4,))
    tried(lambda: shim.predict(draft, files, images), (7, 14))
    tried(lambda: systemd_boot.predict(draft, files, images), (4, 5, 9, 12))
    tried(lambda: uki_boot.predict(draft, files, images, secure), (4, 9, 11, 12, 13))
    tried(lambda: grub(draft, files, images, secure), (4, 8, 9))
    tried(lambda: secure_boot.predict(draft, files, images, secure), (4, 7, 8, 9, 11, 12))


def _unplaced(
    draft: Draft, files: Files, place: str, reason: str = "no event of the log is explained by it"
) -> None:  # fmt: skip
    """A file behind which no event was found: the registers that such a file may change are not known."""
    named = files.named(place)
    if place.startswith("/"):
        draft.lose_pcrs((4, 5, 7, 8, 9, 11, 12, 13), named, reason)
    elif place == "uki":
        draft.lose_pcrs((4, 7, 9, 11, 12), named, reason)
    elif place == "gpt":
        draft.lose_pcrs((5,), named, reason)
    elif ":" in place and place.partition(":")[2].startswith(_CHOOSING):
        draft.lose_pcrs((4, 5, 7, 8, 9, 11, 12, 13, 14), named, "it may have something else booted, or trusted")
    elif ":" in place:
        draft.unknown.append(Unknown(None, named, "no event of the log is about this variable"))
    else:
        draft.lose_pcrs((4, 9), named, reason)


def _finished(log: Log, draft: Draft) -> Prediction:
    from evlog.replaying.replay import replay

    events: list[Event] = []
    for step in draft.steps:
        if step.kind == "removed":
            continue
        number = len(events)
        if step.event is not None and step.kind == "":
            events.append(
                step.event.replace(number=number, recnum=None if step.event.number != number else step.event.recnum)
            )
            continue
        events.append(Event(number, step.register, step.digests, PCClientEvent(step.event_type, step.data)))
    note = Finding("predicted", "note", "a prediction: no machine recorded this")
    after_log = log.replace(events=tuple(events), trailing=b"", findings=(*log.findings, note))
    before, after = replay(log), replay(after_log)
    lost = {each.register for each in draft.unknown if each.register is not None}
    _aggregate(draft, before, after, lost)
    rows = []
    keys = {(row.register, row.alg): row for row in (*after.rows, *before.rows)}
    for (register, alg), row in sorted(keys.items(), key=lambda each: (each[0][0].sort_key, each[0][1].id)):
        # What nothing extends, before or any more, is as it starts.
        old, new = (
            each.get(register, alg) if any((r.register, r.alg) == (register, alg) for r in each.rows) else row.start
            for each in (before, after)
        )
        rows.append(PredictedRegister(register, alg, old, None if register in lost else new))
    told = tuple(
        PredictedEvent(s.event.number if s.event is not None else None, s.register, s.place, s.rule, s.kind)
        for s in draft.steps
        if s.kind
    )
    there = {row.register for row in rows}
    for register in sorted(lost - there, key=lambda each: each.sort_key):
        # Nothing extended it in the last boot, and something may in the next.
        rows += [
            PredictedRegister(register, alg, bytes(alg.size), None)
            for alg in log.algorithms
            if register.index in _PLAIN
        ]
    rows.sort(key=lambda row: (row.register.sort_key, row.alg.id))
    return Prediction(tuple(rows), told, tuple(draft.unknown), tuple(draft.unproven), after_log)


def _aggregate(draft: Draft, before: object, after: object, lost: set[Register]) -> None:
    """PCR 10 of a log with IMA's entries: its first is over PCR 0 to 9, and files of a new initrd are in the others."""
    ima = [step for step in draft.steps if str(step.register) == "pcr:10"]
    if (ima and any(step.kind for step in draft.steps)) or (ima and lost):
        register = ima[0].register
        lost.add(register)
        draft.unknown.append(
            Unknown(register, "", "IMA's entries follow from PCR 0 to 9 and from the files that are run")
        )
