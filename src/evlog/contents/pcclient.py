"""PC Client events: an event type and its data, as firmware, GRUB, shim, Linux and Windows log them.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4 (event types); Intel TXT, AMD and Arm launch types
as tools name them. The type is open: an unknown value keeps its number.
"""

from __future__ import annotations

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

EV_NO_ACTION = 0x00000003
EV_ACTION = 0x00000005
EV_EVENT_TAG = 0x00000006

EVENT_TYPES: dict[int, str] = {
    0x00000000: "EV_PREBOOT_CERT",
    0x00000001: "EV_POST_CODE",
    0x00000002: "EV_UNUSED",
    0x00000003: "EV_NO_ACTION",
    0x00000004: "EV_SEPARATOR",
    0x00000005: "EV_ACTION",
    0x00000006: "EV_EVENT_TAG",
    0x00000007: "EV_S_CRTM_CONTENTS",
    0x00000008: "EV_S_CRTM_VERSION",
    0x00000009: "EV_CPU_MICROCODE",
    0x0000000A: "EV_PLATFORM_CONFIG_FLAGS",
    0x0000000B: "EV_TABLE_OF_DEVICES",
    0x0000000C: "EV_COMPACT_HASH",
    0x0000000D: "EV_IPL",
    0x0000000E: "EV_IPL_PARTITION_DATA",
    0x0000000F: "EV_NONHOST_CODE",
    0x00000010: "EV_NONHOST_CONFIG",
    0x00000011: "EV_NONHOST_INFO",
    0x00000012: "EV_OMIT_BOOT_DEVICE_EVENTS",
    0x00000013: "EV_POST_CODE2",
    0x80000000: "EV_EFI_EVENT_BASE",
    0x80000001: "EV_EFI_VARIABLE_DRIVER_CONFIG",
    0x80000002: "EV_EFI_VARIABLE_BOOT",
    0x80000003: "EV_EFI_BOOT_SERVICES_APPLICATION",
    0x80000004: "EV_EFI_BOOT_SERVICES_DRIVER",
    0x80000005: "EV_EFI_RUNTIME_SERVICES_DRIVER",
    0x80000006: "EV_EFI_GPT_EVENT",
    0x80000007: "EV_EFI_ACTION",
    0x80000008: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    0x80000009: "EV_EFI_HANDOFF_TABLES",
    0x8000000A: "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    0x8000000B: "EV_EFI_HANDOFF_TABLES2",
    0x8000000C: "EV_EFI_VARIABLE_BOOT2",
    0x8000000D: "EV_EFI_GPT_EVENT2",
    0x80000010: "EV_EFI_HCRTM_EVENT",
    0x800000E0: "EV_EFI_VARIABLE_AUTHORITY",
    0x800000E1: "EV_EFI_SPDM_FIRMWARE_BLOB",
    0x800000E2: "EV_EFI_SPDM_FIRMWARE_CONFIG",
    0x800000E3: "EV_EFI_SPDM_DEVICE_POLICY",
    0x800000E4: "EV_EFI_SPDM_DEVICE_AUTHORITY",
    # Intel TXT and Boot Guard
    0x00000401: "EVTYPE_PCR_MAPPING",
    0x00000402: "EVTYPE_HASH_START",
    0x00000403: "EVTYPE_COMBINED_HASH",
    0x00000404: "EVTYPE_MLE_HASH",
    0x0000040A: "EVTYPE_BIOSAC_REG_DATA",
    0x0000040B: "EVTYPE_CPU_SCRTM_STAT",
    0x0000040C: "EVTYPE_LCP_CONTROL_HASH",
    0x0000040D: "EVTYPE_ELEMENTS_HASH",
    0x0000040E: "EVTYPE_STM_HASH",
    0x0000040F: "EVTYPE_OSSINITDATA_CAP_HASH",
    0x00000410: "EVTYPE_SINIT_PUBKEY_HASH",
    0x00000411: "EVTYPE_LCP_HASH",
    0x00000412: "EVTYPE_LCP_DETAILS_HASH",
    0x00000413: "EVTYPE_LCP_AUTHORITIES_HASH",
    0x00000414: "EVTYPE_NV_INFO_HASH",
    0x00000415: "EVTYPE_COLD_BOOT_BIOS_HASH",
    0x00000416: "EVTYPE_KM_HASH",
    0x00000417: "EVTYPE_BPM_HASH",
    0x00000418: "EVTYPE_KM_INFO_HASH",
    0x00000419: "EVTYPE_BPM_INFO_HASH",
    0x0000041A: "EVTYPE_BOOT_POL_HASH",
    0x000004FE: "EVTYPE_RANDOM_VALUE",
    0x000004FF: "EVTYPE_CAP_VALUE",
    # AMD Secure Launch
    0x00008001: "AMD_SL_LOAD",
    0x00008002: "AMD_SL_PSP_FW_SPLT",
    0x00008003: "AMD_SL_TSME_RB_FUSE",
    0x00008004: "AMD_SL_PUB_KEY",
    0x00008005: "AMD_SL_SVN",
    0x00008006: "AMD_SL_LOAD_1",
    0x00008007: "AMD_SL_SEPARATOR",
    # Arm DRTM
    0x00009001: "ARM_DRTM_PCR_SCHEMA",
    0x00009002: "ARM_DRTM_DCE",
    0x00009003: "ARM_DRTM_DCE_PUBKEY",
    0x00009004: "ARM_DRTM_DLME",
    0x00009005: "ARM_DRTM_DLME_ENTRY_POINT",
    0x00009006: "ARM_DRTM_DEBUG_CONFIG",
    0x00009007: "ARM_DRTM_NONSECURE_CONFIG",
    0x00009008: "ARM_DRTM_DCE_SECONDARY",
    0x00009009: "ARM_DRTM_TZFW",
    0x0000900A: "ARM_DRTM_SEPARATOR",
    0x0000900B: "ARM_DRTM_DLME_PUBKEY",
    0x0000900C: "ARM_DRTM_DLME_SVN",
    0x0000900D: "ARM_DRTM_NO_ACTION",
    0x0000900E: "ARM_DRTM_SECURE_INT_DISABLE",
}


def event_type_name(number: int) -> str:
    """The specification's name of an event type, or ``0xNNNNNNNN``."""
    return EVENT_TYPES.get(number) or f"0x{number:08x}"


class PCClientEvent(Content):
    """A PC Client event: its type and its data.

    The type is NOT covered by the digest, and the data only by some rules (`evlog.check`): whoever can edit the log
    can change the type of any event without changing a register.
    """

    event_type: int
    data: bytes

    kind = "pcclient"
    # A firmware log may have an NV handle in place of a PCR, of which it tells and which it does not account for.
    only_named = ("nv",)

    @property
    def measured(self) -> bool:
        return self.event_type != EV_NO_ACTION

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
        aliases["EV_EFI_PLATFORM_FIRMWATE_BLOB2"] = 0x8000000A  # libcel's
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
