"""The YAML that tpm2_eventlog prints of a firmware log, read as a log.

Source: tpm2-tools, lib/tpm2_eventlog_yaml.c, and its output. It is read line by line and not as YAML: what firmware
wrote stands in it as it is, and of a SHA-1 log all events are one mapping, of which a parser keeps the last. Data is
there where it is printed in hex; variables, images and blobs are built again where all of their fields are, and texts
where a digest proves them. The values under ``pcrs`` are what the tool replayed, no values of a machine.
"""

from __future__ import annotations

import re
import struct

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import (
    EV_EFI_HCRTM_EVENT,
    EV_NO_ACTION,
    is_launch,
    number_of,
    type_of,
)
from evlog.contents.launch import is_reset
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.startup_locality import SIGNATURE, locality_of
from evlog.errors import EvlogError, ParseError, TruncatedError
from evlog.formats import CERTAIN, NO_MATCH, Match
from evlog.formats.reports.account import Account, digest_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.model import Content, Digest, Event, Log
    from evlog.options import Options

ID = "tpm2-yaml"
TITLE = "what tpm2_eventlog prints"

_HEAD = re.compile(rb"\s*(?:---[ \t]*\r?\n)?(?:version:[ \t]*\d+[ \t]*\r?\n)?events:[ \t]*\r?\n(?:- EventNum:|  PCRIndex:)")
_LINE = re.compile(r"( *)(- )?([A-Za-z][A-Za-z0-9_]*(?:\[\d+\])?) ?:(?: (.*))?")
_VALUE = re.compile(r"\s*(\d+)\s*:\s*0x([0-9a-fA-F]*)\s*")
_HEXADECIMAL = re.compile(r"[\"']((?:[0-9a-fA-F]{2})*)[\"']")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
_ESCAPES = {"0": 0, "a": 7, "b": 8, "t": 9, "v": 11, "f": 12, "r": 13, "e": 27, "'": 39, "\\": 92}
_GUID = re.compile(r"([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})")
#: Members of an event, as far from the edge as they stand.
_EVENT_INDENT = 2
_LAST = 0xFFFFFFFF
_PCR0 = Register("pcr", 0)
#: StartupLocality in an event of the size that some firmware gives all of its events.
_LONGEST_LOCALITY = 64


def sniff(data: bytes, options: Options) -> Match:
    """Certain of the list of events with the tool's own names."""
    if _HEAD.match(data[:4096]) is None:
        return NO_MATCH
    return Match(CERTAIN, "YAML with the names that tpm2_eventlog has for events")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    account = Account(ID, options)
    replayed: dict[tuple[Register, HashAlg], bytes] = {}
    declared: tuple[HashAlg, ...] = ()
    zeros: list[_Entry] = []
    try:
        for entry in _entries(data, replayed, account):
            if entry.is_padding and account.events:
                zeros.append(entry)
                continue
            for each in (*zeros, entry):
                declared = declared or each.declared()
                each.add(account)
            zeros.clear()
    except ParseError as error:
        account.stop(error)
    if zeros:
        message = f"{len(zeros)} events of zeros at the end: the tool took padding for them"
        account.note("report_padding", "note", message, None, zeros[0].start)
    if not replayed and account.events:
        message = "the tool's own register values (pcrs) are not in it: it gave up, or the text is cut"
        account.note("report_incomplete", "warning", message)
    _compare(account, replayed)
    return account.log("tpm2_eventlog", "what follows the last event", algorithms=declared)


