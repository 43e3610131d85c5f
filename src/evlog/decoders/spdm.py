"""Device measurements over SPDM: firmware and configuration of PCI and USB devices, and the NV index records of them.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.2.7 (TCG_DEVICE_SECURITY_EVENT_DATA) and 10.2.8 (the
second version, TCG_DEVICE_SECURITY_EVENT_DATA2), 10.4.5.5 and 10.4.5.6 (NvIndexInstance, NvIndexDynamic); DMTF DSP0274
for measurement blocks and certificate chains. No real log of the second version is known: layouts as edk2 writes them.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.decoders import Context, Cursor, Decoded, decodes
from evlog.decoders._text import ascii_text
from evlog.decoders.device_path import DevicePath

__all__ = [
    "DeviceContext",
    "DeviceSecurity",
    "DeviceSecurity2",
    "MeasurementBlock",
    "NvIndexDynamic",
    "NvIndexInstance",
    "SpdmCertificateChain",
    "SpdmMeasurements",
]

_SIGNATURE_1, _SIGNATURE_2 = b"SPDM Device Sec\0", b"SPDM Device Sec2"
_DEVICE_TYPES = {0: "none", 1: "pci", 2: "usb"}
_AUTH_STATES = {
    0: "success",
    1: "no_auth",
    2: "no_binding",
    3: "fail_no_sig",
    4: "fail_invalid",
    0xFF: "no_spdm",
}
# DSP0274, MeasurementHashAlgo and BaseHashAlgo are bit masks of which one bit is set; raw measurements are bit 0 of
# the former, which moves its hashes up by one.
_BASE_HASH = {0x01: ("sha256", 32), 0x02: ("sha384", 48), 0x04: ("sha512", 64), 0x08: ("sha3_256", 32)}
_BASE_HASH |= {0x10: ("sha3_384", 48), 0x20: ("sha3_512", 64), 0x40: ("sm3_256", 32)}
_VALUE_TYPES = {
    0: "immutable_rom",
    1: "mutable_firmware",
    2: "hardware_configuration",
    3: "firmware_configuration",
    4: "measurement_manifest",
    5: "device_mode",
    6: "mutable_firmware_version",
    7: "mutable_firmware_svn",
}


class MeasurementBlock(Record):
    """A DMTF measurement: ``raw`` says that ``value`` is the thing itself and not its hash."""

    index: int
    type: str
    raw: bool
    value: bytes


def _block(cursor: Cursor) -> MeasurementBlock:
    """DSP0274, measurement block: index, specification (1 is DMTF), size, then type, size and value."""
    index = cursor.u8("index")
    specification = cursor.u8("specification")
    body = cursor.sub(cursor.u16("size"), f"measurement[{index}]")
    if specification != 1:
        return MeasurementBlock(index, f"specification {specification:#04x}", True, body.rest())
    kind = body.u8("value_type")
    value = body.take(body.u16("value_size"), "value")
    return MeasurementBlock(index, _VALUE_TYPES.get(kind & 0x7F, f"{kind & 0x7F:#04x}"), bool(kind & 0x80), value)


class DeviceContext(Record):
    """Which device: PCI ids, with ``class_code`` as base, sub and interface; None where the bytes do not say."""

    type: str
    vendor_id: int | None = None
    device_id: int | None = None
    revision: int | None = None
    class_code: str | None = None
    subsystem_vendor_id: int | None = None
    subsystem_id: int | None = None
    descriptors: bytes = b""

    def __str__(self) -> str:
        if self.vendor_id is None or self.device_id is None:
            return self.type
        return f"{self.type} {self.vendor_id:04x}:{self.device_id:04x}"


def _device(cursor: Cursor, device_type: int) -> DeviceContext:
    """What follows the measurement, by device type; PCI and USB begin with a version and a length."""
    name = _DEVICE_TYPES.get(device_type, f"{device_type:#x}")
    if device_type not in (1, 2) or not cursor.left:
        return DeviceContext(name, descriptors=cursor.rest())
    cursor.u16("device_context.version")
    size = cursor.u16("device_context.length")
    if device_type == 2:
        return DeviceContext(name, descriptors=cursor.take(min(max(size - 4, 0), cursor.left), "descriptors"))
    vendor, device = cursor.u16("vendor_id"), cursor.u16("device_id")
    revision, code = cursor.u8("revision"), cursor.take(3, "class_code")
    return DeviceContext(
        name, vendor, device, revision, code[::-1].hex(), cursor.u16("subsystem_vendor_id"), cursor.u16("subsystem_id")
    )


def _path(cursor: Cursor, context: Context) -> DevicePath:
    return DevicePath.whole(cursor.sub(cursor.u64("device_path_length"), "device_path"), context)


class DeviceSecurity(Decoded):
    """One measurement of a device (version 1 of the structure). ``hash_alg`` is SpdmHashAlgo as it stands."""

    version: int
    hash_alg: int
    measurement: MeasurementBlock
    device_path: DevicePath
    device: DeviceContext
    trailing: bytes = b""

    kind = "spdm_device_security"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> DeviceSecurity:
        if cursor.take(16, "signature") != _SIGNATURE_1:
            raise cursor.error("no SPDM device signature", at=cursor.at - 16)
        version = cursor.u16("version")
        cursor.u16("length")
        alg = cursor.u32("spdm_hash_alg")
        device_type = cursor.u32("device_type")
        block = _block(cursor)
        path = _path(cursor, context)
        return cls(version, alg, block, path, _device(cursor, device_type))

    def describe(self) -> str:
        return f"SPDM {self.device} {self.measurement.type}"


class SpdmMeasurements(Record):
    """A sub-header of measurement blocks; ``hash_alg`` is MeasurementHashAlgo as it stands."""

    spdm_version: int
    hash_alg: int
    blocks: tuple[MeasurementBlock, ...]

    def __str__(self) -> str:
        return ", ".join(block.type for block in self.blocks) or "no measurement"


class SpdmCertificateChain(Record):
    """A sub-header with a device's certificate chain: the hash of the root, then DER certificates."""

    spdm_version: int
    slot: int
    hash_alg: int
    root_hash: bytes
    certificates: bytes

    def __str__(self) -> str:
        return f"certificate chain of slot {self.slot}"


