"""Device paths as text: against UEFI 2.10 table 10.67 and its examples, and against libefivar where that follows it."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import struct
from pathlib import Path

import pytest

from evlog.decoders import NO_CONTEXT, Cursor
from evlog.decoders.device_path import DevicePath
from evlog.decoders.efi_variable import EfiVariable
from evlog.decoders.image_load import ImageLoad
from evlog.decoders.load_option import LoadOption
from tests.decoding import END, decoded_events, firmware_logs, guid, node


def path(data: bytes) -> DevicePath:
    return DevicePath.read(Cursor(data), NO_CONTEXT)


G = "12345678-1234-5678-9abc-def012345678"
GUID = guid(G)
IP4, IP6 = bytes([192, 168, 0, 100]), bytes.fromhex("20014898000a100595a6ee6cbed34859")
IP6_TEXT = "2001:4898:000a:1005:95a6:ee6c:bed3:4859"

#: Type, sub-type, payload as the specification lays it out, text as its table 10.67 writes it.
NODES = [
    (1, 1, b"\x01\x1d", "Pci(0x1d,0x1)"),
    (1, 2, b"\x03", "PcCard(0x3)"),
    (1, 3, struct.pack("<IQQ", 11, 0x1000, 0x1FFF), "MemoryMapped(0xb,0x1000,0x1fff)"),
    (1, 4, GUID, f"VenHw({G})"),
    (1, 4, GUID + b"\x01\x02", f"VenHw({G},0102)"),
    (1, 5, struct.pack("<I", 7), "Ctrl(0x7)"),
    (1, 6, struct.pack("<BQ", 1, 0xCA2), "BMC(0x1,0xca2)"),
    (1, 9, b"\xab", "HardwarePath(9,ab)"),
    (2, 1, struct.pack("<II", 0x0A0341D0, 0), "PciRoot(0x0)"),
    (2, 1, struct.pack("<II", 0x0A0841D0, 1), "PcieRoot(0x1)"),
    (2, 1, struct.pack("<II", 0x060441D0, 0), "Floppy(0x0)"),
    (2, 1, struct.pack("<II", 0x030141D0, 0), "Keyboard(0x0)"),
    (2, 1, struct.pack("<II", 0x050141D0, 0), "Serial(0x0)"),
    (2, 1, struct.pack("<II", 0x040141D0, 0), "ParallelPort(0x0)"),
    (2, 1, struct.pack("<II", 0x0C0241D0, 2), "Acpi(PNP0C02,0x2)"),
    (2, 1, struct.pack("<II", 0x12345678, 2), "Acpi(0x12345678,0x2)"),
    (2, 2, struct.pack("<III", 0x0A0341D0, 0, 0) + b"\0PCI0\0\0", "PciRoot(PCI0)"),
    (2, 2, struct.pack("<III", 0x0A0841D0, 5, 0x0A0341D0) + b"\0\0\0", "PcieRoot(0x5)"),
    (2, 2, struct.pack("<III", 0x0C0241D0, 0, 0) + b"\0UID\0\0", "AcpiExp(PNP0C02,0,UID)"),
    (2, 2, struct.pack("<III", 0, 0, 0) + b"HID\0UID\0CID\0", "AcpiEx(HID,CID,UID)"),
    (2, 2, struct.pack("<III", 0x0C0241D0, 3, 0x0C0141D0) + b"\0\0\0", "AcpiEx(PNP0C02,PNP0C01,0x3)"),
    (2, 3, struct.pack("<II", 0x80010100, 5), "AcpiAdr(0x80010100,0x5)"),
    (2, 4, struct.pack("<I", 0x11), "NvdimmAcpiAdr(0x11)"),
    (3, 1, struct.pack("<BBH", 0, 1, 2), "Ata(Primary,Slave,0x2)"),
    (3, 2, struct.pack("<HH", 1, 2), "Scsi(0x1,0x2)"),
    (3, 3, struct.pack("<IQQ", 0, 0x2100, 0x10), "Fibre(0x2100,0x10)"),
    (3, 4, struct.pack("<IQ", 0, 0x1122334455667788), "I1394(1122334455667788)"),
    (3, 5, b"\x03\x01", "USB(0x3,0x1)"),
    (3, 6, struct.pack("<I", 9), "I2O(0x9)"),
    (3, 9, struct.pack("<I", 1) + GUID + struct.pack("<QQQ", 1, 2, 3), f"Infiniband(0x1,{G},0x1,0x2,0x3)"),
    (3, 10, GUID + b"abc", f"VenMsg({G},616263)"),
    (3, 10, guid("e0c14753-f9be-11d2-9a0c-0090273fc14d"), "VenPcAnsi()"),
    (3, 10, guid("dfa66065-b419-11d3-9a2d-0090273fc14d"), "VenVt100()"),
    (3, 10, guid("7baec70b-57e0-4c76-8e87-2f9e28088343"), "VenVt100Plus()"),
    (3, 10, guid("ad15a0d6-8bec-4acf-a073-d01de77e2d88"), "VenUtf8()"),
    (3, 10, guid("eba4e8d2-3858-41ec-a281-2647ba9660d0"), "DebugPort()"),
    (3, 10, guid("37499a9d-542f-4c89-a026-35da142094e4") + struct.pack("<I", 1), "UartFlowCtrl(Hardware)"),
    (
        3,
        10,
        guid("d487ddb4-008b-11d9-afdc-001083ffca4d") + struct.pack("<IQQHH", 0, 0x5000, 1, 0x0332, 4),
        "SAS(0x5000,0x1,0x4,SATA,External,Direct,0x4,0x0)",
    ),
    (3, 11, bytes.fromhex("001320f5fa77") + bytes(26) + b"\x01", "MAC(001320f5fa77,0x1)"),
    (3, 11, bytes(range(32)) + b"\x20", f"MAC({bytes(range(32)).hex()},0x20)"),
    (
        3,
        12,
        bytes([192, 168, 0, 1]) + IP4 + struct.pack("<HHHB", 0, 3260, 6, 1) + bytes([10, 0, 0, 1, 255, 255, 255, 0]),
        "IPv4(192.168.0.100,TCP,Static,192.168.0.1,10.0.0.1,255.255.255.0)",
    ),
    (3, 12, bytes(4) + IP4 + struct.pack("<HHHB", 0, 67, 17, 0), "IPv4(192.168.0.100,UDP,DHCP,0.0.0.0)"),
    (
        3,
        13,
        bytes(16) + IP6 + struct.pack("<HHHBB", 0, 0, 6, 1, 64) + IP6,
        f"IPv6({IP6_TEXT},TCP,StatelessAutoConfigure,{':'.join(['0000'] * 8)},0x40,{IP6_TEXT})",
    ),
    (3, 14, struct.pack("<IQBBB", 0, 115200, 8, 1, 1), "Uart(115200,8,N,1)"),
    (3, 14, struct.pack("<IQBBB", 0, 0, 0, 0, 0), "Uart(DEFAULT,DEFAULT,D,D)"),
    (3, 14, struct.pack("<IQBBB", 0, 9600, 7, 2, 2), "Uart(9600,7,E,1.5)"),
    (3, 15, struct.pack("<HHBBB", 0x1234, 0x5678, 8, 6, 0x50), "UsbMassStorage(0x1234,0x5678,0x6,0x50)"),
    (3, 15, struct.pack("<HHBBB", 0x1234, 0x5678, 254, 1, 2), "UsbDeviceFirmwareUpdate(0x1234,0x5678,0x2)"),
    (3, 15, struct.pack("<HHBBB", 0xFFFF, 0xFFFF, 0x44, 6, 7), "UsbClass(0xffff,0xffff,0x44,0x6,0x7)"),
    (3, 16, struct.pack("<HHH", 1, 0x781, 0x5581) + "4C53".encode("utf-16-le"), 'UsbWwid(0x781,0x5581,0x1,"4C53")'),
    (3, 17, b"\x05", "Unit(0x5)"),
    (3, 18, struct.pack("<HHH", 2, 0xFFFF, 0), "Sata(0x2,0xffff,0x0)"),
    (
        3,
        19,
        struct.pack("<HHQH", 0, 0x100A, 0x0100000000000000, 1) + b"iqn.x\0",
        "iSCSI(iqn.x,0x1,0x0000000000000001,CRC32C,CRC32C,CHAP_UNI,TCP)",
    ),
    (3, 19, struct.pack("<HHQH", 0, 0, 0, 1) + b"iqn.x", f"iSCSI(iqn.x,0x1,0x{'00' * 8},None,None,CHAP_BI,TCP)"),
    (3, 20, struct.pack("<H", 42), "Vlan(42)"),
    (3, 21, bytes(4) + bytes(range(16)), "FibreEx(0x0001020304050607,0x08090a0b0c0d0e0f)"),
    (
        3,
        22,
        bytes(range(16)) + struct.pack("<HH", 0, 5),
        "SasEx(0x0001020304050607,0x08090a0b0c0d0e0f,0x5,NoTopology,0,0,0)",
    ),
    # "with byte 7 first (i.e., on the left) and byte 0 last"
    (3, 23, struct.pack("<I", 1) + bytes(range(1, 9)), "NVMe(0x1,08-07-06-05-04-03-02-01)"),
    (3, 24, b"https://example.org/a,/b.efi", "Uri(https://example.org/a,/b.efi)"),
    (3, 24, b"", "Uri()"),
    (3, 25, b"\x00\xd0", "UFS(0x0,0xd0)"),
    (3, 26, b"\x01", "SD(0x1)"),
    (3, 27, bytes(range(6)), "Bluetooth(000102030405)"),
    (3, 28, b"home".ljust(32, b"\0"), "Wi-Fi(home)"),
    (3, 29, b"\x01", "eMMC(0x1)"),
    (3, 30, bytes(range(6)) + b"\x01", "BluetoothLE(000102030405,0x01)"),
    (3, 31, b"\x00" + bytes([8, 8, 4, 4]) + bytes(12) + bytes([8, 8, 8, 8]) + bytes(12), "Dns(8.8.4.4,8.8.8.8)"),
    (3, 31, b"\x01" + IP6, f"Dns({IP6_TEXT})"),
    (3, 32, GUID, f"NVDIMM({G})"),
    (3, 33, b"\x01\x02", "RestService(0x1,0x2)"),
    (3, 33, b"\xff\x02" + GUID + b"\x09", f"RestService(0xff,0x2,{G},09)"),
    (3, 34, b"\x03" + bytes.fromhex(G.replace("-", "")) + b"nqn.a\0", f"NVMEoF(nqn.a,{G})"),
    (3, 99, b"\x01\x02", "Msg(99,0102)"),
    (4, 1, struct.pack("<IQQ", 1, 0x22, 0x2710000) + GUID + b"\x02\x02", f"HD(1,GPT,{G},0x22,0x2710000)"),
    (
        4,
        1,
        struct.pack("<IQQ", 1, 0x800, 0x2EE000) + bytes.fromhex("431202a0") + bytes(12) + b"\x01\x01",
        "HD(1,MBR,0xa0021243,0x800,0x2ee000)",
    ),
    (4, 2, struct.pack("<IQQ", 1, 0x2F, 0x100), "CDROM(0x1,0x2f,0x100)"),
    (4, 3, GUID, f"VenMedia({G})"),
    (4, 4, "\\EFI\\BOOT\\BOOTX64.EFI\0".encode("utf-16-le"), "\\EFI\\BOOT\\BOOTX64.EFI"),
    (4, 5, GUID, f"Media({G})"),
    (4, 6, GUID, f"FvFile({G})"),
    (4, 7, GUID, f"Fv({G})"),
    (4, 8, struct.pack("<IQQ", 0, 0x16000, 0x47FFF), "Offset(0x16000,0x47fff)"),
    (4, 9, struct.pack("<QQ", 0x1000, 0x1FFF) + GUID + b"\x01\x00", f"RamDisk(0x1000,0x1fff,1,{G})"),
    (
        4,
        9,
        struct.pack("<QQ", 0x1000, 0x1FFF) + guid("77ab535a-45fc-624b-5560-f7b281d1f96e") + b"\x00\x00",
        "VirtualDisk(0x1000,0x1fff,0)",
    ),
    (4, 42, b"z", "MediaPath(42,7a)"),
    (5, 1, struct.pack("<HH", 2, 1) + b"disk\0", "BBS(HD,disk,0x1)"),
    (5, 1, struct.pack("<HH", 0x80, 0) + b"card\0", "BBS(0x80,card,0x0)"),
    (5, 7, b"", "BbsPath(7)"),
    (6, 3, b"abc", "Path(6,3,616263)"),
]


@pytest.mark.parametrize(("kind", "subtype", "payload", "text"), NODES)
def test_node(kind: int, subtype: int, payload: bytes, text: str) -> None:
    found = path(node(kind, subtype, payload) + END)
    assert found.text == text
    assert [(n.type, n.subtype, n.data) for n in found.nodes] == [(kind, subtype, payload)]
    assert found.notes == ()


@pytest.mark.parametrize(("kind", "subtype", "payload", "text"), NODES)
def test_a_payload_of_another_size_is_written_as_bytes(kind: int, subtype: int, payload: bytes, text: str) -> None:
    """Unless the size may vary; then the text still is one of the node's own."""
    for size in (0, 1, max(len(payload) - 1, 0), len(payload) + 1):
        cut = (payload + b"\xee")[:size]
        shown = path(node(kind, subtype, cut) + END).text
        generic = {1: "HardwarePath", 2: "AcpiPath", 3: "Msg", 4: "MediaPath", 5: "BbsPath"}.get(kind, "Path(6")
        same = (kind, subtype) == (4, 4) or shown.split("(")[0] in {
            n[3].split("(")[0] for n in NODES if n[:2] == (kind, subtype)
        }
        assert same or shown.startswith(generic)


