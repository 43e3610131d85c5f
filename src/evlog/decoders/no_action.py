"""Events that extend nothing: what the firmware says about itself, its log and its certificates.

Spec: TCG PC Client Platform Firmware Profile 1.06, section 10.4.5. The first sixteen bytes are a signature.
Departures: coreboot pads StartupLocality to the fixed size of its events, and Google its manifests' events to eight
bytes; a Spec ID event may end before the vendor information that it announces.
"""

from __future__ import annotations

from evlog._record import Record
from evlog.algorithms import HashAlg
from evlog.contents import spec_id, startup_locality
from evlog.decoders import Context, Cursor, Decoded, Raw, decodes
from evlog.decoders._text import ascii_text, plain_text
from evlog.decoders.guid import named_guid

__all__ = [
    "AlgorithmSize",
    "HcrtmComponent",
    "Locator",
    "Sp800155Event",
    "Sp800155Event2",
    "SpecIdEvent",
    "StartupLocality",
    "UriLocator",
    "VariableLocator",
]

_SIGNATURE = 16


class AlgorithmSize(Record):
    """A bank that a log has digests of: TPM_ALG_ID, its name, the size of a digest."""

    algorithm: int
    name: str
    digest_size: int


@decodes(prefix=spec_id.ANY)
class SpecIdEvent(Decoded):
    """TCG_EfiSpecIdEvent: the log's version, banks and UINTN size (1: 4 bytes, 2: 8 bytes).

    Version 00 is of conventional BIOSes and 02 of UEFI, both with TPM 1.2; 03 has several banks and names them.
    """

    signature: str
    platform_class: int
    spec_version_minor: int
    spec_version_major: int
    spec_errata: int
    uintn_size: int
    algorithms: tuple[AlgorithmSize, ...]
    vendor_info: bytes
    notes: tuple[str, ...] = ()
    trailing: bytes = b""

    kind = "spec_id_event"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> SpecIdEvent:
        fields = spec_id.fields_of(cursor.peek(cursor.left))
        if fields is None:
            raise cursor.error(f"{cursor.left} bytes are no Spec ID event")
        if fields.count != len(fields.algorithms):
            at, left = cursor.at + spec_id.TABLE, cursor.left - spec_id.TABLE
            message = f"{fields.count} algorithms do not fit in {left} bytes"
            raise cursor.error(message, "number_of_algorithms", at=at)
        cursor.take(cursor.left - len(fields.trailing), "spec_id_event")
        size, present = fields.vendor_info_size, len(fields.rest)
        notes = (f"{size} bytes of vendor information announced, {present} present",) if size > present else ()
        return cls(
            ascii_text(fields.signature),
            fields.platform_class,
            fields.spec_version_minor,
            fields.spec_version_major,
            fields.spec_errata,
            fields.uintn_size,
            tuple(AlgorithmSize(number, HashAlg.of(number).name, size) for number, size in fields.algorithms),
            fields.vendor_info,
            notes,
        )

    def describe(self) -> str:
        banks = ", ".join(algorithm.name for algorithm in self.algorithms)
        return f"{self.signature}, {banks}" if banks else self.signature


@decodes(prefix=startup_locality.SIGNATURE)
class StartupLocality(Decoded):
    """From which locality TPM2_Startup was sent: the start value of PCR 0. 4 says that an H-CRTM event came first."""

    locality: int

    kind = "startup_locality"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> StartupLocality:
        cursor.take(_SIGNATURE, "signature")
        locality = cls(cursor.u8("locality"))
        if cursor.peek(cursor.left).strip(b"\0"):
            raise cursor.error("bytes other than zero after the locality")
        cursor.rest()
        return locality

    def describe(self) -> str:
        return f"startup locality {self.locality}"


@decodes(prefix=b"H-CRTM CompMeas\0")
class HcrtmComponent(Decoded):
    """TCG_HCRTMComponentEvent: a component that the H-CRTM measured, as a digest or raw."""

    description: str
    algorithm: str | None
    measurement: bytes
    trailing: bytes = b""

    kind = "hcrtm_component"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> HcrtmComponent:
        cursor.take(_SIGNATURE, "signature")
        description = ascii_text(cursor.take(cursor.u8("component_description_size"), "component_description"))
        format_type = cursor.u8("measurement_format_type")
        measurement = cursor.sub(cursor.u16("component_measurement_size"), "component_measurement")
        # TPMT_HA, or 0x80 for anything else.
        algorithm = HashAlg.of(measurement.u16("hash_alg")).name if format_type == 0 else None
        return cls(description, algorithm, measurement.rest())

    def describe(self) -> str:
        return f"H-CRTM component {self.description}"


