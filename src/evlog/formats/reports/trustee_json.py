"""A CCEL as the verifier of Confidential Containers parsed it: the list of events among the claims of its tokens.

Source: confidential-containers/trustee, deps/eventlog (CcEventLog, EventlogEntry): ``uefi_event_logs`` is a list of
``{"details", "digest_matches_event", "digests": [{"alg", "digest"}], "event", "index", "type_name"}``, where ``event`` is
the event's data in base64 and ``index`` that of the CC measurement register. The Spec ID event is not in it.
"""

from __future__ import annotations

import binascii
import re

from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.formats import CERTAIN, NO_MATCH, Match
from evlog.formats.reports.account import Account, digest_of
from evlog.formats.reports.json_text import Document
from evlog.formats.tcg import agile as _agile
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Content, Digest, Log
    from evlog.options import Options

ID = "trustee-json"
TITLE = "a CCEL as CoCo's trustee parsed it"

_LIST = "uefi_event_logs"
_HEAD = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*"uefi_event_logs"\s*:\s*)?\[\s*\{\s*'
    rb'"(?:details"\s*:\s*\{|digest_matches_event"\s*:|digests"\s*:|event"\s*:|index"\s*:|type_name"\s*:)'
)
_SNIFFED = 1 << 17


def sniff(data: bytes, options: Options) -> Match:
    """Certain of a list of events with the members that trustee gives them."""
    if _HEAD.match(data[:1024]) is None:
        return NO_MATCH
    if data.find(b'"type_name"', 0, _SNIFFED) < 0 or data.find(b'"details"', 0, _SNIFFED) < 0:
        return NO_MATCH
    return Match(CERTAIN, "a list of events with the members that trustee gives them")


def read(data: bytes, options: Options) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    account = Account(ID, options)
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
    account.add(Register("ccmr", index), digests, _content(account, row, start), start, end)


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
