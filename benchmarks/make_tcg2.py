"""Write a synthetic TCG2 log: sha256 and sha384 digests and 60 bytes of data in each record, 160 bytes an event.

    python benchmarks/make_tcg2.py OUT [EVENTS]

A million events, the default, make 160 MB. The digests are those of the data, so that checks find what they look for.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

SHA256, SHA384 = 0x000B, 0x000C
EV_EFI_ACTION = 0x80000007


def header() -> bytes:
    """Record 0: the Spec ID event."""
    algorithms = struct.pack("<HHHH", SHA256, 32, SHA384, 48)
    data = struct.pack("<16sIBBBBI", b"Spec ID Event03", 0, 0, 2, 105, 2, 2) + algorithms + b"\0"
    return struct.pack("<II20sI", 0, 3, bytes(20), len(data)) + data


def record(number: int) -> bytes:
    """A measurement into one of PCR 0 to 7."""
    data = b"measured item number %010d of a synthetic log" % number
    data = data.ljust(60, b".")
    return (
        struct.pack("<IIIH", number % 8, EV_EFI_ACTION, 2, SHA256)
        + hashlib.sha256(data).digest()
        + struct.pack("<H", SHA384)
        + hashlib.sha384(data).digest()
        + struct.pack("<I", len(data))
        + data
    )


def write(path: Path, events: int = 1_000_000) -> None:
    """Write the log."""
    with path.open("wb") as file:
        file.write(header())
        file.writelines(map(record, range(events)))


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
