"""How long `evlog.learn` takes: boots of a hundred events, of which four differ from boot to boot.

    python benchmarks/policy.py [BOOTS]

Prints processor seconds of reading, learning and checking one boot.
"""

from __future__ import annotations

import hashlib
import struct
import sys
import time

import evlog
from evlog.policy.learn import GoodBoot

EVENTS = 100
VARYING = (20, 40, 60, 80)


def log(boot: int) -> bytes:
    """A TCG2 log of one SHA-256 bank, over PCR 0 to 9."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1) + struct.pack("<HH", 0x000B, 32) + b"\0"
    records = [struct.pack("<II20sI", 0, 3, bytes(20), len(spec)) + spec]
    for number in range(EVENTS):
        data = b"event %d" % number + (b" of boot %d" % boot if number in VARYING else b"")
        head = struct.pack("<IIIH", number % 10, 0xD, 1, 0x000B)
        records.append(head + hashlib.sha256(data).digest() + struct.pack("<I", len(data)) + data)
    return b"".join(records)


def main(boots: int) -> None:
    """Print a line for each step."""
    data = [log(boot) for boot in range(boots)]
    began = time.process_time()
    logs = [evlog.read(each) for each in data]
    read = time.process_time()
    policy = evlog.learn([GoodBoot(f"boot {number}", (each,)) for number, each in enumerate(logs)]).policy
    learned = time.process_time()
    assert evlog.check_policy(policy, logs[-1], unverified=True).ok
    print(f"read    {read - began:8.3f} s  {boots} boots of {EVENTS} events")
    print(f"learn   {learned - read:8.3f} s")
    print(f"check   {time.process_time() - learned:8.3f} s  one boot")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
