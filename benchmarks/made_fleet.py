"""Write a fleet of which everything is known: logs of two boots of many machines, register values, and the truth.

    python benchmarks/made_fleet.py FOLDER [MACHINES]

Logs are FOLDER/{2026-11-10,2026-11-17}/m00000/log.bin, with the time of that day, beside what the TPM would say
(pcrs.json), which is computed here by plain hashing. They are those of three virtual machines (samples/), and each
machine with Secure Boot has a disk of its own. FOLDER/truth.json says which machines differ, and in what.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import sys
from calendar import timegm
from pathlib import Path
from typing import Any, NamedTuple

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
BANKS = {0x04: "sha1", 0x0B: "sha256", 0x0C: "sha384", 0x0D: "sha512"}
DAYS = ("2026-11-10", "2026-11-17")
EV_NO_ACTION, EV_IPL = 3, 13
#: An image that the boot loader is replaced by, by what is measured of it.
IMAGE = b"another boot loader"


class Event(NamedTuple):
    """A record of a TCG2 log: its digests in the order of the banks."""

    register: int
    type: int
    digests: tuple[bytes, ...]
    data: bytes

    def packed(self) -> bytes:
        pairs = zip(BANKS, self.digests, strict=True)
        digests = b"".join(struct.pack("<H", alg) + value for alg, value in pairs)
        head = struct.pack("<III", self.register, self.type, len(BANKS))
        return head + digests + struct.pack("<I", len(self.data)) + self.data

    def measured(self, data: bytes, covered: bytes | None = None) -> Event:
        """The event about something else; its digests are of the data, or of what is ``covered``."""
        return self._replace(data=data, digests=digests(data if covered is None else covered))


def digests(data: bytes) -> tuple[bytes, ...]:
    """The digests of something in all banks."""
    return tuple(hashlib.new(bank, data).digest() for bank in BANKS.values())


def records(data: bytes) -> tuple[bytes, list[Event]]:
    """The header of a TCG2 log of four banks, and its events."""
    (size,) = struct.unpack_from("<I", data, 28)
    at, events = 32 + size, []
    head = data[:at]
    while at < len(data):
        register, type_, count = struct.unpack_from("<III", data, at)
        at += 12
        found = []
        for _ in range(count):
            (alg,) = struct.unpack_from("<H", data, at)
            length = hashlib.new(BANKS[alg]).digest_size
            found.append(data[at + 2 : at + 2 + length])
            at += 2 + length
        (size,) = struct.unpack_from("<I", data, at)
        events.append(Event(register, type_, tuple(found), data[at + 4 : at + 4 + size]))
        at += 4 + size
    return head, events


def values(events: list[Event]) -> dict[str, dict[str, str]]:
    """The registers that events add up to, and those that nothing extends, as a register file has them."""
    made: dict[str, dict[str, str]] = {}
    for place, bank in enumerate(BANKS.values()):
        size = hashlib.new(bank).digest_size
        table = {number: bytes(size) for number in range(17)} | dict.fromkeys(range(17, 23), b"\xff" * size)
        for event in events:
            if event.type != EV_NO_ACTION:
                extended = table[event.register] + event.digests[place]
                table[event.register] = hashlib.new(bank, extended).digest()
        made[bank] = {str(number): value.hex() for number, value in table.items()}
    return made


class Model(NamedTuple):
    """The machine with Secure Boot: its log, and which of its events are changed."""

    head: bytes
    events: list[Event]
    disk: int
    dbx: int
    loader: int


def model() -> Model:
    head, events = records((SAMPLES / "tcg2" / "secure-boot.bin").read_bytes())
    disk = next(at for at, event in enumerate(events) if event.type == 0x80000006)
    dbx = next(at for at, event in enumerate(events) if event.register == 7 and "dbx".encode("utf-16-le") in event.data)
    loader = [at for at, event in enumerate(events) if event.type == 0x80000003][1]
    return Model(head, events, disk, dbx, loader)


def with_own_disk(event: Event, number: int) -> Event:
    """The partition table of the machine's own disk: the GUID of UEFI_PARTITION_TABLE_HEADER stands at 56."""
    guid = hashlib.sha256(b"disk %d" % number).digest()[:16]
    return event.measured(event.data[:56] + guid + event.data[72:])


