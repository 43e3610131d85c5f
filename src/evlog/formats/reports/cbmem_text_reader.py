"""The reader of `evlog.formats.reports.cbmem_text`, imported when there is something to read."""

from __future__ import annotations

import re

from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.formats.reports.account import Account, digest_of, is_bank
from evlog.formats.tcg.frame import register_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.model import Content, Digest, Log

    #: A line without its level and end, and the bytes where it starts and ends.
    Line = tuple[str, int, int]

__all__ = ["OWN", "heading", "log_of"]

_LEVEL = rb"(?:\x1b\[[0-9;]*m)*(?:\[[A-Z]{3,6} *\] *)?"
#: A heading and the beginning of the first entry, not far behind it.
OWN = re.compile(
    rb"(?m)^" + _LEVEL + rb"coreboot (?:TCPA|TPM) log(?: measurements)?:[ \t]*\r?\n"
    rb"(?:" + _LEVEL + rb"[^\n]{0,256}\n){0,8}?" + _LEVEL + rb" *PCR-\d{1,10} [0-9a-fA-F]{40,128} [A-Z0-9_-]{1,10} \["
)
_STANDARD = re.compile(
    rb"(?m)^"
    + _LEVEL
    + rb"(?:TCPA|TPM2) log:[ \t]*\r?\n(?:[^\n]{0,256}\n){0,8}?(?:TCPA|TPM2) log entry 1:[ \t]*\r?\n\s*PCR: "
)
_NEEDLES = (
    (b"coreboot TPM log", OWN),
    (b"coreboot TCPA log", OWN),
    (b"TPM2 log:", _STANDARD),
    (b"TCPA log:", _STANDARD),
)
_TRIES = 8
_FAR = 2048
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_PREFIX = re.compile(r"\[[A-Z]{3,6} *\] ? ?")
_HEADING = re.compile(r"coreboot (?:TCPA|TPM) log(?: measurements)?:\s*")
_ENTRY = re.compile(r"\s*PCR-(\d{1,10}) ([0-9a-fA-F]+) (\S+) \[(.*)\]\s*")
_BEGUN = re.compile(r"\s*PCR-\d+ ")
_NUMBERED = re.compile(r"(?:TCPA|TPM2) log entry (\d{1,9}):\s*")
_MEMBER = re.compile(r"\s*([A-Za-z][A-Za-z0-9 ]*?): ?(.*)")
_UNKNOWN = re.compile(r"Unknown \((0x[0-9a-fA-F]{1,8}) >= \d+\)")

#: cbmem's words for the types that it knows.
_TYPES = {
    "Reserved": "EV_PREBOOT_CERT",
    "POST code": "EV_POST_CODE",
    "Unused": "EV_UNUSED",
    "No action": "EV_NO_ACTION",
    "Separator": "EV_SEPARATOR",
    "Action": "EV_ACTION",
    "Event tag": "EV_EVENT_TAG",
    "S-CRTM contents": "EV_S_CRTM_CONTENTS",
    "S-CRTM version": "EV_S_CRTM_VERSION",
    "CPU microcode": "EV_CPU_MICROCODE",
    "Platform configuration flags": "EV_PLATFORM_CONFIG_FLAGS",
    "Table of devices": "EV_TABLE_OF_DEVICES",
    "Compact hash": "EV_COMPACT_HASH",
    "IPL": "EV_IPL",
    "IPL partition data": "EV_IPL_PARTITION_DATA",
    "Non-host code": "EV_NONHOST_CODE",
    "Non-host configuration": "EV_NONHOST_CONFIG",
    "Non-host information": "EV_NONHOST_INFO",
    "Omit boot device events": "EV_OMIT_BOOT_DEVICE_EVENTS",
}


