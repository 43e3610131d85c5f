"""Logs in wrappings, and wrappings that are traps."""

from __future__ import annotations

import base64
import gzip
import json
import struct
import time
import zlib
from typing import TYPE_CHECKING, NoReturn

import pytest
import zstandard

import evlog
import evlog.formats.ima.ascii
from evlog.errors import ParseError, SourceError, UnknownFormatError
from evlog.intake import budget
from tests import made
from tests.conftest import SAMPLES, SLOWEST
from tests.memory import peak

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = (SAMPLES / "tcg2" / "ovmf.bin").read_bytes()
CCEL = (SAMPLES / "ccel" / "ovmf-tdx.bin").read_bytes()


def evidence(text: str) -> bytes:
    """A document such as attestation services pass around, the log some way down."""
    document = {
        "version": 2,
        "nonce": base64.b64encode(bytes(64)).decode(),
        "reports": [{"quote": base64.b64encode(b"\x17" * 300).decode(), "EventLog": text, "done": True}],
    }
    return json.dumps(document, indent=2).encode()


WRAPPINGS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "base64": (base64.b64encode, "base64"),
    "base64 in lines": (base64.encodebytes, "base64"),
    "base64 without padding": (lambda data: base64.b64encode(data).rstrip(b"="), "base64"),
    "base64url": (base64.urlsafe_b64encode, "base64"),
    "hex": (lambda data: data.hex().encode(), "hex"),
    "HEX in lines": (lambda data: data.hex(" ", 16).upper().replace(" ", "\n").encode(), "hex"),
    "gzip": (gzip.compress, "gzip"),
    "zstd": (zstandard.compress, "zstd"),
    "JSON with base64": (lambda data: evidence(base64.b64encode(data).decode()), "JSON (base64)"),
    "JSON with hex": (lambda data: evidence(data.hex()), "JSON (hex)"),
    "base64 of gzip": (lambda data: base64.b64encode(gzip.compress(data)), "base64, then gzip"),
    "JSON list": (lambda data: json.dumps([1, [base64.b64encode(data).decode()]]).encode(), "JSON (base64)"),
}


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("data", [LOG, CCEL], ids=["tcg2", "ccel"])
def test_a_wrapped_log_is_the_log(name: str, data: bytes) -> None:
    wrap, told = WRAPPINGS[name]
    log = evlog.read(wrap(data))
    assert log == evlog.read(data)
    assert evlog.write(log) == data
    notes = [finding for finding in log.findings if finding.code == "wrapped"]
    assert [finding.severity for finding in notes] == ["note"]
    assert f"wrapped in {told}" in notes[0].message


def test_a_given_format_is_looked_for_in_the_wrapping() -> None:
    log = evlog.read(gzip.compress(LOG), format="tcg2")
    assert log == evlog.read(LOG)
    assert [finding.code for finding in log.findings] == ["wrapped"]
    with pytest.raises(ParseError, match="record 0 is not a Spec ID Event03"):
        evlog.read(b"no log, wrapped or not", format="tcg2")


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_joined_streams_are_read_to_the_end(compress: Callable[[bytes], bytes]) -> None:
    assert evlog.read(compress(LOG[:1000]) + compress(LOG[1000:])) == evlog.read(LOG)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_cut_stream_is_refused(compress: Callable[[bytes], bytes]) -> None:
    packed = compress(LOG)
    for length in (len(packed) - 1, len(packed) // 2, 12):
        with pytest.raises(ParseError, match="stream"):
            evlog.read(packed[:length])


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_bytes_after_a_stream_are_refused(compress: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ParseError, match=r"7 bytes after the (gzip|zstd) stream"):
        evlog.read(compress(LOG) + b"garbage")
    assert evlog.read(compress(LOG) + bytes(512)) == evlog.read(LOG)


@pytest.mark.parametrize(
    "compress", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress], ids=["gzip", "zstd"]
)
def test_a_damaged_stream_is_an_evlog_error(compress: Callable[[bytes], bytes]) -> None:
    packed = compress(LOG[:1500])
    whole = evlog.read(packed)
    for position in range(len(packed)):
        damaged = bytearray(packed)
        damaged[position] ^= 0x55
        try:
            log = evlog.read(bytes(damaged))
        except ParseError:
            continue
        assert log == whole, "only a byte that means nothing may change without a word"


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_bomb_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "LEAST", 0)
    zeros = bytes(64 << 20)
    bomb = gzip.compress(zeros, 9) if name == "gzip" else zstandard.compress(zeros)
    assert len(bomb) < 70_000
    with pytest.raises(ParseError, match=f"unpacks to over {65 * len(bomb)} bytes"):
        evlog.read(bomb)


