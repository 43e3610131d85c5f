"""A million IMA entries: reading and replaying them against hashing them.

``python benchmarks/ima.py [ENTRIES]`` makes an ima-ng list of entries of 136 bytes each, and measures in one process
each: the bare extends (hashlib on the digests, in a loop), reading and replaying in the list's bank, the same with
another bank computed, and finding a prefix. Ratios are to the bare extends of the same process; memory is what the
process took above the list's own bytes.
"""

from __future__ import annotations

import hashlib
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time

ENTRY = 136
WAYS = ("one bank", "one bank, violations", "two banks", "find_prefix")


def entries(count: int, *, violations: bool = False) -> bytes:
    """An ima-ng list with SHA-1 template digests; every hundredth entry is a violation if asked for."""
    head = struct.Struct("<I20sI6sI").pack
    template = bytearray(struct.pack("<I", 40) + b"sha256:\0" + bytes(32))
    template += struct.pack("<I", 50) + b"/usr/lib/benchmark/".ljust(49, b"-") + b"\0"
    parts: list[bytes] = []
    for number in range(count):
        template[12:16] = number.to_bytes(4, "little")
        digest = bytes(20) if violations and number % 100 == 99 else hashlib.sha1(template).digest()
        parts += head(10, digest, 6, b"ima-ng", len(template)), bytes(template)
    return b"".join(parts)


def measure(way: str, path: str) -> str:
    """One way, in this process."""
    import evlog
    from evlog.registers import Register

    with open(path, "rb") as file:
        data = file.read()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    log = evlog.read(data)
    read = time.perf_counter() - began
    register = Register("pcr", 10)
    if way == "find_prefix":
        target = evlog.replay(log)[register, evlog.SHA1]
        read, began = 0.0, time.perf_counter()
        assert evlog.find_prefix(log, register, evlog.SHA1, target) is not None
    elif way == "two banks":
        evlog.replay(log, rules={evlog.SHA256: "hash"})
    else:
        evlog.replay(log)
    took = time.perf_counter() - began
    extra = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    bare = _bare(data, "sha1") + (_bare(data, "sha256") if way == "two banks" else 0)
    each = (took - bare) / len(log.events) * 1e6
    return (
        f"{way:22} {took:6.2f} s (reading {read:.2f} s), bare extends {bare:.2f} s, ratio {took / bare:.2f}, "
        f"{each:.2f} us an entry beside hashing, {extra:.0f} MB above the list"
    )


def _bare(data: bytes, hash: str) -> float:
    """Seconds that hashlib needs for the extends alone, the digests being at hand."""
    new = getattr(hashlib, hash)
    digests = [data[at + 4 : at + 24] for at in range(0, len(data), ENTRY)]
    value = bytes(new().digest_size)
    began = time.perf_counter()
    for digest in digests:
        value = new(value + digest).digest()
    return time.perf_counter() - began


def main() -> None:
    """Measure every way in a process of its own."""
    if len(sys.argv) == 3 and sys.argv[1] in WAYS:
        print(measure(sys.argv[1], sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        plain, violated = (os.path.join(folder, name) for name in ("plain", "violated"))
        for path, violations in ((plain, False), (violated, True)):
            with open(path, "wb") as file:
                file.write(entries(count, violations=violations))
        for way in WAYS:
            path = violated if "violations" in way else plain
            subprocess.run([sys.executable, __file__, way, path], check=True)


if __name__ == "__main__":
    main()
