"""TCG event records and the Spec ID event, declared: the reference for the fast scanners, and the writer.

Spec: TCG PC Client Platform Firmware Profile 1.06, sections 10.2.1 (TCG_PCClientPCREvent), 10.2.2 (TCG_PCR_EVENT2)
and 10.4.5.1 (TCG_EfiSpecIdEvent); UEFI 2.10 section 38.2.3 for CC_EVENT, whose MrIndex stands in place of PCRIndex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from construct import (
    Array,
    Bytes,
    Const,
    GreedyBytes,
    Int8ul,
    Int16ul,
    Int32ub,
    Int32ul,
    Prefixed,
    Rebuild,
    Struct,
    Switch,
    len_,
    this,
)

from evlog import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from evlog.algorithms import HashAlg

__all__ = ["event1", "event2", "records", "spec_id_event03"]


def _event1(integer: Any) -> Any:
    return Struct(
        "pcr_index" / integer,
        "event_type" / integer,
        "digest" / Bytes(20),
        "event_data_size" / Rebuild(integer, len_(this.event_data)),
        "event_data" / Bytes(this.event_data_size),
    )


#: TCG_PCClientPCREvent, by byte order; PowerPC firmware writes it big-endian.
event1 = {"little": _event1(Int32ul), "big": _event1(Int32ub)}


def event2(sizes: Mapping[int, int]) -> Any:
    """TCG_PCR_EVENT2 for digests of these sizes by TPM_ALG_ID."""
    digest = Struct(
        "hash_alg" / Int16ul,
        "digest"
        / Switch(
            this.hash_alg,
            {alg: Bytes(size) for alg, size in sizes.items()},
            default=wire.Refuse(lambda this: f"algorithm {this.hash_alg:#06x} has no size in the header"),
        ),
    )
    return Struct(
        "pcr_index" / Int32ul,
        "event_type" / Int32ul,
        "digest_count" / Rebuild(wire.Bounded(Int32ul, 64, "digest count"), len_(this.digests)),
        "digests" / Array(this.digest_count, digest),
        "event_size" / Rebuild(Int32ul, len_(this.event)),
        "event" / Bytes(this.event_size),
    )


#: TCG_EfiSpecIdEvent, version 03.
spec_id_event03 = Struct(
    "signature" / Const(b"Spec ID Event03\0"),
    "platform_class" / Int32ul,
    "spec_version_minor" / Int8ul,
    "spec_version_major" / Int8ul,
    "spec_errata" / Int8ul,
    "uintn_size" / Int8ul,
    "number_of_algorithms" / Rebuild(Int32ul, len_(this.digest_sizes)),
    "digest_sizes" / Array(this.number_of_algorithms, Struct("algorithm_id" / Int16ul, "digest_size" / Int16ul)),
    "vendor_info" / Prefixed(Int8ul, GreedyBytes),
)


def records(data: bytes, start: int, algorithms: Iterable[HashAlg] | None) -> Iterator[tuple[int, Any]]:
    """Offset and content of each record from ``start``: TCG_PCR_EVENT2, or TCG_PCR_EVENT if ``algorithms`` is None.

    The slow, plain twin of the scanners: it does not know padding, and raises ParseError where records end.
    """
    declaration = event1["little"] if algorithms is None else event2({alg.id: alg.size for alg in algorithms})
    position = start
    number = 0
    while position < len(data):
        record = wire.parse(declaration, data, position, where=f"events[{number}]")
        yield position, record
        position += len(declaration.build(record))
        number += 1
