"""Quirks: what known firmware, loaders and kernels do otherwise than the specification says, by name.

Each is a note, so that nobody has to find out again: it explains a log, it does not speak against it.
Source: logs of such machines; tools that had to learn of them.
"""

from __future__ import annotations

from evlog._record import attrgetter
from evlog.checking.facts import Facts, finding
from evlog.contents import spec_id, startup_locality
from evlog.contents._pcclient_rules import CONVENTIONS
from evlog.contents.event_types import (
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_PLATFORM_FIRMWARE_BLOB2,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_EVENT_TAG,
    EV_IPL,
    EV_S_CRTM_CONTENTS,
    EV_SEPARATOR,
    TXT_TYPES,
    event_type_name,
)
from evlog.model import Finding
from evlog.registers import NO_REGISTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evlog.checking.conventions import Convention
    from evlog.checking.row import Row

__all__ = ["findings", "seen_in"]

_IMAGES = (EV_EFI_BOOT_SERVICES_APPLICATION, EV_EFI_BOOT_SERVICES_DRIVER, EV_EFI_RUNTIME_SERVICES_DRIVER)
#: What firmware does that does not follow the specification: codes by event type.
_CODES = {
    EV_EFI_VARIABLE_DRIVER_CONFIG: "driver_config_data_only",
    EV_EFI_VARIABLE_BOOT: "variable_boot_whole_event",
}
_SECURE_BOOT = {name.encode("utf-16-le"): name for name in ("SecureBoot", "PK", "KEK", "db")}


def findings(facts: Facts, conventions: tuple[Convention, ...]) -> Iterator[Finding]:
    """All quirks of a log."""
    yield from _conventions(conventions)
    yield from _exit_boot_services(facts)
    yield from _folded_separators(facts)
    for code, message, among, test in _QUIRKS:
        rows = [row for row in among(facts) if test(row)]
        if rows:
            yield from finding(code, "note", message, rows)


def seen_in(row: Row) -> tuple[bool, ...]:
    """What is asked of each event by itself."""
    return tuple(test(row) for _, _, _, test in _QUIRKS)


def _conventions(conventions: tuple[Convention, ...]) -> Iterator[Finding]:
    """What the digests of a type cover, where that is not what the specification says, or not the same in all."""
    words = {"data": "the whole event", "variable_data": "the variable's data only"}
    for convention in conventions:
        name = event_type_name(convention.event_type)
        if convention.rule != CONVENTIONS[convention.event_type]:
            message = f"{name} digests are of {words[convention.rule]} in this log"
            yield Finding(_CODES[convention.event_type], "note", message)
        if convention.others:
            covered = f"{convention.events} digests are of {words[convention.rule]}, {convention.others} are not"
            yield Finding("mixed_rules", "note", f"{name}: {covered}")


def _exit_boot_services(facts: Facts) -> Iterator[Finding]:
    """Linux before 5.3 and some logs of Windows lack the events of ExitBootServices, which are in the TPM."""
    booted = any(facts.beginning(EV_EFI_ACTION, b"Calling EFI Application"))
    exits = [(row, row.data.rstrip(b"\0")) for row in facts.beginning(EV_EFI_ACTION, b"Exit Boot Services ")]
    left = any(text == b"Exit Boot Services Invocation" for _, text in exits)
    done = [row for row, text in exits if text == b"Exit Boot Services Returned with Success"]
    if booted and not left and facts.whole:
        message = "no ExitBootServices events: the register they extend may differ from the replay"
        yield Finding("exit_boot_services_missing", "note", message)
    message = "ExitBootServices succeeds more than once: final events may be in the log twice"
    yield from finding("exit_boot_services_repeated", "note", message, done if len(done) > 1 else ())


def _folded_separators(facts: Facts) -> Iterator[Finding]:
    """OVMF for TDX once measured all eight separators into the few measurement registers."""
    on: dict[int, list[Row]] = {}
    for row in facts.of_type(EV_SEPARATOR):
        if row.register.space == "ccmr":
            on.setdefault(row.register.number, []).append(row)
    for index, rows in sorted(on.items()):
        message = f"more than one separator on CC measurement register {index}, as of older OVMF"
        yield from finding("separators_folded", "note", message, rows if len(rows) > 1 else ())


def _is_locality(row: Row) -> bool:
    return startup_locality.is_startup_locality(row.type, row.data)


def _is_padded_locality(row: Row) -> bool:
    padding = row.data[len(startup_locality.SIGNATURE) + 1 :]
    return _is_locality(row) and bool(padding) and not any(padding)


