"""Synthetic logs, written with struct: every digest is of its record's data, so that checks find what they look for.

    python benchmarks/made.py FORMAT OUT [EVENTS]

FORMAT is tcg2 (sha256 and sha384, 160 bytes an event on PCR 0 to 7), ima (a list with sha256 template digests, 150
bytes an entry on PCR 10), cel (the events of tcg2 as CEL-TLV), text (the kernel RFC's lines, sha384), or another one
of `MAKERS`. A million events are the default.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

BANKS = {"sha1": 0x0004, "sha256": 0x000B, "sha384": 0x000C, "sha512": 0x000D}
SECURE_BOOT = Path(__file__).resolve().parent.parent / "samples" / "tcg2" / "secure-boot.bin"
THREE = ("sha1", "sha256", "sha384")
EV_EFI_ACTION = 0x80000007
EV_IPL = 0x0000000D


def data(number: int) -> bytes:
    """What an event says: 60 bytes."""
    return (b"measured item number %010d of a synthetic log" % number).ljust(60, b".")


def header(*banks: str) -> bytes:
    """Record 0 of a TCG2 log: the Spec ID event."""
    sizes = b"".join(struct.pack("<HH", BANKS[bank], hashlib.new(bank).digest_size) for bank in banks)
    spec_id = struct.pack("<16sIBBBBI", b"Spec ID Event03", 0, 0, 2, 105, 2, len(banks)) + sizes + b"\0"
    return struct.pack("<II20sI", 0, 3, bytes(20), len(spec_id)) + spec_id


def record(register: int, event_type: int, data: bytes, *banks: str) -> bytes:
    """A TCG_PCR_EVENT2."""
    digests = b"".join(struct.pack("<H", BANKS[bank]) + hashlib.new(bank, data).digest() for bank in banks)
    return struct.pack("<III", register, event_type, len(banks)) + digests + struct.pack("<I", len(data)) + data


def tcg2(events: int) -> Iterator[bytes]:
    """A crypto-agile firmware log."""
    yield header("sha256", "sha384")
    for number in range(events):
        yield record(number % 8, EV_EFI_ACTION, data(number), "sha256", "sha384")


def ima(events: int, alg: str = "sha256", violations: int = 0) -> Iterator[bytes]:
    """An ima-ng list of one bank; every so many entries one is a violation, if any."""
    size = hashlib.new(alg).digest_size
    head = struct.Struct(f"<I{size}sI6sI").pack
    template = bytearray(struct.pack("<I", 40) + b"sha256:\0" + bytes(32))
    template += struct.pack("<I", 50) + b"/usr/lib/benchmark/".ljust(49, b"-") + b"\0"
    for number in range(events):
        template[12:44] = hashlib.sha256(number.to_bytes(4, "little")).digest()
        violated = violations and number % violations == violations - 1
        digest = bytes(size) if violated else hashlib.new(alg, template).digest()
        yield head(10, digest, 6, b"ima-ng", len(template)) + template


def ima_ascii(events: int) -> Iterator[bytes]:
    """The list of `ima` with SHA-1 template digests, as the kernel prints it."""
    for entry in ima(events, "sha1"):
        digest, template = entry[4:24], entry[38:]
        name = template[48:].rstrip(b"\0")
        yield b"10 %b ima-ng sha256:%b %b\n" % (digest.hex().encode(), template[12:44].hex().encode(), name)


def cel(events: int) -> Iterator[bytes]:
    """The events of `tcg2` as CEL-TLV."""

    def tlv(number: int, value: bytes) -> bytes:
        return struct.pack(">BI", number, len(value)) + value

    for number in range(events):
        content = data(number)
        digests = b"".join(tlv(BANKS[bank], hashlib.new(bank, content).digest()) for bank in ("sha256", "sha384"))
        event = tlv(0, EV_EFI_ACTION.to_bytes(4, "big")) + tlv(1, content)
        recnum, index = (number // 8).to_bytes(4, "big"), (number % 8).to_bytes(4, "big")
        yield tlv(0, recnum) + tlv(1, index) + tlv(3, digests) + tlv(5, event)


def text(
    events: int, bank: str = "sha384", word: str = "SYNC", before: bytes = b"", end: bytes = b"\n"
) -> Iterator[bytes]:
    """The log of one register, as the kernel RFC has it."""
    yield before + f"{word} {bank}/{'00' * hashlib.new(bank).digest_size}".encode()
    for number in range(events):
        yield end + b"example.org/app op%d value %d and some content" % (number, number * number)
    yield b"\n"


def blank(events: int) -> Iterator[bytes]:
    """A textual log of lines without content."""
    yield b"INIT sha384/" + b"0" * 96 + b"\n"
    yield b"\n" * events


def letters(events: int) -> Iterator[bytes]:
    """A textual log of lines of one letter."""
    yield b"INIT sha384/" + b"0" * 96 + b"\n"
    yield b"".join(b"%c\n" % (97 + place % 26) for place in range(events))


def boot() -> bytes:
    """A log of a machine that booted with Secure Boot, without its SHA-512 bank: 52 events, three banks."""
    data = SECURE_BOOT.read_bytes()
    (size,) = struct.unpack_from("<I", data, 28)
    at, records = 32 + size, [header(*THREE)]
    three, last = (sum(2 + hashlib.new(bank).digest_size for bank in banks) for banks in (THREE, ("sha512",)))
    while at < len(data):
        body = at + 12 + three + last
        (length,) = struct.unpack_from("<I", data, body)
        records.append(data[at : at + 8] + struct.pack("<I", len(THREE)) + data[at + 12 : at + 12 + three])
        at = body + 4 + length
        records.append(data[body:at])
    return b"".join(records)


def fleet(folder: Path, logs: int) -> None:
    """Logs of 30 KB as `tcg2` makes them, no two alike."""
    log = b"".join(tcg2(185))
    for number in range(logs):
        (folder / f"{number:05}.bin").write_bytes(log + record(7, EV_IPL, b"machine %d" % number, "sha256", "sha384"))


def boots(folder: Path, logs: int) -> None:
    """Logs of 21 KB of a machine that booted with Secure Boot: four banks, fifteen PCRs; no two alike."""
    log = SECURE_BOOT.read_bytes()
    for number in range(logs):
        (folder / f"{number:05}.bin").write_bytes(log + record(9, EV_IPL, b"machine %d" % number, *BANKS))


MAKERS: dict[str, Callable[[int], Iterable[bytes]]] = {
    "tcg2": tcg2,
    "ima": ima,
    "ima-sha1": lambda events: ima(events, "sha1"),
    "ima-violations": lambda events: ima(events, "sha1", 100),
    "ima-ascii": ima_ascii,
    "cel": cel,
    "text": text,
    "text-sha256": lambda events: text(events, "sha256", "INIT", b"# said\n"),
    "text-sha384": lambda events: text(events, "sha384", "INIT", b"# said\n"),
    "text-sha512": lambda events: text(events, "sha512", "INIT", b"# said\n"),
    "text-blank": lambda events: text(events, before=b"\n", end=b"\n\n"),
    "text-aael": lambda events: text(events, word="INIT"),
    "blank": blank,
    "letters": letters,
    "boot": lambda _: [boot()],
}


def write(format: str, path: Path, events: int = 1_000_000) -> None:
    """Write the log of a format."""
    with path.open("wb") as file:
        file.writelines(MAKERS[format](events))


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:4]))
