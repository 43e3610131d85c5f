"""Append lines to a register's log and extend it: the storage layer of the kernel RFC, in user space.

Spec: kernel RFC "tsm: Unified Measurement Register ABI", patch 2/3, ``append_event``: input is split at CR and LF,
pieces are stripped of what the kernel takes for white space, empty ones dropped, comments stored, everything else
hashed, extended and stored; a SYNC line comes first whenever the register may have moved without the log, and a blank
line before every write.

Beside a TPM the log is of one bank, and every other active bank is extended by its own hash of the line: a bank that
is left out would stand still, and lie. SYNC states the value of the log's bank.
"""

from __future__ import annotations

import os
import re

from evlog import hashing
from evlog._record import Record
from evlog.algorithms import SHA256, HashAlg
from evlog.errors import UsageError
from evlog.formats import room
from evlog.live import kernel, open_device
from evlog.live.sites import DeviceSite, FolderSite
from evlog.live.writer import Writer
from evlog.registers import Register
from evlog.tree import folder_name, members, register_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from evlog.live.device import Device, Member

__all__ = ["Appended", "append"]

_SPACE = b"\t\n\v\f\r \xa0"
_ENDS = re.compile(rb"[\r\n]+")
_MOST = 1 << 16  # bytes of one change: a journal must not grow without bound
_PAGE = 4095
_SHOWN = 40  # bytes of a line in an error
_NAMED = 8  # registers that an error names
_SYNCS = 3  # that are tried while others extend
#: PCRs that have a log of their own already, by who extends them.
_TAKEN = {
    **dict.fromkeys(range(10), "the firmware and the boot loader"),
    10: "IMA",
    **dict.fromkeys(range(11, 16), "systemd"),
}


class Appended(Record):
    """What an append did: lines stored, events among them (a SYNC counts), SYNC lines written, the register's value.

    ``warnings`` are sentences: lines of which nobody can tell whether they were extended, a register that others move.
    """

    lines: int
    events: int
    syncs: int
    value: bytes
    warnings: tuple[str, ...] = ()


def append(
    target: str | os.PathLike[str] | Device,
    register: str,
    lines: Iterable[bytes | str],
    *,
    log: str | os.PathLike[str] | None = None,
    hash: str | None = None,
    raw: bool = False,
    force: bool = False,
) -> Appended:
    """Append lines to the log of a register and extend it: what has returned will not be lost.

    ``target`` is a tree with a folder for each register, which has its log; or a device (`evlog.live.open_device`: a
    TPM, a ``measurements`` folder), and the log is the file ``log``. ``register`` is the name of a register there.
    ``hash`` is the bank of a log beside a TPM (sha256), or chooses one of a register with two files. All lines are one
    write, unless they are more than 64 KiB. Safe against kills at any moment and other writers; costs the same whatever
    the log's length.

    Raises SourceError for what is absent, read-only, full or does not answer (what was not stored was not extended, or
    the next call finishes it), UsageError for a register that takes no extension from here, for a PCR that others log
    unless ``force``, and unless ``raw`` for a line that looks like a statement of the register's value (INIT, SYNC,
    ``# .EXTEND``): it would be taken for one by whoever reads the log.
    """
    text = b"\n".join(line.encode() if isinstance(line, str) else bytes(line) for line in lines)
    pieces = [piece for piece in (raw.strip(_SPACE) for raw in _ENDS.split(text)) if piece]
    if not raw:
        _refuse_statements(pieces)
    device = open_device(target) if isinstance(target, (str, os.PathLike)) else target
    if device.id == "tree":
        if log is not None or hash is not None:
            raise UsageError(f"{device.name}: a tree has its registers' logs and hashes: no log or hash can be given")
        return _to_folder(_folder(device.name, register), pieces)
    if log is None:
        raise UsageError(f"{device.name}: its registers have no log of their own: say which file is (--log)")
    member, alg = _member(device, register, hash, force=force)
    return _to_site(DeviceSite(device, member, alg, os.fspath(log)), pieces)


def _to_folder(folder: str, pieces: list[bytes]) -> Appended:
    door = _door(folder) if kernel.in_kernel(folder) else None
    if door is not None:
        with Writer(FolderSite(folder)) as writer:
            _knock(door, pieces)
            return Appended(len(pieces), sum(map(_measured, pieces)), 0, writer.value)
    return _to_site(FolderSite(folder), pieces)


def _to_site(site: FolderSite | DeviceSite, pieces: list[bytes]) -> Appended:
    with Writer(site) as writer:
        # What is extended one by one is one line each; a plain file's new value can stand for many.
        most = 1 if site.lasting else _MOST
        syncs = 0
        for number, batch in enumerate(_batches(pieces, most)):
            syncs += _write(writer, batch, new_write=number == 0)
        return Appended(
            len(pieces) + syncs,
            sum(map(_measured, pieces)) + syncs,
            syncs,
            writer.value,
            tuple(_warnings(writer, appended=bool(pieces))),
        )


