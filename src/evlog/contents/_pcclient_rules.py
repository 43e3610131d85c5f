"""What the digest of a PC Client event may be the hash of: rules, in the order to try, by event type.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.1 (the use of each type); GRUB, shim, systemd-boot,
systemd-stub and Windows for what they extend; firmware of many vendors for what it does instead (TPM 1.2 firmware
hashes the data of a configuration variable alone, some TPM 2.0 firmware the whole event of a boot variable).

A rule is a name and a function from the event's data to the bytes that are hashed, or None where it does not apply.
`EXTERNAL` ends a list of rules if the digest may cover what is not in the log: an image, a table, a file.
"""

from __future__ import annotations

from evlog.contents.event_types import (
    EV_ACTION,
    EV_COMPACT_HASH,
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_GPT_EVENT,
    EV_EFI_GPT_EVENT2,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
    EV_EFI_SPDM_DEVICE_AUTHORITY,
    EV_EFI_SPDM_DEVICE_POLICY,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_BOOT2,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_EVENT_TAG,
    EV_IPL,
    EV_NONHOST_INFO,
    EV_OMIT_BOOT_DEVICE_EVENTS,
    EV_S_CRTM_VERSION,
    EV_SEPARATOR,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evlog.registers import Register

    Rule = Callable[[bytes], bytes | None]

__all__ = ["CONSTANT", "CONVENTIONS", "EXTERNAL", "NOT_DATA_FIRST", "RULES", "candidates", "data_first", "rules_for"]

EXTERNAL = "external"
#: Rules that hash a constant: whatever the event's data says, the digest stays the same.
CONSTANT = frozenset({"separator_error", "separator_zeros", "separator_ones"})

#: What GRUB writes before a command line; the versions before 2.06 without the colon.
_COMMANDS = tuple(
    name + end
    for name in (b"grub_cmd", b"kernel_cmdline", b"grub_kernel_cmdline", b"module_cmdline")
    for end in (b": ", b" ")
)
_TAG_HEADER = 8
_VARIABLE_HEADER = 32


def _data(data: bytes) -> bytes:
    return data


def _variable_data(data: bytes) -> bytes | None:
    """The value of a UEFI_VARIABLE_DATA, as long as it says it is."""
    if len(data) < _VARIABLE_HEADER:
        return None
    start = _VARIABLE_HEADER + 2 * int.from_bytes(data[16:24], "little")
    length = int.from_bytes(data[24:32], "little")
    return data[start : start + length] if start + length <= len(data) else None


def _but_last_byte(data: bytes) -> bytes | None:
    """Old versions of shim log one byte more than they measure."""
    return data[:-1] if data else None


def _error(data: bytes) -> bytes:
    """A separator that says that something failed: the digest is of the number 1, the data tells what failed."""
    return b"\1\0\0\0"


def _zeros(data: bytes) -> bytes:
    """A separator whose event is not its value: OpenPOWER logs a text there, coreboot pads the event."""
    return bytes(4)


def _ones(data: bytes) -> bytes:
    """As `_zeros`, with the other value that a separator may have."""
    return b"\xff" * 4


def _command(data: bytes) -> bytes | None:
    """The words after GRUB's prefix, without the NUL and what an off-by-one may have left behind it."""
    for prefix in _COMMANDS:
        if data.startswith(prefix):
            return data[len(prefix) :].split(b"\0", 1)[0]
    return None


def _command_and_nul(data: bytes) -> bytes | None:
    words = _command(data)
    return words + b"\0" if words is not None else None


def _and_nul(data: bytes) -> bytes:
    """Old versions of systemd-boot log a UTF-16 text without its last byte."""
    return data + b"\0"


def _utf8_name(data: bytes) -> bytes | None:
    """systemd-stub logs the name of a section in UTF-16 and measures it in UTF-8; both end with a NUL."""
    if len(data) % 2 or data[-2:] != b"\0\0":
        return None
    try:
        return data.decode("utf-16-le").encode()
    except UnicodeError:
        return None


def _tag_data(data: bytes) -> bytes | None:
    """The data of a TCG_PCClientTaggedEvent that stands alone."""
    length = int.from_bytes(data[4:8], "little")
    return data[_TAG_HEADER:] if _TAG_HEADER <= len(data) == _TAG_HEADER + length else None


#: Rules by name. The name is what `evlog show` prints and its JSON has.
RULES: dict[str, Rule] = {
    "data": _data,
    "variable_data": _variable_data,
    "data_but_last_byte": _but_last_byte,
    "separator_error": _error,
    "separator_zeros": _zeros,
    "separator_ones": _ones,
    "command": _command,
    "command_and_nul": _command_and_nul,
    "data_and_nul": _and_nul,
    "utf8_name": _utf8_name,
    "tag_data": _tag_data,
}


def _is_command(register: Register, data: bytes) -> bool:
    return data.startswith(_COMMANDS)


def _is_sipa(register: Register, data: bytes) -> bool:
    """A Windows tag: its class is one of trust boundary to DRTM, on a PCR that Windows extends."""
    tag = int.from_bytes(data[:4], "little")
    return register.space == "pcr" and register.index in (11, 12, 13, 14) and 1 <= tag >> 16 & 0xFFF <= 0xC


def _is_pcr11(register: Register, data: bytes) -> bool:
    return register.space == "pcr" and register.index == 11


def _is_padded(register: Register, data: bytes) -> bool:
    """An EV_ACTION that ends with NULs: coreboot logs the name of a region there, and measures the region."""
    return data[-1:] == b"\0"


def _is_csme(register: Register, data: bytes) -> bool:
    """What Intel's management engine measured of itself before the host ran."""
    return data.startswith(b"IntelCSxEEvent01")


_IMAGE = ((None, (EXTERNAL,)),)
_DATA = ((None, ("data",)),)
_DATA_OR_EXTERNAL = ((None, ("data", EXTERNAL)),)

#: Event types with rules of their own. The first row whose condition holds counts. Every other type, known or not:
#: the data, or something that is not in the log.
_TABLE: dict[int, tuple[tuple[Callable[[Register, bytes], bool] | None, tuple[str, ...]], ...]] = {
    EV_SEPARATOR: ((None, ("data", "separator_error", "separator_zeros", "separator_ones")),),
    EV_ACTION: ((_is_padded, ("data", EXTERNAL)), (None, ("data",))),
    EV_EVENT_TAG: ((_is_sipa, ("data",)), (None, ("data", "tag_data", EXTERNAL))),
    EV_S_CRTM_VERSION: _DATA,
    EV_COMPACT_HASH: ((_is_pcr11, ("data",)), (None, ("data", EXTERNAL))),
    EV_IPL: (
        (_is_command, ("command", "command_and_nul", "data", "data_and_nul")),
        (None, ("data", "data_and_nul", "utf8_name", EXTERNAL)),
    ),
    EV_NONHOST_INFO: ((_is_csme, ("data", EXTERNAL)), (None, ("data",))),
    EV_OMIT_BOOT_DEVICE_EVENTS: _DATA,
    EV_EFI_VARIABLE_DRIVER_CONFIG: ((None, ("data", "variable_data")),),
    EV_EFI_VARIABLE_BOOT: ((None, ("variable_data", "data")),),
    EV_EFI_BOOT_SERVICES_APPLICATION: _IMAGE,
    EV_EFI_BOOT_SERVICES_DRIVER: _IMAGE,
    EV_EFI_RUNTIME_SERVICES_DRIVER: _IMAGE,
    EV_EFI_GPT_EVENT: _DATA,
    EV_EFI_ACTION: _DATA,
    EV_EFI_VARIABLE_BOOT2: _DATA,
    EV_EFI_GPT_EVENT2: _DATA,
    EV_EFI_VARIABLE_AUTHORITY: ((None, ("data", "data_but_last_byte")),),
    EV_EFI_SPDM_DEVICE_POLICY: _DATA,
    EV_EFI_SPDM_DEVICE_AUTHORITY: _DATA,
}

#: The types of which some event's digest is of something else first; of all other types it is of the data.
NOT_DATA_FIRST = frozenset(kind for kind, rows in _TABLE.items() if any(rules[0] != "data" for _, rules in rows))

#: Event types for which firmware has a choice, and makes it once: the rule that the specification asks for.
CONVENTIONS = {EV_EFI_VARIABLE_DRIVER_CONFIG: "data", EV_EFI_VARIABLE_BOOT: "variable_data"}


def rules_for(event_type: int, register: Register, data: bytes) -> tuple[str, ...]:
    """The names of the rules for an event, in the order to try."""
    for condition, rules in _TABLE.get(event_type, _DATA_OR_EXTERNAL):
        if condition is None or condition(register, data):
            return rules
    raise AssertionError(f"no rule without a condition for {event_type:#010x}")


def data_first(event_type: int) -> bool:
    """Whether the data alone is the first that the digest of any event of a type may be the hash of."""
    return event_type not in NOT_DATA_FIRST


def candidates(event_type: int, register: Register, data: bytes) -> Iterator[tuple[str, bytes | None]]:
    """The rules and what they hash, as `Content.candidates` wants them."""
    for rule in rules_for(event_type, register, data):
        if rule == EXTERNAL:
            yield rule, None
            continue
        covered = RULES[rule](data)
        if covered is not None:
            yield rule, covered
