"""What firmware and kernel hand over in a configuration table that has a log in it.

Spec: TCG EFI Protocol Specification, section 7 (EFI_TCG2_FINAL_EVENTS_TABLE: u64 version, u64 number of events,
events). Source: Linux, include/linux/tpm_eventlog.h (linux_efi_tpm_eventlog: u32 size, u32 bytes of the final events in
it, u8 version, log).
"""

from __future__ import annotations

from evlog.intake.places import Layer, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from evlog.intake.budget import Budget

__all__ = ["places"]


def places(data: bytes, budget: Budget) -> Iterator[Place]:
    """The log in a table."""
    if data[:8] == b"\1\0\0\0\0\0\0\0" and 0 < int.from_bytes(data[8:16], "little") < len(data):
        budget.spend(len(data))
        yield Place("", [Layer("an EFI final events table", data[16:])])
    if len(data) > 9 and data[8] in (1, 2) and int.from_bytes(data[:4], "little") == len(data) - 9:
        budget.spend(len(data))
        yield Place("", [Layer("Linux's event log table", data[9:])])