# UEFI 2.10, section 10.3.4.21: the example of an iSCSI boot device, its bytes and its text.
ISCSI_TARGET = b"iqn.1991-05.com.microsoft:iscsitarget-iscsidisk-target"
ISCSI_EXAMPLE = (
    node(2, 1, bytes.fromhex("d041030a") + bytes(4))
    + node(1, 1, b"\x00\x19")
    + node(3, 11, bytes.fromhex("001320f5fa77") + bytes(26) + b"\x01")
    + node(3, 12, bytes.fromhex("c0a80001c0a800640000bc0c060001") + bytes(8))
    + node(
        3,
        19,
        bytes.fromhex("0000000800000000000000000100") + b"iqn.1991-05.com.microsoft:iscsitarget-iscsidisk-target\0",
    )
    + node(4, 1, struct.pack("<IQQ", 1, 0x22, 0x2710000) + bytes.fromhex("009ae315d21d00108d7f00a0c92408fc0202"))
    + END
)
ISCSI_TEXT = (
    "PciRoot(0)/Pci(19,0)/Mac(001320F5FA77,0x01)/IPv4(192.168.0.100,TCP,Static,192.168.0.1)/"
    "iSCSI(iqn.1991-05.com.microsoft:iscsitarget-iscsidisk-target,0x1,0x0,None,None,None,TCP)/"
    "HD(1,GPT,15E39A00-1DD2-1000-8D7F-00A0C92408FC,0x22,0x2710000)"
)


