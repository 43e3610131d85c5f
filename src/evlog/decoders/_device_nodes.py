"""The text of device path nodes.

Spec: UEFI 2.10, sections 10.3.2 to 10.3.6 (layouts) and table 10.67 (text); UEFI PI 1.8 for firmware volumes. Where the
specification leaves a choice: numbers are hexadecimal with 0x but for partitions, VLANs and UARTs, as edk2 writes
them, and GUIDs are in lower case. A node whose payload has another size than its layout is written as one of an
unknown sub-type: type, sub-type and bytes.
"""

from __future__ import annotations

import struct

from evlog.cursor import guid_text
from evlog.decoders._text import ascii_text, utf16

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["END", "END_ENTIRE", "FILE_PATH", "FIRMWARE_FILE", "node_text"]

END, END_ENTIRE = 0x7F, 0xFF
FILE_PATH, FIRMWARE_FILE = (4, 4), (4, 6)

#: Nodes of integers only: packed layout and text.
_PLAIN: dict[tuple[int, int], tuple[struct.Struct, str]] = {
    key: (struct.Struct(layout), text)
    for key, layout, text in (
        ((1, 1), "<BB", "Pci(0x{1:x},0x{0:x})"),
        ((1, 2), "<B", "PcCard(0x{0:x})"),
        ((1, 3), "<IQQ", "MemoryMapped(0x{0:x},0x{1:x},0x{2:x})"),
        ((1, 5), "<I", "Ctrl(0x{0:x})"),
        ((1, 6), "<BQ", "BMC(0x{0:x},0x{1:x})"),
        ((2, 4), "<I", "NvdimmAcpiAdr(0x{0:x})"),
        ((3, 2), "<HH", "Scsi(0x{0:x},0x{1:x})"),
        ((3, 3), "<4xQQ", "Fibre(0x{0:x},0x{1:x})"),
        ((3, 4), "<4xQ", "I1394({0:016x})"),
        ((3, 5), "<BB", "USB(0x{0:x},0x{1:x})"),
        ((3, 6), "<I", "I2O(0x{0:x})"),
        ((3, 17), "<B", "Unit(0x{0:x})"),
        ((3, 18), "<HHH", "Sata(0x{0:x},0x{1:x},0x{2:x})"),
        ((3, 20), "<H", "Vlan({0})"),
        ((3, 25), "<BB", "UFS(0x{0:x},0x{1:x})"),
        ((3, 26), "<B", "SD(0x{0:x})"),
        ((3, 29), "<B", "eMMC(0x{0:x})"),
        ((4, 2), "<IQQ", "CDROM(0x{0:x},0x{1:x},0x{2:x})"),
    )
}

#: What the bytes of a node of unknown sub-type are written in.
_GENERIC = {1: "HardwarePath", 2: "AcpiPath", 3: "Msg", 4: "MediaPath", 5: "BbsPath"}


def node_text(kind: int, subtype: int, data: bytes) -> str:
    """The text of a node, ``data`` being its payload after the header. Never raises."""
    if kind == END:
        return ","
    key = kind, subtype
    if key in _PLAIN:
        layout, text = _PLAIN[key]
        if _fits(data, layout.size):
            return text.format(*layout.unpack_from(data))
    elif key in _FIXED:
        size, write = _FIXED[key]
        if _fits(data, size):
            return write(data[:size])
    elif key in _VARIABLE:
        found = _VARIABLE[key](data)
        if found is not None:
            return found
    name = _GENERIC.get(kind)
    head = f"{name}({subtype}" if name else f"Path({kind},{subtype}"
    return f"{head},{data.hex()})" if data else f"{head})"


def _fits(data: bytes, size: int) -> bool:
    """Whether a payload has this size, or was padded from it with zeros, as some firmware does."""
    return len(data) == size or (len(data) > size and not data[size:].strip(b"\0"))


