"""What firmware measures besides variables: as the profile lays it out, and as tpm2_eventlog reads it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from evlog.decoders import Context, Raw, decode, to_json
from evlog.decoders.crtm import CsmeEvent, FirmwareVersion, GceNonHostInfo, PlatformConfig
from evlog.decoders.device_path import DevicePath
from evlog.decoders.efi_action import Action
from evlog.decoders.firmware_blob import FirmwareBlob, FirmwareBlob2
from evlog.decoders.gpt import Gpt, GptPartition
from evlog.decoders.handoff_tables import HandoffTable, HandoffTables, HandoffTables2
from evlog.decoders.image_load import ImageLoad
from evlog.decoders.no_action import (
    AlgorithmSize,
    HcrtmComponent,
    Locator,
    Sp800155Event,
    Sp800155Event2,
    SpecIdEvent,
    StartupLocality,
    UriLocator,
    VariableLocator,
)
from evlog.decoders.plain import Text
from evlog.decoders.separator import Separator
from evlog.intake.read import read
from tests.decoding import END, decoded, guid, node

G = "12345678-1234-5678-9abc-def012345678"


class TestNoAction:
    HEAD = struct.pack("<IBBBB", 1, 0, 2, 106, 2)

    def test_spec_id_03(self) -> None:
        body = b"Spec ID Event03\0" + self.HEAD + struct.pack("<IHHHH", 2, 4, 20, 0x99, 24) + b"\x02ab"
        algorithms = (AlgorithmSize(4, "sha1", 20), AlgorithmSize(0x99, "0x0099", 24))
        expected = SpecIdEvent("Spec ID Event03", 1, 0, 2, 106, 2, algorithms, b"ab")
        assert decoded("EV_NO_ACTION", body) == expected
        assert expected.summary == "Spec ID Event03, sha1, 0x0099"

    @pytest.mark.parametrize("version", ["00", "02"])
    def test_spec_id_of_tpm_12(self, version: str) -> None:
        body = f"Spec ID Event{version}\0".encode() + self.HEAD + b"\x03abc"
        assert decoded("EV_NO_ACTION", body) == SpecIdEvent(f"Spec ID Event{version}", 1, 0, 2, 106, 2, (), b"abc")

    def test_vendor_information_that_is_not_there(self) -> None:
        found = decoded("EV_NO_ACTION", b"Spec ID Event00\0" + self.HEAD + b"\x05ab")
        assert isinstance(found, SpecIdEvent)
        assert (found.vendor_info, found.notes) == (b"ab", ("5 bytes of vendor information announced, 2 present",))
        found = decoded("EV_NO_ACTION", b"Spec ID Event00\0" + self.HEAD)
        assert isinstance(found, SpecIdEvent)
        assert (found.vendor_info, found.notes) == (b"", ())

    def test_more_algorithms_than_fit(self) -> None:
        found = decoded("EV_NO_ACTION", b"Spec ID Event03\0" + self.HEAD + struct.pack("<IHH", 1 << 31, 4, 20))
        assert isinstance(found, Raw)
        assert found.reason.startswith("2147483648 algorithms do not fit in 4 bytes (at byte 0x1c")

    @pytest.mark.parametrize("padding", [0, 33])
    def test_startup_locality_and_the_padding_of_coreboot(self, padding: int) -> None:
        assert decoded("EV_NO_ACTION", b"StartupLocality\0\x03" + bytes(padding)) == StartupLocality(3)

    def test_startup_locality_with_something_after(self) -> None:
        assert isinstance(decoded("EV_NO_ACTION", b"StartupLocality\0\x03\0\1"), Raw)

    def test_hcrtm_components(self) -> None:
        head = b"H-CRTM CompMeas\0\x03ACM"
        digest = struct.pack("<H", 11) + bytes(range(32))
        body = head + b"\0" + struct.pack("<H", len(digest)) + digest
        assert decoded("EV_NO_ACTION", body) == HcrtmComponent("ACM", "sha256", bytes(range(32)))
        body = head + b"\x80" + struct.pack("<H", 3) + b"raw"
        assert decoded("EV_NO_ACTION", body) == HcrtmComponent("ACM", None, b"raw")

    def test_the_first_manifest_event(self) -> None:
        body = b"SP800-155 Event\0" + struct.pack("<I", 11129) + guid(G)
        assert decoded("EV_NO_ACTION", body) == Sp800155Event(11129, G)

    FIELDS = b"".join(bytes([len(text)]) + text for text in (b"Maker\0", b"Model\0", b"1\0", b"Firm\0"))
    FIELDS += struct.pack("<I", 7) + b"\x042.7\0"

    def test_the_second_manifest_event(self) -> None:
        body = b"SP800-155 Event2" + struct.pack("<I", 11129) + guid(G) + self.FIELDS
        expected = Sp800155Event2(2, 11129, G, "Maker", "Model", "1", "Firm", 7, "2.7", None, None)
        assert decoded("EV_NO_ACTION", body) == expected

    @pytest.mark.parametrize(
        ("kind", "data", "value"),
        [
            (0, b"", Raw("a raw locator", b"")),
            (1, b"https://example.org/rim\0", UriLocator("https://example.org/rim")),
            (2, node(1, 1, b"\0\1") + END, None),
            (3, guid(G) + "RIM\0".encode("utf-16-le"), VariableLocator(G, "RIM")),
        ],
    )
    def test_the_third_says_where_manifest_and_certificate_are(self, kind: int, data: bytes, value: Any) -> None:
        located = struct.pack("<II", kind, len(data)) + data
        body = b"SP800-155 Event3" + struct.pack("<I", 11129) + guid(G) + self.FIELDS + located + bytes(8) + bytes(6)
        found = decoded("EV_NO_ACTION", body)
        assert isinstance(found, Sp800155Event2)
        assert isinstance(found.manifest_locator, Locator)
        assert found.manifest_locator.type == kind
        if value is None:
            assert isinstance(found.manifest_locator.value, DevicePath)
            assert found.manifest_locator.value.text == "Pci(0x1,0x0)"
        else:
            assert found.manifest_locator.value == value
        assert found.certificate_locator == Locator(0, Raw("a raw locator", b""))
        assert found.trailing == bytes(6)


class TestCrtm:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            ("GCE Virtual Firmware v2\0".encode("utf-16-le"), "GCE Virtual Firmware v2"),
            (b"1.0", "1.0"),
            (b"\0\0", ""),
            (b"", ""),
            ("N32ET68W \0".encode("utf-16-le"), "N32ET68W"),
        ],
    )
    def test_versions_in_text(self, data: bytes, text: str) -> None:
        assert decoded("EV_S_CRTM_VERSION", data) == FirmwareVersion(text, None)

    def test_a_version_that_is_a_guid(self) -> None:
        assert decoded("EV_S_CRTM_VERSION", guid(G)) == FirmwareVersion(None, G)

    def test_a_vendors_structure_after_the_text(self) -> None:
        data = b"P78".ljust(16, b"\0") + b"\x01\x00\x26\x00"
        assert decoded("EV_S_CRTM_VERSION", data) == FirmwareVersion("P78", None, bytes(13) + b"\x01\x00\x26\x00")

    def test_neither(self) -> None:
        assert isinstance(decoded("EV_S_CRTM_VERSION", b"\x80\x81\x82\0\0"), Raw)

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"ACPI DATA", PlatformConfig("ACPI DATA", b"")),
            (b"etc/acpi/rsdp".ljust(56, b"\0"), PlatformConfig("etc/acpi/rsdp", b"")),
            ("kernel\0".encode("utf-16-le"), PlatformConfig("kernel", b"")),
            (b"MSR_TME_ACTIVATE\0\x0b\0\0", PlatformConfig("MSR_TME_ACTIVATE", b"\x0b\0\0")),
        ],
    )
    def test_platform_settings(self, data: bytes, expected: PlatformConfig) -> None:
        assert decoded("EV_PLATFORM_CONFIG_FLAGS", data) == expected

    def test_platform_settings_without_a_name(self) -> None:
        found = decoded("EV_PLATFORM_CONFIG_FLAGS", b"\x8b\x04\x00\x00\x01")
        assert isinstance(found, Raw)
        assert "the platform defines" in found.reason

    @pytest.mark.parametrize(("number", "name"), [(0, "none"), (3, "Intel TDX"), (9, "technology 9")])
    def test_google_virtual_machines(self, number: int, name: str) -> None:
        body = b"GCE NonHostInfo\0" + bytes([number]) + bytes(15)
        assert decoded("EV_NONHOST_INFO", body) == GceNonHostInfo(number, name, bytes(15))

    @pytest.mark.parametrize("signature", ["IntelCSxEEvent01", "IntelCSxEInfoEvent"])
    def test_the_management_engine(self, signature: str) -> None:
        body = signature.encode() + b"\0\0\x01\0"
        assert decoded("EV_NONHOST_INFO", body) == CsmeEvent(signature, b"\0\0\x01\0")

    def test_other_non_host_information_is_text_or_raw(self) -> None:
        assert decoded("EV_NONHOST_INFO", b"BMC 1.2\0") == Text("BMC 1.2")
        assert isinstance(decoded("EV_NONHOST_INFO", b"\x01\x02\x03"), Raw)


class TestBlobs:
    BLOB = struct.pack("<QQ", 0x820000, 0xE0000)

    @pytest.mark.parametrize("event_type", ["EV_EFI_PLATFORM_FIRMWARE_BLOB", "EV_POST_CODE", "EV_S_CRTM_CONTENTS"])
    def test_blobs(self, event_type: str) -> None:
        found = decoded(event_type, self.BLOB)
        assert found == FirmwareBlob(0x820000, 0xE0000)
        assert found.summary == "896 KiB at 0x820000"

    @pytest.mark.parametrize(
        ("event_type", "data", "text"),
        [
            ("EV_POST_CODE", b"ACPI DATA", "ACPI DATA"),
            ("EV_POST_CODE", b"BL_2\0", "BL_2"),
            ("EV_POST_CODE", b"UEFI PI         ", "UEFI PI         "),
            ("EV_S_CRTM_CONTENTS", b"Boot Guard Measured S-CRTM\0", "Boot Guard Measured S-CRTM"),
            ("EV_POST_CODE", b"", ""),
        ],
    )
    def test_a_line_of_text_in_place_of_a_blob(self, event_type: str, data: bytes, text: str) -> None:
        assert decoded(event_type, data) == Text(text)

    @pytest.mark.parametrize("event_type", ["EV_EFI_PLATFORM_FIRMWARE_BLOB2", "EV_POST_CODE2", "EV_POST_CODE"])
    @pytest.mark.parametrize("nul", [b"", b"\0"])
    def test_blobs_with_a_description(self, event_type: str, nul: bytes) -> None:
        name = b"Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)"
        body = bytes([len(name + nul)]) + name + nul + self.BLOB
        assert decoded(event_type, body) == FirmwareBlob2(name.decode(), 0x820000, 0xE0000)

    def test_a_blob_that_is_cut(self) -> None:
        found = decoded("EV_EFI_PLATFORM_FIRMWARE_BLOB", self.BLOB[:15])
        assert isinstance(found, Raw)
        assert found.reason == "8 bytes expected, 7 left (at byte 0x8, in length)"


class TestHandoffTables:
    SMBIOS3 = "f2fd1544-9794-4a2c-992e-e5bbcf20e394"
    TABLES = struct.pack("<Q", 2) + guid(SMBIOS3) + struct.pack("<Q", 0x7F000) + guid(G) + struct.pack("<Q", 1)
    EXPECTED = (HandoffTable(SMBIOS3, "SMBIOS 3", 0x7F000), HandoffTable(G, None, 1))

    def test_tables(self) -> None:
        found = decoded("EV_EFI_HANDOFF_TABLES", self.TABLES)
        assert found == decoded("EV_TABLE_OF_DEVICES", self.TABLES) == HandoffTables(self.EXPECTED)
        assert found.summary == f"SMBIOS 3, {G}"

    def test_tables_with_a_description(self) -> None:
        found = decoded("EV_EFI_HANDOFF_TABLES2", b"\x09TdxTable\0" + self.TABLES)
        assert found == HandoffTables2("TdxTable", self.EXPECTED)

    def test_a_table_of_devices_that_is_a_name(self) -> None:
        assert decoded("EV_TABLE_OF_DEVICES", b"dts") == Text("dts")

    def test_more_tables_than_fit(self) -> None:
        found = decoded("EV_EFI_HANDOFF_TABLES", struct.pack("<Q", 1 << 60) + self.TABLES, Context(8))
        assert isinstance(found, Raw)
        assert found.reason.startswith("1152921504606846976 tables do not fit in 56 bytes")


class TestGpt:
    ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

    def header(self, stride: int = 128) -> bytes:
        numbers = struct.pack("<4Q", 1, 0x1DCF32AF, 34, 0x1DCF328E)
        head = b"EFI PART" + struct.pack("<IIII", 0x10000, 92, 0xDEADBEEF, 0) + numbers
        return head + guid(G) + struct.pack("<QIII", 2, 128, stride, 0xCAFEBABE)

    def entry(self, name: str = "EFI system", stride: int = 128) -> bytes:
        fields = struct.pack("<QQQ", 2048, 4095, 1 << 63) + name.encode("utf-16-le").ljust(72, b"\0")
        return (guid(self.ESP) + guid(G) + fields).ljust(stride, b"\xee")

    PARTITION = GptPartition(ESP, "EFI System", G, 2048, 4095, 1 << 63, "EFI system")

    def expected(self, count: int, stride: int = 128, notes: tuple[str, ...] = ()) -> Gpt:
        table = (0x10000, 92, 0xDEADBEEF, 1, 0x1DCF32AF, 34, 0x1DCF328E, G, 2, 128, stride, 0xCAFEBABE)
        return Gpt(*table, (self.PARTITION,) * count, notes)

    @pytest.mark.parametrize("event_type", ["EV_EFI_GPT_EVENT", "EV_EFI_GPT_EVENT2"])
    @pytest.mark.parametrize("stride", [128, 256])
    @pytest.mark.parametrize("code", ["I", "Q"])
    def test_partitions(self, event_type: str, stride: int, code: str) -> None:
        body = self.header(stride) + struct.pack(f"<{code}", 2) + self.entry(stride=stride) * 2
        found = decoded(event_type, body)
        assert found == self.expected(2, stride)
        assert found.summary == f"EFI system, EFI system on disk {G}"

    def test_a_disk_without_partitions(self) -> None:
        assert decoded("EV_EFI_GPT_EVENT", self.header() + bytes(8)) == self.expected(0)

    def test_a_header_padded_to_its_alignment(self) -> None:
        body = self.header() + bytes(4) + struct.pack("<Q", 1) + self.entry()
        assert decoded("EV_EFI_GPT_EVENT", body) == self.expected(1, notes=("the header is padded to 96 bytes",))

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"EFI PARX", "no GPT header"),
            (b"EFI PART", "92 bytes expected, 8 left"),
            ("stride", "partition entries of 64 bytes, at least 128 expected"),
            ("count", "9223372036854775807 partitions do not fit in 128 bytes"),
        ],
    )
    def test_damage(self, body: bytes | str, reason: str) -> None:
        if body == "stride":
            body = self.header(64) + bytes(8)
        elif body == "count":
            body = self.header() + struct.pack("<Q", (1 << 63) - 1) + self.entry()
        assert isinstance(body, bytes)
        found = decoded("EV_EFI_GPT_EVENT", body)
        assert isinstance(found, Raw)
        assert found.reason.startswith(reason)


class TestImageLoads:
    PATH = node(4, 4, "\\EFI\\BOOT\\BOOTX64.EFI\0".encode("utf-16-le")) + END

    @pytest.mark.parametrize("kind", ["APPLICATION", "DRIVER"])
    def test_an_image(self, kind: str) -> None:
        body = struct.pack("<4Q", 0x1000, 0x2000, 0x3000, len(self.PATH)) + self.PATH
        found = decoded(f"EV_EFI_BOOT_SERVICES_{kind}", body)
        assert isinstance(found, ImageLoad)
        numbers = (found.image_location_in_memory, found.image_length_in_memory, found.image_link_time_address)
        assert numbers == (0x1000, 0x2000, 0x3000)
        assert found.summary == "\\EFI\\BOOT\\BOOTX64.EFI"
        assert (found.notes, found.trailing) == ((), b"")

    def test_an_image_on_firmware_of_32_bits(self) -> None:
        body = struct.pack("<QIII", 0x1000, 0x2000, 0x3000, len(self.PATH)) + self.PATH
        for context in (Context(4), Context()):
            found = decoded("EV_EFI_BOOT_SERVICES_APPLICATION", body, context)
            assert found.summary == "\\EFI\\BOOT\\BOOTX64.EFI"

    def test_a_path_that_is_shorter_than_it_says(self) -> None:
        body = struct.pack("<4Q", 1, 2, 3, len(self.PATH) + 8) + self.PATH
        found = decoded("EV_EFI_BOOT_SERVICES_APPLICATION", body)
        assert isinstance(found, ImageLoad)
        size = len(self.PATH)
        assert found.notes == (f"a device path of {size + 8} bytes announced, {size} present",)
        assert found.device_path.file == "\\EFI\\BOOT\\BOOTX64.EFI"

    def test_what_shim_logs(self) -> None:
        found = decoded("EV_EFI_BOOT_SERVICES_APPLICATION", bytes(32) + b"\0\xfc\x10\0\0\0\x11\0\xaf", Context(8))
        assert isinstance(found, ImageLoad)
        assert (found.device_path, found.trailing) == (DevicePath("", ()), b"\0\xfc\x10\0\0\0\x11\0\xaf")
        assert found.summary == "no device path"


class TestActionsAndSeparators:
    @pytest.mark.parametrize("event_type", ["EV_ACTION", "EV_EFI_ACTION", "EV_OMIT_BOOT_DEVICE_EVENTS"])
    def test_actions(self, event_type: str) -> None:
        assert decoded(event_type, b"Exit Boot Services Invocation") == Action("Exit Boot Services Invocation")
        assert decoded(event_type, b"BOOTBLOCK".ljust(50, b"\0")) == Action("BOOTBLOCK")
        assert decoded(event_type, "a line of text, naïve".encode()) == Action("a line of text, naïve")

    def test_an_action_without_text(self) -> None:
        assert isinstance(decoded("EV_ACTION", b"\xff\xff\xff\xff"), Raw)
        assert isinstance(decoded("EV_ACTION", b""), Raw)

    @pytest.mark.parametrize(
        ("data", "value", "text", "summary"),
        [
            (bytes(4), 0, None, "separator"),
            (b"\xff" * 4, 0xFFFFFFFF, None, "separator (0xffffffff)"),
            (b"WBCL", 0x4C434257, "WBCL", "separator: WBCL"),
            (b"\1\0\0\0", 1, None, "separator: error"),
            (b"Skiboot Boot", None, "Skiboot Boot", "separator: Skiboot Boot"),
            (b"\x80\x81", None, None, "separator: 8081"),
            (b"", None, None, "separator: empty"),
        ],
    )
    def test_separators(self, data: bytes, value: int | None, text: str | None, summary: str) -> None:
        found = decoded("EV_SEPARATOR", data)
        assert found == Separator(value, text, data)
        assert found.summary == summary

    def test_types_whose_body_is_text_or_anything(self) -> None:
        assert decoded("EV_CPU_MICROCODE", b"revision 12\0") == Text("revision 12")
        assert decoded("EV_EFI_HCRTM_EVENT", b"HCRTM") == Text("HCRTM")
        found = decoded("EV_CPU_MICROCODE", b"\x00P)\xdf\x00\x00\x00\x00")
        assert isinstance(found, Raw)
        assert found.reason.startswith("not text; what else it may be the platform defines")


def test_structures_of_our_machines_as_tpm2_eventlog_reads_them(vm: Path) -> None:
    """The fields that tpm2-tools prints, by the names it gives them."""
    compared = 0
    for document in sorted(vm.glob("*/tpm2_eventlog.yaml")):
        theirs = yaml.load(document.read_text(), yaml.BaseLoader)["events"]
        log = read(document.parent / "binary_bios_measurements")
        context = Context.of(log)
        if log.format == "tcg1":
            continue  # of which tpm2_eventlog prints the first few events
        assert len(theirs) == len(log.events)
        for event, other in zip(log.events, theirs, strict=True):
            ours = to_json(decode(event, context))
            assert ours is not None
            expected, found = _comparable(other, ours)
            assert found == expected
            compared += bool(expected)
    assert compared > 100


def _comparable(other: dict[str, Any], ours: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """The values of an event that both have: theirs, ours."""
    body = other.get("Event")
    if ours["kind"] == "spec_id_event":
        (spec,) = other["SpecID"]
        banks = [next(iter(a.values())) if "algorithmId" not in a else a["algorithmId"] for a in spec["Algorithms"]]
        expected = [spec["Signature"], int(spec["uintnSize"]), int(spec["specErrata"]), len(banks)]
        return expected, [ours["signature"], ours["uintn_size"], ours["spec_errata"], len(ours["algorithms"])]
    if not isinstance(body, dict):
        return [], []
    if ours["kind"] == "firmware_blob":
        return [int(body["BlobBase"], 16), int(body["BlobLength"], 16)], [ours["base"], ours["length"]]
    if ours["kind"] == "efi_variable":
        return [body["VariableName"], body["UnicodeName"]], [ours["vendor"], ours["name"]]
    if ours["kind"] == "image_load":
        fields = ("image_location_in_memory", "image_length_in_memory", "image_link_time_address")
        names = ("ImageLocationInMemory", "ImageLengthInMemory", "ImageLinkTimeAddress")
        return [int(body[name], 0) for name in names], [ours[field] for field in fields]
    return [], []


def test_the_disk_of_our_machines(vm: Path) -> None:
    """As the recipe partitioned it (recipe/mkesp.sh)."""
    log = read(vm / "c-uki252" / "binary_bios_measurements")
    tables = [found for event in log.events if isinstance(found := decode(event, Context.of(log)), Gpt)]
    (table,) = tables
    assert table.disk_guid == "11111111-2222-3333-4444-555555555555"
    (partition,) = table.partitions
    assert partition.unique_guid == "66666666-7777-8888-9999-aaaaaaaaaaaa"
    assert (partition.type_name, partition.first_lba, partition.name) == ("EFI System", 2048, "EFI System")
