"""Decoders of what boot loaders and operating systems measure: expectations from the specifications and producers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.contents.pcclient import EVENT_TYPES, PCClientEvent
from evlog.decoders import Context, Raw, decode, to_json
from evlog.decoders.compact_hash import CompactHash
from evlog.decoders.ipl import BootLoaderText, GrubCommand, IplText, MokVariable, StubSection
from evlog.decoders.launch import LaunchEvent
from evlog.decoders.mbr import MbrPartitionTable, PartitionText
from evlog.decoders.sipa import SipaEvent
from evlog.decoders.tagged import TaggedEvent, TaggedEvents, TaggedText
from evlog.registers import Register

if TYPE_CHECKING:
    from pathlib import Path

    from evlog.decoders import Decoded

TYPES = {name: number for number, name in EVENT_TYPES.items()}


def body(event_type: str | int, data: bytes, register: str = "pcr:0") -> Decoded:
    number = TYPES[event_type] if isinstance(event_type, str) else event_type
    event = evlog.Event(0, Register.parse(register), (), PCClientEvent(number, data))
    decoded = decode(event)
    assert decoded is not None
    return decoded


def tlv(number: int, data: bytes) -> bytes:
    return struct.pack("<II", number, len(data)) + data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"grub_cmd: set timeout=5\0", GrubCommand("grub_cmd", "set timeout=5")),
        (
            b"kernel_cmdline: /v root=/dev/vda quiet\0",
            GrubCommand("kernel_cmdline", "/v root=/dev/vda quiet"),
        ),
        (b"module_cmdline: /m x\0", GrubCommand("module_cmdline", "/m x")),
        (b"grub_cmd set x=1\0", GrubCommand("grub_cmd", "set x=1")),
        (b"grub_kernel_cmdline /vmlinuz ro\0", GrubCommand("kernel_cmdline", "/vmlinuz ro")),
        # GRUB before 2.04 counted the byte after the NUL.
        (b"grub_linuxefi Kernel\0l", IplText("grub_linuxefi Kernel", b"l")),
        (b"(hd0,gpt2)/boot/grub/grub.cfg\0", IplText("(hd0,gpt2)/boot/grub/grub.cfg")),
        ("menuentry grüßt\0".encode(), IplText("menuentry grüßt")),
        (b"MBR\0", IplText("MBR")),
        (".linux\0".encode("utf-16-le"), StubSection(".linux")),
        ("quiet root=/dev/vda\0".encode("utf-16-le"), BootLoaderText("quiet root=/dev/vda")),
        # Old systemd-boot lost the last byte of the NUL.
        ("quiet\0".encode("utf-16-le")[:-1], BootLoaderText("quiet", False)),
    ],
)
def test_ipl(data: bytes, expected: Decoded) -> None:
    assert body("EV_IPL", data, "pcr:9") == expected


def test_mok_variables_by_register() -> None:
    assert body("EV_IPL", b"MokListX\0", "pcr:14") == MokVariable("MokListX")
    assert body("EV_IPL", b"MokListTrusted\0\x01", "ccmr:3") == MokVariable("MokListTrusted", b"\x01")
    assert body("EV_IPL", b"MokListTrusted\0\x01", "rtmr:2") == MokVariable("MokListTrusted", b"\x01")
    assert body("EV_IPL", b"MokListX\0", "pcr:9") == IplText("MokListX")


def test_code_is_raw() -> None:
    decoded = body("EV_IPL", b"\xeb\x63\x90\xfa\xff" * 20, "pcr:4")
    assert isinstance(decoded, Raw)
    assert decoded.reason == "no text (at byte 0x0)"


def test_compact_hash() -> None:
    assert body("EV_COMPACT_HASH", b"\x10\0\0\0", "pcr:11") == CompactHash(0x10, None)
    text = b"Dell Configuration Information 1\0"
    assert body("EV_COMPACT_HASH", text, "pcr:6") == CompactHash(None, "Dell Configuration Information 1")


def test_partition_table_as_seabios_logs_it(vm: Path) -> None:
    """The 72 bytes from 0x1B8 of the sector: signature, reserved, four entries, 55 AA."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\0\0", 0x83, b"\0\0\0", 2048, 20480)
    data = struct.pack("<IH", 0x12345678, 0) + entry + bytes(48) + b"\x55\xaa"
    decoded = body("EV_IPL_PARTITION_DATA", data, "pcr:5")
    assert isinstance(decoded, MbrPartitionTable)
    assert decoded.disk_signature == 0x12345678
    first = decoded.partitions[0]
    assert (first.active, first.type, first.first_sector, first.sectors) == (True, 0x83, 2048, 20480)
    assert decoded.trailing == b"\x55\xaa"
    assert body("EV_IPL_PARTITION_DATA", b"MBR PARTITION_TABLE") == PartitionText("MBR PARTITION_TABLE")


