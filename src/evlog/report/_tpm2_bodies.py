"""Event bodies as tpm2_eventlog 5.4 prints them, bug for bug, in either version of its document.

Source: the tool's output on real and made logs. Version 1 prints variables and partition tables as hex, version 2
decodes some of them. Where the tool gives up on a body, and prints half of it or nothing, the body is hex here.
Its known faults that are kept because scripts have come to know them: text in EV_S_CRTM_CONTENTS shown as addresses,
the last byte of a blob's description left out, a certificate without an owner shown as one with.
"""

from __future__ import annotations

import re
import struct

from evlog.contents.event_types import (
    EV_EFI_ACTION,
    EV_EFI_BOOT_SERVICES_APPLICATION,
    EV_EFI_BOOT_SERVICES_DRIVER,
    EV_EFI_GPT_EVENT,
    EV_EFI_GPT_EVENT2,
    EV_EFI_PLATFORM_FIRMWARE_BLOB,
    EV_EFI_PLATFORM_FIRMWARE_BLOB2,
    EV_EFI_RUNTIME_SERVICES_DRIVER,
    EV_EFI_VARIABLE_AUTHORITY,
    EV_EFI_VARIABLE_BOOT,
    EV_EFI_VARIABLE_BOOT2,
    EV_EFI_VARIABLE_DRIVER_CONFIG,
    EV_IPL,
    EV_NO_ACTION,
    EV_POST_CODE,
    EV_POST_CODE2,
    EV_S_CRTM_CONTENTS,
)
from evlog.contents.startup_locality import SIGNATURE, is_startup_locality
from evlog.report import _yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TYPE_NAMES", "body"]

_HEX_BYTES = 1024  # how many bytes of an event the tool prints in hex

#: Event types that the tool knows; it calls every other one "Unknown event type".
TYPE_NAMES = frozenset(
    (*range(EV_POST_CODE2), *range(EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_GPT_EVENT2), EV_EFI_VARIABLE_AUTHORITY)
)

_GUID = struct.Struct("<IHH8s")
_SIGNATURE_LIST = struct.Struct("<16sIII")
_IMAGE_LOAD = struct.Struct("<QQQQ")
_GPT = struct.Struct("<8sIIIIQQQQ16sQIIIQ")
_PARTITION = struct.Struct("<16s16sQQQ72s")
_BOOT_OPTION = re.compile("Boot[0-9a-fA-F]{4}")


class _GivesUpError(Exception):
    """The tool stops at this body."""


def body(event_type: int, data: bytes, version: int) -> list[str]:
    """The ``Event`` member of an event with data: one or more lines."""
    printer = _PRINTERS.get(event_type)
    if printer is not None:
        try:
            return printer(data, version)
        except _GivesUpError:
            pass
    return _hex(data)


def _hex(data: bytes) -> list[str]:
    return [f'  Event: "{data[:_HEX_BYTES].hex()}"']


def _text(data: bytes, version: int) -> list[str]:
    return _yaml.block("Event", data.split(b"\0")[0], "  ")


def _post_code(data: bytes, version: int) -> list[str]:
    return _blob(data, version) if len(data) == 16 else _text(data, version)


def _blob(data: bytes, version: int) -> list[str]:
    return ["  Event:", *_base_and_length(data)]


def _base_and_length(data: bytes) -> list[str]:
    if len(data) < 16:
        raise _GivesUpError
    base, length = struct.unpack_from("<QQ", data)
    return [f"    BlobBase: {base:#x}", f"    BlobLength: {length:#x}"]


def _blob2(data: bytes, version: int) -> list[str]:
    size = data[0]
    where = _base_and_length(data[1 + size :])
    described = data[1 : 1 + size][:-1].hex()
    return ["  Event:", f"    BlobDescriptionSize: {size}", f'    BlobDescription: "{described}"', *where]


def _ipl(data: bytes, version: int) -> list[str]:
    return ["  Event:", "    String: |-", *(f"      {line}" for line in _yaml.escaped(data))]


