"""Event types of PC Client events: their numbers by the specification's names, and their names by number.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1; for dynamic launches Intel TXT Software
Development Guide, appendix F; tboot (txt/heap.h), Secure Launch Linux (linux/slaunch.h) and Xen; Google's host logs;
dstack; and for AMD and Arm the tools that name their types: no real log of them is known.
The type is open: an unknown value keeps its number.
"""

from __future__ import annotations

from evlog._record import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Content

__all__ = [
    "DSTACK_RUNTIME",
    "EVENT_TYPES",
    "EV_ACTION",
    "EV_COMPACT_HASH",
    "EV_CPU_MICROCODE",
    "EV_EFI_ACTION",
    "EV_EFI_BOOT_SERVICES_APPLICATION",
    "EV_EFI_BOOT_SERVICES_DRIVER",
    "EV_EFI_EVENT_BASE",
    "EV_EFI_GPT_EVENT",
    "EV_EFI_GPT_EVENT2",
    "EV_EFI_HANDOFF_TABLES",
    "EV_EFI_HANDOFF_TABLES2",
    "EV_EFI_HCRTM_EVENT",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    "EV_EFI_RUNTIME_SERVICES_DRIVER",
    "EV_EFI_SPDM_DEVICE_AUTHORITY",
    "EV_EFI_SPDM_DEVICE_POLICY",
    "EV_EFI_SPDM_FIRMWARE_BLOB",
    "EV_EFI_SPDM_FIRMWARE_CONFIG",
    "EV_EFI_VARIABLE_AUTHORITY",
    "EV_EFI_VARIABLE_BOOT",
    "EV_EFI_VARIABLE_BOOT2",
    "EV_EFI_VARIABLE_DRIVER_CONFIG",
    "EV_EVENT_TAG",
    "EV_IPL",
    "EV_IPL_PARTITION_DATA",
    "EV_NONHOST_CODE",
    "EV_NONHOST_CONFIG",
    "EV_NONHOST_INFO",
    "EV_NO_ACTION",
    "EV_OMIT_BOOT_DEVICE_EVENTS",
    "EV_PLATFORM_CONFIG_FLAGS",
    "EV_POST_CODE",
    "EV_POST_CODE2",
    "EV_PREBOOT_CERT",
    "EV_SEPARATOR",
    "EV_S_CRTM_CONTENTS",
    "EV_S_CRTM_VERSION",
    "EV_TABLE_OF_DEVICES",
    "EV_UNUSED",
    "GOOGLE_DRTM",
    "LAUNCH_MARKERS",
    "LAUNCH_TYPES",
    "SLAUNCH_END",
    "SLAUNCH_START",
    "TXT_TYPES",
    "event_type_name",
    "is_launch",
    "name_of",
    "number_of",
    "type_of",
]

EV_PREBOOT_CERT = 0x00000000
EV_POST_CODE = 0x00000001
EV_UNUSED = 0x00000002
EV_NO_ACTION = 0x00000003
EV_SEPARATOR = 0x00000004
EV_ACTION = 0x00000005
EV_EVENT_TAG = 0x00000006
EV_S_CRTM_CONTENTS = 0x00000007
EV_S_CRTM_VERSION = 0x00000008
EV_CPU_MICROCODE = 0x00000009
EV_PLATFORM_CONFIG_FLAGS = 0x0000000A
EV_TABLE_OF_DEVICES = 0x0000000B
EV_COMPACT_HASH = 0x0000000C
EV_IPL = 0x0000000D
EV_IPL_PARTITION_DATA = 0x0000000E
EV_NONHOST_CODE = 0x0000000F
EV_NONHOST_CONFIG = 0x00000010
EV_NONHOST_INFO = 0x00000011
EV_OMIT_BOOT_DEVICE_EVENTS = 0x00000012
EV_POST_CODE2 = 0x00000013
EV_EFI_EVENT_BASE = 0x80000000
EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001
EV_EFI_VARIABLE_BOOT = 0x80000002
EV_EFI_BOOT_SERVICES_APPLICATION = 0x80000003
EV_EFI_BOOT_SERVICES_DRIVER = 0x80000004
EV_EFI_RUNTIME_SERVICES_DRIVER = 0x80000005
EV_EFI_GPT_EVENT = 0x80000006
EV_EFI_ACTION = 0x80000007
EV_EFI_PLATFORM_FIRMWARE_BLOB = 0x80000008
EV_EFI_HANDOFF_TABLES = 0x80000009
EV_EFI_PLATFORM_FIRMWARE_BLOB2 = 0x8000000A
EV_EFI_HANDOFF_TABLES2 = 0x8000000B
EV_EFI_VARIABLE_BOOT2 = 0x8000000C
EV_EFI_GPT_EVENT2 = 0x8000000D
EV_EFI_HCRTM_EVENT = 0x80000010
EV_EFI_VARIABLE_AUTHORITY = 0x800000E0
EV_EFI_SPDM_FIRMWARE_BLOB = 0x800000E1
EV_EFI_SPDM_FIRMWARE_CONFIG = 0x800000E2
EV_EFI_SPDM_DEVICE_POLICY = 0x800000E3
EV_EFI_SPDM_DEVICE_AUTHORITY = 0x800000E4