def test_launch_events_keep_their_bytes() -> None:
    assert body("EVTYPE_MLE_HASH", b"\x01\xff", "pcr:18") == LaunchEvent(None, b"\x01\xff")
    assert body(0x80FF, b"text", "pcr:17") == LaunchEvent("text", b"text")


def test_linux_tags() -> None:
    """Linux drivers/firmware/efi/libstub: INITRD_EVENT_TAG_ID and LOAD_OPTIONS_EVENT_TAG_ID."""
    initrd = tlv(0x8F3B22EC, b"Linux initrd\0")
    expected = TaggedEvent(0x8F3B22EC, "Linux initrd", b"Linux initrd\0", "Linux initrd")
    assert body("EV_EVENT_TAG", initrd, "pcr:9") == expected
    both = body("EV_EVENT_TAG", initrd + tlv(0x8F3B22ED, b"LOADED_IMAGE::LoadOptions\0"), "pcr:9")
    assert isinstance(both, TaggedEvents)
    assert both.summary == "Linux initrd: Linux initrd; Linux load options: LOADED_IMAGE::LoadOptions"
    assert body("EV_EVENT_TAG", b"LOADED_IMAGE::LoadOptions\0", "ccmr:3") == TaggedText("LOADED_IMAGE::LoadOptions")


def test_aael_and_systemd_tags() -> None:
    """The CoCo attestation agent's tag is the bytes LEAA in the file; systemd's addons have UTF-16 names."""
    aael = body("EV_EVENT_TAG", b"LEAA" + struct.pack("<I", 9) + b"dom op ct", "ccmr:4")
    assert isinstance(aael, TaggedEvent)
    assert (aael.name, aael.text) == ("AAEL", "dom op ct")
    addon = body("EV_EVENT_TAG", tlv(0x49DFFE0F, "extra.efi\0".encode("utf-16-le")), "pcr:12")
    assert isinstance(addon, TaggedEvent)
    assert addon.text == "extra.efi"
    # As systemd-boot logs it on PCR 5 (pcr-oracle issue 49): the name in UTF-16, the digest of the file.
    logged = "2a58bcf5180000006c006f0061006400650072002e0063006f006e0066000000"
    conf = body("EV_EVENT_TAG", bytes.fromhex(logged), "pcr:5")
    assert conf.summary == "systemd-boot loader.conf: loader.conf"


def test_unknown_tag_keeps_its_number() -> None:
    decoded = body("EV_EVENT_TAG", tlv(0x12345678, b"\xff\xfe"))
    assert decoded == TaggedEvent(0x12345678, None, b"\xff\xfe", None)
    assert decoded.summary == "tag 0x12345678: 2 bytes"


def test_damaged_tag_is_raw_with_the_offset() -> None:
    decoded = body("EV_EVENT_TAG", struct.pack("<II", 1, 100) + b"\xff")
    assert isinstance(decoded, Raw)
    assert decoded.reason == "100 bytes expected, 1 left (at byte 0x8, in events[0])"