def _vendor(name: str) -> Callable[[bytes], str | None]:
    def write(data: bytes) -> str | None:
        if len(data) < 16:
            return None
        return f"{name}({guid_text(data[:16])},{data[16:].hex()})" if len(data) > 16 else f"{name}({_guid(data)})"

    return write


def _guid(data: bytes) -> str:
    return guid_text(data[:16])


def _one_guid(name: str) -> Callable[[bytes], str]:
    return lambda data: f"{name}({guid_text(data)})"


def _eisa(number: int) -> str:
    letters = "".join(chr(((number >> shift) & 0x1F) + 0x40) for shift in (10, 5, 0))
    return f"{letters}{number >> 16:04X}"


_ACPI_NAMES = {
    0x0A03: "PciRoot",
    0x0A08: "PcieRoot",
    0x0604: "Floppy",
    0x0301: "Keyboard",
    0x0501: "Serial",
    0x0401: "ParallelPort",
}
_PNP = 0x41D0


def _acpi(data: bytes) -> str:
    hid, uid = struct.unpack("<II", data)
    if hid & 0xFFFF != _PNP:
        return f"Acpi(0x{hid:08x},0x{uid:x})"
    name = _ACPI_NAMES.get(hid >> 16)
    return f"{name}(0x{uid:x})" if name else f"Acpi(PNP{hid >> 16:04X},0x{uid:x})"


def _acpi_expanded(data: bytes) -> str | None:
    if len(data) < 15:
        return None
    hid, uid, cid = struct.unpack_from("<III", data)
    strings = [ascii_text(part) for part in data[12:].split(b"\0")]
    if len(strings) < 4:
        return None
    hid_text, uid_text, cid_text = strings[:3]
    unit = uid_text or f"0x{uid:x}"
    ids = (hid, cid)
    if any(number == 0x0A080000 | _PNP for number in ids):
        return f"PcieRoot({unit})"
    if any(number == 0x0A030000 | _PNP for number in ids):
        return f"PciRoot({unit})"
    if not hid_text and not cid_text and uid_text:
        return f"AcpiExp({_eisa(hid)},{_eisa(cid) if cid else 0},{uid_text})"
    hid_shown = _eisa(hid) if hid else hid_text
    cid_shown = _eisa(cid) if cid else cid_text
    return f"AcpiEx({hid_shown},{cid_shown},{f'0x{uid:x}' if uid else uid_text})"


def _acpi_adr(data: bytes) -> str | None:
    if len(data) < 4 or len(data) % 4:
        return None
    return f"AcpiAdr({','.join(f'0x{adr:x}' for (adr,) in struct.iter_unpack('<I', data))})"


def _ata(data: bytes) -> str:
    controller, drive, lun = struct.unpack("<BBH", data)
    first = {0: "Primary", 1: "Secondary"}.get(controller, f"{controller}")
    second = {0: "Master", 1: "Slave"}.get(drive, f"{drive}")
    return f"Ata({first},{second},0x{lun:x})"


def _infiniband(data: bytes) -> str:
    (flags,) = struct.unpack_from("<I", data)
    service, target, device = struct.unpack_from("<QQQ", data, 20)
    return f"Infiniband(0x{flags:x},{_guid(data[4:])},0x{service:x},0x{target:x},0x{device:x})"


_TERMINALS = {
    "e0c14753-f9be-11d2-9a0c-0090273fc14d": "VenPcAnsi()",
    "dfa66065-b419-11d3-9a2d-0090273fc14d": "VenVt100()",
    "7baec70b-57e0-4c76-8e87-2f9e28088343": "VenVt100Plus()",
    "ad15a0d6-8bec-4acf-a073-d01de77e2d88": "VenUtf8()",
    "eba4e8d2-3858-41ec-a281-2647ba9660d0": "DebugPort()",
}
_UART_FLOW_CONTROL = "37499a9d-542f-4c89-a026-35da142094e4"
_FLOW_CONTROL = {0: "None", 1: "Hardware", 2: "XonXoff"}
_SAS = "d487ddb4-008b-11d9-afdc-001083ffca4d"