def _is_spec_id(row: Row) -> bool:
    return spec_id.is_spec_id(row.type, row.data)


def _is_of_32_bits(row: Row) -> bool:
    fields = spec_id.fields_of(row.data) if _is_spec_id(row) else None
    return fields is not None and fields.uintn == 4


def _stray_bytes(row: Row) -> bool:
    """GRUB and shim are known to log one or two bytes too many after a text and its NUL."""
    if b"\0" not in row.data:
        return False
    text, _, rest = row.data.partition(b"\0")
    return len(text) > 3 and 0 < len(rest) <= 2 and rest.strip(b"\0") != b""


def _untagged(row: Row) -> bool:
    return len(row.data) < 8 or int.from_bytes(row.data[4:8], "little") > len(row.data) - 8


def _empty_variable(row: Row) -> bool:
    if len(row.data) < 32 or any(row.data[24:32]):
        return False
    return row.data[32 : 32 + 2 * int.from_bytes(row.data[16:24], "little")] in _SECURE_BOOT


def _is_text(row: Row) -> bool:
    text = row.data.rstrip(b"\0")
    return len(text) > 2 and text.isascii() and text.decode().isprintable()


def _wrong_path_length(row: Row) -> bool:
    return len(row.data) >= 32 and int.from_bytes(row.data[24:32], "little") != len(row.data) - 32


def _of(*types: int) -> Callable[[Facts], Iterable[Row]]:
    wanted = frozenset(types)
    return lambda facts: facts.of_type(*(wanted & facts.kinds))


def _first(facts: Facts) -> Iterable[Row]:
    row = facts.row(0)
    return (row,) if row.number == 0 else ()


#: Quirks of single events: code, what it says, the rows that can have it, whether one of these has.
_QUIRKS: tuple[tuple[str, str, Callable[[Facts], Iterable[Row]], Callable[[Row], bool]], ...] = (
    (
        "old_shim_authority",
        "an old shim: a certificate without its owner, and one byte that is not measured",
        _of(EV_EFI_VARIABLE_AUTHORITY),
        lambda row: row.has_rule("data_but_last_byte"),
    ),
    (
        "locality_padded",
        "StartupLocality in an event of fixed size, as coreboot writes it",
        attrgetter("no_actions"),
        _is_padded_locality,
    ),
    ("locality_first", "the log begins with StartupLocality", _first, _is_locality),
    (
        "header_register",
        "the Spec ID event names a register that is not 0",
        _first,
        lambda row: _is_spec_id(row) and row.register.index != 0,
    ),
    (
        "no_register",
        "an event of no register, as Windows and cloud firmware log it",
        attrgetter("loose"),
        lambda row: row.register.index == NO_REGISTER,
    ),
    (
        "tag_without_header",
        "EV_EVENT_TAG without a tag: early Linux on confidential VMs",
        _of(EV_EVENT_TAG),
        _untagged,
    ),
    ("stray_bytes", "bytes behind the end of a text that are not part of it", _of(EV_IPL), _stray_bytes),
    (
        "empty_variable",
        "a Secure Boot variable without a value: it is off, or was never set up",
        _of(EV_EFI_VARIABLE_DRIVER_CONFIG),
        _empty_variable,
    ),
    (
        "utf16_cut",
        "a UTF-16 text without its last byte, as old systemd-boot logs it",
        _of(EV_IPL),
        lambda row: row.has_rule("data_and_nul"),
    ),
    (
        "crtm_contents_text",
        "EV_S_CRTM_CONTENTS is a text, not the address and length of a blob",
        _of(EV_S_CRTM_CONTENTS),
        lambda row: len(row.data) != 16 and _is_text(row),
    ),
    (
        "launch_type_in_static_register",
        "an event type of dynamic launch on a register of the static one",
        _of(*TXT_TYPES),
        lambda row: row.pcr is not None and row.pcr < 16,
    ),
    (
        "device_path_length",
        "the device path is not as long as the event says, as in logs of shim",
        _of(*_IMAGES),
        _wrong_path_length,
    ),
    (
        "uintn_32",
        "the firmware has 32-bit integers, or says so",
        _first,
        _is_of_32_bits,
    ),
    (
        "placeholder_description",
        "the description of a firmware blob is a template that was never filled in",
        _of(EV_EFI_PLATFORM_FIRMWARE_BLOB2),
        lambda row: b"XXXXXXXX-XXXX" in row.data,
    ),
)
