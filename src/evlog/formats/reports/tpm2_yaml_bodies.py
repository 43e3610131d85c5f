"""Bodies of events as tpm2_eventlog prints them, made bytes again where all of them is told."""

from __future__ import annotations

import re
import struct

from evlog.contents.startup_locality import SIGNATURE

__all__ = ["HEXADECIMAL", "built", "clean", "integer", "pairs", "scalar", "string"]

HEXADECIMAL = re.compile(r"[\"']((?:[0-9a-fA-F]{2})*)[\"']")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|(.))")
_ESCAPES = {"0": 0, "a": 7, "b": 8, "t": 9, "v": 11, "f": 12, "r": 13, "e": 27, "'": 39, "\\": 92}
_GUID = re.compile(r"([0-9a-fA-F]{8})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{4})-([0-9a-fA-F]{12})")
#: StartupLocality in an event of the size that some firmware gives all of its events.
_LONGEST_LOCALITY = 64


def integer(text: str) -> int | None:
    try:
        return int(text, 0) if len(text) <= 20 else None
    except ValueError:
        return None


def scalar(text: str) -> str:
    """The text of a plain or quoted scalar, escapes in it left as they are."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def clean(text: str) -> str:
    """Text with bytes that are no UTF-8 escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def pairs(lines: list[str]) -> dict[str, str]:
    """The members of a mapping of scalars, the first of each name."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.removeprefix("- ").partition(":")
        if colon:
            found.setdefault(name, value.strip())
    return found


def built(lines: list[str], size: int) -> bytes | None:
    """The data of an event of so many bytes whose fields are all told, or None."""
    told = pairs(lines)
    if "StartupLocality" in told:
        locality = integer(told["StartupLocality"])
        if locality is None or not 0 <= locality <= 0xFF or size > _LONGEST_LOCALITY:
            return None
        # What follows is padding: with anything else there the event would state nothing.
        return (SIGNATURE + bytes([locality])).ljust(size, b"\0")
    if "VariableName" in told:
        return _variable(told)
    if "ImageLocationInMemory" in told:
        names = ("ImageLocationInMemory", "ImageLengthInMemory", "ImageLinkTimeAddress", "LengthOfDevicePath")
        path = HEXADECIMAL.fullmatch(told.get("DevicePath", '""'))
        return _packed(told, *names) + bytes.fromhex(path[1]) if path is not None else None
    if told.keys() == {"BlobBase", "BlobLength"}:
        return _packed(told, "BlobBase", "BlobLength")
    return None


def _packed(told: dict[str, str], *names: str) -> bytes:
    """The fields as 64-bit integers; nothing if one cannot be."""
    numbers = [integer(told.get(name, "")) for name in names]
    if any(number is None or not 0 <= number < 1 << 64 for number in numbers):
        return b""
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def _variable(told: dict[str, str]) -> bytes | None:
    """A UEFI_VARIABLE_DATA, if its value is told in hex and its name is as long as it says."""
    guid = _GUID.fullmatch(told["VariableName"])
    value = HEXADECIMAL.fullmatch(told.get("VariableData", '""'))
    name = scalar(told.get("UnicodeName", ""))
    if guid is None or value is None or "\ufffd" in name or "\\" in name:
        return None
    try:
        units = name.encode("utf-16-le")
    except UnicodeEncodeError:
        return None
    lengths = _packed(told, "UnicodeNameLength", "VariableDataLength")
    data = bytes.fromhex(value[1])
    if lengths != struct.pack("<QQ", len(units) // 2, len(data)):
        return None
    fields = struct.pack("<IHH", *(int(guid[part], 16) for part in (1, 2, 3)))
    return fields + bytes.fromhex(guid[4] + guid[5]) + lengths + units + data


def string(lines: list[str]) -> list[bytes]:
    """The text of a ``String``, which the tool prints in quotes, a line each, with the escapes of C."""
    if not lines or lines[0] != "String: |-" or any(line[:1] != '"' or line[-1:] != '"' for line in lines[1:]):
        return []
    joined = "\n".join(line[1:-1] for line in lines[1:])
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(joined):
        code = int(found[1], 16) if found[1] else _ESCAPES.get(found[2])
        if code is None:
            return []
        parts += (joined[at : found.start()].encode("utf-8", "surrogateescape"), bytes([code]))
        at = found.end()
    text = b"".join(parts) + joined[at:].encode("utf-8", "surrogateescape")
    return [text, text + b"\n"]
