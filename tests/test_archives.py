"""Logs in archives and in protocol buffers: each by its name or number, nothing written, no link followed."""

from __future__ import annotations

import base64
import gzip
import io
import json
import struct
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

import evlog
from evlog.errors import EvlogError, ParseError, UnknownFormatError
from evlog.intake import budget
from tests import made
from tests.command import run
from tests.conftest import SAMPLES, SLOWEST
from tests.memory import peak

if TYPE_CHECKING:
    from pathlib import Path

EVIDENCE = SAMPLES / "evidence"
OVMF = (SAMPLES / "tcg2" / "ovmf.bin").read_bytes()
FIRMWARE = made.header("sha256") + made.event(4, 0x80000003, b"kernel", "sha256")
OTHER = made.header("sha256") + made.event(4, 0x80000003, b"another kernel", "sha256")
IMA = (SAMPLES / "ima-ascii" / "legacy.txt").read_bytes()


def tar(files: dict[str, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


LONG = "a-folder-with-a-name/" * 9 + "eventlog"
PACKERS = {
    "ustar": lambda files: tar(files, tarfile.USTAR_FORMAT),
    "gnu": lambda files: tar(files, tarfile.GNU_FORMAT),
    "pax": lambda files: tar(files, tarfile.PAX_FORMAT),
    "tgz": lambda files: gzip.compress(tar(files)),
    "zip": zipped,
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("name", ["eventlog", "./quote/eventlog", LONG, "ünïcode/log"])
def test_one_log_in_an_archive(packer: str, name: str) -> None:
    log = evlog.read(PACKERS[packer]({"nonce": b"abc", "empty": b"", name: FIRMWARE, "z": b"text"}))
    assert log == evlog.read(FIRMWARE)
    path = "/" + name.removeprefix("./")
    assert f"at {path};" in log.findings[0].message


def test_several_logs_in_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "quote.tgz"
    path.write_bytes(gzip.compress(tar({"eventlog": FIRMWARE, "ima": IMA, "quote.out": b"\xff" * 64})))
    ran = run("replay", str(path), "--json")
    assert ran.code == 0
    assert {row["register"] for row in json.loads(ran.out)["registers"]} == {"pcr:4", "pcr:10"}
    ran = run("show", str(path))
    assert (ran.code, "2 logs, /eventlog (tcg2), /ima (ima-ascii); say which (--member PATH)" in ran.err) == (3, True)
    assert run("show", str(path), "--member", "/ima").code == 0
    path.write_bytes(tar({"good": FIRMWARE, "present": OTHER}))
    for command in ("show", "replay", "verify"):
        ran = run(command, str(path), *(["--registers", str(EVIDENCE / "ovmf-pcrread.yaml")] * (command == "verify")))
        assert ran.code == 3
        assert "2 logs, /good (tcg2), /present (tcg2)" in ran.err
    assert evlog.read(path, member="present") == evlog.read(OTHER)


def test_a_document_in_an_archive() -> None:
    document = json.dumps({"log": base64.b64encode(FIRMWARE).decode()}).encode()
    log = evlog.read(gzip.compress(tar({"a/evidence.json": document})))
    assert log == evlog.read(FIRMWARE)
    assert "wrapped in gzip, then tar, then JSON (base64) at /a/evidence.json/log;" in log.findings[0].message


def test_names_are_shown_and_nothing_else() -> None:
    for name in ("../../etc/cron.d/x", "/etc/passwd", "a\x1b[31m\nb"):
        with pytest.raises(ParseError) as refused:
            evlog.read(tar({name: FIRMWARE, "b": OTHER}))
        assert str(refused.value).isprintable()


@pytest.mark.parametrize("packer", ["gnu", "tgz", "zip"])
@pytest.mark.parametrize("key", [False, True])
def test_a_quote_and_its_log_in_an_archive(packer: str, key: bool, tmp_path: Path) -> None:
    """As safeboot has it: the quote, its signature, the values and the key are files of their own."""
    files = {
        "boot/eventlog": OVMF,
        "boot/quote.out": (EVIDENCE / "ovmf-quote.msg").read_bytes(),
        "boot/quote.sig": (EVIDENCE / "ovmf-quote.sig").read_bytes(),
        "boot/quote.pcr": (EVIDENCE / "ovmf-quote.pcrs").read_bytes(),
        "boot/ak.pub": (EVIDENCE / "ovmf-ak.pem").read_bytes(),
    }
    path = tmp_path / "quote"
    path.write_bytes(PACKERS[packer](files))
    ran = run(
        "verify", str(path), "--json", "--require", "0-7", *(["--key", str(EVIDENCE / "ovmf-ak.pem")] if key else [])
    )
    said = json.loads(ran.out)
    assert (ran.code, said["evidence"]["source"], said["evidence"]["anchored"]) == (0, "tpm-quote", key)
    assert said["word"] == ("replayable" if key else "read")
    files["boot/quote.sig"] = files["boot/quote.sig"][:-1] + b"\0"
    path.write_bytes(PACKERS[packer](files))
    assert run("verify", str(path)).code == 1


@pytest.mark.parametrize("packer", ["gnu", "pax", "zip"])
def test_a_damaged_archive_is_an_evlog_error(packer: str) -> None:
    packed = PACKERS[packer]({LONG: FIRMWARE, "b": b"text" * 100})
    for position in (*range(0, len(packed), 7), *range(257, 263)):
        changed = bytearray(packed)
        changed[position] ^= 0x55
        for hostile in (bytes(changed), packed[:position]):
            try:
                evlog.read(hostile)
            except EvlogError:
                pass


def test_a_cut_archive_is_said() -> None:
    packed = tar({"eventlog": FIRMWARE, "b": b"text" * 1000})
    with pytest.raises(ParseError, match="tar archive: 4000 bytes of a file, "):
        evlog.read(packed[: packed.index(b"text") + 100])


def test_a_bomb_in_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LEAST", 0)
    bomb = zipped({"a": bytes(64 << 20)})
    with pytest.raises(ParseError, match="unpacks to over"):
        evlog.read(bomb)


@pytest.mark.parametrize(
    "hostile",
    [
        tar({str(n): b"x" * 50 for n in range(20_000)}),
        tar({"a": b"x"})[:512] * 4096,
        (b"\0" * 257 + b"ustar").ljust(1 << 20, b"\0"),
        b"PK\x03\x04" + bytes(1 << 20),
        b"\x08\x01" * (1 << 19),
        b"\x0a\x00" * (1 << 19),
        b"\x0a\x2a" + (b"\x0a\x2a" * 21 + b"\x0a\x2a" * 20_000),
        b"\x0a" + b"\xff" * (1 << 20),
    ],
    ids=range(8),
)
def test_hostile_archives_take_little(hostile: bytes) -> None:
    def refused() -> None:
        with pytest.raises(EvlogError):
            evlog.read(hostile)

    began = time.process_time()
    refused()
    assert time.process_time() - began < 5 * SLOWEST
    if len(hostile) < 1 << 17:
        assert peak(refused) < 80 * len(hostile) + (20 << 20)


def varint(number: int) -> bytes:
    made = b""
    while number > 0x7F:
        made += bytes([number & 0x7F | 0x80])
        number >>= 7
    return made + bytes([number])


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def attestation(firmware: bytes = FIRMWARE, canonical: bytes = b"") -> bytes:
    """An Attestation of go-tpm-tools: key, two quotes, event log, instance, canonical event log, a report."""
    quote = field(1, b"\xff\x54\x43\x47\x80\x18" + bytes(60)) + field(2, bytes(70)) + field(3, field(1, 11))
    made = field(1, bytes(88)) + field(2, quote) + field(2, quote) + field(3, firmware)
    made += field(4, field(1, b"zone") + field(2, 1 << 63)) + (field(5, canonical) if canonical else b"")
    return made + struct.pack("<BI", 6 << 3 | 5, 7) + struct.pack("<BQ", 7 << 3 | 1, 8)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (attestation(), "/3"),
        (field(9, attestation()), "/9/3"),
        (json.dumps({"attestation": base64.b64encode(attestation()).decode()}).encode(), "/attestation/3"),
        (base64.b64encode(attestation()), "/3"),
        (field(1, FIRMWARE) + field(1, b"x"), "/1[0]"),
    ],
)
def test_a_log_in_a_message(document: bytes, path: str) -> None:
    log = evlog.read(document)
    assert log == evlog.read(FIRMWARE)
    assert f"at {path};" in log.findings[0].message


def test_firmware_and_container_logs_of_one_attestation(tmp_path: Path) -> None:
    cel = evlog.convert(evlog.read(IMA), "cel-tlv").data
    path = tmp_path / "attestation.pb"
    path.write_bytes(attestation(FIRMWARE, cel))
    ran = run("replay", str(path), "--json")
    assert {row["register"] for row in json.loads(ran.out)["registers"]} == {"pcr:4", "pcr:10"}
    assert evlog.read(path, member="/5").format == "cel-tlv"


@pytest.mark.parametrize("cut", [1, 2, 100])
def test_a_message_that_does_not_end_where_the_bytes_do(cut: int) -> None:
    for data in (attestation()[:-cut], attestation() + b"\0"):
        with pytest.raises(UnknownFormatError):
            evlog.read(data)
