"""Processor seconds of one piece of work in a process of its own: what `run.py` calls.

python benchmarks/inside.py replay|check LOG           evlog, with the backend that EVLOG_BACKEND names
python benchmarks/inside.py extends EVENTS BANK...     hashlib alone: extends in a loop
python benchmarks/inside.py digests EVENTS BANK...     hashlib alone: digests of 60 bytes
"""

from __future__ import annotations

import hashlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def replay(path: str) -> Callable[[], object]:
    import evlog
    from evlog import hashing

    hashing.best()
    with open(path, "rb") as file:
        data = file.read()
    evlog.replay(evlog.read(data[:10_000]))
    return lambda: evlog.replay(evlog.read(data))


def check(path: str) -> Callable[[], object]:
    import evlog
    from evlog import hashing

    hashing.best()
    log = evlog.read(path)
    evlog.check(evlog.read(log.columns.buffer[:10_000] if log.columns else b""))
    return lambda: evlog.check(log)


def extends(events: str, *banks: str) -> Callable[[], object]:
    def work() -> None:
        for bank in banks:
            new = getattr(hashlib, bank)
            value = digest = bytes(new().digest_size)
            for _ in range(int(events)):
                value = new(value + digest).digest()

    return work


def digests(events: str, *banks: str) -> Callable[[], object]:
    def work() -> None:
        data = bytes(60)
        for bank in banks:
            new = getattr(hashlib, bank)
            for _ in range(int(events)):
                new(data).digest()

    return work


def main() -> None:
    works: dict[str, Callable[..., Callable[[], object]]] = {
        "replay": replay,
        "check": check,
        "extends": extends,
        "digests": digests,
    }
    work = works[sys.argv[1]](*sys.argv[2:])
    began = time.process_time()
    work()
    print(time.process_time() - began)


if __name__ == "__main__":
    main()
