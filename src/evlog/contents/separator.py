"""EV_SEPARATOR: the end of a phase, and whether it ended well.

Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.2.2 (error) and 10.4.1. Departure: coreboot logs
events of a fixed size, of which zeros fill what the value leaves.
"""

from __future__ import annotations

__all__ = ["ERROR", "value_of"]

#: The value that says that something went wrong.
ERROR = 1


def value_of(data: bytes) -> int | None:
    """The value of a separator by its data, which may be padded; None if the data is of another form."""
    return int.from_bytes(data[:4], "little") if len(data) >= 4 and not any(data[4:]) else None
