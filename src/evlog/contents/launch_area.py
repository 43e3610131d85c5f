"""Where the events of a dynamic launch end: what its loader says of the memory that the log stands in.

Such a log is an allocated buffer. What is behind the last event is not cleared, and may be events of an older launch.
Sources: Intel's TXT heap as tboot (txt/heap.h), Xen (intel-txt.h) and Linux (slaunch.h) declare it; TrenchBoot's
secure-kernel-loader (event_log.c) for AMD's SKINIT, which has the same container within a Spec ID Event00 if the TPM
is a 1.2, and 20 bytes of its own within a Spec ID Event03.
"""

from __future__ import annotations

import struct

from evlog._record import Record

__all__ = ["CONTAINER", "SIGNATURE", "SKINIT", "SkinitArea", "TxtContainer", "skinit_area", "txt_container"]

#: What a TXT event container begins with, and the bytes of its header: later versions may have more.
SIGNATURE = b"TXT Event Container\0"
CONTAINER = 48

#: Bytes of SKL's vendor information.
SKINIT = 20

_TXT = struct.Struct("<20s12x4BIII")
_SKINIT = struct.Struct("<QIII")


class TxtContainer(Record):
    """The header of a TXT event container. Offsets count from its own first byte."""

    #: Where the fields are, from the container's start.
    VERSION, SIZE, FIRST, NEXT = 32, 36, 40, 44

    major: int
    minor: int
    event_major: int
    event_minor: int
    size: int
    first: int
    next: int

    @property
    def version(self) -> str:
        """That of the container, and that of the events."""
        return f"{self.major}.{self.minor} of events {self.event_major}.{self.event_minor}"

    @property
    def known(self) -> bool:
        """Whether the layout is the one that is described: minor versions only add to it."""
        return self.major == self.event_major == 1


class SkinitArea(Record):
    """What SKL says of the log in the vendor information of its header: offsets count from the log's first byte.

    ``next`` is the offset behind the last record.
    """

    address: int
    size: int
    first: int
    next: int

    def pack(self) -> bytes:
        """The vendor information that says this."""
        return _SKINIT.pack(self.address, self.size, self.first, self.next)


def txt_container(data: bytes, at: int = 0) -> TxtContainer | None:
    """The header of a container that begins ``at``, or None if none does, or not all of it is there."""
    if data[at : at + len(SIGNATURE)] != SIGNATURE or len(data) - at < CONTAINER:
        return None
    return TxtContainer(*_TXT.unpack_from(data, at)[1:])


def skinit_area(vendor_info: bytes) -> SkinitArea | None:
    """SKL's words in the vendor information of a Spec ID Event03, or None if they are another vendor's."""
    if len(vendor_info) != SKINIT:
        return None
    area = SkinitArea(*_SKINIT.unpack(vendor_info))
    return area if area.first == 0 and area.next <= area.size else None
