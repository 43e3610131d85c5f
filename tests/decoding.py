"""What the decoders' tests share: events made of a type and a body, packed structures, and logs to read."""

from __future__ import annotations

import csv
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path

from evlog.contents.pcclient import EVENT_TYPES, PCClientEvent
from evlog.decoders import NO_CONTEXT, Context, Decoded, decode
from evlog.intake.read import read
from evlog.model import Event
from evlog.registers import Register

NUMBERS = {name: number for number, name in EVENT_TYPES.items()}


def event(event_type: str | int, data: bytes, register: str = "pcr:0") -> Event:
    """An event without digests."""
    number = event_type if isinstance(event_type, int) else NUMBERS[event_type]
    return Event(0, Register.parse(register), (), PCClientEvent(number, data))


def decoded(event_type: str | int, data: bytes, context: Context = NO_CONTEXT, register: str = "pcr:0") -> Decoded:
    """What such an event decodes to."""
    found = decode(event(event_type, data, register), context)
    assert found is not None
    return found


def guid(text: str) -> bytes:
    """A GUID as EFI stores it."""
    return uuid.UUID(text).bytes_le


def variable(vendor: str, name: str, data: bytes, trailing: bytes = b"") -> bytes:
    """UEFI_VARIABLE_DATA."""
    text = name.encode("utf-16-le")
    return guid(vendor) + struct.pack("<QQ", len(name), len(data)) + text + data + trailing


def node(kind: int, subtype: int, payload: bytes = b"") -> bytes:
    """A device path node."""
    return struct.pack("<BBH", kind, subtype, 4 + len(payload)) + payload


END = node(0x7F, 0xFF)


def firmware_logs(vm: Path, corpus: Path) -> Iterator[Path]:
    """The firmware logs of both folders, malformed ones aside."""
    yield from sorted(vm.glob("*/binary_bios_measurements"))
    with (corpus / "INDEX.tsv").open() as index:
        for row in csv.DictReader(index, delimiter="\t"):
            if row["format"] in ("tcg2", "ccel", "wbcl", "tcg-sha1") and "malformed" not in row["file"]:
                yield corpus / row["file"]


def decoded_events(path: Path) -> Iterator[tuple[Event, Decoded]]:
    """Each event of a log, and what it decodes to."""
    log = read(path)
    context = Context.of(log)
    for found in log.events:
        value = decode(found, context)
        assert value is not None
        yield found, value
