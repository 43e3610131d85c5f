"""The reader of `evlog.formats.reports.tpm2_yaml`, imported when there is something to read."""

from __future__ import annotations

import re

from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import (
    number_of,
)
from evlog.contents.launch import is_reset
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.spec_id import AGILE
from evlog.errors import EvlogError, ParseError, TruncatedError
from evlog.formats.reports.account import Account, digest_of
from evlog.formats.reports.tpm2_yaml_bodies import HEXADECIMAL, built, clean, integer, pairs, scalar, string
from evlog.formats.reports.tpm2_yaml_values import compare, take
from evlog.formats.tcg.frame import register_of
from evlog.registers import PCR0, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.model import Content, Digest, Log

__all__ = ["log_of"]

_LINE = re.compile(r"( *)(- )?([A-Za-z][A-Za-z0-9_]*(?:\[\d+\])?) ?:(?: (.*))?")
#: Members of an event, as far from the edge as they stand.
_EVENT_INDENT = 2
_LAST = 0xFFFFFFFF


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
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
    compare(account, replayed)
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
        index = integer(self.members.get("PCRIndex", ""))
        if index is None or not -(1 << 31) <= index <= _LAST:
            kind = TruncatedError if self.cut else ParseError
            raise kind("an event without a PCRIndex", offset=self.start, where=where)
        register = register_of(index & _LAST, "pcr")
        digests = self._digests(account, number)
        name = self.members.get("EventType", "")
        event_type = number_of(name)
        if event_type is None:
            message = "an event of a type that the tool has no name for: the number is lost"
            decides = is_reset(register) or register == PCR0  # where such an event may tell of the start value
            account.note("type_lost", "warning" if decides else "note", message, number, self.start)
        told = self.members.get("EventNum")
        if told is not None and integer(told) != number:
            message = f"an event of another number than {number}: events are missing, or a text was read as one"
            account.note("report_order", "warning", message, number, self.start)
        count = self.members.get("DigestCount")
        if count is not None and integer(count) != len(digests):
            account.note("digest_count", "warning", "not as many digests as it says", number, self.start)
        account.add(register, digests, self._content(account, register, digests, event_type), self.start, self.end)

    def _digests(self, account: Account, number: int) -> list[Digest]:
        found = []
        pairs = self.digests
        if "Digest" in self.members:
            pairs = [("sha1", self.members["Digest"])]
        for name, text in pairs:
            try:
                found.append(digest_of(scalar(name), scalar(text)))
            except ValueError as error:
                account.note("bad_digest", "error", str(error), number, self.start)
        return found

    def _content(self, account: Account, register: Register, digests: list[Digest], event_type: int | None) -> Content:
        size = integer(self.members.get("EventSize", ""))
        value = self.members.get("Event")
        texts = [line.strip() for line in self.body]
        data: bytes | None = None
        candidates: list[bytes] = []
        text = "; ".join(line for line in texts if line not in ("String: |-", ""))
        if self.algorithms or "SpecID" in self.members:
            data = self._spec_id(texts)
            text = "Spec ID event"
        elif value is None or value == "":
            data = b"" if size == 0 else built(texts, size or 0)
            candidates = string(texts)
        elif value.rstrip() in ("|-", "|"):
            candidates = ["\n".join(self.body).removeprefix("    ").encode("utf-8", "surrogateescape")]
        else:
            found = HEXADECIMAL.fullmatch(value.strip())
            data = bytes.fromhex(found[1]) if found is not None else None
            text = value if found is None else f"{size} bytes, the first of which are {found[1][:64]}"
        if event_type is None:
            return DigestOnly(None, text)
        if data is not None and len(data) == size:
            return PCClientEvent(event_type, data)
        candidates += [each + b"\0" for each in candidates]
        sized = (each for each in candidates if len(each) == size)
        return account.pcclient(register, digests, event_type, sized, clean(text))

    def _spec_id(self, lines: list[str]) -> bytes | None:
        """The Spec ID event as it was, if everything of it is told."""
        from evlog import wire
        from evlog.wire.tcg import spec_id_event03

        told = pairs(lines)
        names = ("platformClass", "specVersionMinor", "specVersionMajor", "specErrata", "uintnSize", "vendorInfoSize")
        numbers = [integer(told.get(name, "")) for name in names]
        vendor = HEXADECIMAL.fullmatch(told.get("vendorInfo", '""'))
        if vendor is None or None in numbers or scalar(told.get("Signature", "")) != AGILE:
            return None
        platform, minor, major, errata, uintn, length = numbers
        try:
            sizes = [
                {"algorithm_id": HashAlg.named(scalar(name)).id, "digest_size": int(size)}
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


def _entries(data: bytes, replayed: dict[tuple[Register, HashAlg], bytes], account: Account) -> Iterator[_Entry]:
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
            bank = take(line, indent, name, bank, replayed, account, start)
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
