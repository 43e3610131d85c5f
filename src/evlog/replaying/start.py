"""The value that a register has before a log's first event, and why: what the log implies, states, or was told.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3.2 (locality and H-CRTM start values).
"""

from __future__ import annotations

from evlog import hashing
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, is_launch
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.startup_locality import locality_of
from evlog.registers import Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Registers

__all__ = ["counts_of", "implied_starts", "reset_value", "size_of", "start_of"]

_PCR0 = Register("pcr", 0)
#: PCRs that start as ones, and as zeros after a dynamic launch.
_ONES = range(17, 23)
_EVENT = 160  # bytes of a usual event, where a log does not tell its size


def reset_value(register: Register, alg: HashAlg) -> bytes:
    """The value of a register at reset, where no log says otherwise: PCR 17 to 22 are ones, all others zeros."""
    ones = register.space == "pcr" and register.index in _ONES
    return b"\xff" * alg.size if ones else bytes(alg.size)


def start_of(
    register: Register, alg: HashAlg, log: Log, given: Registers | None, implied: dict[Register, tuple[int, str]]
) -> tuple[bytes, str]:
    """The value of a register before a log's first event, and why: as `RegisterValue.start_reason` says."""
    if given is not None or log.start is not None:
        for table, reason in ((given, "given"), (log.start, "log")):
            value = table.get(register, alg) if table is not None else None
            if value is not None:
                return value, reason
    if implied and register in implied:
        last, reason = implied[register]
        return bytes(alg.size - 1) + bytes((last,)), reason
    value = reset_value(register, alg)
    return value, "ones" if any(value) else "zeros"


def size_of(log: Log) -> int:
    """About how many bytes the log has, for the choice of a backend."""
    return len(log.events) * _EVENT if log.columns is None else len(log.columns.buffer)


def counts_of(log: Log) -> Mapping[int, int]:
    """How many rows extend each register index; empty for a log without columns."""
    return {} if log.columns is None else hashing.backend(size_of(log)).tally(log.columns.registers)


def implied_starts(log: Log, counts: Mapping[int, int]) -> dict[Register, tuple[int, str]]:
    """Start values that events of the log imply: the last byte of the register, and the reason.

    PCR 0 starts at the locality of TPM2_Startup, or at 4 if the H-CRTM was measured; PCR 17 to 22 at zero
    after a dynamic launch. ``counts`` are the rows on each register, if the log has columns.
    """
    implied: dict[Register, tuple[int, str]] = {}
    for event in _notable(log):
        content = event.content
        if not isinstance(content, PCClientEvent) or event.register != _PCR0:
            continue
        if content.event_type == EV_EFI_HCRTM_EVENT:
            implied[_PCR0] = 4, "h-crtm"
            continue
        locality = locality_of(content.event_type, content.data)
        if locality is not None:
            implied.setdefault(_PCR0, (locality, "locality" if locality else "zeros"))
    for first in _firsts(log, counts):
        if isinstance(first.content, PCClientEvent) and is_launch(first.content.event_type):
            implied[first.register] = 0, "drtm"
    return implied


def _notable(log: Log) -> Iterable[Event]:
    """The events that may bear on start values: those the scanner noted, or all."""
    columns = log.columns
    return log.events if columns is None else (log.events[row] for row in columns.notable)


def _firsts(log: Log, counts: Mapping[int, int]) -> Iterable[Event]:
    """The first event on each of the PCRs that start as ones, where there is one."""
    columns = log.columns
    if columns is None:
        firsts: dict[Register, Event] = {}
        for event in log.events:
            if event.register.index in _ONES and event.register.space == "pcr" and event.measured:
                firsts.setdefault(event.register, event)
        return firsts.values()
    indices = [columns.index(Register("pcr", number)) for number in _ONES]
    return [log.events[columns.registers.index(each)] for each in indices if each is not None and each in counts]