def test_wrappings_have_a_bottom() -> None:
    data = LOG
    for _ in range(6):
        data = gzip.compress(data)
    with pytest.raises(UnknownFormatError):
        evlog.read(data)


def test_a_string_that_looks_packed_does_not_hide_the_log() -> None:
    broken = base64.b64encode(gzip.compress(bytes(1000))[:-4]).decode().ljust(64, "A")
    document = json.dumps({"a": broken, "b": base64.b64encode(LOG).decode()}).encode()
    assert evlog.read(document) == evlog.read(LOG)


@pytest.mark.parametrize(
    "data",
    [
        b'{"EventLog": "not base64 at all, although it is long enough to be some kind of a log"}',
        b'{"EventLog": 12}',
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a": ' + b"1" * 10_000 + b"}",
        base64.b64encode(b"some bytes that are no log, however often they are decoded"),
        b"ab" * 100,
        b"=" * 100,
        zlib.compress(LOG),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_holds_no_log_is_no_known_format(data: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        evlog.read(data)


def test_many_strings_are_tried_in_bounded_time() -> None:
    document = json.dumps([base64.b64encode(number.to_bytes(48, "big")).decode() for number in range(200_000)])
    began = time.process_time()
    with pytest.raises(ParseError, match="more than 16384 values in it may be a log"):
        evlog.read(document.encode())
    assert time.process_time() - began < 5 * SLOWEST
    began = time.process_time()
    with pytest.raises(UnknownFormatError):
        evlog.read(b"[" + b"[]," * 1_000_000 + b"[]]")
    assert time.process_time() - began < 5 * SLOWEST


@pytest.mark.parametrize("name", ["acpi-ccel.bin", "acpi-tpm2.bin"])
def test_a_table_that_points_to_a_log_says_so(name: str) -> None:
    with pytest.raises(UnknownFormatError, match="it only points to the log, which Linux shows under"):
        evlog.read(SAMPLES / "bad" / name)


FINAL = (
    made.event(5, 0x80000007, b"Exit Boot Services Invocation", "sha1", "sha256"),
    made.event(5, 0x80000007, b"Exit Boot Services Returned with Success", "sha1", "sha256"),
)


@pytest.mark.parametrize("behind", [b"", bytes(64), b"\xff" * 64])
def test_a_table_of_final_events(behind: bytes) -> None:
    """EFI_TCG2_FINAL_EVENTS_TABLE: version, number of events, and TCG_PCR_EVENT2 without a header before them."""
    log = evlog.read(struct.pack("<QQ", 1, 2) + b"".join(FINAL) + behind)
    assert (log.format, [str(alg) for alg in log.algorithms]) == ("tcg2", ["sha1", "sha256"])
    assert [str(event.register) for event in log.events] == ["pcr:5", "pcr:5"]
    assert [finding.message for finding in log.findings] == [
        "the log is wrapped in an EFI final events table; offsets count in the log"
    ]
    assert evlog.write(log) == b"".join(FINAL) + behind


def test_final_events_of_a_confidential_machine() -> None:
    """EFI_CC_FINAL_EVENTS_TABLE has the same shape, and measurement registers."""
    event = made.event(2, 0x80000007, b"Exit Boot Services Invocation", "sha384")
    log = evlog.read(struct.pack("<QQ", 1, 1) + event)
    assert (log.format, str(log.events[0].register)) == ("ccel", "ccmr:2")
    assert evlog.read(struct.pack("<QQ", 1, 1) + event, space="pcr").format == "tcg2"


def test_linux_table_of_the_log() -> None:
    """struct linux_efi_tpm_eventlog: size, bytes of final events in it, version, log."""
    log = evlog.read(struct.pack("<IIB", len(LOG), 0, 2) + LOG)
    assert log == evlog.read(LOG).replace(findings=log.findings)
    assert [finding.code for finding in log.findings] == ["wrapped"]


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<QQ", 1, 0) + b"".join(FINAL),
        struct.pack("<QQ", 2, 2) + b"".join(FINAL),
        struct.pack("<QQ", 1, 2) + FINAL[0] + b"\x55" * 64,
        struct.pack("<QQ", 1, 1) + FINAL[0][:-1],
        struct.pack("<IIB", len(LOG) - 1, 0, 2) + LOG,
        struct.pack("<QQ", 1, 1) + made.event(5, 0x12345678, b"x", "sha256"),
    ],
)
def test_what_is_no_table(data: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        evlog.read(data)


def frame(byte: int, blocks: int) -> bytes:
    """A zstd frame (RFC 8878) of so many RLE blocks: 128 KiB of one byte from four bytes each."""
    made = [struct.pack("<I", (131072 << 3) | 2 | (n == blocks - 1))[:3] + bytes([byte]) for n in range(blocks)]
    return b"\x28\xb5\x2f\xfd\x80\x68" + struct.pack("<I", blocks * 131072) + b"".join(made)


@pytest.mark.parametrize(
    "document",
    [
        json.dumps([base64.b64encode(frame(n, 100)).decode() for n in range(40)]).encode(),
        json.dumps({"a": base64.b64encode(gzip.compress(frame(1, 2000))).decode()}).encode(),
        gzip.compress(gzip.compress(gzip.compress(bytes(40 << 20)))),
    ],
    ids=["strings", "layers in a string", "layers"],
)
def test_one_budget_for_a_whole_call(document: bytes) -> None:
    """Each string or layer alone is within bounds; together they are not, and the first is not all that counts."""
    allowed = max(budget.LEAST, budget.RATIO * len(document)) + len(document)

    def refused() -> None:
        with pytest.raises(ParseError, match=f"unpacks to over {allowed} bytes"):
            evlog.read(document)

    assert peak(refused) < 2 * allowed + (40 << 20)


def test_a_log_before_a_bomb_is_not_all_that_counts() -> None:
    document = json.dumps({"log": base64.b64encode(LOG).decode(), "b": base64.b64encode(frame(0, 999)).decode()})
    with pytest.raises(ParseError, match="unpacks to over"):
        evlog.read(document.encode())


def test_one_budget_for_evidence() -> None:
    document = json.dumps([base64.b64encode(frame(n, 40)).decode() for n in range(8)]).encode()
    with pytest.raises(ParseError, match="unpacks to over"):
        evlog.read_registers(document)


def test_a_log_of_the_least_size_unpacks_from_next_to_nothing() -> None:
    """Padding packs well."""
    padded = LOG + bytes((16 << 20) - len(LOG))
    assert evlog.read(gzip.compress(padded)) == evlog.read(padded)


def test_a_document_of_many_values_takes_no_memory_for_each() -> None:
    document = b'["' + base64.b64encode(LOG) + b'"' + b",[]" * (1 << 19) + b"]"
    assert peak(lambda: evlog.read(document)) < 4 * len(document) + (4 << 20)


def test_a_document_of_too_many_values_is_refused() -> None:
    """Each takes its time."""
    began = time.process_time()
    with pytest.raises(ParseError, match="more than 2097152 values in a JSON document"):
        evlog.read(b'["' + base64.b64encode(LOG) + b'"' + b",[]" * (1 << 22) + b"]")
    assert time.process_time() - began < 8 * SLOWEST


def test_no_memory_is_an_evlog_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(evlog.formats.ima.ascii, "sniff", full)
    with pytest.raises(SourceError, match="not enough memory to read it"):
        evlog.read(b"no log")
    monkeypatch.setattr("evlog.intake.registers._claimed", full)
    with pytest.raises(SourceError, match="not enough memory to read it"):
        evlog.read_registers(b"no evidence")
