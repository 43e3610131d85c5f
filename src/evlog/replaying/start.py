"""The value that a register has before a log's first event, and why: what the log implies, states, or was told.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 3.3.2 (locality and H-CRTM start values); TCG PC Client
Platform TPM Profile 1.05, section 4.6.2 (a dynamic launch resets PCR 17 to 22 together).
"""

from __future__ import annotations

from evlog import hashing
from evlog.contents.event_types import EV_EFI_HCRTM_EVENT, type_of
from evlog.contents.launch import LAUNCH_PCRS, is_reset, tells_of_launch
from evlog.contents.pcclient import PCClientEvent
from evlog.contents.startup_locality import locality_of
from evlog.registers import PCR0, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evlog.algorithms import HashAlg
    from evlog.model import Event, Log
    from evlog.registers import Registers

__all__ = ["counts_of", "implied_starts", "launched", "reset_value", "size_of", "start_of"]

#: What a dynamic launch implies, wherever it is told of.
_LAUNCHED = {Register("pcr", index): (0, "drtm") for index in LAUNCH_PCRS}
_EVENT = 160  # bytes of a usual event, where a log does not tell its size


def reset_value(register: Register, alg: HashAlg, *, launch: bool = False) -> bytes:
    """The value of a register at reset: zeros, but PCR 17 to 22 are ones until there is a dynamic launch."""
    return b"\xff" * alg.size if is_reset(register) and not launch else bytes(alg.size)


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


def implied_starts(logs: Sequence[Log], beside: Iterable[Log] = ()) -> list[dict[Register, tuple[int, str]]]:
    """For each log the start values that events imply: the last byte of the register, and the reason.

    PCR 0 starts at the locality of TPM2_Startup, or at 4 if the H-CRTM was measured: its own log tells. PCR 17 to 22
    start at zero after a dynamic launch, whichever of the logs tells of it, those ``beside`` them included.
    """
    found = [_implied(log) for log in logs]
    if any(launch for _, launch in found) or launched(beside):
        for implied, _ in found:
            implied.update(_LAUNCHED)
    return [implied for implied, _ in found]


def launched(logs: Iterable[Log]) -> bool:
    """Whether some log tells of a dynamic launch."""
    return any(_tells_of_launch(event) for log in logs for event in _notable(log))


def _tells_of_launch(event: Event) -> bool:
    event_type = type_of(event.content)
    return event_type is not None and tells_of_launch(event_type, event.register)


def _implied(log: Log) -> tuple[dict[Register, tuple[int, str]], bool]:
    """The start values that a log implies by itself, and whether it tells of a dynamic launch."""
    implied: dict[Register, tuple[int, str]] = {}
    launch = False
    for event in _notable(log):
        content = event.content
        event_type = type_of(content)
        if event_type is None:
            continue
        if event.register != PCR0:
            launch = launch or tells_of_launch(event_type, event.register)
            continue
        if event_type == EV_EFI_HCRTM_EVENT:
            implied[PCR0] = 4, "h-crtm"
            continue
        locality = locality_of(event_type, content.data) if isinstance(content, PCClientEvent) else None
        if locality is not None:
            implied.setdefault(PCR0, (locality, "locality" if locality else "zeros"))
    return implied, launch


def _notable(log: Log) -> Iterable[Event]:
    """The events that may bear on start values: those the scanner noted, or all."""
    columns = log.columns
    return log.events if columns is None else (log.events[row] for row in columns.notable)
