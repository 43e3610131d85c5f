"""Write the synthetic samples of dynamic launches: containers and headers that say where the events end.

The layouts are those of Intel's TXT heap (tboot's txt/heap.h) and of TrenchBoot's secure-kernel-loader (event_log.c),
packed here with `struct` and never by evlog. Beside them stand records that have no header, or stand before it.
Run ``python samples/make_launch.py`` to write them again; a test holds the files equal to what this makes.
"""

from __future__ import annotations

import struct
from pathlib import Path

from samples.make import (
    EV_ACTION,
    EV_EFI_ACTION,
    EV_NO_ACTION,
    EVTYPE_HASH_START,
    SHA1,
    SHA256,
    SLAUNCH,
    SLAUNCH_END,
    SLAUNCH_START,
    event1,
    event2,
    spec_id3,
)

STM_HASH, SINIT_PUBKEY_HASH = 0x40E, 0x410
SIGNATURE = b"TXT Event Container\0"
BOTH = (SHA1, SHA256)
#: What SKL logs, each with the hash of something that is not in the log.
TEXTS = (
    (17, b"SKINIT"),
    (17, b"Measured payload into PCR17"),
    (17, b"Measured Kernel into PCR17"),
    (18, b"Measured MBI into PCR18"),
)


def container(
    events: bytes,
    size: int,
    *,
    minor: int = 0,
    more: bytes = b"",
    next: int | None = None,
    first: int | None = None,
    major: int = 1,
    event_major: int = 1,
) -> bytes:
    """A TXT event container's header, with ``more`` fields of a later version, for these events."""
    begin = 48 + len(more) if first is None else first
    end = 48 + len(more) + len(events) if next is None else next
    versions = bytes((major, minor, event_major, 0))
    return struct.pack("<20s12x4sIII", SIGNATURE, versions, size, begin, end) + more


def launch1() -> bytes:
    """What an ACM logs of a launch with a TPM 1.2, and what Linux appends, between markers of zeros."""
    return (
        event1(17, EVTYPE_HASH_START, b"\2" * 36)
        + event1(17, STM_HASH, b"")
        + event1(18, SINIT_PUBKEY_HASH, b"")
        + event1(17, SLAUNCH_START, b"", bytes(20))
        + event1(18, SLAUNCH, b"Measured boot parameters")
        + event1(17, SLAUNCH_END, b"", bytes(20))
    )


def older1() -> bytes:
    """What an older launch left behind."""
    return event1(17, EVTYPE_HASH_START, b"\7" * 36) + event1(18, SLAUNCH, b"an older launch")


def in_container(size: int, behind: bytes = b"", **choices: object) -> bytes:
    """A container of an area, filled up with zeros."""
    events = launch1()
    return (container(events, size, **choices) + events + behind).ljust(size, b"\0")  # type: ignore[arg-type]


def skl1(events: bytes, size: int, **choices: object) -> bytes:
    """SKL's log for a TPM 1.2: a Spec ID Event00 with a container's header, whose offsets count from there."""
    head = struct.pack("<16sIBBBB", b"Spec ID Event00", 0, 2, 1, 1, 0)
    data = head + bytes([48]) + container(events, size - 57, **choices)  # type: ignore[arg-type]
    return event1(0, EV_NO_ACTION, data) + events


def skl2(events: bytes, *, size: int = 8192, next: int | None = None, behind: bytes = b"") -> bytes:
    """SKL's log for a TPM 2.0: its vendor information is an address, a size, and where records begin and end."""
    length = 32 + len(spec_id3(BOTH, bytes(20)))
    end = length + len(events) if next is None else next
    vendor = struct.pack("<QIII", 0x7F0000, size, 0, end)
    return event1(0, EV_NO_ACTION, spec_id3(BOTH, vendor, errata=0)) + events + behind


def measured_files(algs: tuple[int, ...] = (SHA256,)) -> bytes:
    """What EVE appends to the log of its TPM: files of its configuration, with no header."""
    texts = [
        b"file:/config/%s exist:%s%s" % (name, *found)
        for name, found in (
            (b"authorized_keys", (b"false", b"")),
            (b"server", (b"true", b" content-hash:" + b"3" * 64)),
        )
    ]
    return b"".join(event2(14, EV_EFI_ACTION, text, algs) for text in texts)


def verified_boot(before: bytes) -> bytes:
    """What coreboot's verified boot logs: something before the header, names in events of 50 bytes behind it."""
    algs = (SHA256,)
    names = (b"CBFS: bootblock", b"CBFS: romstage")
    records = b"".join(event2(2, EV_ACTION, name.ljust(50, b"\0"), algs) for name in names)
    return before + event1(0, EV_NO_ACTION, spec_id3(algs, uintn=1, errata=2)) + records


def samples() -> dict[str, bytes]:
    """Every synthetic sample by its path in this folder."""
    skl_events = b"".join(event2(pcr, SLAUNCH, text) for pcr, text in TEXTS)
    skl_older = event2(17, SLAUNCH, b"an older launch")
    skl_events1 = b"".join(event1(pcr, SLAUNCH, text) for pcr, text in TEXTS)
    short = container(launch1(), 4096)
    good = short + launch1()
    return {
        "tcg1/txt-container.bin": in_container(1024),
        "tcg1/txt-container-older-launch.bin": in_container(1024, older1()),
        "tcg1/txt-container-minor.bin": in_container(1024, minor=1, more=b"sixteen bytes .."),
        "tcg1/txt-container-cut.bin": good,
        "tcg1/skl.bin": skl1(skl_events1, 1024).ljust(1024, b"\0"),
        "tcg1/skl-older-launch.bin": (skl1(skl_events1, 1024) + older1()).ljust(1024, b"\0"),
        "tcg2/skl.bin": skl2(skl_events).ljust(1024, b"\0"),
        "tcg2/skl-older-launch.bin": skl2(skl_events, behind=skl_older).ljust(1200, b"\0"),
        "tcg2/skl-no-end.bin": skl2(skl_events, next=0).ljust(1024, b"\0"),
        "tcg2/measured-files.bin": measured_files(),
        "tcg2/record-before-header.bin": verified_boot(event2(2, EV_ACTION, b"CBFS: verstage", (SHA256,))),
        "tcg2/records-before-header.bin": verified_boot(
            event1(2, EV_ACTION, b"CBFS: verstage") + event2(3, EV_ACTION, b"FMAP: GBB", (SHA256,))
        ),
        "bad/txt-container-header-cut.bin": short[:40],
        "bad/txt-container-version.bin": in_container(512, major=2),
        "bad/txt-container-beyond.bin": in_container(512, next=5000),
        "bad/txt-container-within.bin": in_container(512, next=120),
        "bad/txt-container-start.bin": in_container(512, first=4096),
        "bad/txt-container-record-cut.bin": good[:-5],
    }


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    for name, data in samples().items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(data)


if __name__ == "__main__":
    main()