class _Entry:
    """The lines of one event."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self.members: dict[str, str] = {}
        self.digests: list[tuple[str, str]] = []
        self.body: list[str] = []
        self.algorithms: list[tuple[str, str]] = []
        self.cut = False

    @property
    def begun(self) -> bool:
        """Whether the event has its register: another one is another event's."""
        return "PCRIndex" in self.members

    @property
    def is_padding(self) -> bool:
        """Whether the bytes of the event were zeros and nothing else."""
        told = self.members
        return (
            (told.get("PCRIndex"), told.get("EventType"), told.get("EventSize")) == ("0", "EV_PREBOOT_CERT", "0")
            and told.get("DigestCount") == "0"
            and not (self.digests or self.body or told.get("Event") or self.cut)
        )

    def declared(self) -> tuple[HashAlg, ...]:
        """The algorithms of a Spec ID event, as far as they are known."""
        found = []
        for name, _ in self.algorithms:
            try:
                found.append(HashAlg.named(name))
            except EvlogError:
                continue
        return tuple(found)

    def add(self, account: Account) -> None:
        """Take the event down. Raises ParseError for one without a register."""
        number = len(account.events)
        where = f"events[{number}]"
        index = _number(self.members.get("PCRIndex", ""))
        if index is None or not -(1 << 31) <= index <= _LAST:
            kind = TruncatedError if self.cut else ParseError
            raise kind("an event without a PCRIndex", offset=self.start, where=where)
        register = Register("pcr", index & _LAST)
        digests = self._digests(account, number)
        name = self.members.get("EventType", "")
        event_type = number_of(name)
        if event_type is None:
            message = "an event of a type that the tool has no name for: the number is lost"
            decides = is_reset(register) or register == _PCR0  # where such an event may tell of the start value
            account.note("type_lost", "warning" if decides else "note", message, number, self.start)
        told = self.members.get("EventNum")
        if told is not None and _number(told) != number:
            message = f"an event of another number than {number}: events are missing, or a text was read as one"
            account.note("report_order", "warning", message, number, self.start)
        count = self.members.get("DigestCount")
        if count is not None and _number(count) != len(digests):
            account.note("digest_count", "warning", "not as many digests as it says", number, self.start)
        account.add(register, digests, self._content(account, register, digests, event_type), self.start, self.end)

    def _digests(self, account: Account, number: int) -> list[Digest]:
        found = []
        pairs = self.digests
        if "Digest" in self.members:
            pairs = [("sha1", self.members["Digest"])]
        for name, text in pairs:
            try:
                found.append(digest_of(_scalar(name), _scalar(text)))
            except ValueError as error:
                account.note("bad_digest", "error", str(error), number, self.start)
        return found

    def _content(
        self, account: Account, register: Register, digests: list[Digest], event_type: int | None
    ) -> Content:
        size = _number(self.members.get("EventSize", ""))
        value = self.members.get("Event")
        texts = [line.strip() for line in self.body]
        data: bytes | None = None
        candidates: list[bytes] = []
        text = "; ".join(line for line in texts if line not in ("String: |-", ""))
        if self.algorithms or "SpecID" in self.members:
            data = self._spec_id(texts)
            text = "Spec ID event"
        elif value is None or value == "":
            data = b"" if size == 0 else _built(texts, size or 0)
            candidates = _string(texts)
        elif value.rstrip() in ("|-", "|"):
            candidates = ["\n".join(self.body).removeprefix("    ").encode("utf-8", "surrogateescape")]
        else:
            found = _HEXADECIMAL.fullmatch(value.strip())
            data = bytes.fromhex(found[1]) if found is not None else None
            text = value if found is None else f"{size} bytes, the first of which are {found[1][:64]}"
        if event_type is None:
            return DigestOnly(None, text)
        if data is not None and len(data) == size:
            return PCClientEvent(event_type, data)
        candidates += [each + b"\0" for each in candidates]
        sized = (each for each in candidates if len(each) == size)
        return account.pcclient(register, digests, event_type, sized, _clean(text))

    def _spec_id(self, lines: list[str]) -> bytes | None:
        """The Spec ID event as it was, if everything of it is told."""
        from evlog import wire
        from evlog.wire.tcg import spec_id_event03

        told = _pairs(lines)
        names = ("platformClass", "specVersionMinor", "specVersionMajor", "specErrata", "uintnSize", "vendorInfoSize")
        numbers = [_number(told.get(name, "")) for name in names]
        vendor = _HEXADECIMAL.fullmatch(told.get("vendorInfo", '""'))
        if vendor is None or None in numbers or _scalar(told.get("Signature", "")) != "Spec ID Event03":
            return None
        platform, minor, major, errata, uintn, length = numbers
        try:
            sizes = [
                {"algorithm_id": HashAlg.named(_scalar(name)).id, "digest_size": int(size)}
                for name, size in self.algorithms
            ]
            fields = {
                "platform_class": platform,
                "spec_version_minor": minor,
                "spec_version_major": major,
                "spec_errata": errata,
                "uintn_size": uintn,
                "digest_sizes": sizes,
                "vendor_info": bytes.fromhex(vendor[1]),
            }
            built = wire.build(spec_id_event03, fields)
        except (EvlogError, ValueError):
            return None
        return built if length == len(vendor[1]) // 2 else None


