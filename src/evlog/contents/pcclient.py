"""PC Client events: an event type and its data, as firmware, GRUB, shim, Linux and Windows log them.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.
"""

from __future__ import annotations

from evlog.contents.event_types import (
    EV_ACTION,
    EV_EFI_PLATFORM_FIRMWARE_BLOB2,
    EV_EVENT_TAG,
    EV_NO_ACTION,
    EVENT_TYPES,
    event_type_name,
)
from evlog.contents.launch import extends
from evlog.model import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from evlog.algorithms import HashAlg
    from evlog.contents._celtype import CelType
    from evlog.model import Event
    from evlog.options import Options

__all__ = [
    "AAEL",
    "EVENT_TYPES",
    "EV_ACTION",
    "EV_EVENT_TAG",
    "EV_NO_ACTION",
    "PCClientEvent",
    "event_type_name",
    "tagged",
    "untagged",
]


class PCClientEvent(Content):
    """A PC Client event: its type and its data.

    The type is NOT covered by the digest, and the data only by some rules (`evlog.check`): whoever can edit the log
    can change the type of any event without changing a register.
    """

    event_type: int
    data: bytes

    kind = "pcclient"
    alike_in_banks = True
    # A firmware log may have an NV handle in place of a PCR, of which it tells and which it does not account for.
    only_named = ("nv",)

    @property
    def measured(self) -> bool:
        return self.event_type != EV_NO_ACTION

    def extends(self, event: Event) -> bool:
        return extends(self.event_type, event)

    def pcclient(self, options: Options) -> PCClientEvent:
        return self

    def candidates(self, event: Event, alg: HashAlg) -> Iterator[tuple[str, bytes | None]]:
        from evlog.contents import _pcclient_rules

        return _pcclient_rules.candidates(self.event_type, event.register, self.data)

    def text_line(self, event: Event, options: Options) -> bytes | None:
        """The data of an EV_ACTION, or the line in an attestation agent's EV_EVENT_TAG if that is asked for.

        A ``.EXTEND`` comment that went into an EV_EVENT_TAG comes out again.
        """
        if self.event_type == EV_ACTION:
            return self.data
        if self.event_type != EV_EVENT_TAG:
            return None
        if self.data.startswith(b"# .EXTEND "):
            return self.data
        return untagged(self.data) if options.encapsulate == "tag" else None

    @classmethod
    def cel_types(cls) -> Sequence[CelType]:
        from evlog.contents._celtype import CelType, Fields, Octets, Uint

        # Table 27 of the specification names only TCG's own types; other types are numbers, though names are read.
        named = {number: name for number, name in EVENT_TYPES.items() if name.startswith("EV_")}
        aliases = {name: number for number, name in EVENT_TYPES.items() if number not in named}
        aliases["EV_EFI_PLATFORM_FIRMWATE_BLOB2"] = EV_EFI_PLATFORM_FIRMWARE_BLOB2  # libcel's
        fields = Fields((("event_type", Uint(32, named, aliases)), ("event_data", Octets())))
        return (CelType(5, "pcclient_std", fields),)

    def to_cel(self) -> tuple[int, bytes]:
        return self.event_type, self.data

    @classmethod
    def from_cel(cls, number: int, value: Any) -> PCClientEvent:
        return cls(*value)

    @property
    def event_type_name(self) -> str:
        """The specification's name of the type, or its number in hex."""
        return event_type_name(self.event_type)

    def to_json(self) -> dict[str, Any]:
        return {
            "event_type": self.event_type,
            "event_type_name": self.event_type_name,
            "data": self.data.hex(),
        }

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> PCClientEvent:
        event_type = members["event_type"]
        if type(event_type) is not int or not 0 <= event_type <= 0xFFFFFFFF:
            raise ValueError("event_type must be a number of 32 bits")
        return cls(event_type, bytes.fromhex(members["data"]))


#: ``taggedEventID`` of the attestation agent's entries, as its bytes stand in the log.
AAEL = (0x4141454C).to_bytes(4, "little")


def tagged(line: bytes) -> bytes:
    """The event data in which the attestation agent logs a line: tag, length, the line. The digest covers all of it."""
    return AAEL + len(line).to_bytes(4, "little") + line


def untagged(data: bytes) -> bytes | None:
    """The line in such event data, or None if it is something else."""
    return data[8:] if data[:4] == AAEL and data[4:8] == (len(data) - 8).to_bytes(4, "little") else None
