"""One name for one register: what logs of different kinds call it on a confidential platform.

Sources: UEFI 2.10 section 38.4.1 (PCR to CC measurement register); Intel TDX and Arm RMM (the hardware counts from 0
where the CCEL counts from 1). The CC measurement register is the common name, because every other has one.
"""

from __future__ import annotations

from evlog.model import LazyEvents
from evlog.registers import LAST_CCMR, PCR_TO_CCMR, PLATFORMS, Platform, Register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evlog.columns import Columns
    from evlog.model import Log

    Naming = Callable[[Register], Register]

__all__ = ["banks_of_platform", "platform_of", "renames", "unite", "united"]

# The bank of a confidential platform's registers. A log of PCRs with other banks is that of a virtual TPM beside them.
_BANKS = {"tdx": {"sha384"}, "csv": {"sm3_256"}, "cca": {"sha256", "sha512"}}
# Registers of a log that are counted rather than named.
_MOST = 64


def platform_of(logs: Sequence[Log], platform: str | None = None) -> str | None:
    """The platform that was given, or else the first that a log tells of."""
    return platform or next((log.platform for log in logs if log.platform), None)


def banks_of_platform(platform: str | None) -> frozenset[str]:
    """The names of the banks that the measurement registers of a confidential platform can have."""
    return frozenset(_BANKS.get(platform or "", ()))


def renames(platform: str | None) -> bool:
    """Whether the platform has several names for some register."""
    known = PLATFORMS.get(platform or "")
    return known is not None and known.native != "pcr"


def united(register: Register, platform: str | None) -> Register:
    """A hardware register (``rtmr:2``, ``rem:0``) as the CC measurement register that it is; any other as it is."""
    known = PLATFORMS.get(platform or "")
    return register if known is None else known.ccmr_of(register)


def unite(logs: Sequence[Log], platform: str | None = None) -> tuple[Log, ...]:
    """The logs, with their registers called by one name. They stay as they are where no platform has several names.

    A single log keeps its own names unless the platform is given.
    """
    known = PLATFORMS.get(platform_of(logs, platform) or "")
    if known is None or known.native == "pcr" or (platform is None and len(logs) < 2):
        return tuple(logs)
    return tuple(_renamed(log, known) for log in logs)


def _renamed(log: Log, platform: Platform) -> Log:
    banks = {alg.name for alg in log.algorithms}
    native = bool(banks) and banks <= _BANKS.get(platform.id, set())

    def name(register: Register) -> Register:
        register = united(register, platform.id)
        return _from_pcr(register, platform) if native and register.space == "pcr" else register

    if log.columns is not None:
        return _renamed_columns(log, log.columns, name)
    renamed = tuple(event.replace(register=name(event.register)) for event in log.events)
    return log if renamed == tuple(log.events) else log.replace(events=renamed)


def _renamed_columns(log: Log, columns: Columns, name: Naming) -> Log:
    used = columns.indices if columns.named is None else set(range(len(columns.names or ())))
    if all(name(columns.register(index)) == columns.register(index) for index in used):
        return log
    names = columns.names
    if names is None and max(used) < _MOST:
        names = tuple(Register(columns.space, index) for index in range(max(used) + 1))
    renamed = tuple(name(old) if index in used else old for index, old in enumerate(names or ()))
    if len(set(renamed)) < len(renamed) or names is None:
        # Two become one, so that the order between them counts: no column can say that.
        return log.replace(events=tuple(event.replace(register=name(event.register)) for event in log.events))
    assert isinstance(log.events, LazyEvents)
    return log.replace(events=log.events.renamed(columns.replace(names=renamed), name))


def _from_pcr(register: Register, platform: Platform) -> Register:
    """The measurement register that a PCR number means where there are no PCRs.

    IMA and agents put the hardware's own index (0 to 3) into the field; firmware's PCR numbers map as UEFI says, and
    what UEFI maps nowhere is extended at run time into the last register.
    """
    counted = platform.ccmr_of(Register(platform.native, register.number))
    if counted.number <= LAST_CCMR:
        return counted
    return Register("ccmr", PCR_TO_CCMR.get(register.number, LAST_CCMR))