def _vendor_message(data: bytes) -> str | None:
    if len(data) < 16:
        return None
    vendor, rest = _guid(data), data[16:]
    if vendor in _TERMINALS and not rest:
        return _TERMINALS[vendor]
    if vendor == _UART_FLOW_CONTROL and len(rest) == 4:
        flow = int.from_bytes(rest, "little")
        return f"UartFlowCtrl({_FLOW_CONTROL.get(flow, flow)})"
    if vendor == _SAS and len(rest) == 24:
        reserved, address, lun, topology, port = struct.unpack("<IQQHH", rest)
        return f"SAS(0x{address:x},0x{lun:x},0x{port:x},{_topology(topology)},0x{reserved:x})"
    return _vendor("VenMsg")(data)


def _topology(info: int) -> str:
    """SAS device and topology information (UEFI 2.10, section 10.3.4.13)."""
    if info & 0x0F > 2 or info & 0x80:
        return f"0x{info:x},0,0,0"
    if info & 0x0F == 0:
        return "NoTopology,0,0,0"
    bay = f"0x{(info >> 8) + 1:x}" if info & 0x0F == 2 else "0"
    kind, place, connect = "SATA" if info & 0x10 else "SAS", info & 0x20, info & 0x40
    return f"{kind},{'External' if place else 'Internal'},{'Expanded' if connect else 'Direct'},{bay}"


def _mac(data: bytes) -> str:
    kind = data[32]
    return f"MAC({data[: 6 if kind in (0, 1) else 32].hex()},0x{kind:x})"


def _protocol(number: int) -> str:
    return {6: "TCP", 17: "UDP"}.get(number, f"0x{number:x}")


def _ipv4_address(data: bytes) -> str:
    return ".".join(map(str, data))


def _ipv6_address(data: bytes) -> str:
    return ":".join(data[at : at + 2].hex() for at in range(0, 16, 2))


def _ipv4(data: bytes) -> str | None:
    # Before UEFI 2.3 the node ended after the origin of the address.
    if len(data) not in (15, 23):
        return None
    (protocol,) = struct.unpack_from("<H", data, 12)
    origin = "Static" if data[14] else "DHCP"
    shown = [_ipv4_address(data[4:8]), _protocol(protocol), origin, _ipv4_address(data[:4])]
    if len(data) == 23:
        shown += [_ipv4_address(data[15:19]), _ipv4_address(data[19:23])]
    return f"IPv4({','.join(shown)})"


def _ipv6(data: bytes) -> str | None:
    if len(data) not in (39, 56):
        return None
    (protocol,) = struct.unpack_from("<H", data, 36)
    origin = {0: "Static", 1: "StatelessAutoConfigure", 2: "StatefulAutoConfigure"}.get(data[38], f"{data[38]}")
    shown = [_ipv6_address(data[16:32]), _protocol(protocol), origin, _ipv6_address(data[:16])]
    if len(data) == 56:
        shown += [f"0x{data[39]:x}", _ipv6_address(data[40:56])]
    return f"IPv6({','.join(shown)})"


def _uart(data: bytes) -> str:
    baud, bits, parity, stop = struct.unpack("<4xQBBB", data)
    parity_text = "DNEOMS"[parity] if parity < 6 else "x"
    stop_text = ("D", "1", "1.5", "2")[stop] if stop < 4 else "x"
    return f"Uart({baud or 'DEFAULT'},{bits or 'DEFAULT'},{parity_text},{stop_text})"


_USB_CLASSES = {
    1: "UsbAudio", 2: "UsbCDCControl", 3: "UsbHID", 6: "UsbImage", 7: "UsbPrinter", 8: "UsbMassStorage", 9: "UsbHub",
    10: "UsbCDCData", 11: "UsbSmartCard", 14: "UsbVideo", 220: "UsbDiagnostic", 224: "UsbWireless",
}  # fmt: skip
_USB_APPLICATIONS = {1: "UsbDeviceFirmwareUpdate", 2: "UsbIrdaBridge", 3: "UsbTestAndMeasurement"}


