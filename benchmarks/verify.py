"""What a verifier pays for one boot log, in a loop of one process: reading, replaying, verifying, checking, decoding.

    python benchmarks/verify.py [LOG] [SECONDS]

The register values are those that the log leads to: all as they are, one register wrong, all wrong. The pieces of work
take turns; printed is the processor time of the quickest turn of each, per log and per event, as a ratio to read and
replay and to the goal for it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import evlog
from evlog import Context, Registers

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = Path(__file__).parent.parent / "samples" / "tcg2" / "secure-boot.bin"


def _wrong(values: Registers, registers: set[evlog.Register]) -> Registers:
    """The values with a bit changed in each bank of some registers."""
    return Registers(
        {
            key: value[:-1] + bytes([value[-1] ^ 1]) if key[0] in registers else value
            for key, value in values.values.items()
        }
    )


def works(data: bytes) -> dict[str, tuple[Callable[[], object], float | None]]:
    """Pieces of work by name, each with what it may cost at most: times of "read and replay", or of a match."""
    log = evlog.read(data)
    right = evlog.replay(log).registers()
    registers = {register for register, _ in right}
    one, every = _wrong(right, {max(registers, key=lambda each: each.sort_key)}), _wrong(right, registers)

    def decode() -> None:
        read = evlog.read(data)
        context = Context.of(read)
        for event in read.events:
            evlog.decode(event, context)

    return {
        "read": (lambda: evlog.read(data), None),
        "read and replay": (lambda: evlog.replay(evlog.read(data)), None),
        "read and verify, all match": (lambda: evlog.verify(evlog.read(data), right), 1.8),
        "read and verify, one register wrong": (lambda: evlog.verify(evlog.read(data), one), 3 * 1.8),
        "read and verify, all wrong": (lambda: evlog.verify(evlog.read(data), every), 3 * 1.8),
        "the same, explained by 20,000 hashes": (lambda: evlog.verify(evlog.read(data), every, explain=20_000), None),
        "read and check": (lambda: evlog.check(evlog.read(data)), 5),
        "read and decode": (decode, None),
    }


def quickest(work: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """The processor seconds of the quickest turn of each."""
    for run in work.values():
        run()
    best = dict.fromkeys(work, float("inf"))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, run in work.items():
            began = time.thread_time()
            run()
            best[name] = min(best[name], time.thread_time() - began)
    return best


def main() -> None:
    given = sys.argv[1:]
    data = Path(given[0] if given else _LOG).read_bytes()
    log = evlog.read(data)
    chosen = works(data)
    best = quickest({name: run for name, (run, _) in chosen.items()}, float(given[1]) if len(given) > 1 else 10)
    banks = ", ".join(map(str, log.algorithms))
    print(f"{len(data)} bytes, {len(log.events)} events, banks {banks}")
    for name, (_, most) in chosen.items():
        took, ratio = best[name], best[name] / best["read and replay"]
        goal = f"   goal {most:.1f}" if most is not None else ""
        print(f"  {name:38}{took * 1e6:8.0f} us {took / len(log.events) * 1e6:7.1f} us an event{ratio:7.2f} x{goal}")


if __name__ == "__main__":
    main()
