"""The reader of `evlog.formats.reports.ccnp_json`, imported when there is something to read."""

from __future__ import annotations

import binascii
import re

from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.formats.reports.account import Account
from evlog.formats.reports.json_text import Document
from evlog.formats.tcg import agile as _agile
from evlog.model import Digest
from evlog.options import NO_OPTIONS
from evlog.registers import LAST_CCMR, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Content, Event, Log

    #: One of ``EventLogs``, with the bytes at which it stands.
    Row = tuple[dict[str, Any], int, int]

__all__ = ["log_of"]

_NUMBERS = re.compile(r"\s*\[?\s*((?:\d{1,3}[\s,]+)*\d{1,3})\s*\]?\s*")
_WORD = 1 << 32


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    header: Any = None
    rows: list[Row] = []
    trouble: ParseError | None = None
    try:
        for name, value, start, end in Document(data).items(("EventLogs",)):
            if name == "Header":
                header = value, start, end
            elif name == "EventLogs":
                if not isinstance(value, dict):
                    raise ParseError("an event that is no object", offset=start, where=f"events[{len(rows)}]")
                rows.append((value, start, end))
            else:
                account.note("unknown_member", "note", "an unknown member is not kept", None, start)
    except ParseError as error:
        trouble = error
    told: list[list[Digest]] = []
    registers: list[Register] = []
    try:
        for number, (row, start, _) in enumerate(rows):
            registers.append(_register(row, start, number))
            told.append(_digests(row, account, number, start))
    except ParseError as error:
        trouble = trouble or error
    del rows[len(told) :], registers[len(told) :]
    built = _records(header, rows)
    if built is not None and all(
        event.register == register and list(event.digests) == digests
        for event, register, digests in zip(built[1:], registers, told, strict=True)
    ):
        for event, (_, start, end) in zip(built, [(None, *header[1:]), *rows], strict=True):
            account.add(event.register, event.digests, event.content, start, end)
    else:
        if rows:
            message = (
                "the records under Data do not say what the other members say, or there is no header: members count"
            )
            account.note("report_disagrees", "warning", message)
        for (row, start, end), register, digests in zip(rows, registers, told, strict=True):
            account.add(register, digests, _content(row), start, end)
    if trouble is not None:
        account.stop(trouble)
    banks = [digest.alg for event in account.events for digest in event.digests if event.measured]
    platform = _agile.platform_of(tuple(dict.fromkeys(banks)))
    return account.log("Intel's CCNP", "the padding behind the last event", platform=platform)


def _records(header: Any, rows: list[Row]) -> list[Event] | None:
    """The events of the CCEL that the records make, the header first; None if they make none."""
    parts = [_bytes(header[0].get("HeaderData")) if header is not None and isinstance(header[0], dict) else None]
    parts += [_bytes(row.get("Data")) for row, _, _ in rows]
    if None in parts or not parts[0]:
        return None
    data = b"".join(part for part in parts if part is not None)
    try:
        log = _agile.read(data, NO_OPTIONS, "ccel", "ccmr")
    except ParseError:
        return None
    events = list(log.events)
    sizes = [event.origin.span.length for event in events if event.origin is not None]
    if log.tail or sizes != [len(part) for part in parts if part is not None]:
        return None
    return events


def _register(row: dict[str, Any], start: int, number: int) -> Register:
    """The register of an event. Raises ParseError."""
    rtmr = row.get("Rtmr")
    index = (rtmr + 1) % _WORD if type(rtmr) is int and -1 <= rtmr < _WORD else None
    if index is None or (index > LAST_CCMR and row.get("Etype") != 3):
        message = f"the number of an RTMR, 0 to {LAST_CCMR - 1}, was expected"
        raise ParseError(message, offset=start, where=f"events[{number}].Rtmr")
    return Register("ccmr", index)


def _digests(row: dict[str, Any], account: Account, number: int, start: int) -> list[Digest]:
    """The digests of an event: of one the algorithm is told, of several those that are known by their sizes."""
    told, alg = row.get("Digests"), row.get("AlgorithmId")
    texts = told if isinstance(told, list) else []
    found = []
    for text in texts:
        match = _NUMBERS.fullmatch(text) if isinstance(text, str) and len(text) < 1024 else None
        try:
            value = bytes(map(int, match[1].replace(",", " ").split())) if match is not None else b""
        except ValueError:
            value = b""
        known = HashAlg.of(alg, len(value)) if type(alg) is int and 0 < alg <= 0xFFFF else None
        if len(texts) > 1 or known is None:
            known = HashAlg.of_size(len(value))
        if known is None or not value:
            account.note("bad_digest", "error", "a digest that is not numbers of a known count", number, start)
        else:
            found.append(Digest(known, value))
    return found


def _content(row: dict[str, Any]) -> Content:
    event_type, data = row.get("Etype"), _bytes(row.get("Event"))
    if type(event_type) is not int or not 0 <= event_type < _WORD:
        return DigestOnly(None, "")
    if data is None or row.get("EventSize", len(data)) != len(data):
        return DigestOnly(event_type, "")
    return PCClientEvent(event_type, data)


def _bytes(value: Any) -> bytes | None:
    """Bytes as Go writes them: base64, or null for none."""
    if value is None:
        return b""
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True) if isinstance(value, str) else None
    except (binascii.Error, UnicodeEncodeError):
        return None