def _usb_class(data: bytes) -> str:
    vendor, product, device_class, subclass, protocol = struct.unpack("<HHBBB", data)
    ids = f"0x{vendor:x},0x{product:x}"
    if device_class in _USB_CLASSES:
        return f"{_USB_CLASSES[device_class]}({ids},0x{subclass:x},0x{protocol:x})"
    if device_class == 254 and subclass in _USB_APPLICATIONS:
        return f"{_USB_APPLICATIONS[subclass]}({ids},0x{protocol:x})"
    return f"UsbClass({ids},0x{device_class:x},0x{subclass:x},0x{protocol:x})"


def _usb_wwid(data: bytes) -> str | None:
    if len(data) < 6:
        return None
    interface, vendor, product = struct.unpack_from("<HHH", data)
    return f'UsbWwid(0x{vendor:x},0x{product:x},0x{interface:x},"{utf16(data[6:])}")'


def _iscsi(data: bytes) -> str | None:
    if len(data) < 14:
        return None
    protocol, options = struct.unpack_from("<HH", data)
    (portal,) = struct.unpack_from("<H", data, 12)
    digests = ["CRC32C" if options >> shift & 1 else "None" for shift in (1, 3)]
    # Bit 11 says that there is no authentication, bit 12 that CHAP is one-way (section 10.3.4.21).
    chap = "None" if options >> 11 & 1 else "CHAP_UNI" if options >> 12 & 1 else "CHAP_BI"
    transport = "TCP" if protocol == 0 else "reserved"
    lun = data[4:12].hex()
    return f"iSCSI({ascii_text(data[14:])},0x{portal:x},0x{lun},{','.join(digests)},{chap},{transport})"


def _fibre_ex(data: bytes) -> str:
    return f"FibreEx(0x{data[4:12].hex()},0x{data[12:].hex()})"


def _sas_ex(data: bytes) -> str:
    topology, port = struct.unpack_from("<HH", data, 16)
    return f"SasEx(0x{data[:8].hex()},0x{data[8:16].hex()},0x{port:x},{_topology(topology)})"


def _nvme(data: bytes) -> str:
    # The specification has byte 7 first; libefivar prints byte 0 first.
    return f"NVMe(0x{int.from_bytes(data[:4], 'little'):x},{data[:3:-1].hex('-').upper()})"


def _uri(data: bytes) -> str:
    return f"Uri({ascii_text(data)})"


def _bluetooth(data: bytes) -> str:
    return f"Bluetooth({data.hex()})"


def _bluetooth_le(data: bytes) -> str:
    return f"BluetoothLE({data[:6].hex()},0x{data[6]:02x})"


def _wifi(data: bytes) -> str:
    return f"Wi-Fi({ascii_text(data)})"


def _dns(data: bytes) -> str | None:
    if not data or (len(data) - 1) % 16:
        return None
    address: Callable[[bytes], str] = _ipv6_address if data[0] else lambda server: _ipv4_address(server[:4])
    return f"Dns({','.join(address(data[at : at + 16]) for at in range(1, len(data), 16))})"


def _rest_service(data: bytes) -> str | None:
    if len(data) < 2:
        return None
    head = f"RestService(0x{data[0]:x},0x{data[1]:x}"
    if data[0] == 0xFF and len(data) >= 18:
        tail = f",{data[18:].hex()}" if len(data) > 18 else ""
        return f"{head},{_guid(data[2:])}{tail})"
    return f"{head})" if len(data) == 2 else None


def _nvme_of(data: bytes) -> str | None:
    if len(data) < 17:
        return None
    kind, identifier = data[0], data[1:17]
    # Namespace identifier types (NVM Express base specification): EUI-64, NGUID, UUID.
    shown = {1: identifier[:8].hex("-"), 2: identifier.hex("-"), 3: _uuid(identifier)}.get(kind, identifier.hex())
    return f"NVMEoF({ascii_text(data[17:])},{shown})"


