"""A million IMA entries: reading and replaying them against hashing them.

``python benchmarks/ima.py [ENTRIES]`` makes an ima-ng list of entries of 136 bytes each, and measures in one process
each: reading and replaying in the list's bank, the same of a list with violations, the same with another bank computed,
and finding a prefix. Each is the best of three, in turns with the bare extends (hashlib on the digests, in a loop) that
its ratio is to. Memory is the most that the process took, evlog itself and the list's own bytes aside.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time

from made import ima

ENTRY = 136
WAYS = ("one bank", "one bank, violations", "two banks", "find_prefix")


def measure(way: str, path: str) -> str:
    """One way, in this process."""
    import evlog

    evlog.replay(evlog.read(b"".join(ima(10, "sha1"))))
    before = _memory("VmRSS")
    with open(path, "rb") as file:
        data = file.read()
    took = [_run(way, data)]
    extra = _memory("VmHWM") - before - len(data) / 1e6
    banks = ("sha1", "sha256") if way == "two banks" else ("sha1",)
    bare = []
    for _ in range(3):
        bare.append(sum(_bare(data, hash) for hash in banks))
        took.append(_run(way, data))
    ours, theirs = min(took), min(bare)
    each = (ours - theirs) / (len(data) / ENTRY) * 1e6
    return (
        f"{way:22} {ours:.2f} s, bare extends {theirs:.2f} s, ratio {ours / theirs:.2f}, "
        f"{each:.2f} us an entry beside them, {extra:.0f} MB above the list"
    )


def _run(way: str, data: bytes) -> float:
    """Seconds that one way takes."""
    import evlog

    register = evlog.Register.parse("pcr:10")
    target = b"\1" * 20
    began = time.process_time()
    log = evlog.read(data)
    if way == "find_prefix":
        assert evlog.find_prefix(log, register, evlog.SHA1, target) is None
    else:
        evlog.replay(log, rules={evlog.SHA256: "hash"} if way == "two banks" else None)
    return time.process_time() - began


def _memory(what: str) -> float:
    """The memory that this process has (VmRSS), or the most that it has had (VmHWM), in MB; Linux tells."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith(what))
    return int(line.split()[1]) * 1024 / 1e6


def _bare(data: bytes, hash: str) -> float:
    """Seconds that hashlib needs for the extends alone, the digests being at hand."""
    new = getattr(hashlib, hash)
    digests = [data[at + 4 : at + 24] for at in range(0, len(data), ENTRY)]
    value = bytes(new().digest_size)
    began = time.process_time()
    for digest in digests:
        value = new(value + digest).digest()
    return time.process_time() - began


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
                file.writelines(ima(count, "sha1", 100 if violations else 0))
        for way in WAYS:
            path = violated if "violations" in way else plain
            subprocess.run([sys.executable, __file__, way, path], check=True)


if __name__ == "__main__":
    main()