SLAUNCH_START = 0x00000503
SLAUNCH_END = 0x00000504
GOOGLE_DRTM = 0x10000000
#: What the agent of a dstack guest extends while it runs (cc-eventlog/src/runtime_events.rs).
DSTACK_RUNTIME = 0x08000001

#: Event types that Intel TXT and Boot Guard have to themselves; with those of what is launched (tboot, Linux, Xen), of
#: AMD Secure Launch, Arm DRTM and Google's hosts.
TXT_TYPES = range(0x400, 0x500)
_LOADED = range(0x501, 0x505)
_GOOGLE = range(GOOGLE_DRTM, GOOGLE_DRTM + 1)
LAUNCH_TYPES = (TXT_TYPES, _LOADED, range(0x8000, 0x8400), range(0x9000, 0x9100), _GOOGLE)
#: Those that are logged after a dynamic launch: the bases themselves are no types.
_LAUNCHED = (range(0x401, 0x500), _LOADED, range(0x8001, 0x8100), range(0x9001, 0x9100), _GOOGLE)
#: Those between which Linux and Xen log what they will extend: see `evlog.contents.launch`.
LAUNCH_MARKERS = (SLAUNCH_START, SLAUNCH_END)

#: Names by number: the constants above, and the vendors' launch types.
EVENT_TYPES: dict[int, str] = {
    **{number: name for name, number in tuple(globals().items()) if name.startswith("EV_")},
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
    # tboot, Secure Launch Linux, Xen and the Secure Kernel Loader
    0x00000501: "TB_MEASUREMENT",
    0x00000502: "SLAUNCH",
    SLAUNCH_START: "SLAUNCH_START",
    SLAUNCH_END: "SLAUNCH_END",
    # Google's hosts
    GOOGLE_DRTM: "GOOGLE_DRTM",
    DSTACK_RUNTIME: "DSTACK_RUNTIME",
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


def is_launch(event_type: int) -> bool:
    """Whether an event of this type, on one of PCR 17 to 22, says that a dynamic launch reset all of these to zero."""
    for types in _LAUNCHED:  # noqa: SIM110 - every event of a long log may be asked
        if event_type in types:
            return True
    return False


def type_of(content: Content) -> int | None:
    """The event type of a PC Client event, whether its data is known or not; None of other contents."""
    found = getattr(content, "event_type", None)
    return found if type(found) is int else None


def name_of(content: Content) -> str:
    """The name of a PC Client event's type, whether its data is known or not; the kind of other contents."""
    event_type = type_of(content)
    return content.kind if event_type is None else event_type_name(event_type)


def number_of(name: str) -> int | None:
    """The number of an event type by the specification's name, or as digits after ``0x``; None for another name."""
    if name[:2] in ("0x", "0X") and 2 < len(name) <= 10:
        try:
            return int(name, 16)
        except ValueError:
            return None
    return _numbers().get(name.upper())


@cache
def _numbers() -> dict[str, int]:
    return {name: number for number, name in EVENT_TYPES.items()}