def _uuid(data: bytes) -> str:
    """A UUID in network order, unlike a GUID."""
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _hard_drive(data: bytes) -> str:
    number, start, size, signature, _, signature_type = struct.unpack("<IQQ16sBB", data)
    if signature_type == 1:
        identity = f"MBR,0x{int.from_bytes(signature[:4], 'little'):08x}"
    elif signature_type == 2:
        identity = f"GPT,{guid_text(signature)}"
    else:
        identity = f"{signature_type},0"
    return f"HD({number},{identity},0x{start:x},0x{size:x})"


def _relative_offset(data: bytes) -> str | None:
    # Some firmware leaves out the reserved field.
    if len(data) not in (16, 20):
        return None
    start, end = struct.unpack("<QQ", data[-16:])
    return f"Offset(0x{start:x},0x{end:x})"


def _file_path(data: bytes) -> str:
    return utf16(data)


_RAM_DISKS = {
    "77ab535a-45fc-624b-5560-f7b281d1f96e": "VirtualDisk",
    "3d5abd30-4175-87ce-6d64-d2ade523c4bb": "VirtualCD",
    "5cea02c9-4d07-69d3-269f-4496fbe096f9": "PersistentVirtualDisk",
    "08018188-42cd-bb48-100f-5387d53ded3d": "PersistentVirtualCD",
}


def _ram_disk(data: bytes) -> str:
    start, end, disk_type, instance = struct.unpack("<QQ16sH", data)
    guid = guid_text(disk_type)
    head = f"0x{start:x},0x{end:x},{instance}"
    return f"{_RAM_DISKS[guid]}({head})" if guid in _RAM_DISKS else f"RamDisk({head},{guid})"


_BBS_TYPES = {1: "Floppy", 2: "HD", 3: "CDROM", 4: "PCMCIA", 5: "USB", 6: "Network"}


def _bbs(data: bytes) -> str | None:
    if len(data) < 4:
        return None
    device, status = struct.unpack_from("<HH", data)
    return f"BBS({_BBS_TYPES.get(device, f'0x{device:x}')},{ascii_text(data[4:])},0x{status:x})"


#: Nodes of one size: that of the payload, and its text.
_FIXED: dict[tuple[int, int], tuple[int, Callable[[bytes], str]]] = {
    (2, 1): (8, _acpi),
    (3, 1): (4, _ata),
    (3, 9): (44, _infiniband),
    (3, 11): (33, _mac),
    (3, 14): (15, _uart),
    (3, 15): (7, _usb_class),
    (3, 21): (20, _fibre_ex),
    (3, 22): (20, _sas_ex),
    (3, 23): (12, _nvme),
    (3, 27): (6, _bluetooth),
    (3, 28): (32, _wifi),
    (3, 30): (7, _bluetooth_le),
    (3, 32): (16, _one_guid("NVDIMM")),
    (4, 1): (38, _hard_drive),
    (4, 5): (16, _one_guid("Media")),
    FIRMWARE_FILE: (16, _one_guid("FvFile")),
    (4, 7): (16, _one_guid("Fv")),
    (4, 9): (34, _ram_disk),
}

#: Nodes whose size varies: the text of a payload, None for one that is not of the layout.
_VARIABLE: dict[tuple[int, int], Callable[[bytes], str | None]] = {
    (1, 4): _vendor("VenHw"),
    (2, 2): _acpi_expanded,
    (2, 3): _acpi_adr,
    (3, 10): _vendor_message,
    (3, 12): _ipv4,
    (3, 13): _ipv6,
    (3, 16): _usb_wwid,
    (3, 19): _iscsi,
    (3, 24): _uri,
    (3, 31): _dns,
    (3, 33): _rest_service,
    (3, 34): _nvme_of,
    (4, 3): _vendor("VenMedia"),
    FILE_PATH: _file_path,
    (4, 8): _relative_offset,
    (5, 1): _bbs,
}