def _sub_header(cursor: Cursor, kind: int) -> SpdmMeasurements | SpdmCertificateChain | bytes:
    if kind == 0:
        version, count = cursor.u16("spdm_version"), cursor.u8("measurement_count")
        cursor.u8("reserved")
        alg = cursor.u32("measurement_hash_alg")
        return SpdmMeasurements(version, alg, tuple(_block(cursor) for _ in range(count)))
    if kind == 1:
        version, slot = cursor.u16("spdm_version"), cursor.u8("slot")
        cursor.u8("reserved")
        alg = cursor.u32("base_hash_alg")
        chain = cursor.sub(cursor.u16("chain_length") - 2, "certificate_chain")
        chain.u16("reserved")
        _, size = _BASE_HASH.get(alg, ("", 0))
        if not size:
            raise chain.error(f"base hash algorithm {alg:#x} is none of SPDM's")
        return SpdmCertificateChain(version, slot, alg, chain.take(size, "root_hash"), chain.rest())
    return cursor.rest()


class DeviceSecurity2(Decoded):
    """What a device proved (version 2 of the structure): how far it was authenticated, and one sub-header.

    ``sub_header`` is measurements, a certificate chain, or the bytes of another type.
    """

    version: int
    auth_state: str
    sub_header_uid: int
    device_path: DevicePath
    sub_header: SpdmMeasurements | SpdmCertificateChain | bytes
    device: DeviceContext
    trailing: bytes = b""

    kind = "spdm_device_security_2"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> DeviceSecurity2:
        if cursor.take(16, "signature") != _SIGNATURE_2:
            raise cursor.error("no SPDM device signature", at=cursor.at - 16)
        version = cursor.u16("version")
        state = cursor.u8("auth_state")
        cursor.u8("reserved")
        cursor.u32("length")
        device_type = cursor.u32("device_type")
        sub_type, sub_length = cursor.u32("sub_header_type"), cursor.u32("sub_header_length")
        uid = cursor.u64("sub_header_uid")
        path = _path(cursor, context)
        sub_header = _sub_header(cursor.sub(sub_length, "sub_header"), sub_type)
        named = _AUTH_STATES.get(state, f"{state:#04x}")
        return cls(version, named, uid, path, sub_header, _device(cursor, device_type))

    def describe(self) -> str:
        inside = f"{len(self.sub_header)} bytes" if isinstance(self.sub_header, bytes) else str(self.sub_header)
        return f"SPDM {self.device} {self.auth_state}: {inside}"


decodes(prefix=_SIGNATURE_1)(DeviceSecurity)
decodes(prefix=_SIGNATURE_2)(DeviceSecurity2)


@decodes(prefix=b"NvIndexInstance\0")
class NvIndexInstance(Decoded):
    """What stands in the NV index of device instances; the record's register is the index."""

    version: int
    instance: DeviceSecurity2

    kind = "nv_index_instance"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> NvIndexInstance:
        cursor.take(16, "signature")
        version = cursor.u16("version")
        cursor.take(6, "reserved")
        return cls(version, DeviceSecurity2.read(cursor, context))

    def describe(self) -> str:
        return f"NV index: {self.instance.describe()}"


@decodes(prefix=b"NvIndexDynamic \0")
class NvIndexDynamic(Decoded):
    """A message of a device's challenge or measurement, extended into the dynamic NV index."""

    version: int
    uid: int
    description: str
    data: bytes

    kind = "nv_index_dynamic"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> NvIndexDynamic:
        cursor.take(16, "signature")
        version = cursor.u16("version")
        cursor.take(6, "reserved")
        uid = cursor.u64("uid")
        description = ascii_text(cursor.take(cursor.u16("description_size"), "description"))
        return cls(version, uid, description, cursor.take(cursor.u16("data_size"), "data"))

    def describe(self) -> str:
        return f"NV index: {self.description}, {len(self.data)} bytes"
