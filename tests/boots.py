"""Boots for predictions: events made by hand, and the pairs of real boots beside the project."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from evlog.algorithms import SHA1, SHA256
from evlog.contents.pcclient import PCClientEvent
from evlog.model import Digest, Event, Log
from evlog.predicting.variables import Variable
from evlog.registers import Register
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UPDATES = ROOT.parent / "shared" / "updates"
PAIRS = sorted(path.parent for path in UPDATES.glob("*/update.json"))
paired = pytest.mark.skipif(not PAIRS, reason="no boots before and after an update beside the project")

IPL, TAG, SEPARATOR, APPLICATION = 0xD, 0x6, 0x4, 0x80000003
DRIVER_CONFIG, BOOT, AUTHORITY = 0x80000001, 0x80000002, 0x800000E0


def files_of(pair: Path, key: str) -> dict[str, bytes]:
    named = json.loads((pair / "update.json").read_text())[key]
    return {place: (UPDATES / "store" / name.partition(":")[2]).read_bytes() for place, name in named.items()}


def ram_of(pair: Path) -> int | None:
    return (512 << 20) if "--ram" in (pair / "update.json").read_text() else None


def event(pcr: int, kind: int, data: bytes, measured: bytes) -> Event:
    digests = (Digest(SHA1, hashlib.sha1(measured).digest()), Digest(SHA256, hashlib.sha256(measured).digest()))
    return Event(0, Register("pcr", pcr), digests, PCClientEvent(kind, data))


def log_of(*events: Event) -> Log:
    numbered = tuple(each.replace(number=n) for n, each in enumerate(events))
    return Log("tcg2", numbered, algorithms=(SHA1, SHA256))


def after(found: Any, pcr: int) -> bytes | None:
    value: bytes | None = next(row.after for row in found.registers if row.alg == SHA256 and row.register.index == pcr)
    return value


def extended(*measured: bytes) -> bytes:
    value = bytes(32)
    for each in measured:
        value = hashlib.sha256(value + hashlib.sha256(each).digest()).digest()
    return value


def variable_event(kind: int, vendor: bytes, name: str, data: bytes, *, whole: bool = True) -> Event:
    body = Variable(vendor, name, data).to_bytes()
    return event(1 if kind == BOOT else 7, kind, body, body if whole else data)


def load_event(path: str | None, data: bytes, *, pcr: int = 4) -> Event:
    """An image that is started: with the file's path, or from a buffer without one."""
    name = (path or "").replace("/", "\\").encode("utf-16-le") + b"\0\0"
    node = struct.pack("<BBH", 4, 4, 4 + len(name)) + name + bytes.fromhex("7fff0400") if path is not None else b""
    return event(pcr, APPLICATION, struct.pack("<QQQQ", 0, 0, 0, len(node)) + node, data)
