"""Split a log into one for each register: as a tree of registers in the kernel RFC's shape, or as files.

A log of one register keeps the events in their order and its own format; what a format repeats at its start whatever
the register (a Spec ID event) stands in each. Each part is read back and replayed, and must lead to the value that the
whole log leads to. The order between registers is lost, as it is in any log per register.
"""

from __future__ import annotations

from array import array

from evlog._record import Record
from evlog.changing.convert import convert
from evlog.changing.excerpt import Some, excerpt
from evlog.columns import NOT_EXTENDED
from evlog.contents.spec_id import is_header
from evlog.model import Log, Loss
from evlog.options import Options
from evlog.replaying.replay import replay
from evlog.tree import DIGEST, HASH, LOG, folder_name, hash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.algorithms import HashAlg
    from evlog.changing.convert import Conversion
    from evlog.changing.excerpt import Excerpt
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
    for row in replay(log).rows:
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
    for register, own, chosen in by_register:
        part: Excerpt | Conversion | None
        part = excerpt(log, own, chosen, Options(name=log.name, platform=log.platform, index="none"))
        if part is None:
            made = own if own is log else own.replace(events=tuple(own.events))
            part = convert(made, log.format, index="none")
        losses += part.losses
        values = sorted(told.get(register, ()), key=lambda pair: pair[0].size)
        alone = replay(part.log)
        if any(alone.get(register, alg) != value for alg, value in values):
            reason = f"{register} starts at another value by itself: what resets it is in the log of another register"
            losses.append(Loss(None, "start", reason))
        parts.append(Part(register, part.log, part.data, tuple(values)))
    # What every part repeats is lost once.
    return Split(log.format, tuple(parts), tuple(dict.fromkeys(losses)))


def _by_register(log: Log) -> list[tuple[Register, Log, Sequence[int]]]:
    """For each register the log of its events, and their rows: the log itself where all are on one."""
    header = bool(log.events) and is_header(log.events[0])
    rows = _rows(log, int(header))
    if len(rows) == 1 and not log.tail:
        return [(register, log, range(len(log.events))) for register in rows]
    # A log of many registers has findings of each: they are the log's, not one for each of its parts.
    bare = log.replace(padding=None, trailing=b"", findings=())
    first = array("Q", [0] if header else [])
    found = sorted(rows.items(), key=lambda item: item[0].sort_key)
    return [(register, bare.replace(events=Some(log.events, first + own)), first + own) for register, own in found]


def _rows(log: Log, first: int) -> dict[Register, array[int]]:
    """The rows of the events on each register, those before ``first`` aside."""
    rows: dict[Register, array[int]] = {}
    columns = log.columns
    if columns is None:
        for row, event in enumerate(log.events):
            if row >= first:
                rows.setdefault(event.register, array("Q")).append(row)
        return rows
    known: dict[int, array[int]] = {}
    for row, index in enumerate(columns.registers):
        own = known.get(index) if index != NOT_EXTENDED else None
        if own is None:
            if row < first:
                continue
            register = log.events[row].register if index == NOT_EXTENDED else columns.register(index)
            own = rows.setdefault(register, array("Q"))
            if index != NOT_EXTENDED:
                known[index] = own
        own.append(row)
    return rows