def test_the_example_of_the_specification() -> None:
    """But for case, 0x and leading zeros, and the gateway and mask that the long form has."""

    def plain(text: str) -> str:
        return re.sub(r"(?<=[(,])(0x)?0*(?=[0-9a-f])", "", text.lower())

    shown = path(ISCSI_EXAMPLE)
    assert plain(shown.text) == plain(ISCSI_TEXT.replace("192.168.0.1)", "192.168.0.1,0.0.0.0,0.0.0.0)"))
    assert (shown.notes, shown.trailing) == ((), b"")


def test_instances_are_separated_by_a_comma() -> None:
    first, second = node(1, 1, b"\x00\x01"), node(3, 24, b"http://h/a,/b")
    found = path(first + second + node(0x7F, 0x01) + first + END)
    assert found.text == "Pci(0x1,0x0)/Uri(http://h/a,/b),Pci(0x1,0x0)"
    assert len(found.nodes) == 4


def test_the_file_is_what_the_file_nodes_say_together() -> None:
    parts = [node(4, 4, (part + "\0").encode("utf-16-le")) for part in ("\\EFI", "debian\\", "shimx64.efi")]
    assert path(node(1, 1, b"\0\0") + b"".join(parts) + END).file == "\\EFI\\debian\\shimx64.efi"
    assert path(node(1, 1, b"\0\0") + END).file == ""


