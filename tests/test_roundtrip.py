"""Every real firmware log is written back byte for byte."""

from __future__ import annotations

import csv
import struct
from typing import TYPE_CHECKING

import pytest

import evlog

if TYPE_CHECKING:
    from pathlib import Path

FIRMWARE = {"tcg2", "ccel", "wbcl", "tcg-sha1"}

#: Logs that are not written back byte for byte, and why.
EXCEPTIONS: dict[str, str] = {}


def firmware_logs(corpus: Path) -> list[Path]:
    """The firmware logs of public projects, those kept as bad aside."""
    with (corpus / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return [corpus / row["file"] for row in rows if row["format"] in FIRMWARE and "malformed" not in row["file"]]


def test_logs_of_virtual_machines(vm: Path) -> None:
    logs = sorted(vm.glob("*/binary_bios_measurements"))
    assert len(logs) >= 13
    assert [str(path) for path in logs if evlog.write(evlog.read(path)) != path.read_bytes()] == []


def test_public_logs(corpus: Path) -> None:
    logs = firmware_logs(corpus)
    assert len(logs) >= 90
    differing = {path.name for path in logs if evlog.write(evlog.read(path)) != path.read_bytes()}
    assert differing == set(EXCEPTIONS)


def test_public_logs_read_back_as_themselves(corpus: Path) -> None:
    for path in firmware_logs(corpus):
        log = evlog.read(path)
        assert evlog.read(evlog.write(log), format=log.format, platform=log.platform) == log, path.name


def test_public_logs_through_json(corpus: Path) -> None:
    for path in firmware_logs(corpus)[::3]:
        log = evlog.read(path)
        back = evlog.read(evlog.write(log, format="evlog-json"))
        assert back == log, path.name
        assert evlog.write(back) == path.read_bytes(), path.name


def test_ccel_and_pcr_logs_are_told_apart(corpus: Path) -> None:
    """The file's name is kept from the reader, which would use it as the last resort."""
    with (corpus / "INDEX.tsv").open() as table:
        rows = {row["file"]: row["format"] for row in csv.DictReader(table, delimiter="\t")}
    told = {path.name: evlog.detect(path.read_bytes()).format for path in firmware_logs(corpus)}
    ccel = {name for name, format in told.items() if format == "ccel"}
    assert ccel == {name for name in told if rows[name] == "ccel"}


@pytest.mark.parametrize(
    ("name", "behind"), [(b"SHA256", b""), (b"SHA256", b"\x11" * 32), (b"sha256", b""), (b"SHA-256", b"")]
)
def test_entries_of_coreboot_keep_their_spelling(name: bytes, behind: bytes) -> None:
    """coreboot, tspi/log.c: 64 bytes for a digest of 32, in memory that nobody cleared."""
    entry = struct.pack("<I10s64sI50s", 2, name, b"\xaa" * 32 + behind, 32, b"CBFS: bootblock")
    data = struct.pack("<HH", 4, 1) + entry + bytes(3 * 132)
    log = evlog.read(data)
    assert (log.format, len(log.events)) == ("coreboot", 1)
    assert log.events[0].digests == (evlog.Digest(evlog.SHA256, b"\xaa" * 32),)
    assert evlog.write(log) == data
    assert evlog.convert(evlog.read(evlog.convert(log, "evlog-json").data), "coreboot").data == data
    other = log.events[0].replace(digests=(evlog.Digest(evlog.SHA256, b"\xbb" * 32),))
    assert b"\xbb" * 32 + bytes(32) in evlog.write(log.replace(events=(other,)))
