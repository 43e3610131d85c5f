"""The reader of `evlog.formats.reports.ita_json`, imported when there is something to read."""

from __future__ import annotations

from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.errors import ParseError
from evlog.formats.reports.account import Account, digest_of
from evlog.formats.reports.json_text import Document
from evlog.registers import LAST_CCMR, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Digest, Log

    #: A list of events of one bank, with the bytes at which it stands.
    Listed = tuple[list[Any], int, int]

__all__ = ["log_of"]


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no event in it."""
    banks: dict[Register, dict[str, Listed]] = {}
    trouble: ParseError | None = None
    try:
        for _, group, start, end in Document(data).items():
            where = f"[{len(banks)}]"
            register, bank, events = _group(group, start, where)
            if bank in banks.setdefault(register, {}):
                raise ParseError("a second list of one register and bank", offset=start, where=where)
            banks[register][bank] = events, start, end
    except ParseError as error:
        trouble = error
    try:
        for register, lists in banks.items():
            _add(account, register, lists)
    except ParseError as error:
        trouble = trouble or error
    if trouble is not None:
        account.stop(trouble)
    dropped = "the order of events on different registers"
    return account.log("Intel Trust Authority's client", dropped, platform="tdx")


def _group(group: Any, start: int, where: str) -> tuple[Register, str, list[Any]]:
    """The register, bank and events of one object of the array. Raises ParseError."""
    if not isinstance(group, dict) or not isinstance(group.get("rtmr"), dict):
        raise ParseError("an object without a register", offset=start, where=where)
    index, bank = group["rtmr"].get("index"), group["rtmr"].get("bank")
    if type(index) is not int or not 1 <= index <= LAST_CCMR:
        message = f"the index of a measurement register, 1 to {LAST_CCMR}, was expected"
        raise ParseError(message, offset=start, where=f"{where}.rtmr.index")
    events = group.get("rtmr_events")
    if not isinstance(bank, str) or not isinstance(events, list | type(None)):
        raise ParseError("a bank and a list of events were expected", offset=start, where=where)
    return Register("ccmr", index), bank, events or []


def _add(account: Account, register: Register, lists: dict[str, Listed]) -> None:
    """The events of a register: those of several banks are the same events, if they are of the same types."""
    rows = [events for events, _, _ in lists.values()]
    start = min(start for _, start, _ in lists.values())
    end = max(end for _, _, end in lists.values())
    if len({tuple(map(_type_text, each)) for each in rows}) == 1:
        for same in zip(*rows, strict=True):
            _event(account, register, list(zip(lists, same, strict=True)), start, end)
        return
    message = f"{register} has different events in its banks: none of them can be replayed"
    account.note("report_order", "warning", message, len(account.events), start)
    for bank, (events, at, to) in lists.items():
        for event in events:
            _event(account, register, [(bank, event)], at, to)


def _type_text(event: Any) -> str:
    return str(event.get("type_id"))[:16] if isinstance(event, dict) else ""


def _event(account: Account, register: Register, told: list[tuple[str, Any]], start: int, end: int) -> None:
    number = len(account.events)
    digests: list[Digest] = []
    for bank, event in told:
        if not isinstance(event, dict):
            raise ParseError("an event that is no object", offset=start, where=f"events[{number}]")
        try:
            digests.append(digest_of(bank, event.get("measurement")))
        except ValueError as error:
            account.note("bad_digest", "error", str(error), number, start)
    event = told[0][1]
    name = event.get("type_id") or event.get("type_name")
    event_type = number_of(name) if isinstance(name, str) else None
    tags = event.get("tags")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    if event_type is None:
        account.note("type_lost", "warning", "an event without a type", number, start)
        words.insert(0, str(event.get("type_name") or ""))
    account.add(register, digests, DigestOnly(event_type, ", ".join(filter(None, words))), start, end)
