"""Split a log into one for each register: as a tree of registers in the kernel RFC's shape, or as files.

A log of one register keeps the events in their order and its own format; what a format repeats at its start whatever
the register (a Spec ID event) stands in each. Each part is read back and replayed, and must lead to the value that the
whole log leads to. The order between registers is lost, as it is in any log per register.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.changing.convert import convert
from evlog.contents.spec_id import is_header
from evlog.model import Event, Log, Loss
from evlog.replaying.replay import replay
from evlog.tree import DIGEST, HASH, LOG, folder_name, hash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.algorithms import HashAlg
    from evlog.registers import Register

__all__ = ["Part", "Split", "split"]


class Part(Record):
    """The log of one register: as a `Log`, as bytes, and the values that it leads to, by bank, the widest last."""

    register: Register
    log: Log
    data: bytes
    values: tuple[tuple[HashAlg, bytes], ...]


class Split(Record):
    """The parts of a log in the order of their registers, and what belonged to none of them."""

    format: str
    parts: tuple[Part, ...]
    losses: tuple[Loss, ...]

    def tree(self) -> dict[str, bytes]:
        """The files of a tree of registers, by path: ``<mr>/{event_log,digest,hash_algo}``.

        ``digest`` is what the log leads to in the widest bank; with several, each also has ``<hash>/digest``.
        Raises UsageError for a register that cannot name a folder.
        """
        files: dict[str, bytes] = {}
        for part in self.parts:
            folder = folder_name(part.register)
            files[f"{folder}/{LOG}"] = part.data
            for alg, value in part.values:
                files[f"{folder}/{DIGEST}"], files[f"{folder}/{HASH}"] = value, hash_name(alg).encode()
                if len(part.values) > 1:
                    files[f"{folder}/{hash_name(alg)}/{DIGEST}"] = value
        return files

    def files(self) -> dict[str, bytes]:
        """A file for each part, named after the register and the format."""
        return {f"{folder_name(part.register)}.{self.format}": part.data for part in self.parts}


def split(log: Log) -> Split:
    """One log per register. Raises ConversionError if a part led to another value than the whole."""
    told: dict[Register, list[tuple[HashAlg, bytes]]] = {}
    for row in replay(log):
        if row.value is not None:
            told.setdefault(row.register, []).append((row.alg, row.value))
    parts = []
    losses: list[Loss] = []
    if log.padding is not None:
        losses.append(Loss(None, "padding", f"{log.padding.length} bytes after the log"))
    if log.trailing:
        losses.append(Loss(None, "trailing", f"{len(log.trailing)} bytes after the log"))
    by_register = _by_register(log)
    if log.events and not by_register:
        losses.append(Loss(log.events[0].number, "content", "a header, and no event on any register"))
    for register, own in by_register:
        part = convert(own, log.format, index="none")
        losses += part.losses
        values = sorted(told.get(register, ()), key=lambda pair: pair[0].size)
        alone = replay(part.log)
        if any(alone.get(register, alg) != value for alg, value in values):
            reason = f"{register} starts at another value by itself: what resets it is in the log of another register"
            losses.append(Loss(None, "start", reason))
        parts.append(Part(register, part.log, part.data, tuple(values)))
    # What every part repeats is lost once.
    return Split(log.format, tuple(parts), tuple(dict.fromkeys(losses)))


def _by_register(log: Log) -> list[tuple[Register, Log]]:
    header = [event for event in log.events[:1] if is_header(event)]
    there = log.registers
    if len(there) == 1 and not header and not log.tail:
        return [(register, log) for register in there]
    events: dict[Register, list[Event]] = {}
    for event in log.events:
        if not header or event.number:
            events.setdefault(event.register, list(header)).append(event)
    # A log of many registers has findings of each: they are the log's, not one for each of its parts.
    bare = log.replace(padding=None, trailing=b"", findings=())
    if len(events) == 1 and not log.tail:
        return [(register, log) for register in events]
    found = sorted(events.items(), key=lambda item: item[0].sort_key)
    return [(register, bare.replace(events=tuple(own))) for register, own in found]