def _image_load(data: bytes, version: int) -> list[str]:
    if len(data) < _IMAGE_LOAD.size:
        raise _GivesUpError
    location, length, link, path = _IMAGE_LOAD.unpack_from(data)
    return [
        "  Event:",
        f"    ImageLocationInMemory: {location:#x}",
        f"    ImageLengthInMemory: {length}",
        f"    ImageLinkTimeAddress: {link:#x}",
        f"    LengthOfDevicePath: {path}",
        f"    DevicePath: '{data[_IMAGE_LOAD.size :].hex()}'",
    ]


def _no_action(data: bytes, version: int) -> list[str]:
    locality = data[len(SIGNATURE) :]
    if version == 2 and is_startup_locality(EV_NO_ACTION, data) and locality:
        return ["  Event:", f"    StartupLocality: {locality[0]}"]
    return _hex(data)


def _gpt(data: bytes, version: int) -> list[str]:
    if version == 1:
        return _hex(data)
    if len(data) < _GPT.size:
        raise _GivesUpError
    header = _GPT.unpack_from(data)
    count = header[-1]
    if len(data) - _GPT.size != count * _PARTITION.size:
        raise _GivesUpError
    signature, revision, size, crc, _, own, other, first, last, disk, entries, number, entry, entries_crc, _ = header
    lines = [
        "  Event:",
        "    Header:",
        f"      Signature: {_yaml.quoted(_yaml.decoded(signature.split(bytes(1))[0]))}",
        f"      Revision: {revision:#x}",
        f"      HeaderSize: {size}",
        f"      HeaderCRC32: {crc:#x}",
        f"      MyLBA: {own:#x}",
        f"      AlternateLBA: {other:#x}",
        f"      FirstUsableLBA: {first:#x}",
        f"      LastUsableLBA: {last:#x}",
        f"      DiskGUID: {_guid(disk)}",
        f"      PartitionEntryLBA: {entries:#x}",
        f"      NumberOfPartitionEntry: {number}",
        f"      SizeOfPartitionEntry: {entry}",
        f"      PartitionEntryArrayCRC32: {entries_crc:#x}",
        f"    NumberOfPartitions: {count}",
        "    Partitions:",
    ]
    for kind, unique, start, end, attributes, name in _PARTITION.iter_unpack(data[_GPT.size :]):
        lines += [
            f"    - PartitionTypeGUID: {_guid(kind)}",
            f"      UniquePartitionGUID: {_guid(unique)}",
            f"      StartingLBA: {start:#x}",
            f"      EndingLBA: {end:#x}",
            f"      Attributes: {attributes:#x}",
            f"      PartitionName: {_yaml.quoted(_utf16(name).split(chr(0))[0])}",
        ]
    return lines


def _guid(data: bytes) -> str:
    one, two, three, rest = _GUID.unpack(data)
    return f"{one:08x}-{two:04x}-{three:04x}-{rest[:2].hex()}-{rest[2:].hex()}"


def _utf16(data: bytes) -> str:
    return data.decode("utf-16-le", "replace")


def _variable(decode: Callable[[str, bytes, bytes], list[str] | None]) -> Callable[[bytes, int], list[str]]:
    """The printer of a variable event. ``decode(name, data, rest of the event)`` is version 2's ``VariableData``."""

    def printer(event: bytes, version: int) -> list[str]:
        if len(event) < 32:
            raise _GivesUpError
        characters, length = struct.unpack_from("<QQ", event, 16)
        rest = event[32 + 2 * characters :]
        if length > len(rest) or 2 * characters > len(event) - 32:
            raise _GivesUpError
        name = _utf16(event[32 : 32 + 2 * characters]).split("\0")[0]
        data = rest[:length]
        lines = [
            "  Event:",
            f"    VariableName: {_guid(event[:16])}",
            f"    UnicodeNameLength: {characters}",
            f"    VariableDataLength: {length}",
            f"    UnicodeName: {_yaml.plain(name)}",
        ]
        decoded = decode(name, data, rest) if version == 2 else None
        if decoded is not None:
            lines += ["    VariableData:", *decoded]
        elif data:
            lines.append(f'    VariableData: "{data.hex()}"')
        return lines

    return printer


