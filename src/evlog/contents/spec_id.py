"""The Spec ID event: the EV_NO_ACTION event in record 0 that says how a firmware log is made, and of which banks.

Source: TCG PC Client Platform Firmware Profile 1.06, section 10.4.5.1 (version 03); TCG EFI Platform Specification
1.22, section 7.4 (02); Conventional BIOS 1.21, section 11.3.4.1 (00). `evlog.wire.tcg` declares version 03 for the
writer. Departures accepted: vendor info that is cut; 16 zero bytes instead of the signature (CoCo attestation agent).
"""

from __future__ import annotations

import struct

from evlog._record import Record, lru_cache
from evlog.algorithms import ALGORITHMS, SHA1, HashAlg
from evlog.contents.event_types import EV_NO_ACTION
from evlog.contents.pcclient import PCClientEvent
from evlog.errors import ParseError
from evlog.model import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evlog.model import Content, Event, Log

__all__ = [
    "AGILE",
    "ANY",
    "BEFORE",
    "MAX_ALGORITHMS",
    "MOST_BEFORE",
    "TABLE",
    "Fields",
    "SpecId",
    "fields_of",
    "is_header",
    "is_spec_id",
    "preceding",
    "spec_id",
    "spec_id_in",
    "spec_id_of",
]

#: The signature of logs of several banks, without its NUL; and what the signatures of all versions begin with.
AGILE = "Spec ID Event03"
ANY = b"Spec ID Event0"
# Bounds beside the fields they bound: no firmware comes near them.
MAX_ALGORITHMS = 64
MAX_DIGEST_SIZE = 128
#: Records that may stand before a header: what is measured before a log is set up is little.
MOST_BEFORE = 32
#: The option of `evlog.model.Header` that counts them.
BEFORE = "before"

_VERSIONS = {AGILE.encode() + b"\0": 3, ANY + b"2\0": 2, ANY + b"0\0": 0}
_NO_SIGNATURE = bytes(16)
#: signature, platformClass, specVersionMinor, specVersionMajor, specErrata, uintnSize: in every version.
_SHARED = struct.Struct("<16sIBBBB")
_COUNT = struct.Struct("<I")
_ALGORITHM = struct.Struct("<HH")
#: Where the algorithms begin in version 03, counted from the start of the event.
TABLE = _SHARED.size + _COUNT.size
_UINTN = {1: 4, 2: 8}
_SHORT = 256  # bytes of one that is known again


class Fields(Record):
    """What stands in a Spec ID event, with nothing checked but that it is there.

    ``count`` is numberOfAlgorithms as stated, ``algorithms`` the (TPM_ALG_ID, digest size) that there are, none if more
    than `MAX_ALGORITHMS` are stated; neither is in the versions 00 and 02. ``vendor_info_size`` is as stated, ``rest``
    all that follows it.
    """

    signature: bytes
    platform_class: int
    spec_version_minor: int
    spec_version_major: int
    spec_errata: int
    uintn_size: int
    count: int
    algorithms: tuple[tuple[int, int], ...]
    vendor_info_size: int
    rest: bytes

    @property
    def uintn(self) -> int | None:
        """The size of UINTN in bytes, or None if the firmware gives none that there is."""
        return _UINTN.get(self.uintn_size)

    @property
    def vendor_info(self) -> bytes:
        """The vendor's bytes, as far as they are there."""
        return self.rest[: self.vendor_info_size]

    @property
    def trailing(self) -> bytes:
        """What is behind the vendor's bytes."""
        return self.rest[self.vendor_info_size :]


class SpecId(Record):
    """A sound Spec ID event: its version (0, 2, 3; None for zeros instead of a signature), the algorithms that it
    declares, and the vendor's bytes."""

    version: int | None
    algorithms: tuple[HashAlg, ...] = ()
    vendor_info: bytes = b""
    findings: tuple[Finding, ...] = ()

    @property
    def agile(self) -> bool:
        """Whether the records after it are crypto-agile."""
        return self.version in (3, None)


def is_spec_id(event_type: int, data: bytes) -> bool:
    """Whether such an event calls itself a Spec ID event, sound or not."""
    return event_type == EV_NO_ACTION and data.startswith(ANY)


def is_header(event: Event) -> bool:
    """Whether an event is what a firmware log begins with whatever its registers, so that each part of it has it.

    Only a Spec ID event is: a StartupLocality in its place belongs to PCR 0.
    """
    content = event.content
    if event.number or not isinstance(content, PCClientEvent):
        return False
    return is_spec_id(content.event_type, content.data) or spec_id_of(content) is not None


