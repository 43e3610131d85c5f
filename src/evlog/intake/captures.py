"""Captures: what `evlog capture` gathered on a machine, in one tar, as one reads it elsewhere.

Contract: schemas/evlog.capture.schema.json for ``manifest.json``, which comes first; behind it the members that it
lists, each the bytes of one file: ``registers/before`` and ``after``, ``quotes``, ``logs``, ``facts``. What stands in
the manifest is a statement of whoever wrote it: its hashes tell of accidents, and nothing in it authenticates anything.

Nothing is written anywhere, no link is followed, and what does not keep to the layout is refused.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.errors import ParseError, UsageError
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from evlog.intake.budget import Budget
    from evlog.intake.files import Source
    from evlog.model import Log
    from evlog.options import Options

__all__ = [
    "LONGEST_NAME",
    "MANIFEST",
    "MOST_BYTES",
    "MOST_MEMBERS",
    "SCHEMA",
    "Capture",
    "captured_device",
    "captured_logs",
    "opened",
    "read_capture",
    "whole",
]

SCHEMA = "evlog.capture/1"
MANIFEST = "manifest.json"
MOST_MEMBERS, MOST_BYTES, LONGEST_NAME = 1000, 1 << 28, 200
MOST_MANIFEST = 1 << 20
_BLOCK = 512
#: The name in the header of a tar's first file.
_FIRST = MANIFEST.encode() + b"\0"
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
#: Folders of a capture, and of nothing else that begins with a manifest.
_FOLDERS = ("registers/before/", "registers/after/")
_LOGS = "logs/"
_FAMILY = "evlog.capture/"


class Capture(Record):
    """A capture: its manifest, and its members by name in their order, without the manifest.

    ``findings`` are errors: a member that is not what the manifest says, that it does not list, or that is missing.
    """

    manifest: Mapping[str, Any]
    members: Mapping[str, bytes]
    findings: tuple[Finding, ...] = ()
    name: str = ""

    @property
    def logs(self) -> tuple[str, ...]:
        """The names of the logs, in the order in which they were taken; an empty one is none."""
        return tuple(name for name, data in self.members.items() if name.startswith(_LOGS) and data)

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of the devices whose registers were read or quoted: tpm0, tdx_guest."""
        found = (name.split("/") for name in self.members)
        read = (parts[2].removesuffix(".json") for parts in found if len(parts) == 3 and parts[0] == "registers")
        signed = (name for name in self.members if name.startswith("quotes/") and name.endswith(".msg"))
        return tuple(dict.fromkeys((*read, *(name[7:-4].partition("-")[0] for name in signed))))

    def of(self, name: str) -> Mapping[str, Any]:
        """What the manifest says of a member."""
        listed = self.manifest["members"]
        return next((each for each in listed if each["name"] == name), {})


def read_capture(source: Source) -> Capture | None:
    """The capture that a path, bytes or a file is; None if it is something else.

    Raises SourceError for what cannot be opened, ParseError for a capture that does not keep to its layout.
    """
    from evlog.intake.files import load

    data, name = load(source)
    return opened(data, name)


def opened(data: bytes, name: str = "", budget: Budget | None = None) -> Capture | None:
    """The capture that the bytes are, also compressed; None if they are something else.

    Raises ParseError for a capture that does not keep to its layout, or has more members or bytes than any.
    """
    if bytes(data[:2]) == _PACKED[0] or bytes(data[:4]) == _PACKED[1]:
        data = _unpacked(data, budget)
    if bytes(data[: len(_FIRST)]) != _FIRST or bytes(data[257:262]) != b"ustar":
        return None
    if len(data) > MOST_BYTES + 2 * _BLOCK * (MOST_MEMBERS + 1):
        raise ParseError(f"a capture of {len(data)} bytes, at most {MOST_BYTES}", offset=0)
    return _read(bytes(data), name)


