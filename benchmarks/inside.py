"""One piece of evlog's work in a process of its own, without its start-up: what `measure.piece` calls.

    python benchmarks/inside.py WORK WORD...

Prints what the work spent as `measure.Spent` has it: processor seconds, those of the kernel, wall seconds; or what was
asked. `bare.py` has the works that are not evlog's. The backend is the one that EVLOG_BACKEND names.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bare import WORKS as BARE

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop(NamedTuple):
    """What is done so many times. The first time does not count: a warm-up that may be of something smaller."""

    run: Callable[[], object]
    times: int = 1
    warm: Callable[[], object] | None = None


#: Bytes of a long log that are enough to warm up with.
_SOME = 10_000


def _loop(path: str, times: str, do: Callable[[bytes], object]) -> Loop:
    """The same work on a log's bytes."""
    from evlog import hashing

    hashing.best()
    data = Path(path).read_bytes()
    return Loop(lambda: do(data), int(times), None if int(times) > 1 else lambda: do(data[:_SOME]))


def read(path: str, times: str) -> Loop:
    import evlog

    return _loop(path, times, evlog.read)


def replay(path: str, times: str) -> Loop:
    import evlog

    return _loop(path, times, lambda data: evlog.replay(evlog.read(data)))


def decode(path: str, times: str) -> Loop:
    """Every event's body."""
    import evlog
    from evlog import Context

    def work(data: bytes) -> None:
        log = evlog.read(data)
        context = Context.of(log)
        for event in log.events:
            evlog.decode(event, context)

    return _loop(path, times, work)


def check(path: str, times: str) -> Loop:
    """The digests of a log; reading it is part of the work if there are several times."""
    import evlog

    if int(times) > 1:
        return _loop(path, times, lambda data: evlog.check(evlog.read(data)))
    log = evlog.read(path)
    some = evlog.read(Path(path).read_bytes()[:_SOME])
    return Loop(lambda: evlog.check(log), 1, lambda: evlog.check(some))


def verify(path: str, times: str, wrong: str, explain: str = "") -> Loop:
    """Verify a log against what it leads to, of which ``wrong`` is none, one or all."""
    import evlog

    right = evlog.replay(evlog.read(path)).registers()
    registers = {register for register, _ in right}
    last = max(registers, key=lambda each: each.sort_key)
    bad = {"none": set(), "one": {last}, "all": registers}[wrong]
    values = evlog.Registers(
        {key: value[:-1] + bytes([value[-1] ^ 1]) if key[0] in bad else value for key, value in right.values.items()}
    )
    if explain:
        return _loop(path, times, lambda data: evlog.verify(evlog.read(data), values, explain=int(explain)))
    return _loop(path, times, lambda data: evlog.verify(evlog.read(data), values))


def each(folder: str) -> Loop:
    """All logs of a folder, one after the other."""
    import evlog

    paths = sorted(Path(folder).iterdir())

    def work() -> None:
        for path in paths:
            evlog.replay(evlog.read(path))

    return Loop(work, 1, lambda: evlog.replay(evlog.read(paths[0])))


def two_banks(path: str) -> Loop:
    """An IMA list in its own bank and in another, by the rule that hashes its templates."""
    import evlog

    return _loop(path, "1", lambda data: evlog.replay(evlog.read(data), rules={evlog.SHA384: "hash"}))


def find_prefix(path: str) -> Loop:
    """A value that no prefix of an IMA list leads to."""
    import evlog

    register, target = evlog.Register.parse("pcr:10"), b"\1" * 32

    def work(data: bytes) -> None:
        assert evlog.find_prefix(evlog.read(data), register, evlog.SHA256, target) is None

    return _loop(path, "1", work)


def wrote(path: str) -> Loop:
    """A log that was read is written again in its own format: the collector is paused, as it is beside `bare.dumps`."""
    import evlog
    from evlog._paused import CollectorPaused
    from evlog.formats import writer
    from evlog.options import NO_OPTIONS

    log = evlog.read(path)
    own = writer(log.format)
    source = log.replace(events=tuple(log.events))

    def work() -> None:
        with CollectorPaused():
            own.write(source, NO_OPTIONS)

    return Loop(work)


def append(lines: str, times: str = "1") -> Loop:
    """So many lines in one append to a register that is a plain folder; so many times."""
    import tempfile

    import evlog

    tree = Path(tempfile.mkdtemp(dir=os.environ.get("EVLOG_BENCHMARK_FOLDER")))
    register = tree / "rtmr3"
    register.mkdir()
    (register / "hash_algo").write_text("sha384\n")
    (register / "digest").write_bytes(bytes(48))
    said = [b"example.org/app op%d value %d and some content" % (n, n * n) for n in range(int(lines))]
    return Loop(lambda: evlog.append(tree, "rtmr3", said), int(times), lambda: evlog.append(tree, "rtmr3", said[:1]))


def bodies(path: str, times: str) -> Loop:
    """hashlib's digests of the events' data, in each bank of the log: the least that checking them takes."""
    import hashlib

    import evlog

    log = evlog.read(path)
    data = [event.content.data for event in log.events if isinstance(event.content, evlog.PCClientEvent)]
    banks = [getattr(hashlib, str(alg)) for alg in log.algorithms]

    def work() -> None:
        for new in banks:
            for one in data:
                new(one).digest()

    return Loop(work, int(times))


def facts(path: str) -> dict[str, object]:
    """How many events a log has, and its banks."""
    import evlog

    log = evlog.read(path)
    return {"events": len(log.events), "banks": [str(alg) for alg in log.algorithms]}


def values(path: str, out: str, *banks: str) -> None:
    """Write what a log leads to in these banks for the peers' drivers: BANK INDEX HEX in each line."""
    import evlog

    rows = evlog.replay(evlog.read(path)).registers().values.items()
    lines = [f"{alg} {register.index} {value.hex()}\n" for (register, alg), value in rows if str(alg) in banks]
    Path(out).write_text("".join(lines))


WORKS: dict[str, Callable[..., Loop]] = {
    work.__name__: work
    for work in (read, replay, decode, check, verify, each, two_banks, find_prefix, wrote, append, bodies)
}
#: What is asked, and not measured.
ASKED: dict[str, Callable[..., object]] = {"facts": facts, "values": values}


def main(name: str, *words: str) -> None:
    if name in ASKED:
        print(json.dumps(ASKED[name](*words)))
        return
    loop = WORKS[name](*words) if name in WORKS else Loop(BARE[name](*words))
    if name in WORKS:
        (loop.warm or loop.run)()
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(loop.times):
        loop.run()
    took, then = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    system = then.ru_stime - used.ru_stime
    cpu = then.ru_utime - used.ru_utime + system
    print(json.dumps([cpu / loop.times, system / loop.times, took / loop.times]))


if __name__ == "__main__":
    main(*sys.argv[1:])
