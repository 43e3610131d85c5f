"""Who decodes what: the families by event type, and the claims that each family's file makes.

A family is imported when an event of one of its types is met. Of the claims that fit an event the most specific wins:
the longest prefix, then one that names registers. Two claims of which neither is more specific fail when they are made.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.contents.pcclient import EVENT_TYPES
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

__all__ = ["CONTENTS", "FAMILIES", "Claim", "claims", "decodes"]

#: The files with decoders, and the event types that they claim: by name, or by number where there is none.
FAMILIES: dict[str, tuple[str | int | range, ...]] = {
    "compact_hash": ("EV_COMPACT_HASH",),
    "crtm": ("EV_S_CRTM_VERSION", "EV_PLATFORM_CONFIG_FLAGS", "EV_NONHOST_INFO"),
    "efi_action": ("EV_ACTION", "EV_EFI_ACTION", "EV_OMIT_BOOT_DEVICE_EVENTS"),
    "efi_variable": (
        "EV_EFI_VARIABLE_DRIVER_CONFIG",
        "EV_EFI_VARIABLE_BOOT",
        "EV_EFI_VARIABLE_BOOT2",
        "EV_EFI_VARIABLE_AUTHORITY",
        "EV_EFI_SPDM_DEVICE_POLICY",
        "EV_EFI_SPDM_DEVICE_AUTHORITY",
    ),
    "firmware_blob": (
        "EV_EFI_PLATFORM_FIRMWARE_BLOB",
        "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
        "EV_POST_CODE",
        "EV_POST_CODE2",
        "EV_S_CRTM_CONTENTS",
    ),
    "gpt": ("EV_EFI_GPT_EVENT", "EV_EFI_GPT_EVENT2"),
    "handoff_tables": ("EV_EFI_HANDOFF_TABLES", "EV_EFI_HANDOFF_TABLES2", "EV_TABLE_OF_DEVICES"),
    "image_load": (
        "EV_EFI_BOOT_SERVICES_APPLICATION",
        "EV_EFI_BOOT_SERVICES_DRIVER",
        "EV_EFI_RUNTIME_SERVICES_DRIVER",
    ),
    "ipl": ("EV_IPL",),
    "launch": (range(0x400, 0x500), range(0x8000, 0x8400), range(0x9000, 0x9100)),
    "mbr": ("EV_IPL_PARTITION_DATA",),
    "no_action": ("EV_NO_ACTION",),
    "plain": (
        "EV_PREBOOT_CERT",
        "EV_UNUSED",
        "EV_CPU_MICROCODE",
        "EV_NONHOST_CODE",
        "EV_NONHOST_CONFIG",
        "EV_NONHOST_INFO",
        "EV_EFI_EVENT_BASE",
        "EV_EFI_HCRTM_EVENT",
    ),
    "separator": ("EV_SEPARATOR",),
    "sipa": ("EV_NO_ACTION",),
    "spdm": ("EV_NO_ACTION", "EV_EFI_SPDM_FIRMWARE_BLOB", "EV_EFI_SPDM_FIRMWARE_CONFIG"),
    "tagged": ("EV_EVENT_TAG",),
}

#: The files that decode contents of other kinds than PC Client events, by the kind; each has a ``read_content``.
CONTENTS = {"ima": "ima"}

_NUMBERS = {name: number for number, name in EVENT_TYPES.items()}
#: Claims by event type, of the families imported so far.
_claims: dict[int, list[Claim]] = {}
#: Families by event type that wait for an event of that type; made when the first event comes.
_waiting: dict[int, list[str]] = {}


class Claim(Record):
    """A decoder and the events that it is for: with a body that starts so, and on these registers (empty: on any)."""

    read: Callable[[Cursor, Context], Decoded]
    prefix: bytes = b""
    registers: frozenset[str] = frozenset()

    @property
    def rank(self) -> tuple[int, bool]:
        """How specific the claim is."""
        return len(self.prefix), bool(self.registers)

    def clashes(self, other: Claim) -> bool:
        """Whether an event could fit both, with nothing to choose between them."""
        if self.prefix != other.prefix or bool(self.registers) != bool(other.registers):
            return False
        return not self.registers or not self.registers.isdisjoint(other.registers)


def decodes(*types: str | int | range, registers: Iterable[str] = (), prefix: bytes = b"") -> Callable[[T], T]:
    """Register a decoder for event types: a Decoded class, by its ``read``, or a function with the same arguments.

    ``types`` are names of event types, numbers or ranges of numbers. ``registers`` are ids such as ``pcr:8`` and
    ``ccmr:3``; hardware registers of confidential VMs (``rtmr:2``, ``rem:2``) are met by the ``ccmr`` that they are.
    Raises ValueError for a clash with a decoder that is already there, KeyError for an unknown name.
    """

    def register(decoder: T) -> T:
        read: Any = getattr(decoder, "read", decoder)
        claim = Claim(read, prefix, frozenset(registers))
        for number in _event_types(types):
            others = _claims.setdefault(number, [])
            for other in others:
                if claim.clashes(other):
                    names = f"{_name(claim)} and {_name(other)}"
                    raise ValueError(f"{names} both decode event type {number:#010x}, prefix {prefix!r}")
            others.append(claim)
            others.sort(key=lambda claim: claim.rank, reverse=True)
        return decoder

    return register


def claims(event_type: int, register: Register, data: bytes, platform: str | None) -> Claim | None:
    """The most specific claim on an event of a log of this platform, or None."""
    _import_families(event_type)
    name = ""
    for claim in _claims.get(event_type, ()):
        if not data.startswith(claim.prefix):
            continue
        if claim.registers:
            name = name or str(Platform.counting(register.space, platform).ccmr_of(register))
            if name not in claim.registers:
                continue
        return claim
    return None


def _import_families(event_type: int) -> None:
    if not _waiting:
        for module, types in FAMILIES.items():
            for number in _event_types(types):
                _waiting.setdefault(number, []).append(module)
    modules = _waiting.get(event_type)
    if modules:
        from importlib import import_module

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
