"""StartupLocality: the EV_NO_ACTION event that says from which locality the TPM was started, and so where PCR 0 starts.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.5.3. coreboot pads it with zeros to the size that
all of its events have.
"""

from __future__ import annotations

from evlog.contents.event_types import EV_NO_ACTION

__all__ = ["LOCALITIES", "SIGNATURE", "is_startup_locality", "locality_of"]

SIGNATURE = b"StartupLocality\0"
#: Localities that can start a TPM: 4 says that an H-CRTM event came first.
LOCALITIES = (0, 3, 4)


def is_startup_locality(event_type: int, data: bytes) -> bool:
    """Whether such an event is one, whatever it says."""
    return event_type == EV_NO_ACTION and data.startswith(SIGNATURE)


def locality_of(event_type: int, data: bytes) -> int | None:
    """The locality that such an event states, one of `LOCALITIES`; None if it does not count, or is another event."""
    if not is_startup_locality(event_type, data):
        return None
    stated = data[len(SIGNATURE) :]
    # Anything but padding after the locality makes it no StartupLocality.
    return stated[0] if stated and stated[0] in LOCALITIES and not any(stated[1:]) else None