class TestDamage:
    GOOD = node(1, 1, b"\x00\x01")

    @pytest.mark.parametrize(
        ("rest", "note"),
        [
            (b"\x01\x01\x03\x00", "node 1 of the device path states 3 bytes, 4 left"),
            (b"\x01\x01\x00\x00\xff", "node 1 of the device path states 0 bytes, 5 left"),
            (b"\x01\x01\x07\x00\x00\x00", "node 1 of the device path states 7 bytes, 6 left"),
            (b"\x01\x01", "node 1 of the device path needs 4 bytes, 2 left"),
        ],
    )
    def test_what_was_read_is_kept(self, rest: bytes, note: str) -> None:
        found = path(self.GOOD + rest)
        assert found.text == "Pci(0x1,0x0)"
        assert found.notes == (f"{note} (at byte 0x6)",)
        assert found.trailing == rest

    def test_a_missing_end_node_is_noted(self) -> None:
        assert path(self.GOOD).notes == ("the end node is missing",)

    def test_an_empty_path(self) -> None:
        assert path(b"") == path(END) == DevicePath("", ())

    def test_what_follows_the_end_is_left(self) -> None:
        cursor = Cursor(self.GOOD + END + b"after")
        DevicePath.read(cursor, NO_CONTEXT)
        assert cursor.rest() == b"after"