def _driver_config(name: str, data: bytes, rest: bytes) -> list[str] | None:
    if name in ("PK", "KEK", "db", "dbx"):
        return _signature_lists(rest)
    return _enabled(data) if name == "SecureBoot" else None


def _authority(name: str, data: bytes, rest: bytes) -> list[str] | None:
    if name in ("db", "Shim"):
        return _signature(data, "    ") if len(data) >= 16 else None
    if name == "SbatLevel":
        return ["      String: |-", *(f"        {line}" for line in _yaml.escaped(data))]
    return _enabled(data) if name == "MokListTrusted" else None


def _boot(name: str, data: bytes, rest: bytes) -> list[str] | None:
    if name == "BootOrder" and len(data) % 2 == 0:
        return [f"    - Boot{number:04x}" for (number,) in struct.iter_unpack("<H", data)]
    return _load_option(data) if _BOOT_OPTION.fullmatch(name) else None


def _enabled(data: bytes) -> list[str] | None:
    if len(data) > 1:
        return None
    return [f"      Enabled: '{'Yes' if any(data) else 'No'}'"]


def _signature(data: bytes, indent: str) -> list[str]:
    owner, rest = data[:16], data[16:]
    return [
        f"{indent}- SignatureOwner: {_guid(owner)}",
        f"{indent}  SignatureData:{' ' + _yaml.hexadecimal(rest) if rest else ''}",
    ]


def _signature_lists(rest: bytes) -> list[str]:
    """EFI_SIGNATURE_LISTs up to the end of the event, or to the first that cannot be."""
    lines: list[str] = []
    position = 0
    while position + _SIGNATURE_LIST.size <= len(rest):
        kind, size, header, each = _SIGNATURE_LIST.unpack_from(rest, position)
        if each < 16:
            break
        lines += [
            f"    - SignatureType: {_guid(kind)}",
            f"      SignatureListSize: {size}",
            f"      SignatureHeaderSize: {header}",
            f"      SignatureSize: {each}",
            "      Keys:",
        ]
        first = position + _SIGNATURE_LIST.size + header
        end = position + size
        if first + each > len(rest) or end < first or (end - first) % each:
            break
        for start in range(first, min(end, len(rest) - each + 1), each):
            lines += _signature(rest[start : start + each], "      ")
        if end <= position:
            break
        position = end
    return lines


def _load_option(data: bytes) -> list[str] | None:
    if len(data) < 8:
        return None
    attributes, length = struct.unpack_from("<IH", data)
    end = next((at for at in range(6, len(data) - 1, 2) if data[at : at + 2] == b"\0\0"), None)
    if end is None:
        return None
    return [
        f"      Enabled: '{'Yes' if attributes & 1 else 'No'}'",
        f"      FilePathListLength: {length}",
        f"      Description: {_yaml.quoted(_utf16(data[6:end]))}",
        f"      DevicePath: '{data[end + 2 :].hex()}'",
    ]


_PRINTERS: dict[int, Callable[[bytes, int], list[str]]] = {
    EV_POST_CODE: _post_code,
    EV_NO_ACTION: _no_action,
    EV_S_CRTM_CONTENTS: _blob,
    EV_IPL: _ipl,
    EV_EFI_VARIABLE_DRIVER_CONFIG: _variable(_driver_config),
    EV_EFI_VARIABLE_BOOT: _variable(_boot),
    EV_EFI_BOOT_SERVICES_APPLICATION: _image_load,
    EV_EFI_BOOT_SERVICES_DRIVER: _image_load,
    EV_EFI_RUNTIME_SERVICES_DRIVER: _image_load,
    EV_EFI_GPT_EVENT: _gpt,
    EV_EFI_ACTION: _text,
    EV_EFI_PLATFORM_FIRMWARE_BLOB: _blob,
    EV_EFI_PLATFORM_FIRMWARE_BLOB2: _blob2,
    EV_EFI_VARIABLE_BOOT2: _variable(_boot),
    EV_EFI_VARIABLE_AUTHORITY: _variable(_authority),
}