def _unpacked(data: bytes, budget: Budget | None) -> bytes:
    """What a stream unpacks to, if it begins as a capture does; nothing else is unpacked."""
    from evlog.intake import packed

    if not packed.head(data, _BLOCK).startswith(_FIRST):
        return b""
    if budget is None:
        from evlog.intake.budget import Budget

        budget = Budget()
        budget.give(len(data))
    for place in packed.places(data, budget):
        for layer in place.layers:
            return layer.data
    return b""


def _read(data: bytes, name: str) -> Capture | None:
    entries: list[tuple[str, bytes]] = []
    problems: list[str] = []
    found: list[Finding] = []
    try:
        for member, problem, body, at in _members(data):
            problems += [f"{problem} ({at:#x})"] if problem else []
            entries.append((member, body))
    except ParseError as error:
        found.append(Finding("capture_cut", "error", f"the capture is cut: {error.message}", offset=error.offset))
    first = entries[0][1] if entries else b""
    if not any(member.startswith(_FOLDERS) for member, _ in entries) and _FAMILY.encode() not in first:
        return None  # an archive of somebody else's
    if problems:
        raise ParseError(f"a capture with {problems[0]}", offset=0)
    manifest = _manifest(first)
    members = dict(entries[1:])
    found += _compared(manifest, members)
    return Capture(manifest, members, tuple(found), name)


def _members(data: bytes) -> Iterator[tuple[str, str, bytes, int]]:
    """Each member: name, what is wrong with it or "", bytes, and where. Raises ParseError for what ends the archive."""
    from evlog.intake.archives import FILES, tar_entries

    names: set[str] = set()
    size = 0
    for number, entry in enumerate(tar_entries(data)):
        name = entry.name.decode("latin-1")
        shown = name[:LONGEST_NAME].encode("unicode_escape").decode()
        problem = ""
        size += entry.size
        if number > MOST_MEMBERS:
            yield name, f"more than {MOST_MEMBERS} members", b"", entry.at
            return
        if not entry.kind or entry.kind not in FILES:
            problem = f"a member that is no plain file: {shown}"
        elif not 0 < len(name) <= LONGEST_NAME or not all(" " < letter <= "~" for letter in name):
            problem = f"a member whose name is not 1 to {LONGEST_NAME} printable letters: {shown}"
        elif name[0] == "/" or any(step in ("", ".", "..") for step in name.split("/")):
            problem = f"a member whose name leads elsewhere: {shown}"
        elif name in names:
            problem = f"two members of one name: {shown}"
        elif size > MOST_BYTES:
            problem = f"members of more than {MOST_BYTES} bytes"
        names.add(name)
        yield name, problem, b"" if problem else data[entry.start : entry.start + entry.size], entry.at
        if problem:
            return


def _manifest(data: bytes) -> Mapping[str, Any]:
    """The manifest, in which everything that is asked for is of its type. Raises ParseError."""
    import json

    if len(data) > MOST_MANIFEST:
        raise ParseError(f"a capture's manifest of {len(data)} bytes, at most {MOST_MANIFEST}", offset=0)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ParseError("a capture's manifest that is no JSON", offset=0, where=MANIFEST) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        said = found.get("schema") if isinstance(found, dict) else None
        known = isinstance(said, str) and said.startswith(_FAMILY) and said.isprintable()
        what = f"of another version ({said[:40]})" if known and isinstance(said, str) else f"not {SCHEMA}"
        raise ParseError(f"a capture's manifest {what}", offset=0, where=MANIFEST)
    members = found.get("members")
    if not isinstance(members, list) or len(members) > MOST_MEMBERS:
        raise ParseError(f"a list of at most {MOST_MEMBERS} members was expected", offset=0, where="manifest.members")
    for number, each in enumerate(members):
        if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("name", "sha256")):
            raise ParseError("a name and a sha256 were expected", offset=0, where=f"manifest.members[{number}]")
    return found


