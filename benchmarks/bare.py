"""Pieces of work without evlog, which its figures stand beside; `inside.py` runs and measures them."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[], object]


def extends(events: str, *banks: str) -> Work:
    """hashlib's extends in a loop, each bank one register."""

    def work() -> None:
        for bank in banks:
            new = getattr(hashlib, bank)
            value = digest = bytes(new().digest_size)
            for _ in range(int(events)):
                value = new(value + digest).digest()

    return work


def digests(events: str, size: str, *banks: str) -> Work:
    """hashlib's digests of so many bytes in a loop."""

    def work() -> None:
        data = bytes(int(size))
        for bank in banks:
            new = getattr(hashlib, bank)
            for _ in range(int(events)):
                new(data).digest()

    return work


def lines(path: str, bank: str) -> Work:
    """The least that replaying a textual log takes: each line hashed and extended, the lines being split already."""
    records = [line for line in Path(path).read_bytes().split(b"\n") if line]
    new = getattr(hashlib, bank)

    def work() -> None:
        value = bytes(new().digest_size)
        for record in records:
            value = new(value + new(record).digest()).digest()

    return work


def _module(name: str) -> Any:
    return __import__(name)


def loads(name: str, path: str) -> Work:
    """json or cbor2 alone make plain objects of a file's bytes, without the cyclic collector."""
    data = Path(path).read_bytes()
    gc.disable()
    return partial(_module(name).loads, data)


def dumps(name: str, path: str) -> Work:
    """json or cbor2 alone make bytes of the objects of a file, without the cyclic collector."""
    module = _module(name)
    data = Path(path).read_bytes()
    gc.disable()
    plain = [json.loads(line) for line in data.splitlines()] if path.endswith("jsonl") else module.loads(data)
    return partial(module.dumps, plain, **({"separators": (",", ":")} if name == "json" else {}))


def same(path: str) -> Work:
    """A file's bytes read twice and compared, as diff of equal logs does at least."""

    def work() -> None:
        assert Path(path).read_bytes() == Path(path).read_bytes()

    return work


def moved(path: str, out: str, copy: str) -> Work:
    """A file read, and another, of the bytes that a conversion writes, written: nothing but the bytes moved."""
    data = Path(out).read_bytes()

    def work() -> None:
        Path(path).read_bytes()
        Path(copy).write_bytes(data)

    return work


def fsyncs(times: str) -> Work:
    """So many times a few bytes are written to a file and kept."""
    handle, path = tempfile.mkstemp(dir=os.environ.get("EVLOG_BENCHMARK_FOLDER"))

    def work() -> None:
        for _ in range(int(times)):
            os.write(handle, b"some bytes of a line\n")
            os.fsync(handle)
        os.close(handle)
        os.unlink(path)

    return work


def nothing() -> Work:
    """What measuring itself costs."""
    return sys.getdefaultencoding


WORKS: dict[str, Callable[..., Work]] = {
    work.__name__: work for work in (extends, digests, lines, loads, dumps, same, moved, fsyncs, nothing)
}