def _entries(
    data: bytes, replayed: dict[tuple[Register, HashAlg], bytes], account: Account
) -> Iterator[_Entry]:
    """Each event; the tool's register values, which follow them, are taken into ``replayed``."""
    entry: _Entry | None = None
    key = ""
    values = False
    bank: HashAlg | None = None
    position = 0
    algorithm = ""
    end = len(data)
    while position < end:
        start = position
        position = data.find(b"\n", start) + 1 or end
        line = data[start:position].decode("utf-8", "surrogateescape").rstrip("\r\n")
        found = _LINE.fullmatch(line)
        indent, name = (len(found[1]), found[3]) if found is not None else (len(line) - len(line.lstrip(" ")), "")
        value = (found[4] or "") if found is not None else ""
        if values:
            bank = _replayed(line, indent, name, bank, replayed, account, start)
            continue
        if found is not None and indent == 0 and not found[2]:
            if name == "pcrs":
                if entry is not None:
                    yield entry
                entry, values = None, True
            continue
        opens = found is not None and (
            (indent == 0 and bool(found[2]) and name in ("EventNum", "PCRIndex"))
            or (indent == _EVENT_INDENT and not found[2] and name == "PCRIndex" and (entry is None or entry.begun))
        )
        if opens:
            if entry is not None:
                yield entry
            entry, key = _Entry(start), ""
        if entry is None:
            if line.strip() not in ("", "---"):
                raise ParseError("lines that belong to no event", offset=start, where="events[0]")
            continue
        entry.end = position
        entry.cut = position == end and not data.endswith(b"\n")
        if found is not None and (opens or (indent == _EVENT_INDENT and not found[2])):
            key = name
            entry.members.setdefault(name, value)
        elif key == "Digests" and name == "AlgorithmId":
            algorithm = value
        elif key == "Digests" and name == "Digest":
            entry.digests.append((algorithm, value))
            algorithm = ""
        else:
            entry.body.append(line)
            if key == "SpecID" and name == "algorithmId":
                algorithm = value
            elif key == "SpecID" and name == "digestSize":
                entry.algorithms.append((algorithm, value))
    if entry is not None:
        yield entry


def _replayed(
    line: str,
    indent: int,
    name: str,
    bank: HashAlg | None,
    replayed: dict[tuple[Register, HashAlg], bytes],
    account: Account,
    offset: int,
) -> HashAlg | None:
    """Take a line of the tool's register values; returns the bank of the lines after it."""
    if name:
        try:
            return HashAlg.named(name)
        except EvlogError:
            return None
    found = _VALUE.fullmatch(line)
    if found is not None and bank is not None and len(found[1]) < 6 and len(found[2]) == 2 * bank.size:
        replayed[Register("pcr", int(found[1])), bank] = bytes.fromhex(found[2])
    elif line.strip() and not line.lstrip().startswith("#"):
        account.note("report_value", "warning", "a line among the register values that is none", None, offset)
    return bank


def _compare(account: Account, replayed: dict[tuple[Register, HashAlg], bytes]) -> None:
    """Hold the tool's own replay against the events: it starts from zeros, and some versions extend EV_NO_ACTION."""
    if not replayed:
        return
    backend = hashing.backend()
    banks = {bank for _, bank in replayed}
    extended: dict[tuple[Register, HashAlg], list[tuple[bytes, bool]]] = {}
    for number, event in enumerate(account.events):
        if number == 0 and type_of(event.content) == EV_NO_ACTION:
            continue  # the header, which the tool does not extend
        for digest in event.digests:
            if digest.alg in banks and event.register.number < 32:
                key = (event.register, digest.alg)
                extended.setdefault(key, []).append((digest.value, event.measured))
    elsewhere = _started_elsewhere(account.events)
    for key in sorted({*extended, *replayed}, key=lambda key: (key[0].sort_key, key[1].id)):
        register, bank = key
        rows = extended.get(key, [])
        value = replayed.get(key)
        if not backend.computable(bank) or not (value is not None or any(measured for _, measured in rows)):
            continue
        start = bytes(bank.size)
        plain = backend.fold(bank, start, [each for each, measured in rows if measured])
        if value is None:
            message = f"the tool has no value of {register} in {bank}, which events extend"
        elif value != plain:
            why = "the events lead to another value"
            if value == backend.fold(bank, start, [each for each, _ in rows]):
                why = "it extends EV_NO_ACTION events, which no TPM does"
            message = f"{register} in {bank} is not what the tool replayed it to: {why}"
        elif register in elsewhere:
            message = f"{register} in {bank} is not what the tool replayed it to: it starts every register from zeros"
        else:
            continue
        account.note("report_value", "warning", message)


