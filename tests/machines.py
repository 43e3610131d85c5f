"""A few machines whose logs are known: those of a virtual machine, each with an event of its own, and their values."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING

import evlog
from tests.conftest import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

#: A log of four banks, SHA-1 to SHA-512, without anything behind its last record.
BASE = SAMPLES / "tcg2" / "ovmf.bin"
BANKS = {4: "sha1", 0xB: "sha256", 0xC: "sha384", 0xD: "sha512"}


def log_of(number: int, base: bytes | None = None) -> bytes:
    """The log with one event more, on PCR 9, whose text is the machine's."""
    data = BASE.read_bytes() if base is None else base
    text = b"machine %04d" % number
    digests = b"".join(struct.pack("<H", alg) + hashlib.new(name, text).digest() for alg, name in BANKS.items())
    return data + struct.pack("<III", 9, 0xD, len(BANKS)) + digests + struct.pack("<I", len(text)) + text


def values_of(data: bytes) -> str:
    """A register file with the values that a log leads to, of every register of a TPM."""
    banks: dict[str, dict[str, str]] = {}
    for name in BANKS.values():
        size = hashlib.new(name).digest_size
        banks[name] = {str(number): bytes(size).hex() for number in range(17)}
    for row in evlog.replay(evlog.read(data)).rows:
        if row.register.space == "pcr" and row.value is not None:
            banks[str(row.alg)][str(row.register.index)] = row.value.hex()
    return json.dumps({"pcr": banks})


def fleet(folder: Path, count: int, *, values: bool = False) -> Path:
    """Folders m0000, m0001 ... with ``log.bin``, and ``pcrs.json`` if asked for."""
    for number in range(count):
        home = folder / f"m{number:04d}"
        home.mkdir(parents=True)
        data = log_of(number)
        (home / "log.bin").write_bytes(data)
        if values:
            (home / "pcrs.json").write_text(values_of(data))
    return folder


def rows(lake: Path, table: str) -> list[dict[str, object]]:
    """The rows of a lake that count, in no order."""
    import pyarrow.parquet as pq

    from evlog.tables.lake import files

    return [row for path in files(str(lake))[table] for row in pq.read_table(path).to_pylist()]


def content(lake: Path) -> dict[str, list[str]]:
    """Everything in a lake, comparable."""
    from evlog.tables.schema import TABLES

    return {table: sorted(map(repr, rows(lake, table))) for table in TABLES}
