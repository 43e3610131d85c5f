"""A tree of measurement registers: a folder for each, with its value, its hash and its log.

Source: kernel RFC "tsm: Unified Measurement Register ABI", patches 1 and 2 of 3, and what followed it: version 3
(``<mr>/<hash>/digest``), tsm-mr of Linux 6.16 (flat files ``<mr>:<hash>``, no log) and the configfs proposal
(``<mr>/{index,digest,tcg_map}``). No root is assumed: a tree may be the kernel's, or a copy of it anywhere.

    <mr>/digest         the value in binary; in a copy perhaps in hex
    <mr>/hash_algo      the kernel's name of the hash
    <mr>/event_log      the textual log; `evlog split` puts any log here
    <mr>                a flat file: a register that never changes, such as MRTD, RIM or a launch digest
    <mr>:<hash>         a flat file of tsm-mr: by its mode one that is extended by a write, or one that takes none from
                        here, which does not mean that it never changes

A register known by name alone may have any name, and a file may not: on some system a letter's case does not count, a
colon or a backslash is more than a letter, or a name is a device's. So what is not a small letter, a digit or one of
``-._`` stands as ``%`` and two hex digits for each byte of its UTF-8, and so does the first letter of a name that would
mean something else: ``mr:pcr4`` is ``%70cr4``, ``mr:a/b`` is ``a%2Fb``.
"""

from __future__ import annotations

import os

from evlog._record import Record, attrgetter
from evlog.algorithms import ALGORITHMS, HashAlg
from evlog.errors import SourceError, UsageError
from evlog.registers import Register, Registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "LOG",
    "Member",
    "flat_bank",
    "flat_kind",
    "folder_name",
    "hash_name",
    "is_flat",
    "is_tree",
    "may_hold",
    "member_of_log",
    "members",
    "register_named",
    "values",
]

LOG = "event_log"
DIGEST = "digest"
HASH = "hash_algo"

_MOST = 4096  # bytes of a value, a name or an index
_DEPTH = 3  # folders between the root and a register: /sys/kernel/tsm/<provider>/<mr>
_WIDTH = 1024  # entries of a folder that may hold registers, or such folders
_LONGEST = 200  # bytes of a folder's name, which leaves room for what is put behind it
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
#: What Windows takes for a device, whatever follows a dot.
_DEVICES = frozenset(("con", "prn", "aux", "nul", "clock$", "conin$", "conout$")).union(
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
)
_STATIC = {"mrtd": "tdx", "rim": "cca"}
_PLATFORM = {**_STATIC, "mrconfigid": "tdx", "mrowner": "tdx", "mrownerconfig": "tdx"}
_COUNTED = ("rtmr", "rem")
#: Flat files as long as a digest that are none.
_FREE_FORM = frozenset(("mrconfigid", "mrowner", "mrownerconfig", "user_data", "host_data", "report_data"))


class Member(Record):
    """A register of a tree: its name there, the register, its bank and value if the tree has them, its log's path.

    ``kind`` is "extensible", "static" (no event extends it) or "closed": it takes no extension from here, and nothing
    says whether it stays as it is.
    """

    name: str
    register: Register
    alg: HashAlg | None = None
    value: bytes | None = None
    log: str | None = None
    kind: str = "extensible"

    @property
    def static(self) -> bool:
        """Whether no event extends it."""
        return self.kind == "static"


def register_named(name: str) -> Register:
    """The register that a folder or file of this name is: ``rtmr3``, ``pcr14``, ``mrtd``; others by name alone."""
    plain = name.partition(":")[0]
    spelled = _unescaped(plain) if "%" in plain else None
    if spelled is not None and _escaped(spelled) == plain:
        return Register("mr", spelled)
    return _meant(plain)


def _meant(plain: str) -> Register:
    try:
        register = Register.parse(plain.replace("nv0x", "nv:0x"))
    except UsageError:
        return Register("mr", plain)
    return Register("mr", plain) if plain[:1].isdecimal() else register