def with_newer_dbx(event: Event) -> Event:
    """The list of forbidden signatures with one more hash in its only list."""
    name = "dbx".encode("utf-16-le")
    start = event.data.index(name) + len(name)
    value = event.data[start:]
    more = value[28:44] + hashlib.sha256(b"forbidden").digest()
    length, header, size = struct.unpack_from("<III", value, 16)
    value = value[:16] + struct.pack("<III", length + len(more), header, size) + value[28:] + more
    return event.measured(event.data[:24] + struct.pack("<Q", len(value)) + event.data[32:start] + value)


def made(folder: Path, machines: int) -> dict[str, Any]:
    """Write the fleet, and return the truth."""
    chosen = random.Random(16)
    base = model()
    plain = {
        "off": (SAMPLES / "tcg2" / "ovmf.bin", SAMPLES / "tcg2" / "ovmf.pcrs.json"),
        "old": (SAMPLES / "tcg1" / "seabios.bin", SAMPLES / "tcg1" / "seabios.pcrs.json"),
    }
    kinds = ["old" if n % 25 == 24 else "off" if n % 10 == 9 else "on" for n in range(machines)]
    on = [n for n in range(machines) if kinds[n] == "on"]
    some = max(1, machines // 150)
    # None of these in two ways, so that each answer is known by itself.
    order = chosen.sample(on, len(on))
    names = ("lost_exit", "rare", "lying_digest", "lying_data", "cut", "cut_cleanly", "new_loader")
    sizes = (3 * some, 4 * some, 3 * some, 2 * some, 2 * some, some, 5 * some)
    planted: dict[str, set[int]] = {}
    for name, size in zip(names, sizes, strict=True):
        planted[name], order = set(order[:size]), order[size:]
    planted["new_dbx"] = set(order[: len(order) // 3])
    newer = with_newer_dbx(base.events[base.dbx])
    loader = base.events[base.loader]
    loader = loader.measured(loader.data, IMAGE)
    for day, name in enumerate(DAYS):
        time = timegm((*map(int, name.split("-")), 8, 0, 0))
        for n in range(machines):
            home = folder / name / f"m{n:05d}"
            home.mkdir(parents=True)
            if kinds[n] != "on":
                data, stated = (path.read_bytes() for path in plain[kinds[n]])
            else:
                has = {each for each, members in planted.items() if day and n in members}
                data, stated = machine(base, n, has, newer, loader)
            (home / "pcrs.json").write_bytes(stated)
            (home / "log.bin").write_bytes(data)
            for file in ("pcrs.json", "log.bin"):
                os.utime(home / file, (time, time))
    truth: dict[str, Any] = {name: sorted(f"m{n:05d}" for n in members) for name, members in planted.items()}
    truth |= {kind: [f"m{n:05d}" for n in range(machines) if kinds[n] == kind] for kind in ("on", "off", "old")}
    truth |= {
        "machines": machines,
        "days": DAYS,
        "old_dbx_sha256": base.events[base.dbx].digests[1].hex(),
        "new_dbx_sha256": newer.digests[1].hex(),
        "new_dbx_data": newer.data.hex(),
        "new_loader_sha256": loader.digests[1].hex(),
        "rare_sha256": sorted({rare(n).digests[1].hex() for n in planted["rare"]}),
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=1))
    return truth


def rare(n: int) -> Event:
    """An event that two machines have at most."""
    text = b"grub_cmd: insmod odd%d\0" % (n // 2)
    return Event(8, EV_IPL, digests(text[10:-1]), text)


def machine(base: Model, n: int, has: set[str], newer: Event, loader: Event) -> tuple[bytes, bytes]:
    """A machine's log with what it ``has``, and its register values."""
    events = list(base.events)
    events[base.disk] = with_own_disk(events[base.disk], n)
    if "new_dbx" in has:
        events[base.dbx] = newer
    if "new_loader" in has:
        events[base.loader] = loader
    if "rare" in has:
        events.insert(-3, rare(n))
    if "lost_exit" in has:
        del events[-2:]
    stated = json.dumps(values(events)).encode()
    # From here on the log lies about what was measured, or was not kept whole.
    authority = next(at for at, event in enumerate(events) if event.register == 7 and event.type == 0x800000E0)
    if "lying_digest" in has:
        lie = tuple(bytes([value[0] ^ 1]) + value[1:] for value in events[authority].digests)
        events[authority] = events[authority]._replace(digests=lie)
    if "lying_data" in has:
        events[authority] = events[authority]._replace(data=events[authority].data[:-1] + b"\x55")
    if "cut_cleanly" in has:
        del events[-1]
    data = base.head + b"".join(event.packed() for event in events)
    return (data[:-9] if "cut" in has else data), stated


if __name__ == "__main__":
    made(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
