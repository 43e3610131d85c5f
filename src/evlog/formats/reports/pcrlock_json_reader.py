"""The reader of `evlog.formats.reports.pcrlock_json`, imported when there is something to read."""

from __future__ import annotations

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents.digest_only import DigestOnly
from evlog.contents.event_types import number_of
from evlog.contents.systemd import SystemdRecord
from evlog.errors import ParseError, UsageError
from evlog.formats.reports.account import Account, digest_of, is_bank, is_proven
from evlog.formats.reports.json_text import Document
from evlog.model import Event
from evlog.registers import PCR0, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from evlog.model import Content, Digest, Log

__all__ = ["log_of"]

_CALCULATED = "calculated"
#: What some versions have before the string that systemd measured, and what all have before the text of an action.
_STRING, _ACTION = "String: ", "Action: "
_USERSPACE = "U"
#: Last bytes of the values from which PCR 0 starts, by the locality of the TPM's start.
_LOCALITIES = (3, 4)


def log_of(data: bytes, account: Account) -> Log:
    """Read a report; see `evlog.read`. Raises ParseError if there is no record in it."""
    calculated: dict[tuple[Register, HashAlg], bytes] = {}
    try:
        for name, row, start, end in Document(data).items(("log", "pcrs")):
            if name == "log":
                _add(account, row, start, end)
            elif name == "pcrs":
                _replayed(row, calculated)
            else:
                account.note("unknown_member", "note", "an unknown member is not kept", None, start)
    except ParseError as error:
        account.stop(error)
    _compare(account, calculated)
    return account.log("systemd-pcrlock", "EV_NO_ACTION events, of which a StartupLocality is one")


def _add(account: Account, row: Any, start: int, end: int) -> None:
    """Take a row down. Raises ParseError for one that names no register."""
    number = len(account.events)
    register = _register(row)
    if register is None:
        raise ParseError("a row without the number of a PCR", offset=start, where=f"events[{number}]")
    digests = []
    for name, value in row.items():
        if value is None or not is_bank(name):
            continue
        try:
            digests.append(digest_of(name, value))
        except ValueError as error:
            account.note("bad_digest", "error", str(error), number, start)
    account.add(register, digests, _content(account, row, register, digests), start, end)


def _register(row: Any) -> Register | None:
    if not isinstance(row, dict):
        return None
    index, name = row.get("pcr"), row.get("pcrname")
    if type(index) is int and 0 <= index <= 0xFFFFFFFF:
        return Register("pcr", index)
    # Of a register that is none of the PCRs the tables have a name alone.
    if index is None and isinstance(name, str):
        try:
            return Register.parse(f"mr:{name}")
        except UsageError:
            return None
    return None


def _content(account: Account, row: dict[str, Any], register: Register, digests: list[Digest]) -> Content:
    name, description, component = (_text(row.get(key)) for key in ("event", "description", "component"))
    if row.get("phase") == _USERSPACE:
        for string in dict.fromkeys((description, description.removeprefix(_STRING))):
            record = SystemdRecord(string, event_type=name or None)
            if is_proven(Event(0, register, tuple(digests), record)):
                return record
        return DigestOnly(None, ": ".join(part for part in (name, component, description) if part))
    event_type = _type(row.get("event"))
    told = (*(() if event_type is not None else (name,)), component, description)
    action = description.removeprefix(_ACTION)
    data = [action.encode("utf-8", "surrogatepass")] if action != description else []
    return account.pcclient(register, digests, event_type, data, ": ".join(part for part in told if part))


def _type(event: Any) -> int | None:
    """The event type of a name in systemd's spelling, or of a number, which some versions print in hex."""
    if type(event) is int:
        return event if 0 <= event <= 0xFFFFFFFF else None
    if not isinstance(event, str):
        return None
    named = number_of(f"EV_{event.replace('-', '_')}")
    if named is not None or len(event) > 10:
        return named
    return number_of(event if event[:2] in ("0x", "0X") else f"0x{event}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _replayed(row: Any, calculated: dict[tuple[Register, HashAlg], bytes]) -> None:
    """What pcrlock says that a register replays to."""
    if not isinstance(row, dict) or type(row.get("pcr")) is not int or row["pcr"] < 0:
        return
    for name, value in row.items():
        bank = name.removeprefix(_CALCULATED)
        if bank == name or not is_bank(bank) or not isinstance(value, str):
            continue
        try:
            digest = digest_of(bank, value)
        except ValueError:
            continue
        if len(digest.value) == HashAlg.named(bank).size:
            calculated[Register("pcr", row["pcr"]), HashAlg.named(bank)] = digest.value


def _compare(account: Account, calculated: dict[tuple[Register, HashAlg], bytes]) -> None:
    """Hold pcrlock's own replay against the events."""
    backend = hashing.backend()
    extended: dict[tuple[Register, HashAlg], list[bytes]] = {}
    for event in account.events:
        for digest in event.digests:
            if (event.register, digest.alg) in calculated:
                extended.setdefault((event.register, digest.alg), []).append(digest.value)
    for (register, bank), digests in extended.items():
        value = calculated[register, bank]
        if not backend.computable(bank) or backend.fold(bank, bytes(bank.size), digests) == value:
            continue
        why = "the events lead to another value from zeros"
        for last in _LOCALITIES if register == PCR0 else ():
            if backend.fold(bank, bytes(bank.size - 1) + bytes([last]), digests) == value:
                why = f"it started at {last}, as after a start from that locality, of which the table has no row"
        message = f"{register} in {bank} is not what the tool replayed it to: {why}"
        account.note("report_value", "warning", message)