def test_offset_ranges_without_the_reserved_field() -> None:
    """As in the option ROM paths of some firmware."""
    assert path(node(4, 8, struct.pack("<QQ", 0xB200, 0x53FF)) + END).text == "Offset(0xb200,0x53ff)"


def test_nodes_padded_with_zeros() -> None:
    """As firmware does that rounds a node's size up to eight bytes."""
    hard_drive = struct.pack("<IQQ", 1, 0x800, 0x80000) + GUID + b"\x02\x02"
    assert path(node(4, 1, hard_drive + bytes(6)) + END).text == f"HD(1,GPT,{G},0x800,0x80000)"
    assert path(node(4, 1, hard_drive + b"\0\1") + END).text.startswith("MediaPath(1,")


# Where libefivar 37 does not write what the specification does: its text, and what becomes of it here.
LIBEFIVAR = [
    (r"\bFile\(([^)]*)\)", r"\1"),
    (r"FvVol\(", "Fv("),
    (r"SCSI\(", "Scsi("),
    (r"(HD\(\d+,MBR,0x)([0-9a-f]+)", lambda m: f"{m[1]}{m[2]:0>8}"),
    (r"\b(Scsi|USB|Sata|MAC|Ata|Unit|CDROM)\(([^)]*)\)", lambda m: f"{m[1]}({_hexadecimal(m[2], m[1])})"),
    (r"NVMe\((0x[0-9a-f]+),([0-9A-F-]+)\)", lambda m: f"NVMe({m[1]},{'-'.join(reversed(m[2].split('-')))})"),
    (r"Acpi\(0x([0-9a-f]{4})41d0,", lambda m: f"Acpi(PNP{m[1].upper()},"),
]
# Nodes where it leaves out fields, has a name of its own for a vendor's GUID, or reads beyond the node.
UNCOMPARED = re.compile(r"IPv4|IPv6|BBS|UsbClass|EDD10|Offset\(0x[0-9a-f]+0{8},")


def _hexadecimal(numbers: str, name: str) -> str:
    first, *rest = numbers.split(",")
    head = first if name == "MAC" else f"0x{int(first, 0):x}"
    return ",".join([head, *(f"0x{int(number, 0):x}" for number in rest)])


@pytest.fixture(scope="module")
def libefivar() -> ctypes.CDLL:
    name = ctypes.util.find_library("efivar")
    if name is None:
        pytest.skip("libefivar is not installed")
    library = ctypes.CDLL(name)
    library.efidp_format_device_path.restype = ctypes.c_ssize_t
    library.efidp_format_device_path.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_ssize_t]
    return library


def _libefivar_text(library: ctypes.CDLL, data: bytes) -> str | None:
    buffer = ctypes.create_string_buffer(8192)
    size = library.efidp_format_device_path(buffer, len(buffer), data, len(data))
    if size <= 0:
        return None
    text = buffer.value.decode("utf-8", "replace")
    for pattern, replacement in LIBEFIVAR:
        text = re.sub(pattern, replacement, text)  # type: ignore[call-overload]
    return text


def test_paths_of_real_logs_read_as_libefivar_reads_them(libefivar: ctypes.CDLL, vm: Path, corpus: Path) -> None:
    compared, differing = 0, {}
    for log in firmware_logs(vm, corpus):
        for _, value in decoded_events(log):
            paths: tuple[DevicePath, ...] = ()
            if isinstance(value, ImageLoad):
                paths = (value.device_path,)
            elif isinstance(value, EfiVariable) and isinstance(value.value, LoadOption):
                paths = value.value.file_paths
            for found in paths:
                data = b"".join(node(n.type, n.subtype, n.data) for n in found.nodes) + END
                theirs = _libefivar_text(libefivar, data)
                if not found.nodes or theirs is None or UNCOMPARED.search(theirs):
                    continue
                compared += 1
                if theirs != found.text:
                    differing[found.text] = theirs
    assert differing == {}
    assert compared > 800