@decodes(prefix=b"SP800-155 Event\0")
class Sp800155Event(Decoded):
    """TCG_Sp800-155-PlatformId-Event: the vendor (IANA private enterprise number) and its reference manifest."""

    vendor_id: int
    reference_manifest: str
    trailing: bytes = b""

    kind = "sp800_155_event"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Sp800155Event:
        cursor.take(_SIGNATURE, "signature")
        return cls(cursor.u32("vendor_id"), cursor.guid("reference_manifest_guid"))

    def describe(self) -> str:
        return f"reference manifest {self.reference_manifest} of vendor {self.vendor_id}"


class UriLocator(Decoded):
    """Where on the network something is."""

    uri: str

    kind = "uri_locator"

    def describe(self) -> str:
        return self.uri


class VariableLocator(Decoded):
    """The UEFI variable that something is in."""

    vendor: str
    name: str

    kind = "variable_locator"

    def describe(self) -> str:
        return f"variable {self.name} ({named_guid(self.vendor)})"


class Locator(Record):
    """Where a manifest or a certificate is: 0 raw, 1 a URI, 2 a device path, 3 a UEFI variable."""

    type: int
    value: Decoded


@decodes(prefix=b"SP800-155 Event3")
@decodes(prefix=b"SP800-155 Event2")
class Sp800155Event2(Decoded):
    """TCG_Sp800-155-PlatformId-Event2 and Event3, which adds where manifest and platform certificate are."""

    version: int
    platform_manufacturer_id: int
    reference_manifest: str
    platform_manufacturer: str
    platform_model: str
    platform_version: str
    firmware_manufacturer: str
    firmware_manufacturer_id: int
    firmware_version: str
    manifest_locator: Locator | None
    certificate_locator: Locator | None
    trailing: bytes = b""

    kind = "sp800_155_event2"

    @classmethod
    def read(cls, cursor: Cursor, context: Context) -> Sp800155Event2:
        version = 3 if cursor.take(_SIGNATURE, "signature").endswith(b"3") else 2
        manufacturer_id = cursor.u32("platform_manufacturer_id")
        manifest = cursor.guid("reference_manifest_guid")
        fields = ("platform_manufacturer", "platform_model", "platform_version", "firmware_manufacturer")
        manufacturer, model, platform_version, firmware = (_counted(cursor, field) for field in fields)
        firmware_id = cursor.u32("firmware_manufacturer_id")
        firmware_version = _counted(cursor, "firmware_version")
        return cls(
            version,
            manufacturer_id,
            manifest,
            manufacturer,
            model,
            platform_version,
            firmware,
            firmware_id,
            firmware_version,
            _locator(cursor, context, "rim_locator") if version == 3 else None,
            _locator(cursor, context, "platform_cert_locator") if version == 3 else None,
        )

    def describe(self) -> str:
        platform = " ".join(filter(None, (self.platform_manufacturer, self.platform_model)))
        return f"reference manifest {self.reference_manifest} of {platform or self.platform_manufacturer_id}"


def _counted(cursor: Cursor, field: str) -> str:
    return ascii_text(cursor.take(cursor.u8(f"{field}_size"), field))


def _locator(cursor: Cursor, context: Context, field: str) -> Locator:
    locator_type = cursor.u32(f"{field}_type")
    body = cursor.sub(cursor.u32(f"{field}_length"), field)
    return Locator(locator_type, _located(locator_type, body, context))


def _located(locator_type: int, body: Cursor, context: Context) -> Decoded:
    if locator_type == 1:
        return UriLocator(ascii_text(body.rest()))
    if locator_type == 2 and body.left:
        from evlog.decoders.device_path import DevicePath

        return DevicePath.whole(body, context)
    if locator_type == 3 and body.left:
        vendor = body.guid("variable_guid")
        return VariableLocator(vendor, plain_text(body.peek(body.left)) or ascii_text(body.rest()))
    return Raw("a raw locator" if locator_type == 0 else "nothing is located", body.rest())
