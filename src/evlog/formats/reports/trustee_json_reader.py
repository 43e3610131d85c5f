"""The reader of `evlog.formats.reports.trustee_json`, imported when there is something to read."""

from __future__ import annotations

import binascii

from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.formats.reports.account import Account, digest_of
from evlog.formats.reports.json_text import Document
from evlog.formats.tcg import agile as _agile
from evlog.formats.tcg.frame import register_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Content, Digest, Log

__all__ = ["log_of"]

_LIST = "uefi_event_logs"


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    try:
        for name, row, start, end in Document(data).items((_LIST,)):
            if name in ("", _LIST):
                _add(account, row, start, end)
            else:
                account.note("unknown_member", "note", "a member that is no part of the log is not kept", None, start)
    except ParseError as error:
        account.stop(error)
    banks = dict.fromkeys(digest.alg for event in account.events for digest in event.digests if event.measured)
    platform = _agile.platform_of(tuple(banks))
    return account.log("trustee", "the Spec ID event", platform=platform)


def _add(account: Account, row: Any, start: int, end: int) -> None:
    """Take an event down. Raises ParseError for one that names no register."""
    number = len(account.events)
    index = row.get("index") if isinstance(row, dict) else None
    if type(index) is not int or not 0 <= index <= 0xFFFFFFFF:
        raise ParseError("an event without an index", offset=start, where=f"events[{number}]")
    digests: list[Digest] = []
    told = row.get("digests")
    for each in told if isinstance(told, list) else []:
        try:
            if not isinstance(each, dict):
                raise ValueError("a digest that is no object")
            digests.append(digest_of(each.get("alg"), each.get("digest")))
        except ValueError as error:
            account.note("bad_digest", "error", str(error), number, start)
    account.add(register_of(index, "ccmr"), digests, _content(account, row, start), start, end)


def _content(account: Account, row: dict[str, Any], start: int) -> Content:
    name, event = row.get("type_name"), row.get("event")
    event_type = number_of(name) if isinstance(name, str) else None
    if event_type is None:
        account.note("type_lost", "warning", "an event without a type that is known", len(account.events), start)
    try:
        data = binascii.a2b_base64(event, strict_mode=True) if isinstance(event, str) else None
    except (binascii.Error, ValueError):
        data = None
    if event_type is not None and data is not None:
        return PCClientEvent(event_type, data)
    details = row.get("details")
    words = [each for each in details.values() if isinstance(each, str)] if isinstance(details, dict) else []
    known = [name] if event_type is None and isinstance(name, str) else []
    return DigestOnly(event_type, "; ".join((*known, *words)))