def test_sipa_nesting_and_values() -> None:
    """wbcl.h: an aggregate of a truth value, text, a number with a meaning, flags, and a nested module."""
    module = tlv(0x00070001, "\\Windows\\x.sys\0".encode("utf-16-le")) + tlv(0x00070003, struct.pack("<I", 0x800C))
    inside = (
        tlv(0x00040001, b"\0")
        + tlv(0x00050009, "\\Windows\0".encode("utf-16-le"))
        + tlv(0x00050008, struct.pack("<I", 0x10004))
        + tlv(0x00020005, struct.pack("<I", 0x14))
        + tlv(0x40010003, module)
    )
    decoded = body("EV_EVENT_TAG", tlv(0x40010001, inside), "pcr:13")
    assert isinstance(decoded, SipaEvent)
    assert decoded.events is not None
    debugging, root, device, unlock, loaded = decoded.events
    assert (debugging.name, debugging.value) == ("BootDebugging", False)
    assert root.value == "\\Windows"
    assert device.meaning == "partition"
    assert unlock.meaning == "tpm+pin"
    assert loaded.events is not None
    assert [event.value for event in loaded.events] == ["\\Windows\\x.sys", 0x800C]
    assert loaded.events[1].meaning == "sha256"


def test_sipa_payloads() -> None:
    policy = struct.pack("<HHHHHHI", 4, 3, 2, 1, 8, 0x0B, 32) + "Pol\0".encode("utf-16-le") + bytes(32)
    listed = struct.pack("<qIH", 116444736000000000, 4, 4) + b"abcd"
    decoded = body("EV_EVENT_TAG", tlv(0x40010001, tlv(0x0005000F, policy) + tlv(0x00050013, listed)), "pcr:12")
    assert isinstance(decoded, SipaEvent)
    assert decoded.summary == "TrustBoundary (2): SIPolicy=Pol 1.2.3.4, OSRevocationList=of 1970-01-01T00:00:00+00:00"
    # A structure that does not fit keeps its bytes.
    short = body("EV_EVENT_TAG", tlv(0x0005000F, b"abc"), "pcr:12")
    assert isinstance(short, SipaEvent)
    assert (short.payload, short.data) == (None, b"abc")


def test_sipa_depth_is_bounded() -> None:
    bomb = b""
    for _ in range(3000):
        bomb = tlv(0x40010001, bomb)
    decoded = body("EV_EVENT_TAG", bomb, "pcr:12")
    assert isinstance(decoded, Raw)
    assert "nested more than 8 deep" in decoded.reason


def test_trust_point() -> None:
    decoded = body("EV_NO_ACTION", tlv(0xC0010004, tlv(0x80080001, b"\1\2")), "pcr:0xffffffff")
    assert isinstance(decoded, SipaEvent)
    assert decoded.events is not None
    assert [event.name for event in decoded.events] == ["Quote"]


def test_every_body_of_these_types_in_real_logs_decodes(corpus: Path) -> None:
    """Over the public logs: only code, an empty body and HPE's padded block stay raw."""
    types = {"EV_IPL", "EV_EVENT_TAG", "EV_COMPACT_HASH", "EV_IPL_PARTITION_DATA", "EVTYPE_MLE_HASH"}
    seen = 0
    reasons: list[str] = []
    for path in sorted(corpus.iterdir()):
        try:
            log = evlog.read(path) if path.is_file() else None
        except evlog.EvlogError:
            continue
        if log is None or log.format not in ("tcg1", "tcg2", "ccel"):
            continue
        context = Context.of(log)
        for event in log.events:
            content = event.content
            if isinstance(content, PCClientEvent) and content.event_type_name in types:
                decoded = decode(event, context)
                assert to_json(decoded) is not None
                seen += 1
                reasons += [decoded.reason] if isinstance(decoded, Raw) and content.data else []
    assert seen > 1500
    assert len(reasons) <= 1, reasons