def folder_name(register: Register) -> str:
    """The name of a register's folder, which no other register has: `register_named` gives the register again.

    Raises UsageError for a name of nothing, or one that is too long for a file's.
    """
    if register.space != "mr":
        return str(register).replace(":", "", 1)
    name = _escaped(str(register.index))
    if not name or len(name) > _LONGEST:
        raise UsageError(f"register {str(register)[:40]!r} cannot name a folder: a name of 1 to {_LONGEST} bytes can")
    return name


def _escaped(text: str) -> str:
    name = "".join(c if c in _PLAIN else _percent(c) for c in text)
    if name[-1:] == ".":
        name = name[:-1] + _percent(".")
    taken = name[:1] == "." or name.partition(".")[0] in _DEVICES or name in _PLATFORM or name in _FREE_FORM
    if name[:1] not in ("", "%") and (taken or _meant(name) != Register("mr", name)):
        name = _percent(name[0]) + name[1:]
    return name


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _unescaped(name: str) -> str | None:
    """The text that an escaped name stands for, or None if it stands for none."""
    first, *rest = name.encode("utf-8", "surrogatepass").split(b"%")
    try:
        data = first + b"".join(bytes.fromhex(part[:2].decode("ascii")) + part[2:] for part in rest)
        return data.decode("utf-8", "surrogatepass")
    except ValueError:
        return None


def hash_name(alg: HashAlg) -> str:
    """The kernel's name of a hash."""
    return "sm3" if alg.name == "sm3_256" else alg.name.replace("_", "-")


def platform_of(found: tuple[Member, ...]) -> str | None:
    """The platform that a tree's names tell of."""
    return next((_PLATFORM[member.name] for member in found if member.name in _PLATFORM), None)


def is_tree(path: str) -> bool:
    """Whether a path is a folder with registers, or of one: those of one machine, so each has one log."""
    if not os.path.isdir(path):
        return False
    try:
        found = members(path)
    except SourceError:
        return False
    logs = [member.register for member in found if member.log is not None]
    return bool(found) and len(set(logs)) == len(logs)


def members(path: str) -> tuple[Member, ...]:
    """The registers of a tree, or of one register's folder, in order. Raises SourceError for an unreadable folder."""
    path = os.path.abspath(path)
    found = _folder(path, 0)
    return tuple(sorted(found, key=lambda member: (member.register.sort_key, member.name)))


def member_of_log(path: str) -> Member | None:
    """The register whose ``event_log`` a path is, if its folder says anything about it."""
    folder, name = os.path.split(os.path.abspath(path))
    if name != LOG or not (_is_file(folder, DIGEST) or _is_file(folder, HASH)):
        return None
    return next(iter(_register(folder)), None)


def values(path: str) -> Registers:
    """The values of a tree's registers, to verify its logs against."""
    table = {(m.register, m.alg): m.value for m in members(path) if m.alg is not None and m.value is not None}
    return Registers(table, path)


def may_hold(files: Iterable[str]) -> bool:
    """Whether a folder with these files and no folders may have a register, by their names."""
    return any(_tells(name) or name.lower() in (DIGEST, LOG) for name in files)


def _tells(name: str) -> bool:
    """Whether a file of this name may be a register, whatever is beside it."""
    return ":" in name or name in _PLATFORM or name.startswith(_COUNTED)


def _folder(path: str, depth: int) -> list[Member]:
    entries = _scanned(path)
    named = any(entry.name.lower() in (DIGEST, LOG) for entry in entries)
    if named and (_is_file(path, DIGEST) or _is_file(path, LOG)):
        return _register(path)
    found: list[Member] = []
    flat = []
    for entry in entries if len(entries) <= _WIDTH else ():
        name = entry.name
        if _is(entry.is_dir):
            # The kernel links folders to their parents.
            if depth < _DEPTH and not (_is(entry.is_symlink) and name in ("subsystem", "device", "driver")):
                found += _folder(entry.path, depth + 1)
        elif not name.startswith(".") and _is(entry.is_file):
            # A pipe would be waited for.
            flat.append(name)
    beside = bool(found)
    for name in flat:
        if (beside or _tells(name)) and name not in _FREE_FORM:
            found += _flat(path, name)
    return found


def _scanned(path: str) -> list[os.DirEntry[str]]:
    """What is in a folder, in the order of names; a listing tells most of what is asked of an entry."""
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=_name)
    except OSError as error:
        raise _unlisted(path, error) from error


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError:
        return False


