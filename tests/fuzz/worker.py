"""One target under the fuzzer: python -m tests.fuzz.worker TARGET --seconds N --found FOLDER [--executions N].

Ends with a line of JSON: what it ran, how long, and what it found.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import atheris

with atheris.instrument_imports(include=["evlog"]):
    import evlog

    for _module in pkgutil.walk_packages(evlog.__path__, "evlog."):
        # What is read lazily is to be instrumented too; backends that are not installed cannot be imported.
        if not _module.name.endswith("__main__"):
            try:
                importlib.import_module(_module.name)
            except ImportError:
                continue

from tests.fuzz.finds import Find, keep, kept, shrunk, tried
from tests.fuzz.inputs import CHOICES, LARGEST
from tests.fuzz.mutator import Mutator
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOM = 3 << 30  # bytes of addresses beyond what the process has when it starts


def bytewise(data: bytes, largest: int) -> bytes:
    """The fuzzer's own mutation: another function when it runs than when it is imported."""
    mutant: bytes = atheris.Mutate(data, largest)
    return mutant


class Worker:
    """Counts, keeps each find once, and ends in time."""

    def __init__(self, target: str, seconds: float, executions: int, found: Path) -> None:
        self.target, self.seconds, self.most, self.found = target, seconds, executions, found
        self.known = {path.name for _, path in kept(found)}
        self.finds: list[str] = []
        self.executions = self.again = 0
        self.began = time.process_time()

    def __call__(self, data: bytes) -> None:
        if time.process_time() - self.began > self.seconds or self.executions == self.most:
            self.end()
        self.executions += 1
        find = tried(self.target, data, watch_memory=True)
        if find is not None:
            self.again += 1
            if find.key not in self.known:
                self.known.add(find.key)
                self.note(data, find)

    def note(self, data: bytes, find: Find) -> None:
        def same(less: bytes) -> bool:
            other = tried(self.target, less)
            return other is not None and other.key == find.key

        less = data if "processor time" in find.story or "MiB" in find.story else shrunk(data, same)
        path = keep(self.found, self.target, less, find)
        self.finds.append(path.name)
        print(f"{self.target}: {path}\n{find.story}", file=sys.stderr, flush=True)

    def end(self) -> NoReturn:
        said = {
            "target": self.target,
            "executions": self.executions,
            "cpu": round(time.process_time() - self.began, 1),
            "finds": self.finds,
            "again": self.again,
        }
        print(json.dumps(said), flush=True)
        # The fuzzer's own end takes the process with it.
        os._exit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.worker")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=float, required=True, help="of processor time")
    parser.add_argument("--executions", type=int, default=-1, help="end after so many, if the time lasts")
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="a folder that keeps inputs that reached something new")
    asked = parser.parse_args(arguments)
    first = seeds(asked.target)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if os.path.exists("/proc/self/statm") else 0
    if pages:
        limit = pages * resource.getpagesize() + _ROOM
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with tempfile.TemporaryDirectory() as scratch:
        corpus = asked.corpus or Path(scratch) / "corpus"
        started = Path(scratch) / "seeds"
        for folder in (corpus, started):
            folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(first):
            (started / f"{number:04}").write_bytes(seed)
        worker = Worker(asked.target, asked.seconds, asked.executions, asked.found)
        mutator = Mutator(asked.target, first, bytewise)
        flags = [f"-max_len={CHOICES + LARGEST}", "-rss_limit_mb=0", "-timeout=600", "-verbosity=0", "-handle_segv=0"]
        flags.append(f"-artifact_prefix={scratch}/")
        if "CI" in os.environ:
            flags.append("-seed=1")
        atheris.Setup([sys.argv[0], *flags, str(corpus), str(started)], worker, custom_mutator=mutator)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
