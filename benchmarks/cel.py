"""A hundred thousand CEL records, read and written in each encoding, beside json and cbor2 on the same bytes.

``python benchmarks/cel.py [RECORDS]`` makes a log of PC Client events with two digests each, and measures in one
process, the best of five turns each: microseconds a record, and the ratio to what `json` or `cbor2` alone need to make
plain objects of the same bytes, or bytes of the same objects. The cyclic collector is paused for both.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import cbor2

import evlog
from evlog._paused import CollectorPaused
from evlog.algorithms import SHA256, SHA384
from evlog.contents.pcclient import PCClientEvent
from evlog.formats import writer
from evlog.model import Digest, Event, Log
from evlog.options import NO_OPTIONS
from evlog.registers import Register

if TYPE_CHECKING:
    from collections.abc import Callable

EV_EFI_ACTION = 0x80000007
TURNS = 5


def made(count: int) -> Log:
    """A log of so many events on eight PCRs."""
    registers = [Register("pcr", index) for index in range(8)]
    events = []
    for number in range(count):
        data = b"measured item number %08d of a long and dull synthetic log.." % number
        digests = Digest(SHA256, hashlib.sha256(data).digest()), Digest(SHA384, hashlib.sha384(data).digest())
        content = PCClientEvent(EV_EFI_ACTION, data)
        events.append(Event(number, registers[number % 8], digests, content, number // 8))
    return Log("cel-tlv", tuple(events))


def best(work: Callable[[], Any], count: int) -> tuple[Any, float]:
    """What the work returns, and microseconds a record in its best turn."""
    fastest = float("inf")
    for _ in range(TURNS):
        result = None
        began = time.perf_counter()
        result = work()
        fastest = min(fastest, time.perf_counter() - began)
    return result, fastest / count * 1e6


def row(name: str, took: float, bare: float | None = None, beside: str = "") -> None:
    """A line of the table."""
    ratio = "" if bare is None else f"{bare:8.2f} {beside:12} {took / bare:5.2f}x"
    print(f"{name:28} {took:8.2f} {ratio}".rstrip())


def measure(format: str, log: Log) -> None:
    """The lines of one format."""
    own, count = writer(format), len(log.events)
    source = log.replace(format=format)
    data, wrote = best(lambda: own.write(source, NO_OPTIONS), count)
    loads, dumps, name = beside(format)
    plain, loaded = best(lambda: loads(data), count)
    _, dumped = best(lambda: dumps(plain), count)
    plain = None
    read, took = best(lambda: own.read(data, NO_OPTIONS), count)
    row(f"{format} read", took, loaded if name else None, f"{name}.loads")
    row(f"{format} write", wrote, dumped if name else None, f"{name}.dumps")
    row(f"{format} replay", best(lambda: evlog.replay(read), count)[1])
    if format == "cel-tlv":
        row(f"{format} events", best(lambda: tuple(read.events), count)[1])


def beside(format: str) -> tuple[Callable[[bytes], Any], Callable[[Any], Any], str]:
    """What reads and writes the same bytes without evlog, and its name; nothing does for TLV."""
    if format == "cel-cbor":
        return cbor2.loads, cbor2.dumps, "cbor2"
    if format == "cel-json":
        return json.loads, lambda value: json.dumps(value, separators=(",", ":")), "json"
    return lambda data: data, lambda value: value, ""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    log = made(count)
    print(f"{f'{count} records':28}    evlog    alone  (us a record)")
    with CollectorPaused():
        for format in ("cel-tlv", "cel-cbor", "cel-json"):
            measure(format, log)


if __name__ == "__main__":
    main()