def _warnings(writer: Writer, *, appended: bool) -> Iterable[str]:
    yield from writer.notes
    if writer.doubts:
        lines = f"{writer.doubts} line{'s' * (writer.doubts > 1)} of an append that was stopped while others extended"
        yield f"{lines}: whether they were extended nobody can tell; they are comments in the log (in doubt)"
    if appended and not writer.synced:
        yield "others extend the register: the log does not lead to its value, and the next append will state it (SYNC)"


def _member(device: Device, name: str, hash: str | None, *, force: bool) -> tuple[Member, HashAlg]:
    """The register of a device and the bank of its log. Raises UsageError for one that must not be extended."""
    found = [each for each in device.members() if each.name == name] or _named(device, name)
    wanted = HashAlg.named(hash) if hash is not None else None
    if wanted is not None and not any(wanted in each.banks for each in found):
        raise UsageError(f"{device.name}: no bank {wanted} of {name} there; there are {_banks(found)}")
    found = [each for each in found if wanted is None or wanted in each.banks]
    if len(found) > 1:
        raise UsageError(f"{device.name}: {name} is {' and '.join(each.name for each in found)}: say which (--hash)")
    (member,) = found
    if device.id == "tpm":
        _refuse_taken(device, member, force=force)
        alg = wanted or SHA256
        if alg not in member.banks:
            raise UsageError(f"{device.name}: no bank {alg}; there are {_banks(found)} (--hash)")
    elif member.kind != "extensible":
        raise UsageError(f"{device.name}: {member.name}: this register takes no extension from here")
    else:
        alg = member.banks[0]
    for bank in member.banks:
        if not hashing.backend().computable(bank):
            raise UsageError(f"{device.name}: it has a bank of {bank}, which cannot be computed here")
    return member, alg


def _named(device: Device, name: str) -> list[Member]:
    """The members that a name means, as a device or as evlog spells it. Raises UsageError if there are none."""
    known = device.members()
    try:
        register = Register.parse(name)
    except UsageError:
        register = register_named(name)
    found = [each for each in known if each.register == register or each.name.partition(":")[0] == name]
    if not found:
        there = ", ".join(each.name for each in known[:_NAMED]) + (" and more" if known[_NAMED:] else "")
        raise UsageError(f"{device.name}: no register {name!r} there; there are {there or 'none'}")
    return found


def _banks(found: list[Member]) -> str:
    return ", ".join(dict.fromkeys(str(alg) for each in found for alg in each.banks)) or "none"


def _refuse_taken(device: Device, member: Member, *, force: bool) -> None:
    if force:
        return
    if member.kind == "closed":
        what = "this register takes no extension from here: it is for a dynamic launch"
        raise UsageError(f"{device.name}: PCR {member.name}: {what} (--force asks the TPM all the same)")
    index = member.register.number
    if index in _TAKEN:
        what = f"it is extended by {_TAKEN[index]}, and a second log would explain neither"
        raise UsageError(f"{device.name}: PCR {index}: {what}; 16 and 23 are free (--force extends it all the same)")


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
        names = [name for name in dict.fromkeys(each.name for each in known) if os.path.isdir(os.path.join(tree, name))]
        there = ", ".join(names[:_NAMED]) + (" and more" if names[_NAMED:] else "")
        raise UsageError(f"{tree}: no folder of a register {register!r} in there; there are {there or 'none'}")
    return _own(tree, folder)


def _own(tree: str, folder: str) -> str:
    """The folder, if it is the tree's own. The kernel links folders to where their devices are; nobody else may."""
    real = os.path.realpath(folder)
    if not real.startswith(os.path.join(os.path.realpath(tree), "")) and not kernel.in_kernel(real):
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


def _write(writer: Writer, batch: list[bytes], *, new_write: bool) -> int:
    """One batch, with a SYNC before it if one is due; returns the number of SYNC lines."""
    syncs = 0
    if not writer.synced and writer.site.lasting:
        # Others may extend between the value's reading and its statement, which then is an old one.
        while not writer.synced and syncs < _SYNCS:
            _make(writer, writer.lead, [writer.statement])
            syncs, new_write = syncs + 1, True
    elif not writer.synced:
        batch = [writer.statement, b"", *batch]
        syncs, new_write = 1, True
    _make(writer, writer.lead if new_write else b"", batch)
    return syncs


def _make(writer: Writer, lead: bytes, batch: list[bytes]) -> None:
    data = lead + b"".join(piece + b"\n" for piece in batch)
    writer.make(data, [piece for piece in batch if piece and _measured(piece)])


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
