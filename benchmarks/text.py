"""How a textual log of a million lines reads and replays, against the bare hashing of its lines.

    python -m benchmarks.text [LINES]

Bare hashing is ``value = H(value + H(line))`` over lines that are split already: less cannot be done. The target is at
most 2.5 times that, measured in one run.
"""

from __future__ import annotations

import gc
import hashlib
import sys
import time
from typing import TYPE_CHECKING

import evlog
from evlog.algorithms import HashAlg
from evlog.registers import UNKNOWN_REGISTER

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 2.5


def lines(count: int, alg: str, word: str = "INIT") -> list[bytes]:
    """A log's lines: INIT at zeros, then records as agents write them."""
    zeros = "00" * hashlib.new(alg).digest_size
    records = [b"example.org/app op%d value %d and some content" % (number, number * number) for number in range(count)]
    return [f"{word} {alg}/{zeros}".encode(), *records]


def bare(alg: str, records: list[bytes]) -> bytes:
    """The least that replay must do."""
    new = getattr(hashlib, alg)
    value = bytes(new().digest_size)
    for record in records:
        value = new(value + new(record).digest()).digest()
    return value


def replayed(alg: str, data: bytes) -> bytes:
    """What evlog does."""
    return evlog.replay(evlog.read(data))[UNKNOWN_REGISTER, HashAlg.named(alg)]


def timed(work: Callable[[], bytes]) -> tuple[float, bytes]:
    """The best of three, and the result."""
    best = float("inf")
    for _ in range(3):
        gc.collect()
        began = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - began)
    return best, result


def cases(count: int) -> dict[str, tuple[str, list[bytes], bytes]]:
    """By name: the hash, the lines that are extended, the bytes of the log."""
    made = {}
    for alg in ("sha256", "sha384", "sha512"):
        records = lines(count, alg)
        made[f"nelr {alg}"] = alg, records, b"".join(b"%b\n" % line for line in ([b"# said", *records]))
    records = lines(count, "sha384", "SYNC")
    made["tsm-text sha384, blank lines"] = "sha384", records, b"".join(b"\n%b\n" % line for line in records)
    records = lines(count, "sha384")
    made["aael-text sha384"] = "sha384", records, b"\n".join(records)
    return made


def main() -> int:
    """Print a line for each case; 1 if one is over the limit."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    over = 0
    for name, (alg, records, data) in cases(count).items():
        least, value = timed(lambda alg=alg, records=records: bare(alg, records))  # type: ignore[misc]
        took, result = timed(lambda alg=alg, data=data: replayed(alg, data))  # type: ignore[misc]
        if result != value:
            raise SystemExit(f"{name}: another value")
        over += took > LIMIT * least
        print(f"{name:30} {count} lines, bare {least:.2f} s, evlog {took:.2f} s: {took / least:.2f} times")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
