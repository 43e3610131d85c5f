"""The two events of Linux's EFI stub: its load options and its initrd.

Source: Linux drivers/firmware/efi/libstub/efi-stub-helper.c (6.1 and 6.12): LoadOptions as the loader set them, then
what LoadFile2 gives for LINUX_EFI_INITRD_MEDIA_GUID, if it is not empty.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_EVENT_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evlog.predicting.draft import Draft, Step

__all__ = ["INITRD", "OPTIONS", "concatenated", "events"]

#: The events' data: tag, size, description.
OPTIONS = bytes.fromhex("ed223b8f1a000000") + b"LOADED_IMAGE::LoadOptions\0"
INITRD = bytes.fromhex("ec223b8f0d000000") + b"Linux initrd\0"


def events(draft: Draft, after: Step | None = None) -> tuple[Step | None, Step | None]:
    """The load options' step and the initrd's, behind a step; None for one that is not there, or there twice."""
    start = draft.index(after) if after is not None else 0
    found = []
    for data in (OPTIONS, INITRD):
        steps = [step for step in draft.steps[start:] if step.is_of(9, EV_EVENT_TAG) and step.data == data]
        found.append(steps[0] if len(steps) == 1 else None)
    return found[0], found[1]


def concatenated(parts: Sequence[bytes], fill_last: bool = False) -> bytes:
    """Initrds as one: each but the last filled with zeros to a multiple of 4; all of them if ``fill_last``."""
    if len(parts) == 1:
        return parts[0]
    last = len(parts) - 1
    return b"".join(p + (bytes(-len(p) % 4) if fill_last or n < last else b"") for n, p in enumerate(parts))
