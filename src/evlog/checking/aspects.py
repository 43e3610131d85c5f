"""What the checks of a whole log see of a record: logs whose records look alike have the same findings.

Machines of one model differ in the partitions, boot options and command lines that they measure, which the checks look
at one by one, and never hold against each other. Events of all other types are their own aspect.
"""

from __future__ import annotations

from evlog.checking import quirks, structure
from evlog.contents.event_types import (
    EV_COMPACT_HASH,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_GPT_EVENT,
    EV_EFI_GPT_EVENT2,
    EV_EFI_HANDOFF_TABLES,
    EV_EFI_HANDOFF_TABLES2,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_BOOT2,
    EV_EVENT_TAG,
    EV_IPL,
    EV_PLATFORM_CONFIG_FLAGS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable

    from evlog.checking.facts import Row

__all__ = ["aspect_of"]

#: Types of which no check compares the data of two events, or of two logs.
_SINGLE = frozenset(
    (
        EV_COMPACT_HASH,
        EV_EFI_BOOT_SERVICES_APPLICATION,
        EV_EFI_BOOT_SERVICES_DRIVER,
        EV_EFI_GPT_EVENT,
        EV_EFI_GPT_EVENT2,
        EV_EFI_HANDOFF_TABLES,
        EV_EFI_HANDOFF_TABLES2,
        EV_EFI_RUNTIME_SERVICES_DRIVER,
        EV_EFI_VARIABLE_AUTHORITY,
        EV_EFI_VARIABLE_BOOT,
        EV_EFI_VARIABLE_BOOT2,
        EV_EVENT_TAG,
        EV_IPL,
        EV_PLATFORM_CONFIG_FLAGS,
    )
)


def aspect_of(row: Row) -> Hashable | None:
    """All that the checks of a log see of an event but its place; None for one of which they may see anything."""
    if row.type not in _SINGLE:
        return None
    return (
        row.type,
        row.register,
        row.measured,
        tuple((check.verdict, check.rule) for check in row.checks),
        structure.seen_in(row),
        quirks.seen_in(row),
    )
