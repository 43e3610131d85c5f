"""Append lines to a register's log: the storage layer of the kernel RFC, in user space.

Spec: kernel RFC "tsm: Unified Measurement Register ABI", patch 2/3, ``append_event``: input is split at CR and LF,
pieces are stripped of what the kernel takes for white space, empty ones dropped, comments stored, everything else
hashed, extended and stored; a SYNC line comes first whenever the register may have moved without the log, and a blank
line before every write.
"""

from __future__ import annotations

import os
import re

from evlog import hashing
from evlog._record import Record
from evlog.errors import UsageError
from evlog.formats import room
from evlog.intake.store import Store
from evlog.tree import folder_name, hash_name, members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Appended", "append"]

_SPACE = b"\t\n\v\f\r \xa0"
_ENDS = re.compile(rb"[\r\n]+")
_MOST = 1 << 16  # bytes of one change: a journal must not grow without bound
_PAGE = 4095
_SHOWN = 40  # bytes of a line in an error
_NAMED = 8  # registers that an error names


class Appended(Record):
    """What an append did: lines stored, events among them (a SYNC counts), SYNC lines written, the register's value."""

    lines: int
    events: int
    syncs: int
    value: bytes


def append(tree: str | os.PathLike[str], register: str, lines: Iterable[bytes | str], *, raw: bool = False) -> Appended:
    """Append lines to the log of a register and extend it: what has returned will not be lost.

    ``tree`` is a folder with a folder for each register, ``register`` the name of one. All lines are one write, unless
    they are more than 64 KiB. Safe against kills at any moment and other writers; costs the same whatever the log's
    length. Raises SourceError for files that are absent, read-only or full (nothing is changed then), UsageError for a
    folder that is no register, and unless ``raw`` for a line that looks like a statement of the register's value (INIT,
    SYNC, ``# .EXTEND``): it would be taken for one by whoever reads the log.
    """
    text = b"\n".join(line.encode() if isinstance(line, str) else bytes(line) for line in lines)
    pieces = [piece for piece in (raw.strip(_SPACE) for raw in _ENDS.split(text)) if piece]
    if not raw:
        _refuse_statements(pieces)
    folder = _folder(os.fspath(tree), register)
    with Store(folder) as store:
        door = _door(folder) if store.in_kernel else None
        if door is not None:
            _knock(door, pieces)
            return Appended(len(pieces), sum(map(_measured, pieces)), 0, store.value)
        # The kernel extends by one digest at a time; a plain file's new value can stand for many.
        most = 1 if store.in_kernel else _MOST
        syncs = 0
        for number, batch in enumerate(_batches(pieces, most)):
            syncs += _write(store, batch, new_write=number == 0)
        return Appended(len(pieces) + syncs, sum(map(_measured, pieces)) + syncs, syncs, store.value)


def _refuse_statements(pieces: Iterable[bytes]) -> None:
    """Raise UsageError for a line that some reader would take for a statement about the register."""
    states = room("text").states
    for piece in pieces:
        if states(piece):
            shown = piece[:_SHOWN].decode("ascii", "backslashreplace")
            what = "looks like a statement of the register's value, not like a line of its log"
            raise UsageError(f"{shown!r} {what}; raw (--raw) appends it all the same")


def _folder(tree: str, register: str) -> str:
    """The folder of a register by its name in the tree, or by the register's own: ``rtmr3`` or ``rtmr:3``."""
    if os.path.sep not in register and register not in ("", os.path.curdir, os.path.pardir):
        folder = os.path.join(tree, register)
        if os.path.isdir(folder):
            return _own(tree, folder)
    from evlog.registers import Register

    try:
        folder = os.path.join(tree, folder_name(Register.parse(register)))
    except UsageError:
        folder = ""
    if not os.path.isdir(folder):
        known = members(tree) if os.path.isdir(tree) else ()
        names = [member.name for member in known if os.path.isdir(os.path.join(tree, member.name))]
        there = ", ".join(names[:_NAMED]) + (" and more" if names[_NAMED:] else "")
        raise UsageError(f"{tree}: no folder of a register {register!r} in there; there are {there or 'none'}")
    return _own(tree, folder)


def _own(tree: str, folder: str) -> str:
    """The folder, if it is the tree's own. The kernel links folders to where their devices are; nobody else may."""
    real = os.path.realpath(folder)
    if not real.startswith((os.path.join(os.path.realpath(tree), ""), "/sys/")):
        raise UsageError(f"{folder}: a link that leads out of the tree")
    return folder


def _batches(pieces: list[bytes], most: int) -> Iterable[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for piece in pieces:
        if batch and size + len(piece) > most:
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += len(piece) + 1
    if batch:
        yield batch


def _measured(piece: bytes) -> bool:
    return piece[:1] != b"#"


def _write(store: Store, batch: list[bytes], *, new_write: bool) -> int:
    """One batch, with a SYNC before it if one is due; returns the number of SYNC lines."""
    syncs = 0
    lead = store.lead
    if not store.synced:
        sync = f"SYNC {hash_name(store.alg)}/{store.value.hex()}".encode()
        if store.in_kernel:
            _make(store, lead, [sync])
            lead = b"\n"
        else:
            batch = [sync, b"", *batch]
        syncs, new_write = 1, True
    _make(store, lead if new_write else b"", batch)
    return syncs


def _make(store: Store, lead: bytes, batch: list[bytes]) -> None:
    data = lead + b"".join(piece + b"\n" for piece in batch)
    measured = [piece for piece in batch if piece and _measured(piece)]
    store.make(data, hashing.backend().digests(store.alg, measured))


def _door(folder: str) -> str | None:
    """The file by which a kernel with the RFC's storage layer takes lines. It has had two names."""
    doors = (os.path.join(folder, name) for name in ("append_event", "append_log"))
    return next((door for door in doors if os.path.exists(door)), None)


def _knock(door: str, pieces: list[bytes]) -> None:
    """Let the kernel do all of it, a page at a time."""
    from evlog.errors import SourceError

    try:
        for batch in _batches(pieces, _PAGE):
            handle = os.open(door, os.O_WRONLY)
            try:
                os.write(handle, b"\n".join(batch) + b"\n")
            finally:
                os.close(handle)
    except OSError as error:
        raise SourceError(f"{door}: {(error.strerror or str(error)).lower()}") from error
