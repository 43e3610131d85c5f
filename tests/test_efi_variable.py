"""Variables and load options: against the specification, efivarfs of our own machines, and real quirks."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from evlog.decoders import NO_CONTEXT, Context, Cursor, Decoded, Raw
from evlog.decoders.certificate import Certificate
from evlog.decoders.efi_variable import BootOrder, EfiVariable, Flag, Number, SbatLevel, Unset
from evlog.decoders.load_option import LoadOption
from evlog.decoders.plain import Text
from evlog.decoders.signature_db import Signature, SignatureDatabase
from tests.decoding import END, decoded, decoded_events, firmware_logs, guid, node, variable

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
IMAGE_SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"


def config(vendor: str, name: str, data: bytes, event_type: str = "EV_EFI_VARIABLE_DRIVER_CONFIG") -> EfiVariable:
    found = decoded(event_type, variable(vendor, name, data))
    assert isinstance(found, EfiVariable)
    assert (found.vendor, found.name, found.data) == (vendor, name, data)
    return found


class TestValues:
    @pytest.mark.parametrize(
        ("byte", "shown"), [(b"\0", "SecureBoot: off"), (b"\1", "SecureBoot: on"), (b"\7", "SecureBoot: 0x7")]
    )
    def test_switches(self, byte: bytes, shown: str) -> None:
        found = config(GLOBAL, "SecureBoot", byte)
        assert (found.value, found.vendor_name, found.summary) == (Flag(byte[0]), "EFI global variable", shown)

    @pytest.mark.parametrize("name", ["SecureBoot", "PK", "BootOrder", "Boot0001", "Vendor"])
    def test_an_empty_variable_is_not_set(self, name: str) -> None:
        assert config(GLOBAL, name, b"").value == Unset()

    def test_the_order_of_boot_options(self) -> None:
        found = config(GLOBAL, "BootOrder", struct.pack("<3H", 3, 0, 0x1A))
        assert found.value == BootOrder((3, 0, 26))
        assert found.summary == "BootOrder: 0003, 0000, 001A"

    def test_half_an_option_is_damage(self) -> None:
        found = config(GLOBAL, "BootOrder", b"\1\0\2").value
        assert isinstance(found, Raw)
        assert found.reason.startswith("2 bytes expected, 1 left")

    def test_numbers(self) -> None:
        assert config(GLOBAL, "Timeout", b"\x05\0").value == Number(5)

    def test_keys_of_each_namespace(self) -> None:
        for vendor, name in ((GLOBAL, "PK"), (IMAGE_SECURITY, "dbx"), (SHIM, "MokListX")):
            assert isinstance(config(vendor, name, b"\1").value, Raw)
        assert config(GLOBAL, "db", b"text of another").value == Text("text of another")

    def test_what_is_no_switch_stays_raw(self) -> None:
        assert config(GLOBAL, "SecureBoot", b"\1\2").value == Raw(
            "1 bytes after the flag (at byte 0x35, in variable_data)", b"\1\2", damaged=True
        )

    def test_unknown_variables_are_text_or_raw(self) -> None:
        assert config(SHIM, "Other", "caf\xe9".encode("utf-16-le")).value == Raw(
            "no decoder for the variable Other", "caf\xe9".encode("utf-16-le")
        )
        assert config(SHIM, "Other", "coffee\0".encode("utf-16-le")).value == Text("coffee")

    def test_the_sbat_level(self) -> None:
        text = "sbat,1,2025021800\nshim,4\ngrub,5\n"
        found = config(SHIM, "SbatLevel", text.encode(), "EV_EFI_VARIABLE_AUTHORITY")
        assert found.value == SbatLevel("2025021800", (("shim", "4"), ("grub", "5")), text)
        assert found.summary == "SbatLevel: 2025021800: shim 4, grub 5"
        assert config(SHIM, "SbatLevel", b"\n", "EV_EFI_VARIABLE_AUTHORITY").value == SbatLevel("", (), "\n")


class TestLengths:
    def test_a_name_or_data_longer_than_the_event(self) -> None:
        body = guid(GLOBAL) + struct.pack("<QQ", 1 << 62, 4) + b"abcd"
        found = decoded("EV_EFI_VARIABLE_BOOT", body)
        assert isinstance(found, Raw)
        assert "in unicode_name" in found.reason
        body = guid(GLOBAL) + struct.pack("<QQ", 1, 1 << 40) + b"X\0abcd"
        longer = decoded("EV_EFI_VARIABLE_BOOT", body)
        assert isinstance(longer, EfiVariable)
        assert (longer.data, longer.notes) == (b"abcd", ("1099511627776 bytes of data announced, 4 present",))

    def test_lengths_of_32_bits(self) -> None:
        """UINTN of the TPM 1.2 profile on firmware of 32 bits."""
        body = guid(GLOBAL) + struct.pack("<II", 10, 1) + "SecureBoot".encode("utf-16-le") + b"\1"
        for context in (NO_CONTEXT, Context(4), Context(8)):
            assert decoded("EV_EFI_VARIABLE_DRIVER_CONFIG", body, context).summary == "SecureBoot: on"

    def test_old_shim(self, corpus: Path) -> None:
        """Six bytes after the data, which is a certificate without an owner."""
        seen = 0
        for log in (corpus / "google__go-eventlog__sb_cert_eventlog", corpus / "kgoldman__ibmtss__sm2.log"):
            for event, value in decoded_events(log):
                if isinstance(value, EfiVariable) and value.name in ("Shim", "MokList") and value.trailing:
                    assert value.trailing == bytes(5) + b"\xaf"
                    assert isinstance(value.value, Signature)
                    assert value.value.owner is None
                    assert isinstance(value.value.value, Certificate)
                    assert getattr(event.content, "data", b"").endswith(value.data + value.trailing)
                    seen += 1
        assert seen == 4

    def test_the_event_of_a_64_bit_variable_is_kept_whole(self) -> None:
        body = variable(GLOBAL, "SecureBoot", b"\1", trailing=b"\xaf\xfe")
        found = decoded("EV_EFI_VARIABLE_AUTHORITY", body, Context(4))
        assert isinstance(found, EfiVariable)
        assert (found.value, found.trailing) == (Flag(1), b"\xaf\xfe")


def option(description: str, paths: bytes, data: bytes = b"", attributes: int = 1, size: int | None = None) -> bytes:
    length = len(paths) if size is None else size
    return struct.pack("<IH", attributes, length) + description.encode("utf-16-le") + b"\0\0" + paths + data


def load_option(data: bytes) -> LoadOption:
    found = config(GLOBAL, "Boot0001", data, "EV_EFI_VARIABLE_BOOT").value
    assert isinstance(found, LoadOption)
    return found


class TestLoadOptions:
    FILE = node(4, 4, "\\EFI\\debian\\shimx64.efi\0".encode("utf-16-le")) + END

    def test_description_file_and_arguments(self) -> None:
        found = load_option(option("debian", self.FILE, "quiet\0".encode("utf-16-le")))
        assert (found.description, found.active, found.hidden, found.arguments) == ("debian", True, False, "quiet")
        assert [path.text for path in found.file_paths] == ["\\EFI\\debian\\shimx64.efi"]
        assert found.summary == "debian, \\EFI\\debian\\shimx64.efi"

    def test_attributes(self) -> None:
        found = load_option(option("x", self.FILE, attributes=0x109 ^ 1))
        assert (found.active, found.hidden, found.attributes) == (False, True, 0x108)
        assert found.summary.endswith("(inactive)")

    def test_several_paths(self) -> None:
        found = load_option(option("x", node(1, 1, b"\0\1") + END + self.FILE))
        assert [path.text for path in found.file_paths] == ["Pci(0x1,0x0)", "\\EFI\\debian\\shimx64.efi"]

    def test_windows_keeps_its_bcd_object(self) -> None:
        bcd = "BCDOBJECT={9dea862c-5cdd-4e70-acc1-f32b344d4795}"
        data = b"WINDOWS\0" + struct.pack("<III", 1, 0x88, 0x78) + bcd.encode("utf-16-le") + b"\0\0\1\0"
        assert load_option(option("Windows Boot Manager", self.FILE, data)).arguments == bcd

    def test_the_mark_of_options_that_edk2_made(self) -> None:
        found = load_option(option("x", self.FILE, guid("8108ac4e-9f11-4d59-850e-e21a522c59b2")))
        assert found.arguments == "EDK II automatic boot option"

    def test_arguments_that_are_no_text(self) -> None:
        found = load_option(option("x", self.FILE, b"\x80\x81\xff"))
        assert (found.arguments, found.optional_data) == (None, b"\x80\x81\xff")

    def test_a_list_longer_than_the_variable(self) -> None:
        found = load_option(option("x", self.FILE, size=5000))
        assert found.notes == (f"a file path list of 5000 bytes, {len(self.FILE)} left",)
        assert found.file_paths[0].file == "\\EFI\\debian\\shimx64.efi"

    def test_a_description_without_end(self) -> None:
        found = load_option(struct.pack("<IH", 1, 0) + "debian".encode("utf-16-le"))
        assert (found.description, found.file_paths) == ("debian", ())

    def test_descriptions_with_a_nul_in_the_middle_of_characters(self) -> None:
        """U+0100 followed by U+0041 has two zero bytes in a row that are no NUL."""
        assert load_option(option("\u0100A\u0100", self.FILE)).description == "\u0100A\u0100"


def test_boot_variables_as_efivarfs_has_them(vm: Path) -> None:
    """What firmware measured is what the operating system sees: the same description, path and order."""
    seen = 0
    for home in sorted(vm.glob("*/efivars")):
        measured = {
            value.name: value
            for _, value in decoded_events(home.parent / "binary_bios_measurements")
            if isinstance(value, EfiVariable) and value.vendor == GLOBAL
        }
        for file in home.glob(f"*-{GLOBAL}"):
            value = measured.get(file.name.removesuffix(f"-{GLOBAL}"))
            if value is None or file.read_bytes()[4:] != value.data:
                continue
            seen += 1
            if value.name.startswith("Boot0"):
                assert isinstance(value.value, LoadOption)
                data = file.read_bytes()[4:]
                description = data[6:].decode("utf-16-le", "ignore").partition("\0")[0]
                assert value.value.description == description
            elif value.name == "BootOrder":
                assert value.value == BootOrder(struct.unpack(f"<{len(value.data) // 2}H", value.data))
            elif value.name == "SecureBoot":
                assert value.value == Flag(file.read_bytes()[4])
    assert seen > 20


def test_no_value_of_a_known_variable_stays_raw(vm: Path, corpus: Path) -> None:
    vendors = {GLOBAL, IMAGE_SECURITY, SHIM}
    raw: list[tuple[str, str, Decoded]] = []
    for log in firmware_logs(vm, corpus):
        for _, value in decoded_events(log):
            if isinstance(value, EfiVariable) and value.vendor in vendors:
                raw += [(log.name, value.name, leaf) for leaf in _leaves(value.value) if isinstance(leaf, Raw)]
    assert raw == []


def _leaves(value: Decoded) -> list[Decoded]:
    if isinstance(value, SignatureDatabase):
        return [signature.value for part in value.lists for signature in part.signatures]
    return [value.value] if isinstance(value, Signature) else [value]


def test_a_variable_reads_alone() -> None:
    found = EfiVariable.read(Cursor(variable(GLOBAL, "SetupMode", b"\1")), NO_CONTEXT)
    assert found.value == Flag(1)
