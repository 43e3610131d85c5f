"""What tpm2_eventlog replayed itself, held against the events.

It starts every register from zeros, and some versions extend EV_NO_ACTION events.
"""

from __future__ import annotations

import re

from evlog import hashing
from evlog.algorithms import HashAlg
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, EV_NO_ACTION, is_launch, type_of
from evlog.contents.launch import is_reset
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.startup_locality import locality_of
from evlog.errors import EvlogError
from evlog.registers import PCR0, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.formats.reports.account import Account
    from evlog.model import Event

__all__ = ["compare", "take"]

_VALUE = re.compile(r"\s*(\d+)\s*:\s*0x([0-9a-fA-F]*)\s*")


def take(
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


def compare(account: Account, replayed: dict[tuple[Register, HashAlg], bytes]) -> None:
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
        if event.register == PCR0 and (
            event_type == EV_EFI_HCRTM_EVENT or locality_of(event_type, data) not in (None, 0)
        ):
            found.add(event.register)
        launched = launched or (is_reset(event.register) and is_launch(event_type))
    if not launched:
        found |= {event.register for event in events if is_reset(event.register)}
    return found