def preceding(log: Log) -> tuple[Event, ...]:
    """The events that stand before the log's header: whether they were extended, the log does not tell."""
    before = log.header.get(BEFORE, 0) if log.header is not None else 0
    if not isinstance(before, int) or not before:
        return ()
    return tuple(event for event in log.events[:MOST_BEFORE] if event.number < before)


def spec_id_of(content: Content) -> SpecId | None:
    """The Spec ID event that a content is, or None if it is none, or none that could be read by."""
    return spec_id_in(content.event_type, content.data) if isinstance(content, PCClientEvent) else None


def spec_id_in(event_type: int, data: bytes) -> SpecId | None:
    """The same of such an event."""
    if event_type != EV_NO_ACTION:
        return None
    try:
        return spec_id(data)
    except ParseError:
        return None


def fields_of(data: bytes) -> Fields | None:
    """The fields of a Spec ID event; None if the data ends before those that its version has in any case."""
    if len(data) < _SHARED.size:
        return None
    signature, platform, minor, major, errata, uintn = _SHARED.unpack_from(data)
    at, count = _SHARED.size, 0
    algorithms: tuple[tuple[int, int], ...] = ()
    if _VERSIONS.get(signature) == 3 or signature == _NO_SIGNATURE:
        if len(data) < TABLE:
            return None
        count = _COUNT.unpack_from(data, at)[0]
        at = min(TABLE + _ALGORITHM.size * count, len(data))
        table = data[TABLE:at] if count <= MAX_ALGORITHMS else b""
        algorithms = tuple(_ALGORITHM.iter_unpack(table[: len(table) // _ALGORITHM.size * _ALGORITHM.size]))
    stated = data[at] if at < len(data) else 0
    return Fields(signature, platform, minor, major, errata, uintn, count, algorithms, stated, data[at + 1 :])


def spec_id(data: bytes, base: int = 0) -> SpecId | None:
    """The Spec ID event in an event's data, or None if it is not one. ``base`` is where the data is in the file.

    Raises ParseError for one of version 03 whose table of algorithms cannot be.
    """
    # The logs of a machine, and of a fleet, begin with the same one, and each is asked for it several times.
    return (_known if type(data) is bytes and len(data) <= _SHORT else _spec_id)(data, base)


def _spec_id(data: bytes, base: int) -> SpecId | None:
    version = _VERSIONS.get(data[:16], -1)
    if version in (0, 2):
        found = fields_of(data)
        return SpecId(version, (SHA1,), found.vendor_info if found is not None else b"")
    if version == 3:
        return _agile(data, base)
    if data[:16] == _NO_SIGNATURE:
        try:
            return _agile(data, base)
        except ParseError:
            return None
    return None


def _agile(data: bytes, base: int) -> SpecId:
    found = fields_of(data)
    count = found.count if found is not None else 0
    if found is None or not 1 <= count <= MAX_ALGORITHMS or len(found.algorithms) != count:
        message = f"Spec ID event: {count} algorithms declared in {len(data)} bytes, 1 to {MAX_ALGORITHMS} expected"
        raise ParseError(message, offset=base + _SHARED.size, where="events[0].numberOfAlgorithms")
    algorithms = []
    findings = []
    for number, (alg, size) in enumerate(found.algorithms):
        at = base + TABLE + _ALGORITHM.size * number
        if not 1 <= size <= MAX_DIGEST_SIZE:
            raise ParseError(
                f"Spec ID event: digests of {size} bytes for algorithm {alg:#06x}, 1 to {MAX_DIGEST_SIZE} expected",
                offset=at,
                where=f"events[0].digestSizes[{number}]",
            )
        known = ALGORITHMS.get(alg)
        if known is not None and known.size != size:
            message = (
                f"the header gives {known} digests of {size} bytes, they have {known.size}; "
                "records are read by the header, the bank cannot be replayed"
            )
            findings.append(Finding("digest_size", "warning", message, 0, at))
        algorithms.append(HashAlg.of(alg, size))
    signed = found.signature != _NO_SIGNATURE
    vendor = TABLE + _ALGORITHM.size * count
    if signed and (len(found.rest) != found.vendor_info_size or vendor == len(data)):
        message = f"Spec ID event: vendor info of {found.vendor_info_size} bytes stated, {len(found.rest)} present"
        findings.append(Finding("vendor_info", "warning", message, 0, base + vendor))
    return SpecId(3 if signed else None, tuple(algorithms), found.rest, tuple(findings))


_known = lru_cache(64)(_spec_id)