def _register(folder: str) -> list[Member]:
    """The register of a folder, once for each bank of which it has the value."""
    name = os.path.basename(folder)
    register = register_named(name)
    if register.space == "mr" and _is_file(folder, "index"):
        number = _small(folder, "index").strip()
        register = Register("rtmr", int(number)) if number.isdigit() and len(number) < 4 else register
    log = os.path.join(folder, LOG) if _is_file(folder, LOG) else None
    stated = _small(folder, HASH).decode("utf-8", "replace").strip() if _is_file(folder, HASH) else ""
    alg = _hash(stated or name.partition(":")[2])
    kind = "static" if name in _STATIC else "extensible"
    found = []
    if _is_file(folder, DIGEST):
        alg, value = _value(_small(folder, DIGEST), alg)
        found.append(Member(name, register, alg, value, log, kind))
    elif log is not None:
        found.append(Member(name, register, alg, None, log, kind))
    for inner in _entries(folder):
        if _is_file(folder, inner, DIGEST):
            other = _hash(inner)
            if other is not None and other != alg:
                other, value = _value(_small(folder, inner, DIGEST), other)
                found.append(Member(name, register, other, value, None, kind))
    return found


def _flat(folder: str, name: str) -> list[Member]:
    """A flat file that is as long as a digest, or whose name has the hash; anything else is no register."""
    plain, _, suffix = name.partition(":")
    try:
        data = _small(folder, name)
        alg, value = _value(data, _hash(suffix))
    except SourceError:
        return []
    if alg is None or value is None:
        return []
    # The RFC has files for what never changes, and folders for the rest; tsm-mr has files for both.
    counted = suffix or plain.startswith(_COUNTED)
    kind = flat_kind(plain, writable=_writable(folder, name)) if counted else "static"
    return [Member(plain, register_named(plain), alg, value, None, kind)]


def flat_kind(plain: str, *, writable: bool) -> str:
    """What a file of tsm-mr is, by its name without the hash, and its mode.

    A register that is live and not extended from here has the same mode as one that never changes.
    """
    if plain in _PLATFORM:
        return "static"
    return "extensible" if writable else "closed"


def flat_bank(name: str) -> HashAlg | None:
    """The hash that a file of tsm-mr has in its name, if it has one that is known."""
    return _hash(name.partition(":")[2])


def is_flat(path: str) -> bool:
    """Whether a path is a folder as tsm-mr has it: files with their hash in the name, and no folder for a register."""
    try:
        names = os.listdir(path)
    except OSError:
        return False
    if len(names) > _WIDTH or not any(flat_bank(name) and _is_file(path, name) for name in names):
        return False
    return not any(_is_file(path, name, DIGEST) or _is_file(path, name, LOG) for name in names)


def _writable(*parts: str) -> bool:
    try:
        return bool(os.stat(os.path.join(*parts)).st_mode & 0o222)
    except OSError:
        return False


def _value(data: bytes, alg: HashAlg | None) -> tuple[HashAlg | None, bytes | None]:
    """The value in a ``digest`` file and its hash: in binary, or in hex where that has the hash's length."""
    sizes = {alg.size} if alg is not None else {known.size for known in ALGORITHMS.values()}
    if len(data) not in sizes:
        try:
            text = bytes.fromhex(data.decode("ascii"))
        except ValueError:
            text = b""
        if len(text) not in sizes:
            return alg, None
        data = text
    return alg or HashAlg.of_size(len(data)), data


def _hash(name: str) -> HashAlg | None:
    try:
        return HashAlg.named(name) if name else None
    except UsageError:
        return None


def _entries(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise _unlisted(path, error) from error


def _unlisted(path: str, error: OSError) -> SourceError:
    return SourceError(f"{path}: {(error.strerror or str(error)).lower()}")


def _is_file(*parts: str) -> bool:
    return os.path.isfile(os.path.join(*parts))


def _small(*parts: str) -> bytes:
    path = os.path.join(*parts)
    try:
        with open(path, "rb") as file:
            return file.read(_MOST)
    except OSError as error:
        raise _unlisted(path, error) from error


_name = attrgetter("name")