def _started_elsewhere(events: list[Event]) -> set[Register]:
    """The registers that do not start from zeros, as far as the events tell."""
    found = set()
    launched = False
    for event in events:
        event_type = type_of(event.content) or 0
        data = event.content.data if isinstance(event.content, PCClientEvent) else b""
        if event.register == _PCR0 and (
            event_type == EV_EFI_HCRTM_EVENT or locality_of(event_type, data) not in (None, 0)
        ):
            found.add(event.register)
        launched = launched or (is_reset(event.register) and is_launch(event_type))
    if not launched:
        found |= {event.register for event in events if is_reset(event.register)}
    return found


def _number(text: str) -> int | None:
    try:
        return int(text, 0) if len(text) <= 20 else None
    except ValueError:
        return None


def _scalar(text: str) -> str:
    """The text of a plain or quoted scalar, escapes in it left as they are."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _clean(text: str) -> str:
    """Text with bytes that are no UTF-8 escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _pairs(lines: list[str]) -> dict[str, str]:
    """The members of a mapping of scalars, the first of each name."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.removeprefix("- ").partition(":")
        if colon:
            found.setdefault(name, value.strip())
    return found


def _built(lines: list[str], size: int) -> bytes | None:
    """The data of an event of so many bytes whose fields are all told, or None."""
    told = _pairs(lines)
    if "StartupLocality" in told:
        locality = _number(told["StartupLocality"])
        if locality is None or not 0 <= locality <= 0xFF or size > _LONGEST_LOCALITY:
            return None
        # What follows is padding: with anything else there the event would state nothing.
        return (SIGNATURE + bytes([locality])).ljust(size, b"\0")
    if "VariableName" in told:
        return _variable(told)
    if "ImageLocationInMemory" in told:
        names = ("ImageLocationInMemory", "ImageLengthInMemory", "ImageLinkTimeAddress", "LengthOfDevicePath")
        path = _HEXADECIMAL.fullmatch(told.get("DevicePath", '""'))
        return _packed(told, *names) + bytes.fromhex(path[1]) if path is not None else None
    if told.keys() == {"BlobBase", "BlobLength"}:
        return _packed(told, "BlobBase", "BlobLength")
    return None


def _packed(told: dict[str, str], *names: str) -> bytes:
    """The fields as 64-bit integers; nothing if one cannot be."""
    numbers = [_number(told.get(name, "")) for name in names]
    if any(number is None or not 0 <= number < 1 << 64 for number in numbers):
        return b""
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def _variable(told: dict[str, str]) -> bytes | None:
    """A UEFI_VARIABLE_DATA, if its value is told in hex and its name is as long as it says."""
    guid = _GUID.fullmatch(told["VariableName"])
    value = _HEXADECIMAL.fullmatch(told.get("VariableData", '""'))
    name = _scalar(told.get("UnicodeName", ""))
    if guid is None or value is None or "\ufffd" in name or "\\" in name:
        return None
    try:
        units = name.encode("utf-16-le")
    except UnicodeEncodeError:
        return None
    lengths = _packed(told, "UnicodeNameLength", "VariableDataLength")
    data = bytes.fromhex(value[1])
    if lengths != struct.pack("<QQ", len(units) // 2, len(data)):
        return None
    fields = struct.pack("<IHH", *(int(guid[part], 16) for part in (1, 2, 3)))
    return fields + bytes.fromhex(guid[4] + guid[5]) + lengths + units + data


def _string(lines: list[str]) -> list[bytes]:
    """The text of a ``String``, which the tool prints in quotes, a line each, with the escapes of C."""
    if not lines or lines[0] != "String: |-" or any(line[:1] != '"' or line[-1:] != '"' for line in lines[1:]):
        return []
    joined = "\n".join(line[1:-1] for line in lines[1:])
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(joined):
        code = int(found[1], 16) if found[1] else _ESCAPES.get(found[2])
        if code is None:
            return []
        parts += (joined[at : found.start()].encode("utf-8", "surrogateescape"), bytes([code]))
        at = found.end()
    text = b"".join(parts) + joined[at:].encode("utf-8", "surrogateescape")
    return [text, text + b"\n"]
