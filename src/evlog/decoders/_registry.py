"""Who decodes what: the decoders by event type, and the claims that each family's file makes for them.

A family is imported when an event of one of its types is met. Of the claims that fit an event the most specific wins:
the longest prefix, then one that names registers, then a caller's own. That no two decoders of the table want the same
event is tested, and not asked while a log is read.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.event_types import EVENT_TYPES, LAUNCH_TYPES
from evlog.registers import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from evlog.cursor import Cursor
    from evlog.decoders._context import Context
    from evlog.decoders._decoded import Decoded
    from evlog.registers import Register

    T = TypeVar("T")

__all__ = ["CONTENTS", "DECODERS", "FAMILIES", "Claim", "claims_of", "decodes"]

#: The decoders by family and name, and the event types that each is for: by name, or by number where there is none.
#: What a decoder asks for besides, a prefix or registers, stands beside it under `decodes`.
DECODERS: dict[str, tuple[str | range, ...]] = {
    "compact_hash.CompactHash": ("EV_COMPACT_HASH",),
    "crtm.FirmwareVersion": ("EV_S_CRTM_VERSION",),
    "crtm.PlatformConfig": ("EV_PLATFORM_CONFIG_FLAGS",),
    "crtm.QemuFile": ("EV_PLATFORM_CONFIG_FLAGS",),
    "crtm.GceNonHostInfo": ("EV_NONHOST_INFO",),
    "crtm.CsmeEvent": ("EV_NONHOST_INFO",),
    "efi_action.Action": ("EV_ACTION", "EV_EFI_ACTION", "EV_OMIT_BOOT_DEVICE_EVENTS"),
    "efi_variable.variable": (
        "EV_EFI_VARIABLE_DRIVER_CONFIG",
        "EV_EFI_VARIABLE_BOOT",
        "EV_EFI_VARIABLE_BOOT2",
        "EV_EFI_SPDM_DEVICE_POLICY",
    ),
    "efi_variable.variable_authority": ("EV_EFI_VARIABLE_AUTHORITY", "EV_EFI_SPDM_DEVICE_AUTHORITY"),
    "firmware_blob.FirmwareBlob2": ("EV_EFI_PLATFORM_FIRMWARE_BLOB2",),
    "firmware_blob.blob_or_text": (
        "EV_EFI_PLATFORM_FIRMWARE_BLOB",
        "EV_POST_CODE",
        "EV_POST_CODE2",
        "EV_S_CRTM_CONTENTS",
    ),
    "gpt.Gpt": ("EV_EFI_GPT_EVENT", "EV_EFI_GPT_EVENT2"),
    "handoff_tables.HandoffTables": ("EV_EFI_HANDOFF_TABLES",),
    "handoff_tables.HandoffTables2": ("EV_EFI_HANDOFF_TABLES2",),
    "handoff_tables.table_of_devices": ("EV_TABLE_OF_DEVICES",),
    "image_load.ImageLoad": (
        "EV_EFI_BOOT_SERVICES_APPLICATION",
        "EV_EFI_BOOT_SERVICES_DRIVER",
        "EV_EFI_RUNTIME_SERVICES_DRIVER",
    ),
    "ipl.GrubCommand": ("EV_IPL",),
    "ipl.MokVariable": ("EV_IPL",),
    "ipl.ipl": ("EV_IPL",),
    "launch.LaunchEvent": LAUNCH_TYPES,
    "mbr.partition_data": ("EV_IPL_PARTITION_DATA",),
    "no_action.SpecIdEvent": ("EV_NO_ACTION",),
    "no_action.StartupLocality": ("EV_NO_ACTION",),
    "no_action.HcrtmComponent": ("EV_NO_ACTION",),
    "no_action.Sp800155Event": ("EV_NO_ACTION",),
    "no_action.Sp800155Event2": ("EV_NO_ACTION",),
    "plain.text": (
        "EV_PREBOOT_CERT",
        "EV_UNUSED",
        "EV_CPU_MICROCODE",
        "EV_NONHOST_CODE",
        "EV_NONHOST_CONFIG",
        "EV_NONHOST_INFO",
        "EV_EFI_EVENT_BASE",
        "EV_EFI_HCRTM_EVENT",
    ),
    "separator.Separator": ("EV_SEPARATOR",),
    "sipa.trust_point": ("EV_NO_ACTION",),
    "spdm.DeviceSecurity": ("EV_EFI_SPDM_FIRMWARE_BLOB", "EV_EFI_SPDM_FIRMWARE_CONFIG"),
    "spdm.DeviceSecurity2": ("EV_EFI_SPDM_FIRMWARE_BLOB", "EV_EFI_SPDM_FIRMWARE_CONFIG"),
    "spdm.NvIndexInstance": ("EV_NO_ACTION",),
    "spdm.NvIndexDynamic": ("EV_NO_ACTION",),
    "tagged.tagged": ("EV_EVENT_TAG",),
}

#: The files with decoders.
FAMILIES = tuple(dict.fromkeys(name.partition(".")[0] for name in DECODERS))

#: The files that decode contents of other kinds than PC Client events, by the kind; each has a ``read_content``.
CONTENTS = {"ima": "ima"}

_NUMBERS = {name: number for number, name in EVENT_TYPES.items()}
#: Claims by event type: a caller's own, and those of the families imported so far.
_claims: dict[int, list[Claim]] = {}
#: Families by event type that wait for an event of that type; made when the first event comes.
_waiting: dict[int, list[str]] = {}
#: What was made of the claims (`evlog.decoders._reader`): nothing, as soon as there is another one.
readers: dict[tuple[int, Register, int | None, bytes, str | None], Any] = {}


class Claim(Record):
    """A decoder and the events that it is for: with a body that starts so, and on these registers (empty: on any).

    ``own`` is whether it is a caller's own, and not in the table.
    """

    read: Callable[[Cursor, Context], Decoded]
    prefix: bytes = b""
    registers: frozenset[str] = frozenset()
    own: bool = False

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """How specific the claim is."""
        return len(self.prefix), bool(self.registers), self.own

    def clashes(self, other: Claim) -> bool:
        """Whether an event could fit both, with nothing to choose between them."""
        if self.rank != other.rank or self.prefix != other.prefix:
            return False
        return not self.registers or not self.registers.isdisjoint(other.registers)


def decodes(*types: str | int | range, registers: Iterable[str] = (), prefix: bytes = b"") -> Callable[[T], T]:
    """Register a decoder: a Decoded class, by its ``read``, or a function with the same arguments.

    Without ``types`` it is one of `DECODERS`, which has its event types. With them, names of event types, numbers or
    ranges of numbers, it is a caller's own, and goes before one of the table that is as specific. ``registers`` are
    ids such as ``pcr:8`` and ``ccmr:3``; hardware registers of confidential VMs (``rtmr:2``, ``rem:2``) are met by the
    ``ccmr`` that they are. Raises ValueError if two of a caller's own clash, KeyError for an unknown name.
    """

    def register(decoder: T) -> T:
        named: Any = decoder
        read: Any = getattr(decoder, "read", decoder)
        claim = Claim(read, prefix, frozenset(registers), bool(types))
        readers.clear()
        listed = types or DECODERS[f"{named.__module__.rpartition('.')[2]}.{named.__qualname__}"]
        for number in _event_types(listed):
            others = _claims.setdefault(number, [])
            for other in others if claim.own else ():
                if claim.clashes(other):
                    names = f"{_name(claim)} and {_name(other)}"
                    raise ValueError(f"{names} both decode event type {number:#010x}, prefix {prefix!r}")
            others.append(claim)
            others.sort(key=lambda claim: claim.rank, reverse=True)
        return decoder

    return register


def claims_of(event_type: int, register: Register, platform: str | None) -> tuple[Claim, ...]:
    """The claims on events of a type on a register of a log of this platform: the first whose prefix fits counts."""
    _import_families(event_type)
    listed = _claims.get(event_type, ())
    if not any(claim.registers for claim in listed):
        return tuple(listed)
    name = str(Platform.counting(register.space, platform).ccmr_of(register))
    return tuple(claim for claim in listed if not claim.registers or name in claim.registers)


def _import_families(event_type: int) -> None:
    if not _waiting:
        for name, types in DECODERS.items():
            for number in _event_types(types):
                _waiting.setdefault(number, []).append(name.partition(".")[0])
    modules = _waiting.get(event_type)
    if modules:
        from evlog._record import import_module

        for module in modules:
            import_module(f"evlog.decoders.{module}")
        _waiting[event_type] = []


def _event_types(types: Iterable[str | int | range]) -> set[int]:
    numbers: set[int] = set()
    for item in types:
        if isinstance(item, range):
            numbers.update(item)
        else:
            numbers.add(item if isinstance(item, int) else _NUMBERS[item])
    return numbers


def _name(claim: Claim) -> str:
    return f"{claim.read.__module__}.{claim.read.__qualname__}"
