"""Whatever the bytes are: a value whose summary and JSON can be made, no faults, in linear time."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evlog.contents.pcclient import EVENT_TYPES, PCClientEvent
from evlog.decoders import NO_CONTEXT, Context, Decoded, Raw, decode, to_json
from evlog.decoders.device_path import DevicePath
from evlog.decoders.efi_variable import EfiVariable
from evlog.decoders.gpt import Gpt
from evlog.decoders.load_option import LoadOption
from evlog.decoders.signature_db import SignatureDatabase
from evlog.intake.read import read
from evlog.model import Event
from evlog.registers import Register
from tests import clock
from tests.decoding import END, decoded, guid, node, variable

TYPES = sorted(EVENT_TYPES)
CONTEXTS = [NO_CONTEXT, Context(4), Context(8)]
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"


def sound(event_type: int, data: bytes, context: Context = NO_CONTEXT, index: int = 0) -> Decoded:
    """Decode, and hold what decode promises."""
    found = decode(Event(0, Register("pcr", index), (), PCClientEvent(event_type, data)), context)
    assert found is not None
    if isinstance(found, Raw):
        assert found.reason
        assert not found.reason.startswith("decoder failed"), found.reason
        assert found.data == data
    assert found.summary.isprintable()
    json.dumps(to_json(found)).encode()
    return found


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TYPES), st.binary(max_size=300), st.sampled_from(CONTEXTS), st.sampled_from([0, 5, 8, 11]))
def test_any_bytes(event_type: int, data: bytes, context: Context, index: int) -> None:
    sound(event_type, data, context, index)


def bodies(vm: Path) -> list[tuple[int, bytes]]:
    """A body of each type and size that our machines' logs have."""
    found: dict[tuple[int, int], bytes] = {}
    for log in sorted(vm.glob("*/binary_bios_measurements")):
        for event in read(log).events:
            assert isinstance(event.content, PCClientEvent)
            found.setdefault((event.content.event_type, len(event.content.data)), event.content.data)
    return [(event_type, data) for (event_type, _), data in sorted(found.items())]


def test_real_bodies_cut_at_every_byte(vm: Path) -> None:
    for event_type, data in bodies(vm):
        step = max(1, len(data) // 200)
        for size in range(0, len(data), step):
            sound(event_type, data[:size])


def test_real_bodies_with_bytes_changed(vm: Path) -> None:
    chance = random.Random(20)
    for event_type, data in bodies(vm):
        for _ in range(40):
            changed = bytearray(data)
            for _ in range(chance.randint(1, 4)):
                if changed:
                    changed[chance.randrange(len(changed))] = chance.choice(
                        (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
                    )
            sound(event_type, bytes(changed), chance.choice(CONTEXTS))


def test_real_bodies_under_every_other_type(vm: Path) -> None:
    for _, data in bodies(vm)[::5]:
        for event_type in TYPES:
            sound(event_type, data)


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_large_integers_everywhere(factor: int) -> None:
    for event_type in TYPES:
        for fill in (b"\xff", b"\x7f", b"\x80"):
            sound(event_type, fill * 64 * factor)
            sound(event_type, guid(GLOBAL) + struct.pack("<QQ", 2, 1 << 63) + b"d\0b\0" + fill * 16)


# Bodies of a structure repeated as often as it fits: each must take time in proportion to its size.
LIST = guid("c1c41626-504c-4092-aca9-41f936934328") + struct.pack("<III", 76, 0, 48) + bytes(48)
GPT = b"EFI PART" + bytes(76) + struct.pack("<III", 1, 128, 0)


def hashes_in_one_list(count: int) -> bytes:
    head = guid("c1c41626-504c-4092-aca9-41f936934328") + struct.pack("<III", 28 + 48 * count, 0, 48)
    return variable(IMAGE_SECURITY, "dbx", head + bytes(48 * count))


def partitions(count: int) -> bytes:
    return GPT[:92].ljust(80, b"\0")[:84] + struct.pack("<II", 128, 0) + struct.pack("<Q", count) + bytes(128 * count)


def nested_names(count: int) -> bytes:
    """A certificate whose names are sets without end."""
    content = (b"\x31\x00") * count

    def element(tag: int, data: bytes) -> bytes:
        return bytes([tag, 0x84]) + struct.pack(">I", len(data)) + data

    oid = b"\x30\x04\x06\x02\x2a\x03"
    times = element(0x30, b"\x17\x0d990101000000Z" * 2)
    tbs = b"\x02\x01\x01" + oid + element(0x30, content) + times + element(0x30, content) + element(0x30, oid)
    return element(0x30, element(0x30, tbs))


def boot(data: bytes) -> bytes:
    return variable(GLOBAL, "Boot0000", data)


#: What is repeated: the event type, a body with so many of it, the size of one.
LARGE: dict[str, tuple[int, Callable[[int], bytes], int]] = {
    "signature lists": (0x80000001, lambda n: variable(IMAGE_SECURITY, "db", LIST * n), 76),
    "hashes": (0x80000001, hashes_in_one_list, 48),
    "device path nodes": (0x80000003, lambda n: bytes(24) + struct.pack("<Q", 6 * n) + node(1, 1, b"\0\0") * n, 6),
    "ends of instances": (0x80000003, lambda n: bytes(24) + struct.pack("<Q", 4 * n) + node(0x7F, 1) * n, 4),
    "empty paths": (0x80000002, lambda n: boot(struct.pack("<IH", 1, 65532) + b"\0\0" + END * n), 4),
    "boot options": (0x80000002, lambda n: variable(GLOBAL, "BootOrder", bytes(2 * n)), 2),
    "partitions": (0x80000006, partitions, 128),
    "tables": (0x80000009, lambda n: struct.pack("<Q", n) + bytes(24 * n), 24),
    "text": (0x80000007, lambda n: b"a" * n, 1),
    "no text": (0x80000007, lambda n: b"\xff" * n, 1),
    "text that seems to end": (0x80000002, lambda n: boot(bytes(6) + b"\x01\0\0\x01" * n), 4),
    "rows of SBAT": (0x800000E0, lambda n: variable(SHIM, "SbatLevel", b"a,\n" * n), 3),
    "names": (0x800000E0, lambda n: variable(IMAGE_SECURITY, "db", guid(GLOBAL) + nested_names(n)), 4),
}


@pytest.mark.parametrize("what", LARGE)
def test_time_is_linear(what: str) -> None:
    event_type, make, unit = LARGE[what]

    def told(data: bytes) -> None:
        found = decoded(event_type, data)
        to_json(found)
        _ = found.summary

    assert clock.linear(told, make(10_000 // unit), make(80_000 // unit), 8 * 4)


def test_the_large_bodies_are_what_they_are_meant_to_be() -> None:
    """Or the test above would time refusals."""
    found = {what: decoded(event_type, make(50)) for what, (event_type, make, _) in LARGE.items()}
    gpt, lists, option = found["partitions"], found["signature lists"], found["empty paths"]
    assert isinstance(gpt, Gpt)
    assert len(gpt.partitions) == 50
    assert isinstance(lists, EfiVariable)
    assert isinstance(lists.value, SignatureDatabase)
    assert len(lists.value.lists) == 50
    assert isinstance(option, EfiVariable)
    assert isinstance(option.value, LoadOption)
    assert len(option.value.file_paths) == 50
    path = found["device path nodes"]
    assert isinstance(getattr(path, "device_path", None), DevicePath)
    assert [what for what, value in found.items() if isinstance(value, Raw)] == ["no text"]