def _compared(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> Iterator[Finding]:
    """What of the members is not as the manifest says."""
    from evlog import hashing
    from evlog.algorithms import SHA256

    listed: dict[str, str] = {}
    for each in manifest["members"]:
        name = each["name"][:LONGEST_NAME]
        if name in listed:
            yield Finding("capture_member_listed_twice", "error", f"the manifest lists {name} twice")
        listed[name] = each["sha256"]
    for name, data in members.items():
        if name not in listed:
            yield Finding("capture_member_unlisted", "error", f"{name} is not in the capture's manifest")
        elif hashing.digest(SHA256, data).hex() != listed[name]:
            yield Finding("capture_member_changed", "error", f"{name} is not what the manifest's SHA-256 is of")
    for name in listed:
        if name not in members:
            yield Finding("capture_member_missing", "error", f"{name} is in the manifest and not in the capture")


def whole(capture: Capture) -> Capture:
    """The capture, if all of it is as its manifest says. Raises ParseError with what is not."""
    if capture.findings:
        more = len(capture.findings) - 1
        said = f" (and {more} more)" if more else ""
        raise ParseError(f"a damaged capture: {capture.findings[0].message}{said}", offset=capture.findings[0].offset)
    return capture


def captured_logs(capture: Capture, options: Options, format: str | None = None) -> list[Log]:
    """The logs of a capture, in the order in which a boot wrote them; of several TPMs those of one.

    ``options.member`` is the name of one log, or of the TPM that is meant (``tpm1``). Raises ParseError for a log that
    nobody can read, UsageError for a member that is none, and where there are several TPMs.
    """
    from evlog.intake.identify import read_bytes

    logs = []
    for name in _wanted(capture, options.member):
        said = capture.of(name)
        try:
            log = read_bytes(capture.members[name], format, _options(options, said, f"{capture.name}/{name}"))
        except ParseError as error:
            error.message = f"{name}: {error.message}"
            raise
        logs.append(log)
    if not logs:
        raise ParseError("a capture without a log", offset=0)
    return logs


def captured_device(capture: Capture, member: str | None = None) -> str | None:
    """The TPM that is meant, by its name or by that of one of its logs; None if there is none in the capture.

    Raises UsageError where there are several, and ``member`` tells none of them.
    """
    from evlog.intake.sources import chosen_device

    path = member.removeprefix("/") if member is not None else ""
    own = _device(path) if path.startswith(_LOGS) else path
    return chosen_device([*capture.devices, *map(_device, capture.logs)], own)


def _wanted(capture: Capture, member: str | None) -> tuple[str, ...]:
    """The names of the logs that are meant."""
    logs = capture.logs
    if member is not None:
        path = member.removeprefix("/")
        if path in logs:
            return (path,)
        if path not in {_device(name) for name in logs}.union(capture.devices):
            known = ", ".join((*logs, *sorted({_device(name) for name in logs if _device(name)})))
            raise UsageError(f"no log {path} in the capture: there are {known}")
    own = captured_device(capture, member)
    return tuple(name for name in logs if _device(name) in ("", own))


def _device(name: str) -> str:
    """The TPM that a log is of, "" for what is of the machine."""
    step = name.split("/")[1]
    return step if step[:3] == "tpm" and step[3:].isdigit() else ""


def _options(options: Options, said: Mapping[str, Any], name: str) -> Options:
    """How a log is read: as the caller says, else as the manifest does of what its bytes do not tell."""
    from evlog.algorithms import HashAlg
    from evlog.registers import Register

    mode = said.get("mode")
    sticky = (
        isinstance(mode, str) and mode.strip("01234567") == "" and 0 < len(mode) < 8 and bool(int(mode, 8) & 0o1000)
    )
    reading = said.get("reading")
    reading = reading if isinstance(reading, dict) else {}
    register, hashed = reading.get("register"), reading.get("hash")
    try:
        if isinstance(hashed, str):
            HashAlg.named(hashed)
        stated = Register.parse(register) if isinstance(register, str) else None
    except UsageError as error:
        raise ParseError(f"the manifest's reading of a log: {error}", offset=0, where=MANIFEST) from error
    return options.replace(
        name=name,
        member=None,
        sticky=sticky,
        register=options.register or stated,
        hash=options.hash or (hashed if isinstance(hashed, str) else None),
    )
