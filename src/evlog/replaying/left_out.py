"""Measured events that no replay follows, because their register is none that such events extend.

Source: TCG PC Client Platform TPM Profile 1.05, section 4.6 (24 PCRs); UEFI 2.10 section 38.4.1 (measurement register
0 is the build-time one). PCR 0xFFFFFFFF says of itself that it is no register.
"""

from __future__ import annotations

from evlog.columns import NOT_EXTENDED, rows_of
from evlog.model import Finding
from evlog.registers import NO_REGISTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from evlog.columns import Columns
    from evlog.model import Event, Log
    from evlog.registers import Register

__all__ = ["left_out", "unfollowed"]

_MOST = 32  # registers that are named


def left_out(log: Log) -> list[Finding]:
    """A finding for each register whose events are left out, with the number of the first of them."""
    found: dict[Register, list[int]] = {}
    for event in _candidates(log):
        if event.measured and not event.replayable and event.register.index != NO_REGISTER:
            found.setdefault(event.register, []).append(event.number)
    findings = [
        Finding("not_replayed", "warning", f"{_events(numbers)} on {register}: {_why(register)}", numbers[0])
        for register, numbers in list(found.items())[:_MOST]
    ]
    if len(found) > _MOST:
        findings.append(Finding("not_replayed", "warning", f"events on {len(found) - _MOST} more such registers"))
    return findings


def _events(numbers: list[int]) -> str:
    return "an event" if len(numbers) == 1 else f"{len(numbers)} events"


def _why(register: Register) -> str:
    if register.space == "pcr":
        return "no TPM of a PC has that PCR, and nothing was replayed into it"
    if register.space == "ccmr" and register.index == 0:
        return "nothing extends it after the build, and nothing was replayed into it"
    return "such events do not extend it, and nothing was replayed into it"


def _candidates(log: Log) -> Iterator[Event]:
    """The events that may be left out. Most logs with columns have none, or few that no bytes tell from others."""
    columns = log.columns
    if columns is None:
        yield from log.events
        return
    # Comments are not measured, and a log may have a million of them; and IMA's rooms tell what is on no register.
    if columns.named is not None and all(register.replayable for register in columns.named):
        return
    # Of a merged log such a finding is that of a part, and has no event.
    if any(finding.code == "no_register" and finding.event is not None for finding in log.findings):
        return
    yield from unfollowed(log, columns)


def unfollowed(log: Log, columns: Columns) -> Iterator[Event]:
    """At least the measured events that extend no register that replay follows."""
    if columns.silent:
        return
    for row in rows_of(columns.registers, NOT_EXTENDED):
        if not _is_no_action(columns, row):
            yield log.events[row]


def _is_no_action(columns: Columns, row: int) -> bool:
    """Whether the row's event type says that it is not measured, as far as its bytes tell."""
    from evlog.contents.event_types import EV_NO_ACTION

    if columns.typed is None:
        return False
    at = columns.offsets[row] + 4
    order: Literal["little", "big"] = "big" if columns.typed == "big" else "little"
    return int.from_bytes(columns.buffer[at : at + 4], order) == EV_NO_ACTION