def heading(data: bytes) -> tuple[int, re.Pattern[bytes]] | None:
    """Where the first heading stands, and of which form it is."""
    for needle, pattern in _NEEDLES:
        at = data.find(needle)
        for _ in range(_TRIES):
            if at < 0:
                break
            line = data.rfind(b"\n", max(0, at - 64), at) + 1 if at else 0
            found = pattern.match(data[line : line + _FAR]) if line or at < 64 else None
            if found is not None:
                # What has zeros in it is an archive of texts, or a memory, and not one text.
                return (line, pattern) if b"\0" not in data else None
            at = data.find(needle, at + 1)
    return None


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no entry in it."""
    found = heading(data)
    if found is None:
        raise ParseError("no heading of a TPM log with an entry behind it", offset=0)
    start, form = found
    try:
        if form is OWN:
            _own(account, data, start)
        else:
            _standard(account, data, start)
    except ParseError as error:
        account.stop(error)
    dropped = "" if form is OWN else "the Spec ID event"
    return account.log("cbmem", dropped, offset=start)


def _lines(data: bytes, start: int) -> Iterator[Line]:
    """The lines from a byte on, without the colours and levels of a console."""
    position, end = start, len(data)
    while position < end:
        begin = position
        position = data.find(b"\n", begin) + 1 or end
        text = data[begin:position].decode("utf-8", "backslashreplace").rstrip("\r\n")
        if text[:1] in ("\x1b", "["):
            text = _PREFIX.sub("", _ESCAPES.sub("", text), count=1)
        yield text, begin, position


def _own(account: Account, data: bytes, start: int) -> None:
    """coreboot's own log: of several listings the last, which is longer than those before it on the same boot."""
    listings: list[list[Line]] = []
    broken: Line | None = None
    for line in _lines(data, start):
        if _HEADING.fullmatch(line[0]):
            listings.append([])
        elif _ENTRY.fullmatch(line[0]):
            listings[-1].append(line)
        elif _BEGUN.match(line[0]):
            broken = broken or line
    listings = [listing for listing in listings if listing]
    last = [text for text, _, _ in listings[-1]] if listings else []
    for listing in listings[:-1]:
        if last[: len(listing)] != [text for text, _, _ in listing]:
            message = f"{len(listings)} listings, of which the last is read: another says something else"
            account.note("several_listings", "warning", message, None, listing[0][1])
            break
    for text, begin, end in listings[-1] if listings else ():
        if broken is not None and broken[1] < begin and broken[1] > listings[-1][0][1]:
            break
        _entry(account, text, begin, end)
    if broken is not None and (not listings or broken[1] > listings[-1][0][1]):
        raise ParseError("a line that begins as an entry does, and is none", offset=broken[1])


def _entry(account: Account, text: str, begin: int, end: int) -> None:
    found = _ENTRY.fullmatch(text)
    assert found is not None
    index = int(found[1])
    if index > 0xFFFFFFFF:
        raise ParseError("a PCR of more than 32 bits", offset=begin, where=f"events[{len(account.events)}]")
    digests = _digests(account, [(found[3], found[2])], begin)
    account.add(Register("pcr", index), digests, DigestOnly(None, found[4]), begin, end)


def _digests(account: Account, told: list[tuple[str, str]], offset: int) -> list[Digest]:
    found = []
    for name, text in told:
        try:
            found.append(digest_of(name, text))
        except ValueError as error:
            account.note("bad_digest", "error", str(error), len(account.events), offset)
    return found


def _standard(account: Account, data: bytes, start: int) -> None:
    """A log in TCG's form. What follows an entry's data is more of it, up to the next entry."""
    lines: list[Line] = []
    for line in _lines(data, start):
        if _NUMBERED.fullmatch(line[0]):
            if lines:
                _numbered(account, lines)
            lines = [line]
        elif lines:
            lines.append(line)
    if lines:
        _numbered(account, lines)


def _numbered(account: Account, lines: list[Line]) -> None:
    """Take an entry down. Raises ParseError for one that names no PCR."""
    number, (heading, start, _), end = len(account.events), lines[0], lines[-1][2]
    told: dict[str, str] = {}
    digests: list[tuple[str, str]] = []
    rest: list[str] | None = None
    absent = False
    for text, _, _ in lines[1:]:
        if rest is not None:
            rest.append(text)
            continue
        found = _MEMBER.fullmatch(text)
        name, value = (found[1], found[2]) if found is not None else (text.strip(), "")
        if name == "Event data":
            rest = [value]
        elif name == "Event data not provided":
            absent = True
        elif is_bank(name):
            digests.append((name, value))
        elif name == "Digest":
            digests.append(("sha1", value))
        else:
            told.setdefault(name, value)
    index = told.get("PCR", "")
    count = _NUMBERED.fullmatch(heading)
    if not index.removeprefix("-").isdecimal() or len(index) > 11 or count is None:
        raise ParseError("an entry without a PCR", offset=start, where=f"events[{number}]")
    if int(count[1]) != number + 1:
        account.note("report_order", "warning", "the number of an entry is not the next one", number, start)
    register = register_of(int(index) & 0xFFFFFFFF, "pcr")
    known = _digests(account, digests, start)
    account.add(register, known, _content(account, register, known, told, rest, absent), start, end)


def _content(
    account: Account,
    register: Register,
    digests: list[Digest],
    told: dict[str, str],
    rest: list[str] | None,
    absent: bool,
) -> Content:
    word = told.get("Event type", "")
    unknown = _UNKNOWN.fullmatch(word)
    event_type = number_of(unknown[1] if unknown is not None else _TYPES.get(word, word))
    if event_type is None:
        account.note("type_lost", "warning", "a type that cbmem has no word for", len(account.events))
        return DigestOnly(None, word)
    if absent:
        return PCClientEvent(event_type, b"")
    text = "\n".join(rest or []).rstrip("\n")
    raw = text.encode("utf-8", "surrogatepass")
    candidates = [raw, raw + b"\0", *([bytes.fromhex(text)] if _is_hex(text) else [])]
    return account.pcclient(register, digests, event_type, candidates, text)


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and re.fullmatch("[0-9a-f]+", text) is not None
